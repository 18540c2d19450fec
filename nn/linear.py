"""Fully connected layers."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.matrix import bilinear
from tinygrad_edu.tensor import Tensor

from . import init
from .layer import add_parameters, reset_uniform, whole
from .module import Module
from .parameter import Parameter

__all__ = ["Bilinear", "Linear"]


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


class Bilinear(Module):
    """A linear layer of all products of two inputs: out_k = sum_ij a_i weight_kij b_j + bias_k.

    Shapes: (..., in1_features), (..., in2_features) -> (..., out_features); weight (out_features,
    in1_features, in2_features), bias (out_features,), both drawn uniformly from
    +-1 / sqrt(in1_features).
    Errors: ValueError for a number of features below 0 (`in1_features` below 1), ShapeError if
    the inputs do not fit.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Bilinear(3, 4, 2); layer
    Bilinear(in1_features=3, in2_features=4, out_features=2, bias=True)
    >>> layer(tg.ones(5, 3), tg.ones(5, 4)).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in1_features = whole(self, "in1_features", in1_features, 1)
        self.in2_features = whole(self, "in2_features", in2_features, 0)
        self.out_features = whole(self, "out_features", out_features, 0)
        shape = (self.out_features, self.in1_features, self.in2_features)
        add_parameters(self, device, dtype, weight=shape, bias=shape[:1] if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        for p in (self.weight, self.bias):
            if p is not None:
                init.uniform_(p, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """The weighted sums of the products of the two, plus the bias."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
