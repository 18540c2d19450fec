"""The commonest activations as layers."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn


@pytest.mark.parametrize(
    "layer, function",
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Tanh(), np.tanh),
        (nn.Softmax(dim=-1), lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        (nn.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(0)),
        (nn.LogSoftmax(dim=1), lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
        (nn.Softmax(), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_activations(layer, function, rng):
    x = rng.standard_normal((4, 5))
    t = tg.tensor(x, requires_grad=True)
    np.testing.assert_allclose(layer(t).detach(), function(x), rtol=1e-12)
    assert tg.gradcheck(layer, (t,))


def test_relu_in_place():
    x = tg.tensor([-1.0, 2.0])
    assert nn.ReLU(inplace=True)(x) is x and x.tolist() == [0, 2]
    y = tg.tensor([-1.0, 2.0])
    assert F.relu(y) is not y and y.tolist() == [-1, 2]
    w = tg.tensor([-1.0, 2.0], requires_grad=True)
    h = w * 3
    assert F.relu(h, inplace=True) is h
    h.sum().backward()
    assert w.grad.tolist() == [0, 3]


def test_reprs():
    assert repr(nn.ReLU()) == "ReLU()"
    assert repr(nn.ReLU(inplace=True)) == "ReLU(inplace=True)"
    assert repr(nn.LogSoftmax(dim=1)) == "LogSoftmax(dim=1)"
