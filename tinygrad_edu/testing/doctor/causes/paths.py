"""Mistakes on the way: one use of a variable forgotten, a mask in the middle of a network missing.

Forward is run with one of its steps held, or passed through, or let through where it blocks. If the
derivative that is left is what backward gives, the step is where backward goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, number
from tinygrad_edu.testing.doctor.causes.settings import EPS, normalises
from tinygrad_edu.testing.doctor.trace import Event, Experiment, Step, Trace, creating

__all__ = ["mask_of_step", "way"]

_STEPS = 200  # up to so many steps of a forward are tried
_NOISY = 1e-12
_CLIPS = ("maximum", "minimum", "where", "clip", "abs", "absolute", "fmax", "fmin")


class Steps:
    """The steps of forward, and its derivatives with one of them changed."""

    def __init__(self, case: Case) -> None:
        assert case.probe is not None
        self.idle: frozenset[Step] = frozenset()
        self.case, self.probe = case, case.probe
        base = Trace()
        self.vector = self.values(base, case.x)
        self.events = dict(base.events)

    def values(self, trace: Trace, x: np.ndarray) -> np.ndarray:
        """The outputs of forward, whose steps a trace follows."""
        pair, index = self.case.pair, self.case.index
        inputs: list[Any] = [trace.array(other) for other in pair.inputs]
        inputs[index] = trace.array(x)
        params = pair.settings()
        for name, value in params.items():
            if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
                params[name] = trace.array(value)
        pair.streams.restore(pair.streams.start)
        with creating(trace):
            outs, _ = pair.parts(pair.call(inputs, params))
        return np.concatenate([np.asarray(o, np.float64).ravel() for o in outs])

    def value(self, experiment: Experiment) -> Callable[[np.ndarray], np.ndarray]:
        """Forward with a step changed."""
        return lambda x: self.values(Trace(self.events, experiment), x)

    def explain(self, experiment: Experiment) -> bool:
        """Whether backward gives what forward would have as derivative with a step changed."""
        return self._asks(self.probe.explains, experiment) is not None

    def share(self, step: Step) -> float | None:
        """How often what goes through a step is counted too much; -1 if it is missing."""
        return self._asks(self.probe.share, self.hold(step))

    def hold(self, step: Step) -> Experiment:
        """Hold a step: nothing goes through it."""
        return Experiment(step, lambda now, event: event.operand, also=self.idle)

    def _asks(self, judge: Callable, experiment: Experiment) -> float | None:
        try:
            return self.probe.asks(judge, self.value(experiment))
        except Exception:  # forward goes another way then
            return None

    def without_maxima(self) -> Steps | None:
        """These steps, those held that take a maximum which has no influence on the result.

        Softmax subtracts the maximum so that exp does not overflow; its value does not matter.
        """
        maxima = [s for s in self.events if "max" in s.operation and s.operation != "maximum"]
        scale = np.abs(self.probe.true).max()
        idle = [
            step
            for step in maxima
            if np.abs(self.probe.derivatives(self.value(self.hold(step))) - self.probe.true).max()
            <= 1e-7 * scale
        ]
        self.idle = frozenset(idle)
        return self if idle else None


def _steps(case: Case) -> Steps | None:
    """The steps of forward, if it can be traced and its derivatives are exact enough."""
    if case.probe is None or case.slopes.noise > _NOISY or not case.probe.off.any():
        return None
    try:
        steps = Steps(case)
    except Exception:  # forward does something with arrays that the tracer does not know
        return None
    same = np.allclose(steps.vector, case.run.vector, rtol=1e-9, equal_nan=True)
    return steps if same and 0 < len(steps.events) <= _STEPS else None


# --- masks --------------------------------------------------------------------------------------


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
    masks = [o for o in map(np.asarray, event.operands) if o.dtype == bool]
    same = [m for m in masks if m.shape == event.operand.shape]
    return ~same[0] if same else event.result != event.operand


def _is_mask(step: Step, event: Event) -> bool:
    """Whether a step lets some elements through as they are, and others not at all."""
    if step.operation in _CLIPS:
        return True
    others = [o for o in map(np.asarray, event.operands) if o.size == event.operand.size > 1]
    return step.operation == "multiply" and any(_binary(o) for o in others)


def _binary(a: np.ndarray) -> bool:
    values = np.unique(a)
    return a.dtype == bool or (len(values) <= 2 and 0 in values)


def _passable(steps: Steps) -> Iterator[Step]:
    """The steps that do something to each element of the operand."""
    for step, (event, *_) in steps.events.items():
        if isinstance(event.result, np.ndarray) and event.result.size:
            shape, whole = event.operand.shape, event.result.shape
            beside = zip(reversed(shape), reversed(whole), strict=False)
            if len(shape) <= len(whole) and all(a in (1, b) for a, b in beside):
                yield step


def mask_of_step(case: Case) -> Finding | None:
    """Backward goes through a step of forward as if it had no mask, or the opposite one."""
    steps = _steps(case)
    if steps is None:
        return None
    for step in _passable(steps):
        if not _is_mask(step, steps.events[step][0]):
            continue
        for experiment, how in ((_pass(step), "missing"), (_invert(step), "inverted")):
            if steps.explain(experiment):
                cause = "dropout-mask" if case.observation.drew_forward else "mask"
                return Finding(cause, f"The mask is {how} where backward goes through {step}.")
    return None


# --- ways ---------------------------------------------------------------------------------------


def way(case: Case) -> Finding | None:
    """The contribution of one step is missing, has the wrong factor, or its derivative is lost."""
    steps = _steps(case)
    if steps is None:
        return None
    normal = normalises(case)
    finding = _held(case, steps, normal) or _without_derivative(steps, normal) or _turned(steps)
    if finding is None and steps.without_maxima():
        finding = _held(case, steps, normal)
    return finding


def _held(case: Case, steps: Steps, normal: bool) -> Finding | None:
    """A step whose contribution, some times, is what is off."""
    for step in [s for s in steps.events if s not in steps.idle]:
        share = steps.share(step)
        if share is None:
            continue
        where = f"{case.input} has an influence through {step}"
        if abs(share + 1) < 1e-3:
            cause = "normalisation-term" if normal else "missing-path"
            return Finding(cause, f"One way is missing: {where}, and what is off is just the "
                           "contribution of that.")  # fmt: skip
        cause = "normalisation-term" if normal else "factor"
        return Finding(cause, f"One way has a wrong factor: {where}, and that contribution is "
                       f"taken {number(1 + share)} times instead of once.")  # fmt: skip
    return None


def _without_derivative(steps: Steps, normal: bool) -> Finding | None:
    """A step that backward goes through as if it were not there."""
    for step in _passable(steps):
        if steps.explain(_pass(step)):
            inner = normal and not _by_input(steps, step)
            cause = "normalisation-term" if inner else "factor"
            return Finding(cause, f"The derivative of one step is missing as a factor: {step}.")
        if step.operation == "add" and _small(steps.events[step][0]):
            dropped = Experiment(step, result=lambda result, now, event: now)
            if steps.explain(dropped):
                return Finding("normalisation-term", EPS)
    return None


def _by_input(steps: Steps, step: Step) -> bool:
    """Whether a step multiplies by an input of the pair."""
    others = steps.events[step][0].operands
    return step.operation == "multiply" and any(
        np.array_equal(o, x) for o in others for x in steps.case.pair.inputs
    )


def _turned(steps: Steps) -> Finding | None:
    """A product of matrices that backward goes through as if the other one were transposed."""
    for step, (event, *_) in steps.events.items():
        shapes = [np.shape(o) for o in event.operands]
        if step.operation not in ("dot", "matmul") or [len(s) for s in shapes] != [2, 2]:
            continue
        rows, columns = shapes[1 - step.operand]
        if rows == columns and steps.explain(Experiment(step, result=_through_transpose)):
            return Finding("transpose", f"On the way through {step} a matrix is transposed that "
                           "should not be, or not transposed that should.")  # fmt: skip
    return None


def _through_transpose(result: Any, now: np.ndarray, event: Event) -> Any:
    """The result of a product, whose change is multiplied by the transpose of the other matrix."""
    change, (left, right) = now - event.operand, event.operands
    first = event.operand.shape == left.shape and np.array_equal(event.operand, left)
    return event.result + (change @ right.T if first else left.T @ change)


def _small(event: Event) -> bool:
    """Whether a step adds a small number."""
    numbers = [o for o in event.operands if isinstance(o, float)]
    return any(0 < n < 0.1 for n in numbers)
