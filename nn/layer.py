"""What layers share: parameters of given shapes, whole numbers, PyTorch's usual start."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_edu.errors import describe
from tinygrad_edu.ops.create import empty
from tinygrad_edu.tensor import Tensor

from . import init
from .module import Module
from .parameter import Parameter


def add_parameters(
    layer: Module, device: Any, dtype: Any, **shapes: tuple[int, ...] | None
) -> None:
    """Register parameters by their names, not yet filled; None keeps the name of one left out."""
    for name, shape in shapes.items():
        made = None if shape is None else Parameter(empty(shape, device=device, dtype=dtype))
        layer.register_parameter(name, made)


def reset_uniform(weight: Tensor, bias: Tensor | None) -> None:
    """PyTorch's start of linear and convolutional layers: uniform in +-1 / sqrt(fan_in)."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in = weight.numel() // max(weight.shape[0], 1)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(bias, -bound, bound)


def whole(layer: Module, argument: str, value: Any, least: int) -> int:
    """`value` as an int. Errors: ValueError unless it is an integer of at least `least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        expected = f"an integer of at least {least}"
        raise ValueError(describe(type(layer).__name__, argument, expected, repr(value)))
    return int(value)
