"""LBFGS: what it solves, what it counts and remembers."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim


def rosenbrock(w):
    return ((w[1:] - w[:-1] ** 2) ** 2).sum() * 100 + ((1 - w[:-1]) ** 2).sum()


def start(numbers, **settings):
    w = nn.Parameter(tg.tensor(numbers, dtype=tg.float64))
    return w, optim.LBFGS([w], **settings)


def closure_of(loss, w, optimizer, calls=None):
    def closure():
        if calls is not None:
            calls.append(w.tolist())
        optimizer.zero_grad()
        value = loss(w)
        value.backward()
        return value

    return closure


def quadratic(w):
    factors = tg.tensor([1.0, 10.0, 100.0], dtype=tg.float64)
    return (factors * (w - 3) ** 2).sum()


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_quadratic_is_solved_in_one_call(search):
    w, optimizer = start([0.0, 0.0, 0.0], max_iter=50, line_search_fn=search)
    first = optimizer.step(closure_of(quadratic, w, optimizer))
    assert first.item() == 999
    np.testing.assert_allclose(w.detach(), 3, atol=1e-6)


@pytest.mark.parametrize("n", [2, 6])
def test_rosenbrock_s_valley_is_followed_to_its_end(n):
    settings = {"max_iter": 200, "tolerance_change": 1e-14, "line_search_fn": "strong_wolfe"}
    w, optimizer = start([-1.2, 1.0] * (n // 2), **settings)
    optimizer.step(closure_of(rosenbrock, w, optimizer))
    np.testing.assert_allclose(w.detach(), 1, atol=1e-5)


def test_parameters_of_several_shapes_and_without_gradient():
    a, b, c = (nn.Parameter(tg.ones(*shape)) for shape in [(2, 3), (), (4,)])
    optimizer = optim.LBFGS([a, b, c], line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = ((a - 2) ** 2).sum() + (b + 1) ** 2 + (a.sum() * b) ** 2 / 100
        loss.backward()
        return loss

    before = closure().item()
    optimizer.step(closure)
    assert closure().item() < before / 10 and c.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_evaluations_and_iterations_are_counted_and_limited(search):
    w, optimizer = start([-1.2, 1.0], max_iter=3, max_eval=50, lr=1e-3, line_search_fn=search)
    calls = []
    closure = closure_of(rosenbrock, w, optimizer, calls)
    optimizer.step(closure)
    state = optimizer.state[w]
    assert state["n_iter"] == 3 and state["func_evals"] == len(calls)
    optimizer.step(closure)
    assert state["func_evals"] == len(calls)
    limited, other = start([-1.2, 1.0], max_eval=2, line_search_fn=search)
    other.step(closure_of(rosenbrock, limited, other))
    assert other.state[limited]["func_evals"] <= 3


def test_a_minimum_is_left_alone():
    w, optimizer = start([1.0, 1.0])
    optimizer.step(closure_of(rosenbrock, w, optimizer))
    assert w.tolist() == [1, 1] and optimizer.state[w] == {"func_evals": 1, "n_iter": 0}


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_resumed_steps_give_the_same_bits(search):
    settings = {"max_iter": 4, "history_size": 3, "lr": 0.5, "line_search_fn": search}
    w, optimizer = start([0.0, 0.0, 0.0], **settings)
    optimizer.step(closure_of(quadratic, w, optimizer))
    other, resumed = start(w.tolist(), **settings)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert len(resumed.state[other]["old_dirs"]) == 3
    for p, o in [(w, optimizer), (other, resumed)]:
        o.step(closure_of(quadratic, p, o))
    assert w.tolist() == other.tolist()


def test_an_error_in_the_search_leaves_the_parameters():
    w, optimizer = start([-1.2, 1.0], line_search_fn="strong_wolfe")
    calls = []

    def closure():
        if len(calls) == 2:
            raise ArithmeticError
        return closure_of(rosenbrock, w, optimizer, calls)()

    optimizer.param_groups[0]["max_iter"] = 1
    with pytest.raises(ArithmeticError):
        optimizer.step(closure)
    assert w.tolist() == calls[0]


def test_hooks_and_no_grad():
    w, optimizer = start([0.0, 0.0, 0.0])
    seen = []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    with tg.no_grad():  # the closure records all the same
        optimizer.step(closure_of(quadratic, w, optimizer))
    assert seen == [1] and w.tolist() != [0, 0, 0]


def test_refused():
    w = nn.Parameter(tg.ones(1))
    with pytest.raises(ValueError, match=r"LBFGS: argument 'params': expected one group, got a se"):
        optim.LBFGS([{"params": [w]}, {"params": [nn.Parameter(tg.ones(1))]}])
    with pytest.raises(ValueError, match=r"'line_search_fn': expected None or 'strong_wolfe', got"):
        optim.LBFGS([w], line_search_fn="wolfe")
    with pytest.raises(TypeError, match="closure"):
        optim.LBFGS([w]).step()
