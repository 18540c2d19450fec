"""Order and counting: sorting, the largest, what is unique, where something is, how often."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, SettingError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.convert import cast, clone
from tinygrad_edu.ops.indexing import gather
from tinygrad_edu.ops.parts import axis_of, unbind
from tinygrad_edu.ops.scatter import scatter_slices
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor, make

__all__ = ["argsort", "bincount", "nonzero", "sort", "topk", "unique"]


class Ranked(NamedTuple):
    """What `sort` and `topk` return."""

    values: Any
    indices: Any


@op(method="argsort", dtype=None, by_name=("stable",))
def argsort(input: Any, /, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The places of the elements along `dim` in ascending or descending order, as int64.

    Equal elements keep their order (always, also without `stable`); nan counts as the largest.
    No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.argsort(tg.tensor([2, 3, 1]), descending=True)
    tensor([1, 0, 2])
    """
    axis = dims.one(dim, input.ndim)
    if not input.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(input, axis, kind="stable")
    # Sorted backwards from the end, equal elements stand in their order again.
    places = np.argsort(np.flip(input, axis), axis, kind="stable")
    return input.shape[axis] - 1 - np.flip(places, axis)


@composite(method="sort")
def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Ranked:
    """The elements along `dim` in ascending or descending order, and the places they come from.

    Equal elements keep their order (always, also without `stable`); nan counts as the largest.
    Gradient: g, given back to these places.

    >>> import tinygrad_edu as tg
    >>> tg.sort(tg.tensor([2, 3, 1]))
    Ranked(values=tensor([1, 2, 3]), indices=tensor([2, 0, 1]))
    """
    indices = argsort(input, dim, descending)
    return Ranked(gather(input, dim, indices), indices)


@op(name="topk", dtype=None)
def extreme_places(input: Any, /, k: int, dim: int, largest: bool) -> Any:
    """The places of the `k` largest or smallest elements, in order: behind `topk`. No gradient."""
    axis = dims.one(dim, input.ndim)
    if not input.ndim:
        return np.zeros((), np.int64)
    size = input.shape[axis]
    if k == 0 or 4 * k > size:  # to sort all of them costs no more
        return np.take(argsort.op.kernel(input, axis, largest), np.arange(k), axis)
    places = np.argpartition(input, size - k if largest else k - 1, axis)
    places = np.sort(
        np.take(places, np.arange(size - k, size) if largest else np.arange(k), axis), axis
    )
    order = argsort.op.kernel(np.take_along_axis(input, places, axis), axis, largest)
    return np.take_along_axis(places, order, axis)


@composite(method="topk")
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Ranked:
    """The `k` largest (or smallest) elements along `dim`, the most extreme first, and their places.

    Equal elements come in their order; which of them are taken, if not all, is not promised.
    Gradient: g, given back to these places. Errors: DimensionError if there are fewer than `k`.

    >>> import tinygrad_edu as tg
    >>> values, indices = tg.topk(tg.tensor([2, 3, 1]), 2)
    >>> values, indices
    (tensor([3, 2]), tensor([1, 0]))
    """
    size = input.shape[dims.one(dim, input.ndim)] if input.ndim else 1
    if not 0 <= k <= size:
        raise DimensionError(f"topk: argument 'k': expected 0 to {size}, got {k}")
    indices = extreme_places(input, k, dim, largest)
    return Ranked(gather(input, dim, indices), indices)


