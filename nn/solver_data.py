"""The data of a `Solver`, however given, as batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_edu.datasets import DataLoader, TensorDataset
from tinygrad_edu.errors import describe
from tinygrad_edu.modes import Generator
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.tensor import Tensor

from .module import Module

__all__ = ["loaders"]

KEYS = ("X_train", "y_train", "X_val", "y_val")


def loaders(
    data: Any, batch_size: int, generator: Generator | None, model: Module
) -> tuple[Any, Any]:
    """The batches to train on, and those to measure on (None if there are none).

    From a dictionary of arrays (the floats take the dtype of the model's parameters), or a pair of
    data sets or loaders. Training batches are shuffled, unless a loader is given.
    """
    if isinstance(data, Mapping):
        missing = [name for name in KEYS if name not in data]
        if missing:
            expected, got = f"the keys {', '.join(KEYS)}", f"none for {', '.join(missing)}"
            raise ValueError(describe("Solver", "data", expected, got))
        dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), None)
        arrays = [_tensor(data[name], dtype) for name in KEYS]
        data = TensorDataset(*arrays[:2]), TensorDataset(*arrays[2:])
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        expected = "a dictionary of arrays, or (train, validation)"
        raise TypeError(describe("Solver", "data", expected, f"a {type(data).__name__}"))
    train, validation = data
    if not _is_batches(train):
        train = DataLoader(train, batch_size, shuffle=True, generator=generator)
    if validation is not None and not _is_batches(validation):
        validation = DataLoader(validation, batch_size)
    return train, validation


def _is_batches(data: Any) -> bool:
    """Whether it gives batches, and not examples."""
    return isinstance(data, DataLoader) or not hasattr(data, "__getitem__")


def _tensor(values: Any, dtype: np.dtype | None) -> Tensor:
    array = values.numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.dtype.kind == "f":
        return from_numpy(array.astype(dtype or array.dtype, copy=False))
    return from_numpy(array.astype(np.int64, copy=False))  # class numbers, or yes and no
