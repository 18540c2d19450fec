"""Mixtures and choices: sums of products in one step, one-sided bounds, the forms of `where`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import choose
from tinygrad_edu.ops.choose import clamp, clamp_rule, keep
from tinygrad_edu.ops.logic import isfinite
from tinygrad_edu.ops.order import nonzero
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.tensor import Tensor

__all__ = ["addcdiv", "addcmul", "clamp_max", "clamp_min", "lerp", "nan_to_num", "where"]


@op(method="lerp", inplace=True, dtype="equal")
@quiet
def lerp(input: Any, end: Any, weight: Any, /) -> Any:
    """input + weight (end - input): `input` at weight 0, `end` at weight 1; shapes broadcast.

    Gradient: g (1 - weight) for `input`, g weight for `end`, g (end - input) for `weight`.
    Errors: DTypeError for integers and for different dtypes.

    >>> import tinygrad_edu as tg
    >>> tg.lerp(tg.tensor([0.0, 10.0]), tg.tensor([4.0, 20.0]), 0.25)
    tensor([ 1.0000, 12.5000])
    """
    if np.result_type(input, end).kind != "f":
        raise TypeError("expected floating-point elements; use .float()")
    step = end - input
    # Counted from the nearer end, so that both are reached exactly.
    return np.where(np.abs(weight) < 0.5, input + weight * step, end - step * (1 - weight))


@lerp.rule
def lerp_rule(g, input, end, weight, need):
    return (
        g * (1 - weight) if need[0] else None,
        g * weight if need[1] else None,
        g * (end - input) if need[2] else None,
    )


@op(method="addcmul", inplace=True, dtype="same", by_name=("value",))
@quiet
def addcmul(input: Any, tensor1: Any, tensor2: Any, /, value: float = 1) -> Any:
    """input + value * tensor1 * tensor2; shapes broadcast.

    Gradient: g for `input`, g value tensor2 for `tensor1`, g value tensor1 for `tensor2`.
    For integers `value` is converted to one. Errors: DTypeError if all are bools.

    >>> import tinygrad_edu as tg
    >>> tg.addcmul(tg.ones(2), tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]), value=0.5)
    tensor([2.5000, 5.0000])
    """
    dtype = np.result_type(input, tensor1, tensor2)
    if dtype.kind == "b":
        raise TypeError("expected numbers; convert bools with .long()")
    return input + np.asarray(value).astype(dtype) * tensor1 * tensor2


@addcmul.rule
def addcmul_rule(g, tensor1, tensor2, value, need):
    scaled = g * value
    return g, scaled * tensor2 if need[1] else None, scaled * tensor1 if need[2] else None


@op(method="addcdiv", inplace=True, dtype="same", by_name=("value",))
@quiet
def addcdiv(input: Any, tensor1: Any, tensor2: Any, /, value: float = 1) -> Any:
    """input + value * tensor1 / tensor2; shapes broadcast.

    Gradient: g for `input`, g value / tensor2 for `tensor1`, -g value tensor1 / tensor2^2 for
    `tensor2`. Errors: DTypeError if all are integers or bools.

    >>> import tinygrad_edu as tg
    >>> tg.addcdiv(tg.ones(2), tg.tensor([1.0, 2.0]), tg.tensor([4.0, 4.0]), value=2)
    tensor([1.5000, 2.0000])
    """
    if np.result_type(input, tensor1, tensor2).kind != "f":
        raise TypeError("expected floating-point elements; use .float()")
    return input + value * tensor1 / tensor2


@addcdiv.rule
def addcdiv_rule(g, tensor1, tensor2, value, need):
    scaled = g * value / tensor2
    return (
        g,
        scaled if need[1] else None,
        -scaled * (tensor1 / tensor2) if need[2] else None,
    )


@op(method="clamp_min", inplace=True)
def clamp_min(input: Any, min: Any, /) -> Any:
    """Each element, raised to `min` (a number or a tensor). Gradient: as for `clamp`.

    >>> import tinygrad_edu as tg
    >>> tg.clamp_min(tg.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    return clamp.op.kernel(input, min, None)


@clamp_min.rule
def clamp_min_rule(g, input, min, need):
    return clamp_rule(g, input, min, None, (*need, False))[:2]


@op(method="clamp_max", inplace=True)
def clamp_max(input: Any, max: Any, /) -> Any:
    """Each element, lowered to `max` (a number or a tensor). Gradient: as for `clamp`.

    >>> import tinygrad_edu as tg
    >>> tg.clamp_max(tg.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    return clamp.op.kernel(input, None, max)


@clamp_max.rule
def clamp_max_rule(g, input, max, need):
    return clamp_rule(g, input, None, max, (need[0], False, need[1]))[::2]


@op(method="nan_to_num", inplace=True, dtype="same")
def nan_to_num(
    input: Any, /, nan: float | None = None, posinf: float | None = None,
    neginf: float | None = None,
) -> Any:  # fmt: skip
    """Replace nan by `nan` (0 if None), inf and -inf by the largest and the least finite number.

    `posinf` and `neginf` name other numbers for inf and -inf. Integers stay as they are.
    Gradient: g where the element is finite, else 0.

    >>> import tinygrad_edu as tg
    >>> tg.nan_to_num(tg.tensor([1.0, float("nan"), float("inf")]), posinf=9.0)
    tensor([1., 0., 9.])
    """
    return np.nan_to_num(input, nan=nan or 0.0, posinf=posinf, neginf=neginf)


@nan_to_num.rule
def nan_to_num_rule(g, input):
    return keep(g, isfinite(input))


@composite
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is true, `other` elsewhere; the three broadcast.

    `where(condition)` alone gives the places where it is true, as `nonzero(as_tuple=True)` does.

    Gradient: g to the element that was taken, 0 to the other. An inf or nan in the derivative of
    the branch not taken still gives nan (0 * inf); keep it finite by guarding the argument too:
    `where(x > 0, log(where(x > 0, x, 1)), 0)`. Errors: DTypeError unless the condition is bools.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([-1.0, 2.0])
    >>> tg.where(x > 0, x, 0.0), tg.where(x > 0)
    (tensor([0., 2.]), (tensor([1]),))
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return choose.where(condition, input, other)


where.op = choose.where.op


def _where(self: Tensor, condition: Any, other: Any) -> Tensor:
    """The elements where the condition is true, those of `other` elsewhere."""
    return choose.where(condition, self, other)


Tensor.where = _where  # type: ignore[method-assign]
