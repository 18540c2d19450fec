"""Embedding: a table of vectors that are learned, looked up by numbers."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.modes import no_grad
from tinygrad_edu.ops.create import empty
from tinygrad_edu.ops.embedding import check_options, embedding, padding_row
from tinygrad_edu.tensor import Tensor

from . import init
from .layer import whole
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A vector for each of `num_embeddings` numbers, such as the words of a vocabulary.

    Shapes: any shape (...) of int64 or int32 -> (..., embedding_dim); weight (num_embeddings,
    embedding_dim), drawn from the standard normal distribution. The row `padding_idx` starts as
    zeros and gets no gradient. With `max_norm`, rows that are read and longer, by the norm of
    order `norm_type`, are first scaled to that length, in the weight itself.
    Errors: DimensionError for a number or a `padding_idx` outside the table; SettingError for
    `scale_grad_by_freq` and `sparse`, which are not there.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Embedding(10, 3, padding_idx=0); layer
    Embedding(10, 3, padding_idx=0)
    >>> layer(tg.tensor([[1, 4], [0, 0]])).shape
    (2, 2, 3)
    """

    weight: Parameter

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
        sparse: bool = False, _weight: Tensor | None = None, _freeze: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        check_options("Embedding", scale_grad_by_freq, sparse)
        self.num_embeddings = whole(self, "num_embeddings", num_embeddings, 0)
        self.embedding_dim = whole(self, "embedding_dim", embedding_dim, 0)
        if padding_idx is not None:
            padding_idx = padding_row("Embedding", padding_idx, num_embeddings)
        self.padding_idx, self.max_norm, self.norm_type = padding_idx, max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        shape = (self.num_embeddings, self.embedding_dim)
        if _weight is not None and _weight.shape != shape:
            raise ShapeError(describe("Embedding", "_weight", f"shape {shape}", _weight.shape))
        table = empty(shape, device=device, dtype=dtype) if _weight is None else _weight
        self.weight = Parameter(table, requires_grad=not _freeze)
        if _weight is None:
            self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None,
        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:  # fmt: skip
        """A layer with this table (V, D), whose memory it shares; not learned if `freeze`.

        >>> import tinygrad_edu as tg
        >>> layer = tg.nn.Embedding.from_pretrained(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
        >>> layer(tg.tensor(1)), layer.weight.requires_grad
        (tensor([3., 4.]), False)
        """
        if embeddings.ndim != 2:
            got = f"shape {embeddings.shape}"
            raise ShapeError(describe("from_pretrained", "embeddings", "shape (V, D)", got))
        V, D = embeddings.shape
        return cls(
            V, D, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight=embeddings, _freeze=freeze,
        )  # fmt: skip

    def reset_parameters(self) -> None:
        """Draw the table anew; the padding row is zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].zero_()

    def forward(self, input: Tensor) -> Tensor:
        """The rows at the numbers in `input`."""
        return embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type)

    def extra_repr(self) -> str:
        """The sizes, and the settings that are not the default."""
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2}
        given = {name: getattr(self, name) for name in usual}
        shown = [f"{name}={value}" for name, value in given.items() if value != usual[name]]
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *shown])
