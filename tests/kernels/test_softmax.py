"""Softmax in both layouts, that of short rows and the other, along every axis."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from tinygrad_edu.kernels import softmax as kernels

SHAPES = [(5, 3), (3, 5, 1), (2, 3, 4), (4, kernels.SHORT), (4, kernels.SHORT + 1), (7,)]
CASES = [(shape, axis) for shape in SHAPES for axis in range(len(shape))]


@pytest.mark.parametrize("shape, axis", CASES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_softmax_and_its_logarithm(shape, axis, order, rng):
    x = np.asarray(rng.standard_normal(shape) * 300, order=order)
    before = x.copy()
    for found, expected in (
        (kernels.softmax(x, axis), scipy.special.softmax(x, axis)),
        (kernels.log_softmax(x, axis), scipy.special.log_softmax(x, axis)),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-300)
        assert found.flags.c_contiguous
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape, axis", CASES)
def test_what_is_laid_out_comes_back(shape, axis):
    x = np.arange(np.prod(shape)).reshape(shape)
    z = kernels.shifted(x, axis)
    assert z.shape == kernels.layout(shape, axis)
    np.testing.assert_array_equal(kernels.restored(z, shape, axis), x - x.max(axis, keepdims=True))
