"""How close is close enough: what a right gradient may differ by, and why."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.testing.doctor.case import Case
from tinygrad_edu.testing.doctor.observation import Observation, numeric
from tinygrad_edu.testing.doctor.pair import Pair

__all__ = ["notes"]


def notes(pair: Pair, observation: Observation, cases: list[Case]) -> list[str]:
    """The errors to expect in float64 and in float32, and what was not examined."""
    measured = [c for c in cases if c.samples and c.shaped and c.x.size and c.run.vector.size]
    lines = [_expected(measured)] if measured else []
    single = _in_single(pair, observation, measured)
    if single is not None:
        lines.append(f"In float32 the same pair is off by {single} of the largest element.")
    for case in measured:
        count = int(case.first.known.sum())
        if count < case.x.size:
            lines.append(f"{case.name}: {count} of {case.x.size} elements were examined.")
        dtype = np.asarray(case.given).dtype
        if dtype in (np.float16, np.float32):
            lines.append(f"{case.name} comes as {dtype} from inputs in float64.")
    return lines


def _expected(cases: list[Case]) -> str:
    """The errors of central differences, and the largest difference that passes."""
    steps = [c.slopes.step for c in cases]
    rounding = max(c.slopes.noise / c.slopes.step * float(np.abs(c.x).max()) for c in cases)
    size = max(float(np.nanmax(np.abs(c.first.truth), initial=0)) for c in cases)
    error = max(float(np.nanmax(np.abs(c.first.dout) @ c.slopes.error, initial=0)) for c in cases)
    passes = max(float(np.nanmax(c.first.tolerance, initial=0)) for c in cases)
    share = (lambda value: f"{value / size:.0e}") if size else (lambda value: f"{value:.0e}")
    spread = f"{min(steps):.0e}"
    if max(steps) > 1.5 * min(steps):
        spread += f" to {max(steps):.0e}"
    return (
        f"How close is close enough: central differences with steps of {spread}, values rounded "
        f"to {max(c.slopes.noise for c in cases):.0e} (that is {rounding:.0e} in a derivative); "
        f"estimated error {share(error)} of the largest element; up to {share(passes)} of "
        "it passes."
    )


def _in_single(pair: Pair, observation: Observation, cases: list[Case]) -> str | None:
    """How far the gradients in float32 are from those in float64, relative to the largest."""
    try:
        run = pair.run([x.astype(np.float32) for x in pair.inputs])
        douts = pair.split(observation.draws[0], run.outs)
        douts = [d.astype(np.float32) for d in douts]
        found = pair.listed(pair.gradients(run, douts))
    except Exception:  # a pair may be written for float64 alone
        return None
    errors = []
    for case in cases:
        given = numeric(found[case.index]) if isinstance(found, list) else None
        if given is None or given.shape != case.x.shape or not case.first.analytic.any():
            continue
        size = np.abs(case.first.analytic).max()
        with np.errstate(all="ignore"):
            errors.append(float(np.abs(given - case.first.analytic).max() / size))
    worst = max(errors, default=0.0)
    return f"{worst:.0e}" if worst > 0 else None  # neither 0, if float64 was used, nor NaN
