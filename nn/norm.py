"""Layers that bring values to mean 0 and variance 1, then scale and shift them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_edu.errors import describe
from tinygrad_edu.ops.normalization import group_norm, layer_norm, rms_norm
from tinygrad_edu.tensor import Tensor

from . import init
from .layer import add_parameters, whole
from .module import Module
from .parameter import Parameter

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]


class Norm(Module):
    """A norm with a scale, and perhaps a shift; either may be None."""

    weight: Parameter | None
    bias: Parameter | None

    def _add_affine(
        self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: Any
    ) -> None:
        add_parameters(
            self, device, dtype, weight=shape if weight else None,
            bias=shape if weight and bias else None,
        )  # fmt: skip

    def reset_parameters(self) -> None:
        """Set the scale to 1 and the shift to 0."""
        for name, fill in (("weight", init.ones_), ("bias", init.zeros_)):
            if (parameter := getattr(self, name, None)) is not None:
                fill(parameter)


class GroupNorm(Norm):
    """Each group of channels of each example with mean 0 and variance 1, then scaled and shifted.

    Shapes: (N, C, ...), result alike; weight and bias (C,), if `affine`. `num_groups` divides C.
    Errors: ValueError if it does not, ShapeError. Source: Wu and He (2018).

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.GroupNorm(2, 4); layer
    GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)
    >>> layer(tg.tensor([[1.0, 3.0, 5.0, 9.0]])).detach()
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    _takes = ("N, num_channels, *",)

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_groups = whole(self, "num_groups", num_groups, 1)
        self.num_channels = whole(self, "num_channels", num_channels, 0)
        if num_channels % num_groups:
            expected = f"a multiple of num_groups={num_groups}"
            raise ValueError(describe("GroupNorm", "num_channels", expected, num_channels))
        self.eps, self.affine = eps, affine
        self._add_affine((self.num_channels,), affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """Each group of channels with mean 0 and variance 1, scaled and shifted."""
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LayerNorm(Norm):
    """The last dims, of the shape `normalized_shape`, with mean 0 and variance 1, then scaled.

    Shapes: (..., *normalized_shape), result alike; weight and bias normalized_shape, if
    `elementwise_affine`.
    Errors: ShapeError. Source: Ba, Kiros and Hinton (2016).

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.LayerNorm(2); layer
    LayerNorm((2,), eps=1e-05, elementwise_affine=True, bias=True)
    >>> layer(tg.tensor([[1.0, 3.0], [5.0, 9.0]])).detach()
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """

    _takes = ("*, normalized_shape",)

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5,
        elementwise_affine: bool = True, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._add_affine(self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """The last dims with mean 0 and variance 1, scaled and shifted."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(Norm):
    """The last dims divided by the root of their mean square, then scaled.

    Shapes: (..., *normalized_shape), result alike; weight normalized_shape, if
    `elementwise_affine`. `eps` is by default the smallest step from 1 of the dtype.
    Errors: ShapeError. Source: Zhang and Sennrich (2019).

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.RMSNorm(2); layer
    RMSNorm((2,), eps=None, elementwise_affine=True)
    >>> layer(tg.tensor([1.0, 7.0])).detach()
    tensor([0.2000, 1.4000])
    """

    _takes = ("*, normalized_shape",)

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None,
        elementwise_affine: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        shape = self.normalized_shape if elementwise_affine else None
        add_parameters(self, device, dtype, weight=shape)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """The last dims divided by the root of their mean square, scaled."""
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


def _shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
