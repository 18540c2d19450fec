"""The call of an op: the general path, and the commonest two unrolled for speed.

On small tensors nearly all the time of an op goes into its call. So ops with one or two inputs and
no settings do in one function, without loops, what `Op.apply` does for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.arguments import bind, complete, explain
from tinygrad_edu.graph import Node
from tinygrad_edu.modes import is_grad_enabled
from tinygrad_edu.storage import next_number
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.views import View

_FLOAT32: Any = dtypes.float32
_FLOAT64: Any = dtypes.float64
_new = object.__new__
_ndarray = np.ndarray  # a name of one's own is found sooner


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
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = _new(Tensor)
        result.array = out
        result.alias = result._grad = None
        parent = input.node
        if parent is None or not is_grad_enabled() or not op.quick:
            result.node = None
        else:
            node = result.node = Node()
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
        x, y = input, other
        p = q = None
        if isinstance(input, Tensor):
            x, p = input.array, input.node
            dtype = x.dtype
            if isinstance(other, Tensor):
                y, q = other.array, other.node
                alike = y.dtype is dtype
            else:
                alike = type(y) is float or type(y) is int
        elif alike := (type(x) is float or type(x) is int) and isinstance(other, Tensor):
            y, q = other.array, other.node
            dtype = y.dtype
        if not alike or (dtype is not _FLOAT32 and dtype is not _FLOAT64):
            return op.apply((input, other), ())
        try:
            out = kernel(x, y)
        except (ValueError, IndexError, TypeError) as error:
            raise explain(op, error, (x, y)) from error
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = _new(Tensor)
        result.array = out
        result.alias = result._grad = None
        if (p is None and q is None) or not is_grad_enabled() or not op.quick:
            result.node = None
        else:
            node = result.node = Node()
            node.id = next_number()
            node.op = op
            node.parents = (p, q)
            both = op.keeps_inputs
            node.saved = (x, y) if both else op.pick((out, x, y)) if op.fields else ()
            node.shape = out.shape
            node.g = node.watch = None
        return result

    return _named(call, op.inputs)


def general(op: Any) -> Callable:
    """The call of any other op: the general path for inputs that are floats."""
    kernel, first = op.kernel, len(op.inputs)
    exact = -1 if op.by_name or op.varargs else op.count  # arguments, which need no sorting then
    # Of each input, whether it may be missing, and whether its dtype is its own affair.
    kinds = [(name in op.defaults, op.dtype is None or name in op.fixed) for name in op.inputs]

    def call(*args: Any, **kwargs: Any) -> Any:
        full = args if len(args) == exact and not kwargs else complete(op, args, kwargs)
        if full is None or _FLOAT32 is None:
            return op.apply(*bind(op, args, kwargs))
        args = full
        arrays: list[Any] = []
        parents: list[Any] = []
        dtype, any_tensor, any_number = None, False, False
        for x, (optional, own) in zip(args, kinds):  # noqa: B905  the settings follow
            array, parent = x, None
            if isinstance(x, Tensor):
                array, parent, any_tensor = x.array, x.node, True
            elif type(x) is not np.ndarray:
                number = type(x) is float or type(x) is int
                if not number and not (x is None and optional):
                    break
                any_number = any_number or (number and not own)
                own = True
            if not own and array.dtype is not dtype:
                if dtype is not None or array.dtype.kind != "f":
                    break
                dtype = array.dtype
            arrays.append(array)
            parents.append(parent)
        if len(arrays) < first or (any_number and dtype is None):  # numbers beside no floats
            return op.apply(args[:first], args[first:])
        arrays += args[first:]
        try:
            out = kernel(*arrays)
        except (ValueError, IndexError, TypeError) as error:
            raise explain(op, error, tuple(arrays[:first])) from error
        if op.extras:
            out, *extras = out
            arrays += extras
        return _made(op, out, args, arrays, parents) if any_tensor else out

    return call


def _made(op: Any, out: Any, args: tuple, everything: list, parents: list) -> Tensor:
    """The tensor of a result, with its node, and its base if it is a view."""
    if type(out) is not np.ndarray:
        out = np.asarray(out)
    result = _new(Tensor)
    result.array = out
    result.alias = result._grad = result.node = None
    if op.quick and is_grad_enabled():
        for parent in parents:
            if parent is not None:
                result.node = Node.of(op, tuple(parents), op.pick((out, *everything)), out.shape)
                break
    if op.view:
        View.register(result, args[0], op, args[len(op.inputs) :])
    return result
