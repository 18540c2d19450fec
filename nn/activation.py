"""Activations as modules: the functions of the same names, with their settings."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.ops.create import empty
from tinygrad_edu.tensor import Tensor

from . import functional, init
from .function import Activation
from .layer import whole
from .module import Module
from .parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh",
    "LeakyReLU", "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU",
    "Sigmoid", "Softmax", "Softmax2d", "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh",
    "Tanhshrink", "Threshold",
]  # fmt: skip


# --- made of straight pieces --------------------------------------------------------------------


class ReLU(Activation, function=functional.relu):
    """max(x, 0) of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    inplace: bool = False


class ReLU6(Activation, function=functional.relu6):
    """Each element, raised to 0 and lowered to 6.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ReLU6()(tg.tensor([-2.0, 5.0, 8.0]))
    tensor([0., 5., 6.])
    """

    inplace: bool = False


class LeakyReLU(Activation, function=functional.leaky_relu):
    """x where it is positive, else negative_slope * x.

    >>> import tinygrad_edu as tg
    >>> tg.nn.LeakyReLU(0.25)(tg.tensor([-1.0, 2.0]))
    tensor([-0.2500,  2.0000])
    """

    negative_slope: float = 0.01
    inplace: bool = False


class PReLU(Module):
    """x where it is positive, else weight * x, with slopes that are learned.

    Shapes: `weight` (num_parameters,), 1 or the size of the input's dim 1; it starts at `init`.
    Errors: ValueError for a number below 1, ShapeError if the input does not fit.

    >>> import tinygrad_edu as tg
    >>> tg.nn.PReLU()(tg.tensor([-1.0, 2.0])).detach()
    tensor([-0.2500,  2.0000])
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = whole(self, "num_parameters", num_parameters, 1)
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes to `init`."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """x where it is positive, else weight * x."""
        return functional.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The settings."""
        return f"num_parameters={self.num_parameters}"


