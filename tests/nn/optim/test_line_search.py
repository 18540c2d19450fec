"""The search along a line: what it finds satisfies the conditions, or is the best it saw."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_edu.nn.optim.line_search import C1, C2, Point, strong_wolfe

LINES = {
    "parabola": (lambda t: (t - 2) ** 2, lambda t: 2 * (t - 2)),
    "far": (lambda t: (t - 500) ** 2, lambda t: 2 * (t - 500)),
    "narrow": (lambda t: np.cosh(20 * (t - 0.1)), lambda t: 20 * np.sinh(20 * (t - 0.1))),
    "waves": (lambda t: t / 2 - np.sin(3 * t), lambda t: 0.5 - 3 * np.cos(3 * t)),
    "flat": (lambda t: -np.log1p(t), lambda t: -1 / (1 + t)),
    "quartic": (lambda t: t**4 / 4 - t**3 - t, lambda t: t**3 - 3 * t**2 - 1),
}


def search(name, first, tolerance=1e-9, limit=25):
    loss, slope = LINES[name]
    seen = []

    def evaluate(t):
        seen.append(Point(t, loss(t), np.zeros(1), slope(t)))
        return seen[-1]

    start = evaluate(0.0)
    return start, strong_wolfe(evaluate, start, first, tolerance, limit), seen


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 30.0])
def test_the_conditions_hold(name, first):
    start, found, seen = search(name, first)
    assert found in seen and found.t > 0
    assert found.loss <= start.loss + C1 * found.t * start.slope
    assert abs(found.slope) <= C2 * abs(start.slope)


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_the_number_of_evaluations_is_limited(limit):
    start, found, seen = search("far", 1e-3, limit=limit)
    assert len(seen) <= limit + 2 and found.loss <= start.loss


def test_a_narrow_bracket_is_enough():
    _, found, seen = search("narrow", 30.0, tolerance=100.0)
    assert found is seen[0] and len(seen) == 2
