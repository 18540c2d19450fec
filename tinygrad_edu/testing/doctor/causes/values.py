"""Mistakes that leave every element in its place: terms of W, a lost upstream gradient, NaN."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample, number, numbers

__all__ = [
    "kink", "multiple_of_input", "overflow", "precision", "regularisation", "upstream_ignored",
    "zero",
]  # fmt: skip

_ROUNDING = {"float32": 1e-5, "float16": 4e-3}  # what some of them may add up to


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
    if len(case.samples) < 2 or not case.shaped:
        return None
    first, *others = (s.analytic for s in case.samples)
    if not all(np.allclose(first, other, rtol=1e-9, atol=0) for other in others):
        return _one_ignored(case)
    return Finding(
        "upstream-ignored",
        "The gradient is the same whatever upstream gradient backward is given. By the chain rule "
        "the local derivative is multiplied by it (also that of a loss, whose upstream gradient "
        "is 1 only when nothing comes after it).",
    )


def _one_ignored(case: Case) -> Finding | None:
    """Of several upstream gradients one is not used."""
    outs = case.run.outs
    if len(outs) < 2 or not case.complete:
        return None
    owner = np.repeat(np.arange(len(outs)), [out.size for out in outs])
    for k in range(len(outs)):

        def without(s: Sample, others: np.ndarray = owner != k) -> np.ndarray:
            return ((s.dout * others) @ case.slopes.jacobian).reshape(case.x.shape)

        if case.explained(without):
            return Finding("upstream-ignored", f"The upstream gradient of output {k} (counted from "
                           "0) is not used: contributions of all outputs add.")  # fmt: skip
    return None


def _multiples(case: Case) -> list[float] | None:
    """For each sample, which multiple of the input is off, if that is all that is off."""
    found = []
    for s in case.samples:
        x, residual = case.x[s.known], s.residual[s.known]
        if not x.any():
            return None
        c = float(x @ residual / (x @ x))
        if np.abs(residual - c * x).max() > max(1e-3 * np.abs(residual).max(), s.close / 1e3):
            return None
        found.append(c)
    return found


def regularisation(case: Case) -> Finding | None:
    """What is off is a multiple of the input itself."""
    ends = _multiples(case) if case.shaped else None
    if ends is None:
        return None
    ways = [(ends, "")]
    if case.pair.upstream and case.first.dout.size == 1:  # a loss
        douts = [s.dout.item() for s in case.samples]
        ways.append(([c / d for c, d in zip(ends, douts, strict=True)], ""))
        ways.append(([c / (1 - d) for c, d in zip(ends, douts, strict=True)], _UPSTREAM))
    for rates, also in ways:
        found = _share(case, rates)
        if found and np.ptp(rates) <= 1e-4 * abs(rates[0]):
            share, name = found
            off = f"What is off is {share:+g} {name} {case.input}"
            return Finding("regularisation", f"{off}{also or '. ' + _SHARES[share]}")
    return None


_UPSTREAM = " (1 - dout): the regularisation term is not multiplied by the upstream gradient."


def _share(case: Case, rates: list[float]) -> tuple[float, str] | None:
    """Which setting, how many times, a rate is."""
    for share in _SHARES:
        for name, value in numbers(case.pair.params).items():
            if value and abs(rates[0] - share * value) <= 1e-4 * abs(rates[0]):
                return share, name
    return None


_SHARES = {
    -1.0: "The gradient of the regularisation term is missing.",
    1.0: "The regularisation term is counted twice, or not in the loss at all.",
    -0.5: "The regularisation term has half the gradient it should have.",
    0.5: "The regularisation term has a gradient that is too large: 1/2 reg W^2 gives reg W.",
    -2.0: "The gradient of the regularisation term is missing: reg W^2 gives 2 reg W.",
    2.0: "The regularisation term is counted twice, or not in the loss at all.",
}


def multiple_of_input(case: Case) -> Finding | None:
    """What is off is a multiple of the input, whatever the settings."""
    rates = _multiples(case) if case.shaped and case.x.size > 1 else None
    if rates is None or np.ptp(rates) > 1e-4 * abs(rates[0]):
        return None
    return Finding(
        "regularisation",
        f"What is off is {number(rates[0])} times {case.input} itself: the gradient of a "
        "regularisation term, which is missing or one too many.",
    )


def precision(case: Case) -> Finding | None:
    """What is off looks like rounding to a coarse dtype."""
    if not case.shaped:
        return None
    for dtype, rounding in _ROUNDING.items():
        limit = [rounding * np.nanmax(np.abs(s.truth)) for s in case.samples]
        off = [np.nanmax(np.abs(s.residual)) for s in case.samples]
        if all(o <= most for o, most in zip(off, limit, strict=True)):
            return Finding(
                "precision",
                f"All that is off is of the size of the rounding of {dtype}: some step of backward "
                "computes in it. Keep the dtype of the inputs.",
            )
    return None