class Hardtanh(Activation, function=functional.hardtanh):
    """Each element, raised to `min_val` and lowered to `max_val`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Hardtanh()(tg.tensor([-2.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False


class Hardsigmoid(Activation, function=functional.hardsigmoid):
    """x / 6 + 1/2, raised to 0 and lowered to 1.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Hardsigmoid()(tg.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    inplace: bool = False


class Hardswish(Activation, function=functional.hardswish):
    """x hardsigmoid(x) of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Hardswish()(tg.tensor([-1.5, 0.0, 1.5]))
    tensor([-0.3750,  0.0000,  1.1250])
    """

    inplace: bool = False


class Threshold(Activation, function=functional.threshold):
    """x where it is above `threshold`, else `value`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Threshold(1, -5)(tg.tensor([0.5, 2.0]))
    tensor([-5.,  2.])
    """

    threshold: float
    value: float
    inplace: bool = False


class _Shrink(Activation):
    def extra_repr(self) -> str:
        """The settings."""
        return str(getattr(self, "lambd"))  # noqa: B009


class Softshrink(_Shrink, function=functional.softshrink):
    """Each element, brought nearer to 0 by `lambd`, and to 0 if it is nearer than that.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Softshrink()(tg.tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """

    lambd: float = 0.5


class Hardshrink(_Shrink, function=functional.hardshrink):
    """Each element, and 0 for those that are no further than `lambd` from 0.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Hardshrink()(tg.tensor([-2.0, 0.25, 1.0]))
    tensor([-2.,  0.,  1.])
    """

    lambd: float = 0.5


# --- made of exponentials -----------------------------------------------------------------------


class ELU(Activation, function=functional.elu):
    """x where it is positive, else alpha (exp(x) - 1).

    >>> import tinygrad_edu as tg
    >>> tg.nn.ELU()(tg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    alpha: float = 1.0
    inplace: bool = False


class SELU(Activation, function=functional.selu):
    """1.0507 elu(x, alpha=1.6733): keeps mean 0 and variance 1 from layer to layer.

    >>> import tinygrad_edu as tg
    >>> tg.nn.SELU()(tg.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """

    inplace: bool = False


class CELU(Activation, function=functional.celu):
    """x where it is positive, else alpha (exp(x / alpha) - 1): slope 1 at 0 for every alpha.

    >>> import tinygrad_edu as tg
    >>> tg.nn.CELU(2.0)(tg.tensor([-2.0, 1.0]))
    tensor([-1.2642,  1.0000])
    """

    alpha: float = 1.0
    inplace: bool = False


class GELU(Activation, function=functional.gelu):
    """x times the chance that a standard normal number is below x; `approximate` may be "tanh".

    >>> import tinygrad_edu as tg
    >>> tg.nn.GELU()(tg.tensor([-1.0, 1.0]))
    tensor([-0.1587,  0.8413])
    """

    approximate: str = "none"


class SiLU(Activation, function=functional.silu):
    """x sigmoid(x) of each element, also called swish.

    >>> import tinygrad_edu as tg
    >>> tg.nn.SiLU()(tg.tensor([-1.0, 1.0]))
    tensor([-0.2689,  0.7311])
    """

    inplace: bool = False


class Mish(Activation, function=functional.mish):
    """x tanh(softplus(x)) of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Mish()(tg.tensor([-1.0, 1.0]))
    tensor([-0.3034,  0.8651])
    """

    inplace: bool = False


class Softplus(Activation, function=functional.softplus):
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above `threshold`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Softplus()(tg.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    beta: float = 1.0
    threshold: float = 20.0


class Softsign(Activation, function=functional.softsign):
    """x / (1 + |x|) of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Softsign()(tg.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """


class Sigmoid(Activation, function=functional.sigmoid):
    """1 / (1 + exp(-x)) of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Sigmoid()(tg.zeros(1))
    tensor([0.5000])
    """


class LogSigmoid(Activation, function=functional.logsigmoid):
    """log(sigmoid(x)) of each element, without overflow.

    >>> import tinygrad_edu as tg
    >>> tg.nn.LogSigmoid()(tg.zeros(1))
    tensor([-0.6931])
    """


class Tanh(Activation, function=functional.tanh):
    """The hyperbolic tangent of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Tanh()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """


class Tanhshrink(Activation, function=functional.tanhshrink):
    """x - tanh(x) of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Tanhshrink()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """


# --- of several elements ------------------------------------------------------------------------


class GLU(Activation, function=functional.glu):
    """The first half of the input along `dim`, gated by the sigmoid of the second half.

    >>> import tinygrad_edu as tg
    >>> tg.nn.GLU()(tg.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """

    dim: int = -1


class Softmax(Activation, function=functional.softmax):
    """exp(x) / sum(exp(x)) along `dim`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Softmax(dim=1)(tg.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    dim: int | None = None


class Softmin(Activation, function=functional.softmin):
    """softmax(-x) along `dim`: the smallest element gets the largest share.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Softmin(dim=0)(tg.tensor([0.0, 0.0, 1e4]))
    tensor([0.5000, 0.5000, 0.0000])
    """

    dim: int | None = None


class LogSoftmax(Activation, function=functional.log_softmax):
    """The logarithm of softmax along `dim`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.LogSoftmax(dim=0)(tg.zeros(2))
    tensor([-0.6931, -0.6931])
    """

    dim: int | None = None


class Softmax2d(Module):
    """Softmax over the channels, at every place of an image.

    Shapes: (N, C, H, W) or (C, H, W). Errors: ShapeError for another number of dims.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Softmax2d()(tg.zeros(4, 1, 1)).flatten()
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shares of the channels."""
        if input.ndim not in (3, 4):
            raise ShapeError(describe("Softmax2d", "input", "3 or 4 dimensions", input.shape))
        return functional.softmax(input, -3)
