"""Mistakes of place: a gradient that goes to elements it should not, or misses some it should.

The Jacobian that backward believes in, a row for each output element, is laid beside the true
one.
"""

from __future__ import annotations

import itertools

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding

__all__ = ["mask", "offset", "overwritten", "shifted"]

_REACH = 3  # pixels


def mask(case: Case) -> Finding | None:
    """Where the true Jacobian is zero or c, backward has c or zero somewhere."""
    given, true = case.jacobian, case.slopes.jacobian
    if given is None or not case.complete or not _two_valued(true) or not _two_valued(given):
        return None
    on, off = given != 0, np.abs(true) > 1e-6 * np.abs(true).max(initial=0)
    if (on == off).all() and case.elementwise is None:
        return None
    linear = case.explained(lambda s: (s.dout @ given).reshape(case.x.shape))
    if not linear:
        return _from_upstream(case)
    reach = (on | off).any(0) if case.elementwise is None else np.ones(on.shape[1], bool)
    how = _how(case, on, off, reach)
    if how is None:
        return None
    if case.observation.drew_forward:
        return Finding("dropout-mask", f"{how} Backward must use the mask that forward drew, scale "
                       "and all: keep it in the cache.")  # fmt: skip
    return Finding("mask", how)


def _how(case: Case, on: np.ndarray, off: np.ndarray, reach: np.ndarray) -> str | None:
    """How the elements that get a gradient differ from those that should."""
    if case.elementwise is not None:
        on, off = np.diag(on), np.diag(off)
        if off.all() or (on == off).all():
            return None
        if (on == ~off).all():
            return "The mask is inverted: just the elements that should get no gradient get one."
    extra, missing = on & ~off, off & ~on
    if extra.any() and not missing.any():
        where = f"{int(extra.sum())} places get a gradient that should get none"
        return f"The mask is missing: {where}. The function does not depend on these elements here."
    if missing.any() and not extra.any():
        return f"The mask is too strict: {int(missing.sum())} places get no gradient that should."
    if not (extra.any() and missing.any()):
        return None
    return (
        f"The mask is taken from the wrong array: {int(extra.sum())} places get a gradient that "
        f"should get none, and {int(missing.sum())} the other way round."
    )


def _two_valued(table: np.ndarray) -> bool:
    """Whether the entries of each row are 0 and one value."""
    size = np.abs(table).max(1, keepdims=True, initial=0)
    rest = np.minimum(np.abs(table), np.abs(np.abs(table) - size))
    return bool((rest <= 1e-6 * size).all() and size.any())


def _from_upstream(case: Case) -> Finding | None:
    """The mask of an elementwise function is taken from the upstream gradient."""
    local = case.elementwise
    if local is None:
        return None
    c = np.abs(local).max(initial=0)
    for sign, text in ((1, "> 0"), (-1, "< 0")):
        if case.explained(lambda s, k: (c * s.dout * (k * s.dout > 0)).reshape(case.x.shape), sign):
            return Finding("mask", f"The mask is taken from the upstream gradient (dout {text}), "
                           f"and must be taken from {case.input}.")  # fmt: skip
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
    if not case.shaped or case.x.ndim < 2:
        return None
    size = case.x.shape[-2:]
    for by in _shifts(size):
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
        text = (
            f"What each output contributes stands {distinct[0]} pixels from where it should: look "
        )
        return Finding("offset", text + "at the padding, and at the start of the window.")
    if ((true != 0).sum((1, 2, 3)) if true.ndim == 4 else np.ones(1)).min() < 2:
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
    """Moves by some pixels that leave half of the picture, the smallest first."""
    reach = [range(-min(_REACH, n // 2), min(_REACH, n // 2) + 1) for n in size]
    moves = [(i, j) for i, j in itertools.product(*reach) if i or j]
    return sorted(moves, key=lambda m: (abs(m[0]) + abs(m[1]), *m))


def _overlap(by: tuple[int, int], size: tuple[int, int]) -> tuple:
    """The part of a moved picture, and of the picture, that show the same."""
    here = tuple(slice(max(0, d), n + min(0, d)) for d, n in zip(by, size, strict=True))
    there = tuple(slice(max(0, -d), n + min(0, -d)) for d, n in zip(by, size, strict=True))
    return (..., *here), (..., *there)


def _near(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return bool(np.nanmax(np.abs(a - b), initial=0) <= tolerance)
