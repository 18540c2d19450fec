"""Repetition: of whole tensors, of elements, of dims until shapes agree."""

from __future__ import annotations

from operator import index as integer
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.scatter import index_select
from tinygrad_edu.ops.shape import expand, reshape, sequence, transpose, unpacked
from tinygrad_edu.tensor import Tensor

__all__ = ["broadcast_tensors", "meshgrid", "repeat_interleave", "tile"]


@op(method="repeat", dtype=None, varargs=True)
def repeat(input: Any, /, repeats: Any) -> Any:
    """The tensor repeated along each dim; more numbers than dims put new dims in front.

    Gradient: g, summed over the repetitions. Errors: ShapeError for fewer numbers than dims.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    if len(_times(repeats)) < input.ndim:
        raise ShapeError(
            f"argument 'repeats': expected a number for each dim of shape {input.shape}, got "
            f"{repeats}"
        )
    return _tiled(input, "repeats", repeats)


@repeat.rule
def repeat_rule(g, input_shape, repeats):
    return _summed(g, input_shape, repeats)


@op(method="tile", dtype=None, varargs=True)
def tile(input: Any, /, dims: Any) -> Any:
    """The tensor repeated along each dim, `dims` times; missing numbers in front are 1.

    Gradient: g, summed over the repetitions.

    >>> import tinygrad_edu as tg
    >>> tg.tile(tg.tensor([[1, 2]]), (2,))
    tensor([[1, 2, 1, 2]])
    """
    return _tiled(input, "dims", dims)


@tile.rule
def tile_rule(g, input_shape, dims):
    return _summed(g, input_shape, dims)


def _times(counts: Any) -> tuple:
    return tuple([integer(n) for n in (counts if hasattr(counts, "__iter__") else (counts,))])


def _tiled(input: np.ndarray, argument: str, counts: Any) -> np.ndarray:
    if any(n < 0 for n in _times(counts)):
        raise ShapeError(
            f"argument {argument!r}: expected numbers of at least 0 for shape {input.shape}, got "
            f"{counts}"
        )
    return np.tile(input, _times(counts))


def _summed(g: Any, shape: tuple, counts: Any) -> Any:
    """The adjoint of repeating: each dim as (repetitions, size), and the repetitions summed."""
    times = _times(counts)
    ndim = max(len(times), len(shape))
    times, sizes = [(1,) * (ndim - len(t)) + tuple(t) for t in (times, shape)]
    g = reshape(g, tuple([n for pair in zip(times, sizes, strict=True) for n in pair]))
    for i in range(ndim):  # one dim after the other: NumPy is several times faster so
        g = g.sum(axis=i)
    return reshape(g, shape)


@op(name="repeat_interleave", dtype=None)
def repeated_places(repeats: Any, /) -> Any:
    """0 as often as the first number says, 1 as often as the second, ...; no gradient."""
    if repeats.ndim != 1 or repeats.dtype.kind not in "iu" or (repeats < 0).any():
        raise ShapeError(
            "argument 'repeats': expected a vector of integers of at least 0, got "
            f"{repeats.dtype} of shape {repeats.shape}"
        )
    return np.repeat(np.arange(len(repeats), dtype=repeats.dtype), repeats)


@composite(method="repeat_interleave")
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each place along `dim` (of the flattened tensor if None) as often as `repeats` says.

    `repeats` is a number or a tensor of one number for each place; a tensor alone stands for it,
    and the places come back. `output_size`, the size that comes out, is checked.
    Gradient: g, summed over the repetitions.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    >>> tg.repeat_interleave(tg.tensor([[1, 2], [3, 4]]), tg.tensor([1, 2]), dim=0)
    tensor([[1, 2],
            [3, 4],
            [3, 4]])
    """
    if repeats is None:
        return repeated_places(input)
    whole = reshape(input, (-1,)) if dim is None or input.ndim == 0 else input
    axis = 0 if dim is None else dims.one(dim, input.ndim)
    counts = repeats.array if isinstance(repeats, Tensor) else np.asarray(repeats)
    if counts.ndim > 1 or (counts.size != 1 and counts.size != whole.shape[axis]):
        raise ShapeError(
            f"repeat_interleave: argument 'repeats': expected a number, or one for each of "
            f"{whole.shape[axis]} places, got shape {counts.shape}"
        )
    places = repeated_places(np.broadcast_to(counts.reshape(-1), whole.shape[axis]))
    if output_size is not None and len(places) != output_size:
        raise ShapeError(
            f"repeat_interleave: argument 'output_size': expected {len(places)}, got {output_size}"
        )
    if counts.size != 1 or not places.size:
        return index_select(whole, axis, places)
    shape = whole.shape  # each place as often as the others: a repetition along a new dim
    times = (1,) * (axis + 1) + (counts.item(),) + (1,) * (len(shape) - axis - 1)
    beside = reshape(whole, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    return reshape(repeat(beside, times), (*shape[:axis], len(places), *shape[axis + 1 :]))


@composite
def broadcast_tensors(*tensors: Any) -> tuple:
    """The tensors expanded to the shape that all of them broadcast to, as views.

    Gradient: g of each result, summed over the repeated dims.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.broadcast_tensors(tg.zeros(2, 1), tg.ones(3))
    >>> a.shape, b.shape
    ((2, 3), (2, 3))
    """
    parts = sequence("broadcast_tensors", unpacked(tensors))
    try:
        shape = np.broadcast_shapes(*[x.shape for x in parts])
    except ValueError:
        raise ShapeError(
            "broadcast_tensors: expected shapes that broadcast (counted from the last dimension, "
            f"sizes equal or 1), got {', '.join(str(x.shape) for x in parts)}"
        ) from None
    return tuple([expand(x, shape) for x in parts])


@composite
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple:
    """Grids of coordinates: the i-th result varies along the i-th dim as the i-th vector says.

    With `indexing="xy"` the first two dims are exchanged, as in a picture. The results are views.
    Gradient: g of each result, summed over the other dims. Errors: ShapeError for more than one
    dim, DTypeError for different dtypes.

    >>> import tinygrad_edu as tg
    >>> y, x = tg.meshgrid(tg.arange(2), tg.arange(3), indexing="ij")
    >>> x
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    parts = sequence("meshgrid", unpacked(tensors))
    if indexing not in ("ij", "xy"):
        raise SettingError(
            f"meshgrid: argument 'indexing': expected 'ij' or 'xy', got {indexing!r}"
        )
    if any(x.ndim > 1 for x in parts):
        raise ShapeError(
            "meshgrid: expected tensors of at most one dimension, got shapes "
            f"{', '.join(str(x.shape) for x in parts)}"
        )
    if len({x.dtype for x in parts}) > 1:
        got = " and ".join(str(x.dtype) for x in parts)
        raise DTypeError(f"meshgrid: expected tensors of one dtype, got {got}")
    n = len(parts)
    lines = [reshape(x, (-1,) + (1,) * (n - 1 - i)) for i, x in enumerate(parts)]
    shape = tuple([x.shape[0] for x in lines])
    grids = [expand(x, shape) for x in lines]
    swap = indexing == "xy" and n > 1
    return tuple([transpose(x, 0, 1) if swap else x for x in grids])
