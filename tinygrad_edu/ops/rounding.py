"""Division, and rounding to whole numbers: of quotients and of single elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import DivisionError, SettingError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.choose import keep
from tinygrad_edu.ops.pointwise import array_like
from tinygrad_edu.ops.quiet import quiet

__all__ = [
    "ceil", "div", "divide", "floor", "floor_divide", "remainder", "round", "true_divide", "trunc",
]  # fmt: skip


# --- division -----------------------------------------------------------------------------------


@op(name="div", method="true_divide", operator="/", inplace=True, dtype="float")
@quiet
def true_divide(input: Any, other: Any, /) -> Any:
    """Quotient of two tensors, element by element; shapes broadcast, integers become floats.

    Gradient: g / other for `input`, -g * out / other for `other`.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([1, 2]) / 4
    tensor([0.2500, 0.5000])
    """
    return np.true_divide(input, other)


@true_divide.rule
def true_divide_rule(g, other, out, need):
    ga = g / other
    return ga if need[0] else None, -ga * out if need[1] else None


def _whole(name: str, input: Any, other: Any) -> tuple[Any, Any]:
    """The operands of a division that gives whole numbers, if it can be done."""
    dtype = np.result_type(input, other)
    if dtype.kind == "b":
        raise TypeError("expected numbers; convert bools with .long()")
    if dtype.kind in "iu" and not np.all(other):
        raise DivisionError(
            f"{name}: argument 'other': expected integers other than 0, got a 0; divide floats to "
            "get inf, or use where(other == 0, 1, other)"
        )
    return array_like(input, other), array_like(other, input)


def _no_slope(g: Any, need: Any) -> tuple:
    """The gradients of a function of two inputs that is constant between its steps."""
    return keep(g, False) if need[0] else None, keep(g, False) if need[1] else None


@op(method="floor_divide", operator="//", inplace=True)
@quiet
def floor_divide(input: Any, other: Any, /) -> Any:
    """The largest whole number not above the quotient of two elements, in their own dtype.

    Gradient: 0. Errors: DivisionError for an integer divided by 0, DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([7, -7]) // 2
    tensor([ 3, -4])
    """
    return np.floor_divide(*_whole("floor_divide", input, other))


floor_divide.rule(_no_slope)


@op(name="div")
@quiet
def truncated_divide(input: Any, other: Any, /) -> Any:
    """The quotient of two elements without its fraction: behind `div(rounding_mode="trunc")`.

    Gradient: 0.
    """
    input, other = _whole("div", input, other)
    if np.result_type(input, other).kind == "f":
        return np.trunc(np.true_divide(input, other))
    return np.floor_divide(input - np.fmod(input, other), other)


truncated_divide.rule(_no_slope)


@composite(method=("div", "divide"), inplace=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """Quotient of two tensors, element by element; shapes broadcast.

    Without `rounding_mode` integers become floats. "floor" rounds the quotient down, as `//`
    does, "trunc" towards 0; both keep the dtype.
    Gradient: g / other for `input`, -g * out / other for `other`; 0 if it is rounded.
    Errors: SettingError for another mode, DivisionError for a rounded integer divided by 0.

    >>> import tinygrad_edu as tg
    >>> tg.div(tg.tensor([7, -7]), 2), tg.div(tg.tensor([7, -7]), 2, rounding_mode="trunc")
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -3]))
    """
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise SettingError(
            "div: argument 'rounding_mode': expected None, 'floor' or 'trunc', "
            f"got {rounding_mode!r}"
        )
    return (floor_divide if rounding_mode == "floor" else truncated_divide)(input, other)


div.op = true_divide.op  # whose kernel the in-place form may call
divide = div


@op(method="remainder", operator="%", inplace=True)
@quiet
def remainder(input: Any, other: Any, /) -> Any:
    """What a division rounded down leaves: input - (input // other) * other.

    It has the sign of `other`. Gradient: g for `input`, -g (input // other) for `other`.
    Errors: DivisionError for an integer divided by 0, DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([7, -7]) % 3
    tensor([1, 2])
    """
    return np.remainder(*_whole("remainder", input, other))


@remainder.rule
def remainder_rule(g, input, other, need):
    return g, -g * floor_divide(input, other) if need[1] else None


# --- of single elements -------------------------------------------------------------------------


def _step(function: Callable, name: str, sentence: str, result: str) -> Any:
    def kernel(input: Any, /) -> Any:
        return function(input) if input.dtype.kind == "f" else input.copy()

    kernel.__name__ = kernel.__qualname__ = name
    kernel.__doc__ = f"""{sentence}

    Integers stay as they are. Gradient: 0. Errors: DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> tg.{name}(tg.tensor([-1.5, 1.5]))
    tensor([{result}])
    """
    call = op(kernel, method=name, inplace=True, dtype="number")
    call.rule(lambda g: keep(g, False))
    return call


floor = _step(np.floor, "floor", "The largest whole number not above each element.", "-2.,  1.")
ceil = _step(np.ceil, "ceil", "The smallest whole number not below each element.", "-1.,  2.")
trunc = _step(np.trunc, "trunc", "Each element without its fraction.", "-1.,  1.")


@op(method="round", inplace=True, dtype="number", by_name=("decimals",))
@quiet
def round(input: Any, /, decimals: int = 0) -> Any:
    """Each element rounded to a number of decimals, halves to the even neighbour.

    Negative `decimals` round to tens, hundreds. Gradient: 0.
    Errors: DTypeError for bools, and for integers with `decimals`.

    >>> import tinygrad_edu as tg
    >>> tg.round(tg.tensor([0.5, 1.5, 2.5])), tg.round(tg.tensor([0.124]), decimals=2)
    (tensor([0., 2., 2.]), tensor([0.1200]))
    """
    if decimals and input.dtype.kind != "f":
        raise TypeError("expected floating-point elements to round to 'decimals'; use .float()")
    return np.round(input, decimals) if input.dtype.kind == "f" else input.copy()


@round.rule
def round_rule(g):
    return keep(g, False)
