"""Indexing, and its adjoint: what was read from a place gives its gradient back to that place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, ShapeError
from tinygrad_edu.op import op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__ = ["gather"]


def plain_index(index: Any) -> Any:
    """The index with arrays in place of tensors, checked for what PyTorch refuses."""
    if isinstance(index, tuple):
        return tuple([plain_index(part) for part in index])
    if isinstance(index, slice):
        parts = [None if p is None else int(p) for p in (index.start, index.stop, index.step)]
        if parts[2] is not None and parts[2] <= 0:
            raise DimensionError(
                f"index: expected a slice with a positive step, got step {parts[2]}; use flip()"
            )
        return slice(*parts)
    if isinstance(index, Tensor):
        index = index.array
    elif isinstance(index, np.ndarray):
        index = index.copy()  # a write to the caller's array would go unnoticed in backward
    elif isinstance(index, list):
        index = np.array([plain_index(part) for part in index])
        index = index.astype(np.int64) if not index.size else index
    if isinstance(index, np.ndarray) and index.ndim == 0 and index.dtype.kind in "iu":
        return int(index)  # as an integer it gives a view, as in PyTorch
    if isinstance(index, np.ndarray) and index.dtype.kind not in "iub":
        raise DTypeError(
            f"index: expected integers, bools, slices, None or Ellipsis, got {index.dtype}"
        )
    return index


def is_basic(index: Any) -> bool:
    """Whether NumPy reads this index as a view (no arrays, no bools)."""
    parts = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(part, (np.ndarray, bool, np.bool_)) for part in parts)


@op(dtype=None, view=True)
def getitem(input: Any, /, index: Any) -> Any:
    """The elements at an index: integers, slices, None, Ellipsis, arrays, masks, as in NumPy.

    Gradient: g, added at the places read; a place read twice gets the sum.
    Errors: DimensionError outside the range or for a negative step, DTypeError for floats.
    """
    out = input[index]
    if isinstance(out, np.ndarray):
        return out
    parts = index if isinstance(index, tuple) else (index,)
    return input[(*parts, ...)]  # NumPy copies a single element unless it is asked for a view


@getitem.rule
def getitem_rule(g, input_shape, index):
    return scatter_index(g, input_shape, index)


@op(dtype=None)
def scatter_index(input: Any, /, shape: tuple, index: Any) -> Any:
    """Zeros of this shape to which `input` is added at an index: the adjoint of indexing.

    Gradient: g at the index.
    """
    out = np.zeros(shape, input.dtype)
    rows = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    if is_basic(index):
        out[index] = input
    elif isinstance(rows, np.ndarray) and rows.dtype.kind in "iu" and out.size:
        # Negative ones count from the end.
        add_rows(out.reshape(shape[0], -1), rows.reshape(-1) % shape[0], input)
    else:
        np.add.at(out, index, input)
    return out


@scatter_index.rule
def scatter_index_rule(g, index):
    return getitem(g, index)


def integers_first(index: Any, ndim: int) -> tuple[tuple | None, Any]:
    """The integers of an index that also has arrays, and what is left of it when they are done.

    PyTorch takes them so; for NumPy they are arrays, which move the dims of the result about. So
    does an Ellipsis that stands for no dim at all: it is left out.
    """
    if is_basic(index):
        return None, index
    parts = index if isinstance(index, tuple) else (index,)
    if sum(map(_width, parts)) == ndim:
        parts = tuple([part for part in parts if part is not Ellipsis])
    numbers = [isinstance(p, (int, np.integer)) and not isinstance(p, bool) for p in parts]
    if not any(numbers):
        return None, parts
    first: list[Any] = []
    for part, number in zip(parts, numbers, strict=True):
        alone = number or part is Ellipsis
        first += [part] if alone else [slice(None)] * _width(part)
    return tuple(first), tuple([p for p, number in zip(parts, numbers, strict=True) if not number])


def _width(part: Any) -> int:
    """How many dims a part of an index reads."""
    if isinstance(part, np.ndarray) and part.dtype.kind == "b":
        return part.ndim
    return 0 if part is None or part is Ellipsis or isinstance(part, (bool, np.bool_)) else 1


def _read(self: Tensor, index: Any) -> Tensor:
    first, index = integers_first(plain_index(index), self.ndim)
    return getitem(self if first is None else getitem(self, first), index)


Tensor.__getitem__ = _read  # type: ignore[method-assign]


def index_array(index: Any, argument: str = "index") -> np.ndarray:
    """An index of integers as an array, checked."""
    array = index.array if isinstance(index, Tensor) else np.asarray(index)
    if not array.size:
        return array.astype(np.int64)
    if array.dtype not in (np.int64, np.int32):
        raise DTypeError(
            f"argument {argument!r}: expected a tensor of int64 or int32, got "
            f"{array.dtype if hasattr(index, 'dtype') else type(index).__name__}"
        )
    return array


def check_range(index: np.ndarray, size: int) -> None:
    """Refuse places outside a dim; negative ones too, as PyTorch does where it is no subscript."""
    if index.size and not (index.min() >= 0 and index.max() < size):
        raise DimensionError(
            f"argument 'index': expected 0 to {size - 1}, got {index.min()} to {index.max()}"
        )


def places_along(shape: tuple, dim: int, index: Any) -> tuple:
    """The full subscript for `index` along `dim` and its own place elsewhere.

    It is for an array of this shape with at least one dim: a 0-d tensor counts as a vector of one.
    """
    index = index_array(index)
    axis, sizes = dims.one(dim, len(shape)), shape or (1,)
    if not index.size:
        return (np.zeros(0, np.int64),) * len(sizes)
    index = index.reshape(1) if index.ndim == 0 else index
    fits = index.ndim == len(sizes) and all(
        n <= m or i == axis for i, (n, m) in enumerate(zip(index.shape, sizes, strict=True))
    )
    if not fits:
        raise ShapeError(
            f"argument 'index': expected {len(sizes)} dimensions, none larger than in shape "
            f"{shape} but dim {dim}, got shape {index.shape}"
        )
    check_range(index, sizes[axis])
    return at_each_place(index, axis)


def at_each_place(index: np.ndarray, axis: int) -> tuple:
    """The full subscript for `index` along an axis and its own place along the others."""
    after = range(index.ndim - 1, -1, -1)
    grid = [np.arange(n).reshape(-1, *(1,) * k) for n, k in zip(index.shape, after, strict=True)]
    grid[axis] = index
    return tuple(grid)


def flat_places(places: tuple, shape: tuple) -> np.ndarray:
    """The numbers of elements of an array of this shape, from their places along its dims."""
    flat = places[0]
    for place, n in zip(places[1:], shape[1:], strict=True):
        flat = flat * n + place
    return flat


@op(method="gather", dtype=None)
def gather(input: Any, /, dim: int, index: Any) -> Any:
    """The elements at `index` along `dim`: out[i][j] = input[index[i][j]][j] for dim 0.

    Shapes: the result has the shape of `index`. Gradient: g, added at the places read.

    >>> import tinygrad_edu as tg
    >>> tg.gather(tg.tensor([[1, 2], [3, 4]]), 1, tg.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """
    place = places_along(input.shape, dim, index)
    return np.atleast_1d(input)[place].reshape(index_array(index).shape)


@gather.rule
def gather_rule(g, input_shape, dim, index):
    return scatter_along(g, input_shape, dim, index)


@op(dtype=None)
def scatter_along(input: Any, /, shape: tuple, dim: int, index: Any) -> Any:
    """Zeros of this shape to which `input` is added at `index` along `dim`: adjoint of `gather`.

    Gradient: g gathered at the index.
    """
    out = np.zeros(shape or (1,), input.dtype)
    rows = flat_places(places_along(shape, dim, index), out.shape)
    add_rows(out.reshape(-1, 1), rows.reshape(-1), input.reshape(-1, 1))
    return out.reshape(shape)


@scatter_along.rule
def scatter_along_rule(g, input_shape, dim, index):
    return reshape(gather(g, dim, index), input_shape)


def add_rows(out: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """Add each row of `values` to the row of `out` with its number; what meets adds up.

    `out` is contiguous. Element by element through one flat index: NumPy is five times faster so.
    """
    width = out.shape[1]
    places = rows if width == 1 else (rows[:, None] * width + np.arange(width)).reshape(-1)
    np.add.at(out.reshape(-1), places, values.reshape(-1))
