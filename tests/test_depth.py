"""Depth is bounded by memory only: nothing in the engine is recursive."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest
from tensors import leaf

import tinygrad_edu as tg
from tinygrad_edu.graph import Node

MILLION = 1_000_000


@pytest.fixture
def no_collector():
    """Only reference counts free memory in this test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def nodes() -> int:
    """How many recorded operations and leaves are alive."""
    return sum(type(thing) is Node for thing in gc.get_objects())


@pytest.mark.slow
def test_a_chain_of_a_million_operations(no_collector):
    before = nodes()
    start = time.perf_counter()
    x = leaf(1.0)
    y = x
    for _ in range(MILLION // 2):
        y = y * 0.999999 + 0.5
    assert nodes() == before + 1 + MILLION
    y.backward()
    np.testing.assert_allclose(x.grad.item(), 0.999999 ** (MILLION // 2), rtol=1e-9)
    del y
    assert nodes() == before + 1
    assert time.perf_counter() - start < 60  # a few seconds; the bound is for busy machines


@pytest.mark.slow
def test_a_chain_that_is_deleted_without_a_backward_pass(no_collector):
    before = nodes()
    x = leaf([1.0, 2.0])
    y = x
    for _ in range(200_000):
        y = y.tanh()
    del y
    assert nodes() == before + 1
    del x
    assert nodes() == before


def test_a_long_chain_differentiated_twice():
    x = leaf(0.5)
    y = x
    for _ in range(20_000):
        y = y * 1.00001
    (y * y).backward(create_graph=True)
    slope = x.grad
    x.grad = None
    slope.backward()
    # (c x)^2 with c = 1.00001^20000: slope 2 c^2 x, curvature 2 c^2
    np.testing.assert_allclose(x.grad.item(), 2 * 1.00001**40_000, rtol=1e-9)


def test_a_leaf_used_very_often():
    x = leaf([1.0, 2.0])
    terms = [x * float(i) for i in range(30_000)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    total.sum().backward()
    assert x.grad.tolist() == [sum(range(30_000))] * 2


def test_one_operation_with_many_inputs():
    leaves = [leaf([float(i)]) for i in range(20_000)]
    (tg.cat(leaves) * tg.arange(20_000)).sum().backward()
    assert [x.grad.item() for x in leaves] == list(range(20_000))


def test_many_writes_in_place(no_collector):
    before = nodes()
    w = leaf([1.0, 1.0])
    x = w * 1
    for _ in range(20_000):
        x += 0.5
    x[0] *= 3
    x.sum().backward()
    assert w.grad.tolist() == [3, 1]
    del x
    assert nodes() == before + 1


def test_a_long_chain_of_views(no_collector):
    before = nodes()
    x = leaf(np.arange(6.0).reshape(2, 3))
    y = x
    for _ in range(2_000):
        y = y.T
    (y * y).sum().backward()
    assert x.grad.tolist() == [[0, 2, 4], [6, 8, 10]]
    del y
    assert nodes() == before + 1


def test_a_recurrence_over_a_buffer():
    """h[t] = tanh(w h[t-1]), all states kept in one tensor."""
    w = leaf(0.9)
    states = tg.zeros(300, dtype=tg.float64)
    states[0] = 0.5
    for t in range(1, 300):
        states[t] = (w * states[t - 1].clone()).tanh()
    states.sum().backward()
    h, slope, total = 0.5, 0.0, 0.0
    for _ in range(299):
        slope = (h + 0.9 * slope) * (1 - np.tanh(0.9 * h) ** 2)
        h = np.tanh(0.9 * h)
        total += slope
    np.testing.assert_allclose(w.grad.item(), total, rtol=1e-12)
