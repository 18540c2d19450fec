"""Sum, difference, product, negation: the arithmetic that every network is made of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.convert import cast

__all__ = ["add", "mul", "multiply", "neg", "negative", "rsub", "sub", "subtract"]


def _with_alpha(*methods: str) -> Callable:
    """Give a sum or difference PyTorch's `alpha`; operators stay with the bare op, for speed."""

    def decorate(call: Any) -> Any:
        def named(input: Any, other: Any, *, alpha: float = 1) -> Any:
            plain = alpha == 1 and type(alpha) is int
            return call(input, other if plain else _scaled(call.op.name, input, other, alpha))

        functools.update_wrapper(named, call, ("__module__", "__name__", "__qualname__", "__doc__"))
        del named.__wrapped__  # type: ignore[attr-defined]  # the signature is its own
        return composite(named, method=methods, inplace=True)

    return decorate


def _scaled(name: str, input: Any, other: Any, alpha: Any) -> Any:
    """`other` times `alpha`, in the dtype that the sum will have."""
    dtype = dtypes.result_type(input, other)
    is_float, is_bool = isinstance(alpha, float), isinstance(alpha, bool)
    if (is_float and dtype.kind != "f") or (is_bool and dtype.kind != "b"):
        raise DTypeError(
            f"{name}: argument 'alpha': expected a number of the kind of {dtype}, got {alpha!r}"
        )
    if hasattr(other, "ndim") and other.dtype != dtype:
        other = cast(other, dtype)
    return mul(other, dtype.type(alpha).item())


@_with_alpha("add")
@op(operator="+", ufunc=np.add)
def add(input: Any, other: Any, /) -> Any:
    """Sum of two tensors, element by element; shapes broadcast. `alpha` scales the second.

    Gradient: g for `input`, g alpha for `other`.
    Errors: DTypeError if `alpha` is a float and the tensors are integers.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1.0, 2.0]) + 1
    tensor([2., 3.])
    """
    return np.add(input, other)


@add.rule
def add_rule(g):
    return g, g


@_with_alpha("sub", "subtract")
@op(operator="-", dtype="number", ufunc=np.subtract)
def sub(input: Any, other: Any, /) -> Any:
    """Difference of two tensors, element by element; shapes broadcast. `alpha` scales the second.

    Gradient: g for `input`, -g alpha for `other`. Errors: DTypeError for bools, and if `alpha`
    is a float and the tensors are integers.

    >>> import tinygrad_edu as tg
    >>> 3 - tg.tensor([1.0, 2.0])
    tensor([2., 1.])
    """
    return np.subtract(input, other)


@sub.rule
def sub_rule(g, need):
    return g, -g if need[1] else None


@composite(method="rsub")
def rsub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """other - alpha * input, element by element: `sub` with the operands exchanged.

    Gradient: -g alpha for `input`, g for `other`.

    >>> import tinygrad_edu as tg
    >>> tg.rsub(tg.tensor([1.0, 2.0]), 3)
    tensor([2., 1.])
    """
    return sub(other, input, alpha=alpha)


@op(method=("mul", "multiply"), operator="*", inplace=True, ufunc=np.multiply)
def mul(input: Any, other: Any, /) -> Any:
    """Product of two tensors, element by element; shapes broadcast.

    Gradient: g * other for `input`, g * input for `other`.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1.0, 2.0]) * tg.tensor([3.0, 4.0])
    tensor([3., 8.])
    """
    return np.multiply(input, other)


@mul.rule
def mul_rule(g, input, other, need):
    if input is other:  # a square: one product does for both
        part = g * input
        return part, part
    return g * other if need[0] else None, g * input if need[1] else None


@op(method=("neg", "negative"), operator="neg", inplace=True, dtype="number", ufunc=np.negative)
def neg(input: Any, /) -> Any:
    """The negative of each element. Gradient: -g. Errors: DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> -tg.tensor([1.0, -2.0])
    tensor([-1.,  2.])
    """
    return np.negative(input)


@neg.rule
def neg_rule(g):
    return -g


multiply, negative, subtract = mul, neg, sub