@composite(method="unique")
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None,
) -> Any:  # fmt: skip
    """The different elements, or the different slices along `dim`, in ascending order.

    Then, if asked for, which of them each element is, and how often each of them occurs. Every nan
    is one of its own. No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.unique(tg.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    shape = input.shape
    wrap = (lambda x: make(x, None)) if isinstance(input, Tensor) else (lambda x: x)
    array = input.array if isinstance(input, Tensor) else input
    axis = None if dim is None else axis_of("unique", array, dim)
    values, inverse, counts = np.unique(
        np.atleast_1d(array), return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    found = [wrap(values)]
    if return_inverse:
        inverse = inverse.reshape(shape if dim is None else -1)
        found.append(wrap(inverse.astype(np.int64, copy=False)))
    if return_counts:
        found.append(wrap(counts.astype(np.int64, copy=False)))
    return tuple(found) if len(found) > 1 else found[0]


@op(dtype=None)
def nonzero_rows(input: Any, /) -> Any:
    """Where elements are not 0, one row of subscripts each: behind `nonzero`. No gradient."""
    return np.argwhere(input)


@composite(method="nonzero")
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The subscripts of the elements that are not 0, one row each, or one vector for each dim.

    No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.nonzero(tg.tensor([[0, 5], [6, 0]]))
    tensor([[0, 1],
            [1, 0]])
    >>> tg.nonzero(tg.tensor([0, 5]), as_tuple=True)
    (tensor([1]),)
    """
    if not as_tuple:
        return nonzero_rows(input)
    whole = input if input.ndim else reshape(input, (1,))
    return tuple([clone(x) for x in unbind(nonzero_rows(whole), 1)])


@op(name="bincount", dtype=None)
def occurrences(input: Any, /, minlength: int = 0) -> Any:
    """How often each number from 0 on occurs in a vector: behind `bincount`. No gradient."""
    _check_counted(input, minlength)
    return np.bincount(input, minlength=minlength).astype(np.int64, copy=False)


def _check_counted(input: Any, minlength: int) -> None:
    if input.dtype.kind not in "iu":
        raise DTypeError(f"argument 'input': expected integers, got {input.dtype}")
    if input.ndim != 1 or (input < 0).any():
        raise ShapeError(
            "argument 'input': expected a vector of integers of at least 0, got shape "
            f"{input.shape}"
        )
    if minlength < 0:
        raise SettingError(f"bincount: argument 'minlength': expected at least 0, got {minlength}")


@composite(method="bincount")
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number from 0 on occurs in a vector of integers, or the sum of its weights.

    The result has max(input) + 1 elements, and at least `minlength`; it is int64, with weights
    float32 or float64. Gradient: to each weight g of its number.

    >>> import tinygrad_edu as tg
    >>> tg.bincount(tg.tensor([1, 3, 1]))
    tensor([0, 2, 0, 1])
    """
    counts = occurrences(input, minlength)
    if weights is None or 0 in input.shape:
        return counts
    if weights.shape != input.shape:
        raise ShapeError(
            f"bincount: argument 'weights': expected shape {input.shape}, got {weights.shape}"
        )
    kept = weights.dtype == np.float32
    weights = weights if kept else cast(weights, np.dtype(np.float64))
    return scatter_slices(weights, counts.shape, 0, cast(input, np.dtype(np.int64)))


@op(dtype=None)
def one_hot(input: Any, /, num_classes: int = -1) -> Any:
    """For each class number a vector that is 1 there and 0 elsewhere, as int64. No gradient.

    Without `num_classes` there are as many classes as the largest number demands.
    Errors: DTypeError unless the numbers are int64, DimensionError if one is out of range.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.one_hot(tg.tensor([0, 2]), num_classes=3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if input.dtype != np.int64:
        raise DTypeError(f"argument 'input': expected int64, got {input.dtype}; use .long()")
    if num_classes < 1 and not input.size:
        raise ShapeError(
            "argument 'num_classes': expected at least 1 for no elements, got "
            f"{num_classes} and shape {input.shape}"
        )
    classes = input.max() + 1 if num_classes == -1 else num_classes
    if input.size and (input.min() < 0 or input.max() >= classes):
        raise DimensionError(
            f"argument 'input': expected 0 to {classes - 1}, got {input.min()} to {input.max()}"
        )
    out = np.zeros((*input.shape, classes), np.int64)
    np.put_along_axis(out, input[..., None], 1, -1)
    return out
