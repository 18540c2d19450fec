"""More reductions: medians, spreads with their means, and what passes over nan."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.choose import eq, keep
from tinygrad_edu.ops.convert import cast
from tinygrad_edu.ops.extremes import along, shared
from tinygrad_edu.ops.reduce import mean, spread, std, sum, var

__all__ = ["count_nonzero", "median", "nanmean", "nansum", "std_mean", "var_mean"]


# --- spreads with their means -------------------------------------------------------------------


def _with_mean(name: str, spread_of: Any, words: str, example: str) -> Any:
    def both(
        input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False,
        *, correction: float | None = None,
    ) -> tuple:  # fmt: skip
        found = spread_of(input, dim, unbiased, keepdim, correction=correction)
        return found, mean(input, None if isinstance(dim, bool) else dim, keepdim)

    both.__name__ = both.__qualname__ = name
    both.__doc__ = f"""{words} of the elements and their mean: `{name[:3]}` and `mean` in one call.

    Gradient: as for the two.

    >>> import tinygrad_edu as tg
    >>> tg.{name}(tg.tensor([1.0, 3.0]))
    {example}
    """
    return composite(both)


var_mean = _with_mean("var_mean", var, "Variance", "(tensor(2.), tensor(2.))")
std_mean = _with_mean("std_mean", std, "Standard deviation", "(tensor(1.4142), tensor(2.))")


# --- medians ------------------------------------------------------------------------------------


@op(name="median", dtype=None)
def middle(input: Any, /) -> Any:
    """The median of all elements: behind `median`.

    Gradient: g, shared evenly by the elements that are equal to the result.
    """
    _refuse_bools(input)
    if not input.size and input.dtype.kind != "f":
        raise DimensionError(f"median: expected at least one element, got shape {input.shape}")
    if not input.size or np.isnan(input).any():
        return np.asarray(np.nan, input.dtype)
    place = (input.size - 1) // 2
    return np.partition(input.reshape(-1), place)[place]


@middle.rule
def middle_rule(g, input, out):
    out = spread(out, input.shape, None)
    return shared(g, (input == out) | ((input != input) & (out != out)), None)


@op(name="median", dtype=None)
def place_of_median(input: Any, /, dim: int, keepdim: bool = False) -> Any:
    """The place along `dim` of the median, or of the first nan. No gradient."""
    _refuse_bools(input)
    axis = dims.one(dim, input.ndim)
    rows = np.atleast_1d(input)
    if not rows.shape[axis]:
        raise DimensionError(
            f"median: expected at least one element along dim {dim}, got shape {input.shape}"
        )
    rank = (rows.shape[axis] - 1) // 2
    value = np.take(np.partition(rows, rank, axis), [rank], axis)
    # Of equal elements the one that a stable sort puts in the middle; a full sort is slower.
    turn = rank - np.sum(rows < value, axis, keepdims=True)
    found = np.cumsum(rows == value, axis) > turn
    missing = np.isnan(rows)
    found = np.where(missing.any(axis, keepdims=True), missing, found)
    place = np.argmax(found, axis, keepdims=keepdim)
    return place if input.ndim else place.reshape(())


def _refuse_bools(input: np.ndarray) -> None:
    if input.dtype.kind == "b":
        raise DTypeError("median: expected numbers, got bool; convert with .long()")


@composite(method="median")
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element in order of size, the lower one of two; along a dim also its place.

    A nan makes the result nan. Gradient: `median(input)` shares it evenly among the elements equal
    to the median. `median(input, dim)` returns (values, indices) and gives it to the element at
    the index. Errors: DimensionError if there is no element along `dim`, DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> tg.median(tg.tensor([4.0, 1.0, 3.0, 2.0]))
    tensor(2.)
    >>> values, indices = tg.tensor([[1.0, 9.0, 5.0]]).median(1); values, indices
    (tensor([5.]), tensor([2]))
    """
    return middle(input) if dim is None else along(input, dim, keepdim, place_of_median)


# --- without nan, without zeros -----------------------------------------------------------------


@composite(method="nansum")
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum of the elements that are not nan.

    Gradient: g for each of them, 0 for nan.

    >>> import tinygrad_edu as tg
    >>> tg.nansum(tg.tensor([1.0, float("nan"), 3.0]))
    tensor(4.)
    """
    if dtype is not None:
        input = cast(input, np.dtype(dtype))
    return sum(keep(input, eq(input, input)) if input.dtype.kind == "f" else input, dim, keepdim)


@composite(method="nanmean")
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Mean of the elements that are not nan; nan if there are none.

    Gradient: g / n for each of them, 0 for nan. Errors: DTypeError for integers and bools.

    >>> import tinygrad_edu as tg
    >>> tg.nanmean(tg.tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    if input.dtype.kind != "f":
        raise DTypeError(
            f"nanmean: expected floating-point elements, got {input.dtype}; use .float()"
        )
    total = nansum(input, dim, keepdim, dtype=dtype)
    return total / cast(sum(eq(input, input), dim, keepdim), total.dtype)


@op(method="count_nonzero", dtype=None)
def count_nonzero(input: Any, /, dim: Any = None) -> Any:
    """How many elements are not 0, as int64. No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.count_nonzero(tg.tensor([[0.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([1, 2])
    """
    return np.asarray(np.count_nonzero(input, dims.several(dim, input.ndim)), np.int64)
