"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.convert import clone

__all__ = ["diag", "diagonal", "tril", "triu"]


def _triangle(name: str, function: Any, kept: str, example: str) -> Any:
    def cut(input: Any, /, diagonal: int = 0) -> Any:
        if input.ndim < 2:
            raise ShapeError(f"{name}: expected at least 2 dimensions, got shape {input.shape}")
        return function(input, diagonal)

    cut.__name__ = cut.__qualname__ = name
    cut.__doc__ = f"""Each matrix with 0 {kept} the diagonal number `diagonal`.

    0 is the main diagonal, higher numbers lie to its right. Gradient: g, with 0 at the same places.
    Errors: ShapeError for fewer than two dims.

    >>> import tinygrad_edu as tg
    >>> tg.{name}(tg.ones(3, 3))
    {example}
    """
    call = op(cut, method=name, dtype=None, inplace=True)

    @call.rule
    def rule(g, diagonal):
        return call(g, diagonal)

    return call


tril = _triangle(
    "tril", np.tril, "above",
    "tensor([[1., 0., 0.],\n            [1., 1., 0.],\n            [1., 1., 1.]])",
)  # fmt: skip
triu = _triangle(
    "triu", np.triu, "below",
    "tensor([[1., 1., 1.],\n            [0., 1., 1.],\n            [0., 0., 1.]])",
)  # fmt: skip


def _writeable_diagonal(array: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    """The diagonal as a view that may be written if the array may; NumPy makes it read-only."""
    axes = dims.one(dim1, array.ndim), dims.one(dim2, array.ndim)
    if array.ndim < 2 or axes[0] == axes[1]:
        raise DimensionError(
            f"argument 'dim2': expected another dim than 'dim1', got {dim1} and {dim2} for shape "
            f"{array.shape}"
        )
    out = np.diagonal(array, offset, *axes)
    out.setflags(write=array.flags.writeable)
    return out


@op(method="diagonal", dtype=None, view=True)
def diagonal(input: Any, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of the matrices that `dim1` and `dim2` span, as the last dim; a view.

    Diagonal 0 is the main one, `offset` counts to its right. Gradient: g on the diagonal.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1, 2], [3, 4]]).diagonal()
    tensor([1, 4])
    """
    return _writeable_diagonal(input, offset, dim1, dim2)


@diagonal.rule
def diagonal_rule(g, input_shape, offset, dim1, dim2):
    return scatter_diagonal(g, input_shape, offset, dim1, dim2)


@op(dtype=None)
def scatter_diagonal(
    input: Any, /, shape: tuple, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Any:
    """Zeros of this shape with `input` on a diagonal: the adjoint of `diagonal`.

    Gradient: the diagonal of g.
    """
    out = np.zeros(shape, input.dtype)
    _writeable_diagonal(out, offset, dim1, dim2)[...] = input
    return out


@scatter_diagonal.rule
def scatter_diagonal_rule(g, offset, dim1, dim2):
    return diagonal(g, offset, dim1, dim2)


_diagonal = diagonal  # `diag` has an argument of this name


@composite(method="diag")
def diag(input: Any, diagonal: int = 0) -> Any:
    """The matrix with a vector on its diagonal, or the diagonal of a matrix, as a copy.

    Gradient: the diagonal of g, or g on the diagonal. Errors: ShapeError for other numbers of dims.

    >>> import tinygrad_edu as tg
    >>> tg.diag(tg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if input.ndim == 1:
        n = len(input) + abs(diagonal)
        return scatter_diagonal(input, (n, n), diagonal)
    if input.ndim != 2:
        raise ShapeError(f"diag: expected 1 or 2 dimensions, got shape {input.shape}")
    return clone(_diagonal(input, diagonal))
