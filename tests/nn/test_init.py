"""Where learning starts."""

from __future__ import annotations

import math

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import init

LINEAR, CONV = (300, 200), (40, 20, 5, 5)  # fans 200, 300 and 500, 1000


def generator():
    return tg.Generator().manual_seed(0)


def check(tensor, std, *, bound=None):
    """The mean is 0, the deviation right; uniform numbers fill their interval, normal ones more."""
    a = tensor.array
    assert abs(a.mean()) < 4 * std / math.sqrt(a.size)
    assert a.std() == pytest.approx(std, rel=0.02)
    largest = abs(a).max()
    assert 0.99 * bound < largest <= bound if bound else largest > 3 * std


@pytest.mark.parametrize(
    "shape, fan_in, fan_out", [(LINEAR, 200, 300), (CONV, 500, 1000)], ids=["linear", "conv"]
)
def test_schemes(shape, fan_in, fan_out):
    root3 = math.sqrt(3)

    def make(fill, **settings):
        return fill(tg.empty(shape), generator=generator(), **settings)

    std = math.sqrt(2 / (fan_in + fan_out))
    check(make(init.xavier_uniform_), std, bound=root3 * std)
    check(make(init.xavier_uniform_, gain=2.0), 2 * std, bound=2 * root3 * std)
    check(make(init.xavier_normal_, gain=3.0), 3 * std)
    for mode, fan in (("fan_in", fan_in), ("fan_out", fan_out)):
        std = math.sqrt(2 / fan)
        check(make(init.kaiming_uniform_, mode=mode), std, bound=root3 * std)
        check(make(init.kaiming_normal_, mode=mode), std)
        check(make(init.kaiming_normal_, mode=mode, nonlinearity="tanh"), 5 / 3 / math.sqrt(fan))
        std = math.sqrt(2 / (1 + 0.25) / fan)
        check(make(init.kaiming_uniform_, a=0.5, mode=mode), std, bound=root3 * std)


def test_plain_distributions():
    w = init.uniform_(tg.empty(200, 200), -1, 3, generator=generator())
    assert w.array.min() >= -1 and w.array.max() < 3
    assert w.array.mean() == pytest.approx(1, abs=0.02)
    assert init.uniform_(tg.empty(100)).array.min() >= 0
    w = init.normal_(tg.empty(200, 200), 5, 0.5, generator=generator())
    check(w - 5, 0.5)


def test_constants():
    assert init.constant_(tg.empty(2, 2), 0.5).tolist() == [[0.5, 0.5]] * 2
    assert init.zeros_(tg.ones(3)).tolist() == [0, 0, 0]
    assert init.ones_(tg.zeros(3)).tolist() == [1, 1, 1]
    assert init.eye_(tg.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


FILLERS = [
    init.uniform_, init.normal_, lambda t: init.constant_(t, 2), init.zeros_, init.ones_, init.eye_,
    init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_,
]  # fmt: skip


@pytest.mark.parametrize("fill", FILLERS)
def test_parameters_are_filled_in_place_and_nothing_is_recorded(fill):
    p = nn.Parameter(tg.full((3, 4), 77.0, dtype=tg.float64))
    assert fill(p) is p
    assert p.is_leaf and p.requires_grad and p.dtype == tg.float64
    assert not (p == 77).any()


@pytest.mark.parametrize(
    "fill",
    [init.uniform_, init.normal_, init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_,
     init.kaiming_normal_],
)  # fmt: skip
def test_randomness_follows_the_generator(fill):
    first = fill(tg.empty(4, 4), generator=generator()).tolist()
    assert fill(tg.empty(4, 4), generator=generator()).tolist() == first
    assert fill(tg.empty(4, 4)).tolist() != first


def test_a_write_is_seen_by_the_check_of_saved_values():
    p = nn.Parameter(tg.ones(2, 2))
    y = (p * p).sum()
    init.zeros_(p)
    with pytest.raises(tg.GraphError, match=r"gradient of mul needs"):
        y.backward()


@pytest.mark.parametrize(
    "name, param, gain",
    [
        ("linear", None, 1), ("conv2d", None, 1), ("sigmoid", None, 1), ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)), ("selu", None, 0.75),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)), ("leaky_relu", 1, 1.0),
    ],
)  # fmt: skip
def test_gains(name, param, gain):
    assert init.calculate_gain(name, param) == pytest.approx(gain, rel=1e-12)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: init.calculate_gain("gelu"), ValueError, r"'nonlinearity': expected one of li"),
        (lambda: init.calculate_gain("leaky_relu", "x"), ValueError, r"'param': expected a numb"),
        (lambda: init.calculate_gain("leaky_relu", True), ValueError, r"'param': expected a numb"),
        (lambda: init.kaiming_uniform_(tg.ones(2, 2), mode="fan"), ValueError,
         r"'mode': expected 'fan_in' or 'fan_out', got 'fan'"),
        (lambda: init.kaiming_normal_(tg.ones(2, 2), nonlinearity="?"), ValueError, r"got '\?'"),
        (lambda: init.kaiming_normal_(tg.ones(2)), tg.ShapeError, r"at least 2 dimensions.*\(2,\)"),
        (lambda: init.xavier_uniform_(tg.ones(2)), tg.ShapeError, r"at least 2 dimensions.*\(2,\)"),
        (lambda: init.xavier_normal_(tg.ones(())), tg.ShapeError, r"at least 2 dimensions"),
        (lambda: init.eye_(tg.ones(2)), tg.ShapeError, r"expected two dimensions, got shape"),
        (lambda: init.uniform_(tg.ones(2), 1, 0), ValueError, r"expected a <= b, got 1 and 0"),
        (lambda: init.normal_(tg.ones(2), 0, -1), ValueError, r"'std': expected at least 0, got"),
        (lambda: init.zeros_([1.0]), tg.DTypeError, r"'tensor': expected a Tensor, got list"),
    ],
)  # fmt: skip
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("fill", [init.kaiming_uniform_, init.kaiming_normal_])
def test_nothing_to_fill(fill):
    w = tg.empty(0, 3)
    with pytest.warns(UserWarning, match=r"nothing to fill in a tensor without elements"):
        assert fill(w) is w
