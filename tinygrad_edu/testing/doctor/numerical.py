"""The true derivatives: central differences, with their error, and the kinks among them.

Two steps, h and h/2, give two central differences D. Their combination (4 D(h/2) - D(h)) / 3 has no
error of second order (Richardson), and what it changes says how large the error was. At a kink the
slopes to the left and to the right stay apart however small the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Slopes", "derivatives", "noise"]

EVERY_ELEMENT = 1500  # up to so many elements of an input each one is moved
SAMPLE = 300  # of larger inputs so many
_ENTRIES = 2_000_000  # of a Jacobian, at most
_SHRINK = (1, 2.0**-5, 2.0**-10, 2.0**-15)  # a smaller step gets away from a kink nearby
_KINK = 1e-4  # slopes further apart than this, relative to their size, are those of a kink


@dataclass
class Slopes:
    """The derivatives of all outputs (rows) by the elements of one input (columns).

    There is a column for each element that was measured, at `places` of the flat input. At a kink
    `left` and `right` are the slopes to both sides; elsewhere both are 0.
    """

    places: np.ndarray
    jacobian: np.ndarray
    left: np.ndarray
    right: np.ndarray
    error: np.ndarray
    step: float
    noise: float  # of one output, relative

    @property
    def kinks(self) -> np.ndarray:
        """Which of the elements stand at a kink."""
        return (self.left != self.right).any(0)

    def spread(self, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Values of the elements that were measured in the shape of the input; NaN elsewhere."""
        whole = np.full(shape, np.nan)
        whole.flat[self.places] = values
        return whole


def noise(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, scale: float) -> float:
    """The rounding error of one value of f, relative; 1e-16 in float64, 1e-8 in float32.

    Sixth differences of a smooth function at small steps vanish; what is left is noise. Source:
    More and Wild (2011), Estimating Computational Noise.
    """
    random = np.random.default_rng(0)
    direction = random.standard_normal(x.shape)
    values = np.array([f(x + 1e-4 * scale * k * direction) for k in range(7)])
    size = np.abs(values).max(0)
    left = np.abs(np.diff(values, 6, axis=0)[0]) / np.sqrt(924)
    with np.errstate(all="ignore"):
        relative = (left / size)[(size > 0) & np.isfinite(left)]
    return float(np.clip(np.median(relative), 2e-16, 1e-6)) if relative.size else 2e-16


def scale_of(x: np.ndarray) -> float:
    """The spread of the values of an array; a step is a small part of it."""
    if x.size == 0:
        return 1.0
    spread, size = float(x.std()), float(np.sqrt(np.mean(x * x)))
    return max(spread, 1e-3 * size) if x.size > 1 and spread > 1e-6 * size else size or 1.0


def derivatives(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> Slopes:
    """Differentiate f, from an array to a vector, by the elements of x."""
    centre = f(x)
    scale = scale_of(x)
    rounding = noise(f, x, scale) if x.size and centre.size else 2e-16
    step = scale * rounding**0.25
    places = _places(x.size, centre.size)
    tables = np.empty((4, centre.size, len(places)))
    for k, place in enumerate(places):
        tables[:, :, k] = _column(f, x, int(place), centre, step, rounding)
    jacobian, left, right, error = tables
    return Slopes(places, jacobian, left, right, error, step, rounding)


def _places(size: int, outputs: int) -> np.ndarray:
    """The elements to measure: all, or a sample if there are many."""
    most = _ENTRIES // max(outputs, 1)
    if size <= min(EVERY_ELEMENT, most):
        return np.arange(size)
    count = min(size, SAMPLE, max(most, 1))
    return np.sort(np.random.default_rng(0).choice(size, count, replace=False))


def _column(
    f: Callable, x: np.ndarray, place: int, centre: np.ndarray, step: float, rounding: float
) -> tuple:
    """Derivative, left and right slope, and error, by one element, of every output."""

    def moved(by: float) -> np.ndarray:
        there = x.copy()
        there.flat[place] += by
        return f(there)

    best: tuple = ()
    for shrink in _SHRINK:
        h = step * shrink
        far, near = (moved(h), moved(-h)), (moved(h / 2), moved(-h / 2))
        wide, narrow = (far[0] - far[1]) / (2 * h), (near[0] - near[1]) / h
        left, right = (centre - near[1]) * 2 / h, (near[0] - centre) * 2 / h
        gap, gap_far = np.abs(right - left), np.abs(far[0] + far[1] - 2 * centre) / h
        error = np.abs(narrow - wide) / 3 + 4 * rounding * np.abs(centre) / h
        size = np.maximum(np.abs(left), np.abs(right))
        kink = (gap > 0.75 * gap_far) & (gap > _KINK * size + 20 * error) & (gap > 0)
        column = (
            np.where(kink, narrow, (4 * narrow - wide) / 3),
            np.where(kink, left, 0), np.where(kink, right, 0), error,
        )  # fmt: skip
        rough = np.abs(narrow - wide) > _KINK * size + 20 * rounding * np.abs(centre) / h
        if not (kink | rough).any():
            return column
        if not best or np.nansum(error) <= np.nansum(best[3]) or kink.any():
            best = column
    return best
