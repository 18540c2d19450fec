"""The arguments of an op: sorted into inputs and settings, unified in dtype, named in errors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.errors import DimensionError, DTypeError, LinAlgError, SettingError, ShapeError
from tinygrad_edu.tensor import Tensor

WORDED = (ShapeError, DTypeError, LinAlgError, SettingError)  # the errors that ops word themselves

# NumPy's names, as PyTorch takes them.
ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "axis0": "dim0", "axis1": "dim1"}


def complete(op: Any, args: tuple, kwargs: dict) -> tuple | None:
    """The arguments in the kernel's order, with its defaults; None if it takes `bind` to tell."""
    args = _joined(op, args)
    missing = op.count - len(args)
    if not op.by_name <= missing <= len(op.optional):
        return None
    full = [*args, *op.optional[len(op.optional) - missing :]] if missing else list(args)
    for name, value in kwargs.items():
        place = op.places.get(name, -1)
        if place < len(args):  # another name, or given twice
            return None
        full[place] = value
    return tuple(full)


def _joined(op: Any, args: tuple) -> tuple:
    """`args` with the integers of `reshape(x, 2, 3)` in one tuple, if the op takes them so."""
    first = len(op.inputs)
    if op.varargs and len(args) > first and isinstance(args[first], (int, np.integer)):
        return (*args[:first], args[first:])
    return args


def bind(op: Any, args: tuple, kwargs: dict) -> tuple[tuple, tuple]:
    """Sort the arguments of a call into inputs and settings."""
    first = 0 if op.variadic else len(op.inputs)
    full = complete(op, args, kwargs)
    if full is not None:
        return full[:first], full[first:]
    args = _joined(op, args)
    names = op.settings if op.variadic else op.inputs + op.settings
    values: dict[str, Any] = {}
    if op.variadic:
        args, values = (), {op.inputs[0]: args}
    elif len(args) > (most := len(names) - op.by_name):
        named = f"; give {' and '.join(names[most:])} by name" if op.by_name else ""
        raise TypeError(f"{op.name}: expected at most {most} arguments, got {len(args)}{named}")
    values.update(zip(names, args, strict=False))
    for name, value in kwargs.items():
        name = ALIASES.get(name, name) if name not in names else name
        if name not in names or name in values:
            problem = "got twice" if name in values else f"unknown; expected any of {names}"
            raise TypeError(f"{op.name}: argument {name!r}: {problem}")
        values[name] = value
    for name in names:
        if name not in values:
            if name not in op.defaults:
                raise TypeError(f"{op.name}: argument {name!r} is missing")
            values[name] = op.defaults[name]
    inputs = values[op.inputs[0]] if op.variadic else [values[n] for n in op.inputs]
    return tuple(inputs), tuple([values[n] for n in op.settings])


def unify(op: Any, inputs: tuple, cast: Callable) -> tuple:
    """Check the kinds of the inputs and convert them, by `cast`, to the dtype they share."""
    names = op.inputs * len(inputs) if op.variadic else op.inputs
    for name, x in zip(names, inputs, strict=False):
        if isinstance(x, (list, tuple, str)) or (x is None and name not in op.defaults):
            raise _no_tensor(op.name, name, x)
    if op.dtype is None or not any(isinstance(x, (Tensor, np.ndarray)) for x in inputs):
        return inputs
    if op.dtype == "equal":
        return _check_equal(op, inputs)
    if _agree(op, inputs):
        return inputs
    free = [x is not None and n not in op.fixed for n, x in zip(names, inputs, strict=False)]
    wanted = dtypes.result_type(*[x for x, is_free in zip(inputs, free, strict=True) if is_free])
    if op.dtype == "number":
        _refuse_bools(op, inputs)
    if op.dtype == "float":
        wanted = dtypes.float_type(wanted)
    weak = op.fixed and not any(hasattr(x, "ndim") for x, f in zip(inputs, free, strict=True) if f)
    return tuple(
        [_cast(np.asarray(x) if weak else x, wanted, cast) if is_free else x
         for x, is_free in zip(inputs, free, strict=True)]
    )  # fmt: skip


