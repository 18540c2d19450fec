"""`tg.autograd`: gradients of recorded tensors, and the arguments of `grad` and `backward`."""

from __future__ import annotations

import numpy as np
import pytest
from tensors import LIBRARIES, leaf

import tinygrad_edu as tg
from tinygrad_edu.errors import GraphError, ShapeError

every_library = pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)


@every_library
def test_grad_returns_gradients_and_touches_nothing(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    w = m.tensor([3.0, 4.0], requires_grad=True)
    found = m.autograd.grad((x * w * w).sum(), [x, w])
    assert type(found) is tuple
    assert [g.tolist() for g in found] == [[9, 16], [6, 16]]
    assert not any(g.requires_grad for g in found)
    assert x.grad is None
    assert w.grad is None


@every_library
def test_gradients_of_results(m):
    x = m.tensor(2.0, requires_grad=True)
    y = x * x
    z = y * y
    gz, gy, gx = m.autograd.grad(z, (z, y, x))
    assert (gz.item(), gy.item(), gx.item()) == (1, 8, 32)


@every_library
def test_an_input_named_twice(m):
    x = m.tensor(3.0, requires_grad=True)
    first, second = m.autograd.grad(x * x, [x, x])
    assert first.item() == second.item() == 6


@every_library
def test_several_outputs(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    (g,) = m.autograd.grad([(x * x).sum(), x * 3], x, [None, m.tensor([1.0, 10.0])])
    assert g.tolist() == [2 + 3, 4 + 30]


@every_library
def test_grad_outputs(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    (g,) = m.autograd.grad(x * x, x, m.tensor([1.0, 10.0]))
    assert g.tolist() == [2, 40]
    with pytest.raises(RuntimeError):
        m.autograd.grad(x * x, x)
    with pytest.raises(RuntimeError, match=r"(?i)shape"):
        m.autograd.grad(x * x, x, m.ones(3))


def test_grad_outputs_may_be_arrays():
    x = leaf([1.0, 2.0])
    for seed in (np.array([1, 10]), [[1.0, 10.0]], [np.array([1.0, 10.0])]):
        (g,) = tg.autograd.grad(x * x, x, seed)
        assert g.tolist() == [2, 40]


@every_library
def test_a_recorded_grad_output_gets_a_gradient(m):
    """The gradient is linear in where it starts."""
    x = m.tensor([1.0, 2.0], requires_grad=True)
    v = m.tensor([5.0, 6.0], requires_grad=True)
    (g,) = m.autograd.grad(x * x, x, v, create_graph=True)
    assert g.tolist() == [10, 24]
    (dv,) = m.autograd.grad(g.sum(), v)
    assert dv.tolist() == [2, 4]


@every_library
def test_unused_inputs(m):
    x, w = (m.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    y = (x * 2).sum()
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        m.autograd.grad(y, [x, w], retain_graph=True)
    g, none = m.autograd.grad(y, [x, w], retain_graph=True, allow_unused=True)
    assert (g.tolist(), none) == ([2, 2], None)
    g, zeros = m.autograd.grad(y, [x, w], retain_graph=True, materialize_grads=True)
    assert (g.tolist(), zeros.tolist()) == ([2, 2], [0, 0])
    with pytest.raises((RuntimeError, ValueError), match="allow_unused"):
        m.autograd.grad(y, [x, w], allow_unused=False, materialize_grads=True)
    with pytest.raises(RuntimeError, match="inputs"):
        m.autograd.grad(y, [])


@every_library
def test_grad_takes_its_arguments_in_pytorchs_order(m):
    x, w = m.ones(2, requires_grad=True), m.ones(2, requires_grad=True)
    g, none = m.autograd.grad((x * x * x).sum(), [x, w], None, True, True, True, True)
    assert g.requires_grad
    assert none is None


def test_the_unused_input_is_named():
    x, w = leaf(1.0), leaf(2.0)
    with pytest.raises(
        GraphError, match="argument 'inputs': tensor 1 plays no part in the outputs"
    ):
        tg.autograd.grad(x * 2, [x, w])
    with pytest.raises(GraphError, match="tensor 0 does not require a gradient; set requires_grad"):
        tg.autograd.grad(x * 2, [tg.ones(())])
    with pytest.raises(GraphError, match="grad: this tensor does not require a gradient"):
        tg.autograd.grad(tg.ones(()), x)


@every_library
def test_an_input_that_was_overwritten_plays_no_part_any_more(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    old = y
    y = y.clone()
    y.zero_()
    (g,) = m.autograd.grad(y.sum(), old, allow_unused=True)
    assert g.tolist() == [0, 0]


@every_library
def test_returned_gradients_may_be_written(m):
    a, b = (m.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    seed = m.tensor([1.0, 1.0])
    ga, gb = m.autograd.grad(a + b, [a, b], seed)
    if m is tg:
        ga += 5
        assert gb.tolist() == [1, 1]
        assert seed.tolist() == [1, 1]
    assert ga.shape == gb.shape


@every_library
def test_the_graph_is_kept_or_not(m):
    x = m.tensor(2.0, requires_grad=True)
    y = x * x
    m.autograd.grad(y, x, retain_graph=True)
    m.autograd.grad(y, x, create_graph=True)
    m.autograd.grad(y, x)
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        m.autograd.grad(y, x)


@every_library
def test_backward_of_several_tensors(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    m.autograd.backward([y.sum(), x * 3], [None, m.ones(2)], retain_graph=True)
    assert x.grad.tolist() == [5, 7]
    m.autograd.backward(y, m.tensor([1.0, 0.0]))
    assert x.grad.tolist() == [7, 7]


@every_library
def test_backward_with_inputs(m):
    x, w = (m.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    m.autograd.backward((x * w).sum(), inputs=[w])
    assert x.grad is None
    assert w.grad.tolist() == [1, 2]
    m.autograd.backward((x * w).sum(), inputs=w)
    assert w.grad.tolist() == [2, 4]


@every_library
def test_modes_have_their_names_here_too(m):
    with m.autograd.no_grad(), m.autograd.set_grad_enabled(False), m.autograd.enable_grad():
        assert m.is_grad_enabled()
    assert m.is_grad_enabled()


@every_library
def test_a_newton_step_with_second_derivatives(m):
    x = m.tensor([3.0], dtype=m.float64, requires_grad=True)
    for _ in range(6):
        y = (x**3 - 2 * x).sum()
        (g,) = m.autograd.grad(y, x, create_graph=True)
        (h,) = m.autograd.grad(g, x)
        x = (x - g / h).detach().requires_grad_()
    np.testing.assert_allclose(x.detach(), np.sqrt(2 / 3), rtol=1e-9)


def test_shapes_of_seeds_are_checked_before_anything_runs():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    with pytest.raises(ShapeError, match=r"grad: argument 'gradient'.*\(\), got \(1,\)"):
        tg.autograd.grad(y, x, tg.ones(1))
    (g,) = tg.autograd.grad(y, x)
    assert g.tolist() == [2, 4]
