"""How alike two vectors are: the cosine of their angle, or their distance."""

from __future__ import annotations

from tinygrad_edu.tensor import Tensor

from . import functional
from .function import FunctionModule

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class _OfTwo(FunctionModule):
    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The function of the two."""
        return self._call(x1, x2)


class CosineSimilarity(_OfTwo, function=functional.cosine_similarity):
    """The cosine of the angle between vectors along `dim`; lengths below `eps` count as eps.

    Shapes: both broadcast; `dim` is dropped.

    >>> import tinygrad_edu as tg
    >>> tg.nn.CosineSimilarity()(tg.tensor([[1.0, 0.0]]), tg.tensor([[3.0, 4.0]]))
    tensor([0.6000])
    """

    dim: int = 1
    eps: float = 1e-8


class PairwiseDistance(_OfTwo, function=functional.pairwise_distance):
    """The p-norm of x1 - x2 + eps over the last dim.

    Shapes: (N, D) or (D,), both broadcast; with `keepdim` the last dim stays, of size 1.

    >>> import tinygrad_edu as tg
    >>> tg.nn.PairwiseDistance()(tg.zeros(1, 2), tg.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """

    p: float = 2.0
    eps: float = 1e-6
    keepdim: bool = False
