"""Mistakes that leave every element in its place: factors, terms of W, a lost upstream gradient."""

from __future__ import annotations

import itertools

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample, number, numbers

__all__ = [
    "factor", "factor_of_input", "kink", "local_derivative", "overflow", "precision",
    "regularisation", "upstream_ignored", "zero",
]  # fmt: skip

_WORST_ROUNDING = 64  # roundings that may add up


def kink(case: Case) -> Finding | None:
    """Only elements at a kink are wrong."""
    kinks = case.slopes.spread(case.slopes.kinks, case.x.shape) == 1
    if not case.shaped or not kinks.any():
        return None
    wrong = [s.wrong & ~kinks for s in case.samples]
    if any(w.any() for w in wrong):
        return None
    value = float(case.x[np.any([s.wrong for s in case.samples], 0)].flat[0])
    return Finding(
        "kink",
        "Only elements at a kink are wrong: there the slope to the left and the slope to the right "
        f"differ, and a gradient must lie between them. In {case.input} that is where it has the "
        f"value {number(value)}. Write the gradient so that it is right there too, with a mask and "
        "not with a quotient.",
    )


def overflow(case: Case) -> Finding | None:
    """NaN or infinity where the truth is a number."""
    if not case.shaped:
        return None
    bad = ~np.isfinite(case.first.analytic) & case.first.known
    if not bad.any():
        return None
    return Finding(
        "precision",
        f"{int(bad.sum())} elements are NaN or infinite, where the true gradient is a number: "
        "something overflows, or 0 is divided by 0. Subtract the maximum before exp; add eps below "
        "a quotient.",
    )


def zero(case: Case) -> Finding | None:
    """Nothing was ever written to the gradient."""
    if not case.shaped or any(s.analytic.any() for s in case.samples):
        return None
    return Finding(
        "missing-path",
        f"The gradient is zero everywhere: no use of {case.input} contributes to it.",
    )


def upstream_ignored(case: Case) -> Finding | None:
    """The gradient is the same whatever comes from above."""
    if len(case.samples) < 2:
        return None
    first, *others = (s.analytic for s in case.samples)
    if not all(np.allclose(first, other, rtol=1e-9, atol=0) for other in others):
        return None
    return Finding(
        "upstream-ignored",
        "The gradient is the same whatever upstream gradient backward is given. By the chain rule "
        "the local derivative is multiplied by it (also that of a loss, whose upstream gradient "
        "is 1 only when nothing comes after it).",
    )


def _origins(case: Case) -> dict[float, str]:
    """Factors that mistakes make, and where they come from."""
    first, *_ = case.run.outs
    n = case.x.shape[0] if case.x.ndim else 1
    found = {
        2.0: "Perhaps the 2 of a square was not cancelled by a 1/2, or a term is counted twice.",
        0.5: "Perhaps the 2 of the derivative of a square is missing, or a 1/2 is one too many.",
        -1.0: "The sign is the wrong way round.",
        -2.0: "The sign is the wrong way round, and a factor 2 has come in.",
        -0.5: "The sign is the wrong way round, and a factor 2 is missing.",
    }
    for name, value in numbers(case.pair.params).items():
        if value not in (0, 1):
            found.setdefault(value, f"That is {name}.")
            found.setdefault(1 / value, f"That is 1 / {name}.")
    sizes: dict[int, str] = {}
    arrays = [*zip(case.pair.names, case.pair.inputs, strict=True), ("out", first)]
    arrays += [(k, v) for k, v in case.pair.params.items() if isinstance(v, np.ndarray)]
    for name, array in arrays:
        for length in range(1, array.ndim + 1):
            for axes in itertools.combinations(range(array.ndim), length):
                size = int(np.prod([array.shape[a] for a in axes]))
                axis = f"axis {axes[0]}" if length == 1 else f"axes {axes}"
                whole = length == array.ndim and length > 1
                sizes.setdefault(size, f"all elements of {name}" if whole else f"{axis} of {name}")
    for size, what in sizes.items():
        batch = " (the batch)" if size == n and "axis 0" in what else ""
        found.setdefault(
            float(size), f"That is the size of {what}{batch}: a sum instead of a mean? Forward "
            "divides by it, and so must backward.",
        )  # fmt: skip
        found.setdefault(
            1 / size, f"That is 1 over the size of {what}{batch}: a mean instead of a sum, or the "
            "division is done twice?",
        )  # fmt: skip
    return found


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
    origins = {value: text for value, text in _origins(case).items() if value != 1}
    nearest = min(origins, key=lambda value: abs(value - c))
    known = abs(nearest - c) <= 1e-4 * abs(c)
    if not known and case.x.size == 1 and len(case.samples) < 2:
        return None  # one number is always a multiple of another
    origin = origins[nearest] if known else "It is none of the usual factors (2, 1/2, -1, N, 1/N)."
    if case.observation.drew_forward and "p" in _dropout(case, c):
        return Finding(
            "dropout-mask",
            f"Every element is {number(c)} times what it should be. Dropout scales what it keeps "
            "by 1/p, forward and backward alike: backward must use forward's mask, scale and all.",
        )
    return Finding("factor", f"Every element is {number(c)} times what it should be. {origin}")


