"""Reductions: sums, means, spreads. `dim` is an int, a tuple, or None for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.pointwise import exp
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.shape import expand

__all__ = ["all", "any", "logsumexp", "mean", "std", "sum", "var"]


def spread(g: Any, shape: tuple, dim: Any) -> Any:
    """Give each element that was reduced the gradient of its result."""
    return expand(lifted(g, shape, dim), shape)


def lifted(g: Any, shape: tuple, dim: Any) -> Any:
    """What belongs to the results of a reduction, so that it broadcasts to what was reduced."""
    return g.reshape(dims.kept(shape, dim))


@op(method="sum", dtype=None, by_name=("dtype",))
def sum(input: Any, /, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """Sum of the elements; integers and bools add up to int64.

    Gradient: g for each element.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
    tensor([4., 6.])
    """
    if dtype is None and input.dtype.kind != "f":
        dtype = dtypes.int64
    wanted = input.dtype if dtype is None else np.dtype(dtype)
    axis, kind = dims.several(dim, input.ndim), dtypes.wide(wanted)
    # Not np.sum: it would warn of an overflow in NumPy's name, which nobody here has silenced.
    total = np.add.reduce(input, axis, kind, keepdims=keepdim)  # type: ignore[call-overload]
    return total if kind is wanted else total.astype(wanted)


@sum.rule
def sum_rule(g, input_shape, dim):
    return spread(g, input_shape, dim)


@sum.fused
def sum_fused(g, input_shape, dim):
    # For small arrays this costs a tenth of reshaping and expanding, for large ones the same.
    out = np.empty(input_shape, g.dtype)
    out[...] = g if dim is None else g.reshape(dims.kept(input_shape, dim))
    return out


@op(method="mean", dtype=None, by_name=("dtype",))
def mean(input: Any, /, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """Mean of the elements; nan for none.

    Gradient: g / n for each element. Errors: DTypeError for integers, unless `dtype` is given.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1.0, 2.0], [3.0, 4.0]]).mean()
    tensor(2.5000)
    """
    wanted = input.dtype if dtype is None else np.dtype(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"mean: expected floating-point elements, got {wanted}; use .float()")
    axis, kind = dims.several(dim, input.ndim), dtypes.wide(wanted)
    total = np.add.reduce(input, axis, kind, keepdims=keepdim)  # type: ignore[call-overload]
    count = dims.count(input.shape, dim)
    out = total / kind.type(count or np.nan)  # 0 / 0 would warn
    return out if kind is wanted else out.astype(wanted)


@mean.rule
def mean_rule(g, input_shape, dim):
    return spread(g / dims.count(input_shape, dim), input_shape, dim)


@mean.fused
def mean_fused(g, input_shape, dim):
    return sum_fused(g / dims.count(input_shape, dim), input_shape, dim)


@op(name="var", dtype="float")
@quiet
def variance(input: Any, /, dim: Any, correction: float, keepdim: bool) -> Any:
    """Squared distances from the mean, summed and divided by n - correction: behind `var`.

    Gradient: 2 g (input - mean) / (n - correction).
    """
    axes = dims.several(dim, input.ndim)
    centred = _centred(input, axes)
    np.square(centred, out=centred)
    total = np.add.reduce(centred, axes, keepdims=keepdim)  # type: ignore[call-overload]
    n = dims.count(input.shape, dim) - correction
    out = np.true_divide(total, centred.dtype.type(n if n > 0 else 0))
    return out.astype(input.dtype, copy=False)


def _centred(input: np.ndarray, axes: tuple) -> np.ndarray:
    """The input minus its mean, as new memory of the dtype to add up in."""
    kind = dtypes.wide(input.dtype)
    total = np.add.reduce(input, axes, kind, keepdims=True)
    return np.asarray(input - total / kind.type(dims.count(input.shape, axes)))


@variance.rule
def variance_rule(g, input, dim, correction):
    centred = input - mean(input, dim, True)
    n = dims.count(input.shape, dim) - correction
    return lifted(g, input.shape, dim) * (centred * _over(2.0, n))


@variance.fused
def variance_fused(g, input, dim, correction):
    n = dims.count(input.shape, dim) - correction
    gi = _centred(input, dims.several(dim, input.ndim))
    gi *= lifted(g, input.shape, dim) * _over(2.0, n)
    return gi.astype(input.dtype, copy=False)


@op(name="std", dtype="float")
def deviation(input: Any, /, dim: Any, correction: float, keepdim: bool) -> Any:
    """The square root of the variance: behind `std`.

    Gradient: g (input - mean) / (out (n - correction)), and 0 where all elements are equal.
    """
    return np.sqrt(variance.op.kernel(input, dim, correction, keepdim))


@deviation.rule
def deviation_rule(g, input, out, dim, correction):
    centred = input - mean(input, dim, True)
    n = dims.count(input.shape, dim) - correction
    return lifted(where(out == 0, 0.0, g / out), input.shape, dim) * (centred * _over(1.0, n))


def _over(a: float, n: float) -> float:
    """a / n, and nan, not an error, where a variance of too few elements is undefined."""
    return a / n if n > 0 else float("nan")


@composite(method="var")
def var(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False,
    *, correction: float | None = None,
) -> Any:  # fmt: skip
    """Variance of the elements: squared distances from the mean, divided by n - correction.

    `correction` is 1 by default (the unbiased estimate; NumPy's default is 0).
    Gradient: 2 g (input - mean) / (n - correction).

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1.0, 3.0]).var(), tg.tensor([1.0, 3.0]).var(correction=0)
    (tensor(2.), tensor(1.))
    """
    return variance(_spreadable("var", input), *_spread(dim, unbiased, correction), keepdim)


@composite(method="std")
def std(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False,
    *, correction: float | None = None,
) -> Any:  # fmt: skip
    """Standard deviation of the elements: the square root of `var`.

    Gradient: g (input - mean) / (out (n - correction)), and 0 where all elements are equal.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1.0, 3.0]).std()
    tensor(1.4142)
    """
    return deviation(_spreadable("std", input), *_spread(dim, unbiased, correction), keepdim)


def _spread(dim: Any, unbiased: bool, correction: float | None) -> tuple:
    """PyTorch takes var(unbiased) and var(dim, unbiased) beside the newer correction."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return dim, int(unbiased) if correction is None else correction


