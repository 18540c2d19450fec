"""Sums over all that belongs to a channel, in whichever order memory runs.

Channels last, an array (N, C, H, W) is a matrix (N H W, C) in memory, and the sums of its columns
are a product with a row of ones: BLAS adds whole rows, many times as fast as NumPy's reduction,
which adds the short rows one by one. In the usual order each plane is one long run, which NumPy
adds well, pairwise and so with little rounding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinygrad_edu import threads
from tinygrad_edu.kernels.windows import Array

__all__ = ["as_matrix", "channel_sums", "column_sums"]


def as_matrix(x: Array) -> Array | None:
    """Return the view (N H W, C) of (N, C, ...) if memory runs channels last, else None."""
    last = x.transpose(0, *range(2, x.ndim), 1)
    return last.reshape(-1, x.shape[1]) if last.flags.c_contiguous and x.size else None


def channel_sums(x: Array) -> Array:
    """Return the sum over all but dim 1 of x (N, C, ...), shape (C,)."""
    matrix = as_matrix(x)
    return np.add.reduce(x, (0, *range(2, x.ndim))) if matrix is None else column_sums(matrix)


def column_sums(matrix: Array) -> Array:
    """Return the sum of the rows of a matrix."""
    if matrix.dtype.itemsize < 4:  # half precision has no BLAS, and ends at 65504
        return np.add.reduce(matrix, 0, np.float32).astype(matrix.dtype)
    return threads.matmul(_ones(len(matrix), matrix.dtype), matrix)


@lru_cache(8)
def _ones(count: int, dtype: np.dtype) -> Array:
    return np.ones(count, dtype)
