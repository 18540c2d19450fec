"""Activations made of exponentials, on arrays: few passes, in the memory of the result.

None of them branches: where x is positive, exp(min(x, 0)) - 1 is exactly 0.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_edu.kernels.select import bounded, where
from tinygrad_edu.kernels.windows import Array

__all__ = [
    "elu", "elu_slope", "gelu", "gelu_slope", "log1p_exp", "log_add_exp", "score_loss", "sigmoid",
    "silu_slope", "softplus", "softplus_slope",
]  # fmt: skip


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)).

    Where exp(-x) overflows this is 0, as it should be; by way of tanh, which is faster, small
    results would be all rounding error.
    """
    out = np.negative(x, out=np.empty_like(x))
    np.exp(out, out=out)
    out += 1
    return np.true_divide(1, out, out=out)


def silu_slope(x: Array, s: Array) -> Array:
    """Return the derivative of x s, where s = sigmoid(x): s (1 + x (1 - s))."""
    out = np.subtract(1, s, out=np.empty_like(x))
    out *= x
    out += 1
    out *= s
    return out


# --- exponential linear units -------------------------------------------------------------------


def elu(x: Array, alpha: float, width: float = 1.0) -> Array:
    """Return x where it is positive, else alpha (exp(x / width) - 1)."""
    out = _negative_part(x, width)
    np.expm1(out, out=out)
    out *= alpha
    out += bounded(np.maximum, x, 0)
    return out


def elu_slope(x: Array, alpha: float, width: float = 1.0) -> Array:
    """Return 1 where x is positive, else alpha exp(x / width)."""
    out = _negative_part(x, width)
    np.exp(out, out=out)
    if alpha == 1:
        return out
    return where(x > 0, 1.0, out * alpha)


def _negative_part(x: Array, width: float) -> Array:
    """Return min(x, 0) / width."""
    out = np.asarray(bounded(np.minimum, x, 0))
    if width != 1:
        out /= width
    return out


# --- softplus -----------------------------------------------------------------------------------


def log1p_exp(x: Array) -> Array:
    """Return log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|))."""
    out = _correction(x)
    out += bounded(np.maximum, x, 0)
    return out


def _correction(x: Array) -> Array:
    """Return log(1 + exp(-|x|))."""
    out = np.absolute(x, out=np.empty_like(x))
    np.negative(out, out=out)
    np.exp(out, out=out)
    return np.log1p(out, out=out)


def score_loss(x: Array, t: Array) -> Array:
    """Return -t log(s) - (1 - t) log(1 - s), where s = sigmoid(x), exactly where that is tiny."""
    out = _correction(x)
    out += (1 - t) * x - bounded(np.minimum, x, 0)  # which is 0 where x is large and right
    return out


def log_add_exp(x: Array, y: Array) -> Array:
    """Return log(exp(x) + exp(y)) without overflow."""
    out = np.asarray(np.subtract(x, y))
    np.absolute(out, out=out)
    np.fmax(out, 0, out=out)  # equal infinities, whose difference is nan, are 0 apart
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    out += np.maximum(x, y)
    return out


def softplus(x: Array, beta: float, threshold: float) -> Array:
    """Return log(1 + exp(beta x)) / beta, and x where beta x is above the threshold."""
    scaled = x if beta == 1 else x * beta
    out = log1p_exp(scaled)
    if beta != 1:
        out /= beta
    above = scaled > threshold
    return where(above, x, out) if above.any() else out


def softplus_slope(x: Array, beta: float, threshold: float) -> Array:
    """Return sigmoid(beta x), and 1 where beta x is above the threshold."""
    scaled = x if beta == 1 else x * beta
    out = sigmoid(scaled)
    above = scaled > threshold
    return where(above, 1.0, out) if above.any() else out


# --- gelu ---------------------------------------------------------------------------------------

# The chance that a standard normal number is below x is (1 + tanh(x P(x^2))) / 2 for some smooth P.
# This polynomial, fitted for the least largest error, gives it to 1e-7 of 1, as float32 has it;
# SciPy's erf, which float64 needs, takes ten times as long. Beyond _END all is rounded to 0 and 1.
_P = (
    0.7978846369, 3.633434711e-2, -3.391014991e-5, -5.478217178e-5, 3.873135275e-6,
    -1.252626617e-7, 1.567419782e-9,
)  # fmt: skip
_END = 30.42
_CUBIC, _STEEP = 0.044715, math.sqrt(2 / math.pi)


def gelu(x: Array, approximate: str) -> tuple[Array, Array]:
    """Return x times the chance that a standard normal number is below x, and that chance."""
    if x.itemsize < 4:  # 1 + erf(x) would lose what is small
        out, below = gelu(x.astype(np.float32), approximate)
        return out.astype(x.dtype), below.astype(x.dtype)
    below = np.empty_like(x)
    if approximate == "tanh":
        np.multiply(x, x, out=below)
        below *= _CUBIC * _STEEP
        below += _STEEP
        below *= x
        np.tanh(below, out=below)
    elif x.dtype == np.float32:
        _chance(x, below)
    else:
        from scipy.special import erf  # importing it takes 0.2 s

        below[...] = erf(x * math.sqrt(0.5))
    below += 1
    below *= 0.5
    return x * below, below


def _chance(x: Array, out: Array) -> None:
    """Write erf(x / sqrt(2)) of float32 numbers to `out`."""
    square = bounded(np.minimum, x * x, _END)
    out.fill(_P[-1])
    for p in _P[-2::-1]:
        out *= square
        out += p
    out *= x
    np.tanh(out, out=out)


def gelu_slope(x: Array, below: Array, approximate: str) -> Array:
    """Return the derivative: the chance that a number is below x, and x times its density."""
    square = np.multiply(x, x, out=np.empty_like(x))
    if approximate == "tanh":
        square *= 3 * _CUBIC * _STEEP
        square += _STEEP
        square *= below
        density = np.multiply(square, 1 - below, out=square)
        density *= 2
    else:
        square *= -0.5
        density = np.exp(square, out=square)
        density *= 1 / math.sqrt(2 * math.pi)
    density *= x
    density += below
    return density
