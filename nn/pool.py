"""Pooling layers: the functions of the same names, with their settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import functional
from .function import OneInput

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AvgPool1d", "AvgPool2d", "MaxPool1d", "MaxPool2d",
]  # fmt: skip


# --- windows of one size --------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class _Pool(OneInput):
    """Windows; a stride that is not given is the kernel size, so that they do not overlap."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0

    def __post_init__(self) -> None:
        if self.stride is None:
            self.stride = self.kernel_size


@dataclass(eq=False, repr=False)
class _MaxPool(_Pool):
    dilation: Any = 1
    return_indices: bool = False
    ceil_mode: bool = False

    hidden = ("return_indices",)


class MaxPool1d(_MaxPool, function=functional.max_pool1d):
    """The largest element of each window of a signal; see `max_pool1d`.

    Shapes: (N, C, L) or (C, L) -> (N, C, OL). Settings: as `MaxPool2d`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.MaxPool1d(2)(tg.tensor([[1.0, 5.0, 2.0, 0.0]]))
    tensor([[5., 2.]])
    """


class MaxPool2d(_MaxPool, function=functional.max_pool2d):
    """The largest element of each window; see `max_pool2d`.

    Shapes: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW). With `return_indices` a pair is returned:
    the largest elements and their places, h * W + w.
    Gradient: g to the largest element of its window, the first of equal ones.
    Errors: ShapeError if no window fits.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.MaxPool2d(2); layer
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> layer(tg.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """


@dataclass(eq=False, repr=False)
class _AvgPool(_Pool):
    ceil_mode: bool = False
    count_include_pad: bool = True

    hidden = ("ceil_mode", "count_include_pad", "divisor_override")


class AvgPool1d(_AvgPool, function=functional.avg_pool1d):
    """The mean of each window of a signal; see `avg_pool1d`.

    Shapes: (N, C, L) or (C, L) -> (N, C, OL).

    >>> import tinygrad_edu as tg
    >>> tg.nn.AvgPool1d(2)(tg.tensor([[1.0, 5.0, 2.0, 0.0]]))
    tensor([[3., 1.]])
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_size", "stride", "padding"):
            value = getattr(self, name)
            setattr(self, name, (value,) if isinstance(value, int) else tuple(value))


class AvgPool2d(_AvgPool, function=functional.avg_pool2d):
    """The mean of each window; see `avg_pool2d`.

    Shapes: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW).

    >>> import tinygrad_edu as tg
    >>> tg.nn.AvgPool2d(2)(tg.ones(1, 1, 4, 4))
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """

    divisor_override: int | None = None


# --- as many windows as are asked for -------------------------------------------------------------


class AdaptiveAvgPool1d(OneInput, function=functional.adaptive_avg_pool1d):
    """The mean of each of `output_size` windows that cover a signal as evenly as they can.

    Shapes: (N, C, L) or (C, L) -> (N, C, output_size). Windows: see `adaptive_avg_pool2d`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.AdaptiveAvgPool1d(2)(tg.tensor([[1.0, 5.0, 2.0, 0.0]]))
    tensor([[3., 1.]])
    """

    output_size: Any


class AdaptiveAvgPool2d(OneInput, function=functional.adaptive_avg_pool2d):
    """The mean of each of `output_size` windows that cover an image as evenly as they can.

    Shapes: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW); `output_size` is a number, or a pair, in
    which None keeps the size of the input. Windows: see `adaptive_avg_pool2d`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.AdaptiveAvgPool2d(1)(tg.arange(6.0).reshape(1, 2, 3))
    tensor([[[2.5000]]])
    """

    output_size: Any


@dataclass(eq=False, repr=False)
class _AdaptiveMaxPool(OneInput):
    output_size: Any
    return_indices: bool = False

    hidden = ("return_indices",)


class AdaptiveMaxPool1d(_AdaptiveMaxPool, function=functional.adaptive_max_pool1d):
    """The largest element of each of `output_size` windows that cover a signal evenly.

    Shapes: (N, C, L) or (C, L) -> (N, C, output_size); with `return_indices` also their places.

    >>> import tinygrad_edu as tg
    >>> tg.nn.AdaptiveMaxPool1d(2)(tg.tensor([[1.0, 5.0, 2.0, 0.0]]))
    tensor([[5., 2.]])
    """


class AdaptiveMaxPool2d(_AdaptiveMaxPool, function=functional.adaptive_max_pool2d):
    """The largest element of each of `output_size` windows that cover an image evenly.

    Shapes and sizes: as `AdaptiveAvgPool2d`; with `return_indices` also their places, h * W + w.

    >>> import tinygrad_edu as tg
    >>> tg.nn.AdaptiveMaxPool2d((1, None))(tg.arange(6.0).reshape(1, 2, 3))
    tensor([[[3., 4., 5.]]])
    """
