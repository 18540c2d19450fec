"""More shapes: dims merged, split, moved and turned round; tensors set beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from operator import index as integer
from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims as places
from tinygrad_edu.ops.convert import contiguous
from tinygrad_edu.ops.parts import axis_of
from tinygrad_edu.ops.shape import cat, permute, reshape, sequence, unpacked

__all__ = [
    "atleast_1d", "atleast_2d", "flip", "hstack", "moveaxis", "movedim", "ravel", "roll",
    "stack", "unflatten", "vstack",
]  # fmt: skip


@composite(method="reshape_as")
def reshape_as(input: Any, other: Any) -> Any:
    """The elements in the shape of `other`. Gradient: g in the input's shape.

    >>> import tinygrad_edu as tg
    >>> tg.arange(4).reshape_as(tg.ones(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return reshape(input, other.shape)


@composite(method="ravel")
def ravel(input: Any) -> Any:
    """The elements in one contiguous vector; a view if they lie so. Gradient: g in the shape.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3).ravel().shape
    (6,)
    """
    return reshape(contiguous(input), (-1,))


@composite(method="unflatten")
def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """One dim as several of these sizes, of which one may be -1; a view.

    Gradient: g in the input's shape. Errors: ShapeError if the sizes do not multiply to the dim's.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 12).unflatten(1, (3, -1)).shape
    (2, 3, 4)
    """
    axis, shape = axis_of("unflatten", input, dim), input.shape
    size, sizes = shape[axis], tuple(map(integer, sizes))
    known = prod(n for n in sizes if n != -1)
    if sizes.count(-1) == 1 and known and size % known == 0:
        sizes = tuple([size // known if n == -1 else n for n in sizes])
    if not sizes or any(n < 0 for n in sizes) or prod(sizes) != size:
        raise ShapeError(
            f"unflatten: argument 'sizes': expected sizes that multiply to {size}, the size of dim "
            f"{dim} of shape {input.shape}, got {sizes}"
        )
    return reshape(input, (*shape[:axis], *sizes, *shape[axis + 1 :]))


@composite(method=("movedim", "moveaxis"))
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """The dims `source` moved to the places `destination`, the others in order; a view.

    Gradient: g with the dims moved back. Errors: DimensionError if a dim is named twice, or if
    the numbers of dims differ.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3, 4).movedim(0, -1).shape
    (3, 4, 2)
    """
    pairs = [x if isinstance(x, (tuple, list)) else (x,) for x in (source, destination)]
    taken, put = [[places.one(d, input.ndim) for d in part] for part in pairs]
    if len(taken) != len(put) or len({*taken}) < len(taken) or len({*put}) < len(put):
        raise DimensionError(
            "movedim: expected as many different dims in 'source' as in 'destination', got "
            f"{source} and {destination}"
        )
    order = [d for d in range(input.ndim) if d not in taken]
    for to, d in sorted(zip(put, taken, strict=True)):
        order.insert(to, d)
    return permute(input, tuple(order[: input.ndim]))


moveaxis = movedim


@op(method="flip", dtype=None, varargs=True)
def flip(input: Any, /, dims: Any) -> Any:
    """The elements in reverse order along each of `dims`; a copy. Gradient: g, reversed.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1, 2], [3, 4]]).flip(0)
    tensor([[3, 4],
            [1, 2]])
    """
    chosen = places.several(dims, input.ndim) if dims != () else ()
    return np.flip(input, chosen).copy()


@flip.rule
def flip_rule(g, dims):
    return flip(g, dims)


@op(method="roll", dtype=None)
def roll(input: Any, /, shifts: Any, dims: Any = None) -> Any:
    """The elements moved on by `shifts` along `dims`; what leaves at the end comes in in front.

    Without `dims` the tensor is rolled as if it were flat. Gradient: g, rolled back.
    Errors: ShapeError if there are not as many shifts as dims.

    >>> import tinygrad_edu as tg
    >>> tg.arange(4).roll(1)
    tensor([3, 0, 1, 2])
    """
    steps, axes = _listed(shifts), _listed(dims)
    if len(steps) != len(axes or (0,)):
        raise ShapeError(f"argument 'shifts': expected one for each dim of {dims}, got {shifts}")
    if not axes:
        return np.roll(input, steps[0])
    return np.roll(input, steps, tuple([axis_of("roll", input, d) for d in axes]))


@roll.rule
def roll_rule(g, shifts, dims):
    return roll(g, tuple([-n for n in _listed(shifts)]), dims)


def _listed(value: Any) -> tuple:
    if value is None:
        return ()
    return tuple(map(integer, value)) if hasattr(value, "__iter__") else (integer(value),)


def _extended(input: Any, ndim: int) -> Any:
    new = ndim - input.ndim
    return reshape(input, (1,) * new + input.shape) if new > 0 else input


def _at_least(ndim: int) -> Callable:
    name, words = f"atleast_{ndim}d", "one dim" if ndim == 1 else "two dims"

    def extend(*tensors: Any) -> Any:
        parts = sequence(name, unpacked(tensors))
        found = [_extended(x, ndim) for x in parts]
        return found[0] if len(tensors) == 1 and parts[0] is tensors[0] else tuple(found)

    extend.__name__ = extend.__qualname__ = name
    extend.__doc__ = f"""The tensor with at least {words}: new ones of size 1 come first.

    Of several tensors, or a list of them, a tuple. Gradient: g in the input's shape.

    >>> import tinygrad_edu as tg
    >>> tg.{name}(tg.tensor(5))
    tensor({"[" * ndim}5{"]" * ndim})
    """
    return composite(extend)


atleast_1d = _at_least(1)
atleast_2d = _at_least(2)


@op(name="stack")
def pile(*tensors: Any, dim: int = 0) -> Any:
    """Tensors side by side along a new dim; the op behind `stack`.

    Gradient: to each tensor its part of g.
    """
    axis = places.one(dim, tensors[0].ndim + 1)
    new = (*(slice(None),) * axis, None)
    return np.concatenate([x[new] for x in tensors], axis)


@pile.rule
def pile_rule(g, dim, need):
    before = (slice(None),) * places.one(dim, g.ndim)
    return [g[(*before, i)] if needed else None for i, needed in enumerate(need)]


@composite
def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape side by side along a new dim.

    Gradient: to each tensor its part of g. Errors: ShapeError if the shapes differ.

    >>> import tinygrad_edu as tg
    >>> tg.stack([tg.ones(2), tg.zeros(2)], dim=1)
    tensor([[1., 0.],
            [1., 0.]])
    """
    parts = sequence("stack", tensors)
    for i, x in enumerate(parts):
        if x.shape != parts[0].shape:
            raise ShapeError(
                f"stack: expected tensors of one shape, got {parts[0].shape} and, at {i}, {x.shape}"
            )
    return pile(*parts, dim=dim)


@composite
def hstack(tensors: Sequence[Any]) -> Any:
    """Tensors side by side: along dim 1, vectors along dim 0. Gradient: to each its part of g.

    >>> import tinygrad_edu as tg
    >>> tg.hstack([tg.tensor([[1], [2]]), tg.tensor([[3], [4]])])
    tensor([[1, 3],
            [2, 4]])
    """
    parts = [_extended(x, 1) for x in sequence("hstack", tensors)]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


@composite
def vstack(tensors: Sequence[Any]) -> Any:
    """Tensors one below the other: along dim 0, vectors as rows. Gradient: to each its part of g.

    >>> import tinygrad_edu as tg
    >>> tg.vstack([tg.tensor([1, 2]), tg.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([_extended(x, 2) for x in sequence("vstack", tensors)], 0)
