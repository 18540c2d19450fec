"""Rows of products and of the algebra of matrices; what a row says is told in `op_table.py`."""

from __future__ import annotations

import numpy as np
from op_cases import Family, case, row

# fmt: off

# --- products -----------------------------------------------------------------------------------


def numpy_added(x, a, b, beta=1, alpha=1):
    return beta * x + alpha * (a @ b)


row("inner", [case((3,), (3,)), case((2, 3), (3,)), case((2, 3), (4, 3)), case((), (2, 3)),
              case((2, 3, 4), (5, 4)), case((0, 3), (3,))], np.inner,
    bad=[case((2, 3), (2,))])
row("addmm", [case((2, 4), (2, 3), (3, 4)), case((4,), (2, 3), (3, 4), beta=2, alpha=-3),
              case((), (2, 3), (3, 4), alpha=0.5), case((2, 1), (2, 0), (0, 4)),
              case((2, 4), (2, 3), (3, 4), beta=0)], numpy_added,
    bad=[case((3, 4), (2, 3), (3, 4)), case((4,), (2, 3), (4, 4)), case((4,), (3,), (3, 4)),
         case((1, 2, 4), (2, 3), (3, 4))])
row("baddbmm", [case((5, 2, 4), (5, 2, 3), (5, 3, 4)),
                case((2, 1), (5, 2, 3), (5, 3, 4), beta=2, alpha=-3)], numpy_added,
    bad=[case((3, 4), (5, 2, 3), (5, 3, 4)), case((4,), (2, 3), (3, 4))])
row("bilinear", [case((2, 3), (2, 4), (5, 3, 4), (5,)), case((3,), (4,), (2, 3, 4), None),
                 case((2, 2, 3), (2, 2, 1), (1, 3, 1), (1,)),
                 case((0, 3), (0, 4), (2, 3, 4), None)],
    lambda a, b, w, c: np.einsum("...i,kij,...j->...k", a, w, b) + (0 if c is None else c),
    torch="nn.functional.bilinear",
    bad=[case((2, 3), (1, 4), (5, 3, 4), None), case((2, 3), (4,), (5, 3, 4), None),
         case((2, 4), (2, 4), (5, 3, 4), None), case((2, 3), (2, 4), (5, 3, 4), (4,)),
         case((2, 3), (2, 4), (3, 4), None), case((), (), (1, 1, 1), None)])
row("tensordot", [case((2, 3, 4), (3, 4, 5)), case((2, 3), (3, 4), dims=1),
                  case((2,), (3,), dims=0), case((2, 3, 4), (4, 2), dims=([0, -1], [1, 0])),
                  case((0, 3), (3, 2), dims=1), case((2, 0), (0, 2), dims=1)],
    lambda a, b, dims=2: np.tensordot(a, b, dims),
    bad=[case((2, 3), (2, 3), dims=1), case((2, 3), (2, 3), dims=3), case((2,), (2,), dims=-1),
         case((2, 3), (2, 3), dims=([0, 0], [0, 1]))])
row("trace", [case((3, 3)), case((2, 4)), case((0, 0))], np.trace,
    bad=[case((3,)), case((2, 3, 3))])

# --- square matrices ----------------------------------------------------------------------------


def shifted(function, A, *rest, shift=None, **settings):
    """Matrices near a multiple of the identity: their rows may be equal before the shift."""
    if shift is None or not hasattr(A, "dtype"):
        return function(A, *rest, **settings)
    return function(A * 0.2 + shift, *rest, **settings)


def definite(function, A, shift=None, **settings):
    """The same of symmetric, positive definite matrices."""
    if shift is None or not hasattr(A, "dtype"):
        return function(A, **settings)
    return function(A @ A.mT + shift, **settings)


def eye(n):
    """Of integers: so the sum has the dtype of the matrix."""
    return 2 * np.eye(n, dtype=np.int64)


def numpy_solve(A, B, left=True):
    if B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]):
        return np.linalg.solve(A, B[..., None])[..., 0]
    return np.linalg.solve(A, B) if left else np.linalg.solve(A.mT, B.mT).mT


def minors(A):
    """The cofactors by their definition: signed determinants without one row and one column."""
    out = np.zeros(A.shape)
    for *batch, i, j in np.ndindex(A.shape):
        rest = np.delete(np.delete(A[tuple(batch)], i, 0), j, 1)
        out[(*batch, i, j)] = (-1) ** (i + j) * np.linalg.det(rest)
    return out


BAD_SQUARE = [case((2, 3)), case((3,))]
SQUARE = Family([case((3, 3), shift=eye(3)), case((2, 2, 2), shift=eye(2)),
                 case((1, 1), shift=eye(1)), case((0, 3, 3), shift=eye(3))], BAD_SQUARE)

row("inv", SQUARE, np.linalg.inv, call=shifted, torch="linalg.inv")
row("det", SQUARE, np.linalg.det, call=shifted, torch="linalg.det")
row("cofactors", SQUARE, minors, call=shifted, torch=None)
row("slogdet", SQUARE, np.linalg.slogdet, call=shifted, torch="linalg.slogdet")
row("sign_of_det", SQUARE, lambda A: np.linalg.slogdet(A)[0], call=shifted, torch=None)
row("log_of_det", SQUARE, lambda A: np.linalg.slogdet(A)[1], call=shifted, torch=None)
row("cholesky", [case((3, 3), shift=eye(3)), case((2, 2, 4), shift=eye(2)),
                 case((3, 3), shift=eye(3), upper=True)], np.linalg.cholesky,
    call=definite, torch="linalg.cholesky", bad=BAD_SQUARE)
SYSTEMS = [case((3, 3), (3, 2), shift=eye(3)), case((2, 3, 3), (3, 2), shift=eye(3)),
           case((3, 3), (2, 3, 1), shift=eye(3)), case((3, 3), (3, 0), shift=eye(3))]
row("solve", [*SYSTEMS, case((3, 3), (3,), shift=eye(3)), case((2, 3, 3), (2, 3), shift=eye(3)),
              case((3, 3), (2, 3), shift=eye(3), left=False)], numpy_solve, call=shifted,
    torch="linalg.solve",
    bad=[case((2, 3), (2, 3)), case((3, 3), (2, 2)), case((3, 3), (3,), left=False)])
row("solve_columns", SYSTEMS, np.linalg.solve, call=shifted, torch=None,
    bad=[case((2, 3), (2, 3)), case((3, 3), (2, 2)), case((3, 3), (3,))])
