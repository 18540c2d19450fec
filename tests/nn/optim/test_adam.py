"""Adam: its rule, written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

CHOICES = {
    "betas": [(0.9, 0.999), (0.5, 0.0)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
    "amsgrad": [False, True], "maximize": [False, True],
}  # fmt: skip
SETTINGS = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]


def by_hand(p, grads, lr, betas, eps, weight_decay, amsgrad, maximize):
    """The rule in plain NumPy; a gradient of None leaves everything."""
    m = v = largest = np.zeros_like(p)
    t = 0
    for grad in grads:
        if grad is None:
            continue
        t += 1
        g = (-grad if maximize else grad) + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        largest = np.maximum(largest, v) if amsgrad else v
        p = p - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(largest / (1 - betas[1] ** t)) + eps)
    return p


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: str([*s.values()]))
def test_rule(settings, rng):
    start, grads = rng.standard_normal((3, 4)), list(rng.standard_normal((20, 3, 4)))
    grads[0] = grads[7] = None
    p = nn.Parameter(tg.tensor(start))
    optimizer = optim.Adam([p], lr=0.05, **settings)
    for grad in grads:
        p.grad = None if grad is None else tg.tensor(grad)
        optimizer.step()
    expected = by_hand(start, grads, 0.05, **settings)
    np.testing.assert_allclose(p.detach(), expected, rtol=1e-12, atol=1e-12)
    keys = ["step", "exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * settings["amsgrad"]
    assert list(optimizer.state[p]) == keys
    assert optimizer.state[p]["step"].item() == 18


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_first_step_has_length_lr(scale):
    p = nn.Parameter(tg.zeros(2, dtype=tg.float64))
    p.grad = tg.tensor([scale, -scale], dtype=tg.float64)
    optim.Adam([p], lr=0.1, eps=0).step()
    np.testing.assert_allclose(p.detach(), [-0.1, 0.1], rtol=1e-12)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"lr": -0.1}, r"'lr': expected a number of at least 0, got -0.1"),
        ({"eps": -1e-8}, r"'eps': expected a number of at least 0, got -1e-08"),
        ({"weight_decay": -1}, r"'weight_decay': expected a number of at least 0, got -1"),
        (
            {"betas": (1.0, 0.9)},
            r"'betas': expected two numbers from 0 to below 1, got \(1.0, 0.9\)",
        ),
        ({"betas": (0.9, -0.1)}, r"'betas': expected two numbers from 0 to below 1, got \(0.9, -0"),
        ({"betas": (0.9,)}, r"'betas': expected two numbers from 0 to below 1, got \(0.9,\)"),
        ({"betas": 0.9}, r"'betas': expected two numbers from 0 to below 1, got 0.9"),
    ],
)
def test_refused_settings(settings, message):
    with pytest.raises(ValueError, match=f"Adam: argument {message}"):
        optim.Adam([nn.Parameter(tg.ones(1))], **settings)
