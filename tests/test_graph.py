"""The graph and its walk: what adds up, what is freed, what is refused, what is never computed."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tensors import leaf, parity, plain, torch

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError
from tinygrad_edu.graph import Node, sum_to

# --- contributions add up -----------------------------------------------------------------------

REUSED = {
    "x*x": (lambda x: x * x, lambda x: 2 * x),
    "x/x": (lambda x: x / x, lambda x: 0 * x),
    "x-x": (lambda x: x - x, lambda x: 0 * x),
    "x*x*x": (lambda x: x * x * x, lambda x: 3 * x**2),
    "diamond": (lambda x: (x * 2) * (x * 3), lambda x: 12 * x),
    "deep diamond": (lambda x: (y := x * x) * (y + x) + y, lambda x: 4 * x**3 + 3 * x**2 + 2 * x),
    "five times": (lambda x: x + x + x + x + x, lambda x: 5 + 0 * x),
    "x**x": (lambda x: x**x, lambda x: x**x * (np.log(x) + 1)),
    "maximum(x, x)": (lambda x: tg.maximum(x, x), lambda x: 1 + 0 * x),
}


@pytest.mark.parametrize("name", REUSED)
def test_a_tensor_used_several_times(name):
    function, slope = REUSED[name]
    x = leaf([0.5, 2.0, 3.0])
    function(x).sum().backward()
    np.testing.assert_allclose(x.grad, slope(x.detach().numpy()), rtol=1e-12)


def test_matrix_times_itself():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    (x @ x).sum().backward()
    ones = np.ones((2, 2))
    a = x.detach().numpy()
    np.testing.assert_array_equal(x.grad, ones @ a.T + a.T @ ones)


def test_branches_of_different_length_arrive_before_their_meeting_point_is_left():
    """x reaches the loss by paths of 1 to 9 operations; an order by depth alone would be wrong."""
    x = leaf(2.0)
    total, y = x * 1, x
    for _ in range(8):
        y = y * 1.5
        total = total + y * x
    total.backward()
    np.testing.assert_allclose(x.grad.item(), 1 + sum(2 * 2 * 1.5**k for k in range(1, 9)))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99), st.integers(0, 99)), max_size=12))
def test_random_graphs_against_numerical_slopes(program):
    def run(x):
        values = [x, x * 0.5]
        for kind, a, b in program:
            u, v = values[a % len(values)], values[b % len(values)]
            values.append((u + v, u * v, u.tanh(), u - v * 0.5)[kind].clamp(-2, 2))
        return sum(values[1:], values[0]).sum()

    x = leaf([0.3, -0.7])
    run(x).backward()
    h = 1e-6
    for i in range(2):
        step = np.eye(2)[i] * h
        up, down = (run(tg.tensor(plain(x) + s)).item() for s in (step, -step))
        np.testing.assert_allclose(x.grad[i].item(), (up - down) / (2 * h), rtol=1e-4, atol=1e-4)


def test_backward_adds_to_what_is_there():
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5, 5]


def test_several_outputs_in_one_pass():
    x = leaf(2.0)
    y = x * x
    tg.autograd.backward([y, y * 3, x], [None, tg.tensor(2.0), None])
    assert x.grad.item() == 4 + 2 * 12 + 1


def test_the_same_output_twice():
    x = leaf(2.0)
    y = x * 3
    tg.autograd.backward([y, y])
    assert x.grad.item() == 6


# --- only what is needed ------------------------------------------------------------------------


def counting_op():
    """A product of two tensors that notes which gradients were asked of its rule."""
    asked = []

    @tg.op
    def product(input, other, /):
        return input * other

    @product.rule
    def product_rule(g, input, other, need):
        asked.append(need)
        return g * other if need[0] else None, g * input if need[1] else None

    return product, asked


def test_no_gradient_is_computed_for_a_constant():
    product, asked = counting_op()
    product(leaf(2.0), tg.tensor(3.0)).backward()
    product(tg.tensor(2.0), leaf(3.0)).backward()
    product(leaf(2.0), 3.0).backward()
    assert asked == [(True, False), (False, True), (True, False)]


def test_nothing_is_recorded_without_a_leaf_that_wants_a_gradient():
    product, _ = counting_op()
    assert product(tg.tensor(2.0), tg.tensor(3.0)).node is None
    with tg.no_grad():
        assert product(leaf(2.0), leaf(3.0)).node is None


def test_rules_off_the_way_to_the_wanted_inputs_do_not_run():
    product, asked = counting_op()
    a, b, c = leaf(2.0), leaf(3.0), leaf(5.0)
    tg.autograd.grad(product(a, b) + product(b, c), a)  # the sum has gradients for both
    assert asked == [(True, False)]
    asked.clear()
    left, right = product(a, b), product(b, c)
    out = product(left, right)
    assert tg.autograd.grad(out, a, retain_graph=True)[0].item() == 3 * 15
    assert asked == [(True, False), (True, False)]  # of `out` and of `left`, never of `right`
    asked.clear()
    out.backward(inputs=[b])
    assert b.grad.item() == 2 * 15 + 6 * 5
    assert a.grad is None
    assert c.grad is None
    assert asked == [(True, True), (True, False), (False, True)]  # youngest first


# --- memory -------------------------------------------------------------------------------------


@pytest.fixture
def no_collector():
    """Only reference counts free memory in this test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> int:
    return sum(type(thing) in (Node, tg.Tensor) for thing in gc.get_objects())


