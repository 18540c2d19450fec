"""The one-line property test: right functions pass, wrong ones are shown at their simplest."""

from __future__ import annotations

import inspect
import itertools
import re
import subprocess
import sys

import pytest
from hypothesis.errors import Unsatisfiable
from source import ROOT

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GradientError
from tinygrad_edu.testing import check_gradients
from tinygrad_edu.testing.strategies import (
    axes,
    broadcastable_tensors,
    conv_operands,
    labels,
    matmul_operands,
    networks,
    probabilities,
    shapes,
    tensors,
)

# --- right functions, one a line: these are tests as users write them ----------------------------

test_swish = check_gradients(lambda x: x * tg.sigmoid(x), tensors())
test_strided = check_gradients(tg.tanh, tensors(strided=True, empty=True))
test_logarithm = check_gradients(tg.log, tensors(min_value=0.5))
test_maximum = check_gradients(tg.maximum, broadcastable_tensors())
test_maximum_with_ties = check_gradients(tg.maximum, broadcastable_tensors(ties=True))
test_product = check_gradients(tg.matmul, matmul_operands(max_side=2))
test_convolution = check_gradients(
    lambda x, w, b, settings: tg.conv1d(x, w, b, **settings), conv_operands(1), max_examples=10
)
test_network = check_gradients(lambda m, x: m(x), networks(max_layers=2), atol=1e-4)
test_losses = check_gradients(
    tg.nn.functional.cross_entropy, tensors((2, 3)), labels(2), max_examples=10
)
test_entropy = check_gradients(lambda p: -(p * p.log()).sum(-1), probabilities())
test_no_second_gradient = check_gradients(lambda x: x.sort().values, tensors(3), second=False)


@check_gradients(tensors((2, 2)), axes(2))
def test_mean_as_a_decorated_function(x, dim):
    """The document of the function."""
    return x.mean(dim)


def test_a_test_is_a_plain_function_of_no_arguments():
    made = test_mean_as_a_decorated_function
    assert inspect.isfunction(made)
    assert not inspect.signature(made).parameters
    assert made.__name__ == "test_mean_as_a_decorated_function"
    assert made.__module__ == __name__
    assert made.__doc__ == "The document of the function."


# --- wrong functions -----------------------------------------------------------------------------


def wrong_op(kernel, rule):
    made = tg.op(kernel)
    made.rule(rule)
    return made


def square(input, /):
    return input * input


def magnitude(input, /):
    return abs(input)


def failure(*arguments, **options) -> str:
    test = check_gradients(*arguments, database=None, derandomize=True, **options)
    with pytest.raises(GradientError) as caught:
        test()
    return str(caught.value)


def test_wrong_gradient_is_shown_for_the_simplest_tensor():
    text = failure(wrong_op(square, lambda g, input: g * input), tensors())
    assert text == (
        "the first gradient of square is wrong, for\n"
        "    input = tensor(0.25, dtype=float64)\n"
        "with respect to input, 1 derivative differs, most at element (): that of output 0, "
        "element () is\n"
        "    analytic 0.25, numerical 0.5 (absolute error 0.25, relative 0.5)"
    )


def test_the_wrong_input_and_element_are_named():
    def rule(g, input, other):
        return g * other, g * input * (input < 2)

    product = wrong_op(lambda input, other, /: input * other, rule)
    text = failure(lambda x, w: product(x, w), broadcastable_tensors())
    assert re.search(r"x = tensor\(2\.\d+, dtype", text), text
    assert "with respect to w, 1 derivative differs, most at element ()" in text
    assert "with respect to x" not in text


def test_a_fault_of_the_shape_shrinks_to_the_smallest_shape():
    """The gradient of a sum over rows, wrong wherever there are two of them."""
    rows = wrong_op(
        lambda input, /: input.sum(0),
        lambda g, input: input * 0 + g / input.shape[0],
    )
    text = failure(rows, tensors(shapes(min_dims=2, max_dims=2)))
    assert "input = tensor([[0.25], [0.125]], dtype=float64)" in text
    assert "2 derivatives differ" in text


def test_a_wrong_second_gradient_is_named():
    def rule(g, input):
        plain = input.array if isinstance(input, tg.Tensor) else input
        return g * (3 * plain * plain)

    cube = wrong_op(lambda input, /: input**3, rule)
    text = failure(cube, tensors())
    assert text.startswith("the second gradient of function is wrong, for\n")
    assert "that of the gradient of input, element () is\n    analytic 0, numerical " in text
    check_gradients(cube, tensors(), second=False, max_examples=5)()


def test_a_wrong_gradient_of_the_output_gradient_is_named():
    identity = wrong_op(lambda input, /: input * 1, lambda g, input: doubled(g))
    doubled = wrong_op(lambda input, /: input * 1, lambda g, input: g * 2)
    text = failure(identity, tensors())
    assert "the second gradient" in text
    assert "with respect to the gradient of output 0, 1 derivative differs" in text


def test_a_slope_beyond_those_of_a_kink_is_wrong_and_the_kink_is_reported():
    steep = wrong_op(magnitude, lambda g, input: g * tg.where(input == 0, 2.0, tg.sign(input)))
    text = failure(lambda x: steep(x), tensors(ties=True))
    assert "x = tensor(0.0, dtype=float64)" in text
    assert "analytic 2, numerical 0 " in text
    assert "x, element (): a kink: the slope is -1 to the left and 1 to the right" in text


def test_a_function_that_is_not_deterministic_is_said_to_be():
    numbers = itertools.count()
    text = failure(lambda x: x * next(numbers), tensors(min_value=1))
    assert "not deterministic: two calls with the same input" in text


def test_an_example_that_lies_at_a_kink_always_is_not_passed_over():
    test = check_gradients(tg.relu, tensors((), ties=True, min_value=-0.1, max_value=0.1))
    with pytest.raises(Unsatisfiable, match="relu"):
        test()


# --- arguments ------------------------------------------------------------------------------------


def test_options_are_those_of_hypothesis():
    calls = []

    def function(x):
        calls.append(x.tolist())
        return x * 2

    check_gradients(function, tensors(()), max_examples=3, second=False)()
    assert len(set(map(round, calls))) <= 3 * 2
    count = len(calls)
    check_gradients(function, tensors(()), max_examples=9, second=False)()
    assert len(calls) - count > 2 * count


def test_importing_loads_no_profile_of_hypothesis():
    code = (
        "from hypothesis import settings\n"
        "before = settings.default\n"
        "from tinygrad_edu.testing import check_gradients, strategies\n"
        "assert settings.default is before"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)


@pytest.mark.parametrize(
    "arguments, got",
    [
        ((tg.exp,), "got none; draw its arguments, for example with tensors()"),
        ((tg.exp, 3), r"'strategies': expected strategies of hypothesis, got 3"),
        ((3, tensors()), "'function': expected a function, got int"),
    ],
)
def test_what_is_no_function_or_strategy_is_refused(arguments, got):
    with pytest.raises(DTypeError, match=f"check_gradients: argument .*{got}"):
        check_gradients(*arguments)


def test_a_decorator_without_strategies_is_refused():
    with pytest.raises(DTypeError, match="got none; draw its arguments"):
        check_gradients()(tg.exp)
