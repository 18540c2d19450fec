"""Transforms that change what a pixel is: its kind, its numbers, its channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.tensor import Tensor

from . import images
from .base import Transform


class ToTensor(Transform):
    """A Pillow image or an array (H, W[, C]) as a tensor (C, H, W); bytes become floats in [0, 1].

    Arrays of other numbers keep their values and dtype.

    >>> import numpy as np
    >>> from tinygrad_edu.datasets import transforms as T
    >>> T.ToTensor()(np.array([[0, 255]], np.uint8))
    tensor([[[0., 1.]]])
    """

    scale = True

    def apply(self, img: Any) -> Tensor:
        if isinstance(img, Tensor):
            raise DTypeError(
                describe(type(self).__name__, "pic", "a PIL image or an array", "a Tensor")
            )
        return images.to_tensor(img, self.scale)


class PILToTensor(ToTensor):
    """A Pillow image as a tensor (C, H, W) of the numbers it holds: bytes stay bytes."""

    scale = False


class ToPILImage(Transform):
    """A tensor (C, H, W) or an array (H, W, C) as a Pillow image; floats are taken as 0 to 1.

    `mode` is Pillow's name for what the channels are; by default L, LA, RGB or RGBA.

    Errors: DTypeError for numbers that Pillow has no image of, ValueError for a `mode` that does
    not fit them.
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode
        self.shown = () if mode is None else ("mode",)

    def apply(self, img: Any) -> Any:
        if images.is_pillow(img) or img.ndim not in (2, 3):
            got = "a PIL image" if images.is_pillow(img) else f"shape {img.shape}"
            expected = "a tensor (C, H, W) or an array (H, W, C), 2 or 3 dims"
            raise ShapeError(describe("ToPILImage", "pic", expected, got))
        return images.to_pillow(img, self.mode)


class Normalize(Transform):
    """(x - mean) / std, channel by channel; with `inplace` written over the input.

    Shapes: a tensor (..., C, H, W) or an array (H, W, C) of floats; mean and std of C numbers, or
    of one for all channels.
    Errors: DTypeError for an image that is not of floats, ShapeError for another number of
    channels, ValueError for a standard deviation of 0.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import transforms as T
    >>> T.Normalize(mean=[1.0, 0.0], std=[1.0, 2.0])(tg.ones(2, 1, 1)).flatten()
    tensor([0.0000, 0.5000])
    """

    shown = ("mean", "std")

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def apply(self, img: Any) -> Any:
        if images.is_pillow(img) or img.dtype.kind != "f":
            got = "a PIL image" if images.is_pillow(img) else img.dtype
            expected, mend = "an image of floats", "put ToTensor() before it"
            raise DTypeError(describe("Normalize", "img", expected, got, mend))
        return images.on_planes(img, self._normalized)

    def _normalized(self, x: Tensor) -> Tensor:
        mean, std = (self._column(name, x) for name in ("mean", "std"))
        if not std.numpy().all():
            expected = f"numbers other than 0 in {x.dtype}"
            raise ValueError(describe("Normalize", "std", expected, self.std))
        if self.inplace:
            return x.sub_(mean).div_(std)
        return (x - mean) / std

    def _column(self, name: str, x: Tensor) -> Tensor:
        """One number per channel, (C, 1, 1), in the dtype of the image."""
        column = np.array(getattr(self, name), dtype=x.dtype).reshape(-1, 1, 1)
        if x.ndim < 3 or len(column) not in (1, x.shape[-3]):
            expected = f"as many channels as {name} has numbers ({len(column)}), (..., C, H, W)"
            raise ShapeError(describe("Normalize", "img", expected, f"shape {x.shape}"))
        return from_numpy(column)


class Grayscale(Transform):
    """The luminance .2989 R + .587 G + .114 B, in one channel, or in three equal ones.

    Pillow images are converted by Pillow. Errors: ShapeError unless there are 1 or 3 channels.
    """

    shown = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(
                describe("Grayscale", "num_output_channels", "1 or 3", num_output_channels)
            )
        self.num_output_channels = num_output_channels

    def apply(self, img: Any) -> Any:
        return images.grayscale(img, self.num_output_channels)
