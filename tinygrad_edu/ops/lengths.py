"""Vectors without their lengths: brought to length 1, or compared by their angle."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.dtypes import result_type
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.op import composite
from tinygrad_edu.ops.choose import clamp
from tinygrad_edu.ops.convert import cast
from tinygrad_edu.ops.norms import vector_norm
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.ops.shape import expand
from tinygrad_edu.tensor import Tensor

__all__ = ["cosine_similarity", "normalize", "pairwise_distance"]


@composite
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """The vectors along `dim`, divided by their p-norm, or by `eps` if that is larger.

    Gradient: (g - out sum(g out)) / norm for p = 2. Errors: DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.normalize(tg.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    return input / clamp(vector_norm(input, p, dim, True), eps)


@composite
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between the vectors along `dim`.

    Shapes: both broadcast, `dim` counts in the common shape and is dropped. Lengths below `eps`
    count as eps. Gradient: for vectors of length 1, g (x2 - out x1) for `x1`.
    Errors: DTypeError for integers, DimensionError.

    >>> import tinygrad_edu as tg
    >>> tg.cosine_similarity(tg.tensor([[1.0, 0.0]]), tg.tensor([[3.0, 4.0]]))
    tensor([0.6000])
    """
    try:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        raise ShapeError(
            f"expected shapes that broadcast, got x1 {x1.shape} and x2 {x2.shape}"
        ) from None
    dtype = result_type(x1, x2)
    alike = [x if x.dtype == dtype else cast(x, dtype) for x in (x1, x2)]
    units = [_unit(expand(x, shape), dim, eps) for x in alike]
    return sum(units[0] * units[1], dim)


def _unit(x: Any, dim: int, eps: float) -> Any:
    """x divided by its length or by eps; the gradient, as in PyTorch, knows nothing of eps."""
    size = vector_norm(x, 2, dim, True)
    return x / (size + np.maximum(eps - _plain(size), 0))


def _plain(x: Any) -> np.ndarray:
    return x.array if isinstance(x, Tensor) else x


@composite
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """The p-norm of x1 - x2 + eps over the last dim.

    Shapes: both broadcast; the last dim is dropped unless `keepdim`.
    Gradient: for p = 2, g (x1 - x2 + eps) / out for `x1`, its negative for `x2`.

    >>> import tinygrad_edu as tg
    >>> tg.pairwise_distance(tg.zeros(1, 2), tg.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)
