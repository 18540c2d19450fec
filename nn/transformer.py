"""Transformers: encoders and decoders of layers, each attention and a small network in turn."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.ops.create import full
from tinygrad_edu.ops.diagonal import triu
from tinygrad_edu.tensor import Tensor

from . import init
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .functional import gelu, relu
from .linear import Linear
from .module import Module
from .norm import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
]  # fmt: skip

Activation = str | Callable[[Tensor], Tensor]


class _Layer(Module):
    """Attentions, and behind them a network of two layers; around each a residual and a norm."""

    attentions: tuple[str, ...]

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        made = {"device": device, "dtype": dtype}
        for name in self.attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **made
            )
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **made)
        self.norm_first = norm_first
        parts = range(1, len(self.attentions) + 2)
        for i in parts:
            self.add_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **made))
        for i in parts:
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = self._function(activation)

    def _function(self, activation: Activation) -> Callable[[Tensor], Tensor]:
        named: dict[Any, Any] = {"relu": relu, "gelu": gelu}
        if isinstance(activation, str) and activation not in named:
            expected, got = "'relu', 'gelu' or a function", repr(activation)
            raise RuntimeError(describe(type(self).__name__, "activation", expected, got))
        return named[activation] if isinstance(activation, str) else activation

    def _residual(self, i: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x + part(x), with the norm before the part or behind the sum."""
        norm, drop = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + drop(part(norm(x))) if self.norm_first else norm(x + drop(part(x)))

    def _attend(
        self, i: int, x: Tensor, memory: Tensor | None, mask: Tensor | None,
        padding_mask: Tensor | None, is_causal: bool,
    ) -> Tensor:  # fmt: skip
        """Part i: attention to `memory`, or to itself."""

        def part(x: Tensor) -> Tensor:
            keys = x if memory is None else memory
            attention = getattr(self, self.attentions[i - 1])
            return attention(x, keys, keys, padding_mask, False, mask, is_causal=is_causal)[0]

        return self._residual(i, x, part)

    def _transform(self, i: int, x: Tensor) -> Tensor:
        """Part i: the network, the same at every place of the sequence."""
        return self._residual(
            i, x, lambda x: self.linear2(self.dropout(self.activation(self.linear1(x))))
        )


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a network of two layers, each with dropout, a residual and a norm.

    Shapes: src (S, N, d_model), or (N, S, d_model) if `batch_first`, or (S, d_model); result
    alike. `src_mask` and `src_key_padding_mask` are those of `MultiheadAttention`. `activation` is
    "relu", "gelu" or a function; with `norm_first` the norms stand before the parts, not behind.
    Errors: as of `MultiheadAttention`, RuntimeError for another activation.
    Source: Vaswani et al. (2017); Xiong et al. (2020) for `norm_first`.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.TransformerEncoderLayer(8, nhead=2, batch_first=True)
    >>> mask = tg.nn.Transformer.generate_square_subsequent_mask(7)
    >>> layer(tg.ones(5, 7, 8), mask, is_causal=True).shape
    (5, 7, 8)
    """

    attentions = ("self_attn",)

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None, is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The sequence, each place changed by what it attends to."""
        x = self._attend(1, src, None, src_mask, src_key_padding_mask, is_causal)
        return self._transform(2, x)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to a memory, then a network of two layers.

    Shapes: tgt (T, N, d_model), memory (S, N, d_model), result (T, N, d_model); settings, masks
    and errors as of `TransformerEncoderLayer`, the masks once for tgt and once for the memory.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.TransformerDecoderLayer(8, nhead=2)
    >>> layer(tg.ones(4, 5, 8), tg.ones(7, 5, 8)).shape
    (4, 5, 8)
    """

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None, tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The target sequence, changed by what it attends to in itself and in the memory."""
        x = self._attend(1, tgt, None, tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        x = self._attend(2, x, memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        return self._transform(3, x)


class _Stack(Module):
    """Layers on top of each other: independent copies of one."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def _through(self, x: Tensor, *args: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *args)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """`num_layers` copies of an encoder layer, one on top of the other, and then `norm`.

    The copies start with the same parameters, and are trained apart. Shapes, masks and errors: as
    of the layer. `enable_nested_tensor` and `mask_check` are taken as PyTorch's, without effect.

    >>> import tinygrad_edu as tg
    >>> encoder = tg.nn.TransformerEncoder(tg.nn.TransformerEncoderLayer(8, nhead=2), 3)
    >>> encoder(tg.ones(7, 5, 8)).shape
    (7, 5, 8)
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
        enable_nested_tensor: bool = True, mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:  # fmt: skip
        """The sequence, behind all layers."""
        return self._through(src, mask, src_key_padding_mask, bool(is_causal))


class TransformerDecoder(_Stack):
    """`num_layers` copies of a decoder layer, one on top of the other, and then `norm`.

    The copies start with the same parameters, and are trained apart. Shapes, masks and errors: as
    of the layer.

    >>> import tinygrad_edu as tg
    >>> decoder = tg.nn.TransformerDecoder(tg.nn.TransformerDecoderLayer(8, nhead=2), 3)
    >>> decoder(tg.ones(4, 5, 8), tg.ones(7, 5, 8)).shape
    (4, 5, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None, tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The target sequence, behind all layers."""
        return self._through(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
            bool(tgt_is_causal), memory_is_causal,
        )  # fmt: skip


class Transformer(Module):
    """An encoder, and a decoder that attends to what the encoder made of the source.

    Shapes: src (S, N, d_model), tgt (T, N, d_model), result (T, N, d_model); settings, masks and
    errors as of the layers. Matrices are drawn by Xavier's uniform scheme. `custom_encoder` and
    `custom_decoder` take the place of the two.
    Errors: ShapeError if src and tgt differ in their batch or are not of size d_model.
    Source: Vaswani et al. (2017), Attention is all you need.

    >>> import tinygrad_edu as tg
    >>> model = tg.nn.Transformer(8, 2, num_encoder_layers=1, num_decoder_layers=1)
    >>> model(tg.ones(7, 5, 8), tg.ones(4, 5, 8)).shape
    (4, 5, 8)
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6,
        num_decoder_layers: int = 6, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = relu, custom_encoder: Any = None, custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()

        def stack(whole: type, layer: type, num_layers: int) -> Module:
            made = layer(
                d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
                norm_first, bias, device, dtype,
            )  # fmt: skip
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
            return whole(made, num_layers, norm)

        self.encoder = custom_encoder or stack(
            TransformerEncoder, TransformerEncoderLayer, num_encoder_layers
        )
        self.decoder = custom_decoder or stack(
            TransformerDecoder, TransformerDecoderLayer, num_decoder_layers
        )
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz): 0 where a place may attend, -inf at all later ones.

        >>> import tinygrad_edu as tg
        >>> tg.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return triu(full((sz, sz), -math.inf, dtype=dtype, device=device), diagonal=1)

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None, tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None, src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The target sequence, from what it attends to in itself and in the encoded source."""
        place = 0 if self.batch_first else 1
        for name, x in (("src", src), ("tgt", tgt)):
            if x.shape[-1] != self.d_model:
                expected = f"a last dimension of d_model={self.d_model}"
                raise ShapeError(describe("Transformer", name, expected, f"shape {x.shape}"))
        if src.ndim != tgt.ndim or (src.ndim == 3 and src.shape[place] != tgt.shape[place]):
            raise ShapeError(
                describe("Transformer", "tgt", f"the batch of src {src.shape}", tgt.shape)
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
            tgt_is_causal, memory_is_causal,
        )  # fmt: skip
