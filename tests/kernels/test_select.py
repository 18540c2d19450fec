"""Choices by bits and by rows: the same as NumPy's, to the bit, in any memory order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygrad_edu.kernels import select

SPECIAL = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-310]
SHAPES = [(3, select.LARGE), (select.LARGE + 5,), (2, 3, 80, 50)]


def values(shape: tuple, dtype: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape).astype(dtype)
    x.reshape(-1)[: 10 * len(SPECIAL)] = np.repeat(SPECIAL, 10)
    return rng.permutation(x.reshape(-1)).reshape(shape)


def bits(x: np.ndarray) -> bytes:
    return x.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "float16"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_where(shape, dtype):
    a, b = values(shape, dtype="float64", seed=1), values(shape, dtype="float64", seed=2)
    with np.errstate(invalid="ignore"):
        a, b = a.astype(dtype), b.astype(dtype)
    mask = np.random.default_rng(0).random(shape) < 0.5
    one = a[..., :1].reshape(-1)[0]
    operands = [a, b, a[..., :1], a[:1], np.asarray(one), 0.0, 2]
    for x, y in itertools.permutations(operands, 2):
        got, expected = select.where(mask, x, y), np.where(mask, x, y)
        assert got.dtype == expected.dtype and bits(got) == bits(expected)
    some = mask[:1]
    assert bits(select.where(some, a, b)) == bits(np.where(some, a, b))


def test_where_of_unequal_dtypes():
    mask = np.random.default_rng(0).random(select.LARGE) < 0.5
    a = np.ones(mask.shape, np.float32)
    for b in (np.ones(mask.shape), np.float64(2), np.arange(mask.size)):
        assert select.where(mask, a, b).dtype == np.where(mask, a, b).dtype == np.float64


LAYOUTS = {
    "rows": lambda x: x,
    "columns": lambda x: np.asfortranarray(x),
    "channels last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
    "reversed": lambda x: x[:, ::-1],
    "gaps": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "expanded": lambda x: np.broadcast_to(x[:, :1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum])
def test_bounded(ufunc, dtype, layout):
    x = LAYOUTS[layout](values((3, 70, 100), dtype, 0))
    before = x.copy()
    for number in (0, 0.5, -np.inf, np.nan, x.dtype.type(2)):
        got, expected = select.bounded(ufunc, x, number), ufunc(x, number)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, expected)
        if layout not in ("reversed", "expanded"):
            assert got.strides == expected.strides
    assert bits(x) == bits(before)
