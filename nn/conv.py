"""Convolutional layers, and the transposed ones, of signals and of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tinygrad_edu.errors import describe
from tinygrad_edu.kernels.checks import steps, transposed_size
from tinygrad_edu.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from tinygrad_edu.ops.pad import pad
from tinygrad_edu.tensor import Tensor

from .layer import add_parameters, reset_uniform, whole
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

# What the layers take, as fit.py reads it: with and without a batch.
_SIGNALS = ("N, in_channels, L", "in_channels, L")
_IMAGES = ("N, in_channels, H, W", "in_channels, H, W")


class _Conv(Module):
    """What all convolutions share: settings, one number for each dim, and parameters."""

    weight: Parameter
    bias: Parameter | None
    transposed: bool
    _dims: int
    _modes: tuple[str, ...]  # what the border may be
    _function: Callable[..., Any]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any,
        output_padding: Any, dilation: Any, groups: int, bias: bool, padding_mode: str,
        device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_mode not in self._modes:
            self._refuse("padding_mode", " or ".join(map(repr, self._modes)), repr(padding_mode))
        self.kernel_size = self._steps("kernel_size", kernel_size, 1)
        self.stride = self._steps("stride", stride, 1)
        self.padding = self._padding(padding)
        self.output_padding = self._steps("output_padding", output_padding, 0)
        self.dilation = self._steps("dilation", dilation, 1)
        self.groups = whole(self, "groups", groups, 1)
        self.in_channels = self._channels("in_channels", in_channels)
        self.out_channels = self._channels("out_channels", out_channels)
        self.padding_mode = padding_mode
        ends = (self.in_channels, self.out_channels)
        many, few = ends if self.transposed else ends[::-1]
        add_parameters(
            self, device, dtype, weight=(many, few // self.groups, *self.kernel_size),
            bias=(self.out_channels,) if bias else None,
        )  # fmt: skip
        self.reset_parameters()

    def _steps(self, argument: str, value: Any, least: int) -> tuple[int, ...]:
        return steps(type(self).__name__, argument, value, least, self._dims)

    def _padding(self, padding: Any) -> Any:
        return self._steps("padding", padding, 0)

    def _channels(self, argument: str, value: Any) -> int:
        count = whole(self, argument, value, 1)
        if count % self.groups:
            self._refuse(argument, f"a multiple of groups={self.groups}", count)
        return count

    def _refuse(self, argument: str, expected: str, got: object) -> NoReturn:
        raise ValueError(describe(type(self).__name__, argument, expected, got))

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        reset_uniform(self.weight, self.bias)

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        none, one = (0,) * self._dims, (1,) * self._dims
        parts = [f"{self.in_channels}, {self.out_channels}"]
        parts += [f"kernel_size={self.kernel_size}, stride={self.stride}"]
        for name, usual in (
            ("padding", none), ("dilation", one), ("output_padding", none), ("groups", 1)
        ):  # fmt: skip
            if (value := getattr(self, name)) != usual:
                parts.append(f"{name}={value}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


# --- convolutions ---------------------------------------------------------------------------------


class _Correlation(_Conv):
    """`conv1d` or `conv2d` with learned filters, the border filled in any way that `pad` knows."""

    transposed = False
    _modes = ("zeros", "reflect", "replicate", "circular")

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _padding(self, padding: Any) -> Any:
        if not isinstance(padding, str):
            return super()._padding(padding)
        if padding not in ("same", "valid"):
            self._refuse("padding", "ints, 'same' or 'valid'", repr(padding))
        if padding == "same" and max(self.stride) > 1:
            got = f"'same' with stride {self.stride}"
            self._refuse("padding", "ints if the stride is not 1", got)
        return padding

    def forward(self, input: Tensor) -> Tensor:
        """The convolution, plus the bias."""
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = pad(input, self._border(), self.padding_mode), 0
        return self._function(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def _border(self) -> tuple[int, ...]:
        """The padding as `pad` takes it: before and after, the last dim first."""
        if self.padding == "same":
            reach = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation, strict=True)]
            ends = [(n // 2, n - n // 2) for n in reach]
        else:
            widths = (0,) * self._dims if self.padding == "valid" else self.padding
            ends = [(n, n) for n in widths]
        return sum(reversed(ends), ())


class Conv1d(_Correlation):
    """Cross-correlation of signals with learned filters; see `conv1d` for the shapes.

    Shapes: (N, in_channels, L) or (in_channels, L) -> (N, out_channels, OL); weight (out_channels,
    in_channels / groups, K), bias (out_channels,). Settings, start and errors: as `Conv2d`.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Conv1d(2, 4, kernel_size=3, padding="same", padding_mode="circular")
    >>> layer(tg.zeros(5, 2, 16)).shape
    (5, 4, 16)
    """

    _dims, _function = 1, staticmethod(conv1d)
    _takes = _SIGNALS


class Conv2d(_Correlation):
    """Cross-correlation of images with learned filters; see `conv2d` for the shapes.

    Shapes: (N, in_channels, H, W) or (in_channels, H, W) -> (N, out_channels, OH, OW); weight
    (out_channels, in_channels / groups, KH, KW), bias (out_channels,), both drawn uniformly from
    +-1 / sqrt(n), n the number of inputs of one output. `padding` is a number, a pair, "same" or
    "valid"; `padding_mode` says what the border is: "zeros", "reflect", "replicate" or "circular".
    Errors: ValueError or DTypeError for settings that make no sense, ShapeError if the input
    does not fit.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Conv2d(3, 8, kernel_size=5, padding=2); layer
    Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    >>> layer(tg.zeros(2, 3, 32, 32)).shape
    (2, 8, 32, 32)
    """

    _dims, _function = 2, staticmethod(conv2d)
    _takes = _IMAGES


# --- transposed convolutions ----------------------------------------------------------------------


class _Transposed(_Conv):
    """`conv_transpose1d` or `conv_transpose2d` with learned filters."""

    transposed = True
    _modes = ("zeros",)

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, output_padding: Any = 0, groups: int = 1, bias: bool = True,
        dilation: Any = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The transposed convolution, plus the bias.

        Several sizes are reduced to one by a stride: `output_size`, as the dims of space or as a
        whole shape, says which of them is meant, in place of `output_padding`.
        """
        more = self.output_padding if output_size is None else self._more(input, output_size)
        return self._function(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups,
            self.dilation,
        )  # fmt: skip

    def _more(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that gives `output_size`."""
        dims, wanted = self._dims, tuple(output_size)
        if len(wanted) not in (dims, input.ndim):
            self._refuse("output_size", f"{dims} sizes, or {input.ndim}", wanted)
        none = (0,) * dims
        least = transposed_size(
            input.shape[-dims:], self.kernel_size, self.stride, self.padding, none, self.dilation
        )
        more = tuple([n - m for n, m in zip(wanted[-dims:], least, strict=True)])
        if any(not 0 <= n < s for n, s in zip(more, self.stride, strict=True)):
            most = tuple([n + s - 1 for n, s in zip(least, self.stride, strict=True)])
            expected = f"sizes from {least} to {most} for an input of shape {input.shape}"
            self._refuse("output_size", expected, wanted)
        return more


class ConvTranspose1d(_Transposed):
    """The transposed convolution of signals with learned filters; see `conv_transpose1d`.

    Shapes: (N, in_channels, L) or (in_channels, L) -> (N, out_channels, OL); weight (in_channels,
    out_channels / groups, K), bias (out_channels,). Settings, start and errors: as
    `ConvTranspose2d`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ConvTranspose1d(4, 2, kernel_size=4, stride=2, padding=1)(tg.zeros(5, 4, 8)).shape
    (5, 2, 16)
    """

    _dims, _function = 1, staticmethod(conv_transpose1d)
    _takes = _SIGNALS


class ConvTranspose2d(_Transposed):
    """The transposed convolution of images with learned filters; see `conv_transpose2d`.

    It enlarges an image where `Conv2d` with the same settings reduces one.
    Shapes: (N, in_channels, H, W) or (in_channels, H, W) -> (N, out_channels, OH, OW); weight
    (in_channels, out_channels / groups, KH, KW), bias (out_channels,), both drawn uniformly from
    +-1 / sqrt(n), n = out_channels / groups KH KW.
    Errors: ValueError or DTypeError for settings that make no sense, or an `output_size` that
    there is not; ShapeError if the input does not fit.

    >>> import tinygrad_edu as tg
    >>> down = tg.nn.Conv2d(1, 1, kernel_size=3, stride=2)
    >>> up = tg.nn.ConvTranspose2d(1, 1, kernel_size=3, stride=2); up
    ConvTranspose2d(1, 1, kernel_size=(3, 3), stride=(2, 2))
    >>> x = tg.zeros(1, 1, 8, 8)
    >>> up(down(x)).shape, up(down(x), output_size=x.shape).shape
    ((1, 1, 7, 7), (1, 1, 8, 8))
    """

    _dims, _function = 2, staticmethod(conv_transpose2d)
    _takes = _IMAGES
