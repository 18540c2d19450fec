"""Activations of each element, and what scales a vector by its own length.

An op here is a kernel on floats and a rule; `overwriting` gives it PyTorch's argument `inplace`.
"""

from __future__ import annotations

import functools
import inspect
import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError
from tinygrad_edu.op import OPS, composite, op
from tinygrad_edu.ops.activation import softmax
from tinygrad_edu.ops.arithmetic import neg
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.dims import one
from tinygrad_edu.ops.functions import erf
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.ops.inplace import write
from tinygrad_edu.ops.pointwise import abs, exp, sigmoid, tanh
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__ = [
    "elu", "gelu", "glu", "hardtanh", "leaky_relu", "logsigmoid", "prelu", "relu6", "selu",
    "silu", "softmin", "softplus", "softsign",
]  # fmt: skip


def overwriting(call: Any) -> Any:
    """Give an op of one input a further argument `inplace`, last, by which it overwrites that."""
    name, places = call.__name__, 1 + len(call.op.settings)

    @functools.wraps(call)
    def activation(*args: Any, **kwargs: Any) -> Any:
        args, last = args[:places], args[places:]
        if not (last[0] if len(last) == 1 else kwargs.pop("inplace", False)):
            return call(*args, *last[1:], **kwargs)
        input = args[0] if args else kwargs.pop("input", None)
        if not isinstance(input, Tensor):
            raise DTypeError(
                f"{name}: argument 'input': expected a Tensor to overwrite, got "
                f"{type(input).__name__}; leave inplace out"
            )
        return write(name, input, call, *args[1:], **kwargs)

    given = inspect.signature(call)
    flag = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)
    activation.__signature__ = given.replace(  # type: ignore[attr-defined]
        parameters=[*given.parameters.values(), flag]
    )
    OPS[name] = activation
    return activation


def floats(input: Any) -> Any:
    """The input, of floating dtype: PyTorch's activations take no other."""
    if input.dtype.kind != "f":
        raise TypeError("expected floating-point elements; use .float()")
    return input


# --- made of straight pieces --------------------------------------------------------------------


