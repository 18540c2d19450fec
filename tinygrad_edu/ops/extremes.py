"""The largest and the smallest element, and where it stands. `dim` is an int, a tuple, or None."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import DimensionError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.choose import keep, maximum, minimum
from tinygrad_edu.ops.convert import cast
from tinygrad_edu.ops.indexing import at_each_place, scatter_along
from tinygrad_edu.ops.reduce import lifted
from tinygrad_edu.tensor import Tensor

__all__ = ["amax", "amin", "argmax", "argmin", "max", "min"]


class Extreme(NamedTuple):
    """What `max` and `min` along a dim return."""

    values: Any
    indices: Any


def _extreme(name: str, word: str, function: Any) -> Any:
    def reduce(input: Any, /, dim: Any = None, keepdim: bool = False) -> Any:
        axes = dims.several(dim, input.ndim)
        if any_empty := [i for i in axes if input.shape[i] == 0]:
            raise DimensionError(
                f"{name}: expected at least one element along dim {any_empty[0]}, got none"
            )
        return function(input, axis=axes, keepdims=keepdim)

    reduce.__name__ = reduce.__qualname__ = name
    reduce.__doc__ = f"""The {word} of the elements; nan wins.

    Gradient: g, shared evenly by the elements that are equal to the result.
    Errors: DimensionError if there is no element.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([3.0, 3.0, 3.0], requires_grad=True)
    >>> tg.{name}(x).backward(); x.grad
    tensor([0.3333, 0.3333, 0.3333])
    """
    call = op(reduce, method=name, dtype=None)

    @call.rule
    def rule(g, input, out, dim):
        return shared(g, input == lifted(out, input.shape, dim), dim)

    return call


def shared(g: Any, mask: Any, dim: Any) -> Any:
    """Give the elements under the mask equal shares of the gradient of their result."""
    count = cast(mask, g.dtype).sum(axis=dims.several(dim, mask.ndim), keepdims=True)
    return keep(lifted(g, mask.shape, dim) / count, mask)


amax = _extreme("amax", "largest", np.max)
amin = _extreme("amin", "smallest", np.min)


def _arg_extreme(name: str, word: str, function: Any) -> Any:
    def reduce(input: Any, /, dim: int | None = None, keepdim: bool = False) -> Any:
        axis = None if dim is None or not input.ndim else dims.one(dim, input.ndim)
        if input.size == 0 and (axis is None or input.shape[axis] == 0):
            raise DimensionError(f"{name}: expected at least one element, got none")
        return function(input, axis=axis, keepdims=keepdim)

    reduce.__name__ = reduce.__qualname__ = name
    reduce.__doc__ = f"""The place of the {word} element (the first of equal ones), as int64.

    Counted in the flattened tensor if `dim` is None. No gradient.
    Errors: DimensionError if there is no element.

    >>> import tinygrad_edu as tg
    >>> tg.{name}(tg.tensor([1.0, 3.0, 0.0, 3.0]))
    tensor({function([1, 3, 0, 3])})
    """
    return op(reduce, method=name, dtype=None)


argmax = _arg_extreme("argmax", "largest", np.argmax)
argmin = _arg_extreme("argmin", "smallest", np.argmin)


def along(input: Any, dim: int, keepdim: bool, place: Any) -> Extreme:
    """The elements at the places that `place(input, dim, keepdim)` names, and these places."""
    indices = place(input, dim, keepdim)
    index = indices.array if isinstance(indices, Tensor) else np.asarray(indices)
    return Extreme(one_of_each(input, dim, lifted(index, input.shape, dim), keepdim), indices)


@op(dtype=None)
def one_of_each(input: Any, /, dim: int, index: np.ndarray, keepdim: bool) -> Any:
    """Of each line along `dim` the element at its `index`, which keeps the dim: behind `max`.

    Gradient: g at this element.
    """
    if not input.ndim:
        return input.copy()
    axis = dims.one(dim, input.ndim)
    out = input[at_each_place(index, axis)]
    return out if keepdim else out.reshape(out.shape[:axis] + out.shape[axis + 1 :])


@one_of_each.rule
def one_of_each_rule(g, input_shape, dim, index):
    return scatter_along(lifted(g, input_shape, dim), input_shape, dim, index)


@composite(method="max")
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element; along a dim also its place; of two tensors the larger elements.

    Gradient: `max(input)` shares it evenly among equal largest elements. `max(input, dim)`
    returns (values, indices) and gives it to the first of them. `max(input, other)` is
    `maximum`.

    >>> import tinygrad_edu as tg
    >>> values, indices = tg.tensor([[1.0, 5.0], [4.0, 2.0]]).max(1)
    >>> values, indices
    (tensor([5., 4.]), tensor([1, 0]))
    """
    if other is not None or hasattr(dim, "dtype"):
        return maximum(input, dim if other is None else other)
    return amax(input) if dim is None else along(input, dim, keepdim, argmax)


@composite(method="min")
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; along a dim also its place; of two tensors the smaller elements.

    Gradient: as for `max`.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([3.0, 1.0, 2.0]).min()
    tensor(1.)
    """
    if other is not None or hasattr(dim, "dtype"):
        return minimum(input, dim if other is None else other)
    return amin(input) if dim is None else along(input, dim, keepdim, argmin)
