"""Shapes: the same elements seen in another shape, joined, or repeated without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.views import View

__all__ = [
    "broadcast_to", "cat", "concat", "concatenate", "expand", "flatten", "permute", "reshape",
    "squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze", "view",
]  # fmt: skip


@op(method="reshape", dtype=None, view=True, varargs=True)
def reshape(input: Any, /, shape: Any) -> Any:
    """The elements in another shape; one size may be -1. A view if the memory order allows it.

    Gradient: g in the input's shape. Errors: ShapeError if the numbers of elements differ.

    >>> import tinygrad_edu as tg
    >>> tg.arange(4).reshape(2, -1)
    tensor([[0, 1],
            [2, 3]])
    """
    return np.reshape(input, shape)


@reshape.rule
def reshape_rule(g, input_shape):
    return reshape(g, input_shape)


@op(name="view", dtype=None, view=True)
def seen_as(input: Any, /, shape: Any) -> Any:
    """The elements in another shape, sharing memory: behind `view`. Gradient: as of `view`."""
    try:
        return np.reshape(input, shape, copy=False)
    except ValueError as error:
        if "copy" not in str(error):
            raise
        raise ShapeError(
            f"view: shape {input.shape} with this memory order cannot be seen as {shape} without "
            "a copy; use reshape()"
        ) from None


@seen_as.rule
def seen_as_rule(g, input_shape):
    return reshape(g, input_shape)


@composite(method="view")
def view(input: Any, shape: Any, *more: int) -> Any:
    """The elements in another shape, sharing memory; one size may be -1.

    Gradient: g in the input's shape. Errors: ShapeError if the numbers of elements differ, or if
    the memory order would need a copy: use reshape(). (Only the order that a convolution chose for
    its result is changed for the view's sake.)

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros(4); x.view(2, 2)[0] = 1; x
    tensor([1., 1., 0., 0.])
    """
    if isinstance(input, Tensor) and input.ndim == 4 and not isinstance(input.alias, View):
        array = input.array
        if array.transpose(0, 2, 3, 1).flags.c_contiguous and not array.flags.c_contiguous:
            View.forget(input)
            input.array = np.ascontiguousarray(array)
    return seen_as(input, (shape, *more) if more else shape)


@composite(method="view_as")
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """The elements in the shape of `other`, sharing memory. Gradient: g in the input's shape.

    >>> import tinygrad_edu as tg
    >>> tg.arange(4).view_as(tg.ones(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return view(input, other.shape)


@composite(method="flatten")
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dims from `start_dim` to `end_dim` merged into one.

    Gradient: g in the input's shape.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3, 4).flatten(1).shape
    (2, 12)
    """
    first, last = dims.one(start_dim, input.ndim), dims.one(end_dim, input.ndim)
    if first > last:
        raise ShapeError(
            f"flatten: expected start_dim <= end_dim, got {start_dim} and {end_dim} for shape "
            f"{input.shape}"
        )
    if input.ndim == 0:
        return reshape(input, (1,))
    shape = input.shape
    merged = int(np.prod(shape[first : last + 1], dtype=int))
    return input if first == last else reshape(input, (*shape[:first], merged, *shape[last + 1 :]))


@op(method=("transpose", "swapaxes", "swapdims"), dtype=None, view=True)
def transpose(input: Any, /, dim0: int, dim1: int) -> Any:
    """Two dims exchanged; a view. Gradient: g with the same dims exchanged.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3, 4).transpose(0, -1).shape
    (4, 3, 2)
    """
    first, second = dims.one(dim0, input.ndim), dims.one(dim1, input.ndim)
    return np.swapaxes(input, first, second) if input.ndim else input[...]


@transpose.rule
def transpose_rule(g, dim0, dim1):
    return transpose(g, dim0, dim1)


swapaxes = swapdims = transpose


@op(method="permute", dtype=None, view=True, varargs=True)
def permute(input: Any, /, dims: Any) -> Any:
    """The dims in another order; a view. Gradient: g with the order undone.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3, 4).permute(2, 0, 1).shape
    (4, 2, 3)
    """
    return np.transpose(input, dims)


@permute.rule
def permute_rule(g, dims):
    return permute(g, tuple(int(i) for i in np.argsort([d % g.ndim for d in dims])))


@composite(method="t")
def t(input: Any) -> Any:
    """The transpose of a matrix; vectors and 0-d tensors stay as they are.

    Gradient: the transpose of g. Errors: ShapeError for more than two dims.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3).t().shape
    (3, 2)
    """
    if input.ndim > 2:
        raise ShapeError(f"t: expected at most 2 dimensions, got shape {input.shape}; use mT")
    return transpose(input, 0, 1) if input.ndim == 2 else input


@composite(attribute="T")
def T(input: Any) -> Any:
    """The dims in reverse order: `x.T`, the transpose of a matrix. Gradient: g, reversed back.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3).T.shape
    (3, 2)
    """
    return permute(input, tuple(range(input.ndim))[::-1])


@composite(attribute="mT")
def mT(input: Any) -> Any:
    """The last two dims exchanged: `x.mT`, the transpose of each matrix. Gradient: g.mT.

    Errors: ShapeError for fewer than two dims.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(5, 2, 3).mT.shape
    (5, 3, 2)
    """
    if input.ndim < 2:
        raise ShapeError(f"mT: expected at least 2 dimensions, got shape {input.shape}")
    return transpose(input, -2, -1)


@op(method="squeeze", dtype=None, view=True)
def squeeze(input: Any, /, dim: Any = None) -> Any:
    """Without the dims of size 1, or without those of `dim` that have size 1; a view.

    Gradient: g in the input's shape.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(1, 3, 1).squeeze(0).shape
    (3, 1)
    """
    chosen = dims.several(dim, input.ndim) if dim is None or dim != () else ()
    return np.squeeze(input, tuple([i for i in chosen if input.shape[i] == 1]))


@squeeze.rule
def squeeze_rule(g, input_shape):
    return reshape(g, input_shape)


@op(method="unsqueeze", dtype=None, view=True)
def unsqueeze(input: Any, /, dim: int) -> Any:
    """With a dim of size 1 put in before `dim`; a view.

    Gradient: g in the input's shape.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(3).unsqueeze(-1).shape
    (3, 1)
    """
    return np.expand_dims(input, dims.one(dim, input.ndim + 1))


@unsqueeze.rule
def unsqueeze_rule(g, input_shape):
    return reshape(g, input_shape)


@op(method=("expand", "broadcast_to"), dtype=None, view=True, varargs=True)
def expand(input: Any, /, size: Any) -> Any:
    """The dims of size 1 repeated, and new ones put in front, without a copy; -1 keeps a size.

    Gradient: g, summed over the repeated dims. Errors: ShapeError if the shapes do not fit.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    new = len(size) - input.ndim
    if new < 0 or any(n == -1 for n in size[:new]):
        raise ShapeError(
            f"argument 'size': expected one that shape {input.shape} broadcasts to, got "
            f"{tuple(size)}"
        )
    whole = tuple([input.shape[i - new] if n == -1 else n for i, n in enumerate(size)])
    if whole[new:] == input.shape and all(n == 1 for n in whole[:new]):
        return input[(*(None,) * new, ...)]  # nothing is repeated, so it can be written
    return np.broadcast_to(input, whole)


