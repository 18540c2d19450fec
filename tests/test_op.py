"""The mechanism `@op`: how a function on arrays becomes an op, here for ops as users write them."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError
from tinygrad_edu.op import OPS, composite, op


def leaf(*values: float, dtype=tg.float64) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def cube_kernel(input, /):
    return input**3


@tg.op
def cube(input, /):
    """The third power of each element."""
    return input**3


@cube.rule
def cube_rule(g, input):
    return g * 3 * input * input


@tg.op
def blend(input, other, /, share=0.5):
    """A weighted mean."""
    return share * input + (1 - share) * other


@blend.rule
def blend_rule(g, share, need):
    return g * share if need[0] else None, g * (1 - share) if need[1] else None


# --- calls --------------------------------------------------------------------------------------


def test_an_op_of_a_user_has_gradients_of_any_order():
    x = leaf(2.0, -1.0)
    assert tg.gradcheck(cube, x)
    assert tg.gradgradcheck(cube, x)
    (first,) = tg.autograd.grad(cube(x).sum(), x, create_graph=True)
    (second,) = tg.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = tg.autograd.grad(second.sum(), x)
    assert (first.tolist(), second.tolist(), third.tolist()) == ([12, 3], [12, -6], [6, 6])


def test_an_op_keeps_its_name_and_docs():
    assert cube.__name__ == "cube"
    assert cube.__doc__ == "The third power of each element."
    assert cube(leaf(2.0)).grad_fn.name() == "CubeBackward0"
    assert repr(blend(leaf(1.0), 2.0).grad_fn) == "<BlendBackward0>"


def test_ops_of_users_are_not_in_the_table_of_the_package():
    assert "cube" not in OPS
    assert OPS["exp"] is tg.exp


def test_settings_by_place_and_by_name_with_defaults():
    x, y = leaf(1.0), leaf(3.0)
    assert blend(x, y).item() == 2.0
    assert blend(x, y, 0.25).item() == blend(x, y, share=0.25).item() == 2.5
    assert blend(input=x, other=y, share=1).item() == 1.0
    blend(x, y, share=0.25).backward()
    assert (x.grad.item(), y.grad.item()) == (0.25, 0.75)


def test_arrays_and_numbers():
    assert type(cube(np.array([2.0]))) is np.ndarray
    mixed = blend(np.array([1.0]), leaf(3.0))
    assert isinstance(mixed, tg.Tensor)
    assert mixed.requires_grad
    assert blend(1.0, 3.0) == 2.0
    assert not cube(tg.ones(1)).requires_grad


def test_broadcasting_is_undone_by_the_engine():
    x, y = tg.ones(3, 1, requires_grad=True), tg.ones(4, requires_grad=True)
    blend(x, y, share=0.25).sum().backward()
    assert x.grad.tolist() == [[1.0]] * 3
    assert y.grad.tolist() == [2.25] * 4


def test_no_grad_records_nothing():
    x = leaf(1.0)
    with tg.no_grad():
        assert cube(x).grad_fn is None


def test_an_op_without_a_rule_has_no_gradient():
    @op
    def floor(input, /):
        return np.floor(input)

    assert not floor(leaf(1.5)).requires_grad
    assert floor(leaf(1.5)).item() == 1.0


# --- what a rule can name -----------------------------------------------------------------------


def test_a_rule_names_what_it_needs_and_only_that_is_kept():
    @op
    def double(input, /):
        return 2 * input

    @double.rule
    def double_rule(g):
        return 2 * g

    x = leaf(1.0)
    middle = x * 1
    memory = weakref.ref(middle.array)
    y = double(middle)
    assert y.grad_fn.saved == ()
    gc.disable()
    try:
        del middle
        assert memory() is None, "the input is kept although no rule names it"
    finally:
        gc.enable()
    y.backward()
    assert x.grad.item() == 2.0


def test_facts_of_inputs():
    @op(dtype=None)
    def total(input, /):
        return np.sum(input, dtype=np.float64)

    @total.rule
    def total_rule(g, input_shape, input_dtype):
        assert input_dtype == np.float32
        return tg.OPS["cast"](g, input_dtype).reshape((1, 1)) * np.ones(input_shape, input_dtype)

    x = tg.ones(2, 3, requires_grad=True)
    total(x).backward()
    assert x.grad.tolist() == [[1.0] * 3] * 2
    assert x.grad.dtype == tg.float32


def test_facts_alone_are_enough_for_a_rule():
    """Calls that are unrolled for speed record it too."""

    @op
    def total(input, /):
        return np.sum(input)

    @total.rule
    def total_rule(g, input_shape):
        return tg.broadcast_to(g, input_shape)

    @op
    def inner(input, other, /):
        return np.sum(input + 2 * other)

    @inner.rule
    def inner_rule(g, input_shape, other_shape):
        return tg.broadcast_to(g, input_shape), tg.broadcast_to(g * 2, other_shape)

    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (total(x) + inner(x, y)).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([2.0, 2.0], [2.0, 2.0])


def test_out_is_the_recorded_result():
    """The second gradient goes through `out` as well."""

    @op
    def root(input, /):
        return np.sqrt(input)

    @root.rule
    def root_rule(g, out):
        return g / (2 * out)

    assert tg.gradgradcheck(root, leaf(2.0, 3.0))


def test_extras_are_handed_from_the_kernel_to_the_rule():
    @op(extras=("mask",))
    def positive(input, /):
        mask = input > 0
        return input * mask, mask

    @positive.rule
    def positive_rule(g, mask):
        return g * mask

    x = leaf(-1.0, 2.0)
    result = positive(x)
    assert isinstance(result, tg.Tensor)
    result.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]
    assert tg.gradgradcheck(positive, x)


def test_need_says_which_inputs_are_asked_for():
    asked = []

    @op
    def product(input, other, /):
        return input * other

    @product.rule
    def product_rule(g, input, other, need):
        asked.append(need)
        return g * other if need[0] else None, g * input if need[1] else None

    x, y = leaf(2.0), leaf(3.0)
    product(x, y).backward()
    product(x, 3.0).backward()
    product(2.0, y).backward()
    tg.autograd.grad(product(x, y), y)
    assert asked == [(True, True), (True, False), (False, True), (False, True)]


def test_a_variadic_op():
    @op
    def total(*tensors, scale=1.0):
        return scale * sum(tensors)

    @total.rule
    def total_rule(g, tensors, scale, need):
        return [g * scale if wanted else None for wanted in need]

    x, y = leaf(1.0), leaf(2.0)
    out = total(x, y, x, scale=2.0)
    assert out.item() == 8.0
    out.backward()
    assert (x.grad.item(), y.grad.item()) == (4.0, 2.0)
    assert tg.gradcheck(lambda a, b: total(a, b, a), (x, y))
    assert total() == total(scale=2.0) == 0


def test_a_fused_rule_serves_arrays_and_the_rule_the_rest():
    used = []

    @op
    def power(input, /, n=3):
        return input**n

    @power.rule
    def power_rule(g, input, n):
        used.append("rule")
        return g * n * input ** (n - 1)

    @power.fused
    def power_fused(g, input, n):
        used.append("fused")
        return g * n * input ** (n - 1)

    x = leaf(2.0)
    power(x).backward()
    assert used == ["fused"]
    assert tg.gradgradcheck(power, x)
    assert "rule" in used


def test_a_fused_rule_may_name_other_values():
    @op
    def logistic(input, /):
        return 1 / (1 + np.exp(-input))

    @logistic.rule
    def logistic_rule(g, input):
        s = 1 / (1 + tg.exp(-input))
        return g * s * (1 - s)

    @logistic.fused
    def logistic_fused(g, out):
        return g * out * (1 - out)

    x = leaf(0.5, -2.0)
    assert tg.gradcheck(logistic, x)
    assert tg.gradgradcheck(logistic, x)


# --- dtypes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how, expected",
    [("same", "int64"), ("float", "float32"), (None, "int64")],
)
def test_how_dtypes_are_unified(how, expected):
    @op(dtype=how)
    def same(input, /):
        return input

    assert same(tg.arange(2)).dtype == np.dtype(expected)


def test_equal_dtypes_are_demanded():
    @op(dtype="equal")
    def together(input, other, /):
        return input + other

    with pytest.raises(DTypeError, match=r"together: .*got float32 and float64; .*\.to\(dtype\)"):
        together(tg.ones(1), leaf(1.0))


def test_a_fixed_input_takes_no_part():
    @op(fixed=("condition",))
    def choose(condition, input, /):
        return np.where(condition, input, 0)

    assert choose(np.array([1.5, 0.0]), tg.arange(2) + 1).tolist() == [1, 0]
    assert choose(np.array([1.5, 0.0]), tg.arange(2)).dtype == tg.int64


# --- views, methods, operators ------------------------------------------------------------------


def test_a_view_shares_memory_and_writes_are_recorded():
    @op(dtype=None, view=True)
    def first(input, /):
        return input[:1]

    @first.rule
    def first_rule(g, input_shape):
        return tg.cat([g, np.zeros((input_shape[0] - 1, *input_shape[1:]), g.dtype)])

    x = leaf(1.0, 2.0)
    y = x * 1
    first(y).mul_(10.0)
    assert y.tolist() == [10.0, 2.0]
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 1.0]


def test_a_method_of_a_taken_name_is_refused():
    with pytest.raises(TypeError, match="Tensor already has a method 'exp'; choose another name"):
        op(cube_kernel, method="exp")
    assert tg.Tensor.exp is tg.exp


def test_methods_and_operators_of_a_user(monkeypatch):
    for name in ("thrice", "__xor__", "__rxor__"):  # taken away again after the test
        monkeypatch.setattr(tg.Tensor, name, None, raising=False)
        delattr(tg.Tensor, name)

    @op(method="thrice", operator="^")
    def thrice(input, other, /):
        return 3 * input + other

    x = tg.ones(2)
    assert x.thrice(1).tolist() == (x ^ 1).tolist() == [4.0, 4.0]
    assert (2.0 ^ x).tolist() == [7.0, 7.0]


# --- mistakes in the definition -----------------------------------------------------------------


def test_an_op_needs_inputs():
    def nothing(x, dim):
        return x

    with pytest.raises(TypeError, match="@op nothing: put the tensor inputs before '/'"):
        op(nothing)


def test_a_rule_that_names_what_is_not_there():
    @op
    def plain(input, /):
        return input

    with pytest.raises(TypeError, match=r"rule of plain names 'weight': expected any of .*'out'"):
        plain.rule(lambda g, weight: g)
    assert not plain(leaf(1.0)).requires_grad


def test_need_comes_last():
    @op
    def early(input, other, /):
        return input

    with pytest.raises(TypeError, match="rule of early: put 'need' last"):
        early.rule(lambda g, need, input: (g, None))


def test_a_fused_rule_needs_a_rule():
    @op
    def alone(input, /):
        return input

    with pytest.raises(TypeError, match=r"alone\.fused: give alone\.rule first"):
        alone.fused(lambda g: g)


def wrong(rule):
    made = op(lambda input, other, /: input * other, name="wrong")
    made.rule(rule)
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    return made(x, y).sum(), x, y


@pytest.mark.parametrize(
    "rule, message",
    [
        (lambda g: g, "returned ndarray: expected 2 gradients, one for each input"),
        (lambda g: (g,), "returned tuple of 1: expected 2 gradients"),
        (lambda g: (g, g, g), "returned tuple of 3: expected 2 gradients"),
        (lambda g: None, "returned NoneType: expected 2 gradients"),
        (lambda g: (g, "text"), "rule of wrong returned"),
    ],
)
def test_a_rule_that_returns_no_gradients(rule, message):
    out, x, y = wrong(rule)
    with pytest.raises(GraphError, match=message):
        out.backward()
    assert x.grad is None and y.grad is None


def test_a_rule_that_returns_an_impossible_shape():
    out, x, _ = wrong(lambda g: (np.ones(5), g))
    with pytest.raises(
        ShapeError, match=r"wrong returned shape \(5,\) for an input of shape \(2,\)"
    ):
        out.backward()
    assert x.grad is None


def test_a_rule_may_leave_an_input_out():
    out, x, y = wrong(lambda g: (g, None))
    out.backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert y.grad is None


def test_an_error_inside_a_rule_is_not_hidden():
    def rule(g, input, other):
        raise ZeroDivisionError("mine")

    out, x, _ = wrong(rule)
    with pytest.raises(ZeroDivisionError, match="mine"):
        out.backward()
    assert x.grad is None


# --- mistakes in the call -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: blend(x), "blend: argument 'other' is missing"),
        (lambda x: blend(x, x, 1, 2), "blend: expected at most 3 arguments, got 4"),
        (lambda x: blend(x, x, shear=1), r"blend: argument 'shear': unknown; expected any of"),
        (lambda x: blend(x, x, 1, share=2), "blend: argument 'share': got twice"),
        (lambda x: blend(x, [1.0]), "blend: argument 'other': expected a Tensor, .* got list"),
        (lambda x: blend(x, None), "blend: argument 'other': expected a Tensor, .* got NoneType"),
        (lambda x: cube("text"), "cube: argument 'input': expected a Tensor, .* got str"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(TypeError, match=message):
        call(leaf(1.0))


def test_shapes_that_do_not_broadcast():
    with pytest.raises(
        ShapeError,
        match=r"blend: expected shapes that broadcast .*\(2, 3\), other float32 .*\(4,\)",
    ):
        blend(tg.ones(2, 3), tg.ones(4))


def test_numpys_names_are_taken():
    x = tg.ones(2, 3)
    assert tg.sum(x, axis=0, keepdims=True).shape == (1, 3)
    assert tg.std(x, axis=1).shape == (2,)
    with pytest.raises(TypeError, match="sum: argument 'dim': got twice"):
        tg.sum(x, dim=0, axis=0)


# --- saved values -------------------------------------------------------------------------------


def test_a_write_to_a_saved_input_is_noticed():
    x = leaf(1.0, 2.0)
    middle = x * 1
    y = cube(middle).sum()
    middle.mul_(2)
    with pytest.raises(GraphError, match=r"gradient of cube needs its argument 'input'"):
        y.backward()


def test_a_write_to_what_no_rule_names_is_free():
    x = leaf(1.0, 2.0)
    middle = x * 1
    y = blend(middle, middle).sum()
    middle.mul_(2)
    y.backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_second_backward_names_the_op():
    x = leaf(1.0)
    y = cube(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 6.0
    with pytest.raises(GraphError, match="saved by cube were already released"):
        y.backward()


# --- composites ---------------------------------------------------------------------------------


def test_a_composite_takes_numpys_names_and_says_its_own():
    @composite
    def centred(input, dim=0):
        """`input` minus its mean."""
        return input - input.mean(dim, keepdim=True)

    assert centred(tg.tensor([[1.0, 3.0]]), axis=1).tolist() == [[-1.0, 1.0]]
    assert centred.__doc__ == "`input` minus its mean."
    with pytest.raises(DTypeError, match=r"centred: argument 'input': .* got list"):
        centred([1.0])
    with pytest.raises(ShapeError, match="centred: argument 'dim': expected -1 to 0"):
        centred(tg.ones(2), dim=3)


def test_a_mistake_inside_a_composite_is_not_hidden():
    @composite
    def broken(input):
        return input.no_such_method()

    with pytest.raises(AttributeError, match="no_such_method"):
        broken(tg.ones(2))
