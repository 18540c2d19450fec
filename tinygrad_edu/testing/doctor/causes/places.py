"""Mistakes of place: a gradient that goes to elements it should not, or misses some it should.

The Jacobian that backward believes in, a row for each output element, is laid beside the true
one.
"""

from __future__ import annotations

import itertools

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample

__all__ = ["diagonal", "mask", "offset", "overwritten", "shifted"]

_REACH = 3  # pixels


def mask(case: Case) -> Finding | None:
    """Some elements get a gradient that should get none, or the other way round."""
    given, true = case.jacobian, case.slopes.jacobian
    if given is None or not case.complete or not true.any():
        return None
    if not case.explained(lambda s: (s.dout @ given).reshape(case.x.shape)):
        return _from_upstream(case)
    if case.elementwise is not None:
        text = _elementwise(np.diag(given), case.elementwise)
    else:
        text = _scattered(given, true)
    if text is None:
        return None
    if case.observation.drew_forward:
        return Finding("dropout-mask", f"{text} Backward must use the mask that forward drew, "
                       "scale and all: keep it in the cache.")  # fmt: skip
    return Finding("mask", text)


def _elementwise(given: np.ndarray, true: np.ndarray) -> str | None:
    """How the given derivatives differ from the true ones, which have two values."""
    low, high = true.min(), true.max()
    tolerance = 1e-6 * np.abs(true).max()
    if high - low <= tolerance or not _among(true, (low, high), tolerance):
        return None
    if np.abs(given - (low + high - true)).max() <= tolerance:
        return "The mask is inverted: just the elements that should get no gradient get one."
    if np.ptp(given) <= tolerance:
        return "The mask is missing: all elements get a gradient, which some should not."
    if _among(given, (low, high), tolerance):
        count = int((np.abs(given - true) > tolerance).sum())
        return f"The mask is taken from the wrong array: {count} elements are on the wrong side."
    return None


def _among(values: np.ndarray, two: tuple[float, float], tolerance: float) -> bool:
    """Whether each value is one of two."""
    return bool(np.min([np.abs(values - t) for t in two], 0).max() <= tolerance)


def _scattered(given: np.ndarray, true: np.ndarray) -> str | None:
    """How the choice of elements differs, where each output is a choice of some."""
    if not _choice(true) or not _choice(given):
        return None
    on, should = given != 0, np.abs(true) > 1e-6 * np.abs(true).max()
    extra, missing = int((on & ~should).sum()), int((should & ~on).sum())
    if extra and missing:
        return (
            f"The mask is taken from the wrong array: {extra} elements get a gradient that should "
            f"get none, and {missing} the other way round."
        )
    if extra:
        return f"The mask is missing: {extra} elements get a gradient that should get none."
    return f"The mask is too strict: {missing} elements get no gradient." if missing else None


def _choice(table: np.ndarray) -> bool:
    """Whether the entries of each row are 0 and one value."""
    size = np.abs(table).max(1, keepdims=True, initial=0)
    rest = np.minimum(np.abs(table), np.abs(np.abs(table) - size))
    return bool((rest <= 1e-6 * size).all() and size.any())


def _from_upstream(case: Case) -> Finding | None:
    """The mask of an elementwise function is taken from the upstream gradient."""
    if case.elementwise is None:
        return None
    c = np.abs(case.elementwise).max(initial=0)
    for sign, text in ((1, "> 0"), (-1, "< 0")):

        def masked(s: Sample, sign: int = sign) -> np.ndarray:
            return (c * s.dout * (sign * s.dout > 0)).reshape(case.x.shape)

        if case.explained(masked):
            return Finding("mask", f"The mask is taken from the upstream gradient (dout {text}), "
                           f"and must be taken from {case.input}.")  # fmt: skip
    return None


def diagonal(case: Case) -> Finding | None:
    """Each output counts only for its own input, where it depends on others too."""
    true = case.slopes.jacobian
    if not case.shaped or not case.complete or len(true) != case.x.size or len(true) < 2:
        return None
    if case.explained(lambda s: (s.dout * np.diag(true)).reshape(case.x.shape)):
        return Finding(
            "missing-path",
            f"Each element of the output counts only for the element of {case.input} at its own "
            "place, but the output depends on others as well: what goes that way is missing.",
        )
    return None


def overwritten(case: Case) -> Finding | None:
    """Each element keeps only the contribution of the last output that uses it."""
    true = case.slopes.jacobian
    if not case.shaped or not case.complete or len(true) < 2:
        return None
    used = np.abs(true) > 1e-9 * np.abs(true).max(initial=0)
    last = len(used) - 1 - np.argmax(used[::-1], 0)
    columns = np.arange(used.shape[1])
    if case.explained(lambda s: (s.dout[last] * true[last, columns]).reshape(case.x.shape)):
        return Finding(
            "missing-path",
            f"Each element of {case.input} is used for several outputs, and only the last of them "
            "counts: contributions add, so write `+=` in the loop and not `=`.",
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
    if given is None or not case.complete or case.x.ndim < 2:
        return None
    size = case.x.shape[-2:]
    given, true = (t.reshape(len(t), *case.x.shape) for t in (given, true))
    tolerance = 1e-6 * np.abs(true).max(initial=0)
    rows = [r for r in range(len(true)) if np.abs(true[r]).max() > tolerance]
    moves = [_move(given[r], true[r], size, tolerance) for r in rows]
    if not moves or any(m is None for m in moves) or not any(any(m) for m in moves if m):
        return None
    distinct = sorted({m for m in moves if m and any(m)})
    if len(distinct) == 1 and all(m == distinct[0] for m in moves):
        return Finding("offset", f"What each output contributes stands {distinct[0]} pixels from "
                       "where it should: look at the padding, and at the start of the "
                       "window.")  # fmt: skip
    if (np.abs(true) > tolerance).reshape(len(true), -1).sum(1)[rows].min() < 2:
        return None  # single elements can stand anywhere: that is a mask
    return Finding("offset", "What each output contributes stands some pixels from where it "
                   "should, and further for later outputs: the window of output (i, j) starts at "
                   "(i * stride, j * stride).")  # fmt: skip


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
