"""Pointwise ops beyond their rows: refusals, dtypes, operators, in-place forms, edges."""

from __future__ import annotations

import operator
from math import inf, nan

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DivisionError, DTypeError, ShapeError

BOOLS = tg.tensor([True, False])
INTS = tg.tensor([-7, 3])
FLOATS = tg.tensor([-1.5, 2.5])
DOUBLES = FLOATS.double()


REFUSED = {
    "a bool minus a bool": (lambda: BOOLS - BOOLS, "sub: argument 'input': expected numbers"),
    "a bool minus an integer": (lambda: BOOLS - 1, "sub: argument 'input': expected numbers"),
    "an integer minus a bool": (lambda: INTS - True, "sub: argument 'other': expected numbers"),
    "a negative bool": (lambda: -BOOLS, "neg: argument 'input': expected numbers"),
    "the size of a bool": (lambda: abs(BOOLS), "abs: argument 'input': expected numbers"),
    "relu of bools": (lambda: tg.relu(BOOLS), "relu: argument 'input': expected numbers"),
    "floor of bools": (lambda: tg.floor(BOOLS), "floor: argument 'input': expected numbers"),
    "bools divided by bools": (lambda: BOOLS // BOOLS, "floor_divide: expected numbers"),
    "the rest of bools": (lambda: BOOLS % BOOLS, "remainder: expected numbers"),
    "clamped bools": (lambda: tg.clamp_min(BOOLS, True), "clamp_min: expected numbers"),
    "bools multiplied and added": (
        lambda: tg.addcmul(BOOLS, BOOLS, BOOLS), "addcmul: expected numbers"),
    "a power of bools": (lambda: BOOLS**BOOLS, "pow: expected numbers"),
    "decimals of integers": (
        lambda: tg.round(INTS, decimals=1), "round: expected floating-point elements"),
    "a fraction as alpha of integers": (
        lambda: tg.add(INTS, INTS, alpha=1.5), "add: argument 'alpha': expected a number of the"),
    "a bool as alpha of integers": (
        lambda: tg.sub(INTS, INTS, alpha=True), "sub: argument 'alpha': expected a number of the"),
    "bits of floats": (lambda: FLOATS & FLOATS, "bitwise_and: expected bools or integers"),
    "bits of a float number": (lambda: INTS | 1.5, "bitwise_or: expected bools or integers"),
    "turned bits of floats": (lambda: ~FLOATS, "bitwise_not: expected bools or integers"),
    "closeness of two dtypes": (
        lambda: tg.isclose(FLOATS, DOUBLES), "isclose: expected inputs of one dtype"),
    "a mixture of two dtypes": (
        lambda: tg.lerp(FLOATS, DOUBLES, 0.5), "lerp: expected inputs of one dtype"),
    "a mixture of integers": (
        lambda: tg.lerp(INTS, INTS, 0.5), "lerp: expected floating-point elements"),
    "quotients of integers added": (
        lambda: tg.addcdiv(INTS, INTS, INTS), "addcdiv: expected floating-point elements"),
    "logaddexp of integers": (
        lambda: tg.logaddexp(INTS, INTS), "logaddexp: expected floating-point elements"),
    "a condition of numbers": (
        lambda: tg.where(INTS, 1.0, 0.0), "where: argument 'condition': expected bools, got int64"),
}  # fmt: skip


@pytest.mark.parametrize("call, message", REFUSED.values(), ids=REFUSED)
def test_refused(call, message):
    with pytest.raises(DTypeError, match=message):
        call()


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: INTS // 0, "floor_divide"),
        (lambda: 5 % tg.tensor([2, 0]), "remainder"),
        (lambda: tg.div(INTS, 0, rounding_mode="trunc"), "div"),
    ],
)
def test_integers_divided_by_zero(call, name):
    with pytest.raises(DivisionError, match=f"{name}: argument 'other': .* other than 0"):
        call()
    assert issubclass(DivisionError, ZeroDivisionError) and issubclass(DivisionError, RuntimeError)


def test_other_bad_arguments():
    with pytest.raises(ValueError, match=r"div: argument 'rounding_mode': .* got 'up'"):
        tg.div(INTS, 2, rounding_mode="up")
    with pytest.raises(ValueError, match="allclose: argument 'rtol': expected at least 0, got -1"):
        tg.allclose(FLOATS, FLOATS, rtol=-1)
    with pytest.raises(TypeError, match="where: argument 'other': expected a Tensor"):
        tg.where(BOOLS, FLOATS)
    with pytest.raises(ShapeError, match="addcmul: expected shapes that broadcast"):
        tg.addcmul(FLOATS, tg.ones(3), FLOATS)
    with pytest.raises(ValueError, match=r"pow: .*negative integer powers"):
        INTS**-1


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow,
]  # fmt: skip
BITWISE = [operator.and_, operator.or_, operator.xor]


