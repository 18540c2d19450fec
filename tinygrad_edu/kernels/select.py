"""Choices between elements without branches: `where`, and the larger of an element and a number.

NumPy's `where` branches at every element. A processor guesses branches, and of a large random mask
(which elements are positive) it guesses half wrong: 3.7 ns an element, against 0.4 for the bits of
the two numbers, b ^ ((a ^ b) * mask), which are exact. NumPy's `maximum` of an array and a number
takes three times as long as that of two arrays, so the number becomes a row, which stays in cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.kernels.windows import Array

__all__ = ["bounded", "where"]

LARGE = 1 << 14  # elements, from which on this pays
ROW = 1 << 13
_BITS = {np.dtype(np.float32): np.dtype(np.int32), np.dtype(np.float64): np.dtype(np.int64)}


def where(mask: Any, a: Any, b: Any) -> Any:
    """Return `np.where(mask, a, b)`."""
    dtype = a.dtype if isinstance(a, Array) else getattr(b, "dtype", None)
    bits = _BITS.get(dtype)
    if bits is None or mask.size < LARGE or mask.dtype.kind != "b":
        return np.where(mask, a, b)
    if not all(
        (isinstance(x, Array) and x.dtype == dtype) or type(x) in (int, float) for x in (a, b)
    ):
        return np.where(mask, a, b)
    a, b = np.asarray(a, dtype).view(bits), np.asarray(b, dtype).view(bits)
    out = a ^ b
    out = np.multiply(out, mask, out=out if out.shape == mask.shape else None)
    out = np.bitwise_xor(out, b, out=out)
    return out.view(dtype)


def bounded(ufunc: np.ufunc, x: Any, number: Any) -> Any:
    """Return ufunc(x, number), for `np.maximum` and `np.minimum`, in the memory order of x."""
    large = getattr(x, "size", 0) >= LARGE and x.dtype in _BITS
    if not large or type(number) not in (int, float, x.dtype.type):
        return ufunc(x, number)
    flat = x.ravel(order="K")
    if flat.base is None:  # a copy, because x has gaps
        return ufunc(x, number)
    out = np.empty_like(x)
    into = out.ravel(order="K")
    row = np.full(ROW, number, x.dtype)
    cut = x.size // ROW * ROW
    ufunc(flat[:cut].reshape(-1, ROW), row, out=into[:cut].reshape(-1, ROW))
    ufunc(flat[cut:], row[: x.size - cut], out=into[cut:])
    return out