def example(x):
    y = (x * 2).exp()
    buffer = tg.zeros(2, 3, dtype=x.dtype)
    buffer[0] = y
    buffer[1:] += y
    rows = buffer.T
    rows.register_hook(lambda g: g * 2)
    y.retain_grad()
    return (rows.sum() / tg.stack([y, y]).mean()).log()


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("walked", [False, True])
def test_reference_counts_free_a_graph(no_collector, walked, create_graph):
    x = leaf([0.1, 0.2, 0.3])
    before = alive()
    loss = example(x)
    assert alive() > before + 10
    if walked:
        (g,) = tg.autograd.grad(loss, x, create_graph=create_graph)
        del g
    del loss
    assert alive() == before


def test_saved_arrays_are_freed_by_the_pass_itself(no_collector):
    x = leaf([1.0, 2.0])
    middle = x * 3
    array = weakref.ref(middle.array)
    loss = (middle * middle).sum()
    del middle
    assert array() is not None
    loss.backward()
    assert array() is None


def test_results_nobody_saves_are_freed_at_once(no_collector):
    x = leaf([1.0, 2.0])
    y = x + 1
    array = weakref.ref(y.array)
    y = y + 1
    assert array() is None
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_a_leaf_that_nobody_holds_does_not_stop_the_pass():
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    gone = weakref.ref(w)
    del w
    assert gone() is None
    y.backward()
    assert x.grad.item() == 3


def test_a_failed_pass_leaves_nothing_in_the_nodes():
    x = leaf(2.0)
    y = x * x
    handle = y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (y * y).backward()
    handle.remove()
    assert x.grad is None
    z = y * 3
    z.backward()
    assert x.grad.item() == 12


# --- a second pass ------------------------------------------------------------------------------


def test_a_second_pass_says_how_to_mend_it():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(GraphError, match=r"mul were already released.*retain_graph=True.*detach"):
        y.backward()
    assert x.grad.item() == 4
    with pytest.raises(GraphError, match="released"):
        tg.autograd.grad(y, x)


def test_retain_graph():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12
    with pytest.raises(GraphError, match="released"):
        y.backward()


def test_what_saved_nothing_can_be_walked_again():
    x = leaf([1.0, 2.0])
    y = (x + 1).reshape(2, 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2, 2]


def test_two_losses_on_a_shared_part():
    x = leaf(2.0)
    shared = x.exp()
    first, second = shared * 2, shared * 3
    first.backward(retain_graph=True)
    second.backward()
    np.testing.assert_allclose(x.grad.item(), 5 * np.exp(2.0))


def test_a_tensor_kept_from_the_last_step():
    w, state = leaf(0.5), tg.tensor(1.0, dtype=tg.float64)
    for _ in range(2):
        state = (state.detach() * w).tanh()
        state.backward()
    state = (state * w).tanh()
    with pytest.raises(GraphError, match="kept from the last step"):
        state.backward()


# --- higher orders ------------------------------------------------------------------------------


def test_x_cubed_three_times():
    x = leaf([2.0, -1.0])
    y, found = (x**3).sum(), []
    for _ in range(4):
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        found.append(g.tolist())
        y = g.sum()
    assert found == [[12, 3], [12, -6], [6, 6], [0, 0]]


