"""How the elements of a tensor are printed: as PyTorch does, with four decimals."""

from __future__ import annotations

import numpy as np


def format_array(array: np.ndarray, prefix: str = "") -> str:
    """The elements as nested lists, columns aligned, long ones cut in the middle."""
    if array.dtype.kind != "f":
        return np.array2string(array, separator=", ", prefix=prefix, threshold=1000)
    finite = array[np.isfinite(array)]
    largest = np.abs(finite).max(initial=0.0)
    nonzero = np.abs(finite[finite != 0])
    whole = bool((finite == np.trunc(finite)).all())
    scientific = bool(
        nonzero.size
        and (largest / nonzero.min() > 1000 or largest > 1e8 or nonzero.min() < 1e-4)
        and (not whole or largest > 1e8)
    )
    if whole and not scientific:
        return np.array2string(
            array, separator=", ", prefix=prefix, threshold=1000, precision=0, floatmode="fixed"
        )
    style = "{:.4e}" if scientific else "{:.4f}"
    width = max((len(style.format(x)) for x in finite.ravel()[:1000]), default=0)
    return np.array2string(
        array,
        separator=", ",
        prefix=prefix,
        threshold=1000,
        formatter={"float_kind": lambda x: style.format(x).rjust(width)},
    )
