"""What a transformer needs beside its products: embedding and attention; and channel dropout."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, SettingError, ShapeError
from tinygrad_edu.modes import Generator, numpy_generator
from tinygrad_edu.op import composite
from tinygrad_edu.ops.activation import dropout, softmax
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.indexing import check_range, index_array
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.ops.scatter import index_select
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__ = ["dropout2d", "embedding", "scaled_dot_product_attention"]


@composite
def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """The rows of a table at the numbers in `input`: one vector for each.

    Shapes: input any shape (...) of int64 or int32, weight (V, D), result (..., D).
    Gradient: g, added to the rows read; the row `padding_idx` gets none.
    Errors: DimensionError for a number outside 0..V-1, ShapeError, DTypeError.

    >>> import tinygrad_edu as tg
    >>> table = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> out = tg.nn.functional.embedding(tg.tensor([1, 0, 1]), table, padding_idx=0)
    >>> out.sum().backward(); table.grad
    tensor([[0., 0.],
            [2., 2.]])
    """
    if weight.ndim != 2:
        raise ShapeError(f"argument 'weight': expected shape (V, D), got {weight.shape}")
    V, D = weight.shape
    numbers = index_array(input, "input")
    check_range(numbers, V)
    rows = reshape(index_select(weight, 0, numbers.reshape(-1)), (*numbers.shape, D))
    if padding_idx is None:
        return rows
    if not -V <= padding_idx < V:
        raise DimensionError(
            f"argument 'padding_idx': expected {-V} to {V - 1} for {V} rows, got {padding_idx}"
        )
    # The padding row as a constant: the same numbers, but no gradient.
    padding = numbers[..., None] == padding_idx % V
    return where(padding, _plain(weight)[padding_idx], rows) if padding.any() else rows


def _plain(x: Any) -> np.ndarray:
    return x.array if isinstance(x, Tensor) else x


@composite
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, *, scale: float | None = None,
) -> Any:  # fmt: skip
    """softmax(query key^T scale) value: means of the values, weighed by how well the keys fit.

    Shapes: query (..., L, E), key (..., S, E), value (..., S, V), result (..., L, V); leading dims
    broadcast. `attn_mask` broadcasts to (..., L, S): bools say which keys take part, floats are
    added to the scores; a query with no key at all gets 0. `is_causal` lets query i see the keys
    0 to i. `scale` is 1 / sqrt(E) by default. Dropout of the weights is applied whenever
    `dropout_p` is not 0: give 0 outside of training.
    Gradient: through the scores, the softmax and the product.
    Errors: ShapeError, DTypeError, SettingError if both `attn_mask` and `is_causal` are given.
    Source: Vaswani et al. (2017), Attention is all you need.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> tg.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 0.6698]])
    """
    for name, x in (("query", query), ("key", key), ("value", value)):
        if x.ndim < 2 or x.dtype.kind != "f":
            raise (ShapeError if x.ndim < 2 else DTypeError)(
                f"argument {name!r}: expected floats of at least 2 dimensions, got {x.dtype} of "
                f"shape {x.shape}"
            )
    if is_causal and attn_mask is not None:
        raise SettingError(
            "scaled_dot_product_attention: expected 'attn_mask' or 'is_causal', got both; put the "
            "triangle into the mask"
        )
    # The query is scaled, which is smaller than the scores.
    scores = matmul(query * (_over_root(query.shape[-1]) if scale is None else scale), key.mT)
    if is_causal:
        scores = where(np.tri(*scores.shape[-2:], dtype=np.bool_), scores, -math.inf)
    if attn_mask is None:  # every query has a key
        weights = softmax(scores, -1)
    else:
        weights = _weights(_masked(scores, attn_mask))
    return matmul(dropout(weights, dropout_p) if dropout_p else weights, value)


def _over_root(E: int) -> float:
    return 1 / math.sqrt(E) if E else math.inf


def _masked(scores: Any, mask: Any) -> Any:
    if mask.dtype.kind == "b":
        return where(mask, scores, -math.inf)
    if mask.dtype != scores.dtype:
        raise DTypeError(
            f"argument 'attn_mask': expected bools or the query's {scores.dtype}, got {mask.dtype}"
        )
    return scores + mask


def _weights(scores: Any) -> Any:
    """softmax over the keys, and 0 where every one of them is masked."""
    tops = np.max(_plain(scores), axis=-1, keepdims=True, initial=-math.inf)
    alone = tops == -math.inf
    if not alone.any():
        return softmax(scores, -1)
    return where(alone, 0.0, softmax(where(alone, 0.0, scores), -1))


@composite
def dropout2d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False,
    *, generator: Generator | None = None,
) -> Any:  # fmt: skip
    """Set whole channels to 0 with probability `p` and scale the others by 1 / (1 - p).

    Shapes: (N, C, H, W). As in PyTorch (N, C, L) is taken too, with a warning, and so is any
    other shape (N, C, ...). Outside training the input itself is returned.
    Gradient: g through the same mask. Errors: SettingError if p is not a probability, ShapeError.
    Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> out = tg.nn.functional.dropout2d(tg.ones(1, 8, 2, 2))
    >>> sorted(set(out.mean((2, 3)).flatten().tolist())) in ([0.0], [0.0, 2.0], [2.0])
    True
    """
    if not 0 <= p <= 1:
        raise SettingError(f"dropout2d: argument 'p': expected a probability of dropping, got {p}")
    if input.ndim < 2:
        raise ShapeError(f"argument 'input': expected shape (N, C, H, W), got {input.shape}")
    if input.ndim != 4:
        warnings.warn(
            f"dropout2d: expected shape (N, C, H, W), got {input.shape}; its first two dimensions "
            "are taken for the batch and the channels",
            stacklevel=3,
        )
    if not training or p == 0:
        return input
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    kept = numpy_generator(generator).random(shape, dtype=np.float32) >= p
    mask = kept * input.dtype.type(0 if p == 1 else 1 / (1 - p))
    return input.mul_(mask) if inplace else input * mask