def _dropout(case: Case, c: float) -> str:
    """Whether a factor is the scale of a dropout, or its inverse."""
    values = [v for v in numbers(case.pair.params).values() if 0 < v < 1]
    scales = [s for v in values for s in (v, 1 / v, 1 - v, 1 / (1 - v))]
    local = case.elementwise
    if local is not None and local.any():
        scales += [abs(local).max(), 1 / abs(local).max()]
    return "p" if any(abs(s - c) <= 1e-4 * abs(c) for s in scales) else ""


def factor_of_input(case: Case) -> Finding | None:
    """The gradient lacks, or has, one of the other inputs as a factor."""
    if not case.shaped:
        return None
    for name, other in zip(case.pair.names, case.pair.inputs, strict=True):
        if other.size == 0 or name == case.input or other.size == 1:
            continue
        for shape in _placements(other, case.x):
            with np.errstate(all="ignore"):
                lacking, extra = 1 / other.reshape(shape), other.reshape(shape)
            if np.isfinite(lacking).all() and case.explained(lambda s, f: s.truth * f, lacking):
                return Finding("factor", f"The factor {name} is missing: times {name} it is right.")
            if case.explained(lambda s, f: s.truth * f, extra):
                return Finding("factor", f"There is a factor {name} too many.")
    return None


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


def regularisation(case: Case) -> Finding | None:
    """What is off is a multiple of the input itself."""
    if not case.shaped or not case.x.any():
        return None
    flat = case.x.ravel()
    ends = [float(flat @ np.nan_to_num(s.residual).ravel() / (flat @ flat)) for s in case.samples]
    for c, s in zip(ends, case.samples, strict=True):
        left = s.residual - c * case.x
        if np.nanmax(np.abs(left)) > max(1e-3 * np.nanmax(np.abs(s.residual)), s.close / 1e3):
            return None
    scaled = [
        c / (s.dout.item() if s.dout.size == 1 else 1)
        for c, s in zip(ends, case.samples, strict=True)
    ]
    rates = [r for r in (ends, scaled) if np.ptp(r) <= 1e-4 * abs(r[0])]
    if not rates:
        return None
    c = rates[-1][0]
    names = {v: k for k, v in numbers(case.pair.params).items() if v}
    for share, text in _SHARES.items():
        for value, name in names.items():
            if abs(c - share * value) <= 1e-4 * abs(c):
                return Finding(
                    "regularisation", f"What is off is {share:+g} {name} {case.input}. {text}"
                )
    if case.x.size == 1:
        return None
    return Finding(
        "regularisation",
        f"What is off is {number(c)} times {case.input} itself: the gradient of a regularisation "
        "term, which is missing or one too many.",
    )


_SHARES = {
    -1.0: "The gradient of the regularisation term is missing.",
    1.0: "The regularisation term is counted twice, or not in the loss at all.",
    -0.5: "The regularisation term has half the gradient it should have.",
    0.5: "The regularisation term has a gradient that is too large: 1/2 reg W^2 gives reg W.",
    -2.0: "The gradient of the regularisation term is missing: reg W^2 gives 2 reg W.",
    2.0: "The regularisation term is counted twice, or not in the loss at all.",
}


def precision(case: Case) -> Finding | None:
    """What is off looks like rounding to a coarse dtype."""
    if not case.shaped:
        return None
    for dtype, eps in (("float32", 1.2e-7), ("float16", 9.8e-4)):
        limit = [_WORST_ROUNDING * eps * np.nanmax(np.abs(s.truth)) for s in case.samples]
        off = [np.nanmax(np.abs(s.residual)) for s in case.samples]
        if all(o <= most for o, most in zip(off, limit, strict=True)):
            return Finding(
                "precision",
                f"All that is off is of the size of the rounding of {dtype}: some step of backward "
                f"computes in it. Keep the dtype of the inputs.",
            )
    return None
