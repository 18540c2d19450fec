"""PyTorch's argument `inplace`, for ops that are a kernel on floats and a rule."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.op import OPS
from tinygrad_edu.ops.inplace import write
from tinygrad_edu.tensor import Tensor

__all__: list[str] = []


def overwriting(call: Any) -> Any:
    """Give an op of one input a further argument `inplace`, last, by which it overwrites that."""
    name, places = call.__name__, 1 + len(call.op.settings)

    @functools.wraps(call)
    def activation(*args: Any, **kwargs: Any) -> Any:
        args, last = args[:places], args[places:]
        if not (last[0] if len(last) == 1 else kwargs.pop("inplace", False)):
            return call(*args, *last[1:], **kwargs)
        input = args[0] if args else kwargs.pop("input", None)
        if not isinstance(input, Tensor):
            raise DTypeError(
                f"{name}: argument 'input': expected a Tensor to overwrite, got "
                f"{type(input).__name__}; leave inplace out"
            )
        return write(name, input, call, *args[1:], **kwargs)

    given = inspect.signature(call)
    flag = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)
    activation.__signature__ = given.replace(  # type: ignore[attr-defined]
        parameters=[*given.parameters.values(), flag]
    )
    OPS[name] = activation
    return activation


def floats(input: Any) -> Any:
    """The input, of floating dtype: PyTorch's activations take no other."""
    dtype = getattr(input, "dtype", None)
    if dtype is None:
        raise TypeError("expected a Tensor or an array; make one with tg.tensor(...)")
    if dtype.kind != "f":
        raise TypeError("expected floating-point elements; use .float()")
    return input
