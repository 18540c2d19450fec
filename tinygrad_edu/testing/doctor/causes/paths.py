"""Mistakes on the way: one use of a variable forgotten, a mask in the middle of a network missing.

Forward is run with one of its steps held, or passed through, or let through where it blocks. If the
derivative that is left is what backward gives, the step is where backward goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, number
from tinygrad_edu.testing.doctor.causes.settings import normalises
from tinygrad_edu.testing.doctor.trace import Event, Experiment, Step, Trace

__all__ = ["missing_path", "step_of_forward"]

_STEPS = 150  # up to so many steps of a forward are tried
_PROBES = 6  # random directions along which derivatives are compared
_FIT = 1e-3  # how much of what is off an experiment may leave unexplained
_CLIPS = ("maximum", "minimum", "where", "clip", "abs", "absolute", "fmax", "fmin")


class Probe:
    """Derivatives along random directions, with forward as it is or with one step changed."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.step = 1e-4 * float(case.x.std() or np.abs(case.x).mean() or 1.0)
        random = np.random.default_rng(2)
        self.directions = random.standard_normal((_PROBES, *case.x.shape))
        base = Trace()
        self.vector = self.values(base, case.x)
        self.events = dict(base.events)
        samples = [case.samples[k % len(case.samples)] for k in range(_PROBES)]
        self.douts = [s.dout for s in samples]
        self.given = np.array([
            (s.analytic * d).sum() for s, d in zip(samples, self.directions, strict=True)
        ])  # fmt: skip
        self.true = np.array([
            (s.truth * d).sum() for s, d in zip(samples, self.directions, strict=True)
        ])  # fmt: skip
        self.off = self.given - self.true

    def values(self, trace: Trace, x: np.ndarray) -> np.ndarray:
        """The outputs of forward, whose steps a trace follows."""
        pair, index = self.case.pair, self.case.index
        inputs: list[Any] = [np.array(other) for other in pair.inputs]
        inputs[index] = trace.array(x)
        pair.streams.restore(pair.streams.start)
        outs, _ = pair.parts(pair.call(inputs))
        return np.concatenate([np.asarray(o, np.float64).ravel() for o in outs])

    def changed(self, experiment: Experiment) -> np.ndarray | None:
        """The derivatives with one step changed."""
        found = []
        for dout, direction in zip(self.douts, self.directions, strict=True):
            ends = []
            for sign in (1, -1):
                trace = Trace(self.events, experiment)
                try:
                    there = self.case.x + sign * self.step * direction
                    ends.append(dout @ self.values(trace, there))
                except (IndexError, KeyError, ValueError):  # forward went another way
                    return None
            found.append((ends[0] - ends[1]) / (2 * self.step))
        return np.array(found)

    def explains(self, derivatives: np.ndarray) -> bool:
        """Whether they are what backward gave."""
        error = np.abs(derivatives - self.given).max()
        return bool(error <= _FIT * np.abs(self.off).max())

    def share(self, derivatives: np.ndarray) -> float | None:
        """What is off, in units of the contribution of a step, if it is a multiple of that."""
        part = self.true - derivatives
        if np.abs(part).max() <= 1e-6 * np.abs(self.true).max(initial=0):
            return None
        share = float(part @ self.off / (part @ part))
        left = np.abs(self.off - share * part).max()
        return share if left <= _FIT * np.abs(self.off).max() else None


def _probe(case: Case) -> Probe | None:
    """An experimenter, if forward can be traced and the derivatives are all known."""
    if not case.shaped or not case.complete or not case.x.size or case.slopes.noise > 1e-12:
        return None
    if not all(np.isfinite(s.analytic).all() for s in case.samples):
        return None
    try:
        probe = Probe(case)
    except Exception:  # forward does something with arrays that the tracer does not know
        return None
    same = np.allclose(probe.vector, case.run.vector, rtol=1e-9, equal_nan=True)
    return probe if same and probe.events and probe.off.any() else None


def _hold(step: Step) -> Experiment:
    return Experiment(step, operand=lambda now, event: event.operand)


def _pass(step: Step) -> Experiment:
    """Let the change of the operand through, as if the step had the derivative 1."""
    return Experiment(step, result=lambda result, now, event: event.result + now - event.operand)


def _invert(step: Step) -> Experiment:
    """Let the change of the operand through where the step blocks it, and nowhere else."""

    def result(result: Any, now: np.ndarray, event: Event) -> Any:
        return event.result + (now - event.operand) * _blocked(event)

    return Experiment(step, result=result)


def _blocked(event: Event) -> np.ndarray:
    """Where the result of a step does not depend on its operand."""
    others = [np.asarray(o) for o in event.operands if o is not event.operand]
    masks = [o for o in others if o.dtype == bool and o.shape == event.operand.shape]
    return ~masks[0] if masks else event.result != event.operand


def _is_mask(step: Step, event: Event) -> bool:
    """Whether a step lets some elements through as they are, and others not at all."""
    if step.operation in _CLIPS:
        return True
    others = [np.asarray(o) for o in event.operands]
    two = [o for o in others if o.size > 1 and o.size == event.operand.size and _binary(o)]
    return step.operation == "multiply" and bool(two)


def _binary(a: np.ndarray) -> bool:
    values = np.unique(a)
    return a.dtype == bool or (len(values) <= 2 and 0 in values)


def _passable(probe: Probe) -> Iterator[Step]:
    """The steps whose result has the shape of the operand."""
    for step, (event, *_) in probe.events.items():
        if isinstance(event.result, np.ndarray) and event.result.shape == event.operand.shape:
            yield step


def step_of_forward(case: Case) -> Finding | None:
    """Backward goes through a step of forward as if it had no mask, or another one."""
    probe = _probe(case)
    if probe is None or len(probe.events) > _STEPS:
        return None
    for step in _passable(probe):
        if not _is_mask(step, probe.events[step][0]):
            continue
        for experiment, how in ((_pass(step), "missing"), (_invert(step), "inverted")):
            derivatives = probe.changed(experiment)
            if derivatives is not None and probe.explains(derivatives):
                cause = "dropout-mask" if case.observation.drew_forward else "mask"
                return Finding(cause, f"The mask is {how} where backward goes through {step}.")
    return None


def missing_path(case: Case) -> Finding | None:
    """The contribution of one step is missing, has the wrong sign, or is counted twice."""
    probe = _probe(case)
    if probe is None or len(probe.events) > _STEPS:
        return None
    normal = normalises(case)
    for step in probe.events:
        derivatives = probe.changed(_hold(step))
        share = None if derivatives is None else probe.share(derivatives)
        if share is None or abs(share) < 1e-6:
            continue
        where = f"{case.input} has an influence through {step}"
        if abs(share + 1) < 1e-3:
            cause = "normalisation-term" if normal else "missing-path"
            return Finding(cause, f"One way is missing: {where}, and what is off is just the "
                           "contribution of that.")  # fmt: skip
        cause = "normalisation-term" if normal else "factor"
        return Finding(cause, f"One way has a wrong factor: {where}, and that contribution is "
                       f"taken {number(1 + share)} times instead of once.")  # fmt: skip
    for step in _passable(probe):
        derivatives = probe.changed(_pass(step))
        if derivatives is not None and probe.explains(derivatives):
            cause = "normalisation-term" if normal else "factor"
            return Finding(cause, f"The derivative of one step is missing as a factor: {step}.")
    return None
