"""Lengths of vectors and matrices, and distances between the rows of two matrices.

A length has a kink at 0; its gradient there is 0, as in PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, SettingError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.choose import keep, where
from tinygrad_edu.ops.convert import cast
from tinygrad_edu.ops.extremes import amax, amin, shared
from tinygrad_edu.ops.pointwise import abs, pow, sign
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.rearrange import movedim
from tinygrad_edu.ops.reduce import lifted, sum
from tinygrad_edu.ops.shape import reshape, unsqueeze
from tinygrad_edu.ops.spectral import svdvals

__all__ = ["cdist", "norm"]

INF = float("inf")


# --- lengths of vectors -------------------------------------------------------------------------


@op(dtype=None)
@quiet
def p_norm(input: Any, /, ord: float, dim: Any, keepdim: bool) -> Any:
    """The p-norm (sum |x|^p)^(1/p) over `dim`: behind `vector_norm`.

    Gradient: g sign(x) (|x| / out)^(p - 1), 0 where the result is 0. For infinite p, g shared by
    the elements of the result's size; for p = 0, which counts what is not 0, none.
    """
    axes = dims.several(dim, input.ndim)
    if (ord == INF or ord < 0) and not min([input.shape[i] for i in axes], default=1):
        raise DimensionError(
            f"argument 'dim': expected at least one element for order {ord}, got dims {axes} of "
            f"shape {input.shape}"
        )
    if ord == 0:
        return np.sum(input != 0, axes, input.dtype, keepdims=keepdim)
    function = {INF: np.maximum, -INF: np.minimum}.get(ord, np.add)
    reduce: Any = function.reduce  # not np.sum: it would warn of an overflow in NumPy's name
    if ord == 2:
        return np.sqrt(reduce(input * input, axes, keepdims=keepdim))
    size = np.absolute(input)
    if ord in (1, INF, -INF):
        return reduce(size, axes, keepdims=keepdim)
    return reduce(size**ord, axes, keepdims=keepdim) ** (1 / ord)


@p_norm.rule
def p_norm_rule(g, input, out, ord, dim):
    if ord == 0:
        return keep(input, False)
    if ord == 1:
        return lifted(g, input.shape, dim) * sign(input)
    if ord in (INF, -INF):
        return shared(g, abs(input) == lifted(out, input.shape, dim), dim) * sign(input)
    kept = dims.kept(input.shape, dim)
    g, out = reshape(g, kept), reshape(out, kept)
    flat = out == 0
    g, out = where(flat, 0.0, g), where(flat, 1.0, out)
    if ord == 2:
        return g / out * input
    ratio = where(input == 0, 1.0, abs(input)) / out
    return g * (sign(input) * pow(ratio, float(ord - 1)))


@composite
def vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """Length of the elements over `dim`, or over all, as one vector: (sum |x|^ord)^(1 / ord).

    `ord` is any number: 2 is Euclid's length, 1 the sum of sizes, inf and -inf the largest and
    the smallest size, 0 how many are not 0. Gradient: g x / out for order 2, g sign(x)
    (|x| / out)^(ord - 1) for others, and 0 where the length is 0; for inf and -inf, shared by all
    elements of that size; none for order 0. Errors: DTypeError for integers, DimensionError for
    inf, -inf and negative orders of nothing.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.vector_norm(tg.tensor([3.0, -4.0])), tg.linalg.vector_norm(tg.ones(3), ord=1)
    (tensor(5.), tensor(3.))
    """
    return p_norm(_floating("vector_norm", x, dtype), _order("vector_norm", ord), dim, keepdim)


def _order(name: str, ord: Any) -> Any:
    if isinstance(ord, str) or not np.isscalar(ord):
        raise DTypeError(f"{name}: expected a number as the order, got {ord!r}")
    return ord


def _floating(name: str, x: Any, dtype: Any) -> Any:
    if x.dtype.kind != "f":
        raise DTypeError(f"{name}: expected floating-point elements, got {x.dtype}; use .float()")
    return x if dtype is None else cast(x, np.dtype(dtype))


# --- lengths of matrices ------------------------------------------------------------------------


@composite
def matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """Norm of the matrices in the two dims `dim`.

    `ord` is "fro", the length of all elements; 1 or -1, the largest or smallest sum of sizes down
    a column; inf or -inf, along a row; 2 or -2, the largest or smallest singular value; "nuc", the
    sum of the singular values. Gradient: as `vector_norm`, `amax` and `svdvals`.
    Errors: OrderError for other orders, ShapeError for fewer than two dims.

    >>> import tinygrad_edu as tg
    >>> A = tg.tensor([[1.0, -2.0], [3.0, 4.0]])
    >>> tg.linalg.matrix_norm(A, 1), tg.linalg.matrix_norm(A, float("inf"))
    (tensor(6.), tensor(7.))
    """
    return _matrix_norm("matrix_norm", _floating("matrix_norm", A, dtype), ord, dim, keepdim)


def _matrix_norm(name: str, A: Any, ord: Any, dim: Any, keepdim: bool) -> Any:
    if A.ndim < 2 or not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise ShapeError(f"{name}: expected two dims of a matrix, got dim {dim} of shape {A.shape}")
    rows, columns = (dims.one(d, A.ndim) for d in dim)
    if rows == columns:
        raise DimensionError(f"{name}: argument 'dim': expected each dim once, got {dim}")
    if ord == "fro":
        return p_norm(A, 2, (rows, columns), keepdim)
    if ord not in ("nuc", 1, -1, 2, -2, INF, -INF):
        expected = "'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        raise SettingError(f"{name}: argument 'ord': expected {expected}, got {ord!r}")
    M = movedim(A, (rows, columns), (-2, -1))
    singular = ord in ("nuc", 2, -2)
    sizes = svdvals(M) if singular else sum(abs(M), -2 if ord in (1, -1) else -1)
    summed = ord == "nuc" or (ord > 0 and not sizes.shape[-1])  # the largest of none is 0
    out = (sum if summed else amax if ord > 0 else amin)(sizes, -1)
    return reshape(out, dims.kept(A.shape, (rows, columns))) if keepdim else out


@composite
def linalg_norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """Norm of vectors or of matrices: `tg.linalg.norm`.

    Without `ord` the length of all elements, over `dim` if it is given. With `ord` and one dim, or
    a 1-d tensor, `vector_norm`; with two dims, or a 2-d tensor, `matrix_norm`. Gradient: as those.
    Errors: ShapeError if `ord` is given without `dim` for other than 1-d and 2-d tensors.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.norm(tg.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(5.)
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise ShapeError(
            f"linalg_norm: expected 1 or 2 dimensions with an order and no dim, got {A.shape}"
        )
    count = len(dim) if isinstance(dim, (tuple, list)) else 1
    if (A.ndim if dim is None else count) == 2:
        A = _floating("linalg_norm", A, dtype)
        return _matrix_norm("linalg_norm", A, ord, (0, 1) if dim is None else dim, keepdim)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


@composite(method="norm")
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    """Length of the elements over `dim`, or over all, as one vector; the older `vector_norm`.

    "fro" and None are order 2; "nuc" is the sum of the singular values of a matrix, or of the
    matrices in the two dims `dim`. Gradient: as `vector_norm`; 0 where the length is 0.
    Errors: DTypeError for integers, SettingError for another word.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([3.0, -4.0], requires_grad=True)
    >>> x.norm().backward(); x.grad
    tensor([ 0.6000, -0.8000])
    """
    if p == "nuc":
        dim = tuple(range(input.ndim)) if dim is None else dim
        return _matrix_norm("norm", _floating("norm", input, dtype), p, dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise SettingError(f"norm: argument 'p': expected a number, 'fro' or 'nuc', got {p!r}")
    p = 2 if p is None or p == "fro" else _order("norm", p)
    return p_norm(_floating("norm", input, dtype), p, dim, keepdim)


# --- distances ----------------------------------------------------------------------------------


@op(dtype="equal")
def euclidean(input: Any, other: Any, /, products: bool) -> Any:
    """Distances between the rows of two matrices: behind `cdist` of order 2.

    With `products` as sqrt(x x + y y - 2 x y), which needs no differences of all pairs: faster,
    and less exact for rows close to each other. Gradient: for each row the sum of its unit
    vectors to the others, each times g; 0 for a pair without distance.
    """
    if not products:
        return p_norm.op.kernel(input[..., :, None, :] - other[..., None, :, :], 2, -1, False)
    squares = np.matmul(input, other.mT)
    squares *= -2
    squares += np.square(input).sum(-1)[..., :, None]
    squares += np.square(other).sum(-1)[..., None, :]
    return np.sqrt(np.maximum(squares, 0, out=squares), out=squares)


@euclidean.rule
def euclidean_rule(g, input, other, out, need):
    flat = out == 0
    scale = where(flat, 0.0, g) / where(flat, 1.0, out)
    return (
        unsqueeze(sum(scale, -1), -1) * input - scale @ other if need[0] else None,
        unsqueeze(sum(scale, -2), -1) * other - scale.mT @ input if need[1] else None,
    )


_MODES = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}


@composite
def cdist(
    x1: Any, x2: Any, p: float = 2.0,
    compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary",
) -> Any:  # fmt: skip
    """Distances of order `p` between each row of `x1` and each row of `x2`.

    Shapes: (..., n, d), (..., m, d) -> (..., n, m); leading dims broadcast. Euclid's distances
    (p = 2) are computed by a product of matrices if n or m is above 25, or as `compute_mode` says.
    Gradient: as `vector_norm` of the differences, so 0 for a pair without distance.
    Errors: ShapeError if d differs or there are fewer than two dims, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.cdist(tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0], [1.0, 0.0]]))
    tensor([[5., 1.]])
    """
    for x in (x1, x2):
        _floating("cdist", x, None)
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(
            f"cdist: expected rows of one length, (..., n, d) and (..., m, d), got {x1.shape} and "
            f"{x2.shape}"
        )
    if p < 0:
        raise SettingError(f"cdist: argument 'p': expected 0 or more, got {p}")
    if compute_mode is not None and compute_mode not in _MODES:
        raise SettingError(
            f"cdist: compute_mode: expected any of {list(_MODES)}, got {compute_mode}"
        )
    if p == 2:
        products = None if compute_mode is None else _MODES[compute_mode]
        many = max(x1.shape[-2], x2.shape[-2]) > 25
        return euclidean(x1, x2, many if products is None else products)
    return p_norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1, False)
