"""The call of an op: the general path, and the commonest two unrolled for speed.

On small tensors nearly all the time of an op goes into its call. So ops with one or two inputs and
no settings do in one function, without loops, what `Op.apply` does for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.arguments import bind, explain
from tinygrad_edu.graph import Node
from tinygrad_edu.modes import is_grad_enabled
from tinygrad_edu.storage import next_number
from tinygrad_edu.tensor import Tensor

_FLOAT32: Any = dtypes.float32
_FLOAT64: Any = dtypes.float64
_new = object.__new__


def unroll(wanted: bool) -> None:
    """Let the unrolled calls serve floats, as they do; or leave all dtypes to `Op.apply`."""
    global _FLOAT32, _FLOAT64
    _FLOAT32, _FLOAT64 = (dtypes.float32, dtypes.float64) if wanted else (None, None)


def _named(call: Callable, names: list[str]) -> Callable:
    """`call` with its parameters renamed, so that they can be given by keyword."""
    code = call.__code__
    rest = code.co_varnames[len(names) :]
    call.__code__ = code.replace(co_varnames=(*names, *rest))
    return call


def unary(op: Any) -> Callable:
    """The call of an op with one input and no settings: the general path, unrolled for speed."""
    kernel = op.kernel

    def call(input: Any) -> Any:
        if not isinstance(input, Tensor):
            return op.apply((input,), ())
        x = input.array
        dtype = x.dtype
        if dtype is not _FLOAT32 and dtype is not _FLOAT64:
            return op.apply((input,), ())
        try:
            out = kernel(x)
        except (ValueError, IndexError, TypeError) as error:
            raise explain(op, error, (x,)) from error
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = _new(Tensor)
        result.array = out
        result.alias = result._grad = None
        parent = input.node
        if parent is None or not is_grad_enabled() or not op.quick:
            result.node = None
        else:
            node = result.node = _new(Node)
            node.id = next_number()
            node.op = op
            node.parents = (parent,)
            node.saved = op.pick((out, x))
            node.shape = out.shape
            node.g = node.watch = None
        return result

    return _named(call, op.inputs)


def binary(op: Any) -> Callable:
    """The call of an op with two inputs and no settings: the general path, unrolled for speed."""
    kernel = op.kernel

    def call(input: Any, other: Any) -> Any:
        y: Any
        if isinstance(input, Tensor) and (
            (dtype := (x := input.array).dtype) is _FLOAT32 or dtype is _FLOAT64
        ):
            p = input.node
            if isinstance(other, Tensor):
                y = other.array
                if y.dtype is not dtype:
                    return op.apply((input, other), ())
                q = other.node
            elif type(other) is float or type(other) is int:
                y, q = other, None
            else:
                return op.apply((input, other), ())
        else:
            return op.apply((input, other), ())
        try:
            out = kernel(x, y)
        except (ValueError, IndexError, TypeError) as error:
            raise explain(op, error, (x, y)) from error
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = _new(Tensor)
        result.array = out
        result.alias = result._grad = None
        if (p is None and q is None) or not is_grad_enabled() or not op.quick:
            result.node = None
        else:
            node = result.node = _new(Node)
            node.id = next_number()
            node.op = op
            node.parents = (p, q)
            node.saved = op.pick((out, x, y)) if op.fields else ()
            node.shape = out.shape
            node.g = node.watch = None
        return result

    return _named(call, op.inputs)


def general(op: Any) -> Callable:
    """The call of any other op."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return op.apply(*bind(op, args, kwargs))

    return call
