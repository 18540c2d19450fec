"""Boundaries of products, norms, medians and matrices: zeros, ties, nan, what is singular."""

from __future__ import annotations

from itertools import permutations
from math import prod

import numpy as np
import pytest

import tinygrad_edu as tg

INF, NAN = float("inf"), float("nan")


def leaf(data) -> tg.Tensor:
    return tg.tensor(np.array(data, np.float64), requires_grad=True)


def gradient(output: tg.Tensor, x: tg.Tensor, **how) -> tg.Tensor:
    return tg.autograd.grad(output, [x], **how)[0]


# --- products with zeros ------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [[2, 3, 4], [0, 3, 4, 5], [2, 0, 0, 5], [0, 0, 0], [7], []])
def test_gradients_of_prod_are_exact_with_zeros(numbers):
    x, n = leaf(numbers), len(numbers)
    first = gradient(tg.prod(x), x, create_graph=True)
    without = [prod(v for k, v in enumerate(numbers) if k != i) for i in range(n)]
    assert first.tolist() == without
    for i in range(n):
        second = gradient(first[i], x, retain_graph=True)
        both = [prod(v for k, v in enumerate(numbers) if k not in (i, j)) for j in range(n)]
        assert second.tolist() == [0 if j == i else v for j, v in enumerate(both)]


@pytest.mark.parametrize("numbers", [[2, 3, 4], [0, 3, 4, 5], [2, 0, 0, 5]])
def test_gradients_of_cumprod_are_exact_with_zeros(numbers):
    x, n = leaf(numbers), len(numbers)
    y = tg.cumprod(x, 0)
    for last in range(n):  # each result is the product of a start
        first = gradient(y[last], x, create_graph=True)
        for i, j in permutations(range(last + 1), 2):
            second = gradient(first[i], x, retain_graph=True)
            rest = [v for k, v in enumerate(numbers[: last + 1]) if k not in (i, j)]
            assert second[j].item() == prod(rest)
        for i in range(n):
            rest = [v for k, v in enumerate(numbers[: last + 1]) if k != i]
            assert first[i].item() == (prod(rest) if i <= last else 0)


def test_integers_add_and_multiply_in_int64():
    x = tg.tensor([100, 100], dtype=tg.uint8)
    for function in (tg.cumsum, tg.cumprod):
        assert function(x, 0).dtype == tg.int64
    assert tg.prod(x).item() == 10_000
    assert tg.cumsum(x, 0, dtype=tg.float64).dtype == tg.float64


def test_dtype_of_a_scan_is_not_that_of_its_gradient():
    x = tg.ones(3, requires_grad=True)
    tg.cumsum(x, 0, dtype=tg.float64).sum().backward()
    assert x.grad.dtype == tg.float32
    assert x.grad.tolist() == [3, 2, 1]


# --- medians and nan ----------------------------------------------------------------------------


def test_median_is_the_lower_one_and_shares_its_gradient():
    x = leaf([2, 1, 2, 1, 2, 9])
    tg.median(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.array([1, 0, 1, 0, 1, 0]) / 3)


def test_median_of_nan_is_nan():
    x = leaf([[1, NAN, 2], [4, 3, 5]])
    values, indices = tg.median(x, 1)
    np.testing.assert_array_equal(values.detach().numpy(), [NAN, 4])
    assert indices.tolist() == [1, 0]
    tg.median(x).backward()
    assert x.grad.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert np.isnan(tg.median(tg.zeros(0)).item())


def test_nansum_and_nanmean_pass_over_nan():
    x = leaf([[1, NAN, 3], [NAN, NAN, NAN]])
    np.testing.assert_array_equal(tg.nansum(x, 1).detach().numpy(), [4, 0])
    np.testing.assert_array_equal(tg.nanmean(x, 1).detach().numpy(), [2, NAN])
    tg.nanmean(x).backward()
    assert x.grad.tolist() == [[0.5, 0, 0.5], [0, 0, 0]]
    with pytest.raises(TypeError, match="nanmean: expected floating-point"):
        tg.nanmean(tg.arange(3))


# --- norms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, INF, -1, -INF])
def test_gradient_of_a_norm_is_0_at_0(p):
    x = leaf([0, 0, 0])
    tg.linalg.vector_norm(x, p).backward()
    assert x.grad.tolist() == [0, 0, 0]


def test_second_gradient_of_a_norm_at_0_is_finite():
    x = leaf([0, 0])
    first = gradient(x.norm(), x, create_graph=True)
    assert gradient(first.sum(), x).tolist() == [0, 0]


def test_order_0_counts_and_infinite_orders_share():
    x = leaf([3, 0, -3])
    assert tg.linalg.vector_norm(x, 0).item() == 2
    tg.linalg.vector_norm(x, INF).backward()
    assert x.grad.tolist() == [0.5, 0, -0.5]


