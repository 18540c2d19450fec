"""Mistakes of pixels: a border left on, a gradient moved, windows that start in the wrong place."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding

__all__ = ["cropped", "offset", "shifted"]

_REACH = 3  # pixels


def cropped(case: Case) -> Finding | None:
    """The right numbers within a larger array: a border of padding."""
    given, x = (case.first.analytic, case.x) if case.samples else (np.zeros(0), case.x)
    extra = [a - b for a, b in zip(given.shape, x.shape, strict=False)]
    if given.ndim != x.ndim or min(extra, default=0) < 0 or max(extra, default=0) == 0:
        return None
    starts = itertools.product(*(range(e + 1) for e in extra))
    for start in starts:
        window = tuple(slice(a, a + n) for a, n in zip(start, x.shape, strict=True))
        if all(np.nanmax(np.abs(s.analytic[window] - s.truth)) <= s.close for s in case.samples):
            return Finding(
                "offset",
                f"The right gradient stands in a larger array, from {start} on. It has shape "
                f"{given.shape}, and {case.input} has {x.shape}. Cut off the padding.",
            )
    return None


def shifted(case: Case) -> Finding | None:
    """The gradient is the right one, moved by some pixels."""
    if not case.shaped or case.x.ndim < 3:
        return None
    size = case.x.shape[-2:]
    for by in _shifts(size):
        if 2 * abs(by[0]) > size[0] or 2 * abs(by[1]) > size[1]:
            continue
        here, there = _overlap(by, size)
        if all(_near(s.analytic[here], s.truth[there], s.close) for s in case.samples):
            return Finding("offset", f"The gradient is the right one moved by {by} pixels: look at "
                           "the padding that is added and cut off.")  # fmt: skip
    return None


def offset(case: Case) -> Finding | None:
    """What each output contributes stands some pixels from where it should."""
    given, true = case.jacobian, case.slopes.jacobian
    if given is None or not case.complete or case.x.ndim < 3:
        return None
    size = case.x.shape[-2:]
    given, true = (t.reshape(len(t), *case.x.shape) for t in (given, true))
    tolerance = 1e-6 * np.abs(true).max(initial=0)
    rows = [r for r in range(len(true)) if np.abs(true[r]).max() > tolerance]
    moves = [_move(given[r], true[r], size, tolerance) for r in rows]
    if not moves or any(m is None for m in moves) or not any(any(m) for m in moves if m):
        return None
    if all(m == moves[0] for m in moves):
        return Finding("offset", f"What each output contributes stands {moves[0]} pixels from "
                       "where it should: look at the padding, and at the start of the "
                       "window.")  # fmt: skip
    if not _grows(case, dict(zip(rows, moves, strict=True))):
        return None
    return Finding("offset", "What each output contributes stands some pixels from where it "
                   "should, and further for later outputs: the window of output (i, j) starts at "
                   "(i * stride, j * stride).")  # fmt: skip


def _grows(case: Case, moves: dict[int, Any]) -> bool:
    """Whether the contribution of output (i, j) is moved by a multiple of (i, j)."""
    shape = case.run.outs[0].shape
    if len(shape) < 2 or len(case.run.outs) > 1:
        return False
    places = [tuple(map(int, np.unravel_index(row, shape)[-2:])) for row in moves]
    factors = range(-_REACH, _REACH + 1)
    return any(
        all(m == (k * i, k * j) for (i, j), m in zip(places, moves.values(), strict=True))
        for k in factors
    )


def _move(given: np.ndarray, true: np.ndarray, size: tuple, tolerance: float) -> tuple | None:
    """By how much a row of the given Jacobian is moved against the true one."""
    if np.abs(given - true).max() <= tolerance:
        return (0, 0)
    for by in _shifts(size):
        here, there = _overlap(by, size)
        if _near(given[here], true[there], tolerance) and np.abs(true[there]).max() > tolerance:
            return by
    return None


def _shifts(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Moves by some pixels that leave some of the picture, the smallest first."""
    reach = [range(-min(_REACH, n - 1), min(_REACH, n - 1) + 1) for n in size]
    moves = [(i, j) for i, j in itertools.product(*reach) if i or j]
    return sorted(moves, key=lambda m: (abs(m[0]) + abs(m[1]), *m))


def _overlap(by: tuple[int, int], size: tuple[int, int]) -> tuple:
    """The part of a moved picture, and of the picture, that show the same."""
    here = tuple(slice(max(0, d), n + min(0, d)) for d, n in zip(by, size, strict=True))
    there = tuple(slice(max(0, -d), n + min(0, -d)) for d, n in zip(by, size, strict=True))
    return (..., *here), (..., *there)


def _near(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return bool(np.nanmax(np.abs(a - b), initial=0) <= tolerance)
