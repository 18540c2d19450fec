"""The search along a line for a step that is neither too long nor too short."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

C1, C2 = 1e-4, 0.9  # of the strong Wolfe conditions


class Point(NamedTuple):
    """A point on the line: how far along it, and loss, gradient and slope along the line there."""

    t: float
    loss: float
    grad: np.ndarray
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, tolerance: float, limit: int
) -> Point:
    """A point where the loss has fallen enough, and its slope has become flat enough.

    `evaluate` gives the point at any t, `start` is that at 0, with a negative slope, and `t` the
    first one to try. Near to a minimum the search ends where t is known up to `tolerance`; at
    last after some `limit` evaluations, with the lowest point of the bracket. Source: Nocedal and
    Wright (2006), algorithms 3.5 and 3.6, with cubic interpolation.
    """
    points, left = _bracket(evaluate, start, t, limit)
    return points[0] if len(points) == 1 else _zoom(evaluate, start, points, tolerance, left)


def _too_high(point: Point, start: Point) -> bool:
    return point.loss > start.loss + C1 * point.t * start.slope


def _flat(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -C2 * start.slope


def _bracket(
    evaluate: Callable[[float], Point], start: Point, t: float, limit: int
) -> tuple[list[Point], int]:
    """Two points with a good one between them, or one that is good; and the steps left."""
    before, point = start, evaluate(t)
    for count in range(limit):
        if _too_high(point, start) or (count > 1 and point.loss >= before.loss):
            return [before, point], limit - count
        if _flat(point, start):
            return [point], 0
        if point.slope >= 0:
            return [before, point], limit - count
        nearest, farthest = point.t + 0.01 * (point.t - before.t), point.t * 10
        before, point = point, evaluate(_cubic_minimum(before, point, nearest, farthest))
    return [start, point], 0


def _zoom(
    evaluate: Callable[[float], Point],
    start: Point,
    bracket: list[Point],
    tolerance: float,
    limit: int,
) -> Point:
    """Narrow the bracket until a point is good."""
    low = _lower(bracket)
    stuck = False
    for _ in range(limit):
        first, last = sorted(point.t for point in bracket)
        if last - first < tolerance:
            break
        t, stuck = _inside(_cubic_minimum(bracket[0], bracket[1], first, last), first, last, stuck)
        point = evaluate(t)
        if _too_high(point, start) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = _lower(bracket)
            continue
        if _flat(point, start):
            return point
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low]


def _lower(bracket: list[Point]) -> int:
    return 0 if bracket[0].loss <= bracket[1].loss else 1


def _inside(t: float, first: float, last: float, stuck: bool) -> tuple[float, bool]:
    """Move a t that is near to an end of the bracket, if the last one was too; and whether it is.

    Otherwise the bracket might shrink from one end only, and slowly.
    """
    margin = 0.1 * (last - first)
    if min(last - t, t - first) >= margin:
        return t, False
    if not stuck and first < t < last:
        return t, True
    return (last - margin if abs(t - last) < abs(t - first) else first + margin), False


def _cubic_minimum(a: Point, b: Point, least: float, most: float) -> float:
    """The minimum, between the bounds, of the cubic with the losses and slopes of two points."""
    left, right = (a, b) if a.t <= b.t else (b, a)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    d2 = np.sqrt(square)
    part = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
    return min(max(right.t - (right.t - left.t) * part, least), most)