def _spreadable(name: str, input: Any) -> Any:
    if input.dtype.kind != "f":
        raise DTypeError(f"{name}: expected floating-point elements, got {input.dtype}")
    return input


@op(method="all", dtype=None)
def all(input: Any, /, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all elements are true (not 0); true for none. No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.all(tg.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _truth(np.all, input, dim, keepdim)


@op(method="any", dtype=None)
def any(input: Any, /, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether any element is true (not 0); false for none. No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.any(tg.tensor([[True, False], [False, False]]), dim=1)
    tensor([ True, False])
    """
    return _truth(np.any, input, dim, keepdim)


def _truth(function: Any, input: np.ndarray, dim: Any, keepdim: bool) -> Any:
    found = function(input, axis=dims.several(dim, input.ndim), keepdims=keepdim)
    return found.astype(np.uint8) if input.dtype == np.uint8 else found  # as in PyTorch


@op(method="logsumexp", dtype="float")
@quiet
def logsumexp(input: Any, /, dim: Any, keepdim: bool = False) -> Any:
    """log(sum(exp(x))) along `dim`, without overflow.

    Gradient: g exp(input - out), the softmax.

    >>> import tinygrad_edu as tg
    >>> tg.logsumexp(tg.tensor([1000.0, 1000.0]), 0)
    tensor(1000.6932)
    """
    axes = dims.several(dim, input.ndim)
    top = np.maximum.reduce(input, axes, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)  # a shift by infinity would give inf - inf
    powers = np.asarray(input - top)
    np.exp(powers, out=powers)
    out = np.log(np.add.reduce(powers, axes, keepdims=True)) + top
    return out if keepdim else np.squeeze(out, axes)


@logsumexp.rule
def logsumexp_rule(g, input, out, dim):
    return lifted(g, input.shape, dim) * exp(input - lifted(out, input.shape, dim))


@logsumexp.fused
def logsumexp_fused(g, input, out, dim):
    gi = np.asarray(input - lifted(out, input.shape, dim))
    np.exp(gi, out=gi)
    gi *= lifted(g, input.shape, dim)
    return gi
