"""Losses against class numbers: PyTorch's values and gradients in all settings, and refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.errors import DimensionError, DTypeError, GraphError

try:
    import torch
except ImportError:
    torch = None

SHAPES = [(4, 5), (4, 40), (3, 5, 2), (2, 40, 3, 2), (5,), (0, 5), (2, 5, 0)]
SETTINGS = [
    dict(zip(("reduction", "weighted", "ignore_index", "label_smoothing"), chosen, strict=True))
    for chosen in itertools.product(("mean", "sum", "none"), (False, True), (-100, 1), (0.0, 0.3))
]


def compare(name, shape, dtype, weighted, **settings):
    """The loss and the gradient of both libraries; some targets are ignored."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal(shape).astype(dtype)
    K = shape[0] if len(shape) == 1 else shape[1]
    labels = np.asarray(rng.integers(0, K, (*shape[:1], *shape[2:])[len(shape) == 1 :]))
    labels.reshape(-1)[1:2] = settings["ignore_index"]
    weight = rng.random(K).astype(dtype) if weighted else None
    found = []
    for lib in (tg, torch):
        scores = lib.from_numpy(x.copy()).requires_grad_()
        w = None if weight is None else lib.from_numpy(weight)
        loss = getattr(lib.nn.functional, name)(scores, lib.from_numpy(labels), w, **settings)
        loss.backward(lib.ones_like(loss))
        found.append((loss.detach().numpy(), scores.grad.numpy()))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parity
@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_as_pytorch(shape, dtype):
    for settings in SETTINGS:
        compare("cross_entropy", shape, dtype, **settings)
        if not settings["label_smoothing"]:
            rest = {k: v for k, v in settings.items() if k != "label_smoothing"}
            compare("nll_loss", shape, dtype, **rest)


@pytest.mark.parametrize("dtype", [tg.uint8, tg.int32, tg.int64])
def test_any_integers_are_class_numbers(dtype):
    """Many rows of many classes: places in memory do not fit into small integers."""
    x = tg.from_numpy(np.random.default_rng(0).standard_normal((300, 40))).requires_grad_()
    labels = np.arange(300) % 40
    losses = F.cross_entropy(x, tg.tensor(labels).to(dtype), reduction="none")
    expected = -tg.log_softmax(x, 1).detach().numpy()[np.arange(300), labels]
    np.testing.assert_allclose(losses.detach().numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0, -100], [2**40, 0]], ids=str)
def test_class_numbers_are_in_range(loss, labels):
    with pytest.raises(DimensionError, match="expected class numbers 0 to 2, got"):
        loss(tg.zeros(2, 3), tg.tensor(labels), ignore_index=-2)


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
def test_class_weights_are_constants(loss):
    weight = tg.ones(3, requires_grad=True)
    x, labels = tg.zeros(2, 3, requires_grad=True), tg.tensor([0, 1])
    with pytest.raises(GraphError, match=r"argument 'weight': expected a constant.*detach\(\)"):
        loss(x, labels, weight)
    with tg.no_grad():
        loss(x, labels, weight)
    loss(x, labels, weight.detach()).backward()
    F.cross_entropy(x, tg.full((2, 3), 1 / 3), weight).backward()  # here it is differentiable
    assert weight.grad is not None


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
def test_writes_to_targets_are_noticed(loss):
    x, labels = tg.zeros(2, 3, requires_grad=True), tg.tensor([0, 1])
    out = loss(x, labels)
    labels[0] = 2
    with pytest.raises(GraphError, match="in-place write has changed it"):
        out.backward()
    array = np.array([0, 1])
    out = loss(x, array)
    array[:] = 2  # nobody sees this, so a copy was kept
    out.backward()
    assert np.argmin(x.grad.numpy(), 1).tolist() == [0, 1]


def test_ignored_places_hold_anything():
    x = tg.tensor([[-np.inf, 0.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    labels = tg.tensor([0, 1])
    assert F.cross_entropy(x, labels, ignore_index=0).item() == pytest.approx(np.log(3))
    assert F.cross_entropy(x, labels, reduction="none").tolist()[0] == np.inf
    F.cross_entropy(x, labels, ignore_index=0).backward()
    assert x.grad.tolist()[0] == [0, 0, 0]


def test_targets_are_integers():
    with pytest.raises(DTypeError, match="expected integer class numbers, got float32"):
        F.cross_entropy(tg.zeros(2, 3), tg.zeros(2))