def test_orders_of_a_long_expression_agree_with_calculus():
    """The n-th derivative of exp(2x) sin-like tanh chains is checked by Taylor's formula."""

    def f(x):
        return (x * x + 0.5).log() * x.tanh() + (x * 0.3).exp() / (x * x + 1)

    x = leaf(0.7)
    y, coefficients, factorial = f(x), [], 1.0
    for n in range(6):
        coefficients.append(y.item() / factorial)
        factorial *= n + 1
        (y,) = tg.autograd.grad(y, x, create_graph=True)
    h = 0.02
    expected = sum(c * h**n for n, c in enumerate(coefficients))
    np.testing.assert_allclose(f(tg.tensor(0.72, dtype=tg.float64)).item(), expected, atol=5e-9)


def test_backward_through_a_gradient():
    """A gradient penalty: the loss contains the gradient of the output."""
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = (w * x * x).sum()
    (g,) = tg.autograd.grad(y, x, create_graph=True)  # 2 w x
    (g * g).sum().backward()  # 4 w^2 x^2
    assert x.grad.tolist() == [8 * 9 * 1, 8 * 16 * 2]
    assert w.grad.tolist() == [8 * 3 * 1, 8 * 4 * 4]


def test_create_graph_leaves_gradients_that_can_be_differentiated():
    x = leaf(3.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    slope, x.grad = x.grad, None
    slope.backward()
    assert x.grad.item() == 18


def test_without_create_graph_gradients_are_constants():
    x = leaf(3.0)
    (x**3).backward()
    assert not x.grad.requires_grad
    (g,) = tg.autograd.grad(x**3, x)
    assert not g.requires_grad


def test_create_graph_keeps_the_graph_unless_told_otherwise():
    x = leaf(3.0)
    y = x * x
    y.backward(create_graph=True)
    y.backward(create_graph=True, retain_graph=False)
    with pytest.raises(GraphError, match="released"):
        y.backward()


def test_mixed_second_derivatives_commute():
    x, y = leaf(0.4), leaf(1.3)
    f = (x * y).exp() * (x + y * y).tanh()
    (fx,) = tg.autograd.grad(f, x, create_graph=True)
    (fy,) = tg.autograd.grad(f, y, create_graph=True)
    (fxy,) = tg.autograd.grad(fx, y, retain_graph=True)
    (fyx,) = tg.autograd.grad(fy, x)
    np.testing.assert_allclose(fxy.item(), fyx.item(), rtol=1e-12)


# --- the seed of a pass -------------------------------------------------------------------------


def test_a_gradient_is_wanted_for_more_than_one_element():
    x = leaf([1.0, 2.0])
    y = x * x
    with pytest.raises(GraphError, match=r"one element, got shape \(2,\).*\.sum\(\)"):
        y.backward()
    with pytest.raises(ShapeError, match=r"'gradient': expected the tensor's shape \(2,\), got"):
        y.backward(tg.ones(3))
    assert x.grad is None
    y.backward(tg.tensor([1.0, 10.0], dtype=tg.float64))
    assert x.grad.tolist() == [2, 40]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_element_of_any_shape_starts_with_one(shape):
    x = tg.full(shape, 3.0, requires_grad=True)
    (x * x).backward()
    assert x.grad.item() == 6
    assert x.grad.shape == shape


@pytest.mark.parametrize(
    "seed", [tg.tensor([1, 2]), tg.tensor([1.0, 2.0]), np.array([1, 2]), [1, 2]]
)
def test_a_seed_takes_the_dtype_of_its_output(seed):
    x = tg.ones(2, dtype=tg.float64, requires_grad=True)
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.dtype))
    y.backward(seed)
    assert seen == [tg.float64]
    assert x.grad.tolist() == [3, 6]


def test_a_tensor_without_a_graph():
    with pytest.raises(GraphError, match=r"has no graph; was it made.*requires_grad=True"):
        tg.ones(()).backward()
    with tg.no_grad():
        y = leaf(1.0) * 2
    with pytest.raises(GraphError, match="outside no_grad"):
        y.backward()


def test_backward_of_a_leaf_itself():
    x = leaf(2.0)
    x.backward()
    assert x.grad.item() == 1


def test_backward_inside_no_grad():
    x = leaf(2.0)
    y = x * x
    with tg.no_grad():
        y.backward()
    assert x.grad.item() == 4


