"""Shapes, tensors, and what picks dims and elements of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from math import ceil, floor, prod
from typing import Any

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
from hypothesis.strategies import SearchStrategy

from tinygrad_edu.tensor import Tensor, make
from tinygrad_edu.testing.strategies.values import distinct, with_ties, without_kinks

__all__ = ["axes", "broadcastable_tensors", "indices", "shapes", "tensors"]

Shape = tuple[int, ...]

# Memory that is not in a row. Each gives an array with the same elements.
LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "in a row": lambda a: a,
    "columns first": lambda a: np.array(a, order="F"),
    "every other": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "backwards": lambda a: np.flip(np.flip(a).copy()) if a.ndim else a,
}


def shapes(
    *, min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 3
) -> SearchStrategy[Shape]:
    """Shapes, the fewest and shortest dims first; with `min_side=0` also without elements."""
    return npst.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


# --- tensors --------------------------------------------------------------------------------


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: int | Shape | SearchStrategy[Shape] | None = None,
    *,
    dtype: Any = np.float64,
    requires_grad: bool = True,
    min_value: float = -3,
    max_value: float = 3,
    ties: bool = False,
    strided: bool = False,
    empty: bool = False,
) -> Tensor:
    """Tensors; floats require a gradient, unless `requires_grad=False`.

    `shape` and `dtype` may be strategies. Elements are different from each other and no multiples
    of 1/2; with `ties` they are such multiples, and repeat. `strided` memory need not be in a row,
    `empty` lets drawn shapes have no elements.

    >>> from hypothesis import find
    >>> from tinygrad_edu.testing.strategies import tensors
    >>> find(tensors(), lambda x: x.ndim == 2)
    tensor([[0.2500]], dtype=float64, requires_grad=True)
    """
    if shape is None:
        shape = shapes(min_side=0 if empty else 1)
    shape = draw(shape) if isinstance(shape, SearchStrategy) else shape
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    kind = np.dtype(draw(dtype) if isinstance(dtype, SearchStrategy) else dtype)
    (tensor,) = drawn(
        draw, [shape], dtype=kind, requires_grad=requires_grad, min_value=min_value,
        max_value=max_value, ties=ties, strided=strided,
    )  # fmt: skip
    return tensor


def drawn(
    draw: st.DrawFn, shapes: Sequence[Shape], *, dtype: Any = np.float64,
    requires_grad: bool = True, min_value: float = -3, max_value: float = 3, ties: bool = False,
    strided: bool = False,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Tensors of these shapes; without ties no two of all their elements are equal."""
    ends = list(accumulate([prod(shape) for shape in shapes], initial=0))
    dtype, size = np.dtype(dtype), ends[-1]
    is_float = dtype.kind == "f"
    table = with_ties(min_value, max_value)
    if not ties:
        table = without_kinks(min_value, max_value, max(4 * size, 128))
    elements = st.sampled_from(table) if is_float else _whole(dtype, min_value, max_value)
    flat = draw(npst.arrays(dtype, size, elements=elements, fill=st.nothing()))
    if is_float and not ties:
        flat = np.array(distinct(flat.tolist(), table), dtype)
    found = []
    for shape, (start, end) in zip(shapes, pairwise(ends), strict=True):
        array = flat[start:end].reshape(shape).copy()
        if strided:
            array = LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](array)
        found.append(make(array, None).requires_grad_(requires_grad and is_float))
    return tuple(found)


def _whole(dtype: np.dtype, low: float, high: float) -> SearchStrategy[Any]:
    """Bools, or integers from low to high that the dtype holds."""
    if dtype.kind == "b":
        return st.booleans()
    return st.integers(max(ceil(low), int(np.iinfo(dtype).min)), floor(high))


@st.composite
def broadcastable_tensors(
    draw: st.DrawFn, count: int = 2, *, max_dims: int = 3, max_side: int = 3, empty: bool = False,
    **kind: Any,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Tuples of tensors whose shapes broadcast; `kind` is as in `tensors`."""
    found = draw(
        npst.mutually_broadcastable_shapes(
            num_shapes=count, max_dims=max_dims, min_side=0 if empty else 1, max_side=max_side
        )
    )
    return drawn(draw, found.input_shapes, **kind)


# --- dims and indices -----------------------------------------------------------------------


def axes(
    of: int | Shape | Tensor, *, several: bool = True, none: bool = False
) -> SearchStrategy[Any]:
    """What `dim=` may be for a tensor, a shape or a number of dims: counted from either end.

    An integer; with `several` also a tuple of them, and with `none` also None.
    """
    ndim = of if isinstance(of, int) else len(of.shape if isinstance(of, Tensor) else of)
    places = range(max(ndim, 1))  # a tensor without dims takes 0 and -1
    kinds: list[SearchStrategy[Any]] = [st.none()] if none else []
    kinds.append(st.sampled_from([*places, *(-1 - place for place in places)]))
    if several and ndim:
        kinds.append(npst.valid_tuple_axes(ndim, min_size=1))
    return st.one_of(kinds)


def indices(shape: Shape | Tensor) -> SearchStrategy[Any]:
    """What `x[...]` takes for a tensor or a shape.

    Integers, slices, None and Ellipsis; integer tensors that broadcast, alone or after slices,
    counted from either end; masks.
    """
    sides = tuple(shape.shape if isinstance(shape, Tensor) else shape)
    basic = npst.basic_indices(sides, allow_newaxis=True).map(_forward)
    if not sides:
        return basic
    kinds: list[SearchStrategy[Any]] = [basic, _masks(sides)]
    if all(sides):
        kinds.append(_numbers(sides))
    return st.one_of(kinds)


def _forward(index: Any) -> Any:
    """The index with slices that go forward, the only ones there are for tensors."""
    if isinstance(index, tuple):
        return tuple([_forward(part) for part in index])
    if isinstance(index, slice) and index.step is not None:
        return slice(index.start, index.stop, abs(index.step))
    return index


@st.composite
def _masks(draw: st.DrawFn, shape: Shape) -> Tensor:
    ndim = draw(st.integers(1, len(shape)))
    return make(draw(npst.arrays(np.bool_, shape[:ndim])), None)


@st.composite
def _numbers(draw: st.DrawFn, shape: Shape) -> tuple:
    start = draw(st.integers(0, len(shape) - 1))
    end = draw(st.integers(start + 1, len(shape)))
    result = shapes(max_dims=2)
    arrays = draw(npst.integer_array_indices(shape[start:end], result_shape=result))
    return (slice(None),) * start + tuple([make(np.array(a), None) for a in arrays])
