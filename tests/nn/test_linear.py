"""Linear and Bilinear."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
def test_linear_is_input_times_transposed_weight_plus_bias(shape, rng):
    layer = nn.Linear(3, 4).double()
    x = rng.standard_normal(shape)
    expected = x @ layer.weight.array.T + layer.bias.array
    np.testing.assert_allclose(layer(tg.tensor(x)).detach(), expected, rtol=1e-14)


def test_linear_without_bias():
    layer = nn.Linear(3, 4, bias=False)
    assert layer.bias is None and list(layer.state_dict()) == ["weight"]
    assert layer(tg.zeros(2, 3)).tolist() == [[0] * 4] * 2


def test_linear_gradients():
    layer = nn.Linear(3, 2).double()
    x = tg.randn(4, 3, dtype=tg.float64, requires_grad=True)
    assert tg.gradcheck(tg.linear, (x, layer.weight, layer.bias))


def test_linear_starts_uniform_within_one_over_root_fan_in():
    tg.manual_seed(0)
    layer = nn.Linear(100, 400)
    for p in layer.parameters():
        assert abs(p.array).max() <= 0.1
        assert abs(p.array).max() > 0.097
        assert p.array.std() == pytest.approx(0.1 / 3**0.5, rel=0.05)
        assert abs(p.array.mean()) < 0.01


def test_linear_starts_as_the_seed_says():
    first, second = (tg.manual_seed(3) and nn.Linear(4, 5).state_dict() for _ in range(2))
    assert all((first[key] == second[key]).all() for key in first)
    layer = nn.Linear(4, 5)
    before = layer.weight.tolist()
    layer.reset_parameters()
    assert layer.weight.tolist() != before


def test_linear_dtype_and_device():
    assert nn.Linear(2, 2, device="cpu", dtype=tg.float64).bias.dtype == tg.float64
    with pytest.raises(ValueError, match=r"expected 'cpu', got 'cuda'"):
        nn.Linear(2, 2, device="cuda")


def test_linear_of_nothing():
    assert warned(3, 0)(tg.ones(2, 3)).shape == (2, 0)
    layer = warned(0, 3)
    assert layer.bias.tolist() == [0, 0, 0]
    assert layer(tg.ones(2, 0)).shape == (2, 3)


def warned(n, m):
    with pytest.warns(UserWarning, match=r"nothing to fill"):
        return nn.Linear(n, m)


@pytest.mark.parametrize("sizes", [(-1, 2), (2, -1), (2.0, 2), ("2", 2), (True, 2)])
def test_linear_refuses_sizes(sizes):
    with pytest.raises(ValueError, match=r"Linear: argument '(in|out)_features': expected an int"):
        nn.Linear(*sizes)


def test_linear_refuses_inputs():
    with pytest.raises(tg.ShapeError, match=r"linear: expected input \(..., 3\).*got \(5, 4\)"):
        nn.Linear(3, 2)(tg.ones(5, 4))
    with pytest.raises(tg.DTypeError, match=r"linear: expected inputs of one dtype"):
        nn.Linear(3, 2)(tg.ones(5, 3, dtype=tg.float64))


# --- bilinear -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (5,), (2, 5), (0,)])
def test_bilinear_is_the_weighted_sum_of_all_products(shape, rng):
    layer = nn.Bilinear(3, 4, 2).double()
    a, b = rng.standard_normal((*shape, 3)), rng.standard_normal((*shape, 4))
    expected = np.einsum("...i,kij,...j->...k", a, layer.weight.array, b) + layer.bias.array
    np.testing.assert_allclose(layer(tg.tensor(a), tg.tensor(b)).detach(), expected, rtol=1e-12)


def test_bilinear_starts_uniform_within_one_over_root_of_the_first_features():
    tg.manual_seed(0)
    layer = nn.Bilinear(100, 7, 400)
    for p in layer.parameters():
        assert 0.097 < abs(p.array).max() <= 0.1
        assert p.array.std() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert nn.Bilinear(3, 4, 2, bias=False).bias is None


def test_bilinear_refuses():
    with pytest.raises(ValueError, match=r"Bilinear: argument 'in1_features': expected an integer"):
        nn.Bilinear(0, 4, 2)
    with pytest.raises(tg.ShapeError, match=r"bilinear: expected input1 \(..., C\).*got \(5, 3\)"):
        nn.Bilinear(3, 4, 2)(tg.ones(5, 3), tg.ones(4, 4))
    with pytest.raises(tg.DTypeError, match=r"bilinear: expected inputs of one dtype"):
        nn.Bilinear(3, 4, 2)(tg.ones(5, 3), tg.ones(5, 4).double())
