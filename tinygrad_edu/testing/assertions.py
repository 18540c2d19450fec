"""Where two tensors differ, for an assertion that failed: `assert a == b`, `assert allclose(a, b)`.

pytest explains comparisons by their values, but that of tensors has no truth value, and a call of
`allclose` has only one. So the words come afterwards, from the statement that failed and the frame
it failed in. Nothing of the user's is called again: sides that are more than names, attributes,
elements and their `detach()` or `numpy()` are not looked at.
"""

from __future__ import annotations

import ast
import linecache
import traceback
from types import FrameType
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

__all__ = ["difference", "explain"]

_SHOWN = 5  # elements that are listed
_READABLE = (
    ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Slice, ast.Tuple,
    ast.List, ast.UnaryOp, ast.expr_context, ast.unaryop,
)  # fmt: skip
_CONVERSIONS = ("detach", "numpy", "double", "float", "cpu")


def difference(
    actual: Any, expected: Any, rtol: float = 0.0, atol: float = 0.0, equal_nan: bool = False
) -> list[str]:
    """Which elements differ, and by how much, in lines; none if all are close.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.testing.assertions import difference
    >>> print(*difference(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.5])), sep="\\n")
    1 of 2 elements differ (50%), the largest difference is 0.5, at (1,)
      (1,): 2.0 and 2.5
    """
    left, right = (np.asarray(x.array if isinstance(x, Tensor) else x) for x in (actual, expected))
    try:
        left, right = np.broadcast_arrays(left, right)
    except ValueError:
        return [f"the shapes differ: {left.shape} and {right.shape}"]
    if left.dtype.kind == right.dtype.kind == "b":
        close, gap = left == right, (left != right).astype(np.float64)
    else:
        with np.errstate(all="ignore"):
            close = np.isclose(left, right, rtol, atol, equal_nan)
            gap = np.abs(left.astype(np.float64) - right.astype(np.float64))
    places = np.argwhere(~close)
    if not len(places):
        return []
    if close.size == 1:
        return [f"the difference is {gap.item():.6g}"]
    worst = tuple(map(int, places[np.argmax(np.nan_to_num(gap[~close], nan=np.inf))]))
    lines = [
        f"{len(places)} of {close.size} elements differ ({len(places) / close.size:.0%}), the "
        f"largest difference is {gap[worst]:.6g}, at {worst}"
    ]
    for place in [tuple(map(int, row)) for row in places[:_SHOWN]]:
        lines.append(f"  {place}: {left[place]!s} and {right[place]!s}")  # digits of the dtype
    return lines + (["  ..."] if len(places) > _SHOWN else [])


def explain(error: BaseException) -> list[str]:
    """Lines on the tensors that a failed `assert` compared; none if it compared no tensors.

    It may compare by `==`, `equal`, `allclose` or `isclose`, and `all()` of these.
    """
    found = _statement(error)
    compared = found and _compared(*found)
    if not compared:
        return []
    name, left, right, settings = compared
    if name == "equal" and np.shape(left) != np.shape(right):
        return [f"the shapes differ: {np.shape(left)} and {np.shape(right)}"]
    lines = difference(left, right, **settings)
    if name == "==" and not isinstance(error, AssertionError):
        lines += ["`==` compares element by element: assert tg.equal(a, b), or (a == b).all()"]
    return lines


def _statement(error: BaseException) -> tuple[ast.expr, FrameType] | None:
    """What the `assert` claims that an error comes from, and the frame it stands in."""
    outside = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not str(frame.f_globals.get("__name__")).startswith("tinygrad_edu.")
    ]
    if not outside:
        return None
    frame, line = outside[-1]
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    except (SyntaxError, ValueError):  # no source, or none of Python's
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or 0):
            return node.test, frame
    return None


def _compared(claim: ast.expr, frame: FrameType) -> tuple[str, Any, Any, dict] | None:
    """How two things are compared, both, and the tolerances; None if they are no tensors."""
    if isinstance(claim, ast.Compare) and len(claim.ops) == 1 and isinstance(claim.ops[0], ast.Eq):
        return _sides("==", [claim.left, claim.comparators[0]], [], frame)
    if not isinstance(claim, ast.Call):
        return None
    function, arguments = claim.func, list(claim.args)
    name = getattr(function, "attr", getattr(function, "id", ""))
    if isinstance(function, ast.Attribute) and isinstance(_value(function.value, frame), Tensor):
        arguments.insert(0, function.value)
    elif isinstance(function, ast.Attribute) and not arguments:
        arguments = [function.value]  # of (a == b).all()
    if name in ("all", "bool") and len(arguments) == 1:
        return _compared(arguments[0], frame)
    if name in ("equal", "eq", "isclose", "allclose") and len(arguments) >= 2:
        return _sides(name, arguments, claim.keywords, frame)
    return None


def _sides(
    name: str, arguments: list[ast.expr], keywords: list[ast.keyword], frame: FrameType
) -> tuple[str, Any, Any, dict] | None:
    left, right, *more = [_value(x, frame) for x in arguments]
    comparable = (Tensor, np.ndarray, np.generic, int, float)
    if not all(isinstance(x, comparable) and _is_real(x) for x in (left, right)):
        return None
    if not isinstance(left, Tensor) and not isinstance(right, Tensor):
        return None
    settings = {}
    if name.endswith("close"):
        settings = {"rtol": 1e-05, "atol": 1e-08, **dict(zip(("rtol", "atol"), more, strict=False))}
        settings |= {str(k.arg): _value(k.value, frame) for k in keywords}
    return name, left, right, settings


def _is_real(x: Any) -> bool:
    return np.asarray(x.array if isinstance(x, Tensor) else x).dtype.kind in "biuf"


def _value(expression: ast.expr, frame: FrameType) -> Any:
    """The value of names, attributes, elements; None where something else is called."""
    if not all(_is_readable(node) for node in ast.walk(expression)):
        return None
    code = compile(ast.Expression(expression), "<assert>", "eval")
    try:
        return eval(code, frame.f_globals, frame.f_locals)
    except Exception:  # whatever an attribute or an element may raise
        return None


def _is_readable(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", "") in _CONVERSIONS and not node.args + node.keywords
    return isinstance(node, _READABLE)