@pytest.mark.parametrize("function", [*OPERATORS, *BITWISE], ids=lambda f: f.__name__)
@pytest.mark.parametrize("form", ["x op 3", "3 op x", "x op y", "x op= y", "array op x"])
def test_operators_on_integers(function, form):
    x, y = np.array([7, -8, 2]), np.array([2, 3, 5])
    if function is operator.pow:
        x = np.abs(x)
    a, b = tg.tensor(x), tg.tensor(y)
    if form == "x op= y":
        if function is operator.truediv:
            with pytest.raises(DTypeError, match="div_: a result of float32"):
                operator.itruediv(a, b)
            return
        name = f"i{function.__name__.strip('_')}"
        memory = a.array
        got, expected = getattr(operator, name)(a, b), function(x, y)
        assert got is a and a.array is memory
    elif form == "x op 3":
        got, expected = function(a, 3), function(x, 3)
    elif form == "3 op x":
        got, expected = function(3, tg.tensor(y)), function(3, y)
    else:
        got, expected = function(x if form.startswith("array") else a, b), function(x, y)
    assert got.dtype == (tg.float32 if function is operator.truediv else tg.int64)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6)


def test_bits_of_bools_are_logic():
    x, y = tg.tensor([True, True, False]), tg.tensor([True, False, False])
    assert (x & y).tolist() == [True, False, False] == tg.logical_and(x, y).tolist()
    assert (x | y).tolist() == [True, True, False] == tg.logical_or(x, y).tolist()
    assert (x ^ y).tolist() == [False, True, False] == tg.logical_xor(x, y).tolist()
    assert (~x).tolist() == [False, False, True] == tg.logical_not(x).tolist()
    assert (x & 1).dtype == tg.int64 and (True ^ x).dtype == tg.bool


def test_integer_powers():
    x = tg.tensor([-7, 0, 1, -1, -1])
    assert (x ** tg.tensor([-1, -2, -3, -3, -2])).tolist() == [0, 0, 1, -1, 1]
    assert (2 ** tg.tensor([-1, 3])).tolist() == [0, 8]
    assert (x**-1.0).dtype == (x**0.5).dtype == tg.float32
    assert (BOOLS**2).tolist() == [1, 0]