def test_inputs_restrict_the_leaves():
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    (y * y).backward(inputs=[x, y, x])
    assert x.grad.item() == 2 * 6 * 3  # once, although named twice
    assert y.grad.item() == 12
    assert w.grad is None
    with pytest.raises(GraphError, match="'inputs': expected at least one"):
        (x * w).backward(inputs=[])
    with pytest.raises(GraphError, match=r"'inputs': tensor 1 does not require a gradient"):
        (x * w).backward(inputs=[x, tg.ones(())])


def test_an_argument_count_that_does_not_fit():
    x = leaf(2.0)
    with pytest.raises(GraphError, match="expected 2 gradients, one per tensor, got 1"):
        tg.autograd.backward([x * 1, x * 2], [None])
    with pytest.raises(GraphError, match="expected 1 gradients, one for each output, got 2"):
        tg.autograd.grad(x * 1, x, [None, None])


# --- sum_to -------------------------------------------------------------------------------------


@given(npst.mutually_broadcastable_shapes(num_shapes=1, min_side=0, max_dims=4, max_side=4))
def test_sum_to_is_the_adjoint_of_broadcasting(drawn):
    """<broadcast(x), g> = <x, sum_to(g)> for all x and g; and the shape is that of x."""
    (shape,), whole = drawn
    rng = np.random.default_rng(len(shape) + 5 * len(whole))
    x = rng.integers(-4, 5, shape).astype(float)
    g = rng.integers(-4, 5, whole).astype(float)
    summed = sum_to(g, shape)
    assert summed.shape == shape
    assert (np.broadcast_to(x, whole) * g).sum() == (x * summed).sum()
    on_tensors = sum_to(tg.tensor(g), shape)
    assert on_tensors.shape == shape
    np.testing.assert_array_equal(on_tensors, summed)


