"""Activations made of straight pieces, and what else has a kink."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError
from tinygrad_edu.kernels import select
from tinygrad_edu.kernels.select import bounded
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.overwriting import floats, overwriting
from tinygrad_edu.ops.pointwise import abs
from tinygrad_edu.ops.shape import reshape

__all__ = [
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "prelu", "relu6",
    "softshrink", "threshold",
]  # fmt: skip


@overwriting
@op
def hardtanh(input: Any, /, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Each element, raised to `min_val` and lowered to `max_val`.

    Gradient: g strictly between the bounds, 0 elsewhere (`clamp` has g at a bound as well).
    Errors: SettingError if the bounds are in the wrong order, DTypeError for bools.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.hardtanh(tg.tensor([-2.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise SettingError(
            f"argument 'min_val': expected at most max_val, {max_val}, got {min_val}"
        )
    kind = input.dtype.type
    if kind is np.bool_ or (input.dtype.kind == "u" and int(min_val) < 0):
        raise TypeError("expected numbers that may be negative; use .long()")
    return bounded(np.minimum, bounded(np.maximum, input, kind(min_val)), kind(max_val))


@hardtanh.rule
def hardtanh_rule(g, input, min_val, max_val):
    return where((input <= min_val) + (input >= max_val), 0.0, g)


@overwriting
@op
def relu6(input: Any, /) -> Any:
    """Each element, raised to 0 and lowered to 6. Gradient: g strictly between, 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.relu6(tg.tensor([-2.0, 0.5, 8.0]))
    tensor([0.0000, 0.5000, 6.0000])
    """
    return hardtanh.op.kernel(input, 0, 6)


@relu6.rule
def relu6_rule(g, input):
    return hardtanh_rule(g, input, 0, 6)


@overwriting
@op
def leaky_relu(input: Any, /, negative_slope: float = 0.01) -> Any:
    """x where it is positive, else negative_slope * x.

    Gradient: g where the input is positive, else g negative_slope, also at 0.
    Source: Maas, Hannun and Ng (2013).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.leaky_relu(tg.tensor([-1.0, 2.0]), 0.25)
    tensor([-0.2500,  2.0000])
    """
    return select.where(floats(input) > 0, input, input * negative_slope)


@leaky_relu.rule
def leaky_relu_rule(g, input, negative_slope):
    return where(input > 0, g, g * negative_slope)


@composite(method="prelu")
def prelu(input: Any, weight: Any) -> Any:
    """x where it is positive, else weight * x, with a slope that is learned.

    Shapes: `weight` () or (1,), or (C,) for an input (N, C, ...).
    Gradient: g where the input is positive, else g weight; for the weight the sum of g input
    over the elements that are not positive. Errors: ShapeError, DTypeError for unequal dtypes.
    Source: He et al. (2015), Delving deep into rectifiers.

    >>> import tinygrad_edu as tg
    >>> tg.prelu(tg.tensor([[-1.0, 2.0]]), tg.tensor([0.25, 0.5]))
    tensor([[-0.2500,  2.0000]])
    """
    if weight.ndim > 1:
        raise ShapeError(f"argument 'weight': expected at most 1 dimension, got {weight.shape}")
    C = input.shape[1] if input.ndim > 1 else 1
    slopes = weight.shape[0] if weight.ndim else 1
    if slopes not in (1, C):
        raise ShapeError(
            f"argument 'weight': expected 1 or {C} slopes for input {input.shape}, got "
            f"{weight.shape}"
        )
    if input.dtype != weight.dtype:
        raise DTypeError(f"expected inputs of one dtype, got {input.dtype} and {weight.dtype}")
    slope = reshape(weight, (slopes, *(1,) * (input.ndim - 2)) if input.ndim > 1 else ())
    positive = input > 0
    # Masked twice: an infinite element must not reach the gradient of the weight as 0 times inf.
    return where(positive, input, where(positive, 0.0, input) * slope)


@overwriting
@op
def hardsigmoid(input: Any, /) -> Any:
    """x / 6 + 1/2, raised to 0 and lowered to 1. Gradient: g / 6 strictly between, 0 elsewhere.

    Source: Howard et al. (2019), Searching for MobileNetV3.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.hardsigmoid(tg.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return bounded(np.minimum, bounded(np.maximum, floats(input) + 3, 0), 6) / 6


@hardsigmoid.rule
def hardsigmoid_rule(g, input):
    return where(abs(input) < 3, g / 6, 0.0)


@overwriting
@op
def hardswish(input: Any, /) -> Any:
    """x hardsigmoid(x) of each element: 0 up to -3, x from 3 on.

    Gradient: g (input / 3 + 1/2) strictly between, 0 below, g above.
    Source: Howard et al. (2019), Searching for MobileNetV3.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.hardswish(tg.tensor([-1.5, 0.0, 1.5]))
    tensor([-0.3750,  0.0000,  1.1250])
    """
    return input * hardsigmoid.op.kernel(input)


@hardswish.rule
def hardswish_rule(g, input):
    return where(input <= -3, 0.0, where(input < 3, g * (input / 3 + 0.5), g))


@overwriting
@op
def threshold(input: Any, /, threshold: float, value: float) -> Any:
    """x where it is above `threshold`, else `value`. Gradient: g above, 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.threshold(tg.tensor([0.5, 2.0]), 1, -5)
    tensor([-5.,  2.])
    """
    return select.where(input <= threshold, np.asarray(value, input.dtype), input)


@threshold.rule
def threshold_rule(g, input, threshold):
    return where(input <= threshold, 0.0, g)


@op
def softshrink(input: Any, /, lambd: float = 0.5) -> Any:
    """Each element, brought nearer to 0 by `lambd`, and to 0 if it is nearer than that.

    Gradient: g further than `lambd` from 0, 0 elsewhere. Errors: SettingError for a negative lambd.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.softshrink(tg.tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """
    if lambd < 0:
        raise SettingError(f"argument 'lambd': expected 0 or more, got {lambd}")
    return floats(input) - bounded(np.minimum, bounded(np.maximum, input, -lambd), lambd)


@softshrink.rule
def softshrink_rule(g, input, lambd):
    return where(abs(input) <= lambd, 0.0, g)


@op(method="hardshrink")
def hardshrink(input: Any, /, lambd: float = 0.5) -> Any:
    """Each element, and 0 for those that are no further than `lambd` from 0.

    Gradient: g further than `lambd` from 0, 0 elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.hardshrink(tg.tensor([-2.0, 0.25, 1.0]))
    tensor([-2.,  0.,  1.])
    """
    return select.where(np.abs(floats(input)) <= lambd, 0.0, input)


@hardshrink.rule
def hardshrink_rule(g, input, lambd):
    return softshrink_rule(g, input, lambd)
