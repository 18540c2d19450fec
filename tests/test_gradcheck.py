"""The checker itself: right gradients pass, planted wrong ones of both orders are named."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GradientError
from tinygrad_edu.gradcheck import directions_from
from tinygrad_edu.gradreport import GradcheckResult


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(values, dtype=tg.float64, requires_grad=True)


def wrong_op(kernel, rule):
    """An op with a planted rule."""
    made = tg.op(kernel)
    made.rule(rule)
    return made


def cube_kernel(input, /):
    return input * input * input


def product_kernel(input, other, /):
    return input * other


# --- right gradients ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * tg.sigmoid(x),
        lambda x: tg.softmax(x, 0),
        lambda x: (x @ x) * x,
        lambda x: x[[0, 0, 1]] * x[1:].sum(),
        lambda x: (x.exp(), x.sum()),
        lambda x: tg.tensor([1.0, 2.0], dtype=tg.float64),
    ],
)
def test_right_gradients_pass(function):
    assert tg.gradcheck(function, leaf(0.5, -1.5, 2.0))


def test_right_second_gradients_pass():
    assert tg.gradgradcheck(lambda x, y: tg.tanh(x) * y**2, (leaf(0.5, -1.0), leaf(1.5, 2.0)))


def test_only_inputs_that_require_a_gradient_are_compared():
    x, constant = leaf(1.0, 2.0), tg.tensor([3.0, 4.0], dtype=tg.float64)
    result = tg.gradcheck(lambda x, c, n: x * c**n, (x, constant, 2))
    assert result
    assert result.compared == 4


def test_complex_shapes_empty_and_zero_dimensional_inputs():
    assert tg.gradcheck(lambda x: x * x, tg.tensor(3.0, dtype=tg.float64, requires_grad=True))
    empty = tg.zeros(0, 3, dtype=tg.float64, requires_grad=True)
    assert tg.gradcheck(lambda x: x.sum(0), empty)


def test_nothing_of_the_caller_changes():
    x = leaf(1.0, 2.0)
    before = tg.get_rng_state()
    legacy = np.random.get_state()[1].copy()
    assert tg.gradcheck(lambda x: tg.dropout(x.clone().mul_(2.0), 0.5), x)
    assert x.grad is None
    assert x.tolist() == [1.0, 2.0]
    assert tg.get_rng_state() == before
    assert (np.random.get_state()[1] == legacy).all()


# --- wrong gradients ----------------------------------------------------------------------------


def test_wrong_first_order_rule_is_named_with_both_values():
    cube = wrong_op(cube_kernel, lambda g, input: g * 2 * input * input)
    result = tg.gradcheck(cube, leaf(1.0, 2.0))
    assert not result
    worst = result.worst
    assert (worst.input, worst.element, worst.output) == (0, (1,), (0, (1,)))
    assert worst.analytic == pytest.approx(8.0)
    assert worst.numerical == pytest.approx(12.0)
    assert worst.absolute == pytest.approx(4.0)
    assert worst.relative == pytest.approx(1 / 3)
    text = str(result)
    assert "input 0, element (1,)" in text
    assert "analytic 8" in text
    assert "numerical 12" in text


def test_the_wrong_input_of_several_is_named():
    product = wrong_op(product_kernel, lambda g, input, other: (g * other, -g * input))
    result = tg.gradcheck(product, (leaf(1.0, 2.0), leaf(3.0, 4.0)))
    assert {m.input for m in result.mismatches} == {1}
    assert "in the gradient of input 1" in str(result)


def test_missing_path_is_found():
    product = wrong_op(product_kernel, lambda g, input, other: (g * other, None))
    assert not tg.gradcheck(lambda x: product(x, x), leaf(1.0, 2.0))


def test_rule_that_is_right_once_and_wrong_twice():
    def rule(g, input):
        plain = input.array if isinstance(input, tg.Tensor) else input
        return g * (3 * plain * plain)

    cube = wrong_op(cube_kernel, rule)
    assert tg.gradcheck(cube, leaf(1.0, 2.0))
    assert not tg.gradgradcheck(cube, leaf(1.0, 2.0))


def test_second_order_mistake_in_one_factor():
    first = wrong_op(lambda input, /: 3 * input * input, lambda g, input: g * 5 * input)
    cube = wrong_op(cube_kernel, lambda g, input: g * first(input))
    assert tg.gradcheck(cube, leaf(1.0, 2.0))
    result = tg.gradgradcheck(cube, leaf(1.0, 2.0))
    assert {m.input for m in result.mismatches} == {0}


def test_raises_when_asked():
    cube = wrong_op(cube_kernel, lambda g, input: g * input)
    with pytest.raises(GradientError, match=r"input 0, element \(1,\).*analytic 2, numerical 12"):
        tg.gradcheck(cube, leaf(1.0, 2.0), raise_exception=True)
    first = wrong_op(lambda input, /: 3 * input * input, lambda g, input: g * 5 * input)
    cube = wrong_op(cube_kernel, lambda g, input: g * first(input))
    with pytest.raises(GradientError, match="differ, in the gradient of input 0"):
        tg.gradgradcheck(cube, leaf(1.0, 2.0), raise_exception=True)


def test_detached_result_is_a_zero_gradient():
    result = tg.gradcheck(lambda x: x.detach() * 2, leaf(1.0))
    assert result.worst.analytic == 0.0
    assert result.worst.numerical == pytest.approx(2.0)


# --- large inputs -------------------------------------------------------------------------------


def test_large_inputs_are_checked_along_directions():
    x = tg.randn(60, 70, dtype=tg.float64, requires_grad=True)
    result = tg.gradcheck(lambda x: tg.tanh(x).sum(0), x)
    assert result
    assert result.compared < x.numel()


def test_one_wrong_element_of_many_is_found_by_bisection():
    def rule(g, input):
        out = g * 3 * input * input
        out[17, 42] *= 2
        return out

    cube = wrong_op(cube_kernel, rule)
    x = (tg.rand(60, 70, dtype=tg.float64) + 1).requires_grad_()
    result = tg.gradcheck(cube, x)
    assert {m.element for m in result.mismatches} == {(17, 42)}
    assert result.worst.analytic == pytest.approx(2 * result.worst.numerical, rel=1e-5)


def test_directions_are_the_same_unless_another_seed_is_given():
    def drawn(check):
        seen = []
        x = tg.zeros(2500, dtype=tg.float64, requires_grad=True)
        check(lambda x: (seen.append(x.detach().sum().item()), x**3)[1], x)
        return seen

    for check in (tg.gradcheck, tg.gradgradcheck):
        usual = drawn(check)
        with directions_from(3):
            assert drawn(check) != usual
        assert drawn(check) == usual


# --- kinks, randomness, precision -----------------------------------------------------------------


def test_kink_is_reported_and_a_subgradient_accepted():
    result = tg.gradcheck(tg.relu, leaf(0.0, 1.0))
    assert result
    (kink,) = result.kinks
    assert (kink.element, kink.left, kink.right) == ((0,), 0.0, pytest.approx(1.0))
    assert "a kink: the slope is 0 to the left and 1 to the right" in str(result)


def test_no_gradient_beyond_the_slopes_of_a_kink_is_accepted():
    steep = wrong_op(lambda input, /: np.maximum(input, 0), lambda g, out: g * 2.0)
    result = tg.gradcheck(steep, leaf(0.0))
    assert not result
    assert result.kinks


def test_kink_within_the_step_is_no_error():
    result = tg.gradcheck(abs, leaf(3e-7, -2.0))
    assert result
    assert [kink.element for kink in result.kinks] == [(0,)]


def test_strong_curvature_is_no_kink():
    cube = wrong_op(cube_kernel, lambda g, input: g * input)
    result = tg.gradcheck(lambda x: cube(x * 30), leaf(1.0))
    assert not result
    assert not result.kinks


def test_jump_is_reported_and_no_error():
    """The gradient of a maximum jumps at a tie: it has no gradient there, and half of it each."""
    x, y = leaf(1.0, 2.0), leaf(1.0, 3.0)
    result = tg.gradgradcheck(tg.maximum, (x, y))
    assert result
    assert {(kink.input, kink.element, kink.jump) for kink in result.kinks} == {
        (0, (0,), True), (1, (0,), True),
    }  # fmt: skip
    assert "input 0, element (0,): a jump: the slopes grow as the step shrinks" in str(result)


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_rounding_errors_are_no_jump(scale):
    flat = wrong_op(lambda input, /: input * 0 + 0.1 * scale, lambda g, input: g * 0.5)
    result = tg.gradcheck(flat, leaf(0.3))
    assert not result
    assert not result.kinks


def test_random_numbers_are_frozen():
    x = leaf(1, 2, 3, 4)
    assert tg.gradcheck(lambda x: tg.dropout(x, 0.5) * tg.rand(4, dtype=tg.float64), x)
    assert tg.gradcheck(lambda x: x * tg.from_numpy(np.random.rand(4)), x)


def test_non_determinism_is_said():
    generator = tg.Generator()
    result = tg.gradcheck(lambda x: tg.dropout(x, 0.5, generator=generator), leaf(*range(1, 40)))
    assert not result
    assert not result.deterministic
    assert "not deterministic" in str(result)


def test_float32_is_refused():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(DTypeError, match=r"input 0: expected float64, got float32.*\.double\(\)"):
        tg.gradcheck(tg.exp, x)
    with pytest.raises(DTypeError, match="output 0: expected float64, got float32"):
        tg.gradcheck(lambda x: tg.exp(x.float()), leaf(1.0))


@pytest.mark.parametrize("output, got", [(2.0, "float"), ((), "none"), ([None, 1], "int")])
def test_outputs_must_be_tensors(output, got):
    with pytest.raises(DTypeError, match=f"output: expected a tensor or several, got {got}"):
        tg.gradcheck(lambda x: output, leaf(1.0))


def test_an_input_must_require_a_gradient():
    with pytest.raises(ValueError, match="requires_grad=True, got none"):
        tg.gradcheck(tg.exp, tg.ones(2, dtype=tg.float64))


def test_result_is_what_it_says():
    assert GradcheckResult()
    assert not GradcheckResult(deterministic=False)


def test_nan_where_the_slope_is_finite_is_wrong():
    broken = wrong_op(cube_kernel, lambda g, input: g * np.nan)
    assert not tg.gradcheck(broken, leaf(1.0))


def test_an_infinity_that_stays_has_slope_0():
    mask = tg.tensor([False, True, False])
    x = leaf(1.0, 2.0, 3.0)
    assert tg.gradcheck(lambda x: x.masked_fill(mask, -np.inf), x)
    assert tg.gradcheck(lambda x: x.masked_fill(mask, -np.inf), x, fast_mode=True)


def test_fast_mode_compares_along_random_directions_alone():
    x = leaf(*np.linspace(1, 2, 30))
    fast = tg.gradcheck(lambda x: x**3, x, fast_mode=True)
    assert fast
    assert fast.compared < tg.gradcheck(lambda x: x**3, x).compared

    @tg.op
    def cube(input, /):
        return input**3

    @cube.rule
    def cube_rule(g, input):
        return g * tg.where(np.arange(30) == 17, 2.0, 3.0) * input * input

    wrong = tg.gradcheck(cube, x, fast_mode=True)
    assert {m.element for m in wrong.mismatches} == {(17,)}
    assert tg.gradgradcheck(lambda x: x**3, x, fast_mode=True)
    assert not tg.gradgradcheck(lambda x: x * x.detach(), x, fast_mode=True)