def test_norms_of_nothing_and_of_integers():
    assert tg.linalg.vector_norm(tg.zeros(0)).item() == 0
    with pytest.raises(IndexError, match=r"vector_norm: .*at least one element for order inf"):
        tg.linalg.vector_norm(tg.zeros(0), INF)
    for function in (tg.norm, tg.linalg.norm, tg.linalg.vector_norm, tg.linalg.matrix_norm):
        with pytest.raises(TypeError, match="expected floating-point elements, got int64"):
            function(tg.ones(2, 2, dtype=tg.int64))


@pytest.mark.parametrize("n", [3, 40])  # by differences, and by a product of matrices
def test_distance_of_a_point_to_itself_has_gradient_0(n):
    x = leaf(np.repeat([[1.0, 2.0]], n, 0))
    y = leaf([[1, 2], [4, 6]])
    out = tg.cdist(x, y)
    assert out[0].tolist() == [0, 5]
    assert np.isfinite(gradient(out.sum(), x).numpy()).all()
    assert gradient(tg.cdist(x, y)[:, 0].sum(), y).tolist() == [[0, 0], [0, 0]]


# --- products -----------------------------------------------------------------------------------


def test_with_beta_0_not_even_nan_counts():
    bad = tg.full((2, 2), NAN)
    assert tg.addmm(bad, tg.eye(2), tg.eye(2), beta=0).tolist() == [[1, 0], [0, 1]]


def test_factors_of_integers_are_whole():
    """As in PyTorch: what is behind the point is dropped."""
    a = tg.ones(2, 2, dtype=tg.int64)
    assert tg.addmm(a, a, a, alpha=1.7).tolist() == [[3, 3], [3, 3]]


def test_products_refuse_mixed_dtypes():
    x = tg.eye(2)
    with pytest.raises(TypeError, match="addmm: expected inputs of one dtype, got float64"):
        tg.addmm(x.double(), x, x)


def test_tensordot_sums_against_a_dim_of_size_1():
    a, b = leaf(np.ones((2, 1))), leaf(np.arange(3.0)[:, None])
    assert tg.tensordot(a, b, 1).tolist() == [[3], [3]]


# --- square matrices ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "matrix",
    [[[1, 1], [1, 1]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.diag([0, 2, 3]), np.zeros((2, 2))],
    ids=["ones", "rank two", "diagonal", "zeros"],
)
def test_gradients_of_det_are_exact_for_singular_matrices(matrix):
    A = leaf(matrix)
    n = len(matrix)
    first = gradient(tg.det(A), A, create_graph=True)

    def minor(M, rows, columns):
        return np.linalg.det(np.delete(np.delete(M, rows, 0), columns, 1))

    M = A.detach().numpy()
    for i, j in np.ndindex(n, n):
        assert first[i, j].item() == pytest.approx((-1) ** (i + j) * minor(M, i, j), abs=1e-9)
        second = gradient(first[i, j], A, retain_graph=True).numpy()
        for k, m in np.ndindex(n, n):
            if k in (i,) or m in (j,):
                expected = 0
            else:
                sign = (-1) ** (i + j + k + m) * (-1) ** ((k > i) + (m > j))
                expected = sign * minor(M, [i, k], [j, m])
            assert second[k, m] == pytest.approx(expected, abs=1e-9)


def test_slogdet_where_det_overflows():
    sign, logabsdet = tg.linalg.slogdet(tg.eye(400, dtype=tg.float64) * -10)
    assert sign.item() == 1
    assert logabsdet.item() == pytest.approx(400 * np.log(10))
    assert tg.linalg.slogdet(tg.zeros(2, 2)).logabsdet.item() == -INF


def test_singular_and_indefinite_matrices_are_refused():
    ones = tg.ones(3, 3)
    for call in (lambda: tg.inverse(ones), lambda: tg.linalg.solve(ones, tg.ones(3))):
        with pytest.raises(tg.linalg.LinAlgError, match=r"expected invertible.*shape \(3, 3\)"):
            call()
    with pytest.raises(RuntimeError, match=r"^cholesky: .*expected positive definite"):
        tg.linalg.cholesky(-tg.eye(2))


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky"])
def test_matrices_of_integers_are_refused(name):
    with pytest.raises(TypeError, match=rf"^{name}: .*expected floating-point elements, got int64"):
        getattr(tg.linalg, name)(tg.ones(2, 2, dtype=tg.int64))


def test_matrices_without_elements():
    empty = tg.zeros(0, 0)
    assert tg.det(empty).item() == 1
    assert tg.inverse(empty).shape == (0, 0)
    assert tg.linalg.solve(empty, tg.zeros(0, 2)).shape == (0, 2)
