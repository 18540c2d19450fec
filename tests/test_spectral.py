"""Singular values and eigenvalues: where they are equal, 0 or none, and norms made of them."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg

try:
    import torch
except ImportError:
    torch = None

INF, NAN = float("inf"), float("nan")
needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
SHAPES = [(3, 3), (4, 2), (2, 4), (2, 3, 3)]


def leaf(data) -> tg.Tensor:
    return tg.tensor(np.array(data, np.float64), requires_grad=True)


def matrices(shape) -> np.ndarray:
    """Their singular values lie apart."""
    drawn = np.random.default_rng(0).standard_normal(shape)
    return drawn + 3 * np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_factors_multiply_to_the_matrix(shape, full):
    A = matrices(shape)
    U, S, Vh = tg.linalg.svd(tg.tensor(A), full_matrices=full)
    k = min(shape[-2:])
    np.testing.assert_allclose(((U[..., :k] * S[..., None, :]) @ Vh[..., :k, :]).numpy(), A)
    np.testing.assert_allclose(U.mT @ U, np.zeros_like(U.mT @ U) + np.eye(U.shape[-1]), atol=1e-12)
    values, V = tg.linalg.eigh(tg.tensor(A @ A.swapaxes(-1, -2)))
    np.testing.assert_allclose((V @ (values[..., None] * V.mT)).numpy(), A @ A.swapaxes(-1, -2))
    np.testing.assert_allclose(values.sqrt().flip(-1)[..., :k], S)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_through_vectors_whose_signs_do_not_matter(shape, full):
    """A polar factor and squares of elements, to the second order."""
    k = min(shape[-2:])

    def loss(A):
        U, S, Vh = tg.linalg.svd(A, full)
        U, Vh = U[..., :k], Vh[..., :k, :]
        return (U @ Vh).sin().sum() + (U * U * S[..., None, :]).cos().sum() + (Vh**2).exp().sum()

    A = tg.tensor(matrices(shape), requires_grad=True)
    assert tg.gradcheck(loss, (A,))
    assert tg.gradgradcheck(loss, (A,))


def test_gradients_through_eigenvectors():
    def loss(A):
        values, V = tg.linalg.eigh(A + A.mT)
        return (V * V * values.sin()[..., None, :]).sin().sum()

    A = tg.tensor(matrices((2, 3, 3)), requires_grad=True)
    assert tg.gradcheck(loss, (A,))
    assert tg.gradgradcheck(loss, (A,))


# --- equal values, zeros, nothing -----------------------------------------------------------------


def polar(A):
    U, _, Vh = np.linalg.svd(A, full_matrices=False)
    return U @ Vh


@pytest.mark.parametrize(
    "A", [np.eye(3), np.ones((3, 2)), np.diag([2.0, 2.0, 1.0])], ids=["equal", "rank 1", "pair"]
)
def test_values_have_exact_gradients_whatever_the_vectors(A):
    for values in (tg.linalg.svdvals, lambda x: tg.linalg.svd(x).S):
        x = leaf(A)
        values(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), polar(A), atol=1e-12)


def test_equal_eigenvalues():
    for values in (tg.linalg.eigvalsh, lambda x: tg.linalg.eigh(x).eigenvalues):
        x = leaf(np.eye(3))
        (values(x) ** 2).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * np.eye(3), atol=1e-12)


def test_vectors_of_equal_values_have_no_gradient():
    x = leaf(np.eye(2))
    (tg.linalg.svd(x).U * tg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=tg.float64)).sum().backward()
    assert not np.isfinite(x.grad.numpy()).all()


def test_the_vectors_beyond_the_first_have_no_gradient():
    x = leaf(matrices((4, 2)))
    tg.linalg.svd(x).U[:, 2:].sum().backward()
    assert not x.grad.numpy().any()


NORMS = [
    pytest.param(np.array(A, np.float64), order, id=f"{order} of {name}")
    for order in (1, INF, 2, -2, "nuc")
    for name, A in {
        "zeros": np.zeros((2, 3)), "identity": np.eye(2), "rank 1": np.ones((3, 3)),
        "no rows": np.zeros((0, 3)), "no columns": np.zeros((3, 0)), "none": np.zeros((0, 2, 2)),
        "empty ones": np.zeros((2, 0, 3)),
    }.items()
]  # fmt: skip


@pytest.mark.parity
@needs_torch
@pytest.mark.parametrize("A, order", NORMS)
def test_norms_of_singular_matrices_are_pytorchs(A, order):
    theirs, mine = torch.from_numpy(A.copy()).requires_grad_(), leaf(A)
    try:
        expected = torch.linalg.matrix_norm(theirs, order)
    except IndexError:
        with pytest.raises(IndexError, match="expected at least one element"):
            tg.linalg.matrix_norm(mine, order)
        return
    found = tg.linalg.matrix_norm(mine, order)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), atol=1e-12)
    if not expected.requires_grad:  # of nothing PyTorch makes a constant
        return
    found.sum().backward()
    expected.sum().backward()
    if A.size and A.all() and order in (-2, "nuc"):  # the vectors of equal values are any
        np.testing.assert_allclose((mine.grad.numpy() * A).sum(), found.detach(), atol=1e-12)
    else:
        np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), atol=1e-12)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["svd", "svdvals"])
def test_matrices_without_singular_values(name):
    function = getattr(tg.linalg, name)
    with pytest.raises(tg.linalg.LinAlgError, match=rf"^{name}: .*did not converge; it holds inf"):
        function(tg.full((2, 2), NAN))
    with pytest.raises(RuntimeError, match=rf"^{name}: .*expected matrices .*got shape \(3,\)"):
        function(tg.ones(3))
    with pytest.raises(TypeError, match=rf"^{name}: .*expected floating-point elements, got int64"):
        function(tg.ones(2, 2, dtype=tg.int64))


@pytest.mark.parametrize("name", ["eigh", "eigvalsh"])
def test_a_triangle_is_upper_or_lower(name):
    function = getattr(tg.linalg, name)
    with pytest.raises(RuntimeError, match=rf"^{name}: argument 'UPLO': expected 'L' or 'U'"):
        function(tg.eye(2), UPLO="both")
    assert function(tg.eye(2), "u") is not None


def test_orders_that_are_no_norms_of_matrices():
    with pytest.raises(RuntimeError, match="matrix_norm: argument 'ord': expected 'fro', 'nuc'"):
        tg.linalg.matrix_norm(tg.eye(2), 3)
