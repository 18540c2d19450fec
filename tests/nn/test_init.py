"""Where learning starts."""

from __future__ import annotations

import math

import numpy as np
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


@pytest.mark.parametrize(
    "settings, mean, std",
    [
        ({}, 0, 0.8796256610342398),  # of scipy.stats.truncnorm
        ({"mean": 1, "std": 0.5, "a": 0.5, "b": 9}, 1.1437987477946297, 0.39348466214893625),
        ({"a": 5, "b": 6}, 5.183147090477182, 0.17161710511611844),
        ({"a": -6, "b": -5}, -5.183147090477182, 0.17161710511611844),
        ({"a": 50, "b": 51}, 50.019984031902176, 0.019976069686804727),
        ({"std": 3, "a": 0, "b": math.inf}, 3 * 0.7978845608028654, 3 * 0.6028102749890869),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:trunc_normal_")
def test_truncated_normal(settings, mean, std):
    w = init.trunc_normal_(tg.empty(400, 500, dtype=tg.float64), **settings, generator=generator())
    assert w.array.min() >= settings.get("a", -2) and w.array.max() <= settings.get("b", 2)
    assert w.array.mean() == pytest.approx(mean, abs=4 * std / math.sqrt(w.numel()))
    assert w.array.std() == pytest.approx(std, rel=0.01)


def test_truncated_normal_warns_of_bounds_that_are_meant_as_multiples():
    with pytest.warns(UserWarning, match=r"mean 10.0 is more than 2 std from \[-2.0, 2.0\]"):
        w = init.trunc_normal_(tg.empty(5), 10.0)
    assert (w <= 2).all()
    assert init.trunc_normal_(tg.empty(3), a=1.5, b=1.5).tolist() == [1.5] * 3
    assert init.trunc_normal_(tg.empty(0, 2)).shape == (0, 2)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5), (3, 2, 2, 2), (6, 1, 2)], ids=str)
def test_orthogonal(shape):
    w = init.orthogonal_(tg.empty(shape, dtype=tg.float64), gain=3.0, generator=generator())
    a = w.array.reshape(shape[0], -1)
    product = a @ a.T if a.shape[0] < a.shape[1] else a.T @ a
    np.testing.assert_allclose(product, 9 * np.eye(len(product)), atol=1e-13)


def test_orthogonal_matrices_have_no_favourite_signs():
    many = [init.orthogonal_(tg.empty(2, 2), generator=g).array for g in [generator()] * 400]
    np.testing.assert_allclose(np.mean(many, axis=0), 0, atol=0.15)
    assert np.mean([np.linalg.det(w) for w in many]) == pytest.approx(0, abs=0.2)


def test_dirac_passes_channels_on():
    x = tg.arange(2.0 * 3 * 5 * 5).reshape(2, 3, 5, 5)
    w = init.dirac_(tg.empty(4, 3, 3, 3))
    y = tg.conv2d(x, w, padding=1)
    assert y[:, :3].tolist() == x.tolist() and not y[:, 3].any()
    grouped = init.dirac_(tg.empty(6, 1, 3), groups=3)
    assert grouped.sum((1, 2)).tolist() == [1, 0] * 3 and grouped[:, 0, 1].tolist() == [1, 0] * 3


@pytest.mark.parametrize("sparsity, zeros", [(0, 0), (0.25, 13), (0.5, 25), (1, 50)])
def test_sparse(sparsity, zeros):
    w = init.sparse_(tg.empty(50, 40), sparsity, std=0.3, generator=generator()).array
    assert ((w == 0).sum(0) == zeros).all()
    if zeros == 0:
        check(tg.tensor(w), 0.3)
    elif zeros < 50:  # in other rows from column to column
        assert len({tuple(column == 0) for column in w.T}) > 30


FILLERS = [
    init.trunc_normal_, init.orthogonal_, lambda t: init.sparse_(t, 0.5),
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
     init.kaiming_normal_, init.trunc_normal_, init.orthogonal_,
     lambda t, **how: init.sparse_(t, 0.5, **how)],
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
        (lambda: init.trunc_normal_(tg.ones(2), a=1, b=-1), ValueError, r"a <= b, got 1 and -1"),
        (lambda: init.trunc_normal_(tg.ones(2), std=0), ValueError, r"'std': expected more than 0"),
        (lambda: init.trunc_normal_(tg.arange(2)), tg.DTypeError, r"trunc_normal_: expected a ten"),
        (lambda: init.orthogonal_(tg.ones(2)), tg.ShapeError, r"at least two dimensions, got sha"),
        (lambda: init.orthogonal_(tg.ones(2, 2).long()), tg.DTypeError, r"a tensor of floats, got"),
        (lambda: init.dirac_(tg.ones(2, 2)), tg.ShapeError, r"'tensor': expected 3, 4 or 5 dimen"),
        (lambda: init.dirac_(tg.ones(3, 2, 2), 2), tg.ShapeError, r"'groups': expected a divisor"),
        (lambda: init.sparse_(tg.ones(2), 0.5), tg.ShapeError, r"expected two dimensions, got sh"),
        (lambda: init.sparse_(tg.ones(2, 2), 1.5), ValueError, r"'sparsity': expected a fraction"),
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


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_orthogonal_of_nothing(shape):
    assert init.orthogonal_(tg.empty(shape)).shape == shape


def test_dirac_and_sparse_of_nothing():
    assert init.dirac_(tg.empty(0, 3, 3)).shape == (0, 3, 3)
    assert init.sparse_(tg.empty(0, 3), 0.5).shape == (0, 3)
