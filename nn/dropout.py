"""Dropout as a module."""

from __future__ import annotations

from tinygrad_edu.errors import describe
from tinygrad_edu.ops.dropout import dropout
from tinygrad_edu.tensor import Tensor

from .module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """In training, sets each element to 0 with probability `p` and scales the others by 1/(1 - p).

    In evaluation (`eval()`) it returns its input.
    Errors: ValueError if p is not a probability. Source: Srivastava et al. (2014).

    >>> import tinygrad_edu as tg
    >>> tg.nn.Dropout(p=0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(describe("Dropout", "p", "a probability of dropping, 0 to 1", p))
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements dropped, in training."""
        return dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return f"p={self.p}, inplace={self.inplace}"