@overwriting
@op
def hardtanh(input: Any, /, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Each element, raised to `min_val` and lowered to `max_val`.

    Gradient: g strictly between the bounds, 0 elsewhere (`clamp` has g at a bound as well).
    Errors: SettingError if the bounds are in the wrong order, DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.hardtanh(tg.tensor([-2.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise SettingError(
            f"argument 'min_val': expected at most max_val, {max_val}, got {min_val}"
        )
    kind = input.dtype.type
    if kind is np.bool_ or (input.dtype.kind == "u" and int(min_val) < 0):
        raise TypeError("expected numbers that may be negative; use .long()")
    return np.minimum(np.maximum(input, kind(min_val)), kind(max_val))


@hardtanh.rule
def hardtanh_rule(g, input, min_val, max_val):
    return where((input <= min_val) + (input >= max_val), 0.0, g)


@overwriting
@op
def relu6(input: Any, /) -> Any:
    """Each element, raised to 0 and lowered to 6. Gradient: g strictly between, 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.relu6(tg.tensor([-2.0, 0.5, 8.0]))
    tensor([0.0000, 0.5000, 6.0000])
    """
    return hardtanh.op.kernel(input, 0, 6)


@relu6.rule
def relu6_rule(g, input):
    return hardtanh_rule(g, input, 0, 6)


@overwriting
@op
def leaky_relu(input: Any, /, negative_slope: float = 0.01) -> Any:
    """x where it is positive, else negative_slope * x.

    Gradient: g where the input is positive, else g negative_slope, also at 0.
    Source: Maas, Hannun and Ng (2013).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.leaky_relu(tg.tensor([-1.0, 2.0]), 0.25)
    tensor([-0.2500,  2.0000])
    """
    return np.where(floats(input) > 0, input, input * negative_slope)


@leaky_relu.rule
def leaky_relu_rule(g, input, negative_slope):
    return where(input > 0, g, g * negative_slope)


@composite(method="prelu")
def prelu(input: Any, weight: Any) -> Any:
    """x where it is positive, else weight * x, with a slope that is learned.

    Shapes: `weight` () or (1,), or (C,) for an input (N, C, ...).
    Gradient: g where the input is positive, else g weight; for the weight the sum of g input
    over the elements that are not positive. Errors: ShapeError, DTypeError for unequal dtypes.
    Source: He et al. (2015), Delving deep into rectifiers.

    >>> import tinygrad_edu as tg
    >>> tg.prelu(tg.tensor([[-1.0, 2.0]]), tg.tensor([0.25, 0.5]))
    tensor([[-0.2500,  2.0000]])
    """
    if weight.ndim > 1:
        raise ShapeError(f"argument 'weight': expected at most 1 dimension, got {weight.shape}")
    C = input.shape[1] if input.ndim > 1 else 1
    slopes = weight.shape[0] if weight.ndim else 1
    if slopes not in (1, C):
        raise ShapeError(
            f"argument 'weight': expected 1 or {C} slopes for input {input.shape}, got "
            f"{weight.shape}"
        )
    if input.dtype != weight.dtype:
        raise DTypeError(f"expected inputs of one dtype, got {input.dtype} and {weight.dtype}")
    slope = reshape(weight, (slopes, *(1,) * (input.ndim - 2)) if input.ndim > 1 else ())
    positive = input > 0
    # Masked twice: an infinite element must not reach the gradient of the weight as 0 times inf.
    return where(positive, input, where(positive, 0.0, input) * slope)


# --- made of exponentials -----------------------------------------------------------------------


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
    return np.where(floats(input) > 0, input, np.expm1(np.minimum(input, 0)) * alpha)


@elu.rule
def elu_rule(g, input, alpha):
    positive = input > 0
    return where(positive, g, g * (exp(where(positive, 0.0, input)) * alpha))


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


@overwriting
@op
def silu(input: Any, /) -> Any:
    """x sigmoid(x) of each element, also called swish.

    Gradient: g s (1 + input (1 - s)), s = sigmoid(input).
    Source: Elfwing, Uchibe and Doya (2018).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.silu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    return input * sigmoid.op.kernel(floats(input))


@silu.rule
def silu_rule(g, input):
    s = sigmoid(input)
    return g * (s * (1 + input * (1 - s)))


@op
def softplus(input: Any, /, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above `threshold`.

    Gradient: g sigmoid(beta input), and g above the threshold.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.softplus(tg.tensor([-1e4, 0.0, 1e4]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+04])
    """
    scaled = floats(input) * beta
    return np.where(scaled > threshold, input, np.logaddexp(scaled, scaled.dtype.type(0)) / beta)


@softplus.rule
def softplus_rule(g, input, beta, threshold):
    scaled = input * beta
    return where(scaled > threshold, g, g * sigmoid(scaled))


@op
def logsigmoid(input: Any, /) -> Any:
    """log(sigmoid(x)) of each element, without overflow. Gradient: g sigmoid(-input).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.logsigmoid(tg.tensor([-1e4, 0.0]))
    tensor([-1.0000e+04, -6.9315e-01])
    """
    return -np.logaddexp(-floats(input), input.dtype.type(0))


@logsigmoid.rule
def logsigmoid_rule(g, input):
    return g * sigmoid(-input)


@composite
def gelu(input: Any, *, approximate: str = "none") -> Any:
    """x times the probability that a standard normal number is below x.

    `approximate="tanh"` takes the formula 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
    Gradient: of the formula. Errors: SettingError for another `approximate`.
    Source: Hendrycks and Gimpel (2016).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.gelu(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    _check_floats(input)
    if approximate == "none":
        return input * (0.5 * (1 + erf(input * math.sqrt(0.5))))
    if approximate == "tanh":
        cubic = input * (1 + 0.044715 * (input * input))
        return input * (0.5 * (1 + tanh(math.sqrt(2 / math.pi) * cubic)))
    raise SettingError(
        f"gelu: argument 'approximate': expected 'none' or 'tanh', got {approximate!r}"
    )


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
