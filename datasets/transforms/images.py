"""Images of three kinds under one set of functions, as torchvision treats them.

A tensor is (..., C, H, W), an array (H, W) or (H, W, C), a Pillow image is itself; what goes in as
one kind comes out as the same kind. Pillow is never imported here unless an image of it is made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np

from tinygrad_edu.dtypes import get_default_dtype
from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.ops.pad import pad as pad_tensor
from tinygrad_edu.ops.resample import interpolate
from tinygrad_edu.tensor import Tensor


class InterpolationMode(StrEnum):
    """How a resized image is read off the old one."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


def is_pillow(image: Any) -> bool:
    """Whether this is a Pillow image; without Pillow imported nothing is."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def check_image(owner: str, image: Any) -> None:
    """Raise DTypeError or ShapeError unless `image` is of one of the three kinds."""
    expected = "a Tensor (..., C, H, W), an array (H, W) or (H, W, C), or a PIL image"
    if isinstance(image, Tensor):
        fits = image.ndim >= 2
    elif isinstance(image, np.ndarray):
        fits = image.ndim in (2, 3)
    elif is_pillow(image):
        return
    else:
        raise DTypeError(describe(owner, "img", expected, type(image).__name__))
    if not fits:
        raise ShapeError(describe(owner, "img", expected, f"shape {image.shape}"))


def size_of(image: Any) -> tuple[int, int]:
    """Height and width."""
    if is_pillow(image):
        return image.height, image.width
    height, width = image.shape[-2:] if isinstance(image, Tensor) else image.shape[:2]
    return height, width


def crop(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part of an image inside it at this place; of tensors and arrays a view."""
    if is_pillow(image):
        return image.crop((left, top, left + width, top + height))
    return on_planes(image, lambda x: x[..., top : top + height, left : left + width])


def flip(image: Any, vertically: bool) -> Any:
    """The image mirrored left to right, or top to bottom."""
    if is_pillow(image):
        from PIL.Image import Transpose

        way = Transpose.FLIP_TOP_BOTTOM if vertically else Transpose.FLIP_LEFT_RIGHT
        return image.transpose(way)
    return on_planes(image, lambda x: x.flip(-2 if vertically else -1))


def pad(image: Any, padding: tuple[int, int, int, int], fill: Any, mode: str) -> Any:
    """The image with borders (left, top, right, bottom); `mode` says what they are made of."""
    left, top, right, bottom = padding
    if mode == "constant":
        if is_pillow(image):
            from PIL import ImageOps

            bands = len(image.getbands())
            if isinstance(fill, (int, float)) and bands > 1:
                fill = (fill,) * bands  # one number would be taken as a packed colour
            return ImageOps.expand(image, padding, fill)
        return on_planes(image, lambda x: pad_tensor(x, (left, right, top, bottom), value=fill))
    if is_pillow(image):
        from PIL import Image

        return Image.fromarray(pad(np.asarray(image), padding, fill, mode))
    height, width = size_of(image)
    # Each row and column of the result is one of the image: NumPy says which.
    rows = np.pad(np.arange(height), (top, bottom), mode)  # type: ignore[call-overload]
    columns = np.pad(np.arange(width), (left, right), mode)  # type: ignore[call-overload]
    return on_planes(image, lambda x: x[..., rows, :][..., columns])


def resize(
    image: Any, size: tuple[int, int], mode: InterpolationMode, antialias: bool = True
) -> Any:
    """The image in another height and width; whole numbers are rounded, not cut off."""
    if is_pillow(image):
        from PIL.Image import Resampling

        return image.resize(size[::-1], Resampling[mode.name])

    smooth = antialias and mode != InterpolationMode.NEAREST

    def exact(x: Tensor, height: int, width: int) -> Tensor:
        batch = x.reshape(1, -1, *x.shape[-2:])
        new = interpolate(batch, (height, width), mode=mode, antialias=smooth)
        return new.reshape(*x.shape[:-2], height, width)

    def rounded(x: Tensor, height: int, width: int) -> Tensor:
        info, floats = np.iinfo(x.dtype), exact(x.float(), height, width).numpy()
        return from_numpy(np.rint(floats).clip(info.min, info.max).astype(x.dtype))

    def resized(x: Tensor) -> Tensor:
        if x.dtype.kind == "f" or mode == InterpolationMode.NEAREST:
            return exact(x, *size)
        return rounded(rounded(x, x.shape[-2], size[1]), *size)  # as Pillow: first the rows

    return on_planes(image, resized)


