"""Methods that make new tensors with the dtype of one that is there: `x.new_zeros(2, 3)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_edu.ops.create import empty, full, ones, tensor, zeros
from tinygrad_edu.tensor import Tensor

__all__: list[str] = []  # methods alone


def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """One number in the shape `size` and the dtype of this tensor."""
    dtype = dtype or self.dtype
    return full(size, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)


def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of `data` in the dtype of this tensor."""
    return tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def _sized(make: Callable[..., Tensor], text: str) -> Callable[..., Tensor]:
    """The method that makes a tensor of this size by `make`."""

    def new(
        self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        return make(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    new.__name__ = new.__qualname__ = f"new_{make.__name__}"
    new.__doc__ = f"{text} in the shape `size` and the dtype of this tensor."
    return new


for _method in (
    new_full, new_tensor, _sized(zeros, "Zeros"), _sized(ones, "Ones"),
    _sized(empty, "What the memory happens to hold,"),
):  # fmt: skip
    setattr(Tensor, _method.__name__, _method)
