"""Attention with several heads, each of which compares queries and keys in a space of its own."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_edu.dtypes import bool as bool_
from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.ops.activation import softmax
from tinygrad_edu.ops.attention import scaled_dot_product_attention
from tinygrad_edu.ops.create import zeros
from tinygrad_edu.ops.dropout import dropout
from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.pad import pad
from tinygrad_edu.ops.parts import chunk
from tinygrad_edu.ops.shape import cat
from tinygrad_edu.tensor import Tensor

from . import init
from .layer import add_parameters, whole
from .linear import Linear
from .module import Module
from .parameter import Parameter

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """A linear layer: `repr` shows PyTorch's name of the projection behind attention."""


class MultiheadAttention(Module):
    """Attention in `num_heads` projected spaces: softmax(q k^T / sqrt(d)) v in each, put together.

    Shapes: query (L, N, E), key (S, N, kdim), value (S, N, vdim), output (L, N, E), or all with N
    first if `batch_first`, or all without N; weights (N, L, S), the mean over the heads, or (N,
    num_heads, L, S). d = E / num_heads; kdim and vdim are E if not given. The parameters are
    in_proj_weight (3 E, E), that of query, key and value one below the other (q_proj_weight (E, E),
    k_proj_weight (E, kdim), v_proj_weight (E, vdim) if the sizes differ), in_proj_bias (3 E,), and
    the layer out_proj. Weights are drawn by Xavier's uniform scheme, biases are 0.

    Masks: `key_padding_mask` (N, S), and `attn_mask` (L, S) or (N num_heads, L, S). As bools they
    say which keys are left out, floats are added to the scores. `is_causal` says that `attn_mask`
    is the causal one: a hint, which changes nothing. A query with no key at all gets nan, or 0 if
    the weights are not asked for, as in PyTorch.
    `add_bias_kv` adds a learned key and value, `add_zero_attn` a key and value of zeros. `dropout`
    is the probability of dropping a weight in training.
    Errors: ValueError for settings that make no sense, ShapeError, DTypeError, RuntimeError for
    `is_causal` without a mask. Source: Vaswani et al. (2017), Attention is all you need.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> x = tg.ones(5, 7, 8)
    >>> output, weights = layer(x, x, x); output.shape, weights.shape
    ((5, 7, 8), (5, 7, 7))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
        add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
        vdim: int | None = None, batch_first: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        E = self.embed_dim = whole(self, "embed_dim", embed_dim, 1)
        self.num_heads = whole(self, "num_heads", num_heads, 1)
        if E % self.num_heads:
            expected = f"a multiple of num_heads={num_heads}"
            raise ValueError(describe("MultiheadAttention", "embed_dim", expected, embed_dim))
        if not 0 <= dropout <= 1:
            expected = "a probability of dropping, 0 to 1"
            raise ValueError(describe("MultiheadAttention", "dropout", expected, dropout))
        self.head_dim = E // self.num_heads
        self.kdim, self.vdim = E if kdim is None else kdim, E if vdim is None else vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        same = self.kdim == self.vdim == E
        add_parameters(
            self, device, dtype,
            in_proj_weight=(3 * E, E) if same else None,
            q_proj_weight=None if same else (E, E),
            k_proj_weight=None if same else (E, self.kdim),
            v_proj_weight=None if same else (E, self.vdim),
            in_proj_bias=(3 * E,) if bias else None,
            bias_k=(1, 1, E) if add_bias_kv else None,
            bias_v=(1, 1, E) if add_bias_kv else None,
        )  # fmt: skip
        self.out_proj = NonDynamicallyQuantizableLinear(E, E, bias, device, dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name, p in self.named_parameters(recurse=False):
            if name.endswith("weight"):
                init.xavier_uniform_(p)
            elif name == "in_proj_bias":
                init.zeros_(p)
            else:
                init.xavier_normal_(p)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None,
        average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """The output, and the weights of the keys in it, None if they are not asked for."""
        batched = self._check(query, key, value)
        if is_causal and attn_mask is None:
            mend = "make one with nn.Transformer.generate_square_subsequent_mask(L)"
            raise RuntimeError(describe("MultiheadAttention", "attn_mask", "a mask", None, mend))
        S = key.shape[1 if batched and self.batch_first else 0]
        added = (None, False), (self.bias_k, self.add_zero_attn), (self.bias_v, self.add_zero_attn)
        q, k, v = [
            self._heads(linear(self._batch_first(x, batched), weight, bias), *extra)
            for x, (weight, bias), extra in zip(
                (query, key, value), self._projections(), added, strict=True
            )
        ]
        mask = self._mask(key_padding_mask, attn_mask, q, k, S, batched)
        dropped = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (q / math.sqrt(self.head_dim)) @ k.mT
            weights = dropout(softmax(scores if mask is None else scores + mask, -1), dropped)
            out = weights @ v
            weights = weights.mean(1) if average_attn_weights else weights
            weights = weights if batched else weights[0]
        else:
            out = scaled_dot_product_attention(q, k, v, mask, dropped)
        N, _, L, _ = out.shape
        out = self.out_proj(out.transpose(1, 2).reshape(N, L, self.embed_dim))
        if not batched:
            return out[0], weights
        return out if self.batch_first else out.transpose(0, 1), weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> bool:
        """Whether there is a batch. Errors: ShapeError if the arguments do not fit."""
        sizes = {"query": self.embed_dim, "key": self.kdim, "value": self.vdim}
        for (name, size), x in zip(sizes.items(), (query, key, value), strict=True):
            got = getattr(x, "shape", type(x).__name__)
            ranks = (2, 3) if name == "query" else (query.ndim,)
            if getattr(x, "ndim", None) not in ranks or x.shape[-1] != size:
                form = " or ".join(f"{rank} dimensions" for rank in ranks)
                expected = f"{form}, the last one {size}"
                raise ShapeError(describe("MultiheadAttention", name, expected, got))
        if key.shape[:-1] != value.shape[:-1]:
            expected = f"as many keys as values {value.shape}"
            raise ShapeError(describe("MultiheadAttention", "key", expected, key.shape))
        place = 0 if self.batch_first else 1
        if query.ndim == 3 and key.shape[place] != query.shape[place]:
            expected = f"the batch of query {query.shape}"
            raise ShapeError(describe("MultiheadAttention", "key", expected, key.shape))
        return query.ndim == 3

    def _batch_first(self, x: Tensor, batched: bool) -> Tensor:
        if not batched:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def _projections(self) -> Any:
        """The weight and the bias of the query, the key and the value."""
        weights: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        if self.in_proj_weight is not None:
            weights = chunk(self.in_proj_weight, 3)
        biases = (None,) * 3 if self.in_proj_bias is None else chunk(self.in_proj_bias, 3)
        return zip(weights, biases, strict=True)

    def _heads(self, x: Tensor, extra: Tensor | None, ends_with_zero: bool) -> Tensor:
        """(N, S, E) as (N, num_heads, S, d), with what the settings add to keys and values."""
        if extra is not None:
            x = cat([x, extra.expand(len(x), 1, self.embed_dim)], 1)
        if ends_with_zero:
            x = pad(x, (0, 0, 0, 1))
        return x.reshape(*x.shape[:2], self.num_heads, self.head_dim).transpose(1, 2)

    def _mask(
        self, key_padding_mask: Tensor | None, attn_mask: Tensor | None, q: Tensor, k: Tensor,
        S: int, batched: bool,
    ) -> Tensor | None:  # fmt: skip
        """What is added to the scores; the keys that the settings add are never left out."""
        N, h, L, _ = q.shape
        mask = None
        if key_padding_mask is not None:
            shapes = [(N, S) if batched else (S,)]
            mask = _additive("key_padding_mask", key_padding_mask, shapes, q)
            mask = mask.reshape(N, 1, 1, S)
        if attn_mask is not None:
            added = _additive("attn_mask", attn_mask, [(L, S), (N * h, L, S)], q)
            added = added.reshape((N, h, L, S) if added.ndim == 3 else (1, 1, L, S))
            mask = added if mask is None else added + mask
        return mask if mask is None or k.shape[2] == S else pad(mask, (0, k.shape[2] - S))


def _additive(argument: str, mask: Tensor, shapes: list[tuple], scores: Tensor) -> Tensor:
    """A mask as floats to be added: -inf where a bool leaves a key out.

    Errors: ShapeError, DTypeError if it is neither bool nor of the dtype of the scores.
    """
    if mask.shape not in shapes:
        expected = "shape " + " or ".join(map(str, shapes))
        raise ShapeError(describe("MultiheadAttention", argument, expected, mask.shape))
    if mask.dtype == bool_:
        return zeros(mask.shape, dtype=scores.dtype).masked_fill(mask, -math.inf)
    if mask.dtype != scores.dtype:
        expected = f"bools or {scores.dtype}"
        raise DTypeError(describe("MultiheadAttention", argument, expected, mask.dtype))
    return mask
