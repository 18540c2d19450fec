"""A gate shows the gradients of several tensors together."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tensors import leaf

import tinygrad_edu as tg
from tinygrad_edu.gate import gate


def test_gradients_come_together_and_may_be_replaced():
    seen = []
    a, b = leaf([1.0, 2.0]), leaf([[3.0]])

    def see(grads):
        seen.append([g.tolist() for g in grads])
        return [grads[0] * 10, grads[1] - 1]

    x, y = gate([a, b], see)
    assert x.tolist() == a.tolist() and y.tolist() == b.tolist()
    assert x.grad_fn.name() == "BackwardHookFunctionBackward0"
    (x * x * y).sum().backward()
    assert seen == [[[6, 12], [[5]]]]
    assert a.grad.tolist() == [60, 120] and b.grad.tolist() == [[4]]


def test_what_does_not_come_is_none():
    seen = []
    a, b = leaf([1.0]), leaf([2.0])
    x, y = gate([a, b], lambda grads: seen.append([g is None for g in grads]) or grads)
    x.sum().backward(retain_graph=True)
    y.sum().backward()
    assert seen == [[False, True], [True, False]]
    assert a.grad.tolist() == b.grad.tolist() == [1]


def test_a_written_gradient_has_no_effect_and_a_leaf_owns_its_own():
    a = leaf([1.0])

    def see(grads):
        grads[0].array[:] = 5
        return grads

    (x,) = gate([a], see)
    grad = tg.ones(1, dtype=tg.float64)
    x.backward(grad)
    assert grad.tolist() == [1]
    a.grad.array[:] = 7
    assert x.grad_fn is not None and grad.tolist() == [1]


def test_gradients_of_gradients_pass():
    a = leaf([2.0])
    (x,) = gate([a], lambda grads: [grads[0] * 3])
    (g,) = tg.autograd.grad((x**3).sum(), a, create_graph=True)
    assert g.tolist() == [36]
    assert tg.autograd.grad(g.sum(), a)[0].tolist() == [108]  # 36 x, times 3 at the gate


def test_a_pass_inside_a_pass():
    a = leaf([2.0])
    seen = []

    def see(grads):
        if len(seen) < 1:
            seen.append(0)
            with tg.enable_grad():
                seen[0] = tg.autograd.grad((x * x).sum(), a, retain_graph=True)[0].item()
        return grads

    (x,) = gate([a], see)
    (5 * x).sum().backward()
    assert seen == [4] and a.grad.tolist() == [5]


def test_threads_do_not_mix():
    a, results = leaf([1.0]), {}
    x, y = gate([a, a], lambda grads: grads)
    out = [x * n + y * 2 * n for n in range(1, 9)]

    def work(n):
        results[n] = tg.autograd.grad(out[n - 1].sum(), a, retain_graph=True)[0].item()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: 3 * n for n in range(1, 9)}


@pytest.mark.parametrize(
    "result, message",
    [
        (tg.ones(2, dtype=tg.float64), r"expected a Tensor of shape \(1,\), got \(2,\)"),
        (tg.ones(1), r"expected a Tensor of float64, got float32"),
        (np.ones(1), r"expected None or a Tensor, got ndarray"),
    ],
)
def test_what_is_no_gradient_is_refused(result, message):
    a = leaf([1.0])
    (x,) = gate([a], lambda grads: [result])
    with pytest.raises((ValueError, TypeError), match=message):
        x.sum().backward()
    assert a.grad is None
