"""`diagnose` and `diagnose_gradient`: examine a gradient written by hand, and name the mistake."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.testing.doctor.case import Case, Finding, Sample, sample
from tinygrad_edu.testing.doctor.causes import ALWAYS, EXPLANATIONS, ties
from tinygrad_edu.testing.doctor.closeness import notes
from tinygrad_edu.testing.doctor.examination import Examination
from tinygrad_edu.testing.doctor.numerical import derivatives
from tinygrad_edu.testing.doctor.observation import Observation, numeric
from tinygrad_edu.testing.doctor.pair import Pair
from tinygrad_edu.testing.doctor.report import Diagnosis

__all__ = ["diagnose", "diagnose_gradient"]

_SAMPLES = 3  # upstream gradients that are drawn

UNKNOWN = Finding("unknown", "None of the causes the doctor knows explains the numbers.")


def diagnose(
    forward: Callable, backward: Callable | None, /, *inputs: Any, **params: Any
) -> Diagnosis:
    """Say which gradients of a pair of functions are wrong, where, and why.

    The pair is in a course's form: `out, cache = forward(*inputs, **params)` and `grads =
    backward(dout, cache)`, one gradient for each input, in their order (or a dictionary by name).
    Several outputs come before the cache, and their gradients before it too. With None as
    `backward`, forward returns a loss and its gradients: `loss, dx = forward(x, y=y)`.

    `inputs` are arrays of floating point, small ones with axes of different sizes if there is a
    choice: mistakes show best in them. `params` are labels and settings; they get no gradient.
    Both are handed over as copies. The truth is the numerical gradient in float64 of
    sum(dout * out), for a `dout` drawn at random. Global random streams are put
    back before each call.

    Errors: DTypeError for inputs that are not of floating point, ValueError if forward returns
    something else. What forward and backward raise is passed on.

    >>> from tinygrad_edu.testing import diagnose
    >>> def forward(x, w, b):
    ...     return x @ w + b, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout, dout.sum(axis=1)
    >>> random = np.random.default_rng(0)
    >>> x, w, b = (random.standard_normal(shape) for shape in ((4, 3), (3, 2), (2,)))
    >>> found = diagnose(forward, backward, x, w, b)
    >>> found.causes
    {'db': 'sum-axis'}
    """
    pair = Pair(forward, backward, inputs, params)
    return _examine(pair, getattr(backward or forward, "__name__", "diagnose"))


def diagnose_gradient(f: Callable[[np.ndarray], Any], x: Any, analytic: Any) -> Diagnosis:
    """Say whether the gradient of a scalar function of one array is right, and if not, why.

    `f(x)` returns one number; `analytic` is the gradient to examine, of the shape of x.

    Errors: DTypeError if x is not of floating point, ShapeError if f returns several numbers.

    >>> from tinygrad_edu.testing import diagnose_gradient
    >>> w = np.array([1.0, -2.0, 3.0])
    >>> print(diagnose_gradient(lambda w: 0.5 * (w * w).sum(), w, w))
    <lambda>: the gradient is right
      dw: right (off by at most ..., largest element 3)
    ...
    """
    name = next(iter(inspect.signature(f).parameters), "x")

    def loss(x: np.ndarray) -> tuple[np.ndarray, Any]:
        value = np.asarray(f(x), dtype=np.float64)
        if value.size != 1:
            expected = "a function that returns one number"
            raise ShapeError(describe("diagnose_gradient", "f", expected, f"shape {value.shape}"))
        return value, [np.array(analytic)]

    pair = Pair(loss, None, [x], {})
    pair.names = [name]
    return _examine(pair, getattr(f, "__name__", "diagnose_gradient"))


def _examine(pair: Pair, title: str) -> Diagnosis:
    """Measure and judge every gradient of a pair."""
    try:
        observation = Observation(pair, _SAMPLES)
        cases = [_case(pair, observation, k) for k in range(len(pair.names))]
        observation.numbers_right = not any(case.wrong for case in cases)
        examinations = [_examination(case, _judge(case)) for case in cases]
        return Diagnosis(title, examinations, notes(pair, observation, cases))
    finally:
        pair.streams.restore(pair.streams.start)


def _case(pair: Pair, observation: Observation, index: int) -> Case:
    """What backward gave for one input, and what is true."""
    before, x, after = pair.inputs[:index], pair.inputs[index], pair.inputs[index + 1 :]
    slopes = derivatives(lambda there: pair.value([*before, there, *after]), x)
    given: Any = observation.listed
    samples: list[Sample] = []
    for dout in observation.draws:
        answers = observation.answers(dout)
        given = None if isinstance(answers, str) else answers[index]
        analytic = numeric(given)
        if analytic is None:
            samples = []
            break
        samples.append(sample(slopes, dout, analytic, x.shape))
    return Case(pair, index, observation.run, slopes, samples, observation, given)


def _judge(case: Case) -> Finding | None:
    """The first cause that explains the case; nothing if the gradient is right."""
    questions = [*ALWAYS, *(EXPLANATIONS if case.wrong else [ties.ties])]
    for question in questions:
        finding = question(case)
        if finding is not None:
            return finding
    return UNKNOWN if case.wrong else None


def _examination(case: Case, finding: Finding | None) -> Examination:
    if not case.samples:
        truth = case.observation.draws[0] @ case.slopes.jacobian
        truth = case.slopes.spread(truth, case.x.shape)
        return Examination(case.name, None, truth, None, finding)
    shown = next((s for s in case.samples if case.shaped and s.wrong.any()), case.first)
    off = shown.wrong if case.shaped else None
    kinks = int(case.slopes.kinks.sum())
    return Examination(case.name, shown.analytic, shown.truth, off, finding, kinks)
