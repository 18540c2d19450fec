"""The numbers that tensors are drawn from: the roundest first, where examples shrink to.

Functions have their kinks and jumps at round places: relu at 0, clamps at 1, hardshrink at 1/2,
rounding at every multiple of 1/2. Numbers without kinks keep away from these multiples and from
each other; numbers with ties are these multiples, few enough that they repeat.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from tinygrad_edu.errors import SettingError, describe

MARGIN = 1 / 16  # how far from a multiple of 1/2, unless the range is narrow


@cache
def without_kinks(low: float, high: float, count: int) -> list[float]:
    """At least `count` numbers from low to high, none near a multiple of 1/2, roundest first.

    >>> from tinygrad_edu.testing.strategies.values import without_kinks
    >>> without_kinks(-1, 1, 4)
    [0.25, -0.25, 0.75, -0.75]
    """
    if not low < high:
        expected = f"a number above min_value = {low}"
        raise SettingError(describe("tensors", "max_value", expected, high))
    margin = min(MARGIN, (high - low) / 16)
    step, found = 1.0, np.zeros(0)
    while found.size < count:
        step /= 2
        grid = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
        found = grid[np.abs(grid - np.round(2 * grid) / 2) >= margin]
    return sorted(found.tolist(), key=_roundness)


@cache
def with_ties(low: float, high: float) -> list[float]:
    """Multiples of 1/2 from low to high, at most nine; others if there are none.

    >>> from tinygrad_edu.testing.strategies.values import with_ties
    >>> with_ties(-1, 1)
    [0.0, 1.0, -1.0, 0.5, -0.5]
    """
    halves = (np.arange(np.ceil(2 * low), np.floor(2 * high) + 1) / 2).tolist()
    return sorted(halves, key=_roundness)[:9] or without_kinks(low, high, 2)[:2]


def distinct(numbers: list[float], table: list[float]) -> list[float]:
    """The numbers, all from `table`, with others in place of those that came before.

    A number is replaced by the roundest unused one between the same two multiples of 1/2, so that
    what is small, negative or above 1 remains so.

    >>> from tinygrad_edu.testing.strategies.values import distinct, without_kinks
    >>> distinct([0.25, 0.75, 0.25], without_kinks(-1, 1, 12))
    [0.25, 0.75, 0.125]
    """
    found: dict[float, None] = {}
    for number in numbers:
        if number in found:
            free = [other for other in table if other not in found]
            number = min(free, key=lambda other: math.floor(2 * other) != math.floor(2 * number))
        found[number] = None
    return list(found)


def _roundness(number: float) -> tuple:
    """Sorts 0 and small whole numbers first, then halves, quarters, ...; negative ones last."""
    return number.as_integer_ratio()[1], abs(number), number < 0
