"""Element types: their names, the default one, and how operands of different types are unified.

A dtype is NumPy's own. The rules of promotion are PyTorch's: the kind (bool < int < float) is
decided by all operands, the width within a kind by tensors with dimensions first, then by 0-d
tensors, then by Python numbers. So a float32 tensor stays float32 beside `2.0` and beside a 0-d
float64 tensor, and an integer tensor beside `2.0` becomes the default dtype.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError

float16 = half = np.dtype(np.float16)
float32 = float = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = int = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
bool = np.dtype(np.bool_)
dtype, finfo, iinfo = np.dtype, np.finfo, np.iinfo

_KINDS = {"b": 0, "u": 1, "i": 1, "f": 2}
_default = float32


def get_default_dtype() -> np.dtype:
    """Return the dtype given to Python floats and to new floating tensors.

    >>> import tinygrad_edu as tg
    >>> tg.get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype given to Python floats and to new floating tensors.

    Errors: DTypeError unless it is a floating dtype.

    >>> import tinygrad_edu as tg
    >>> tg.set_default_dtype(tg.float64)
    >>> tg.tensor(1.5).dtype
    dtype('float64')
    >>> tg.set_default_dtype(tg.float32)
    """
    global _default
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"set_default_dtype: expected a floating dtype, got {wanted}")
    _default = wanted


def kind(value: Any) -> builtins.int:
    """Rank of a kind of number: 0 bool, 1 integer, 2 float."""
    code = value.dtype.kind if hasattr(value, "dtype") else np.asarray(value).dtype.kind
    if code not in _KINDS:
        raise DTypeError(f"expected bool, integer or float elements, got {value!r}")
    return _KINDS[code]


def result_type(*operands: Any) -> np.dtype:
    """Return the dtype in which operands (tensors, arrays, Python numbers) are combined.

    >>> import tinygrad_edu as tg
    >>> tg.result_type(tg.ones(3), tg.ones((), dtype=tg.float64))
    dtype('float32')
    >>> tg.result_type(tg.arange(3), 0.5)
    dtype('float32')
    """
    ranked: tuple[list, list, list] = ([], [], [])  # with dimensions, 0-d, Python numbers
    for x in operands:
        if not hasattr(x, "dtype") or isinstance(x, np.generic):
            ranked[2].append((_default, int64, bool)[2 - kind(x)])
        else:
            ranked[0 if x.ndim else 1].append(x.dtype)
    result: np.dtype | None = None
    for group in ranked:
        if group:
            found = widest(group)
            if result is None or _KINDS[found.kind] > _KINDS[result.kind]:
                result = found
    assert result is not None
    return result


def widest(found: Collection[np.dtype]) -> np.dtype:
    """The dtype that holds those of the highest kind among several."""
    highest = max(_KINDS[d.kind] for d in found)
    return np.result_type(*[d for d in found if _KINDS[d.kind] == highest])


def wide(dtype: np.dtype) -> np.dtype:
    """The dtype to add up floats in: for half precision, which ends at 65504, float32."""
    return float32 if dtype.type is np.float16 else dtype


def float_type(dtype: np.dtype) -> np.dtype:
    """The dtype of a real-valued function of such elements: itself, or the default for integers."""
    return dtype if dtype.kind == "f" else _default
