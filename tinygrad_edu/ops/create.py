"""New tensors: from data, filled, counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.device import Device
from tinygrad_edu.errors import DTypeError, RangeError, ShapeError
from tinygrad_edu.tensor import Tensor, make

__all__ = [
    "arange", "as_tensor", "empty", "empty_like", "eye", "from_dlpack", "from_numpy", "full",
    "full_like", "is_floating_point", "is_tensor", "linspace", "numel", "ones", "ones_like",
    "tensor", "zeros", "zeros_like",
]  # fmt: skip


def finished(array: np.ndarray, device: Any, requires_grad: bool) -> Tensor:
    """The tensor of a fresh array."""
    if device is not None:
        Device(device)
    out = make(array, None)
    return out.requires_grad_() if requires_grad else out


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of `data`: a number, nested lists, an array or a tensor.

    Python floats count as the default dtype, integers as int64, bools as bool; arrays and tensors
    keep their dtype, and the elements of a list share the widest of theirs.
    Errors: ShapeError for ragged lists, DTypeError for what is no number, or for
    `requires_grad=True` on integers, RangeError for a number that the dtype cannot hold.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([[1, 2], [3, 4]]), tg.tensor(0.5).dtype
    (tensor([[1, 2],
            [3, 4]]), dtype('float32'))
    """
    return finished(_array_of(data, dtype, copy=True), device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of `data` without a copy where that is possible; tensors come back themselves.

    >>> import tinygrad_edu as tg
    >>> tg.as_tensor([1, 2])
    tensor([1, 2])
    """
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return finished(_array_of(data, dtype, copy=False), device, False)


def _array_of(data: Any, dtype: Any, copy: bool) -> np.ndarray:
    kinds: set = set()
    data = _untensored(data.array if isinstance(data, Tensor) else data, kinds)
    if dtype is None:
        dtype = _shared_dtype(kinds)
    try:
        array = np.array(data, dtype=dtype, order="C") if copy else np.asarray(data, dtype=dtype)
    except OverflowError as error:
        raise RangeError(f"tensor: argument 'data': {error}") from None
    except ValueError as error:
        raise ShapeError(f"tensor: argument 'data': {error}") from None
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"tensor: argument 'data': expected numbers or bools, got {array.dtype} elements"
        )
    return array


def _untensored(data: Any, kinds: set) -> Any:
    """Lists with numbers for tensors; the types and dtypes of what they hold go into `kinds`."""
    if isinstance(data, (list, tuple)):
        types = set(map(type, data))
        if types <= _PYTHONS:  # the commonest list, told apart without a call for each number
            kinds |= types
            return data
        return [_untensored(x, kinds) for x in data]
    if isinstance(data, Tensor):
        if data.array.size != 1:
            raise ShapeError(
                "tensor: argument 'data': expected tensors of one element in a list, got shape "
                f"{data.shape}; use tg.stack"
            )
        data = data.array.reshape(())
    kinds.add(data.dtype if isinstance(data, (np.ndarray, np.generic)) else type(data))
    return data


_PYTHONS = {bool, int, float}


def _shared_dtype(kinds: set) -> np.dtype | None:
    """The dtype of elements of these types and dtypes; None if NumPy must look at them."""
    python = {bool: dtypes.bool, int: dtypes.int64, float: dtypes.get_default_dtype()}
    found = [kind if isinstance(kind, np.dtype) else python.get(kind) for kind in kinds]
    if not found:
        return dtypes.get_default_dtype()
    known = [dtype for dtype in found if dtype is not None and dtype.kind in "fiub"]
    return dtypes.widest(known) if len(known) == len(found) else None


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the memory of an array.

    >>> import numpy as np, tinygrad_edu as tg
    >>> a = np.zeros(2); x = tg.from_numpy(a); a[0] = 1; x
    tensor([1., 0.], dtype=float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise DTypeError(f"from_numpy: expected an np.ndarray, got {type(ndarray).__name__}")
    if ndarray.dtype.kind not in "fiub":
        raise DTypeError(f"from_numpy: expected numbers or bools, got {ndarray.dtype} elements")
    return make(ndarray, None)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of an array of another library (DLPack).

    >>> import numpy as np, tinygrad_edu as tg
    >>> tg.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    return make(np.from_dlpack(ext_tensor), None)


def _shape(name: str, size: tuple) -> tuple:
    """The shape written as integers or as one sequence."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    for n in size:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise DTypeError(f"{name}: argument 'size': expected integers, got {n!r}")
        if n < 0:
            raise ShapeError(f"{name}: argument 'size': expected sizes of at least 0, got {size}")
    return tuple([int(n) for n in size])


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3).shape, tg.zeros((2,)).shape
    ((2, 3), (2,))
    """
    shape = _shape("zeros", size)
    return finished(np.zeros(shape, dtype or dtypes.get_default_dtype()), device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones.

    >>> import tinygrad_edu as tg
    >>> tg.ones(2)
    tensor([1., 1.])
    """
    shape = _shape("ones", size)
    return finished(np.ones(shape, dtype or dtypes.get_default_dtype()), device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose elements are whatever the memory holds.

    >>> import tinygrad_edu as tg
    >>> tg.empty(2, 3).shape
    (2, 3)
    """
    shape = _shape("empty", size)
    return finished(np.empty(shape, dtype or dtypes.get_default_dtype()), device, requires_grad)


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor filled with one number, whose kind decides the dtype.

    >>> import tinygrad_edu as tg
    >>> tg.full((2,), 7)
    tensor([7, 7])
    """
    shape = _shape("full", (size,))
    dtype = dtypes.result_type(fill_value) if dtype is None else dtype
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    return finished(np.full(shape, value, dtype), device, requires_grad)


def zeros_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros in the shape and dtype of `input`.

    >>> import tinygrad_edu as tg
    >>> tg.zeros_like(tg.tensor([3.0, 4.0]))
    tensor([0., 0.])
    """
    return finished(np.zeros(input.shape, dtype or input.dtype), device, requires_grad)


def ones_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones in the shape and dtype of `input`.

    >>> import tinygrad_edu as tg
    >>> tg.ones_like(tg.tensor([3, 4]))
    tensor([1, 1])
    """
    return finished(np.ones(input.shape, dtype or input.dtype), device, requires_grad)


def empty_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor in the shape and dtype of `input` whose elements are whatever the memory holds.

    >>> import tinygrad_edu as tg
    >>> tg.empty_like(tg.ones(2, 3)).shape
    (2, 3)
    """
    return finished(np.empty(input.shape, dtype or input.dtype), device, requires_grad)


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """One number in the shape and dtype of `input`.

    >>> import tinygrad_edu as tg
    >>> tg.full_like(tg.ones(2), 7)
    tensor([7., 7.])
    """
    return full(
        input.shape, fill_value, dtype=dtype or input.dtype, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers from `start` (0 if only one number is given) up to, not including, `end`.

    Integers give int64, floats the default dtype. Errors: ShapeError if the step leads away,
    or there is no end.

    >>> import tinygrad_edu as tg
    >>> tg.arange(3), tg.arange(0, 1, 0.5)
    (tensor([0, 1, 2]), tensor([0.0000, 0.5000]))
    """
    if end is None:
        start, end = 0, start
    start, end, step = (x.item() if isinstance(x, Tensor) else x for x in (start, end, step))
    if not step or (end - start) * step < 0:
        raise ShapeError(
            f"arange: argument 'step': expected a step from {start} towards {end}, got {step}"
        )
    if not np.isfinite((end - start) / step):
        raise ShapeError(f"arange: expected a finite range, got {start} to {end} by {step}")
    dtype = dtypes.result_type(start, end, step) if dtype is None else dtype
    count = int(np.ceil((end - start) / step))
    return finished((start + np.arange(count) * step).astype(dtype), device, requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers at equal distances from `start` to `end`, both included.

    >>> import tinygrad_edu as tg
    >>> tg.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if steps < 0:
        raise ShapeError(f"linspace: argument 'steps': expected at least 0, got {steps}")
    array = np.linspace(float(start), float(end), steps).astype(dtype or dtypes.get_default_dtype())
    return finished(array, device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Ones on the diagonal of an (n, m) matrix of zeros; m is n if not given.

    >>> import tinygrad_edu as tg
    >>> tg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if n < 0 or (m is not None and m < 0):
        raise ShapeError(f"eye: expected sizes of at least 0, got n={n}, m={m}")
    array = np.eye(n, m, dtype=dtype or dtypes.get_default_dtype())
    return finished(array, device, requires_grad)


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor.

    >>> import tinygrad_edu as tg
    >>> tg.is_tensor(tg.ones(2)), tg.is_tensor(2.0)
    (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floats.

    >>> import tinygrad_edu as tg
    >>> tg.is_floating_point(tg.ones(2)), tg.is_floating_point(tg.arange(2))
    (True, False)
    """
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """The number of elements.

    >>> import tinygrad_edu as tg
    >>> tg.numel(tg.ones(2, 3))
    6
    """
    return input.numel()
