"""The course's update rules through the optimizers: the figures that its documents print.

Each optimizer starts from the document's state. The course's momentum adds -lr * gradient to a
velocity, PyTorch's the gradient to a buffer: velocity = -lr * buffer.
"""

from __future__ import annotations

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, optim


def lin(a, b):
    return np.linspace(a, b, num=20).reshape(4, 5)


def ends(array):
    return np.asarray(array).ravel()[[0, 1, -2, -1]]


def near(got, expected):
    np.testing.assert_allclose(got, expected, rtol=0, atol=6e-9)


def step(make, **state):
    """The weights after one step from this state, and the state then."""
    p = nn.Parameter(tg.tensor(lin(-0.4, 0.6)))
    p.grad = tg.tensor(lin(-0.6, 0.4))
    optimizer = make([p])
    optimizer.state[p] = {name: tg.tensor(value) for name, value in state.items()}
    optimizer.step()
    return p.detach().numpy(), {k: v.numpy() for k, v in optimizer.state[p].items()}


def test_sgd():
    w, _ = step(lambda p: optim.SGD(p, lr=1e-2))
    near(w, lin(-0.4, 0.6) - 1e-2 * lin(-0.6, 0.4))


def test_sgd_momentum():
    velocity = lin(0.6, 0.9)
    w, state = step(lambda p: optim.SGD(p, lr=1e-3, momentum=0.9), momentum_buffer=-velocity / 1e-3)
    near(ends(w), [0.1406, 0.20738947, 1.34281053, 1.4096])
    near(-1e-3 * state["momentum_buffer"].ravel()[[0, -1]], [0.5406, 0.8096])


def test_rmsprop():
    w, state = step(lambda p: optim.RMSprop(p, lr=1e-2), step=0.0, square_avg=lin(0.6, 0.9))
    near(ends(w)[[0, 1, 3]], [-0.39223849, -0.34037513, 0.59576619])
    near(state["square_avg"].ravel()[[0, -1]], [0.5976, 0.8926])


def test_adam():
    w, state = step(
        lambda p: optim.Adam(p, lr=1e-2), step=5.0, exp_avg=lin(0.6, 0.9), exp_avg_sq=lin(0.7, 0.5)
    )
    near(ends(w)[[0, 1, 3]], [-0.40094747, -0.34836187, 0.59801459])
    near(state["exp_avg_sq"].ravel()[[0, -1]], [0.69966, 0.49966])
    near(state["exp_avg"].ravel()[[0, -1]], [0.48, 0.85])
    assert state["step"] == 6