def grayscale(image: Any, channels: int) -> Any:
    """The luminance of an RGB image (ITU-R BT.601), in one channel or in three equal ones."""
    if is_pillow(image):
        from PIL import Image

        gray = image.convert("L")
        return gray if channels == 1 else Image.merge("RGB", [gray] * 3)

    def gray_of(x: Tensor) -> Tensor:
        if x.ndim < 3 or x.shape[-3] not in (1, 3):
            expected, got = "1 or 3 channels, (..., C, H, W)", f"shape {x.shape}"
            raise ShapeError(describe("Grayscale", "img", expected, got))
        if x.shape[-3] == 3:
            red, green, blue = (x[..., i : i + 1, :, :] for i in range(3))
            x = (0.2989 * red + 0.587 * green + 0.114 * blue).to(x.dtype)
        return x.expand(*x.shape[:-3], channels, *x.shape[-2:])

    return on_planes(image, gray_of)


def on_planes(image: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`change` of a tensor, or of an array as the tensor (C, H, W) that shares its memory."""
    if isinstance(image, Tensor):
        return change(image)
    changed = change(from_numpy(_with_channels(image).transpose(2, 0, 1))).numpy()
    array = changed.transpose(1, 2, 0)
    return array[..., 0] if image.ndim == 2 and array.shape[-1] == 1 else array


def to_tensor(image: Any, scale: bool) -> Tensor:
    """An array or a Pillow image as a tensor (C, H, W) with memory of its own.

    `scale` makes floats from 0 to 1 of bytes; all other numbers stay what they are.
    """
    if is_pillow(image):
        array = np.asarray(image)
        if image.mode == "1":
            array = array.astype(np.uint8) * np.uint8(255)
    else:
        array = image
    planes = _with_channels(array).transpose(2, 0, 1)
    if scale and planes.dtype == np.uint8:
        return from_numpy(np.divide(planes, 255, dtype=get_default_dtype(), order="C"))
    return from_numpy(planes.copy())


_MODES_OF_BANDS = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}
_MODES_OF_DTYPES = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}


def to_pillow(image: Any, mode: str | None) -> Any:
    """A tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a Pillow image."""
    from PIL import Image

    if isinstance(image, Tensor):
        if image.dtype.kind == "f" and mode != "F":
            image = (image * 255).to(np.uint8)
        planes = image.detach().numpy()
        array = planes[..., None] if planes.ndim == 2 else planes.transpose(1, 2, 0)
    else:
        array = _with_channels(image)
    bands, dtype = array.shape[2], array.dtype.name
    if bands == 1:
        possible = [_MODES_OF_DTYPES[dtype]] if dtype in _MODES_OF_DTYPES else []
        array = array[..., 0]
    else:
        possible = _MODES_OF_BANDS.get(bands, []) if dtype == "uint8" else []
    if not possible:
        expected = "1 to 4 channels of uint8, or one of int16, int32 or float32"
        raise DTypeError(describe("ToPILImage", "pic", expected, f"{bands} channels of {dtype}"))
    if mode not in (None, *possible):
        raise ValueError(
            describe(
                "ToPILImage", "mode", f"one of {possible} for {bands} channels of {dtype}", mode
            )
        )
    wanted = mode or possible[0]
    array = np.ascontiguousarray(array)
    if wanted in ("I;16", "YCbCr", "HSV", "CMYK", "RGBX", "LA"):
        return Image.frombytes(wanted, array.shape[1::-1], array.tobytes())
    return Image.fromarray(array)


def _with_channels(array: np.ndarray) -> np.ndarray:
    return array[..., None] if array.ndim == 2 else array
