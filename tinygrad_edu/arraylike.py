"""The side of a tensor that faces NumPy and Python: facts, conversions, protocols, printing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu import dtypes, storage
from tinygrad_edu.device import CPU, Device
from tinygrad_edu.errors import DimensionError, DTypeError, GraphError, ShapeError
from tinygrad_edu.printing import format_tensor

# What `ndarray * tensor` means: NumPy asks the tensor, which answers with its own operator.
_OPERATORS: dict[Any, tuple[str, str]] = {
    np.add: ("__add__", "__radd__"), np.subtract: ("__sub__", "__rsub__"),
    np.multiply: ("__mul__", "__rmul__"), np.true_divide: ("__truediv__", "__rtruediv__"),
    np.floor_divide: ("__floordiv__", "__rfloordiv__"), np.remainder: ("__mod__", "__rmod__"),
    np.power: ("__pow__", "__rpow__"), np.matmul: ("__matmul__", "__rmatmul__"),
    np.less: ("__lt__", "__gt__"), np.less_equal: ("__le__", "__ge__"),
    np.greater: ("__gt__", "__lt__"), np.greater_equal: ("__ge__", "__le__"),
    np.equal: ("__eq__", "__eq__"), np.not_equal: ("__ne__", "__ne__"),
    np.bitwise_and: ("__and__", "__rand__"), np.bitwise_or: ("__or__", "__ror__"),
    np.bitwise_xor: ("__xor__", "__rxor__"),
}  # fmt: skip

# Functions whose result does not depend on the elements, so that no gradient is lost.
_FACTS = {np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like, np.full_like}


class ArrayLike:
    """What a tensor is apart from its gradient; Tensor is its only subclass."""

    __slots__ = ()

    array: np.ndarray
    node: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def device(self) -> Device:
        """Where the elements are: always the CPU."""
        return CPU

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.array.nbytes

    @property
    def is_cuda(self) -> bool:
        """Whether the elements are on a GPU: never."""
        return False

    @property
    def _version(self) -> int:
        """How often the memory was written in place."""
        return storage.version(self.array)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[self._checked("size", dim)]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def ndimension(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def nelement(self) -> int:
        """The number of elements."""
        return self.array.size

    def element_size(self) -> int:
        """The bytes of one element."""
        return self.array.itemsize

    def is_floating_point(self) -> bool:
        """Whether the elements are floating-point numbers."""
        return self.array.dtype.kind == "f"

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in row-major order without gaps."""
        return self.array.flags.c_contiguous

    def stride(self, dim: int | None = None) -> Any:
        """The steps in memory from one element to the next along each dimension."""
        strides = tuple(step // self.array.itemsize for step in self.array.strides)
        return strides if dim is None else strides[self._checked("stride", dim)]

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self.array.ctypes.data

    def _checked(self, name: str, dim: int) -> int:
        n = self.array.ndim
        if not -n <= dim < n:
            raise DimensionError(f"{name}: argument 'dim': expected {-n} to {n - 1}, got {dim}")
        return dim

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array itself: writing to it writes to the tensor.

        Errors: GraphError if a gradient is required, unless `force`: detach() first.
        """
        if self.node is not None and not force:
            raise GraphError(
                "numpy: this tensor requires a gradient, and an array cannot carry it; "
                "use detach().numpy()"
            )
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"cannot convert {array.dtype} to {dtype} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and ufunc in _OPERATORS and not options:
            first, second = inputs
            forward, reflected = _OPERATORS[ufunc]
            own = isinstance(first, ArrayLike)
            name, operand, other = (forward, first, second) if own else (reflected, second, first)
            if hasattr(operand, name):
                return getattr(operand, name)(other)
        if "out" in options:
            raise DTypeError(
                f"np.{ufunc.__name__} cannot write a tensor into an array, as `array += tensor` "
                "asks; use detach().numpy(), or a tensor on both sides"
            )
        raise _unknown(ufunc.__name__)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        force = func in _FACTS
        try:
            args, kwargs = _as_arrays(args, force), _as_arrays(kwargs, force)
        except GraphError:
            raise _unknown(func.__name__) from None
        return func(*args, **kwargs)

    def __dlpack__(self, **options: Any) -> Any:
        if self.node is not None:
            raise BufferError("a tensor that requires a gradient cannot be exported; detach() it")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple:
        return self.array.__dlpack_device__()

    def item(self) -> Any:
        """The only element as a Python number.

        Errors: ShapeError if there is not exactly one element.
        """
        if self.array.size != 1:
            raise ShapeError(f"item: expected a tensor of one element, got shape {self.shape}")
        return self.array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers (a number for a 0-d tensor)."""
        return self.array.tolist()

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ShapeError(
                f"the truth value of a tensor of shape {self.shape} is ambiguous; "
                "use .any() or .all(), or .numel() to ask whether it has elements"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.size != 1 or self.array.dtype.kind not in "iub":
            raise DTypeError("only integer tensors of one element can be used as an index")
        return int(self.array.item())

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self.array.shape[0]))  # type: ignore[index]

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, (ArrayLike, int, float, np.generic)):
            raise DTypeError(f"in: expected a number or a Tensor, got {type(element).__name__}")
        return bool(np.any(self.array == getattr(element, "array", element)))

    def __pos__(self) -> Any:
        return self

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        if self.array.ndim == 0:
            return format(self.array.item(), spec)
        return object.__format__(self, spec)

    def __repr__(self) -> str:
        notes = []
        if not self.array.size and self.array.ndim != 1:
            notes.append(f"size={self.shape}")
        # Without elements only the default dtype goes without saying.
        usual = (dtypes.int64, dtypes.bool) if self.array.size else ()
        if self.dtype not in (dtypes.get_default_dtype(), *usual):
            notes.append(f"dtype={self.dtype}")
        if self.node is not None:
            made = self.node.op is not None
            notes.append(f"grad_fn={self.node!r}" if made else "requires_grad=True")
        return format_tensor(self.array, notes)


def _unknown(name: str) -> DTypeError:
    """NumPy was asked for something that it would do on the array alone."""
    return DTypeError(
        f"np.{name} does not know tensors and would lose the gradient; use tg.{name} "
        "(import tinygrad_edu as tg) if there is one, or detach().numpy()"
    )


def _as_arrays(value: Any, force: bool) -> Any:
    """`value` with every tensor in it replaced by its array."""
    if isinstance(value, ArrayLike):
        return value.numpy(force=force)
    if isinstance(value, (tuple, list)):
        arrays = [_as_arrays(x, force) for x in value]
        return arrays if isinstance(value, list) else tuple(arrays)
    if isinstance(value, dict):
        return {key: _as_arrays(x, force) for key, x in value.items()}
    return value
