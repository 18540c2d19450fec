"""Running sums and products along a dim, differences, and the product of all elements.

A product's gradient must not divide by the elements: some may be 0. It is built of running
products instead, and the gradient of a running product of `recurrence`, that is of
y[i] = x[i] + a[i] y[i - 1], whose own gradient is a recurrence once more. So all of them are exact,
at any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.errors import DimensionError, SettingError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.convert import cast, clone
from tinygrad_edu.ops.logic import logical_xor
from tinygrad_edu.ops.parts import narrow
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.rearrange import flip
from tinygrad_edu.ops.reduce import spread
from tinygrad_edu.ops.shape import cat, reshape

__all__ = ["cumprod", "cumsum", "diff", "prod"]


def _counted(input: Any, dtype: Any) -> Any:
    """The input in the dtype asked for; integers and bools become int64 if none is."""
    if dtype is None and input.dtype.kind != "f":
        dtype = dtypes.int64
    return input if dtype is None or input.dtype == dtype else cast(input, np.dtype(dtype))


# --- running sums and products ------------------------------------------------------------------


@op(name="cumsum", dtype=None)
def running_sum(input: Any, /, dim: int) -> Any:
    """The sums of the elements up to each along `dim`: behind `cumsum`.

    Gradient: the sums of g from each element on.
    """
    axis = dims.one(dim, input.ndim)
    return np.add.accumulate(input, axis, input.dtype) if input.ndim else input.copy()


@running_sum.rule
def running_sum_rule(g, dim):
    return flip(running_sum(flip(g, dim), dim), dim)


@running_sum.fused
def running_sum_fused(g, dim):
    if not g.ndim:
        return g
    reverse = (*(slice(None),) * dims.one(dim, g.ndim), slice(None, None, -1))
    return running_sum.op.kernel(g[reverse], dim)[reverse]


@op(name="cumprod", dtype=None)
@quiet
def running_product(input: Any, /, dim: int) -> Any:
    """The products of the elements up to each along `dim`: behind `cumprod` and `prod`.

    Gradient: the product of what stands before an element, times the sum of g from it on, each g
    times the elements between the two; exact where there are zeros.
    """
    axis = dims.one(dim, input.ndim)
    return np.multiply.accumulate(input, axis, input.dtype) if input.ndim else input.copy()


@running_product.rule
def running_product_rule(g, input, out, dim):
    return _moved_on(out, dim, 1) * _carried_back(g, input, dim) if input.ndim else g


@op(dtype=None)
@quiet
def recurrence(input: Any, factor: Any, /, dim: int) -> Any:
    """y[i] = input[i] + factor[i] y[i - 1] along `dim`; the first factor plays no part.

    Gradient: for `input` the recurrence of g from the end, with the factor of the next element;
    for `factor` that times y[i - 1].
    """
    axis = dims.one(dim, input.ndim)
    out, a = np.array(np.moveaxis(input, axis, 0), order="C"), np.moveaxis(factor, axis, 0)
    for i in range(1, len(out)):
        out[i] += a[i] * out[i - 1]
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))


@recurrence.rule
def recurrence_rule(g, factor, out, dim, need):
    gi = _carried_back(g, factor, dim)
    return gi if need[0] else None, gi * _moved_on(out, dim, 0) if need[1] else None


def _carried_back(g: Any, factor: Any, dim: int) -> Any:
    """s[i] = g[i] + factor[i + 1] s[i + 1]: the recurrence that goes from the end."""
    return flip(recurrence(flip(g, dim), _moved_on(flip(factor, dim), dim, 0), dim), dim)


def _moved_on(x: Any, dim: int, first: float) -> Any:
    """The elements one place further along `dim`; `first` comes in, the last one drops out."""
    axis = dims.one(dim, x.ndim)
    shape = list(x.shape)
    if not shape[axis]:
        return x
    shape[axis] = 1
    return cat((np.full(shape, first, x.dtype), narrow(x, axis, 0, x.shape[axis] - 1)), axis)


@composite(method="cumsum", inplace=True)
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The sums of the elements up to each along `dim`; integers and bools add up in int64.

    Gradient: the sums of g from each element on.

    >>> import tinygrad_edu as tg
    >>> tg.cumsum(tg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    return running_sum(_counted(input, dtype), dim)


@composite(method="cumprod", inplace=True)
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The products of the elements up to each along `dim`; of integers and bools in int64.

    Gradient: for an element the sum, from it on, of g times the product without that element;
    exact where there are zeros, too.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> y = tg.cumprod(x, 0); y
    tensor([2., 0., 0.], grad_fn=<CumprodBackward0>)
    >>> y.sum().backward(); x.grad
    tensor([1., 8., 0.])
    """
    return running_product(_counted(input, dtype), dim)


# --- the product of all -------------------------------------------------------------------------


@op(name="prod", dtype=None)
@quiet
def product(input: Any, /, dim: Any, keepdim: bool) -> Any:
    """The product of the elements: behind `prod`.

    Gradient: g times the product of all other elements, exact where there are zeros.
    """
    axis = None if dim is None or not input.ndim else dims.one(dim, input.ndim)
    if not input.ndim and dim is not None:
        dims.one(dim, 0)
    reduce: Any = np.multiply.reduce
    return reduce(input, axis, input.dtype, keepdims=keepdim)


@product.rule
def product_rule(g, input, dim):
    shape = input.shape
    x, axis = (reshape(input, (-1,)), 0) if dim is None or not shape else (input, dim)
    before = running_product(_moved_on(x, axis, 1), axis)
    after = flip(running_product(_moved_on(flip(x, axis), axis, 1), axis), axis)
    return spread(g, shape, dim) * reshape(before * after, shape)


@composite(method="prod")
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Product of the elements, of all or along one dim; of integers and bools in int64.

    Gradient: g times the product of all other elements; exact where there are zeros, too.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> tg.prod(x).backward(); x.grad
    tensor([0., 6., 0.])
    """
    return product(_counted(input, dtype), dim, keepdim)


# --- differences --------------------------------------------------------------------------------


@composite(method="diff")
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along `dim`, taken `n` times; of bools whether they differ.

    `prepend` and `append` are set before and behind the input first. Gradient: for an element the
    difference of the g of the two results that it is part of. Errors: DimensionError for a 0-d
    input, SettingError for a negative n.

    >>> import tinygrad_edu as tg
    >>> tg.diff(tg.tensor([1.0, 3.0, 9.0])), tg.diff(tg.tensor([1.0, 3.0, 9.0]), 2)
    (tensor([2., 6.]), tensor([4.]))
    """
    if not input.ndim:
        raise DimensionError("diff: expected at least one dimension, got shape ()")
    if n < 0:
        raise SettingError(f"diff: argument 'n': expected 0 or more, got {n}")
    axis = dims.one(dim, input.ndim)
    if n == 0:  # then nothing is set beside it either, as in PyTorch and NumPy
        return clone(input)
    parts = [x for x in (prepend, input, append) if x is not None]
    out = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(min(n, out.shape[axis])):
        rest = out.shape[axis] - 1
        after, before = narrow(out, axis, 1, rest), narrow(out, axis, 0, rest)
        out = logical_xor(after, before) if out.dtype == np.bool_ else after - before
    return out
