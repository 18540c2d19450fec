"""Reading and writing by index tensors: whole slices, single elements, elements under a mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.arithmetic import add
from tinygrad_edu.ops.choose import keep
from tinygrad_edu.ops.convert import cast
from tinygrad_edu.ops.indexing import (
    add_rows,
    check_range,
    gather,
    getitem,
    index_array,
    places_along,
    plain_index,
    scatter_along,
)
from tinygrad_edu.ops.inplace import write
from tinygrad_edu.ops.shape import expand, reshape
from tinygrad_edu.tensor import Tensor

__all__ = [
    "index_add", "index_select", "masked_fill", "masked_select", "scatter", "scatter_add",
    "take_along_dim",
]  # fmt: skip


# --- slices: index_select and index_add -----------------------------------------------------------


@op(method="index_select", dtype=None)
def index_select(input: Any, /, dim: int, index: Any) -> Any:
    """The slices of `input` along `dim` that the vector `index` names, in its order; a copy.

    Gradient: g, added to the slices read. Errors: DimensionError for an index out of range;
    negative ones are.

    >>> import tinygrad_edu as tg
    >>> tg.index_select(tg.tensor([[1, 2], [3, 4]]), 0, tg.tensor([1, 1]))
    tensor([[3, 4],
            [3, 4]])
    """
    axis, rows = _slices(input.shape, dim, index)
    return np.take(input, rows, axis) if input.ndim else input.copy()


@index_select.rule
def index_select_rule(g, input_shape, dim, index):
    return scatter_slices(g, input_shape, dim, index)


@op(dtype=None)
def scatter_slices(input: Any, /, shape: tuple, dim: int, index: Any) -> Any:
    """Zeros of this shape to which the slices of `input` are added where `index` says.

    The adjoint of `index_select`. Gradient: the slices of g at the index.
    """
    axis, rows = _slices(shape, dim, index)
    if not shape:
        return input.reshape(shape).copy()
    first = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    out = np.zeros(first, input.dtype)
    if out.size and rows.size:
        add_rows(out.reshape(shape[axis], -1), rows, np.moveaxis(input, axis, 0))
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))


@scatter_slices.rule
def scatter_slices_rule(g, input_shape, dim, index):
    return reshape(index_select(g, dim, index), input_shape)


def _slices(shape: tuple, dim: int, index: Any) -> tuple[int, np.ndarray]:
    """The dim and the numbers of the slices, checked."""
    rows, axis = index_array(index), dims.one(dim, len(shape))
    if rows.ndim > 1 or (not shape and rows.size != 1):
        raise ShapeError(
            f"argument 'index': expected a vector{'' if shape else ' of one number'}, got shape "
            f"{rows.shape}"
        )
    check_range(rows, shape[axis] if shape else 1)
    return axis, rows.reshape(-1)


@composite(method="index_add")
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """`input` with `alpha` times each slice of `source` added to the slice that `index` names.

    Gradient: g for `input`, alpha times its slices at the index for `source`. Errors: ShapeError
    if the shapes differ elsewhere than in `dim`, DTypeError if the dtypes differ.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(3).index_add(0, tg.tensor([0, 0, 2]), tg.ones(3), alpha=0.5)
    tensor([1.0000, 0.0000, 0.5000])
    """
    return add(input, _added_slices("index_add", input, dim, index, source, alpha))


def index_add_(self: Tensor, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """The in-place form of `index_add`."""
    added = _added_slices("index_add_", self, dim, index, source, alpha)
    return write("index_add_", self, add, added)


def _added_slices(name: str, input: Any, dim: int, index: Any, source: Any, alpha: float) -> Any:
    _check_same_dtype(name, input, "source", source)
    axis, rows = dims.one(dim, input.ndim), index_array(index)
    shape = (*input.shape[:axis], rows.size, *input.shape[axis + 1 :]) if input.ndim else ()
    if source.shape != shape:
        raise ShapeError(
            f"{name}: argument 'source': expected shape {shape}, that of the input with one slice "
            f"for each index, got {source.shape}"
        )
    scale = np.asarray(alpha).astype(input.dtype).item()
    return scatter_slices(source if scale == 1 else source * scale, input.shape, axis, index)


def _check_same_dtype(name: str, input: Any, argument: str, value: Any) -> None:
    if input.dtype != value.dtype:
        raise DTypeError(
            f"{name}: argument {argument!r}: expected the input's dtype {input.dtype}, got "
            f"{value.dtype}; convert it with .to(dtype)"
        )


# --- elements: scatter and scatter_add ------------------------------------------------------------


@op(name="scatter", dtype=None)
def put_along(input: Any, src: Any, /, dim: int, index: Any) -> Any:
    """`input` with `src` (of the index's shape, or a number) at `index` along `dim`: `scatter`.

    Gradient: g elsewhere for `input`; g at the index for `src`, 0 for what was overwritten.
    """
    out = input.copy()
    place = places_along(input.shape, dim, index)
    np.atleast_1d(out)[place] = np.reshape(src, _shape_of(place)) if np.ndim(src) else src
    return out


@put_along.rule
def put_along_rule(g, input_shape, src_shape, dim, index, need):
    place = places_along(input_shape, dim, index)
    numbers = np.arange(index_array(index).size).reshape(_shape_of(place))
    writer = np.full(input_shape or (1,), -1)  # which element of `src` stands there in the end
    writer[place] = numbers
    gi = gs = None
    if need[0]:
        gi = keep(g, (writer < 0).reshape(input_shape))
    if need[1]:
        last = writer[place] == numbers
        gs = keep(reshape(gather(g, dim, index), src_shape), last.reshape(src_shape))
    return gi, gs


def _shape_of(place: tuple) -> tuple:
    """The shape of what a full subscript reads."""
    return np.broadcast_shapes(*[part.shape for part in place])


@composite(method="scatter")
def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None) -> Any:
    """`input` with the elements of `src`, or a number, written at `index` along `dim`.

    out[index[i][j]][j] = src[i][j] for dim 0. Of two values for one place the last is kept.
    Gradient: g elsewhere for `input`, g at the index for `src`. Errors: ShapeError if `index` is
    larger than `src` or, in another dim, than `input`; DTypeError if the dtypes differ.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3).scatter(1, tg.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    return put_along(input, _source("scatter", input, index, src, value), dim, index)


def scatter_(self: Tensor, dim: int, index: Any, src: Any = None, *, value: Any = None) -> Tensor:
    """The in-place form of `scatter`."""
    source = _source("scatter_", self, index, src, value)
    return write("scatter_", self, put_along, source, dim, index)


def _source(name: str, input: Any, index: Any, src: Any, value: Any) -> Any:
    """What is to be written: a number of the input's dtype, or the part of `src` that is used."""
    src = value if src is None else src
    if not hasattr(src, "ndim"):
        if not isinstance(src, (bool, int, float)):
            raise DTypeError(
                f"{name}: argument 'src': expected a Tensor or a number, got {type(src).__name__}"
            )
        return np.asarray(src).astype(input.dtype)
    _check_same_dtype(name, input, "src", src)
    return _used("src", src, index_array(index).shape)


def _used(argument: str, src: Any, shape: tuple) -> Any:
    """The part of `src` that an index of this shape uses."""
    if src.shape == shape or 0 in shape:
        return src if src.shape == shape else getitem(reshape(src, (-1,)), slice(0))
    sizes, wanted = src.shape or (1,), shape or (1,)
    if len(sizes) != len(wanted) or any(n > m for n, m in zip(wanted, sizes, strict=True)):
        raise ShapeError(
            f"argument {argument!r}: expected at least the shape of the index, {shape}, got "
            f"{src.shape}"
        )
    return getitem(reshape(src, sizes), tuple([slice(0, n) for n in wanted]))


@composite(method="scatter_add")
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """`input` with the elements of `src` added at `index` along `dim`; what meets adds up.

    out[index[i][j]][j] += src[i][j] for dim 0. Gradient: g for `input`, g at the index for `src`.
    Errors: as for `scatter`.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(3).scatter_add(0, tg.tensor([0, 2, 2]), tg.ones(3))
    tensor([1., 0., 2.])
    """
    return add(input, _added("scatter_add", input, dim, index, src))


def scatter_add_(self: Tensor, dim: int, index: Any, src: Any) -> Tensor:
    """The in-place form of `scatter_add`."""
    return write("scatter_add_", self, add, _added("scatter_add_", self, dim, index, src))


def _added(name: str, input: Any, dim: int, index: Any, src: Any) -> Any:
    _check_same_dtype(name, input, "src", src)
    return scatter_along(_used("src", src, index_array(index).shape), input.shape, dim, index)


@composite(method="take_along_dim")
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """The elements at `indices` along `dim`, or in the flattened tensor; as argsort gives them.

    Shapes: the two broadcast but for `dim`. Gradient: g, added at the places read.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([[3, 1], [2, 5]])
    >>> tg.take_along_dim(x, x.argsort(dim=1), dim=1)
    tensor([[1, 3],
            [2, 5]])
    """
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    if input.ndim != indices.ndim:
        raise ShapeError(
            f"take_along_dim: argument 'indices': expected {input.ndim} dimensions as in input, "
            f"got shape {indices.shape}"
        )
    if not input.ndim:
        return gather(input, dim, indices)
    axis = dims.one(dim, input.ndim)
    places = index_array(indices, "indices") % (input.shape[axis] or 1)  # -1 is the last one
    before = np.broadcast_shapes(input.shape[:axis], places.shape[:axis])
    after = np.broadcast_shapes(input.shape[axis + 1 :], places.shape[axis + 1 :])
    input = expand(input, (*before, input.shape[axis], *after))
    return gather(input, axis, expand(places, (*before, places.shape[axis], *after)))


# --- masks ----------------------------------------------------------------------------------------


@op(method="masked_fill", dtype=None, inplace=True)
def masked_fill(input: Any, mask: Any, value: Any, /) -> Any:
    """`input` with `value` (a number or a 0-d tensor) where `mask` (bools) is true.

    Input and mask broadcast; the dtype stays the input's. Gradient: g where the mask is false; for
    `value` the sum of the rest. Errors: DTypeError if the mask is not bool, ShapeError if `value`
    has dims.

    >>> import tinygrad_edu as tg
    >>> tg.arange(3).masked_fill(tg.tensor([True, False, True]), -1)
    tensor([-1,  1, -1])
    """
    _check_mask(np.asarray(mask))
    if np.ndim(value):
        raise ShapeError(f"argument 'value': expected shape (), got {value.shape}")
    value = np.asarray(value)
    if value.dtype.kind not in "biuf":
        raise DTypeError(f"argument 'value': expected a real number, got {value.dtype}")
    return np.where(mask, value.astype(input.dtype), input)


@masked_fill.rule
def masked_fill_rule(g, mask, value_dtype, need):
    return (
        keep(g, ~mask) if need[0] else None,
        None,
        cast(keep(g, mask).sum(), value_dtype) if need[2] else None,
    )


def _check_mask(mask: Any) -> None:
    if mask.dtype != np.bool_:
        raise DTypeError(f"argument 'mask': expected a bool tensor, got {mask.dtype}")


@composite(method="masked_select")
def masked_select(input: Any, mask: Any) -> Any:
    """The elements of `input` where the bool `mask` is true, as a vector; the two broadcast.

    Gradient: g at the places read, 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([1, 5, 3])
    >>> tg.masked_select(x, x > 2)
    tensor([5, 3])
    """
    _check_mask(mask)
    try:
        shape = np.broadcast_shapes(input.shape, mask.shape)
    except ValueError:
        raise ShapeError(
            "masked_select: expected shapes that broadcast (counted from the last dimension, sizes "
            f"equal or 1), got {input.shape} and {mask.shape}"
        ) from None
    return getitem(expand(input, shape), plain_index((expand(mask, shape),)))


for _method in (index_add_, scatter_, scatter_add_):
    setattr(Tensor, _method.__name__, _method)
