"""The layers without parameters: pooling, activations, dropout."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn

IMAGES = tg.arange(2.0 * 3 * 8 * 8).reshape(2, 3, 8, 8).sub(190).abs().sub(70).abs()


# --- pooling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 2},
        {"kernel_size": (2, 3), "stride": (1, 2)},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        {"kernel_size": 2, "dilation": 2},
    ],
    ids=str,
)
def test_max_pool_is_the_function_with_its_settings(settings):
    layer = nn.MaxPool2d(**settings)
    assert layer(IMAGES).tolist() == F.max_pool2d(IMAGES, **settings).tolist()
    assert list(layer.parameters()) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 2},
        {"kernel_size": (2, 3), "stride": 1, "padding": 1, "count_include_pad": False},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True, "divisor_override": 2},
    ],
    ids=str,
)
def test_avg_pool_is_the_function_with_its_settings(settings):
    assert nn.AvgPool2d(**settings)(IMAGES).tolist() == F.avg_pool2d(IMAGES, **settings).tolist()


def test_pooling_by_hand():
    x = tg.tensor([[[[1.0, 2.0], [4.0, 3.0]]]], requires_grad=True)
    y = nn.MaxPool2d(2)(x)
    y.backward(tg.ones(1, 1, 1, 1))
    assert y.item() == 4 and x.grad.tolist() == [[[[0, 0], [1, 0]]]]
    assert nn.AvgPool2d(2)(x).item() == 2.5


def test_pooling_refuses():
    with pytest.raises(tg.ShapeError, match=r"max_pool2d: argument 'padding': expected at most"):
        nn.MaxPool2d(2, padding=2)(IMAGES)
    with pytest.raises(tg.ShapeError, match=r"avg_pool2d: argument 'input': expected 4 dimensions"):
        nn.AvgPool2d(2)(tg.ones(3))


# --- activations ----------------------------------------------------------------------------------


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


# --- dropout --------------------------------------------------------------------------------------


def test_dropout_drops_with_p_and_keeps_the_mean():
    tg.manual_seed(0)
    y = nn.Dropout(p=0.2)(tg.ones(100, 100)).array
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.8)}
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.02)


def test_dropout_sends_the_gradient_through_the_same_mask():
    tg.manual_seed(0)
    x = tg.ones(50, requires_grad=True)
    y = nn.Dropout()(x)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_dropout_does_nothing_in_evaluation():
    x = tg.ones(50)
    assert nn.Dropout().eval()(x) is x
    assert nn.Dropout(p=0)(x).tolist() == x.tolist()
    assert nn.Dropout(p=1)(x).tolist() == [0] * 50


def test_dropout_follows_the_seed():
    layer = nn.Dropout()
    state = tg.get_rng_state()
    first = layer(tg.ones(50))
    assert layer(tg.ones(50)).tolist() != first.tolist()
    tg.set_rng_state(state)
    assert copy.deepcopy(layer)(tg.ones(50)).tolist() == first.tolist()


def test_dropout_in_place():
    x = tg.ones(50)
    assert nn.Dropout(inplace=True)(x) is x and 0 in x.tolist()


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_dropout_refuses(p):
    with pytest.raises(ValueError, match=rf"Dropout: argument 'p': expected a probab.* got {p}"):
        nn.Dropout(p)
