"""Mistakes that multiply: a constant factor, one of the inputs too much or too little."""

from __future__ import annotations

import itertools

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample, number, numbers

__all__ = ["factor", "factor_of_array", "local_derivative"]


def _origins(case: Case, factor: float) -> str:
    """Where a factor may come from."""
    found = [text for value, text in _USUAL.items() if _equal(value, factor)]
    for name, value in numbers(case.pair.params).items():
        if value % 1:  # whole numbers are most often sizes
            found += [f"it is {name}"] if _equal(value, factor) else []
            found += [f"it is 1 / {name}"] if _equal(1 / value, factor) else []
    for size, what in _sizes(case).items():
        if size > 1 and _equal(size, factor):
            found.append(f"it is the size of {what}: a sum where forward takes a mean")
        elif size > 1 and _equal(1 / size, factor):
            found.append(f"it is 1 over the size of {what}: a mean where forward takes a sum")
    return f"Perhaps {'; or '.join(found)}." if found else ""


_USUAL = {
    2.0: "the 2 of a square was not cancelled by a 1/2, or a term is counted twice",
    0.5: "the 2 of the derivative of a square is missing, or a 1/2 is one too many",
    -1.0: "the sign is the wrong way round",
    -2.0: "the sign is the wrong way round, and a factor 2 has come in",
    -0.5: "the sign is the wrong way round, and a factor 2 is missing",
}


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-4 * abs(b)


def _sizes(case: Case) -> dict[int, str]:
    """The sizes of the axes of all arrays, alone and together, and what they are the sizes of."""
    sizes: dict[int, str] = {}
    for name, array in case.arrays:
        for length in range(1, array.ndim + 1):
            for axes in itertools.combinations(range(array.ndim), length):
                size = int(np.prod([array.shape[a] for a in axes]))
                what = f"axis {axes[0]}" if length == 1 else f"axes {axes}"
                whole = length == array.ndim and length > 1
                sizes.setdefault(size, f"all of {name}" if whole else f"{what} of {name}")
    return sizes


def _ratio(sample: Sample) -> float:
    """The factor that brings the truth nearest to what backward gave."""
    truth, given = sample.truth[sample.known], sample.analytic[sample.known]
    return float(truth @ given / (truth @ truth)) if truth.any() else 0.0


def factor(case: Case) -> Finding | None:
    """Every element is the same multiple of what it should be."""
    if not case.shaped:
        return None
    c = _ratio(case.first)
    if abs(c) < 1e-12 or not case.explained(lambda s: c * s.truth):
        return None
    origin = _origins(case, c)
    if not origin and case.x.size == 1 and len(case.samples) < 2:
        return None  # one number is always a multiple of another
    if case.observation.drew_forward and _scales(case, c):
        return Finding(
            "dropout-mask",
            f"Every element is {number(c)} times what it should be. Dropout scales what it keeps "
            "by 1/p, forward and backward alike: backward must use forward's mask, scale and all.",
        )
    origin = origin or "It is none of the usual factors (2, 1/2, -1, N, 1/N)."
    return Finding("factor", f"Every element is {number(c)} times what it should be. {origin}")


def _scales(case: Case, c: float) -> bool:
    """Whether a factor is the scale of a dropout, or its inverse."""
    values = [v for v in numbers(case.pair.params).values() if 0 < v < 1]
    scales = [s for v in values for s in (v, 1 / v, 1 - v, 1 / (1 - v))]
    if case.elementwise is not None and case.elementwise.any():
        largest = float(np.abs(case.elementwise).max())
        scales += [largest, 1 / largest]
    return any(_equal(s, c) for s in scales)


def factor_of_array(case: Case) -> Finding | None:
    """The gradient lacks, or has, an input or the output as a factor."""
    if not case.shaped:
        return None
    for name, array in case.arrays:
        if array.size < 2 or not np.issubdtype(array.dtype, np.floating):
            continue
        for shape in _placements(array, case.x):
            extra = array.reshape(shape)
            if name != case.input and case.explained(_lacking, extra):
                return Finding("factor", f"The factor {name} is missing: times {name} it is right.")
            if case.explained(lambda s, f: s.truth * f, extra):
                return Finding("factor", f"There is a factor {name} too many.")
    return None


def _lacking(sample: Sample, array: np.ndarray) -> np.ndarray | None:
    """The gradient without an array as factor."""
    with np.errstate(all="ignore"):
        guess = sample.truth / array
    return guess if np.isfinite(guess).all() else None


def _placements(other: np.ndarray, x: np.ndarray) -> list[tuple[int, ...]]:
    """The shapes in which an array can stand beside x."""
    shapes = {(1,) * (x.ndim - other.ndim) + other.shape} if other.ndim <= x.ndim else set()
    if other.ndim == 1:
        shapes |= {
            tuple(other.size if k == axis else 1 for k in range(x.ndim))
            for axis in range(x.ndim)
            if x.shape[axis] == other.size
        }
    fits = [s for s in shapes if all(a in (1, b) for a, b in zip(s, x.shape, strict=True))]
    return sorted(fits)


def local_derivative(case: Case) -> Finding | None:
    """The upstream gradient is handed on as it is."""
    if case.elementwise is None or not case.shaped or len(case.run.outs) > 1:
        return None
    if case.explained(lambda s: s.dout.reshape(case.x.shape)):
        return Finding(
            "factor",
            "The gradient is the upstream gradient itself: the derivative of the function is "
            "missing as a factor.",
        )
    return None
