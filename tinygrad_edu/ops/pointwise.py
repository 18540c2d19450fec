"""Arithmetic, powers, roots, exponentials: what acts on each element alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import op
from tinygrad_edu.ops.choose import where

__all__ = [
    "abs", "add", "div", "exp", "log", "mul", "neg", "pow", "reciprocal", "relu", "sigmoid", "sign",
    "sqrt", "square", "sub", "tanh",
]  # fmt: skip

# At the edge of a domain (log 0, 1/0, 0/0) results are inf and nan without a word, as in PyTorch.
quiet = np.errstate(all="ignore")


@op(method="add", operator="+", inplace=True, ufunc=np.add)
def add(input: Any, other: Any, /) -> Any:
    """Sum of two tensors, element by element; shapes broadcast.

    Gradient: g for both.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1.0, 2.0]) + 1
    tensor([2., 3.])
    """
    return np.add(input, other)


@add.rule
def add_rule(g):
    return g, g


@op(method=("sub", "subtract"), operator="-", inplace=True, ufunc=np.subtract)
def sub(input: Any, other: Any, /) -> Any:
    """Difference of two tensors, element by element; shapes broadcast.

    Gradient: g for `input`, -g for `other`. Errors: DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> 3 - tg.tensor([1.0, 2.0])
    tensor([2., 1.])
    """
    return np.subtract(input, other)


@sub.rule
def sub_rule(g, need):
    return g, -g if need[1] else None


@op(method=("mul", "multiply"), operator="*", inplace=True, ufunc=np.multiply)
def mul(input: Any, other: Any, /) -> Any:
    """Product of two tensors, element by element; shapes broadcast.

    Gradient: g * other for `input`, g * input for `other`.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1.0, 2.0]) * tg.tensor([3.0, 4.0])
    tensor([3., 8.])
    """
    return np.multiply(input, other)


@mul.rule
def mul_rule(g, input, other, need):
    return g * other if need[0] else None, g * input if need[1] else None


@op(method=("div", "divide", "true_divide"), operator="/", inplace=True, dtype="float")
@quiet
def div(input: Any, other: Any, /) -> Any:
    """Quotient of two tensors, element by element; shapes broadcast, integers become floats.

    Gradient: g / other for `input`, -g * out / other for `other`.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1, 2]) / 4
    tensor([0.2500, 0.5000])
    """
    return np.true_divide(input, other)


@div.rule
def div_rule(g, other, out, need):
    ga = g / other
    return ga if need[0] else None, -ga * out if need[1] else None


@op(method=("neg", "negative"), operator="neg", inplace=True, ufunc=np.negative)
def neg(input: Any, /) -> Any:
    """The negative of each element. Gradient: -g.

    >>> import tinygrad_edu as tg
    >>> -tg.tensor([1.0, -2.0])
    tensor([-1.,  2.])
    """
    return np.negative(input)


@neg.rule
def neg_rule(g):
    return -g


@op(method="pow", operator="**", inplace=True)
@quiet
def pow(input: Any, exponent: Any, /) -> Any:
    """`input` to the power of `exponent`, element by element; shapes broadcast.

    Gradient: g * exponent * input**(exponent - 1) for `input`, and 0 where the exponent is 0
    (also for 0**0); g * out * log(input) for `exponent`, and 0 where the base is 0 and the
    exponent not negative. Errors: ValueError for an integer to a negative integer power,
    DTypeError for a bool to the power of a bool.

    >>> import tinygrad_edu as tg
    >>> 2 ** tg.tensor([1.0, 3.0])
    tensor([2., 8.])
    """
    if type(exponent) in (int, float):
        if exponent == 0.5 and input.dtype.kind == "f":
            return np.sqrt(input)
        if exponent in (1, 2, 3):  # NumPy calls pow for a cube, 70 times slower than two products
            return input * (1, input, input * input)[int(exponent) - 1]
    if np.result_type(input, exponent).kind == "b":
        raise TypeError("expected numbers; convert bools with .long()")
    return np.power(input, exponent)


@pow.rule
def pow_rule(g, input, exponent, out, need):
    gi = ge = None
    if need[0]:
        if type(exponent) in (int, float):
            gi = g * (exponent * pow(input, exponent - 1)) if exponent else g * 0
        else:
            gi = where(exponent == 0, 0.0, g * (exponent * pow(input, exponent - 1)))
    if need[1]:
        flat = (exponent >= 0) * (_array_like(input, exponent) == 0)
        ge = where(flat, 0.0, g * (out * log(_array_like(input, exponent))))
    return gi, ge


def _array_like(value: Any, other: Any) -> Any:
    """A Python number as an array of the dtype of `other`; anything else as it is."""
    return np.asarray(value, dtype=other.dtype) if type(value) in (int, float) else value


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


@op(method=("abs", "absolute"), operator="abs", inplace=True)
def abs(input: Any, /) -> Any:
    """The absolute value of each element. Gradient: g times the sign, so 0 at 0.

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
    """The sign of each element: -1, 0 or 1. Gradient: 0.

    >>> import tinygrad_edu as tg
    >>> tg.sign(tg.tensor([2.0, 0.0, -3.0]))
    tensor([ 1.,  0., -1.])
    """
    return input.copy() if input.dtype.kind == "b" else np.sign(input)


@sign.rule
def sign_rule(g):
    return g * 0


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
def sigmoid(input: Any, /) -> Any:
    """The logistic function 1 / (1 + exp(-x)) of each element. Gradient: g out (1 - out).

    >>> import tinygrad_edu as tg
    >>> tg.sigmoid(tg.tensor([0.0, 1000.0]))
    tensor([0.5000, 1.0000])
    """
    # 1 + exp(-x) overflows for very negative x; the hyperbolic tangent does not, and is faster.
    return np.tanh(input * 0.5) * 0.5 + 0.5


@sigmoid.rule
def sigmoid_rule(g, out):
    return g * (out * (1 - out))


@op(method="relu", inplace=True)
def relu(input: Any, /) -> Any:
    """The rectified linear unit max(x, 0) of each element. Gradient: g where x > 0, so 0 at 0.

    >>> import tinygrad_edu as tg
    >>> tg.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return np.maximum(input, 0)


@relu.rule
def relu_rule(g, out):
    return g * (out > 0)
