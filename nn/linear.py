"""Fully connected layers, and the layers that only pass their input on."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.shape import flatten
from tinygrad_edu.tensor import Tensor

from .layer import add_parameters, reset_uniform, whole
from .module import Module
from .parameter import Parameter

__all__ = ["Flatten", "Identity", "Linear"]


class Identity(Module):
    """Returns its input, whatever the arguments it was made with: a layer taken out of a network.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Identity()(tg.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """The input itself."""
        return input


class Linear(Module):
    """A fully connected layer: input @ weight^T + bias.

    Shapes: (..., in_features) -> (..., out_features); weight (out_features, in_features), bias
    (out_features,), both drawn uniformly from +-1 / sqrt(in_features).
    Errors: ValueError for a number of features below 0, ShapeError if the input does not fit.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Linear(3, 2); layer
    Linear(in_features=3, out_features=2, bias=True)
    >>> layer(tg.ones(5, 3)).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None
    _takes = ("N, in_features", "*, in_features")

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in_features = whole(self, "in_features", in_features, 0)
        self.out_features = whole(self, "out_features", out_features, 0)
        shape = (self.out_features, self.in_features)
        add_parameters(self, device, dtype, weight=shape, bias=shape[:1] if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        reset_uniform(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """input @ weight^T + bias."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Flatten(Module):
    """Merges the dims from `start_dim` to `end_dim`: by default all but the first.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Flatten()(tg.zeros(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """The input with those dims merged."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The settings."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