@pytest.mark.parametrize("n", [*range(-9, 0), *range(1, 10)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_powers_at_the_edges(n, dtype):
    """Products give what NumPy's pow gives, signs of zeros and infinities too."""
    huge, tiny = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    edges = [0.0, 1.0, inf, nan, huge, tiny, 0.5, 3.0, huge**0.4, huge**-0.4, huge**0.124]
    x = np.array([*edges, *np.negative(edges)], dtype)
    with np.errstate(all="ignore"):
        expected = np.power(x, dtype(n))
    for power in (n, float(n)):
        got = tg.pow(x, power)
        assert got.dtype == dtype and got is not x
        np.testing.assert_allclose(got, expected, rtol=8 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def test_alpha_scales_in_the_dtype_of_the_result():
    assert tg.add(INTS, FLOATS, alpha=2).dtype == tg.float32
    big = tg.tensor([2**53 + 1])
    assert tg.add(tg.zeros(1, dtype=tg.int64), big, alpha=1).item() == 2**53 + 1
    tenth = tg.sub(tg.zeros(1, dtype=tg.float64), tg.ones(1, dtype=tg.int64), alpha=0.1)
    assert tenth.dtype == tg.float64 and tenth.item() == -0.1
    assert tg.add(BOOLS, BOOLS, alpha=2).dtype == tg.bool
    x = tg.ones(2)
    assert x.add_(FLOATS, alpha=2).tolist() == [-2.0, 6.0] == x.tolist()
    assert tg.rsub(INTS, 1).tolist() == [8, -2]


def test_in_place_forms_are_recorded():
    leaf = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    x = leaf * 1
    x.sin_().addcmul_(leaf, leaf, value=3).div_(2).lerp_(leaf, 0.25).clamp_min_(-10.0)
    x.sum().backward()
    a = np.array([0.5, 2.0])
    np.testing.assert_allclose(x.detach().numpy(), 0.375 * (np.sin(a) + 3 * a * a) + 0.25 * a)
    np.testing.assert_allclose(leaf.grad.numpy(), 0.375 * (np.cos(a) + 6 * a) + 0.25)
    y = tg.tensor([7, -7])
    y.div_(2, rounding_mode="trunc")
    assert y.tolist() == [3, -3] and y.floor_divide_(2).tolist() == [1, -2]
    assert y.remainder_(3).tolist() == [1, 1] and y.bitwise_xor_(3).tolist() == [2, 2]


def test_yes_or_no_is_a_python_bool():
    assert tg.equal(FLOATS, FLOATS) is True and tg.equal(INTS, tg.tensor([[-7, 3]])) is False
    assert FLOATS.allclose(FLOATS + 1e-7) is True and tg.allclose(FLOATS, FLOATS + 1) is False
    x = tg.tensor([1.0, inf, nan, inf])
    y = tg.tensor([1.0, inf, nan, -inf])
    assert tg.isclose(x, y).tolist() == [True, True, False, False]
    assert tg.isclose(x, y, equal_nan=True).tolist() == [True, True, True, False]


def test_forms_of_where():
    x = tg.tensor([[0, 2], [3, 0]])
    assert [places.tolist() for places in tg.where(x > 0)] == [[0, 1], [1, 0]]
    assert x.where(x > 2, -1).tolist() == [[-1, -1], [3, -1]]
    assert tg.where(x > 0, 1, 0.5).dtype == tg.float32 and tg.where(x > 0, 1, 0).dtype == tg.int64


def slopes(function, *columns):
    inputs = [tg.tensor(c, dtype=tg.float64, requires_grad=True) for c in columns]
    function(*inputs).sum().backward()
    return [x.grad.tolist() for x in inputs]


def test_edges_of_gradients():
    """At kinks and at the ends of domains, as in PyTorch."""
    assert slopes(tg.atan2, [0.0], [0.0]) == [[0.0], [0.0]]
    assert slopes(tg.xlogy, [0.0, 0.0], [-1.0, 2.0]) == [[0.0, np.log(2.0)], [0.0, 0.0]]
    assert slopes(tg.sign, [nan, 1.0]) == slopes(tg.floor, [nan, 1.0]) == [[0.0, 0.0]]
    assert slopes(tg.nan_to_num, [nan, inf, 1.0]) == [[0.0, 0.0, 1.0]]
    assert slopes(lambda x: tg.logit(x, 0.25), [0.0, 0.25, 0.5, 0.75, 1.0])[0][1:4] == [
        pytest.approx(16 / 3), 4.0, pytest.approx(16 / 3)]  # fmt: skip
    assert np.isnan(slopes(tg.logit, [-1.0, 2.0])).all()
    assert slopes(lambda x, y: x % y, [7.0, -7.0], [2.0, 2.0]) == [[1.0, 1.0], [-3.0, 4.0]]
    assert slopes(lambda x, lo: tg.clamp(x, lo, 1.0), [0.0], [1.0]) == [[0.0], [0.0]]


def test_functions_stay_exact_far_out():
    """Where the plain formula would lose all its digits."""
    x = tg.tensor([1e-10, -30.0, 30.0], dtype=tg.float64)
    assert tg.sigmoid(x)[1].item() == pytest.approx(9.357622968839299e-14, rel=1e-12)
    for function in (tg.expm1, tg.log1p):
        assert function(x)[0].item() == pytest.approx(1e-10, rel=1e-9)
    assert tg.erfc(x + 10)[0].item() == pytest.approx(2.088487583762545e-45, rel=1e-6)
    assert tg.logaddexp(tg.tensor([1e4]), tg.tensor([-1e4])).tolist() == [1e4]
    assert tg.sign(tg.tensor([nan, -0.0])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64])
@pytest.mark.parametrize("shape", [(1, 2**15), (2**7, 2**8), (2**14, 2), (2**15,)])
def test_a_large_relu_is_that_of_its_elements(rng, dtype, shape):
    x = rng.integers(-3, 4, shape).astype(dtype)
    if x.dtype.kind == "f":
        x.reshape(-1)[:6] = [nan, -nan, inf, -inf, -0.0, 0.0]
    for laid in (x, np.asfortranarray(x)):
        assert np.array_equal(tg.relu(tg.tensor(laid)).numpy(), np.maximum(x, 0), equal_nan=True)
