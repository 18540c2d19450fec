"""Rows of singular values and eigenvalues; what a row says is told in `op_table.py`."""

from __future__ import annotations

import numpy as np
from op_cases import Case, case, row
from rows_matrix import BAD_SQUARE, shifted

# fmt: off


def symmetric(function, A, **settings):
    return shifted(function, A + A.mT if "shift" in settings and hasattr(A, "dtype") else A,
                   **settings)


def spread(*shapes: tuple, **settings) -> list[Case]:
    """Cases of matrices whose values lie apart, by what is added to the diagonal."""
    return [case(s, shift=np.diag(2 * np.arange(1, max(s) + 1))[:s[-2], :s[-1]], **settings)
            for s in shapes]


def refused(cases: list[Case], **settings) -> list[Case]:
    return [case(*c.shapes, **settings) for c in cases]


def side_by_side(function):
    """The factors as one array, as the op behind a factorisation returns them."""
    def factors(A, *settings, **named):
        parts = function(A, *settings, **named)
        sizes = [int(np.prod(x.shape[A.ndim - 2:])) for x in parts]
        flat = [x.reshape(*A.shape[:-2], n) for x, n in zip(parts, sizes, strict=True)]
        return np.concatenate(flat, -1)

    return factors


THIN = [(3, 3), (4, 2), (2, 2, 4), (1, 1), (0, 2, 3), (2, 0)]
SQUARE = [(3, 3), (2, 2, 2), (1, 1), (0, 3, 3), (0, 0)]
BAD = [case((3,)), case(())]

# Two routines of LAPACK may give a vector different signs: of `svd` and `eigh` PyTorch's samples
# are compared, by sizes, and not these rows.
row("svdvals", spread(*THIN), lambda A: np.linalg.svd(A, compute_uv=False), call=shifted,
    torch="linalg.svdvals", bad=BAD)
row("svd", spread(*THIN, full_matrices=False), np.linalg.svd, call=shifted, torch=None, bad=BAD)
row("singular_factors",
    [*spread(*THIN, full_matrices=False), *spread(*SQUARE, full_matrices=True)],
    side_by_side(np.linalg.svd), call=shifted, torch=None, bad=refused(BAD, full_matrices=True))
row("eigvalsh", [*spread(*SQUARE), *spread((3, 3), UPLO="U")], np.linalg.eigvalsh, call=symmetric,
    torch="linalg.eigvalsh", bad=BAD_SQUARE)
row("eigh", [*spread(*SQUARE), *spread((3, 3), UPLO="U")], np.linalg.eigh, call=symmetric,
    torch=None, bad=BAD_SQUARE)
row("eigen_factors", spread(*SQUARE, UPLO="L"), side_by_side(np.linalg.eigh), call=symmetric,
    torch=None, bad=refused(BAD_SQUARE, UPLO="L"))
