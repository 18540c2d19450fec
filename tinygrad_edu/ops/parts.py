"""Parts of a tensor along one dim: views, so a write to a part is a write to the whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from operator import index as integer
from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, ShapeError
from tinygrad_edu.graph import Node
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.indexing import getitem, scatter_index
from tinygrad_edu.tensor import Tensor

__all__ = ["chunk", "narrow", "select", "split", "unbind"]


def axis_of(name: str, input: Any, dim: int) -> int:
    """`dim` from the front; a 0-d tensor has no parts."""
    if input.ndim == 0:
        raise DimensionError(f"{name}: expected at least one dimension, got a tensor of shape ()")
    return dims.one(dim, input.ndim)


def _part(input: Any, axis: int, place: Any) -> Any:
    return getitem(input, (slice(None),) * axis + (place,))


@op(dtype=None)
def all_of(input: Any, /) -> Any:
    """The tensor itself: what parts that are made together are parts of. Gradient: g."""
    return input


@all_of.rule
def all_of_rule(g):
    return g


@op(name="split", dtype=None)
def part_of(input: Any, /, index: tuple, whole: Node | None) -> Any:
    """One of the parts that make up a tensor: behind `split` and `unbind`. Gradient: g there.

    Many parts share one gradient: the first to arrive at `whole`, the node of the tensor, makes
    the array, and the others write to it, not each to zeros of its own that are added up.
    """
    return input[index]


@part_of.rule
def part_of_rule(g, input_shape, index):
    return scatter_index(g, input_shape, index)


@part_of.fused
def part_of_fused(g, input_shape, index, whole):
    # A node that knows its call is there to be looked at, and so is the gradient of each part.
    if type(whole) is Node and isinstance(whole.g, np.ndarray):
        whole.g[index] += g
        return None
    return scatter_index.op.kernel(g, input_shape, index)


SHARED = 1 << 18  # elements of zeros, from which on parts share their gradient


def _parts(input: Any, axis: int, places: Sequence) -> tuple:
    """The parts at places along an axis, which do not overlap: all are views."""
    parts = tuple([_part(input, axis, place) for place in places])
    many = len(parts) > 1 and len(parts) * prod(input.shape) >= SHARED
    if many and isinstance(input, Tensor) and parts[0].node is not None:
        whole, before = all_of(input), (slice(None),) * axis
        for part, place in zip(parts, places, strict=True):
            settings = (*before, place), whole.node
            part.node = part_of.op.node(part.array, (whole,), (whole.array,), settings, ())
    return parts


@composite(method="narrow")
def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """`length` places along `dim`, from `start` on; a view.

    Gradient: g at these places. Errors: DimensionError if they do not lie within the tensor.

    >>> import tinygrad_edu as tg
    >>> tg.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    axis = axis_of("narrow", input, dim)
    if hasattr(start, "dtype") and (start.ndim or start.dtype.kind not in "iu"):
        raise DTypeError(
            f"narrow: argument 'start': expected an integer, got {start.dtype} of shape "
            f"{start.shape}"
        )
    size, first, length = input.shape[axis], integer(start), integer(length)
    first += size if first < 0 else 0
    if length < 0 or not 0 <= first <= size - length:
        raise DimensionError(
            f"narrow: expected start and length within size {size} of dim {dim}, got start {start} "
            f"and length {length}"
        )
    return _part(input, axis, slice(first, first + length))


@composite(method="select")
def select(input: Any, dim: int, index: Any) -> Any:
    """The place `index` along `dim`, without that dim; a view. Gradient: g at this place.

    Errors: DimensionError if the index is out of range.

    >>> import tinygrad_edu as tg
    >>> tg.arange(6).view(2, 3).select(1, -1)
    tensor([2, 5])
    """
    axis, place = axis_of("select", input, dim), integer(index)
    size = input.shape[axis]
    if not -size <= place < size:
        raise DimensionError(
            f"select: argument 'index': expected {-size} to {size - 1} for dim {dim}, got {place}"
        )
    return _part(input, axis, place)


@composite
def split(tensor: Any, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple:
    """The tensor cut along `dim` into parts of a size (the last may be smaller), or of given sizes.

    All parts are views. Gradient: g of each part at its place. Errors: ShapeError if the given
    sizes do not add up to the size of the dim.

    >>> import tinygrad_edu as tg
    >>> tg.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> tg.split(tg.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    axis = axis_of("split", tensor, dim)
    size = tensor.shape[axis]
    if hasattr(split_size_or_sections, "__iter__"):
        sizes = [integer(n) for n in split_size_or_sections]
        if sum(sizes) != size or any(n < 0 for n in sizes):
            raise ShapeError(
                f"split: argument 'split_size_or_sections': expected sizes that add up to {size} "
                f"for dim {dim} of shape {tensor.shape}, got {sizes}"
            )
    else:
        sizes = _equal_sizes(size, integer(split_size_or_sections))
    ends = list(accumulate(sizes, initial=0))
    return _parts(tensor, axis, [slice(*pair) for pair in pairwise(ends)])


def _equal_sizes(size: int, step: int) -> list[int]:
    """Parts of `step`, and what is left over; one part, at least."""
    if step < 0 or (step == 0 and size):
        raise DimensionError(
            f"split: argument 'split_size_or_sections': expected at least 1 for size {size}, "
            f"got {step}"
        )
    return [min(step, size - start) for start in range(0, size, step or 1)] or [0]


def _split_method(self: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple:
    return split(self, split_size, dim)


_split_method.__doc__ = split.__doc__
Tensor.split = _split_method  # type: ignore[method-assign]


@composite(method="chunk")
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple:
    """The tensor cut along `dim` into at most `chunks` parts of one size, the last maybe smaller.

    All parts are views. Gradient: g of each part at its place.

    >>> import tinygrad_edu as tg
    >>> tg.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    axis = axis_of("chunk", input, dim)
    if chunks < 1:
        raise ShapeError(f"chunk: argument 'chunks': expected at least 1, got {chunks}")
    size = input.shape[axis]
    return split(input, -(-size // chunks) if size else [0] * chunks, axis)


@composite(method="unbind")
def unbind(input: Any, dim: int = 0) -> tuple:
    """The places along `dim` one by one, without that dim; all are views.

    Gradient: g of each part at its place.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1, 2], [3, 4]]).unbind(1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    axis = axis_of("unbind", input, dim)
    return _parts(input, axis, range(input.shape[axis]))
