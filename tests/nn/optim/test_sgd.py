"""SGD: its rule, written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

CHOICES = {
    "momentum": [0, 0.9], "dampening": [0, 0.3], "weight_decay": [0, 0.1],
    "nesterov": [False, True], "maximize": [False, True],
}  # fmt: skip
SETTINGS = [
    settings
    for values in product(*CHOICES.values())
    if not (settings := dict(zip(CHOICES, values, strict=True)))["nesterov"]
    or (settings["momentum"] and not settings["dampening"])
]


def by_hand(p, grads, lr, momentum, dampening, weight_decay, nesterov, maximize):
    """The rule in plain NumPy; a gradient of None leaves everything."""
    b = None
    for grad in grads:
        if grad is None:
            continue
        g = (-grad if maximize else grad) + weight_decay * p
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p = p - lr * g
    return p


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: str([*s.values()]))
def test_rule(settings, rng):
    start, grads = rng.standard_normal((3, 4)), list(rng.standard_normal((20, 3, 4)))
    grads[0] = grads[7] = None
    p = nn.Parameter(tg.tensor(start))
    optimizer = optim.SGD([p], lr=0.05, **settings)
    for grad in grads:
        p.grad = None if grad is None else tg.tensor(grad)
        optimizer.step()
    expected = by_hand(start, grads, 0.05, **settings)
    np.testing.assert_allclose(p.detach(), expected, rtol=1e-12, atol=1e-12)
    assert list(optimizer.state.get(p, {})) == (["momentum_buffer"] if settings["momentum"] else [])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"lr": -0.1}, r"'lr': expected a number of at least 0, got -0.1"),
        ({"lr": float("nan")}, r"'lr': expected a number of at least 0, got nan"),
        ({"lr": "fast"}, r"'lr': expected a number of at least 0, got 'fast'"),
        ({"momentum": -1}, r"'momentum': expected a number of at least 0, got -1"),
        ({"weight_decay": None}, r"'weight_decay': expected a number of at least 0, got None"),
        ({"nesterov": True}, r"'nesterov': expected a momentum above 0 and no dampening, got "
                             r"momentum=0 and dampening=0"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, r"'nesterov': .* dampening=0.1"),
    ],
)  # fmt: skip
def test_refused_settings(settings, message):
    with pytest.raises(ValueError, match=f"SGD: argument {message}"):
        optim.SGD([nn.Parameter(tg.ones(1))], **settings)
    with pytest.raises(ValueError, match=f"SGD: argument {message}"):
        optim.SGD([{"params": [nn.Parameter(tg.ones(1))], **settings}])
