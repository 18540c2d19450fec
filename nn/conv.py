"""Convolutional layers."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.errors import describe
from tinygrad_edu.kernels.checks import pair
from tinygrad_edu.ops.conv import conv2d
from tinygrad_edu.tensor import Tensor

from .layer import add_parameters, reset_uniform, whole
from .module import Module
from .parameter import Parameter

__all__ = ["Conv2d"]


class Conv2d(Module):
    """Cross-correlation of images with learned filters; see `conv2d` for the shapes.

    Shapes: (N, in_channels, H, W) -> (N, out_channels, OH, OW); weight (out_channels,
    in_channels / groups, KH, KW), bias (out_channels,), both drawn uniformly from +-1 / sqrt(n),
    n the number of inputs of one output. `padding` is a number, a pair, "same" or "valid";
    `padding_mode` is "zeros".
    Errors: ValueError or DTypeError for settings that make no sense, ShapeError if the input
    does not fit.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Conv2d(3, 8, kernel_size=5, padding=2); layer
    Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    >>> layer(tg.zeros(2, 3, 32, 32)).shape
    (2, 8, 32, 32)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride = pair("Conv2d", "stride", stride, 1)
        self.padding = _padding(padding, self.stride)
        self.dilation = pair("Conv2d", "dilation", dilation, 1)
        self.groups = whole(self, "groups", groups, 1)
        self.in_channels = self._channels("in_channels", in_channels)
        self.out_channels = self._channels("out_channels", out_channels)
        self.padding_mode = padding_mode
        if padding_mode != "zeros":
            got = f"{padding_mode!r}, which is not there yet"
            raise ValueError(describe("Conv2d", "padding_mode", "'zeros'", got, "pad the input"))
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        add_parameters(self, device, dtype, weight=shape, bias=shape[:1] if bias else None)
        self.reset_parameters()

    def _channels(self, argument: str, value: int) -> int:
        if whole(self, argument, value, 1) % self.groups:
            expected = f"a multiple of groups={self.groups}"
            raise ValueError(describe("Conv2d", argument, expected, value))
        return int(value)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        reset_uniform(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """The convolution, plus the bias."""
        return conv2d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        parts = [f"{self.in_channels}, {self.out_channels}"]
        parts += [f"kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0, 0):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)


def _padding(padding: Any, stride: tuple[int, int]) -> Any:
    """The padding as a pair, or its name."""
    if not isinstance(padding, str):
        return pair("Conv2d", "padding", padding, 0)
    if padding not in ("same", "valid"):
        raise ValueError(describe("Conv2d", "padding", "ints, 'same' or 'valid'", repr(padding)))
    if padding == "same" and stride != (1, 1):
        got = f"'same' with stride {stride}"
        raise ValueError(describe("Conv2d", "padding", "ints if the stride is not 1", got))
    return padding
