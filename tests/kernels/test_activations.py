"""Activations in few passes: SciPy's values and derivatives, to the last digits and far out."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from tinygrad_edu.kernels import activations as kernels

FAR = [0.0, -0.0, 1e-30, 1e4, -1e4, np.inf, -np.inf, np.nan]


def numbers(dtype: str, *special: float) -> np.ndarray:
    """Enough to go the fast way, from the middle and the tails, and special ones."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20_000) * rng.choice([1e-3, 1, 10], 20_000)
    return np.append(x, special).astype(dtype)


@pytest.fixture(params=["float32", "float64"])
def x(request):
    return numbers(request.param, *FAR)


def close(got, expected, units=4, absolute=0.0):
    eps = np.finfo(got.dtype).eps
    np.testing.assert_allclose(got, expected.astype(got.dtype), rtol=units * eps, atol=absolute)


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


def test_sigmoid_keeps_its_tail(x):
    close(kernels.sigmoid(x), scipy.special.expit(x.astype("f8")))


def test_softplus_keeps_its_tail(x):
    expected = np.logaddexp(x.astype("f8"), 0)
    close(kernels.log1p_exp(x), expected)
    close(kernels.softplus(x, 1.0, 20.0), np.where(x > 20, x, expected))
    close(kernels.softplus_slope(x, 1.0, np.inf), scipy.special.expit(x.astype("f8")))


def test_log_add_exp(x):
    for y in (x, x[::-1].copy(), x.dtype.type(0.5), x.dtype.type(-np.inf)):
        expected = np.logaddexp(x, y)
        close(kernels.log_add_exp(x, y), expected, absolute=np.finfo(x.dtype).eps)


@pytest.mark.parametrize("alpha, width", [(1.0, 1.0), (0.5, 1.0), (2.0, 2.0)])
def test_exponential_linear_units(x, alpha, width):
    wide = x.astype("f8")
    negative = np.expm1(np.minimum(wide, 0) / width) * alpha
    close(kernels.elu(x, alpha, width), np.where(wide > 0, wide, negative), 16)
    slope = np.exp(np.minimum(wide, 0) / width) * alpha
    close(kernels.elu_slope(x, alpha, width), np.where(wide > 0, 1, slope), 16)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_gelu_and_its_slope(dtype):
    x = numbers(dtype, 0.0, 60.0, -60.0, np.nan, 5.4, -5.4, 5.6, -5.6)
    wide = x.astype("f8")
    chance = scipy.special.ndtr(wide)
    density = np.exp(-0.5 * wide * wide) / np.sqrt(2 * np.pi)
    got, below = kernels.gelu(x, "none")
    slope = kernels.gelu_slope(x, below, "none")
    assert got.dtype == below.dtype == slope.dtype == x.dtype
    # PyTorch's float32, which takes 1 + erf(x), is no nearer to the chance than 1e-7 either.
    unit = max(float(np.finfo(dtype).eps), 1e-15)
    np.testing.assert_allclose(below, chance, rtol=0, atol=1.5 * unit)
    np.testing.assert_allclose(got, wide * chance, rtol=4 * unit, atol=10 * unit)
    np.testing.assert_allclose(slope, chance + wide * density, rtol=4 * unit, atol=4 * unit)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_by_tanh(dtype):
    x = numbers(dtype, 0.0, 60.0, -60.0)
    wide = x.astype("f8")
    expected = 0.5 * wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))
    close(kernels.gelu(x, "tanh")[0], expected, absolute=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_of_half_precision_keeps_what_is_small(approximate):
    x = np.linspace(-4, 0, 100).astype("float16")
    got, below = kernels.gelu(x, approximate)
    exact, chance = kernels.gelu(x.astype("float64"), approximate)
    np.testing.assert_allclose(got, exact, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(below, chance, rtol=1e-3, atol=1e-6)


def test_score_loss_is_exact_where_it_is_tiny(x):
    x = x[np.isfinite(x)]
    wide = x.astype("f8")
    for t in (0, 1):
        expected = -scipy.special.log_expit(wide if t else -wide)
        close(kernels.score_loss(x, np.full_like(x, t)), expected)
