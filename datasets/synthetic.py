"""Rendered pictures in place of CIFAR-10, for where its files are not: ten shapes and textures.

The numbers below are calibrated so that networks climb the ladder they climb on CIFAR-10, from a
linear classifier to a deep convolutional one; docs/synthetic-data.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.ops.create import from_numpy

from .dataset import TensorDataset

_SIZE = 32  # pixels
_BLOCK = 1000  # pictures drawn from one random stream

# As among photographs, some examples are typical of their class, and all networks learn these:
# their share gives the figures of the dense networks and of one epoch of a convolutional one.
_TYPICAL = 0.463
# The others take local filters and more epochs. Of each pair the first is theirs, the second that
# of typical pictures.
_SHIFT = np.array([10.0, 1.7])  # of the figure from the centre, pixels: hinders dense networks
_RADIUS = np.array([[6.0, 10.0], [12.5, 15.0]])  # of the figure, pixels, lowest and highest
_OPACITY = np.array([[0.0, 0.28], [1.0, 1.0]])  # of the figure: what is too faint limits everyone
# Both hues depend on the class, which is all that a linear classifier can see.
_HUE = np.array([3.0, 0.84])  # standard deviation, radians; 3 is any hue
_CHROMA = np.array([10.0, 30.0])  # distance from grey
_CONTRAST = (40.0, 90.0)  # of figure and ground, either brighter
_LIGHT = 5.0  # standard deviations: of the brightness of a picture,
_CLOUDS = 6.0  # of its unevenness,
_NOISE = 8.0  # and of the noise of each value

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _disc(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 0.9 - np.hypot(u, v)


# Each shape is a function of coordinates with the figure between about -1 and 1: how far inside
# it a point lies, negative outside. A texture is a pattern seen through a disc.
_SHAPES: dict[str, Shape] = {
    "disc": _disc,
    "ring": lambda u, v: 0.22 - abs(np.hypot(u, v) - 0.72),
    "square": lambda u, v: 0.78 - np.maximum(abs(u), abs(v)),
    "triangle": lambda u, v: 0.5 - np.maximum(v, abs(u) * 0.75**0.5 - v / 2),
    "cross": lambda u, v: np.minimum(
        0.26 - np.minimum(abs(u), abs(v)), 0.95 - np.maximum(abs(u), abs(v))
    ),
    "crescent": lambda u, v: np.minimum(_disc(u, v), np.hypot(u - 0.5, v) - 0.75),
    "stripes": lambda u, v: np.minimum(_disc(u, v), np.sin(9 * u) / 9),
    "checks": lambda u, v: np.minimum(_disc(u, v), np.sin(7.2 * u) * np.sin(7.2 * v) / 7.2),
    "dots": lambda u, v: np.minimum(_disc(u, v), (np.cos(9 * u) + np.cos(9 * v) - 0.5) / 9),
    "target": lambda u, v: np.minimum(_disc(u, v), np.cos(9 * np.hypot(u, v)) / 9),
}
SYNTHETIC_CLASSES = tuple(_SHAPES)


def synthetic_cifar10(
    n_train: int = 49000, n_val: int = 1000, n_test: int = 1000, seed: int = 0
) -> tuple[TensorDataset, TensorDataset, TensorDataset]:
    """Made pictures in the form of CIFAR-10: training, validation and test set.

    Ten classes (`datasets.SYNTHETIC_CLASSES`) of shapes and textures, in any pose, in colours,
    under uneven light and noise. They are made for teaching: networks reach about the accuracy
    that they reach on CIFAR-10, but nothing on them says how a network does on photographs.

    The same arguments give the same pictures (with another NumPy or processor, a value may differ
    by one). The three parts do not depend on each other, and a smaller part is the beginning of a
    larger one. Counts of the classes differ by at most one. All 51,000 take a few seconds.

    Shapes: images (N, 3, 32, 32), uint8, red, green, blue; labels (N,), int64, 0 to 9.
    Errors: ValueError for numbers that are not whole, or negative.

    >>> from tinygrad_edu import datasets
    >>> train, validation, test = datasets.synthetic_cifar10(20, 10, 10)
    >>> image, label = train[0]
    >>> image.shape, image.dtype, datasets.SYNTHETIC_CLASSES[label]
    ((3, 32, 32), dtype('uint8'), 'cross')
    """
    numbers = {"n_train": n_train, "n_val": n_val, "n_test": n_test, "seed": seed}
    for name, number in numbers.items():
        _check_number(name, number)
    train, validation, test = (
        TensorDataset(*map(from_numpy, _part(n, part, seed)))
        for part, n in enumerate((n_train, n_val, n_test))
    )
    return train, validation, test


def _check_number(name: str, number: Any) -> None:
    whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not whole or number < 0:
        expected = "a whole number, 0 or more"
        raise ValueError(describe("synthetic_cifar10", name, expected, repr(number)))


def _part(n: int, part: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n images and labels. Every block has its own stream, so that no other number changes it."""
    images = np.empty((n, 3, _SIZE, _SIZE), np.uint8)
    labels = np.empty(n, np.int64)
    for start in range(0, n, _BLOCK):
        rng = np.random.default_rng([seed, part, start // _BLOCK])
        classes = rng.permuted(np.tile(np.arange(10), (_BLOCK // 10, 1)), axis=1).ravel()
        size = min(_BLOCK, n - start)
        images[start : start + size] = _render(classes, rng)[:size]
        labels[start : start + size] = classes[:size]
    return images, labels


def _render(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture (3, 32, 32) of bytes for every label."""
    n = len(labels)
    kind = (rng.random(n) < _TYPICAL).astype(np.int64)
    u, v, radius = _coordinates(kind, rng)
    inside = np.empty((n, _SIZE, _SIZE), np.float32)
    for label, shape in enumerate(_SHAPES.values()):
        chosen = labels == label
        inside[chosen] = shape(u[chosen], v[chosen])
    # The edge is one pixel wide, so that it falls between pixels as smoothly as in a photograph.
    figure = np.clip(0.5 + inside * radius, 0, 1) * _column(rng.uniform(*_OPACITY[kind].T))
    behind, before = _colours(labels, kind, rng)
    images = behind + figure[:, None] * (before - behind)
    images += _clouds(n, rng)
    images += _NOISE * rng.standard_normal(images.shape, np.float32)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def _coordinates(
    kind: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pixel in the coordinates of the turned, moved and scaled figure; its radius."""
    pixels = np.arange(_SIZE, dtype=np.float32) - (_SIZE - 1) / 2
    move = _SHIFT[kind] * rng.uniform(-1, 1, (2, len(kind)))
    x, y = pixels - _column(move[0]), pixels[:, None] - _column(move[1])
    angle = rng.uniform(0, 2 * np.pi, len(kind))
    radius = _column(rng.uniform(*_RADIUS[kind].T))
    cos, sin = _column(np.cos(angle)) / radius, _column(np.sin(angle)) / radius
    return cos * x - sin * y, sin * x + cos * y, radius


# Two directions of colour without brightness: red against green and blue, green against blue.
_OPPONENT = np.array([[2, -1, -1], [0, 3**0.5, -(3**0.5)]]) / 6**0.5


def _colours(
    labels: np.ndarray, kind: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The colours (N, 3, 1, 1) of ground and figure."""
    n = len(labels)
    light = rng.normal(128, _LIGHT, n)
    contrast = rng.uniform(*_CONTRAST, n) * rng.choice([-1, 1], n)
    colours = []
    for side, turns in ((-0.5, 1), (0.5, 3)):  # with 3, each pair of hues belongs to one class
        hue = 2 * np.pi * turns * labels / 10 + _HUE[kind] * rng.standard_normal(n)
        colour = _CHROMA[kind, None] * np.stack([np.cos(hue), np.sin(hue)], axis=1) @ _OPPONENT
        colour += (light + side * contrast)[:, None]
        colours.append(colour.astype(np.float32)[:, :, None, None])
    return colours[0], colours[1]


def _clouds(n: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth differences of brightness (N, 1, 32, 32): 5x5 random values, interpolated."""
    at = np.linspace(0, 4, _SIZE, dtype=np.float32)[:, None]
    weights = np.maximum(1 - abs(at - np.arange(5, dtype=np.float32)), 0)
    values = rng.normal(0, _CLOUDS, (n, 1, 5, 5)).astype(np.float32)
    return weights @ values @ weights.T


def _column(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None, None]
