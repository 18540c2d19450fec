"""More products: added to something, over several dims, over a diagonal."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.op import composite
from tinygrad_edu.ops import dims as places
from tinygrad_edu.ops.arithmetic import mul
from tinygrad_edu.ops.diagonal import diagonal
from tinygrad_edu.ops.linalg import bmm, linear, mm
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.ops.shape import permute, reshape, unsqueeze

__all__ = ["addmm", "baddbmm", "bilinear", "inner", "tensordot", "trace"]


@composite(method="inner")
def inner(input: Any, other: Any) -> Any:
    """Sums of products over the last dim of both; with a 0-d operand the plain product.

    Shapes: (..., d), (..., d) -> the dims before d of both. Gradient: g times the other, summed
    over the dims of the other. Errors: ShapeError if d differs.

    >>> import tinygrad_edu as tg
    >>> tg.inner(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    if not input.ndim or not other.ndim:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise ShapeError(
            f"inner: expected equal last sizes, got shapes {input.shape} and {other.shape}"
        )
    return tensordot(input, other, ((-1,), (-1,)))


def _plus(name: str, input: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta * input + alpha * product, where the input may be smaller; behind `addmm`."""
    if input.dtype != product.dtype:
        raise DTypeError(
            f"{name}: expected inputs of one dtype, got {input.dtype} and {product.dtype}; "
            "convert one of them with .to(dtype)"
        )
    sizes = zip(input.shape[::-1], product.shape[::-1], strict=False)
    if input.ndim > product.ndim or any(n not in (1, m) for n, m in sizes):
        raise ShapeError(
            f"{name}: argument 'input': expected a shape that broadcasts to {product.shape}, got "
            f"{input.shape}"
        )
    product = _times(product, alpha)
    # With beta 0 not even a nan of the input counts, as in PyTorch.
    return product if beta == 0 else _times(input, beta) + product


def _times(x: Any, factor: Any) -> Any:
    """x times a number; among integers only its whole part counts, as in PyTorch."""
    if x.dtype.kind != "f":
        factor = np.asarray(int(factor)).astype(x.dtype)
    return x if isinstance(factor, (int, float)) and factor == 1 else x * factor


@composite(method="addmm", inplace=True)
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * (mat1 @ mat2) of matrices; with beta 0 the input plays no part.

    Shapes: (n, m) or what broadcasts to it, (n, k), (k, m) -> (n, m). Gradient: beta g;
    alpha g mat2^T; alpha mat1^T g. Errors: ShapeError if the shapes do not fit, DTypeError if the
    dtypes differ.

    >>> import tinygrad_edu as tg
    >>> tg.addmm(tg.ones(1), tg.ones(1, 3), tg.ones(3, 2), alpha=2)
    tensor([[7., 7.]])
    """
    return _plus("addmm", input, mm(mat1, mat2), beta, alpha)


@composite(method="baddbmm", inplace=True)
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * (batch1 @ batch2), matrix by matrix: `addmm` for batches.

    Shapes: (b, n, m) or what broadcasts to it, (b, n, k), (b, k, m) -> (b, n, m). Gradient:
    beta g; alpha g batch2^T; alpha batch1^T g. Errors: as `addmm`.

    >>> import tinygrad_edu as tg
    >>> tg.baddbmm(tg.ones(1), tg.ones(1, 1, 3), tg.ones(1, 3, 2), beta=2)
    tensor([[[5., 5.]]])
    """
    return _plus("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@composite
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Sums of products over several dims of two tensors.

    `dims` is a number, of the last dims of `a` and the first of `b`, or a pair of lists: dims of
    `a` and the dims of `b` they go with. The dims that are left make the result, those of `a`
    first. Gradient: `tensordot` of g and the other. Errors: ShapeError if sizes differ.

    >>> import tinygrad_edu as tg
    >>> tg.tensordot(tg.ones(2, 3, 4), tg.ones(3, 4, 5)).shape
    (2, 5)
    >>> tg.tensordot(tg.ones(2, 3), tg.ones(2, 5), dims=([0], [0])).shape
    (3, 5)
    """
    in_a, in_b = _contracted(a, b, dims)
    for i, j in zip(in_a, in_b, strict=True):
        n, m = a.shape[i], b.shape[j]
        if n != m and 1 not in (n, m):
            raise ShapeError(
                f"tensordot: expected equal sizes in dim {i} of a and dim {j} of b, got shapes "
                f"{a.shape} and {b.shape}"
            )
        a, b = (sum(a, i, True) if m == 1 else a), (sum(b, j, True) if n == 1 else b)
    free_a = [i for i in range(a.ndim) if i not in in_a]
    free_b = [j for j in range(b.ndim) if j not in in_b]
    rows, columns = [a.shape[i] for i in free_a], [b.shape[j] for j in free_b]
    inner_size = prod([a.shape[i] for i in in_a])
    left = reshape(permute(a, (*free_a, *in_a)), (prod(rows), inner_size))
    right = reshape(permute(b, (*in_b, *free_b)), (inner_size, prod(columns)))
    return reshape(mm(left, right), (*rows, *columns))


def _contracted(a: Any, b: Any, dims: Any) -> tuple[list[int], list[int]]:
    """The dims of `a` and of `b` over which `tensordot` sums."""
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ShapeError(
                f"tensordot: argument 'dims': expected 0 to {min(a.ndim, b.ndim)}, got {dims} for "
                f"shapes {a.shape} and {b.shape}"
            )
        return list(range(a.ndim - dims, a.ndim)), list(range(dims))
    first, second = ((d,) if isinstance(d, int) else d for d in dims)
    in_a = [places.one(d, a.ndim) for d in first]
    in_b = [places.one(d, b.ndim) for d in second]
    if len(in_a) != len(in_b) or len({*in_a}) < len(in_a) or len({*in_b}) < len(in_b):
        raise ShapeError(
            f"tensordot: argument 'dims': expected as many different dims of a as of b, got {dims} "
            f"for shapes {a.shape} and {b.shape}"
        )
    return in_a, in_b


@composite(method="trace")
def trace(input: Any) -> Any:
    """Sum of the diagonal of a matrix; of integers in int64.

    Gradient: g on the diagonal, 0 elsewhere. Errors: ShapeError for other than two dims.

    >>> import tinygrad_edu as tg
    >>> tg.trace(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    if input.ndim != 2:
        raise ShapeError(f"trace: expected a matrix, got shape {input.shape}")
    return sum(diagonal(input))


@composite
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """A linear layer of all products of two inputs: out_k = sum_ij a_i weight_kij b_j + bias_k.

    Shapes: (..., C), (..., D), (F, C, D), (F,) -> (..., F), with equal dims before the last.
    Gradient: g weight_k, times the other input; g times the products; g; summed over the dims
    before. Errors: ShapeError, and DTypeError if the dtypes differ.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.tensor([1.0, 2.0]), tg.tensor([10.0, 100.0, 1000.0])
    >>> tg.bilinear(a, b, tg.ones(1, 2, 3))
    tensor([3330.])
    """
    F, C, D = weight.shape if weight.ndim == 3 else (0, -1, -1)
    fits = input1.shape == (*input2.shape[:-1], C) and input2.shape[-1:] == (D,)
    if not fits or (bias is not None and bias.shape != (F,)):
        shapes = [None if x is None else x.shape for x in (input1, input2, weight, bias)]
        raise ShapeError(
            "bilinear: expected input1 (..., C), input2 (..., D), weight (F, C, D) and bias (F,) "
            f"or None, got {', '.join(map(str, shapes))}"
        )
    if input1.dtype != input2.dtype:
        raise DTypeError(
            f"bilinear: expected inputs of one dtype, got {input1.dtype} and {input2.dtype}; "
            "convert one of them with .to(dtype)"
        )
    products = unsqueeze(input1, -1) * unsqueeze(input2, -2)
    rows = reshape(products, (*input1.shape[:-1], C * D))
    return linear(rows, reshape(weight, (F, C * D)), bias)
