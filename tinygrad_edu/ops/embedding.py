"""Embedding: rows of a table, looked up by their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.errors import DimensionError, SettingError, ShapeError, describe
from tinygrad_edu.op import composite
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.indexing import check_range, index_array
from tinygrad_edu.ops.scatter import index_select
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__: list[str] = []  # PyTorch has it in nn.functional alone


@composite
def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The rows of a table at the numbers in `input`: one vector for each.

    Shapes: input any shape (...) of int64 or int32, weight (V, D), result (..., D).
    With `max_norm`, rows that are read and longer, by the norm of order `norm_type`, are first
    scaled to that length: in the table itself, unrecorded.
    Gradient: g, added to the rows read; the row `padding_idx` gets none.
    Errors: DimensionError for a number outside 0..V-1, ShapeError, DTypeError; SettingError for
    `scale_grad_by_freq` and `sparse`, which are not there.

    >>> import tinygrad_edu as tg
    >>> table = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> out = tg.nn.functional.embedding(tg.tensor([1, 0, 1]), table, padding_idx=0)
    >>> out.sum().backward(); table.grad
    tensor([[0., 0.],
            [2., 2.]])
    """
    check_options("embedding", scale_grad_by_freq, sparse)
    if weight.ndim != 2:
        raise ShapeError(f"argument 'weight': expected shape (V, D), got {weight.shape}")
    V, D = weight.shape
    numbers = index_array(input, "input")
    check_range(numbers, V)
    if padding_idx is not None:
        padding_idx = padding_row("embedding", padding_idx, V)
    if max_norm is not None:
        _shorten(_plain(weight), np.unique(numbers), max_norm, norm_type)
    rows = reshape(index_select(weight, 0, numbers.reshape(-1)), (*numbers.shape, D))
    if padding_idx is None:
        return rows
    # The padding row as a constant: the same numbers, but no gradient.
    padding = numbers[..., None] == padding_idx
    return where(padding, _plain(weight)[padding_idx], rows) if padding.any() else rows


def check_options(name: str, scale_grad_by_freq: bool, sparse: bool) -> None:
    """Refuse what PyTorch has and this package has not."""
    for argument, value in (("scale_grad_by_freq", scale_grad_by_freq), ("sparse", sparse)):
        if value:
            raise SettingError(describe(name, argument, "False", value))


def padding_row(name: str, padding_idx: int, V: int) -> int:
    """The row that `padding_idx` means, counted from 0. Errors: DimensionError if there is none."""
    if not -V <= padding_idx < V:
        expected = f"{-V} to {V - 1} for {V} rows"
        raise DimensionError(describe(name, "padding_idx", expected, padding_idx))
    return padding_idx % V


def _shorten(table: np.ndarray, rows: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale those of the rows that are longer than `max_norm` to that length, in place."""
    lengths = np.linalg.norm(table[rows], norm_type, axis=1)
    long = lengths > max_norm
    if long.any():
        table[rows[long]] *= (max_norm / (lengths[long] + 1e-7))[:, None]
        storage.wrote(table)


def _plain(x: Any) -> np.ndarray:
    return x.array if isinstance(x, Tensor) else x
