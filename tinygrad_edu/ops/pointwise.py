"""Powers, roots, exponentials, sizes and signs: what acts on each element alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.kernels import activations
from tinygrad_edu.kernels.select import bounded
from tinygrad_edu.op import op
from tinygrad_edu.ops.choose import keep, where
from tinygrad_edu.ops.quiet import quiet

__all__ = [
    "abs", "absolute", "exp", "log", "pow", "reciprocal", "relu", "sigmoid", "sign", "sqrt",
    "square", "tanh",
]  # fmt: skip


@op(method="pow", operator="**", inplace=True)
@quiet
def pow(input: Any, exponent: Any, /) -> Any:
    """`input` to the power of `exponent`, element by element; shapes broadcast.

    Gradient: g * exponent * input**(exponent - 1) for `input`, and 0 where the exponent is 0
    (also for 0**0); g * out * log(input) for `exponent`, and 0 where the base is 0 and the
    exponent not negative. Integers to negative powers of an integer tensor are rounded towards 0.
    Errors: ValueError for an integer tensor to a negative integer power, DTypeError for a bool
    to the power of a bool.

    >>> import tinygrad_edu as tg
    >>> 2 ** tg.tensor([1.0, 3.0])
    tensor([2., 8.])
    """
    if type(exponent) in (int, float):
        if exponent in (0.5, -0.5) and input.dtype.kind == "f":
            return np.sqrt(input) if exponent > 0 else np.true_divide(1, np.sqrt(input))
        if exponent in _PRODUCTS and (0 < exponent < 4 or input.dtype.kind == "f"):
            return _power(input, int(exponent))
    kind = np.result_type(input, exponent).kind
    if kind == "b":
        raise TypeError("expected numbers; convert bools with .long()")
    if kind == "i" and type(exponent) is not int and np.any(exponent < 0):
        whole = np.power(input, np.maximum(exponent, 0))
        odd = np.power(input, exponent & 1)  # 1 and -1 are the only integers with an inverse
        return np.where(exponent >= 0, whole, np.where(np.absolute(input) == 1, odd, 0))
    return np.power(input, exponent)


_PRODUCTS = frozenset([*range(-8, 0), *range(1, 9)])


def _power(x: np.ndarray, n: int) -> np.ndarray:
    """x to the power of n by squaring: NumPy's pow takes 50 times as long where x is negative."""
    if n in (-1, 1):
        return x * 1 if n == 1 else np.true_divide(1, x)
    if n < 0:
        return _power(np.true_divide(1, x), -n)
    half = x if n < 4 else _power(x, n // 2)
    return half * half * x if n % 2 else half * half


@pow.rule
def pow_rule(g, input, exponent, out, need):
    gi = ge = None
    if need[0]:
        if type(exponent) in (int, float):
            gi = g * (exponent * pow(input, exponent - 1)) if exponent else keep(g, False)
        else:
            gi = where(exponent == 0, 0.0, g * (exponent * pow(input, exponent - 1)))
    if need[1]:
        flat = (exponent >= 0) * (array_like(input, exponent) == 0)
        ge = where(flat, 0.0, g * (out * log(array_like(input, exponent))))
    return gi, ge


def array_like(value: Any, other: Any) -> Any:
    """A Python number as an array of the dtype of `other`; anything else as it is."""
    return np.asarray(value, dtype=getattr(other, "dtype", None)) if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return type(value) in (bool, int, float)


@op(method="exp", inplace=True, dtype="float")
@quiet
def exp(input: Any, /) -> Any:
    """The exponential of each element. Gradient: g * out.

    >>> import tinygrad_edu as tg
    >>> tg.exp(tg.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return np.exp(input)


@exp.rule
def exp_rule(g, out):
    return g * out


@op(method="log", inplace=True, dtype="float")
@quiet
def log(input: Any, /) -> Any:
    """The natural logarithm of each element: -inf at 0, nan below. Gradient: g / input.

    >>> import tinygrad_edu as tg
    >>> tg.log(tg.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """
    return np.log(input)


@log.rule
def log_rule(g, input):
    return g / input


@op(method="sqrt", inplace=True, dtype="float")
@quiet
def sqrt(input: Any, /) -> Any:
    """The square root of each element: nan below 0. Gradient: g / (2 out), inf at 0.

    >>> import tinygrad_edu as tg
    >>> tg.sqrt(tg.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return np.sqrt(input)


@sqrt.rule
def sqrt_rule(g, out):
    return g / (2 * out)


@op(method="square", inplace=True)
def square(input: Any, /) -> Any:
    """The square of each element. Gradient: 2 g input.

    >>> import tinygrad_edu as tg
    >>> tg.square(tg.tensor([2.0, -3.0]))
    tensor([4., 9.])
    """
    if input.dtype.kind == "b":  # a bool has no products; as in PyTorch it counts as an integer
        input = input.astype(np.int64)
    return np.multiply(input, input)


@square.rule
def square_rule(g, input):
    return g * (2 * input)


@op(method="reciprocal", inplace=True, dtype="float")
@quiet
def reciprocal(input: Any, /) -> Any:
    """One over each element. Gradient: -g out^2.

    >>> import tinygrad_edu as tg
    >>> tg.reciprocal(tg.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """
    return np.true_divide(1, input)


@reciprocal.rule
def reciprocal_rule(g, out):
    return -g * (out * out)


@op(method=("abs", "absolute"), operator="abs", inplace=True, dtype="number")
def abs(input: Any, /) -> Any:
    """The absolute value of each element. Gradient: g times the sign, so 0 at 0.

    Errors: DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> abs(tg.tensor([2.0, -3.0]))
    tensor([2., 3.])
    """
    return np.absolute(input)


@abs.rule
def abs_rule(g, input):
    return g * sign(input)


@op(method="sign", inplace=True)
def sign(input: Any, /) -> Any:
    """The sign of each element: -1, 0 or 1, and 0 for nan. Gradient: 0.

    >>> import tinygrad_edu as tg
    >>> tg.sign(tg.tensor([2.0, 0.0, -3.0]))
    tensor([ 1.,  0., -1.])
    """
    if input.dtype.kind == "b":
        return input.copy()
    return np.subtract(input > 0, input < 0, dtype=input.dtype)


@sign.rule
def sign_rule(g):
    return keep(g, False)


@op(method="tanh", inplace=True, dtype="float", ufunc=np.tanh)
def tanh(input: Any, /) -> Any:
    """The hyperbolic tangent of each element. Gradient: g (1 - out^2).

    >>> import tinygrad_edu as tg
    >>> tg.tanh(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """
    return np.tanh(input)


@tanh.rule
def tanh_rule(g, out):
    return g * (1 - out * out)


@op(method="sigmoid", inplace=True, dtype="float")
@quiet
def sigmoid(input: Any, /) -> Any:
    """The logistic function 1 / (1 + exp(-x)) of each element. Gradient: g out (1 - out).

    >>> import tinygrad_edu as tg
    >>> tg.sigmoid(tg.tensor([0.0, 1000.0]))
    tensor([0.5000, 1.0000])
    """
    return activations.sigmoid(input)


@sigmoid.rule
def sigmoid_rule(g, out):
    return g * (out * (1 - out))


@op(method="relu", inplace=True, dtype="number")
def relu(input: Any, /) -> Any:
    """The rectified linear unit max(x, 0) of each element.

    Gradient: g where the result is not 0, so 0 at 0, and g at nan.

    >>> import tinygrad_edu as tg
    >>> tg.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return bounded(np.maximum, input, 0)


@relu.rule
def relu_rule(g, out):
    return keep(g, out != 0)


@relu.fused
def relu_fused(g, out):
    return keep.op.kernel(g, out != 0)  # the same without the cost of a call


absolute = abs
