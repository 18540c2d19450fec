"""The fused norms of channels: any memory order, float32 far from 0, and no writes to the input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu.kernels import norm
from tinygrad_edu.kernels.channels import channel_sums

ORDERS = {2: [(0, 1), (1, 0)], 3: [(0, 1, 2), (0, 2, 1)], 4: [(0, 1, 2, 3), (0, 2, 3, 1)]}


def laid(x: np.ndarray, order: tuple, gaps: bool) -> np.ndarray:
    x = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    return np.repeat(x, 2, axis=-1)[..., ::2] if gaps else x


def kept(numbers: np.ndarray, x: np.ndarray) -> np.ndarray:
    return numbers.reshape(-1, *(1,) * (x.ndim - 2))


@given(st.data())
def test_norms_of_channels_in_any_memory_order(data):
    ndim = data.draw(st.integers(2, 4))
    shape = tuple(data.draw(st.integers(1, 4)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    orders, gaps = st.sampled_from(ORDERS[ndim]), st.booleans()
    x = laid(rng.standard_normal(shape), data.draw(orders), data.draw(gaps))
    g = laid(rng.standard_normal(shape), data.draw(orders), data.draw(gaps))
    weight, bias = (kept(rng.standard_normal(shape[1]), x) for _ in range(2))
    before, dim = x.copy(), (0, *range(2, ndim))
    np.testing.assert_allclose(channel_sums(x), x.sum(dim), rtol=0, atol=1e-12)

    centred, centre, spread = norm.moments(x, dim)
    np.testing.assert_allclose(centre, x.mean(dim, keepdims=True), rtol=0, atol=1e-12)
    np.testing.assert_allclose(spread, x.var(dim, keepdims=True), rtol=0, atol=1e-12)
    scale = 1 / np.sqrt(spread + 0.1)
    hat = (x - centre) * scale
    out = norm.scaled(centred, scale, weight, bias, dim)
    np.testing.assert_allclose(out, hat * weight + bias, rtol=0, atol=1e-12)

    gi, gw, gb = norm.gradients(g, x, weight, centre, scale, dim, (True, True, True))
    h = g * weight
    expected = scale * (h - h.mean(dim, keepdims=True) - hat * (h * hat).mean(dim, keepdims=True))
    np.testing.assert_allclose(gi, expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(gw, (g * hat).sum(dim).reshape(weight.shape), rtol=0, atol=1e-11)
    np.testing.assert_allclose(gb, g.sum(dim).reshape(bias.shape), rtol=0, atol=1e-11)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("order", ORDERS[4])
def test_the_variance_survives_a_large_mean(rng, order):
    """In float32 the mean square of numbers near 3000 has a spacing of 1: half of this variance."""
    x = laid(rng.standard_normal((16, 3, 8, 8)) + 3000, order, False).astype(np.float32)
    _, _, spread = norm.moments(x, (0, 2, 3))
    exact = x.astype(np.float64).var((0, 2, 3))
    np.testing.assert_allclose(spread.reshape(-1), exact, rtol=1e-3)
    assert spread.dtype == np.float32
