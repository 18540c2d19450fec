"""Python's pickles as plain data: nothing in one is called, imported or executed.

A pickle is a program, and one from elsewhere could do anything. Here the names it may use are those
of NumPy's arrays alone, and they do not even lead to NumPy: they lead to the classes below, which
only keep what they are given, and of which an array is made after checks.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from typing import Any

import numpy as np

from tinygrad_edu.errors import DataFileError


class _Array:
    """Stands for an array and for the function that pickles make one with."""

    __slots__ = ("state",)

    def __init__(self, *args: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def finished(self) -> np.ndarray:
        _version, shape, dtype, in_columns, raw = self.state
        array = np.frombuffer(raw, dtype.finished())
        if math.prod(shape) != array.size:
            raise ValueError(f"{array.size} elements for shape {shape}")
        return array.reshape(shape, order="F" if in_columns else "C").copy()


class _DType:
    """Stands for a dtype: letters and a byte order."""

    __slots__ = ("letters", "order")

    def __init__(self, letters: Any, *flags: Any) -> None:
        self.letters = letters.decode() if isinstance(letters, bytes) else letters
        self.order = "|"

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        self.order = order.decode() if isinstance(order, bytes) else order

    def finished(self) -> np.dtype:
        if not re.fullmatch(r"[|<>=]?[biuf][1248]", self.order + self.letters):
            raise ValueError(f"elements of dtype {self.order + self.letters!r}")
        return np.dtype(self.order + self.letters)


class _Bytes:
    """Stands for the functions from which Python 3's pickles for Python 2 get their bytes."""

    __slots__ = ()

    def __new__(cls, text: str = "", encoding: str = "latin1") -> Any:
        return text.encode("latin1")

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a state for bytes")


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _Bytes,
    ("__builtin__", "bytes"): _Bytes,  # of none
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise DataFileError(
                f"its pickle asks for {module}.{name}, and may ask for NumPy's arrays alone: it is "
                "not what it should be, and may be meant to do harm"
            )
        return _NAMES[module, name]


def load_dict(data: bytes, source: Any) -> dict[str, Any]:
    """The dictionary in a pickle of Python 2 or 3; its keys as str, its arrays as arrays.

    Texts of Python 2 are bytes. Errors: DataFileError, naming `source`, for anything else.
    """
    try:
        found = _Unpickler(io.BytesIO(data), encoding="bytes").load()
        return {
            key.decode() if isinstance(key, bytes) else str(key): (
                value.finished() if isinstance(value, _Array) else value
            )
            for key, value in found.items()
        }
    except Exception as error:  # a pickle can fail in every way
        raise DataFileError(f"{source}: no pickle of plain data: {error}") from error