@given(npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
def test_every_operand_gets_a_gradient_of_its_own_shape(drawn):
    shapes, whole = drawn
    a, b = (leaf(np.full(shape, 1.5)) for shape in shapes)
    out = a * b + a / b
    assert out.shape == whole
    out.sum().backward()
    for x in (a, b):
        assert x.grad.shape == x.shape
    repeats = np.prod(whole) / np.maximum(1, np.prod(shapes[0]))
    np.testing.assert_allclose(a.grad, np.full(shapes[0], repeats * (1.5 + 1 / 1.5)))


@pytest.mark.parametrize(
    "gradient, shape", [((2, 3), (3, 2)), ((2, 3), (4,)), ((3,), (2, 3)), ((), (1,)), ((4,), (2,))]
)
def test_sum_to_refuses_what_was_never_broadcast(gradient, shape):
    with pytest.raises(ShapeError, match="cannot sum"):
        sum_to(np.ones(gradient), shape)


def test_sum_to_copies_nothing_that_fits():
    g = np.ones((2, 3))
    assert sum_to(g, (2, 3)) is g


# --- rules that are wrong -----------------------------------------------------------------------


def made(rule, inputs=1):
    """An op of one or two inputs with this gradient rule."""
    if inputs == 1:

        @tg.op
        def odd(input, /):
            return input * 2.0
    else:

        @tg.op
        def odd(input, other, /):
            return input * other

    odd.rule(rule)
    return odd


def test_a_rule_of_an_impossible_shape_is_named_with_the_input():
    x = leaf(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"rule of odd returned shape \(3, 3\).*shape \(2, 3\)"):
        made(lambda g: np.ones((3, 3)))(x).sum().backward()
    with pytest.raises(ShapeError, match=r"rule of odd returned shape \(2,\).*shape \(2, 3\)"):
        made(lambda g: g[:, 0])(x).sum().backward()
    assert x.grad is None


WRONG = {
    "nothing": (1, lambda g: None if False else "text", "returned str.*one gradient"),
    "a tuple for one input": (1, lambda g: (g, g), "returned tuple of 2.*one gradient"),
    "a number": (1, lambda g: 3.0, "returned float.*one gradient"),
    "one for two inputs": (2, lambda g: g, "returned ndarray.*2 gradients"),
    "three for two inputs": (2, lambda g: (g, g, g), "returned tuple of 3.*2 gradients"),
    "None for two inputs": (2, lambda g: None, "returned NoneType.*2 gradients"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_rule_that_returns_no_gradients(name):
    inputs, rule, message = WRONG[name]
    leaves = [leaf([1.0, 2.0]) for _ in range(inputs)]
    with pytest.raises(GraphError, match=f"rule of odd {message}"):
        made(rule, inputs)(*leaves).sum().backward()


def test_a_rule_may_say_that_there_is_no_gradient():
    x, y = leaf(1.0), leaf(2.0)
    made(lambda g: (None, g), 2)(x, y).backward()
    assert x.grad is None
    assert y.grad.item() == 1


def test_a_failing_rule_leaves_every_gradient_untouched():
    def broken(g):
        raise ZeroDivisionError("inside the rule")

    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    x.grad = tg.tensor([7.0, 7.0], dtype=tg.float64)
    last = made(broken)(x * 2).sum() * 3  # the oldest, so that its rule runs last
    middle = x * 1
    middle.retain_grad()
    loss = (middle * w).sum() + last
    with pytest.raises(ZeroDivisionError, match="inside the rule"):
        loss.backward()
    assert x.grad.tolist() == [7, 7]
    assert w.grad is None
    assert middle.grad is None


@pytest.mark.parametrize(
    "rule, message",
    [
        (lambda g, output: g, r"rule of odd names 'output'.*'input'.*'out'"),
        (lambda g, need, input: g, "put 'need' last"),
    ],
)
def test_a_rule_that_names_what_is_not_there(rule, message):
    with pytest.raises(TypeError, match=message):
        made(rule)


def test_an_op_of_a_user_needs_its_inputs_before_the_slash():
    with pytest.raises(TypeError, match="put the tensor inputs before '/'"):
        tg.op(lambda x, y: x + y)


# --- gradients belong to their leaf -------------------------------------------------------------

CACHED = np.array([5.0, 5.0, 5.0])


def own_g():
    return made(lambda g: g)


def own_saved():
    return made(lambda g, input: input)


def own_cache():
    return made(lambda g: CACHED)


def own_view():
    return made(lambda g, input: input.reshape(3, 1).reshape(3))


PASSED_ON = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "reshape": lambda a, b: a.reshape(3, 1) + b.reshape(3, 1),
    "expand": lambda a, b: a.expand(2, 3) + b.expand(2, 3),
    "sum": lambda a, b: a.sum() + b.sum(),
    "clone": lambda a, b: a.clone() + b,
    "transpose": lambda a, b: (a.reshape(1, 3).T + b.reshape(1, 3).T).reshape(3),
    "stack": lambda a, b: tg.stack([a, b]),
    "getitem": lambda a, b: a[:] + b[...],
    "leaf twice": lambda a, b: (a + a) + (b + a),
    "its g": lambda a, b: own_g()(a) + own_g()(b),
    "a saved array": lambda a, b: own_saved()(a) + own_saved()(b),
    "an array of the rule's own": lambda a, b: own_cache()(a) + own_cache()(b),
    "a view of a saved array": lambda a, b: own_view()(a) + own_view()(b),
    "written into a buffer": lambda a, b: tg.zeros(3, dtype=tg.float64).copy_(a) + b,
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", PASSED_ON)
def test_a_gradient_shares_memory_with_nothing(name, create_graph):
    a, b = leaf([1.0, 2.0, 3.0]), leaf([4.0, 5.0, 6.0])
    out = PASSED_ON[name](a, b)
    seed = tg.tensor(np.arange(1.0, 1 + out.numel()).reshape(out.shape))
    seen = []
    out.register_hook(seen.append)
    a.register_hook(seen.append)
    out.retain_grad()
    out.backward(seed, create_graph=create_graph)
    mine = {"a.grad": a.grad, "b.grad": b.grad}
    others = {"a": a, "b": b, "out": out, "out.grad": out.grad, "seed": seed, "cache": CACHED}
    others |= {f"hook {i}": g for i, g in enumerate(seen)}
    for name, g in mine.items():
        assert g.array.flags.writeable, name
        assert g.array.flags.c_contiguous, name
        for other, thing in {**others, **mine}.items():
            if thing is not g:
                array = thing if isinstance(thing, np.ndarray) else thing.array
                assert not np.shares_memory(g.array, array), f"{name} and {other}"
    before = b.grad.tolist()
    with tg.no_grad():
        a.grad.zero_()
    assert b.grad.tolist() == before
    assert CACHED.tolist() == [5, 5, 5]


def test_a_gradient_does_not_share_the_tensor_a_hook_returned():
    kept = tg.tensor([9.0, 9.0], dtype=tg.float64)
    x = leaf([1.0, 2.0])
    x.register_hook(lambda g: kept)
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [18, 18]
    assert kept.tolist() == [9, 9]


def test_adding_to_a_gradient_that_the_caller_gave():
    x, given = leaf([1.0, 2.0]), tg.tensor([1.0, 1.0], dtype=tg.float64)
    x.grad = given
    (x * 2).sum().backward()
    assert x.grad is given  # as in PyTorch, the tensor is added to in place
    assert given.tolist() == [3, 3]
    x.grad = tg.ones(1, dtype=tg.float64).expand(2)  # this one cannot be
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_gradients_keep_the_dtype_of_their_leaf():
    for dtype in (tg.float16, tg.float32, tg.float64):
        x = tg.ones(3, dtype=dtype, requires_grad=True)
        wide = tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64)
        (x * wide * 0.5).sum().backward()
        assert x.grad.dtype == dtype
        (x * 2).sum().backward(create_graph=True)
        assert x.grad.dtype == dtype


# --- threads and nesting ------------------------------------------------------------------------


@pytest.fixture
def busy_threads():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("named", [False, True])
def test_passes_of_several_threads_on_shared_leaves(busy_threads, named):
    w = leaf(np.ones(50))
    inputs = [w] if named else None
    start = threading.Barrier(4)
    failed = []

    def work(scale):
        try:
            start.wait()
            for _ in range(40):
                ((w * scale).tanh().sum() + (w * w).sum() * scale).backward(inputs=inputs)
        except BaseException as error:
            failed.append(error)

    scales = [0.5, 1.0, 1.5, 2.0]
    threads = [threading.Thread(target=work, args=(scale,)) for scale in scales]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    expected = sum(40 * (s * (1 - np.tanh(s) ** 2) + 2 * s) for s in scales)
    np.testing.assert_allclose(w.grad, np.full(50, expected), rtol=1e-9)


def test_threads_share_a_graph(busy_threads):
    x = leaf(np.full(20, 2.0))
    shared = x * x
    start = threading.Barrier(3)

    def work():
        start.wait()
        for _ in range(30):
            (shared * 3).sum().backward(retain_graph=True)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [90 * 12] * 20


def test_a_pass_inside_a_hook():
    """The inner pass walks nodes that the outer one is in the middle of."""
    x = leaf(3.0)
    shared = x * x
    inner = []

    def hook(g):
        with tg.enable_grad():
            (found,) = tg.autograd.grad(shared * 2, x, retain_graph=True)
        inner.append(found.item())
        return g * 10

    y = shared * 5
    y.register_hook(hook)
    (y + shared * 7).backward()
    assert inner == [12]
    assert x.grad.item() == (10 * 5 + 7) * 6


def test_a_pass_inside_a_hook_that_releases_the_node_it_hangs_on():
    x = leaf(3.0)
    y = x * x
    other = y * 2

    def hook(g):
        handle.remove()
        tg.autograd.grad(other, x)

    handle = y.register_hook(hook)
    with pytest.raises(GraphError, match="saved by mul were already released"):
        (y * 5).backward()
    assert x.grad is None


def test_a_pass_inside_a_hook_does_not_mix_up_whose_array_it_is():
    """x has one contribution, not its own array, when the hook walks to x and out again."""
    x, w = leaf([1.0, 2.0]), leaf([1.0, 1.0])
    later = x * 3  # older than `first`: its contributions come after the hook has run

    def hook(g):
        with tg.enable_grad():
            tg.autograd.grad((x * x).sum(), x)

    hooked = x * 4
    hooked.register_hook(hook)
    first = x + w  # x and w get the same array
    (first.sum() + hooked.sum() + later.sum()).backward()
    assert w.grad.tolist() == [1, 1]
    assert x.grad.tolist() == [8, 8]


def test_hooks_record_nothing_unless_the_gradient_is_recorded():
    x, seen = leaf(2.0), []
    for create_graph in (False, True):
        y = x * x
        y.register_hook(lambda g: seen.append((x * g).requires_grad))
        y.backward(create_graph=create_graph)
    assert seen == [False, True]


def test_backward_inside_a_hook_three_deep():
    x = leaf(2.0)
    depth = []

    def hook(g):
        if len(depth) < 3:
            depth.append(1)
            with tg.enable_grad():
                y = x * 1
            y.register_hook(hook)
            y.backward()

    y = x * 1
    y.register_hook(hook)
    y.backward()
    assert x.grad.item() == 4


def test_a_hook_that_raises_inside_a_nested_pass():
    x = leaf(2.0)
    y = x * x

    def hook(g):
        with pytest.raises(GraphError):
            tg.ones(()).backward()
        with tg.enable_grad():
            z = x * 2
        z.register_hook(lambda g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            z.backward()

    y.register_hook(hook)
    (y * 3).backward()
    assert x.grad.item() == 12


# --- names --------------------------------------------------------------------------------------


def test_nodes_have_readable_names():
    x = leaf([1.0, 2.0])
    names = {
        x * x: "MulBackward0", x.exp(): "ExpBackward0", x.sum(): "SumBackward0",
        tg.log_softmax(x, 0): "LogSoftmaxBackward0", x.clone(): "CloneBackward0",
    }  # fmt: skip
    for y, name in names.items():
        assert y.grad_fn.name() == name
        assert repr(y.grad_fn) == f"<{name}>"
    ((parent, place),) = x.sum().grad_fn.next_functions
    assert (parent.name(), place) == ("AccumulateGrad", 0)
    assert parent.next_functions == ()


@parity
def test_names_are_those_of_pytorch():
    ours, theirs = leaf([1.0, 2.0]), torch.tensor([1.0, 2.0], requires_grad=True)
    for name in ("exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu", "neg", "sum", "mean"):
        mine, other = (getattr(x, name)().grad_fn.name() for x in (ours, theirs))
        assert mine == other
    for function in (
        lambda x: x + x, lambda x: x - x, lambda x: x * x, lambda x: x / x, lambda x: x**2,
        lambda x: x.unsqueeze(0), lambda x: x.clone(), lambda x: x.expand(2, 2),
    ):  # fmt: skip
        assert function(ours).grad_fn.name() == function(theirs).grad_fn.name()


# --- hooks --------------------------------------------------------------------------------------


def test_a_hook_of_a_wrong_kind():
    x = leaf([1.0, 2.0])
    for result, error, message in [
        (3, DTypeError, "expected None or a Tensor, got int"),
        (np.ones(2), DTypeError, "expected None or a Tensor, got ndarray"),
        (tg.ones(3), ShapeError, r"expected a Tensor of shape \(2,\), got \(3,\)"),
        (tg.ones(2), DTypeError, "expected a Tensor of float64, got float32"),
    ]:
        handle = x.register_hook(lambda g, result=result: result)
        with pytest.raises(error, match=message):
            (x * 1).sum().backward()
        handle.remove()
        assert x.grad is None


@parity
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 99), st.integers(0, 99)), max_size=15))
def test_random_graphs_as_pytorch(program):
    """Values and gradients of random expressions, all leaves and all orders of use."""

    def run(m, data):
        leaves = [m.tensor(d, dtype=m.float64, requires_grad=True) for d in data]
        values = list(leaves)
        for kind, a, b in program:
            u, v = values[a % len(values)], values[b % len(values)]
            values.append(
                (
                    lambda u, v: u + v, lambda u, v: u * v, lambda u, v: u - v,
                    lambda u, v: u.tanh(), lambda u, v: u.sigmoid() * v, lambda u, v: m.relu(u),
                    lambda u, v: m.maximum(u, v), lambda u, v: u.sum(0, keepdim=True) * 0.5 + v,
                )[kind](u, v)
            )  # fmt: skip
        total = values[0].sum()
        for v in values[3:]:
            total = total + (v * v).mean()
        total.backward()
        return total, leaves

    data = [[[0.3, -0.8], [1.2, 0.4]], [0.5, 0.25], [[1.5], [-0.5]]]
    (a, ours), (b, theirs) = run(tg, data), run(torch, data)
    np.testing.assert_allclose(plain(a), plain(b), rtol=1e-10)
    for x, y in zip(ours, theirs, strict=True):
        assert (x.grad is None) == (y.grad is None)
        if x.grad is not None:
            np.testing.assert_allclose(plain(x.grad), plain(y.grad), rtol=1e-9, atol=1e-12)
