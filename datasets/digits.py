"""The handwritten digits that come with the package: 1,797 real images, read without network."""

from __future__ import annotations

from pathlib import Path
from typing import overload

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.ops.create import from_numpy

from .dataset import TensorDataset

_PARTS = ("train", "validation", "test")


@overload
def digits(split: None = None) -> tuple[TensorDataset, TensorDataset, TensorDataset]: ...
@overload
def digits(split: str) -> TensorDataset: ...
def digits(
    split: str | None = None,
) -> TensorDataset | tuple[TensorDataset, TensorDataset, TensorDataset]:
    """Real handwritten digits, 8x8 pixels: training, validation and test set, or one of them.

    `split` is "train" (1257 images), "validation" (180), "test" (360) or "all" (1797, in the order
    of the source). Validation and test hold 18 and 36 images of every digit, spread evenly over
    the source; nothing is drawn at random, so the parts are the same everywhere. The 13 writers
    are not kept apart: accuracy on the hand of a new writer would be lower.

    Shapes: images (N, 1, 8, 8), float32 from 0 (paper) to 1 (ink); labels (N,), int64, 0 to 9.
    Errors: ValueError for another `split`.
    Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI
    Machine Learning Repository, CC BY 4.0; licence and origin in data/DIGITS_LICENSE.md.

    >>> from tinygrad_edu import datasets
    >>> train, validation, test = datasets.digits()
    >>> len(train), len(validation), len(test)
    (1257, 180, 360)
    >>> image, label = train[0]
    >>> image.shape, label
    ((1, 8, 8), tensor(0))
    """
    if split not in (None, "all", *_PARTS):
        expected = "'train', 'validation', 'test', 'all' or None"
        raise ValueError(describe("digits", "split", expected, repr(split)))
    images, labels = _read()
    if split == "all":
        return _dataset(images, labels)
    part = _part_of(labels)
    sets = [_dataset(images[part == i], labels[part == i]) for i in range(len(_PARTS))]
    return (sets[0], sets[1], sets[2]) if split is None else sets[_PARTS.index(split)]


def _read() -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8) of 0 to 16 and labels (1797,), both uint8."""
    with np.load(Path(__file__).with_name("data") / "digits.npz", allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]


def _dataset(images: np.ndarray, labels: np.ndarray) -> TensorDataset:
    scaled = images[:, None].astype(np.float32) / 16  # (N, 1, 8, 8)
    return TensorDataset(from_numpy(scaled), from_numpy(labels.astype(np.int64)))


def _part_of(labels: np.ndarray) -> np.ndarray:
    """Index into `_PARTS` for each sample."""
    part = np.zeros(len(labels), dtype=np.int64)
    for digit in range(10):
        members = np.flatnonzero(labels == digit)
        # 54 places at equal distance among this digit's images, in turn test, validation, test.
        held_out = members[np.arange(54) * len(members) // 54]
        part[held_out] = np.tile([2, 1, 2], 18)
    return part
