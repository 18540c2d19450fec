"""The course's update rules: the documents' figures, and PyTorch's formulas where they agree."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim
from tinygrad_edu.nn.course import *


def lin(a, b):
    return np.linspace(a, b, num=20).reshape(4, 5)


W, DW = lin(-0.4, 0.6), lin(-0.6, 0.4)
W.flags.writeable = DW.flags.writeable = False  # no rule changes what it is given


def ends(array):
    return array.ravel()[[0, 1, -2, -1]]


def near(got, expected):
    np.testing.assert_allclose(got, expected, rtol=0, atol=6e-9)


def test_sgd():
    w, config = sgd(W, DW)
    np.testing.assert_allclose(w, W - 0.01 * DW)
    assert config == {"learning_rate": 0.01}


def test_sgd_momentum():
    v = lin(0.6, 0.9)
    w, config = sgd_momentum(W, DW, {"learning_rate": 1e-3, "velocity": v.copy()})
    near(ends(w), [0.1406, 0.20738947, 1.34281053, 1.4096])
    near(config["velocity"].ravel()[[0, -1]], [0.5406, 0.8096])


def test_nesterov_momentum():
    """The course's form moves the point that looks ahead: w' = w + momentum v."""
    w, v, rate, momentum = W.copy(), lin(0.6, 0.9), 1e-3, 0.9
    ahead, config = w + momentum * v, {"learning_rate": rate, "velocity": v.copy()}
    for _ in range(3):  # the definition: the gradient is taken at the point ahead
        v = momentum * v - rate * np.sin(w + momentum * v)
        w = w + v
        ahead, config = nesterov_momentum(ahead, np.sin(ahead), config)
        np.testing.assert_allclose(ahead, w + momentum * v, rtol=1e-12)


def test_nesterov_through_the_optimizer():
    w, config = W.copy(), {"learning_rate": 0.1}
    p = tg.tensor(W.copy(), requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9, nesterov=True)
    for step in range(5):
        w, config = nesterov_momentum(w, DW * (step + 1), config)
        p.grad = tg.tensor(DW * (step + 1))
        optimizer.step()
        np.testing.assert_allclose(p.detach(), w, rtol=1e-12)


def test_adagrad():
    w, config = W.copy(), {}
    expected, squares = W.copy(), np.zeros_like(W)
    for step in range(1, 5):
        w, config = adagrad(w, DW * step, config)
        squares += (DW * step) ** 2
        expected -= 1e-2 * DW * step / (np.sqrt(squares) + 1e-8)
    np.testing.assert_allclose(config["cache"], squares)
    np.testing.assert_allclose(w, expected)


def test_rmsprop():
    w, config = rmsprop(W, DW, {"learning_rate": 1e-2, "cache": lin(0.6, 0.9)})
    near(ends(w)[[0, 1, 3]], [-0.39223849, -0.34037513, 0.59576619])
    near(config["cache"].ravel()[[0, -1]], [0.5976, 0.8926])


def test_adam():
    config = {"learning_rate": 1e-2, "m": lin(0.6, 0.9), "v": lin(0.7, 0.5), "t": 5}
    w, config = adam(W, DW, config)
    near(ends(w)[[0, 1, 3]], [-0.40094747, -0.34836187, 0.59801459])
    near(config["v"].ravel()[[0, -1]], [0.69966, 0.49966])
    near(config["m"].ravel()[[0, -1]], [0.48, 0.85])
    assert config["t"] == 6


@pytest.mark.parametrize(
    "rule, optimizer",
    [
        (sgd, lambda p: optim.SGD(p, lr=0.01)),
        (sgd_momentum, lambda p: optim.SGD(p, lr=0.01, momentum=0.9)),
        (adam, lambda p: optim.Adam(p)),
    ],
    ids=["sgd", "sgd_momentum", "adam"],
)
def test_rules_that_pytorch_words_otherwise_take_the_same_steps(rule, optimizer):
    w, config = W.copy(), {}
    p = tg.tensor(W.copy(), requires_grad=True)
    optimizer = optimizer([p])
    for step in range(10):
        w, config = rule(w, DW + step, config)
        p.grad = tg.tensor(DW + step)
        optimizer.step()
        np.testing.assert_allclose(p.detach(), w, rtol=1e-9)
