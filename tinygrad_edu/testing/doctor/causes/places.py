"""Mistakes of place: a gradient that goes to elements it should not, or misses some it should.

The Jacobian that backward believes in, a row for each output element, is laid beside the true
one.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample

__all__ = ["diagonal", "mask", "overwritten"]


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
        if should.sum(1).max() > 1:
            return None  # of several elements others may be meant for another reason
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
    """Each element keeps only the contribution of one of the outputs that use it."""
    if not case.shaped or not case.complete or len(case.run.outs) > 1:
        return None
    shape = case.run.outs[0].shape
    true = case.slopes.jacobian.reshape(*shape, case.x.size)
    together = [(), (1,)] if len(shape) == 4 else [()]  # the filters of one window count at once
    for axes in together:
        used = (np.abs(true) > 1e-9 * np.abs(true).max(initial=0)).any(axes, keepdims=True)
        flat = used.reshape(-1, case.x.size)
        if len(flat) < 2:
            continue
        for one in (len(flat) - 1 - np.argmax(flat[::-1], 0), np.argmax(flat, 0)):
            kept = np.zeros(flat.shape)
            kept[one, np.arange(case.x.size)] = 1
            table = (true * kept.reshape(used.shape)).reshape(-1, case.x.size)
            if case.explained(lambda s, t: (s.dout @ t).reshape(case.x.shape), table):
                return Finding(
                    "missing-path",
                    f"Each element of {case.input} is used for several outputs, and only one of "
                    "them counts: contributions add, so write `+=` and not `=` (and for repeated "
                    "indices `np.add.at`).",
                )
    return None
