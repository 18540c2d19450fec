"""The algebra of square matrices: inverses, linear systems, determinants, Cholesky factors.

Leading dims are batches. Source of the gradients: Giles (2008), Collected matrix derivative
results for forward and reverse mode algorithmic differentiation; for the derivative of cofactors
the singular values show what is left of a product without one factor, or without two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import DTypeError, LinAlgError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.choose import keep
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.ops.shape import reshape, unsqueeze

__all__ = ["cholesky", "det", "inverse", "slogdet"]


def check_square(A: np.ndarray) -> None:
    """Refuse what is no square matrix of floats."""
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ShapeError(f"argument 'A': expected square matrices (..., n, n), got shape {A.shape}")
    check_floats(A)


def check_floats(A: np.ndarray) -> None:
    """Refuse matrices of integers and bools."""
    if A.dtype.kind != "f":
        raise DTypeError(
            f"argument 'A': expected floating-point elements, got {A.dtype}; use .float()"
        )


def _solved(kind: str, function: Callable, A: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """Call a function of np.linalg; word its error."""
    try:
        return function(A, *args, **kwargs)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"argument 'A': expected {kind} matrices, got one of shape {A.shape[-2:]} that is not; "
            "add a small multiple of the identity?"
        ) from None


# --- inverses and linear systems ----------------------------------------------------------------


@op(method="inverse", dtype=None)
def inv(A: Any, /) -> Any:
    """The inverse of each matrix. To solve a system, `solve` is faster and more exact.

    Shapes: (..., n, n) -> (..., n, n). Gradient: -out^T g out^T. Errors: ShapeError if a matrix is
    not square, LinAlgError if one is singular, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.inv(tg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check_square(A)
    return _solved("invertible", np.linalg.inv, A)


@inv.rule
def inv_rule(g, out):
    return -(out.mT @ g @ out.mT)


inverse = inv


@op(name="solve", dtype="equal")
def solve_columns(A: Any, B: Any, /) -> Any:
    """The X of A X = B, column by column; batches broadcast. Behind `solve`.

    Gradient: A^-T g for `B`, and minus that times X^T for `A`.
    """
    check_square(A)
    if B.ndim < 2 or B.shape[-2] != A.shape[-1]:
        raise ShapeError(
            f"argument 'B': expected {A.shape[-1]} rows for A of shape {A.shape}, got shape "
            f"{B.shape}"
        )
    return _solved("invertible", np.linalg.solve, A, B)


@solve_columns.rule
def solve_columns_rule(g, A, out, need):
    gB = solve_columns(A.mT, g)
    return -(gB @ out.mT) if need[0] else None, gB if need[1] else None


@composite
def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """The X of the linear systems A X = B, or with `left=False` of X A = B.

    Shapes: (..., n, n), (..., n, k) -> (..., n, k), or (n,) or (..., n) for vectors; batches
    broadcast. Gradient: A^-T g for `B`, and minus that times X^T for `A`. Errors: ShapeError if
    the shapes do not fit, LinAlgError if a matrix is singular, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.solve(tg.tensor([[2.0, 0.0], [0.0, 4.0]]), tg.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    if vector and left:
        out = solve_columns(A, unsqueeze(B, -1))
        return reshape(out, out.shape[:-1])
    if vector:
        raise ShapeError(
            f"solve: argument 'B': expected matrices with left=False, got shape {B.shape} for A of "
            f"shape {A.shape}"
        )
    return solve_columns(A, B) if left else solve_columns(A.mT, B.mT).mT


# --- determinants -------------------------------------------------------------------------------


@op(method="det", dtype=None)
def det(A: Any, /) -> Any:
    """The determinant of each matrix; `slogdet` neither overflows nor underflows.

    Shapes: (..., n, n) -> (...). Gradient: g times the cofactors, exact for singular matrices too.
    Errors: ShapeError if a matrix is not square, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.det(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    check_square(A)
    return np.asarray(np.linalg.det(A))


@det.rule
def det_rule(g, A):
    return reshape(g, (*g.shape, 1, 1)) * cofactors(A)


@op(dtype=None)
@quiet
def cofactors(A: Any, /) -> Any:
    """The derivative of the determinant by each element of the matrix.

    Gradient: of det(A) A^-T, that is (sum(g out) - out g^T) A^-T; on arrays from the singular
    values, and so for singular matrices too.
    """
    check_square(A)
    U, s, Vh = np.linalg.svd(A)
    sign = np.linalg.det(U) * np.linalg.det(Vh)
    return sign[..., None, None] * (U * _without_each(s)[..., None, :]) @ Vh


@cofactors.rule
def cofactors_rule(g, A, out):
    inner = sum(g * out, (-2, -1), True)
    B = inv(A).mT
    return inner * B - out @ g.mT @ B


@cofactors.fused
@quiet
def cofactors_fused(g, A):
    U, s, Vh = np.linalg.svd(A)
    sign = np.linalg.det(U) * np.linalg.det(Vh)
    # For a diagonal matrix the cofactor of the place (j, i) is -P[i, j] times the element at
    # (i, j), and that of (k, k) changes with the element at (i, i) by P[i, k]: what the others
    # multiply to.
    diagonal = np.eye(s.shape[-1], dtype=bool)
    others = np.where(diagonal, A.dtype.type(1), s[..., None, :])
    P = np.where(diagonal, A.dtype.type(0), _without_each(others))
    H = U.mT @ g @ Vh.mT
    E = -P * H.mT
    E[..., diagonal] = (P @ np.diagonal(H, axis1=-2, axis2=-1)[..., None])[..., 0]
    return sign[..., None, None] * (U @ E @ Vh)


def _without_each(s: np.ndarray) -> np.ndarray:
    """For each element along the last dim the product of all others."""
    ones = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)
    return before * after[..., ::-1]


class SignLogDet(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


@op(name="slogdet", dtype=None)
def sign_of_det(A: Any, /) -> Any:
    """The sign of the determinant: behind `slogdet`. Gradient: 0."""
    check_square(A)
    return np.asarray(np.linalg.slogdet(A)[0])


@sign_of_det.rule
def sign_of_det_rule(g, A):
    return keep(A, False)


@op(name="slogdet", dtype=None)
@quiet
def log_of_det(A: Any, /) -> Any:
    """The logarithm of the size of the determinant: behind `slogdet`. Gradient: g A^-T."""
    check_square(A)
    return np.asarray(np.linalg.slogdet(A)[1])


@log_of_det.rule
def log_of_det_rule(g, A):
    return reshape(g, (*g.shape, 1, 1)) * inv(A).mT


@composite(method="slogdet")
def slogdet(A: Any) -> SignLogDet:
    """The sign of the determinant of each matrix, and the logarithm of its size.

    Shapes: (..., n, n) -> (...) and (...). A singular matrix has sign 0 and logarithm -inf.
    Gradient: 0 for the sign, g A^-T for the logarithm. Errors: ShapeError if a matrix is not
    square, DTypeError for integers; in backward LinAlgError if one is singular.

    >>> import tinygrad_edu as tg
    >>> sign, logabsdet = tg.linalg.slogdet(tg.tensor([[0.0, 1.0], [1.0, 0.0]])); sign, logabsdet
    (tensor(-1.), tensor(0.))
    """
    return SignLogDet(sign_of_det(A), log_of_det(A))


# --- Cholesky factors ---------------------------------------------------------------------------


@op(method="cholesky", dtype=None)
def cholesky(A: Any, /, upper: bool = False) -> Any:
    """The lower triangular L with A = L L^T, or the upper U with A = U^T U.

    Only that triangle of `A` is read; the gradient is that of a symmetric matrix.
    Shapes: (..., n, n) -> (..., n, n). Gradient: the symmetric part of L^-T P L^-1, where P is the
    lower triangle of L^T g with half its diagonal. Errors: LinAlgError if a matrix is not positive
    definite, ShapeError if it is not square, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cholesky(tg.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    check_square(A)
    return _solved("positive definite", np.linalg.cholesky, A, upper=upper)


@cholesky.rule
def cholesky_rule(g, out, upper):
    U, gL = (out, g.mT) if upper else (out.mT, g)
    n = out.shape[-1]
    half = np.tril(np.ones((n, n), out.dtype)) - np.eye(n, dtype=out.dtype) / 2
    part = solve_columns(U, solve_columns(U, (U @ gL) * half).mT)
    return (part + part.mT) / 2
