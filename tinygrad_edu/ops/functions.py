"""Exponentials, logarithms, trigonometric functions and their kin, as one family.

Nearly all of them map one float to one float, so the decorator `_function` makes the op of
its kernel, and what it decorates is the gradient rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.kernels import activations
from tinygrad_edu.op import op
from tinygrad_edu.ops.choose import keep, where
from tinygrad_edu.ops.pointwise import array_like, exp, log, sigmoid, sqrt
from tinygrad_edu.ops.quiet import quiet

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "erf", "erfc", "exp2", "expm1",
    "log10", "log1p", "log2", "logaddexp", "logit", "rsqrt", "sin", "sinh", "tan", "xlogy",
]  # fmt: skip

LN2, LN10 = math.log(2), math.log(10)


def _function(kernel: Callable, example: str, *also: str) -> Callable:
    """Make a gradient rule an op: named and documented as the rule is, computed by `kernel`.

    `example` is "numbers -> result" for the docs, `also` are further names of the method.
    """
    given, result = example.split(" -> ")

    def decorate(rule: Callable) -> Any:
        def function(input: Any, /) -> Any:
            return kernel(input)

        name = function.__name__ = function.__qualname__ = rule.__name__
        function.__module__ = rule.__module__
        function.__doc__ = f"""{rule.__doc__}

    >>> import tinygrad_edu as tg
    >>> tg.{name}(tg.tensor([{given}]))
    tensor([{result}])
    """
        call = op(quiet(function), method=(name, *also), inplace=True, dtype="float")
        call.rule(rule)
        return call

    return decorate


def _special(name: str) -> Callable:
    """A function of SciPy, which is imported when it is first called: that takes 0.2 s."""

    def kernel(x: np.ndarray) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x)

    return kernel


# --- exponentials, logarithms, roots ------------------------------------------------------------


@_function(np.exp2, "0.0, 3.0 -> 1., 8.")
def exp2(g, out):
    """2 to the power of each element. Gradient: g out ln 2."""
    return g * (out * LN2)


@_function(np.expm1, "0.0, 1.0 -> 0.0000, 1.7183")
def expm1(g, out):
    """exp(x) - 1 of each element, exact near 0. Gradient: g (out + 1)."""
    return g * (out + 1)


@_function(np.log2, "1.0, 8.0 -> 0., 3.")
def log2(g, input):
    """The logarithm to base 2 of each element. Gradient: g / (input ln 2)."""
    return g / (input * LN2)


@_function(np.log10, "1.0, 3.0 -> 0.0000, 0.4771")
def log10(g, input):
    """The logarithm to base 10 of each element. Gradient: g / (input ln 10)."""
    return g / (input * LN10)


@_function(np.log1p, "0.0, 1.0 -> 0.0000, 0.6931")
def log1p(g, input):
    """log(1 + x) of each element, exact near 0. Gradient: g / (1 + input)."""
    return g / (input + 1)


@_function(lambda x: np.true_divide(1, np.sqrt(x)), "4.0, 16.0 -> 0.5000, 0.2500")
def rsqrt(g, out):
    """One over the square root of each element. Gradient: -g out^3 / 2."""
    return g * (-0.5 * (out * out * out))


# --- angles -------------------------------------------------------------------------------------


@_function(np.sin, "0.0, 1.0 -> 0.0000, 0.8415")
def sin(g, input):
    """The sine of each element, in radians. Gradient: g cos(input)."""
    return g * cos(input)


@_function(np.cos, "0.0, 1.0 -> 1.0000, 0.5403")
def cos(g, input):
    """The cosine of each element, in radians. Gradient: -g sin(input)."""
    return g * -sin(input)


@_function(np.tan, "0.0, 1.0 -> 0.0000, 1.5574")
def tan(g, out):
    """The tangent of each element, in radians. Gradient: g (1 + out^2)."""
    return g * (1 + out * out)


@_function(np.arcsin, "0.0, 1.0 -> 0.0000, 1.5708", "arcsin")
def asin(g, input):
    """The angle whose sine is each element; nan outside [-1, 1].

    Gradient: g / sqrt(1 - input^2).
    """
    return g / sqrt(1 - input * input)


@_function(np.arccos, "0.0, 1.0 -> 1.5708, 0.0000", "arccos")
def acos(g, input):
    """The angle whose cosine is each element; nan outside [-1, 1].

    Gradient: -g / sqrt(1 - input^2).
    """
    return -g / sqrt(1 - input * input)


@_function(np.arctan, "0.0, 1.0 -> 0.0000, 0.7854", "arctan")
def atan(g, input):
    """The angle whose tangent is each element. Gradient: g / (1 + input^2)."""
    return g / (1 + input * input)


# --- hyperbolic functions -----------------------------------------------------------------------


@_function(np.sinh, "0.0, 1.0 -> 0.0000, 1.1752")
def sinh(g, input):
    """The hyperbolic sine of each element. Gradient: g cosh(input)."""
    return g * cosh(input)


@_function(np.cosh, "0.0, 1.0 -> 1.0000, 1.5431")
def cosh(g, input):
    """The hyperbolic cosine of each element. Gradient: g sinh(input)."""
    return g * sinh(input)


@_function(np.arcsinh, "0.0, 1.0 -> 0.0000, 0.8814", "arcsinh")
def asinh(g, input):
    """The inverse of sinh, element by element. Gradient: g / sqrt(input^2 + 1)."""
    return g / sqrt(input * input + 1)


@_function(np.arccosh, "1.0, 2.0 -> 0.0000, 1.3170", "arccosh")
def acosh(g, input):
    """The inverse of cosh, element by element; nan below 1.

    Gradient: g / sqrt(input^2 - 1).
    """
    return g / sqrt(input * input - 1)


@_function(np.arctanh, "0.0, 0.5 -> 0.0000, 0.5493", "arctanh")
def atanh(g, input):
    """The inverse of tanh, element by element; nan outside [-1, 1].

    Gradient: g / (1 - input^2).
    """
    return g / (1 - input * input)


# --- probability --------------------------------------------------------------------------------


@_function(_special("erf"), "0.0, 1.0 -> 0.0000, 0.8427")
def erf(g, input):
    """The error function of each element: 2 / sqrt(pi) times the integral of exp(-t^2).

    Gradient: g 2 / sqrt(pi) exp(-input^2).
    """
    return g * (2 / math.sqrt(math.pi) * exp(-(input * input)))


@_function(_special("erfc"), "0.0, 1.0 -> 1.0000, 0.1573")
def erfc(g, input):
    """1 - erf(x) of each element, exact where that is tiny.

    Gradient: -g 2 / sqrt(pi) exp(-input^2).
    """
    return g * (-2 / math.sqrt(math.pi) * exp(-(input * input)))


@op(method="logit", inplace=True, dtype="float")
@quiet
def logit(input: Any, /, eps: float | None = None) -> Any:
    """log(x / (1 - x)) of each element, the inverse of sigmoid; nan outside [0, 1].

    With `eps` elements below eps count as eps, and elements above 1 - eps as 1 - eps.
    Gradient: g / (input (1 - input)); with `eps` 0 outside of [eps, 1 - eps].

    >>> import tinygrad_edu as tg
    >>> tg.logit(tg.tensor([0.5, 0.9, 1.0]), eps=0.1)
    tensor([0.0000, 2.1972, 2.1972])
    """
    if eps is not None:
        input = np.where(input < eps, eps, np.where(input > 1 - eps, 1 - eps, input))
    return np.log(np.true_divide(input, 1 - input))


@logit.rule
def logit_rule(g, input, eps):
    low, outside = (0, math.nan) if eps is None else (eps, 0.0)
    inside = (input >= low) * (input <= 1 - low)
    return where(inside, g / (input * (1 - input)), outside)


# --- of two numbers -----------------------------------------------------------------------------


@op(method=("atan2", "arctan2"), inplace=True, dtype="float")
@quiet
def atan2(input: Any, other: Any, /) -> Any:
    """The angle of the point (other, input) from the x axis, between -pi and pi.

    Gradient: g other / r^2 for `input`, -g input / r^2 for `other`, where
    r^2 = input^2 + other^2; 0 at the origin.

    >>> import tinygrad_edu as tg
    >>> tg.atan2(tg.tensor([1.0, -1.0]), tg.tensor([1.0, -1.0]))
    tensor([ 0.7854, -2.3562])
    """
    return np.arctan2(input, other)


@atan2.rule
def atan2_rule(g, input, other, need):
    square = input * input + other * other
    ratio = keep(g / square, square != 0)
    return ratio * other if need[0] else None, ratio * -input if need[1] else None


@op(method="xlogy", inplace=True, dtype="float")
@quiet
def xlogy(input: Any, other: Any, /) -> Any:
    """input * log(other), and 0 where `input` is 0, whatever the logarithm, unless it is nan.

    Gradient: g log(other) for `input`, 0 where it is 0 and `other` not positive;
    g input / other for `other`.

    >>> import tinygrad_edu as tg
    >>> tg.xlogy(tg.tensor([0.0, 2.0]), tg.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """
    input, other = array_like(input, other), array_like(other, input)
    zero = (input == 0) & ~np.isnan(other)
    return np.where(zero, other.dtype.type(0), input * np.log(other))


@xlogy.rule
def xlogy_rule(g, input, other, need):
    gi = None
    if need[0]:
        gi = where((input == 0) * (other <= 0), 0.0, g * log(array_like(other, input)))
    return gi, g * (input / other) if need[1] else None


@op(method="logaddexp")
@quiet
def logaddexp(input: Any, other: Any, /) -> Any:
    """log(exp(input) + exp(other)) without overflow.

    Gradient: g sigmoid(input - other) for `input`, g sigmoid(other - input) for `other`.
    Errors: DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.logaddexp(tg.tensor([0.0, 200.0]), tg.tensor([0.0, 200.0]))
    tensor([  0.6931, 200.6931])
    """
    if np.result_type(input, other).kind != "f":
        raise TypeError("expected floating-point elements; use .float()")
    return activations.log_add_exp(input, other)


@logaddexp.rule
def logaddexp_rule(g, input, other, need):
    difference = input - other
    return (
        g * sigmoid(difference) if need[0] else None,
        g * sigmoid(-difference) if need[1] else None,
    )


arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh
