"""The settings of optimizers: which of them have limits, and what they are as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor

Number = float | Tensor  # a tensor of one element may stand for a number


def given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The settings among the arguments (`locals()`) of an optimizer's `__init__`."""
    others = ("self", "params", "__class__")
    return {name: value for name, value in arguments.items() if name not in others}


def numbers(group: Mapping[str, Any], *names: str) -> list[float]:
    """Settings as Python's floats, which leave an array's dtype alone."""
    return [float(group[name]) for name in names]


def check_limits(optimizer: str, settings: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Raise ValueError for the first of the named settings that is outside its limits."""
    for name in names:
        expected, holds = LIMITS[name]
        if name in settings and not holds(settings[name]):
            raise ValueError(describe(optimizer, name, expected, repr(settings[name])))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) or (isinstance(value, Tensor) and value.array.size == 1)


def _two(value: Any) -> bool:
    """Whether a value is a pair of numbers, or of tensors."""
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    return pair and all(map(_is_number, value)) and len({isinstance(x, Tensor) for x in value}) == 1


_AT_LEAST_0 = ("a number of at least 0", lambda x: _is_number(x) and float(x) >= 0)

LIMITS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(
        (
            "lr", "eps", "weight_decay", "momentum", "alpha", "lr_decay",
            "initial_accumulator_value", "momentum_decay",
        ),
        _AT_LEAST_0,
    ),
    "rho": ("a number from 0 to 1", lambda x: _is_number(x) and 0 <= float(x) <= 1),
    "betas": (
        "two numbers from 0 to below 1",
        lambda x: _two(x) and all(0 <= float(beta) < 1 for beta in x),
    ),
    "etas": (
        "two numbers, one between 0 and 1 and one above 1",
        lambda x: _two(x) and 0 < float(x[0]) < 1 < float(x[1]),
    ),
    "line_search_fn": ("None or 'strong_wolfe'", lambda x: x in (None, "strong_wolfe")),
    "differentiable": ("False, for a step is not recorded", lambda x: not x),
}  # fmt: skip
