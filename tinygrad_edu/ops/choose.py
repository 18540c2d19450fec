"""Comparisons, and what chooses between elements: the larger, the smaller, the one asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import op

__all__ = [
    "clamp", "clip", "eq", "ge", "gt", "le", "lt", "maximum", "minimum", "ne", "where",
]  # fmt: skip


@op(method="maximum")
def maximum(input: Any, other: Any, /) -> Any:
    """The larger of two elements; shapes broadcast, nan wins.

    Gradient: g to the larger one, half to each where they are equal.

    >>> import tinygrad_edu as tg
    >>> tg.maximum(tg.tensor([1.0, 5.0]), tg.tensor([3.0, 4.0]))
    tensor([3., 5.])
    """
    return np.maximum(input, other)


@maximum.rule
def maximum_rule(g, input, other, need):
    shared = where(input == other, g * 0.5, g)
    return (
        where(input < other, 0.0, shared) if need[0] else None,
        where(input > other, 0.0, shared) if need[1] else None,
    )


@op(method="minimum")
def minimum(input: Any, other: Any, /) -> Any:
    """The smaller of two elements; shapes broadcast, nan wins.

    Gradient: g to the smaller one, half to each where they are equal.

    >>> import tinygrad_edu as tg
    >>> tg.minimum(tg.tensor([1.0, 5.0]), tg.tensor([3.0, 4.0]))
    tensor([1., 4.])
    """
    return np.minimum(input, other)


@minimum.rule
def minimum_rule(g, input, other, need):
    shared = where(input == other, g * 0.5, g)
    return (
        where(input > other, 0.0, shared) if need[0] else None,
        where(input < other, 0.0, shared) if need[1] else None,
    )


@op(method=("clamp", "clip"), inplace=True)
def clamp(input: Any, min: Any = None, max: Any = None, /) -> Any:
    """Each element, raised to `min` and then lowered to `max` (numbers or tensors).

    Gradient: g where the element lies within the bounds or on one of them; elsewhere g goes to
    the bound. Errors: ShapeError if neither bound is given.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([-2.0, 0.5, 3.0]).clamp(min=-1, max=1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise TypeError("expected at least one of 'min' and 'max', got neither")
    out = input if min is None else np.maximum(input, min)
    return out if max is None else np.minimum(out, max)


@clamp.rule
def clamp_rule(g, input, min, max, need):
    gi = lo = hi = None
    if need[0]:
        above = True if min is None else input >= min
        below = True if max is None else input <= max
        gi = where(above * below, g, 0.0)
    if need[1]:
        lo = where((input < min) * (True if max is None else min <= max), g, 0.0)
    if need[2]:
        hi = where((input > max) + (False if min is None else min > max), g, 0.0)
    return gi, lo, hi


clip = clamp


@op(method=None, fixed=("condition",))
def where(condition: Any, input: Any, other: Any, /) -> Any:
    """`input` where the condition is true, `other` elsewhere; the three broadcast.

    Gradient: g to the element that was taken, 0 to the other. An inf or nan in the derivative of
    the branch not taken still gives nan (0 * inf); keep it finite by guarding the argument too:
    `where(x > 0, log(where(x > 0, x, 1)), 0)`.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([-1.0, 2.0])
    >>> tg.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    return np.where(condition, input, other)


@where.rule
def where_rule(g, condition, need):
    return (
        None,
        where(condition, g, 0.0) if need[1] else None,
        where(condition, 0.0, g) if need[2] else None,
    )


def _comparison(name: str, operator: str, ufunc: np.ufunc, words: str) -> Any:
    def compare(input: Any, other: Any, /) -> Any:
        return ufunc(input, other)

    compare.__name__ = compare.__qualname__ = name
    compare.__doc__ = f"""Whether each element of `input` is {words} that of `other`, as bools.

    Shapes broadcast. No gradient.

    >>> import tinygrad_edu as tg
    >>> tg.{name}(tg.tensor([1, 2, 3]), 2)
    tensor({np.array2string(ufunc([1, 2, 3], 2), separator=", ")})
    """
    return op(compare, method=name, operator=operator)


eq = _comparison("eq", "==", np.equal, "equal to")
ne = _comparison("ne", "!=", np.not_equal, "different from")
lt = _comparison("lt", "<", np.less, "less than")
le = _comparison("le", "<=", np.less_equal, "at most")
gt = _comparison("gt", ">", np.greater, "greater than")
ge = _comparison("ge", ">=", np.greater_equal, "at least")
