"""Singular values and eigenvalues of matrices, and the vectors that belong to them.

Leading dims are batches. A factorisation has several results and a node has one, so the factors
are computed as one array, side by side in its last dim, and taken apart by slices. Where values
are equal their vectors are not determined: a gradient through them is inf or nan, and one that
needs the values alone is exact. Source of the gradients: Giles (2008), Collected matrix derivative
results; Townsend (2016), Differentiating the singular value decomposition.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import LinAlgError, SettingError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.shape import reshape, unsqueeze
from tinygrad_edu.ops.solve import check_floats, check_square

__all__: list[str] = []  # functions of `tg.linalg` alone


def _factors(function: Callable, A: np.ndarray, *settings: Any) -> np.ndarray:
    """What a factorisation of np.linalg returns, as one array."""
    parts = _converged(function, A, *settings)
    batch = A.shape[:-2]
    return np.concatenate([x.reshape(*batch, prod(x.shape[len(batch) :])) for x in parts], -1)


def _converged(function: Callable, A: np.ndarray, *settings: Any, **named: Any) -> Any:
    try:
        return function(A, *settings, **named)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "argument 'A': expected a matrix whose factors can be found, and the search did not "
            f"converge{'' if np.isfinite(A).all() else '; it holds inf or nan'}"
        ) from None


def _taken_apart(packed: Any, *shapes: tuple) -> list:
    parts, start = [], 0
    for shape in shapes:
        stop = start + prod(shape)
        parts.append(reshape(packed[..., start:stop], (*packed.shape[:-1], *shape)))
        start = stop
    return parts


def _ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 for 0 / 0: what does not depend on the vectors needs no difference of values."""
    none = (a == 0) & (b == 0)
    return where(none, 0.0, a / where(none, 1.0, b))


# --- singular values ----------------------------------------------------------------------------


class SVD(NamedTuple):
    """What `svd` returns."""

    U: Any
    S: Any
    Vh: Any


@op(name="svd", dtype=None)
def singular_factors(A: Any, /, full_matrices: bool) -> Any:
    """U, S and Vh of each matrix in one array: behind `svd`, whose gradient this is."""
    _check_matrix(A)
    return _factors(np.linalg.svd, A, full_matrices)


@singular_factors.rule
def singular_factors_rule(g, A_shape, out, full_matrices):
    m, n = A_shape[-2:]
    U, s, Vh = _thin(out, m, n, full_matrices)
    gU, gs, gVh = _thin(g, m, n, full_matrices)
    row, column = unsqueeze(s, -2), unsqueeze(s, -1)
    gaps = row * row - column * column
    left, right = U.mT @ gU, Vh @ gVh.mT
    inner = _ratio(left - left.mT, gaps) * row + column * _ratio(right - right.mT, gaps)
    gA = U @ (inner + _diagonal(gs)) @ Vh
    if m > n:  # a change of U out of the space that its columns span
        gA = gA + _ratio(gU - U @ left, row) @ Vh
    if n > m:
        gA = gA + U @ _ratio(gVh - right.mT @ Vh, column)
    return gA


def _thin(packed: Any, m: int, n: int, full_matrices: bool) -> tuple:
    """U, S and Vh without the vectors that belong to no singular value."""
    k = min(m, n)
    U, s, Vh = _taken_apart(packed, *_sizes(m, n, full_matrices))
    return U[..., :k], s, Vh[..., :k, :]


def _sizes(m: int, n: int, full_matrices: bool) -> tuple:
    k = min(m, n)
    return ((m, m), (k,), (n, n)) if full_matrices else ((m, k), (k,), (k, n))


def _diagonal(values: Any) -> Any:
    return unsqueeze(values, -1) * np.eye(values.shape[-1], dtype=values.dtype)


