"""Activations made of exponentials, and those of several elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError
from tinygrad_edu.kernels import activations as kernels
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.activation import softmax
from tinygrad_edu.ops.arithmetic import neg
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.dims import one
from tinygrad_edu.ops.functions import erf
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.ops.overwriting import floats, overwriting
from tinygrad_edu.ops.pointwise import abs, exp, sigmoid, tanh
from tinygrad_edu.ops.quiet import quiet

__all__ = [
    "celu", "elu", "gelu", "glu", "logsigmoid", "mish", "selu", "silu", "softmin", "softplus",
    "softsign", "tanhshrink",
]  # fmt: skip


@overwriting
@op
@quiet
def elu(input: Any, /, alpha: float = 1.0) -> Any:
    """x where it is positive, else alpha (exp(x) - 1).

    Gradient: g where the input is positive, else g alpha exp(input).
    Source: Clevert, Unterthiner and Hochreiter (2016).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.elu(tg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    return kernels.elu(floats(input), alpha)


@elu.rule
def elu_rule(g, input, alpha):
    positive = input > 0
    return where(positive, g, g * (exp(where(positive, 0.0, input)) * alpha))


@elu.fused
def elu_fused(g, input, alpha):
    return g * kernels.elu_slope(input, alpha)


@overwriting
@op
@quiet
def celu(input: Any, /, alpha: float = 1.0) -> Any:
    """x where it is positive, else alpha (exp(x / alpha) - 1): slope 1 at 0 for every alpha.

    Gradient: g where the input is positive, else g exp(input / alpha).
    Errors: SettingError for alpha 0. Source: Barron (2017).

    >>> import tinygrad_edu as tg
    >>> tg.celu(tg.tensor([-2.0, 1.0]), 2.0)
    tensor([-1.2642,  1.0000])
    """
    if alpha == 0:
        raise SettingError("argument 'alpha': expected another number than 0, got 0")
    return kernels.elu(floats(input), alpha, width=alpha)


@celu.rule
def celu_rule(g, input, alpha):
    positive = input > 0
    return where(positive, g, g * exp(where(positive, 0.0, input) / alpha))


@celu.fused
def celu_fused(g, input, alpha):
    return g * kernels.elu_slope(input, 1.0, width=alpha)


ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@overwriting
@op
def selu(input: Any, /) -> Any:
    """1.0507 elu(x, alpha=1.6733): keeps mean 0 and variance 1 from layer to layer.

    Gradient: g 1.0507 where the input is positive, else g 1.0507 alpha exp(input).
    Source: Klambauer et al. (2017), Self-normalizing neural networks.

    >>> import tinygrad_edu as tg
    >>> tg.selu(tg.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """
    return elu.op.kernel(input, ALPHA) * SCALE


@selu.rule
def selu_rule(g, input):
    return elu_rule(g * SCALE, input, ALPHA)


@selu.fused
def selu_fused(g, input):
    return elu_fused(g * SCALE, input, ALPHA)


@overwriting
@op(extras=("s",))
def silu(input: Any, /) -> Any:
    """x sigmoid(x) of each element, also called swish.

    Gradient: g s (1 + input (1 - s)), s = sigmoid(input).
    Source: Elfwing, Uchibe and Doya (2018).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.silu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    s = sigmoid.op.kernel(floats(input))
    return input * s, s


@silu.rule
def silu_rule(g, input):
    s = sigmoid(input)
    return g * (s * (1 + input * (1 - s)))


@silu.fused
def silu_fused(g, input, s):
    return g * kernels.silu_slope(input, s)


@op
def softplus(input: Any, /, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above `threshold`.

    Gradient: g sigmoid(beta input), and g above the threshold.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.softplus(tg.tensor([-1e4, 0.0, 1e4]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+04])
    """
    return kernels.softplus(floats(input), beta, threshold)


@softplus.rule
def softplus_rule(g, input, beta, threshold):
    scaled = input * beta
    return where(scaled > threshold, g, g * sigmoid(scaled))


@softplus.fused
def softplus_fused(g, input, beta, threshold):
    return g * kernels.softplus_slope(input, beta, threshold)


@overwriting
@op
def mish(input: Any, /) -> Any:
    """x tanh(softplus(x)) of each element.

    Gradient: g (t + input sigmoid(input) (1 - t^2)), t = tanh(softplus(input)).
    Source: Misra (2020).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.mish(tg.tensor([-1.0, 1.0]))
    tensor([-0.3034,  0.8651])
    """
    return input * np.tanh(kernels.log1p_exp(floats(input)))


@mish.rule
def mish_rule(g, input):
    t = tanh(softplus(input, 1.0, np.inf))
    return g * (t + input * sigmoid(input) * (1 - t * t))


@op
def logsigmoid(input: Any, /) -> Any:
    """log(sigmoid(x)) of each element, without overflow. Gradient: g sigmoid(-input).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.logsigmoid(tg.tensor([-1e4, 0.0]))
    tensor([-1.0000e+04, -6.9315e-01])
    """
    return -kernels.log1p_exp(-floats(input))


@logsigmoid.rule
def logsigmoid_rule(g, input):
    return g * sigmoid(-input)


@op(by_name=("approximate",), extras=("below",))
@quiet
def gelu(input: Any, /, approximate: str = "none") -> Any:
    """x times the probability that a standard normal number is below x.

    `approximate="tanh"` takes the formula 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
    Gradient: of the formula. Errors: SettingError for another `approximate`.
    Source: Hendrycks and Gimpel (2016).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.gelu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise SettingError(
            f"argument 'approximate': expected 'none' or 'tanh', got {approximate!r}"
        )
    return kernels.gelu(floats(input), approximate)


@gelu.rule
def gelu_rule(g, input, approximate):
    square = input * input
    if approximate == "none":
        below = 0.5 * (1 + erf(input * math.sqrt(0.5)))
        density = exp(-0.5 * square) / math.sqrt(2 * math.pi)
    else:
        steep, cubic = math.sqrt(2 / math.pi), 0.044715
        below = 0.5 * (1 + tanh(input * (steep * (1 + cubic * square))))
        density = below * (1 - below) * (2 * steep * (1 + 3 * cubic * square))
    return g * (below + input * density)


@gelu.fused
def gelu_fused(g, input, below, approximate):
    return g * kernels.gelu_slope(input, below, approximate)


def _check_floats(input: Any) -> None:
    if input.dtype.kind != "f":
        raise DTypeError(f"expected floating-point elements, got {input.dtype}; use .float()")


@composite
def softsign(input: Any) -> Any:
    """x / (1 + |x|) of each element. Gradient: g / (1 + |input|)^2.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.softsign(tg.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5000,  0.0000,  0.7500])
    """
    return input / (abs(input) + 1)


@composite
def tanhshrink(input: Any) -> Any:
    """x - tanh(x) of each element. Gradient: g tanh(input)^2.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.tanhshrink(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return input - tanh(input)


# --- of several elements ------------------------------------------------------------------------


@composite
def glu(input: Any, dim: int = -1) -> Any:
    """The first half of `input` along `dim`, gated by the sigmoid of the second half.

    Gradient: that of a sigmoid(b) for the halves a and b.
    Errors: ShapeError if the size along `dim` is odd. Source: Dauphin et al. (2017).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.glu(tg.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """
    if not input.ndim:
        raise ShapeError("argument 'input': expected at least one dimension, got shape ()")
    _check_floats(input)
    axis = one(dim, input.ndim)
    half, odd = divmod(input.shape[axis], 2)
    if odd:
        raise ShapeError(f"expected an even size along dim {dim}, got shape {input.shape}")
    before = (slice(None),) * axis
    value = getitem(input, (*before, slice(None, half)))
    return value * sigmoid(getitem(input, (*before, slice(half, None))))


@composite
def softmin(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """softmax(-x) along `dim`: the smallest element gets the largest share.

    Gradient: out (sum(g out) - g).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.softmin(tg.tensor([0.0, 0.0, 1e4]), dim=0)
    tensor([0.5000, 0.5000, 0.0000])
    """
    return softmax(neg(input), dim, dtype)
