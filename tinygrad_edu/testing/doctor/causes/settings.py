"""Mistakes that show when a setting is changed: running statistics, eps, and normalisation."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample

__all__ = ["EPS", "eps", "normalisation", "normalises", "running_statistics"]


def _dictionaries(params: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings, and every dictionary among them."""
    return [params, *(v for v in params.values() if isinstance(v, dict))]


def running_statistics(case: Case) -> Finding | None:
    """In training, backward or forward uses the running mean and variance."""
    after = case.pair.run().params
    training = [d for d in _dictionaries(after) if d.get("mode") == "train" or d.get("training")]
    if not case.shaped or not training:
        return None
    text = "In training the statistics are those of the batch, and depend on "
    text += f"{case.input}; the running ones are for the test."
    for d in training:
        for key in [k for k, v in d.items() if "running" in k and isinstance(v, np.ndarray)]:
            if _depends(case, key):
                return Finding("running-statistics", f"Forward uses {key} in training. {text}")
    for params in (after, case.pair.params):
        tested = copy.deepcopy(params)
        for d in _dictionaries(tested):
            d.update({k: v for k, v in _TEST.items() if k in d})
        if case.right_at(case.pair.inputs, tested):
            return Finding("running-statistics", "The gradient is that of the test, where mean and "
                           f"variance are constants. {text}")  # fmt: skip
    return None


_TEST = {"mode": "test", "training": False}


def _depends(case: Case, key: str) -> bool:
    """Whether the output depends on running statistics."""
    params = copy.deepcopy(case.observation.run.params)
    base = case.pair.value(case.pair.inputs, params)
    for d in _dictionaries(params):
        if key in d:
            d[key] = d[key] * 1.5 + 0.5
    return not np.allclose(case.pair.value(case.pair.inputs, params), base, rtol=1e-9)


def eps(case: Case) -> Finding | None:
    """The gradient is the right one for eps = 0."""
    if not case.shaped:
        return None
    params = copy.deepcopy(case.pair.params)
    for d in _dictionaries(params):
        d.update({k: 0.0 for k in d if "eps" in str(k).lower()})
    if repr(params) != repr(case.pair.params) and case.right_at(case.pair.inputs, params):
        return Finding("normalisation-term", EPS)
    return None


EPS = (
    "The gradient is the right one for eps = 0: backward must use sqrt(var + eps), as forward does."
)


def normalises(case: Case) -> bool:
    """Whether the outputs stay as they are when the input is moved or stretched."""
    jacobian, x = case.slopes.jacobian, case.x.ravel()
    if not case.complete or x.size < 3:
        return False
    size = np.abs(jacobian).sum(1)
    moved = np.abs(jacobian.sum(1)) <= 1e-4 * size
    stretched = np.abs(jacobian @ (x - x.mean())) <= 0.1 * (np.abs(jacobian) @ np.abs(x - x.mean()))
    return bool(moved.all() and stretched.all() and size.any())


def _groups(case: Case) -> np.ndarray:
    """Which elements of the input are normalised together: those that share an output."""
    jacobian = np.abs(case.slopes.jacobian)
    used = (jacobian > 1e-7 * jacobian.max()).astype(float)
    return connected_components(used.T @ used, directed=False)[1]


def normalisation(case: Case) -> Finding | None:
    """What is off is, in each group normalised together, a constant plus a multiple of x."""
    if not case.shaped or not normalises(case):
        return None
    labels, x = _groups(case), case.x.ravel()
    if np.bincount(labels).min() < 3:
        return None
    parts = [_fit(s, labels, x) for s in case.samples]
    if any(p is None for p in parts):
        return _without_deviation(case, labels)
    slope, level = max(p[0] for p in parts if p), max(p[1] for p in parts if p)
    lost = []
    if level > 1e-3 * (slope + level):
        lost.append("the mean")
    if slope > 1e-3 * (slope + level):
        lost.append("the variance")
    return Finding(
        "normalisation-term",
        f"The way through {' and '.join(lost)} is missing or wrong: what is off is, in each group "
        f"that is normalised together, {_SHAPE[tuple(lost)]}. {case.input} enters the result three "
        "times: directly, through the mean, and through the variance.",
    )


_SHAPE = {
    ("the mean",): "the same for all elements",
    ("the variance",): "proportional to x - mean",
    ("the mean", "the variance"): "a constant plus a multiple of x - mean",
}


def _fit(sample: Sample, labels: np.ndarray, x: np.ndarray) -> tuple[float, float] | None:
    """The sizes of the part proportional to x and of the constant part, if that is all."""
    residual = sample.residual.ravel()
    slopes, levels = [0.0], [0.0]
    for label in np.unique(labels):
        r, v = residual[labels == label], x[labels == label]
        v = v - v.mean()
        with np.errstate(invalid="ignore"):
            level, slope = r.mean(), (v @ r) / (v @ v)
        left = np.abs(r - level - slope * v).max()
        if not left <= max(sample.close, 1e-3 * np.abs(residual).max()):  # also if it is NaN
            return None
        slopes.append(abs(slope) * np.abs(v).max())
        levels.append(abs(level))
    return max(slopes), max(levels)


def _without_deviation(case: Case, labels: np.ndarray) -> Finding | None:
    """In each group the gradient is the right one times a power of the standard deviation."""
    x = case.x.ravel()
    deviation = np.array([x[labels == label].std() for label in labels]).reshape(case.x.shape)
    for power, text in ((1, "is missing"), (-1, "is one too many"), (2, "is missing twice")):
        ratio = deviation**power

        def guess(s: Sample, ratio: np.ndarray = ratio) -> np.ndarray:
            return s.truth * ratio

        loose = [np.abs(guess(s) - s.analytic).max() <= 0.02 * np.abs(s.analytic).max()
                 for s in case.samples]  # fmt: skip
        if all(loose):
            return Finding("normalisation-term", f"The factor 1 / standard deviation {text}.")
    return None