@composite
def svd(A: Any, full_matrices: bool = True) -> SVD:
    """The singular value decomposition A = U diag(S) Vh of each matrix.

    U and Vh have orthonormal columns and rows; the singular values S descend. The sign of each
    pair of vectors is not determined, nor are the vectors of equal singular values.
    Shapes: (..., m, n) -> (..., m, m), (..., k), (..., n, n) with k = min(m, n); without
    `full_matrices` (..., m, k), (..., k), (..., k, n). Gradient: with F[i, j] =
    1 / (S[j]^2 - S[i]^2) off the diagonal, P = U^T gU and Q = V^T gV, it is
    U ((F (P - P^T)) diag(S) + diag(S) (F (Q - Q^T)) + diag(gS)) Vh, and for matrices that are not
    square (I - U U^T) gU diag(1/S) Vh or U diag(1/S) gVh (I - V V^T) more; the vectors beyond the
    first k have none. Errors: ShapeError for fewer than two dims, LinAlgError for nan,
    DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> U, S, Vh = tg.linalg.svd(tg.tensor([[0.0, 2.0], [1.0, 0.0]])); S
    tensor([2., 1.])
    """
    packed = singular_factors(A, full_matrices)
    m, n = A.shape[-2:]
    return SVD(*_taken_apart(packed, *_sizes(m, n, full_matrices)))


@op(dtype=None)
def svdvals(A: Any, /) -> Any:
    """The singular values of each matrix in descending order; `svd` gives their vectors too.

    Shapes: (..., m, n) -> (..., min(m, n)). Gradient: U diag(g) Vh, exact for equal singular values
    too. Errors: ShapeError for fewer than two dims, LinAlgError for nan, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.svdvals(tg.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([2., 1.])
    """
    _check_matrix(A)
    return _converged(np.linalg.svd, A, compute_uv=False)


@svdvals.rule
def svdvals_rule(g, A):
    U, _, Vh = svd(A, False)
    return (U * unsqueeze(g, -2)) @ Vh


def _check_matrix(A: np.ndarray) -> None:
    if A.ndim < 2:
        raise ShapeError(f"argument 'A': expected matrices (..., m, n), got shape {A.shape}")
    check_floats(A)


# --- eigenvalues of symmetric matrices ----------------------------------------------------------


class Eigen(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


@op(name="eigh", dtype=None)
def eigen_factors(A: Any, /, UPLO: str) -> Any:
    """Eigenvalues and eigenvectors in one array: behind `eigh`, whose gradient this is."""
    check_square(A)
    return _factors(np.linalg.eigh, A, UPLO)


@eigen_factors.rule
def eigen_factors_rule(g, A_shape, out):
    n = A_shape[-1]
    values, V = _taken_apart(out, (n,), (n, n))
    gvalues, gV = _taken_apart(g, (n,), (n, n))
    turned = V.mT @ gV
    inner = _ratio((turned - turned.mT) / 2, unsqueeze(values, -2) - unsqueeze(values, -1))
    return V @ (inner + _diagonal(gvalues)) @ V.mT


@composite
def eigh(A: Any, UPLO: str = "L") -> Eigen:
    """The eigenvalues of each symmetric matrix in ascending order, and the vectors, as columns.

    Only the lower triangle of `A` is read, or the upper one with `UPLO="U"`; the gradient is that
    of a symmetric matrix. The sign of a vector is not determined, nor are the vectors of equal
    eigenvalues.
    Shapes: (..., n, n) -> (..., n) and (..., n, n). Gradient: V (F (P - P^T) / 2 + diag(g)) V^T,
    with P = V^T gV and F[i, j] = 1 / (values[j] - values[i]) off the diagonal. Errors: ShapeError
    if a matrix is not square, DTypeError for integers, SettingError for another `UPLO`.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigh(tg.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    packed, n = eigen_factors(A, _triangle("eigh", UPLO)), A.shape[-1]
    return Eigen(*_taken_apart(packed, (n,), (n, n)))


@op(dtype=None)
def eigvalsh(A: Any, /, UPLO: str = "L") -> Any:
    """The eigenvalues of each symmetric matrix in ascending order; see `eigh`.

    Shapes: (..., n, n) -> (..., n). Gradient: V diag(g) V^T, exact for equal eigenvalues too.
    Errors: ShapeError if a matrix is not square, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigvalsh(tg.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    check_square(A)
    return _converged(np.linalg.eigvalsh, A, _triangle("eigvalsh", UPLO))


@eigvalsh.rule
def eigvalsh_rule(g, A, UPLO):
    V = eigh(A, UPLO).eigenvectors
    return (V * unsqueeze(g, -2)) @ V.mT


def _triangle(name: str, UPLO: Any) -> str:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise SettingError(f"{name}: argument 'UPLO': expected 'L' or 'U', got {UPLO!r}")
    return UPLO.upper()
