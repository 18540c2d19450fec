"""Indexing, and its adjoint: what was read from a place gives its gradient back to that place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, ShapeError
from tinygrad_edu.op import op
from tinygrad_edu.ops import dims
from tinygrad_edu.tensor import Tensor

__all__ = ["gather"]


def plain_index(index: Any) -> Any:
    """The index with arrays in place of tensors, checked for what PyTorch refuses."""
    if isinstance(index, tuple):
        return tuple([plain_index(part) for part in index])
    if isinstance(index, slice):
        parts = [None if p is None else int(p) for p in (index.start, index.stop, index.step)]
        if parts[2] is not None and parts[2] <= 0:
            raise DimensionError(
                f"index: expected a slice with a positive step, got step {parts[2]}; use flip()"
            )
        return slice(*parts)
    if isinstance(index, Tensor):
        index = index.array
    elif isinstance(index, np.ndarray):
        index = index.copy()  # a write to the caller's array would go unnoticed in backward
    elif isinstance(index, list):
        index = np.array([plain_index(part) for part in index])
        index = index.astype(np.int64) if not index.size else index
    if isinstance(index, np.ndarray) and index.ndim == 0 and index.dtype.kind in "iu":
        return int(index)  # as an integer it gives a view, as in PyTorch
    if isinstance(index, np.ndarray) and index.dtype.kind not in "iub":
        raise DTypeError(
            f"index: expected integers, bools, slices, None or Ellipsis, got {index.dtype}"
        )
    return index


def is_basic(index: Any) -> bool:
    """Whether NumPy reads this index as a view (no arrays, no bools)."""
    parts = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(part, (np.ndarray, bool, np.bool_)) for part in parts)


@op(dtype=None, view=True)
def getitem(input: Any, /, index: Any) -> Any:
    """The elements at an index: integers, slices, None, Ellipsis, arrays, masks, as in NumPy.

    Gradient: g, added at the places read; a place read twice gets the sum.
    Errors: DimensionError outside the range or for a negative step, DTypeError for floats.
    """
    out = input[index]
    if isinstance(out, np.ndarray):
        return out
    parts = index if isinstance(index, tuple) else (index,)
    return input[(*parts, ...)]  # NumPy copies a single element unless it is asked for a view


@getitem.rule
def getitem_rule(g, input_shape, index):
    return scatter_index(g, input_shape, index)


@op(dtype=None)
def scatter_index(input: Any, /, shape: tuple, index: Any) -> Any:
    """Zeros of this shape to which `input` is added at an index: the adjoint of indexing.

    Gradient: g at the index.
    """
    out = np.zeros(shape, input.dtype)
    if is_basic(index):
        out[index] = input
    else:
        np.add.at(out, index, input)
    return out


@scatter_index.rule
def scatter_index_rule(g, index):
    return getitem(g, index)


def _read(self: Tensor, index: Any) -> Tensor:
    return getitem(self, plain_index(index))


Tensor.__getitem__ = _read  # type: ignore[method-assign]


def along(ndim: int, dim: int, index: np.ndarray) -> tuple:
    """The full index that reads or writes `index` along `dim` and its own place elsewhere."""
    grid = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    grid[dims.one(dim, ndim)] = index
    return tuple(grid)


def _check_along(name: str, input: np.ndarray, dim: int, index: Any) -> np.ndarray:
    index = index.array if isinstance(index, Tensor) else np.asarray(index)
    if index.dtype.kind not in "iu":
        raise DTypeError(f"{name}: argument 'index': expected integers, got {index.dtype}")
    if index.ndim != input.ndim:
        raise ShapeError(
            f"{name}: argument 'index': expected {input.ndim} dimensions as in input of shape "
            f"{input.shape}, got shape {index.shape}"
        )
    size = input.shape[dims.one(dim, input.ndim)] if input.ndim else 1
    if index.size and not (index.min() >= 0 and index.max() < size):
        raise DimensionError(
            f"{name}: argument 'index': expected 0 to {size - 1}, got {index.min()} to "
            f"{index.max()}"
        )
    return index


@op(method="gather", dtype=None)
def gather(input: Any, /, dim: int, index: Any) -> Any:
    """The elements at `index` along `dim`: out[i][j] = input[index[i][j]][j] for dim 0.

    Shapes: the result has the shape of `index`. Gradient: g, added at the places read.

    >>> import tinygrad_edu as tg
    >>> tg.gather(tg.tensor([[1, 2], [3, 4]]), 1, tg.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """
    index = _check_along("gather", input, dim, index)
    return input[along(input.ndim, dim, index)] if input.ndim else input.copy()


@gather.rule
def gather_rule(g, input_shape, dim, index):
    index = index.array if isinstance(index, Tensor) else index
    place = along(len(input_shape), dim, index) if input_shape else ()
    return scatter_index(g, input_shape, place)
