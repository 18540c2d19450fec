"""Conversions: another dtype, a copy, and the forms of `.to()`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import cuda, dtypes
from tinygrad_edu.device import Device
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.op import composite, op
from tinygrad_edu.tensor import Tensor

__all__ = ["cast", "clone"]


@op(dtype=None)
def cast(input: Any, /, dtype: Any) -> Any:
    """The same numbers in another dtype.

    Gradient: g, converted back. A conversion to integers or bools has none.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1, 2]).float()
    tensor([1., 2.])
    """
    return input.astype(dtype)


@cast.rule
def cast_rule(g, input_dtype):
    return cast(g, input_dtype)


@op(method="clone", dtype=None)
def clone(input: Any, /) -> Any:
    """A copy in memory of its own; gradients flow through it.

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros(2); y = x.clone(); y += 1; x
    tensor([0., 0.])
    """
    return input.copy()


@clone.rule
def clone_rule(g):
    return g


@composite(method="contiguous")
def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if its elements lie in row-major order, else a copy that does.

    Gradient: g.

    >>> import tinygrad_edu as tg
    >>> tg.zeros(2, 3).T.contiguous().stride()
    (2, 1)
    """
    array = input.array if isinstance(input, Tensor) else input
    return input if array.flags.c_contiguous else clone(input)


@composite(method="to")
def to(
    input: Tensor, *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False,
    copy: bool = False,
) -> Any:  # fmt: skip
    """The tensor in another dtype (or on a device: there is only the CPU).

    `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other_tensor)`, each followed, if need be,
    by `non_blocking`, which means nothing here, and `copy`. Returns the tensor itself
    if there is nothing to change and `copy` is not set. Gradient: g, converted back; none for
    integers and bools.

    >>> import tinygrad_edu as tg
    >>> tg.ones(2).to(tg.float64).dtype
    dtype('float64')
    """
    flags = [wish for wish in args if isinstance(wish, bool)]
    copy = flags[1] if len(flags) > 1 else copy
    for wish in args[: len(args) - len(flags)]:
        if isinstance(wish, Tensor):
            dtype = wish.dtype
        elif isinstance(wish, (str, Device)) and not _is_dtype(wish):
            device = wish
        else:
            dtype = wish
    if device is not None:
        Device(device)
    out = convert(input, input.dtype if dtype is None else dtype)
    return clone(input) if copy and out is input else out


def _is_dtype(name: Any) -> bool:
    return isinstance(name, str) and hasattr(np, name)


def convert(input: Tensor, dtype: Any) -> Tensor:
    """`input` in this dtype; a conversion away from floats cuts the graph."""
    wanted = np.dtype(dtype)
    if wanted.kind not in "fiub":
        raise DTypeError(f"to: expected a float, integer or bool dtype, got {wanted}")
    if wanted == input.dtype:
        return input
    if wanted.kind != "f" and isinstance(input, Tensor):
        input = input.detach()
    return cast(input, wanted)


def _converter(name: str, dtype: np.dtype) -> None:
    def method(input: Tensor) -> Tensor:
        return convert(input, dtype)

    method.__name__ = method.__qualname__ = f"to_{name}"
    gradient = "g, converted back" if dtype.kind == "f" else "none"
    method.__doc__ = f"The tensor with elements of type {dtype}. Gradient: {gradient}."
    composite(method, method=name)


for _name in ("float", "double", "half", "long", "int", "short", "bool"):
    _converter(_name, getattr(dtypes, _name))


@composite(method="type_as")
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of `other`. Gradient: g, converted back.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1, 2]).type_as(tg.ones(1))
    tensor([1., 2.])
    """
    return convert(input, other.dtype)


Tensor.cuda = cuda.move  # type: ignore[method-assign]


@composite(method="cpu")
def cpu(input: Tensor) -> Tensor:
    """The tensor itself: it is on the CPU. Gradient: g.

    >>> import tinygrad_edu as tg
    >>> tg.ones(2).cpu()
    tensor([1., 1.])
    """
    return to(input, "cpu")
