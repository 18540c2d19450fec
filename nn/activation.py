"""Activations as modules."""

from __future__ import annotations

from tinygrad_edu.ops.activation import log_softmax, softmax
from tinygrad_edu.ops.pointwise import sigmoid, tanh
from tinygrad_edu.tensor import Tensor

from .functional import relu
from .module import Module

__all__ = ["LogSoftmax", "ReLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU(Module):
    """max(x, 0) of each element; `inplace` overwrites the input.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """max(input, 0)."""
        return relu(input, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + exp(-x)) of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Sigmoid()(tg.zeros(1))
    tensor([0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + exp(-input))."""
        return sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent of each element.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Tanh()(tg.zeros(1))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """tanh(input)."""
        return tanh(input)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along `dim`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Softmax(dim=1)(tg.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Probabilities along `dim`."""
        return softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The settings."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of softmax along `dim`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.LogSoftmax(dim=0)(tg.zeros(2))
    tensor([-0.6931, -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Logarithms of probabilities along `dim`."""
        return log_softmax(input, self.dim)
