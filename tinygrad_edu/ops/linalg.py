"""Products of matrices and of tensors."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygrad_edu import threads
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.kernels.channels import column_sums
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.shape import reshape

__all__ = ["bmm", "dot", "einsum", "linear", "matmul", "mm", "mv", "outer"]


@op(name="matmul", dtype="equal")
def matrix_product(input: Any, other: Any, /) -> Any:
    """Product of matrices in the last two dims; leading dims broadcast. Behind `matmul`.

    Gradient: g other^T for `input`, input^T g for `other`.
    """
    if input.shape[-1] != other.shape[-2]:
        raise _unequal(input, other)
    return threads.matmul(input, other)


def _unequal(input: Any, other: Any) -> ShapeError:
    place = "first" if other.ndim == 1 else "last but one"
    return ShapeError(
        f"matmul: expected the last size of input and the {place} of other to be equal, got "
        f"shapes {input.shape} and {other.shape}; transpose one of them?"
    )


@matrix_product.rule
def matrix_product_rule(g, input, other, need):
    return (
        g @ other.mT if need[0] else None,  # (..., n, m) @ (..., m, k)
        input.mT @ g if need[1] else None,  # (..., k, n) @ (..., n, m)
    )


@matrix_product.fused
def matrix_product_fused(g, input, other, need):
    return (
        threads.matmul(g, other.mT) if need[0] else None,
        threads.matmul(input.mT, g) if need[1] else None,
    )


@composite(method="matmul", operator="@")
def matmul(input: Any, other: Any) -> Any:
    """Matrix product over the last two dims; leading dims broadcast, vectors are rows or columns.

    Shapes: (..., n, k) @ (..., k, m) -> (..., n, m); a 1-d `input` is a row and a 1-d `other` a
    column, and that dim is dropped from the result.
    Gradient: g other^T for `input`, input^T g for `other`.
    Errors: ShapeError if the inner sizes differ or an operand is 0-d, DTypeError if the dtypes do.
    Source: Giles (2008), Collected matrix derivative results.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1.0, 2.0], [3.0, 4.0]]) @ tg.tensor([1.0, 1.0])
    tensor([3., 7.])
    """
    a, b = _rank(input), _rank(other)
    if a > 1 and b > 1:
        return matrix_product(input, other)
    if not a or not b:
        raise ShapeError(
            "matmul: expected two tensors of at least one dimension, got shapes "
            f"{getattr(input, 'shape', ())} and {getattr(other, 'shape', ())}; use * for numbers"
        )
    if input.shape[-1] != other.shape[-min(b, 2)]:
        raise _unequal(input, other)
    row = reshape(input, (1, *input.shape)) if a == 1 else input
    column = reshape(other, (*other.shape, 1)) if b == 1 else other
    out = matrix_product(row, column)
    if a == 1:
        out = reshape(out, (*out.shape[:-2], out.shape[-1]))
    return reshape(out, out.shape[:-1]) if b == 1 else out


def _rank(x: Any) -> int:
    return 0 if isinstance(x, (int, float)) else x.ndim


def _ranks(name: str, first: Any, second: Any, ranks: tuple[int, int], hint: str) -> None:
    for argument, x, rank in (("first", first, ranks[0]), ("second", second, ranks[1])):
        if x.ndim != rank:
            raise ShapeError(
                f"{name}: {argument} argument: expected {rank} dimensions, got shape {x.shape}; "
                f"{hint}"
            )


@composite(method="mm")
def mm(input: Any, mat2: Any) -> Any:
    """Product of two matrices: (n, k), (k, m) -> (n, m). See `matmul`.

    Gradient: g mat2^T for `input`, input^T g for `mat2`.
    Errors: ShapeError if an operand is not a matrix or the inner sizes differ.

    >>> import tinygrad_edu as tg
    >>> tg.mm(tg.tensor([[1.0, 2.0]]), tg.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    _ranks("mm", input, mat2, (2, 2), "matmul takes other ranks")
    return matrix_product(input, mat2)


@composite(method="bmm")
def bmm(input: Any, mat2: Any) -> Any:
    """Products of matrices pair by pair: (b, n, k), (b, k, m) -> (b, n, m). See `matmul`.

    Gradient: g mat2^T for `input`, input^T g for `mat2`.
    Errors: ShapeError if an operand is not a batch of matrices or the sizes differ.

    >>> import tinygrad_edu as tg
    >>> tg.bmm(tg.ones(5, 2, 3), tg.ones(5, 3, 4)).shape
    (5, 2, 4)
    """
    _ranks("bmm", input, mat2, (3, 3), "matmul takes other ranks")
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm: expected batches of one size, got {input.shape} and {mat2.shape}")
    return matrix_product(input, mat2)


@composite(method="mv")
def mv(input: Any, vec: Any) -> Any:
    """Product of a matrix and a vector: (n, k), (k,) -> (n,). See `matmul`.

    Gradient: the outer product of g and vec for `input`, input^T g for `vec`.
    Errors: ShapeError if the ranks are others or the inner sizes differ.

    >>> import tinygrad_edu as tg
    >>> tg.mv(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([1.0, 0.0]))
    tensor([1., 3.])
    """
    _ranks("mv", input, vec, (2, 1), "matmul takes other ranks")
    return matmul(input, vec)


@composite(method="dot")
def dot(input: Any, tensor: Any) -> Any:
    """Inner product of two vectors: (n,), (n,) -> (). See `matmul`.

    Gradient: g times the other vector. Errors: ShapeError for other ranks or unequal lengths.

    >>> import tinygrad_edu as tg
    >>> tg.dot(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    _ranks("dot", input, tensor, (1, 1), "matmul takes other ranks")
    return matmul(input, tensor)


@composite(method="outer")
def outer(input: Any, vec2: Any) -> Any:
    """Outer product of two vectors: (n,), (m,) -> (n, m).

    Gradient: g vec2 for `input`, g^T input for `vec2`. Errors: ShapeError for other ranks.

    >>> import tinygrad_edu as tg
    >>> tg.outer(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    _ranks("outer", input, vec2, (1, 1), "flatten() first")
    return reshape(input, (-1, 1)) * reshape(vec2, (1, -1))


@op(dtype="equal")
def linear(input: Any, weight: Any, bias: Any = None, /) -> Any:
    """A fully connected layer: input @ weight^T + bias.

    Shapes: (..., D), (F, D), (F,) -> (..., F). Gradient: g weight; g^T input, and g, summed over
    the leading dims. Errors: ShapeError if D differs.

    >>> import tinygrad_edu as tg
    >>> tg.linear(tg.ones(1, 2), tg.tensor([[1.0, 2.0]]), tg.tensor([0.5]))
    tensor([[3.5000]])
    """
    if weight.ndim != 2 or input.ndim < 1 or input.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"linear: expected input (..., {weight.shape[-1]}) for weight {weight.shape}, got "
            f"{input.shape}" + ("; flatten(1) it first?" if input.ndim > 2 else "")
        )
    out = threads.matmul(input, weight.T)
    if bias is not None:
        out += bias  # a fresh array: no temporary is needed
    return out


@linear.rule
def linear_rule(g, input, weight, need):
    gw = None
    if need[1]:
        count = prod(g.shape[:-1])  # -1 in its place could not be told without any features
        rows = reshape(g, (count, weight.shape[0]))
        gw = rows.mT @ reshape(input, (count, weight.shape[1]))
    return matmul(g, weight) if need[0] else None, gw, g if need[2] else None


@linear.fused
def linear_fused(g, input, weight, need):
    count = prod(g.shape[:-1])
    rows = g.reshape(count, weight.shape[0])
    return (
        threads.matmul(g, weight) if need[0] else None,
        threads.matmul(rows.T, input.reshape(count, weight.shape[1])) if need[1] else None,
        column_sums(rows) if need[2] else None,
    )


@op(name="einsum", dtype="equal")
def contract(*tensors: Any, equation: str) -> Any:
    """The sum of products that an equation of explicit letters names: behind `einsum`.

    Gradient: for each tensor, the contraction of g with the others.
    """
    return np.einsum(equation, *tensors, optimize=len(tensors) > 1)


@contract.rule
def contract_rule(g, tensors, equation, need):
    terms, result = equation.split("->")
    letters = terms.split(",")
    return [
        _contract_gradient(g, result, tensors, letters, i) if need[i] else None
        for i in range(len(tensors))
    ]


def _contract_gradient(g: Any, result: str, tensors: Any, letters: list[str], i: int) -> Any:
    """The gradient of tensor i: g times the other tensors, summed to the letters of tensor i.

    A letter that occurs twice in tensor i stands for a diagonal: the second one is renamed, and
    an identity matrix ties the two. A letter that occurs in tensor i alone was summed: a vector
    of ones gives it back.
    """
    operands = [g, *tensors[:i], *tensors[i + 1 :]]
    names = [result, *letters[:i], *letters[i + 1 :]]
    mine, known = "", set("".join(names))
    free = iter(c for c in _LETTERS if c not in known.union(letters[i]))
    for letter, size in zip(letters[i], tensors[i].shape, strict=True):
        if letter in mine:
            renamed = next(free)
            operands.append(np.eye(size, dtype=g.dtype))
            names.append(letter + renamed)
            mine += renamed
            continue
        if letter not in known:
            operands.append(np.ones(size, dtype=g.dtype))
            names.append(letter)
        mine += letter
    return contract(*operands, equation=f"{','.join(names)}->{mine}")


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@composite
def einsum(equation: str, *operands: Any) -> Any:
    """The sum of products named by an equation in Einstein's notation.

    Each letter is a dim; a letter missing after "->" is summed over, a repeated letter takes the
    diagonal, "..." stands for leading dims that broadcast. Without "->" the letters that occur
    once come out in alphabetical order.
    Gradient: for each operand, the contraction of g with the others.
    Errors: ShapeError if the equation and the shapes do not fit.

    >>> import tinygrad_edu as tg
    >>> tg.einsum("ij,ij->i", tg.ones(2, 3), tg.ones(2, 3))
    tensor([3., 3.])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    return contract(*operands, equation=_explicit(equation.replace(" ", ""), operands))


def _explicit(equation: str, operands: tuple) -> str:
    """The equation with letters in place of "..." and with a right side."""
    terms, arrow, result = equation.partition("->")
    letters = terms.split(",")
    if len(letters) != len(operands):
        shapes = [tuple(x.shape) for x in operands]
        raise ShapeError(
            f"einsum: {equation!r} names {len(letters)} operands, got {len(operands)} of shapes "
            f"{', '.join(map(str, shapes))}"
        )
    spare = [c for c in _LETTERS if c not in equation]
    longest = 0
    for i, (term, x) in enumerate(zip(letters, operands, strict=True)):
        hidden = x.ndim - len(term.replace("...", ""))
        if hidden < 0 or (hidden and "..." not in term):
            raise ShapeError(
                f"einsum: {equation!r}: operand {i}: expected {len(term.replace('...', ''))} "
                f"dimensions for {term!r}, got shape {x.shape}"
            )
        # The dims behind "..." are named from the last one backwards: so they broadcast.
        letters[i] = term.replace("...", "".join(spare[:hidden][::-1]))
        longest = max(longest, hidden)
    dots = "".join(spare[:longest][::-1])
    if not arrow:
        everything = "".join(letters)
        once = [c for c in sorted(set(everything)) if everything.count(c) == 1 and c not in dots]
        result = dots + "".join(once)
    return f"{','.join(letters)}->{result.replace('...', dots)}"
