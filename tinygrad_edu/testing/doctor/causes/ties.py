"""Ties: elements that are equal where the largest is chosen.

At a tie every element has a kink, and many gradients are right for each alone. Moved together, tied
elements have one slope, and the gradients of all of them must add up to it.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding

__all__ = ["ties"]


def ties(case: Case) -> Finding | None:
    """Where elements are equal, the gradients of all of them add up to too much or too little."""
    if not case.samples or not case.shaped or not case.complete:
        return None
    if case.slopes.kinks.any() and _unbalanced(case, case.x):
        return Finding("ties", f"Some elements of {case.input} are equal, and {_TEXT}")
    chosen = np.isin(case.run.vector, case.x).all() and case.run.vector.size < case.x.size
    if not chosen:
        return None
    spread = case.x.std() or 1.0
    tied = np.round(case.x / spread) * spread  # few values, so that every window has equal ones
    if _unbalanced(case, tied):
        return Finding(
            "ties",
            "The gradient is right here, where all elements differ. With equal elements (the "
            f"doctor rounded {case.input}; after a ReLU many are 0) it is wrong: {_TEXT}",
        )
    return None


_TEXT = (
    "the gradients of tied elements do not add up to what comes from above: each of them gets all "
    "of it. Choose one of the elements, as argmax does, or share it among them: a mask `x == max` "
    "chooses several."
)


def _unbalanced(case: Case, x: np.ndarray) -> bool:
    """Whether the gradient is wrong along the direction that moves all elements together."""
    pair, dout = case.pair, case.first.dout
    inputs = [x if k == case.index else other for k, other in enumerate(pair.inputs)]

    def value(by: float) -> float:
        there = [a + by if k == case.index else a for k, a in enumerate(inputs)]
        return float(dout @ pair.value(there))

    gradient = _gradient(case, inputs)
    h = 1e-4 * float(np.abs(x).max() or 1.0)
    with np.errstate(all="ignore"):
        left, right = (value(0) - value(-h)) / h, (value(h) - value(0)) / h
    size = float(np.abs(dout).sum())
    if gradient is None or not abs(left - right) <= 1e-6 * size:
        return False
    return abs(gradient.sum() - (left + right) / 2) > 1e-3 * size


def _gradient(case: Case, inputs: list[np.ndarray]) -> np.ndarray | None:
    run = case.pair.run(inputs)
    found = case.pair.listed(case.pair.gradients(run, case.pair.split(case.first.dout, run.outs)))
    return np.asarray(found[case.index], np.float64) if isinstance(found, list) else None
