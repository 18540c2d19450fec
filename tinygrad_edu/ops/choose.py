"""Comparisons, and what chooses between elements: the larger, the smaller, the one asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import threads
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.kernels import select
from tinygrad_edu.op import op

__all__ = [
    "clamp", "clip", "eq", "ge", "gt", "le", "lt", "maximum", "minimum", "ne",
]  # fmt: skip


_BITS = {np.dtype(f"f{n}"): np.dtype(f"i{n}") for n in (2, 4, 8)}
_LARGE = 2**20  # elements that are worth more than one thread
_WRITE = 16  # multiplications in the time that one element takes


@op(dtype=None)
def keep(input: Any, mask: Any, /) -> Any:
    """`input` where `mask` (bools) is true, 0 elsewhere, even in place of inf and nan.

    Gradient: g where the mask is true, 0 elsewhere.
    """
    # NumPy's where takes eight times as long as a product, but 0 times inf is nan. The bits of a
    # number times 0 or 1 are exact, and as fast.
    bits = _BITS[input.dtype]
    if input.size < _LARGE or input.shape != mask.shape:
        return (input.view(bits) * mask).view(input.dtype)
    values, kept = input.view(bits), np.empty_like(input, dtype=bits)

    def fill(part: slice) -> None:
        np.multiply(values[part], mask[part], out=kept[part])

    threads.split(fill, len(kept), kept.size // len(kept) * _WRITE)
    return kept.view(input.dtype)


@keep.rule
def keep_rule(g, mask):
    return keep(g, mask), None


def _to_the_winner(g: Any, tie: Any, first_lost: Any, second_lost: Any, need: tuple) -> tuple:
    """The gradient goes to the element that was taken, half to each of two equal ones."""
    shared = where(tie, g * 0.5, g)
    return (
        where(first_lost, 0.0, shared) if need[0] else None,
        where(second_lost, 0.0, shared) if need[1] else None,
    )


def _to_the_winner_fused(g: Any, tie: Any, first_lost: Any, second_lost: Any, need: tuple) -> tuple:
    """The same on arrays: mostly there is no tie."""
    shared = select.where(tie, g * 0.5, g) if tie.any() else g
    return (
        keep.op.kernel(shared, ~first_lost) if need[0] else None,
        keep.op.kernel(shared, ~second_lost) if need[1] else None,
    )


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
    return _to_the_winner(g, input == other, input < other, input > other, need)


@maximum.fused
def maximum_fused(g, input, other, need):
    return _to_the_winner_fused(g, input == other, input < other, input > other, need)


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
    return _to_the_winner(g, input == other, input > other, input < other, need)


@minimum.fused
def minimum_fused(g, input, other, need):
    return _to_the_winner_fused(g, input == other, input > other, input < other, need)


@op(method=("clamp", "clip"), inplace=True)
def clamp(input: Any, min: Any = None, max: Any = None, /) -> Any:
    """Each element, raised to `min` and then lowered to `max` (numbers or tensors).

    Gradient: g where the element lies within the bounds or on one of them; elsewhere g goes to
    the bound. Errors: DTypeError if neither bound is given, and for bools with a bool.

    >>> import tinygrad_edu as tg
    >>> tg.tensor([-2.0, 0.5, 3.0]).clamp(min=-1, max=1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise TypeError("expected at least one of 'min' and 'max', got neither")
    if bool in (type(min), type(max)) and np.result_type(input).kind == "b":
        raise TypeError("expected numbers; convert bools with .long()")
    out = input if min is None else select.bounded(np.maximum, input, min)
    return out if max is None else select.bounded(np.minimum, out, max)


@clamp.rule
def clamp_rule(g, input, min, max, need):
    gi = lo = hi = None
    if need[0]:
        above = True if min is None else input >= min
        below = True if max is None else input <= max
        gi = keep(g, above * below)
    if need[1]:
        lo = keep(g, (input < min) * (True if max is None else min < max))
    if need[2]:
        hi = keep(g, (input > max) + (False if min is None else min > max))
    return gi, lo, hi


clip = clamp


@op(method=None, fixed=("condition",))
def where(condition: Any, input: Any, other: Any, /) -> Any:
    """`input` where the condition is true, `other` elsewhere: behind the `where` of users.

    Gradient: g to the element that was taken, 0 to the other.
    """
    if getattr(condition, "dtype", np.bool_) not in (np.bool_, np.uint8):
        raise DTypeError(
            f"argument 'condition': expected bools, got {condition.dtype}; compare first: x > 0"
        )
    return select.where(np.asarray(condition), input, other)


@where.rule
def where_rule(g, condition, need):
    return (
        None,
        keep(g, ne(condition, False)) if need[1] else None,
        keep(g, eq(condition, False)) if need[2] else None,
    )


@where.fused
def where_fused(g, condition, need):
    taken = np.asarray(condition, bool)
    return (
        None,
        keep.op.kernel(g, taken) if need[1] else None,
        keep.op.kernel(g, ~taken) if need[2] else None,
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
    return op(compare, method=name, operator=operator, inplace=True)


eq = _comparison("eq", "==", np.equal, "equal to")
ne = _comparison("ne", "!=", np.not_equal, "different from")
lt = _comparison("lt", "<", np.less, "less than")
le = _comparison("le", "<=", np.less_equal, "at most")
gt = _comparison("gt", ">", np.greater, "greater than")
ge = _comparison("ge", ">=", np.greater_equal, "at least")