def _agree(op: Any, inputs: tuple) -> bool:
    """Whether all are floats of one dtype, or Python numbers beside them: the commonest case."""
    found = None
    names = op.inputs * len(inputs) if op.variadic else op.inputs
    for name, x in zip(names, inputs, strict=True):
        if isinstance(x, (Tensor, np.ndarray)):
            if name in op.fixed:
                continue
            if x.dtype.kind != "f" or x.dtype is not (found or x.dtype):
                return False
            found = x.dtype
        elif x is not None and type(x) is not float and type(x) is not int:
            return False
    return found is not None


def _check_equal(op: Any, inputs: tuple) -> tuple:
    found = {x.dtype for x in inputs if isinstance(x, (Tensor, np.ndarray))}
    if len(found) > 1:
        got = " and ".join(sorted(map(str, found)))
        raise DTypeError(
            f"{op.name}: expected inputs of one dtype, got {got}; "
            "convert one of them with .to(dtype)"
        )
    return inputs


def _refuse_bools(op: Any, inputs: tuple) -> None:
    for name, x in zip(op.inputs, inputs, strict=True):
        if isinstance(x, bool) or getattr(x, "dtype", None) == np.bool_:
            raise DTypeError(
                f"{op.name}: argument {name!r}: expected numbers, got bool; "
                "convert with .long(), or use ~ and ^ on bools"
            )


def explain(op: Any, error: Exception, arrays: tuple) -> Exception:
    """Word an error of the kernel so that it names the op and what came."""
    if isinstance(error, WORDED):
        unnamed = str(error).startswith("argument ")
        return type(error)(f"{op.name}: {error}") if unnamed else error
    names = [f"{op.inputs[0]}[{i}]" for i in range(len(arrays))] if op.variadic else op.inputs
    got = ", ".join(
        f"{name} {x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else f"{name} {x!r}"
        for name, x in zip(names, arrays, strict=True)
    )
    if isinstance(error, IndexError):
        return DimensionError(f"{op.name}: {error}; got {got}")
    if isinstance(error, ValueError):
        if "broadcast" in str(error):
            return ShapeError(
                f"{op.name}: expected shapes that broadcast (counted from the last dimension, "
                f"sizes equal or 1), got {got}"
            )
        words = ("shape", "dimension", "axis", "size", "align")
        kind = ShapeError if any(word in str(error) for word in words) else ValueError
        return kind(f"{op.name}: {error}; got {got}")
    return DTypeError(f"{op.name}: {error}; got {got}")


def explain_composite(
    name: str, function: Callable, error: Exception, args: tuple, kwargs: dict
) -> Exception:
    """Word an error inside a composition of ops so that it begins with its name.

    An attribute that a list, None or a number has not got means that it stood where a tensor
    should; any other AttributeError is returned as it is.
    """
    if not isinstance(error, AttributeError):
        words = re.sub(r"^\w+: ", "", str(error))  # the name of the part, which nobody called
        return error if str(error) == f"{name}: {words}" else type(error)(f"{name}: {words}")
    if isinstance(error.obj, (list, tuple, str, int, float, type(None))):
        for argument, value in inspect.signature(function).bind(*args, **kwargs).arguments.items():
            inside = isinstance(value, (list, tuple)) and any(x is error.obj for x in value)
            if value is error.obj or inside:
                return _no_tensor(name, argument, error.obj)
    return error


def _no_tensor(name: str, argument: str, got: Any) -> DTypeError:
    return DTypeError(
        f"{name}: argument {argument!r}: expected a Tensor, an array or a number, "
        f"got {type(got).__name__}; make one with tg.tensor(...)"
    )


def _cast(x: Any, dtype: np.dtype, cast: Callable) -> Any:
    """`x` in this dtype, recorded for a tensor; Python numbers stay, NumPy treats them as weak."""
    if isinstance(x, (Tensor, np.ndarray)):
        return x if x.dtype == dtype else cast(x, dtype)
    return x.item() if isinstance(x, np.generic) else x
