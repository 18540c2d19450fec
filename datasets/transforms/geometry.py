"""Transforms that change where a pixel is: sizes, borders, crops, mirrors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_edu.errors import describe
from tinygrad_edu.modes import Generator, numpy_generator

from ..sampler import check_generator
from . import images
from .base import Transform
from .images import InterpolationMode
from .settings import borders_of, check_padding, integers, interpolation_mode, pair


class Resize(Transform):
    """The image in another size.

    `size` is (height, width), or one number for the shorter edge: the longer one then follows, but
    not beyond `max_size`. With `antialias` every old pixel counts where a tensor or array becomes
    smaller, as it always does with Pillow.

    Errors: ValueError for a `size` or an `interpolation` that is none.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import transforms as T
    >>> T.Resize(2)(tg.ones(3, 4, 6)).shape
    (3, 2, 3)
    """

    shown = ("size", "interpolation", "max_size", "antialias")

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | str | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool = True,
    ) -> None:
        wanted = integers("Resize", "size", size, (1, 2))
        if max_size is not None and (len(wanted) != 1 or max_size <= wanted[0]):
            expected = "None, or more than a size that is one number"
            raise ValueError(describe("Resize", "max_size", expected, max_size))
        self.size = size
        self.interpolation = interpolation_mode(interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def apply(self, img: Any) -> Any:
        old = images.size_of(img)
        new = self._new_size(*old)
        return img if new == old else images.resize(img, new, self.interpolation, self.antialias)

    def _new_size(self, height: int, width: int) -> tuple[int, int]:
        wanted = integers("Resize", "size", self.size, (1, 2))
        if len(wanted) == 2:
            return wanted[0], wanted[1]
        short, long = min(height, width), max(height, width)
        new_short, new_long = wanted[0], int(wanted[0] * long / short)
        if self.max_size is not None and new_long > self.max_size:
            new_short, new_long = int(self.max_size * new_short / new_long), self.max_size
        return (new_long, new_short) if width <= height else (new_short, new_long)


class Pad(Transform):
    """The image with borders.

    `padding` is one number for all, (left and right, top and bottom), or (left, top, right,
    bottom). `padding_mode` is "constant" (`fill`), "edge" (the last pixel again and again),
    "reflect" (mirrored, the edge not repeated) or "symmetric" (mirrored with the edge).

    Errors: ValueError for another padding or mode.

    >>> import numpy as np
    >>> from tinygrad_edu.datasets import transforms as T
    >>> T.Pad((2, 0), padding_mode="reflect")(np.array([[1, 2, 3]]))
    array([[3, 2, 1, 2, 3, 2, 1]])
    """

    shown = ("padding", "fill", "padding_mode")

    def __init__(
        self, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant"
    ) -> None:
        check_padding(type(self).__name__, padding, padding_mode)
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def apply(self, img: Any) -> Any:
        return images.pad(img, borders_of(self.padding), self.fill, self.padding_mode)


class CenterCrop(Transform):
    """The middle of the image; an image that is smaller gets black borders first.

    `size` is (height, width) or one number for both.
    """

    shown = ("size",)

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair("CenterCrop", size)

    def apply(self, img: Any) -> Any:
        (height, width), (h, w) = self.size, images.size_of(img)
        if height > h or width > w:
            down, right = max(height - h, 0), max(width - w, 0)
            borders = (right // 2, down // 2, (right + 1) // 2, (down + 1) // 2)
            img = images.pad(img, borders, 0, "constant")
            h, w = images.size_of(img)
        return images.crop(img, round((h - height) / 2), round((w - width) / 2), height, width)


class RandomCrop(Transform):
    """A part of the image at a random place.

    `size` is (height, width) or one number for both. The image first gets the borders of `Pad`
    (`padding`, `fill`, `padding_mode`), and with `pad_if_needed` what it lacks to `size`.

    Errors: ValueError for an image smaller than `size`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import transforms as T
    >>> T.RandomCrop(32, padding=4)(tg.ones(3, 32, 32)).shape
    (3, 32, 32)
    """

    shown = ("size", "padding")

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
        *,
        generator: Generator | None = None,
    ) -> None:
        check_padding("RandomCrop", 0 if padding is None else padding, padding_mode)
        check_generator("RandomCrop", generator)
        self.size = pair("RandomCrop", size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode
        self.generator = generator

    def apply(self, img: Any) -> Any:
        if self.padding is not None:
            img = self._padded(img, borders_of(self.padding))
        (height, width), (h, w) = self.size, images.size_of(img)
        if self.pad_if_needed and w < width:
            img = self._padded(img, (width - w, 0, width - w, 0))
        if self.pad_if_needed and h < height:
            img = self._padded(img, (0, height - h, 0, height - h))
        h, w = images.size_of(img)
        if h < height or w < width:
            raise ValueError(
                f"RandomCrop: required crop size {(height, width)} is larger than input image size "
                f"{(h, w)}; resize it, or use pad_if_needed=True"
            )
        if (h, w) == (height, width):
            return img
        random = numpy_generator(self.generator)
        top, left = (int(random.integers(room + 1)) for room in (h - height, w - width))
        return images.crop(img, top, left, height, width)

    def _padded(self, img: Any, borders: tuple[int, int, int, int]) -> Any:
        return images.pad(img, borders, self.fill, self.padding_mode)


class _RandomFlip(Transform):
    shown = ("p",)
    vertically: bool

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(describe(type(self).__name__, "p", "a probability, 0 to 1", p))
        check_generator(type(self).__name__, generator)
        self.p = p
        self.generator = generator

    def apply(self, img: Any) -> Any:
        if numpy_generator(self.generator).random() < self.p:
            return images.flip(img, self.vertically)
        return img


class RandomHorizontalFlip(_RandomFlip):
    """The image mirrored left to right, with probability `p`."""

    vertically = False


class RandomVerticalFlip(_RandomFlip):
    """The image mirrored top to bottom, with probability `p`."""

    vertically = True
