"""The `dim` argument: negative numbers, tuples, and what is out of range."""

from __future__ import annotations

from math import prod
from operator import index
from typing import Any

from tinygrad_edu.errors import DimensionError, DTypeError


def one(dim: Any, ndim: int) -> int:
    """`dim` counted from the front; a 0-d tensor takes 0 and -1, as in PyTorch."""
    try:
        dim = index(dim)
    except TypeError:
        raise DTypeError(f"argument 'dim': expected an integer, got {dim!r}") from None
    span = max(ndim, 1)
    if not -span <= dim < span:
        raise DimensionError(
            f"argument 'dim': expected {-span} to {span - 1} for {ndim} dimensions, got {dim}"
        )
    return dim % span


def several(dim: Any, ndim: int) -> tuple[int, ...]:
    """The dims of a reduction, counted from the front; None and () stand for all."""
    if type(dim) is int and 0 <= dim < ndim:
        return (dim,)
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(ndim))
    dims = [one(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))]
    if len(set(dims)) < len(dims):
        raise DimensionError(f"argument 'dim': expected each dim once, got {dim}")
    return tuple(dims) if ndim else ()


def kept(shape: tuple, dim: Any) -> tuple:
    """The shape that a reduction over `dim` with keepdim=True gives."""
    dims = several(dim, len(shape))
    return tuple([1 if i in dims else n for i, n in enumerate(shape)])


def count(shape: tuple, dim: Any) -> int:
    """How many elements are reduced into one."""
    return prod(shape if dim is None else [shape[i] for i in several(dim, len(shape))])
