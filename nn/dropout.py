"""Dropout layers: elements or whole channels set to 0 at random, while a network learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_edu.errors import SettingError, describe
from tinygrad_edu.ops.dropout import dropout, dropout1d, dropout2d
from tinygrad_edu.tensor import Tensor

from .module import Module

__all__ = ["Dropout", "Dropout1d", "Dropout2d"]


class _Dropout(Module):
    """In training a function that drops with probability `p`, in evaluation nothing."""

    _function: Callable[..., Any]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            expected = "a probability of dropping, 0 to 1"
            raise SettingError(describe(type(self).__name__, "p", expected, p))
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input, in training with a part of it dropped."""
        return self._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, sets each element to 0 with probability `p` and scales the others by 1/(1 - p).

    In evaluation (`eval()`) it returns its input.
    Errors: SettingError if p is not a probability. Source: Srivastava et al. (2014).

    >>> import tinygrad_edu as tg
    >>> tg.nn.Dropout(p=0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    _function = staticmethod(dropout)


class Dropout1d(_Dropout):
    """In training, sets whole channels of signals to 0 with probability `p`; as `Dropout`.

    Shapes: (N, C, L) or (C, L), result alike. Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> tg.nn.Dropout1d(p=1.0)(tg.ones(1, 2, 3))
    tensor([[[0., 0., 0.],
             [0., 0., 0.]]])
    """

    _function = staticmethod(dropout1d)


class Dropout2d(_Dropout):
    """In training, sets whole channels of images to 0 with probability `p`; as `Dropout`.

    Shapes: (N, C, H, W), result alike. Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> y = tg.nn.Dropout2d()(tg.ones(2, 8, 4, 4))
    >>> bool(((y == 0) | (y == 2)).all()), bool((y == y[:, :, :1, :1]).all())
    (True, True)
    """

    _function = staticmethod(dropout2d)
