"""Questions with the answer yes or no: logic, operations on bits, tests of numbers."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from tinygrad_edu.errors import SettingError
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.choose import eq
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.reduce import all

__all__ = [
    "allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "equal", "isclose",
    "isfinite", "isinf", "isnan", "logical_and", "logical_not", "logical_or", "logical_xor",
]  # fmt: skip


def _elements(
    ufunc: np.ufunc, sentence: str, example: str, operator: str | None = None, name: str = ""
) -> Any:
    """An op without gradient of one or two inputs; `example` is "arguments -> result"."""
    name = name or ufunc.__name__
    given, result = example.replace("[", "tg.tensor([").replace("]", "])").split(" -> ")

    def kernel(*operands: Any) -> Any:
        if operator and np.result_type(*operands).kind == "f":
            raise TypeError("expected bools or integers; compare first: (x > 0) & (y > 0)")
        return ufunc(*operands)

    def one(input: Any, /) -> Any:
        return kernel(input)

    def two(input: Any, other: Any, /) -> Any:
        return kernel(input, other)

    function = one if ufunc.nin == 1 else two
    function.__name__ = function.__qualname__ = name
    shapes = "" if ufunc.nin == 1 else "Shapes broadcast. "
    errors = " Errors: DTypeError for floats." if operator else ""
    function.__doc__ = f"""{sentence}

    {shapes}No gradient.{errors}

    >>> import tinygrad_edu as tg
    >>> tg.{name}({given})
    {result[3:]}
    """
    # Logic takes operands of different dtypes as they are: a number that is not 0 is true.
    dtype = "same" if operator else None
    inplace = not name.startswith("is")
    return op(function, method=name, operator=operator, dtype=dtype, inplace=inplace)


# fmt: off
logical_and = _elements(
    np.logical_and, "Whether both elements are true (not 0), as bools.",
    "[1, 2, 0], [3, 0, 0] -> [ True, False, False]")
logical_or = _elements(
    np.logical_or, "Whether any of two elements is true (not 0), as bools.",
    "[1, 2, 0], [3, 0, 0] -> [ True,  True, False]")
logical_xor = _elements(
    np.logical_xor, "Whether just one of two elements is true (not 0), as bools.",
    "[1, 2, 0], [3, 0, 0] -> [False,  True, False]")
logical_not = _elements(
    np.logical_not, "Whether an element is false (0), as bools.",
    "[1.5, 0.0] -> [False,  True]")

bitwise_and = _elements(
    np.bitwise_and, "The bits set in both elements; of bools, whether both hold.",
    "[12, 10], [10, 3] -> [8, 2]", "&")
bitwise_or = _elements(
    np.bitwise_or, "The bits set in any of two elements; of bools, whether any holds.",
    "[12, 10], [10, 3] -> [14, 11]", "|")
bitwise_xor = _elements(
    np.bitwise_xor, "The bits in which two elements differ; of bools, whether they do.",
    "[12, 10], [10, 3] -> [6, 9]", "^")
bitwise_not = _elements(
    np.invert, "All bits of each element turned over; of bools, the opposite.",
    "[True, False] -> [False,  True]", "~", "bitwise_not")

isnan = _elements(
    np.isnan, "Whether an element is nan.", "[1.0, float('nan')] -> [False,  True]")
isinf = _elements(
    np.isinf, "Whether an element is inf or -inf.", "[1.0, float('-inf')] -> [False,  True]")
isfinite = _elements(
    np.isfinite, "Whether an element is a number, neither nan nor infinite.",
    "[1.0, float('nan')] -> [ True, False]")
# fmt: on


@op(method="isclose", dtype="equal")
@quiet
def isclose(
    input: Any, other: Any, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Whether |input - other| <= atol + rtol |other|, or both are equal; shapes broadcast.

    `equal_nan` lets nan count as equal to nan. No gradient.
    Errors: DTypeError for different dtypes, SettingError for a negative tolerance.

    >>> import tinygrad_edu as tg
    >>> tg.isclose(tg.tensor([1.0, 1.0]), tg.tensor([1.000001, 1.1]))
    tensor([ True, False])
    """
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:
            raise SettingError(f"argument {name!r}: expected at least 0, got {value}")
    close = np.equal(input, other)
    if equal_nan:
        close = close | (np.isnan(input) & np.isnan(other))
    if np.result_type(input).kind == "b":
        return close
    distance = np.abs(input - other * 1.0)
    return close | (np.isfinite(distance) & (distance <= atol + np.abs(rtol * other)))


@composite(method="allclose")
def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> builtins.bool:
    """Whether all elements are close in the sense of `isclose`: a Python bool. No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.allclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.0000001]))
    True
    """
    return builtins.bool(all(isclose(input, other, rtol, atol, equal_nan)))


@composite(method="equal")
def equal(input: Any, other: Any) -> builtins.bool:
    """Whether two tensors have the same shape and the same elements: a Python bool. No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.equal(tg.tensor([1, 2]), tg.tensor([1, 2])), tg.equal(tg.tensor([1]), tg.tensor([1, 2]))
    (True, False)
    """
    return input.shape == other.shape and builtins.bool(all(eq(input, other)))
