"""Scaled dot-product attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError
from tinygrad_edu.op import composite
from tinygrad_edu.ops.activation import softmax
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.dropout import dropout
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.tensor import Tensor

__all__ = ["scaled_dot_product_attention"]


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


def _plain(x: Any) -> np.ndarray:
    return x.array if isinstance(x, Tensor) else x
