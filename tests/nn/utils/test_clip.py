"""Gradients scaled together, or cut off."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

utils = nn.utils
GRADS = ([1.0, -3.0], [[2.0, 0.5]], None, 4.0)


def parameters(*grads, dtype=tg.float64):
    made = []
    for grad in grads:
        p = nn.Parameter(tg.zeros(np.shape(grad), dtype=dtype))
        p.grad = None if grad is None else tg.tensor(grad, dtype=dtype)
        made.append(p)
    return made


def values(params):
    return [None if p.grad is None else p.grad.tolist() for p in params]


@pytest.mark.parametrize("order", [2, 1, 3.5, math.inf, "inf", -math.inf, -2])
def test_norm_is_that_of_one_vector(order):
    params = parameters(*GRADS)
    everything = np.array([1, -3, 2, 0.5, 4])
    wanted = np.linalg.norm(everything, float(order))
    assert utils.get_total_norm([p.grad for p in params if p.grad is not None], order).item() == (
        pytest.approx(wanted, rel=1e-12)
    )
    total = utils.clip_grad_norm_(params, 0.25, order)
    assert total.item() == pytest.approx(wanted, rel=1e-12) and not total.requires_grad
    scaled = np.concatenate([np.ravel(g) for g in values(params) if g is not None])
    np.testing.assert_allclose(scaled, everything * (0.25 / (wanted + 1e-6)), rtol=1e-12)


def test_small_gradients_stay():
    params = parameters(*GRADS)
    before = params[0].grad
    assert utils.clip_grad_norm_(iter(params), 100.0).item() == pytest.approx(math.sqrt(30.25))
    assert values(params) == [[1, -3], [[2, 0.5]], None, 4] and params[0].grad is before


def test_gradients_are_scaled_in_place_and_writes_are_seen():
    (p,) = parameters([3.0, 4.0])
    grad, memory = p.grad, p.grad.array
    utils.clip_grad_norm_(p, 1.0)
    assert p.grad is grad and grad.array is memory
    x = tg.tensor([3.0, 4.0], requires_grad=True)
    y = (x * x).sum()
    x.grad = tg.ones(2)
    z = (x.grad * x).sum()
    utils.clip_grad_value_(x, 0.5)
    with pytest.raises(tg.GraphError, match=r"gradient of mul needs"):
        z.backward()
    y.backward()


def test_gradients_with_a_graph_are_scaled_outside_it():
    x = tg.tensor([3.0, 4.0], requires_grad=True)
    (x * x).sum().backward(create_graph=True)
    utils.clip_grad_norm_(x, 1.0)
    np.testing.assert_allclose(x.grad.detach(), [0.6, 0.8], rtol=1e-6)


def test_by_value():
    params = parameters(*GRADS)
    assert utils.clip_grad_value_(params, 1.5) is None
    assert values(params) == [[1, -1.5], [[1.5, 0.5]], None, 1.5]
    utils.clip_grad_value_(params[0], 0.5)
    assert values(params)[0] == [0.5, -0.5]


def test_with_a_norm_that_is_known():
    params = parameters(*GRADS)
    utils.clip_grads_with_norm_(params, 1.0, tg.tensor(4.0, dtype=tg.float64))
    assert values(params)[3] == pytest.approx(1.0)
    utils.clip_grads_with_norm_(params, 1.0, tg.tensor(0.0))
    assert values(params)[3] == pytest.approx(1.0)


def test_nothing_to_clip():
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    assert utils.clip_grad_norm_(parameters(None, None), 1.0).item() == 0
    assert utils.get_total_norm([]).dtype == tg.get_default_dtype()
    with pytest.warns(UserWarning, match="the generator of parameters is empty"):
        utils.clip_grad_norm_((p for p in []), 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_norms_that_are_not_finite(bad):
    params = parameters([1.0, bad], [2.0])
    with pytest.raises(RuntimeError, match=r"norm of order 2.0 of the gradients is (nan|inf)"):
        utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert values(params)[1] == [2]
    utils.clip_grad_norm_(params, 1.0)
    assert math.isnan(values(params)[0][1])
    assert values(params)[1] == ([0.0] if bad == math.inf else pytest.approx([math.nan], nan_ok=1))


def test_failed_calls_change_nothing():
    params = parameters([3.0], [4.0])
    with pytest.raises(ValueError, match="could not convert string"):
        utils.clip_grad_norm_(params, 1.0, "two")
    params[1].grad.array.flags.writeable = False
    for call in (utils.clip_grad_norm_, utils.clip_grad_value_):
        with pytest.raises(tg.GraphError, match=r"cannot be written; clone it"):
            call(params, 1.0)
        with pytest.raises(tg.DTypeError, match=r"'parameters': expected a Tensor or an iterable"):
            call([params[0], 3.0], 1.0)
    assert values(params) == [[3], [4]]


def test_a_module_is_told_from_its_parameters():
    with pytest.raises(tg.DTypeError, match=r"got Linear; of a module give \.parameters\(\)"):
        utils.clip_grad_norm_(nn.Linear(1, 1), 1.0)


def test_clipping_needs_no_memory_of_the_gradients_size():
    (p,) = parameters(np.ones(100_000))
    utils.clip_grad_norm_(p, 1.0)
    tracemalloc.start()
    utils.clip_grad_norm_(p, 0.5)
    utils.clip_grad_value_(p, 0.001)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000  # of 800,000 bytes
