"""The rules of the other optimizers, written out in plain NumPy, and their refused settings."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim


def signed(g, p, maximize=False, weight_decay=0.0):
    return (-g if maximize else g) + weight_decay * p


def adamw(p, grads, lr, weight_decay):
    m = v = 0
    for t, g in enumerate(grads, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        p = p - lr * weight_decay * p
        p = p - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


def adamax(p, grads, lr, betas, eps, **decay):
    m = u = 0
    for t, g in enumerate(grads, 1):
        g = signed(g, p, **decay)
        m = betas[0] * m + (1 - betas[0]) * g
        u = np.maximum(betas[1] * u, np.abs(g) + eps)
        p = p - lr / (1 - betas[0] ** t) * m / u
    return p


def nadam(p, grads, lr, betas, momentum_decay, **decay):
    m = v = 0
    product = 1
    for t, g in enumerate(grads, 1):
        g = signed(g, p, **decay)
        mu, mu_next = (betas[0] * (1 - 0.96 ** (k * momentum_decay) / 2) for k in (t, t + 1))
        product = product * mu
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        ahead = (1 - mu) / (1 - product) * g + mu_next / (1 - product * mu_next) * m
        p = p - lr * ahead / (np.sqrt(v / (1 - betas[1] ** t)) + 1e-8)
    return p


def radam(p, grads, lr, betas, **decay):
    m = v = 0
    rho = 2 / (1 - betas[1]) - 1
    for t, g in enumerate(grads, 1):
        g = signed(g, p, **decay)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        rho_t = rho - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
        step = m / (1 - betas[0] ** t)
        if rho_t > 5:
            r = np.sqrt((rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t))
            step = r * step * np.sqrt(1 - betas[1] ** t) / (np.sqrt(v) + 1e-8)
        p = p - lr * step
    return p


def asgd(p, grads, lr, lambd, alpha, t0, **decay):
    ax = p
    eta = lr
    for t, g in enumerate(grads, 1):
        p = p - eta * (lambd * p + signed(g, p, **decay))
        ax = p if t <= t0 + 1 else ax + (p - ax) / (t - 1 - t0)
        eta = lr / (1 + lambd * lr * t) ** alpha
    return np.stack([p, ax])


def rmsprop(p, grads, lr, alpha, eps, momentum, centered, **decay):
    v = m = b = 0
    for g in grads:
        g = signed(g, p, **decay)
        v = alpha * v + (1 - alpha) * g**2
        m = alpha * m + (1 - alpha) * g
        b = momentum * b + g / (np.sqrt(v - m**2 if centered else v) + eps)
        p = p - lr * b
    return p


def adagrad(p, grads, lr, lr_decay, initial_accumulator_value, **decay):
    s = initial_accumulator_value
    for t, g in enumerate(grads, 1):
        g = signed(g, p, **decay)
        s = s + g**2
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s) + 1e-10)
    return p


def adadelta(p, grads, lr, rho, eps, **decay):
    v = u = 0
    for g in grads:
        g = signed(g, p, **decay)
        v = rho * v + (1 - rho) * g**2
        d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d**2
        p = p - lr * d
    return p


def rprop(p, grads, lr, etas, step_sizes, maximize=False):
    before, length = 0 * p, 0 * p + lr
    for g in grads:
        g = signed(g, p, maximize)
        factor = np.choose(np.sign(g * before).astype(int) + 1, [etas[0], 1.0, etas[1]])
        length = np.clip(length * factor, *step_sizes)
        before = np.where(factor == etas[0], 0, g)
        p = p - np.sign(before) * length
    return p


RULES = [
    ("AdamW", adamw, {"lr": 0.1, "weight_decay": 0.2}),
    ("Adamax", adamax, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.1}),
    ("Adamax", adamax, {"lr": 0.1, "betas": (0.9, 0.0), "eps": 1e-8, "maximize": True}),
    ("NAdam", nadam, {"lr": 0.1, "betas": (0.5, 0.9), "momentum_decay": 0.2, "weight_decay": 0.1}),
    ("NAdam", nadam, {"lr": 0.1, "betas": (0.9, 0.9), "momentum_decay": 0.0, "maximize": True}),
    ("RAdam", radam, {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1}),
    ("RAdam", radam, {"lr": 0.1, "betas": (0.9, 0.5), "maximize": True}),
    ("ASGD", asgd, {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 3, "weight_decay": 0.1}),
    ("ASGD", asgd, {"lr": 0.1, "lambd": 0.0, "alpha": 1.0, "t0": 100, "maximize": True}),
    ("RMSprop", rmsprop, {"lr": 0.1, "alpha": 0.5, "eps": 1e-3, "momentum": 0, "centered": False}),
    ("RMSprop", rmsprop, {"lr": 0.1, "alpha": 0.9, "eps": 1e-3, "momentum": 0.5, "centered": True,
                          "weight_decay": 0.1, "maximize": True}),
    ("RMSprop", rmsprop, {"lr": 0.1, "alpha": 0.9, "eps": 0.1, "momentum": 0, "centered": True}),
    ("Adagrad", adagrad, {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.5,
                          "weight_decay": 0.1}),
    ("Adagrad", adagrad, {"lr": 0.1, "lr_decay": 0, "initial_accumulator_value": 0,
                          "maximize": True}),
    ("Adadelta", adadelta, {"lr": 0.5, "rho": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", adadelta, {"lr": 2.0, "rho": 0.0, "eps": 1e-6, "maximize": True}),
    ("Rprop", rprop, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.01, 0.2)}),
    ("Rprop", rprop, {"lr": 0.1, "etas": (0.5, 1.2), "step_sizes": (0, 50), "maximize": True}),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, by_hand, settings", RULES, ids=[f"{name} {settings}" for name, _, settings in RULES]
)
def test_rule(name, by_hand, settings, rng):
    start, grads = rng.standard_normal((3, 4)), list(rng.standard_normal((20, 3, 4)))
    grads[4][0] = 0.0
    p = nn.Parameter(tg.tensor(start))
    optimizer = getattr(optim, name)([p], **settings)
    for grad in grads:
        p.grad = tg.tensor(grad)
        optimizer.step()
    found = p.detach().numpy()
    if name == "ASGD":
        found = np.stack([found, optimizer.state[p]["ax"].numpy()])
    # Single numbers are remembered in float32.
    tolerance = 1e-6 if len(optimizer.scalars) > 1 else 1e-12
    np.testing.assert_allclose(found, by_hand(start, grads, **settings), tolerance, tolerance)


OPTIMIZERS = [name for name in optim.__all__ if name not in ("Optimizer", "lr_scheduler")]
AT_LEAST_0 = "expected a number of at least 0, got -1"


@pytest.mark.parametrize(
    "name, settings, message",
    [
        *[(name, {"lr": -1}, AT_LEAST_0) for name in OPTIMIZERS],
        ("AdamW", {"weight_decay": -1}, AT_LEAST_0),
        ("Adamax", {"betas": (0.0, 1.0)}, "expected two numbers from 0 to below 1"),
        ("NAdam", {"momentum_decay": -1}, AT_LEAST_0),
        ("RAdam", {"eps": -1}, AT_LEAST_0),
        ("RMSprop", {"alpha": -1}, AT_LEAST_0),
        ("RMSprop", {"momentum": -1}, AT_LEAST_0),
        ("Adagrad", {"lr_decay": -1}, AT_LEAST_0),
        ("Adagrad", {"initial_accumulator_value": -1}, AT_LEAST_0),
        ("Adadelta", {"rho": 1.1}, "expected a number from 0 to 1, got 1.1"),
        ("Rprop", {"etas": (1.0, 1.2)}, "expected two numbers, one between 0 and 1 and one above"),
        ("Rprop", {"etas": (0.5, 1.0)}, "expected two numbers, one between 0 and 1 and one above"),
        ("ASGD", {"weight_decay": -1}, AT_LEAST_0),
        ("ASGD", {"differentiable": True}, "expected False, for a step is not recorded, got True"),
    ],
)
def test_refused_settings(name, settings, message):
    (argument,) = settings
    with pytest.raises(ValueError, match=f"{name}: argument '{argument}': {message}"):
        getattr(optim, name)([nn.Parameter(tg.ones(1))], **settings)


def test_adagrad_remembers_from_the_start():
    p, q = nn.Parameter(tg.ones(2)), nn.Parameter(tg.ones(1))
    optimizer = optim.Adagrad([{"params": [p], "initial_accumulator_value": 3.0}])
    assert optimizer.state[p]["sum"].tolist() == [3, 3] and optimizer.state[p]["step"].item() == 0
    optimizer.add_param_group({"params": [q], "initial_accumulator_value": 3.0})
    q.grad = tg.ones(1)
    optimizer.step()
    assert optimizer.state[q]["sum"].tolist() == [4]


def test_amsgrad_may_be_switched_on_later():
    p = nn.Parameter(tg.ones(2))
    p.grad = tg.ones(2)
    optimizer = optim.Adam([p])
    optimizer.step()
    optimizer.param_groups[0]["amsgrad"] = True
    optimizer.step()
    assert (
        optimizer.state[p]["max_exp_avg_sq"].tolist() == optimizer.state[p]["exp_avg_sq"].tolist()
    )