@expand.rule
def expand_rule(g):
    return g


broadcast_to = expand


@composite(method="expand_as")
def expand_as(input: Any, other: Any) -> Any:
    """`input` expanded to the shape of `other`. Gradient: g, summed over the repeated dims.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1, 2]).expand_as(tg.ones(2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(input, other.shape)


@op(name="cat")
def join(*tensors: Any, dim: int = 0) -> Any:
    """Tensors one after the other along a dim; the op behind `cat`.

    Gradient: to each tensor its part of g.
    """
    # As in PyTorch, an empty vector is skipped whatever the shape of the others.
    parts = [x for x in tensors if x.shape != (0,)] or list(tensors)
    return np.concatenate(parts, axis=dims.one(dim, parts[0].ndim))


@join.rule
def join_rule(g, tensors_shape, dim, need):
    axis, start, grads = dims.one(dim, g.ndim), 0, []
    for shape, needed in zip(tensors_shape, need, strict=True):
        size = shape[axis] if len(shape) == g.ndim else 0
        part = (slice(None),) * axis + (slice(start, start + size),)
        empty = shape == (0,) and g.ndim != 1
        grads.append((reshape(g[part], shape) if empty else g[part]) if needed else None)
        start += size
    return grads


@composite
def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors one after the other along an existing dim.

    Gradient: to each tensor its part of g. Errors: ShapeError if the other sizes differ.

    >>> import tinygrad_edu as tg
    >>> tg.cat([tg.ones(2), tg.zeros(1)])
    tensor([1., 1., 0.])
    """
    return join(*sequence("cat", tensors), dim=dim)


concat = concatenate = cat


def unpacked(tensors: tuple) -> Sequence[Any]:
    """The arguments of a function that takes tensors one by one or as one list."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors


def sequence(name: str, tensors: Any) -> list:
    """The tensors that a function takes as a list or tuple, checked."""
    if isinstance(tensors, (Tensor, np.ndarray)) or not hasattr(tensors, "__iter__"):
        raise DTypeError(
            f"{name}: argument 'tensors': expected a list or tuple of tensors, got "
            f"{type(tensors).__name__}"
        )
    parts = list(tensors)
    for i, x in enumerate(parts):
        if not isinstance(x, (Tensor, np.ndarray)):
            raise DTypeError(
                f"{name}: argument 'tensors': expected a Tensor at {i}, got {type(x).__name__}; "
                "make one with tg.tensor(...)"
            )
    if not parts:
        raise ShapeError(f"{name}: argument 'tensors': expected at least one tensor, got none")
    return parts
