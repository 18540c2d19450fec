"""The forms in which transforms take sizes, paddings and modes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import describe

from .images import InterpolationMode

_PADDING_MODES = ("constant", "edge", "reflect", "symmetric")
_PILLOWS_NUMBERS = {0: "nearest", 2: "bilinear", 3: "bicubic"}


def integers(owner: str, argument: str, value: Any, counts: tuple[int, ...]) -> tuple[int, ...]:
    """One integer or a sequence of so many, as a tuple."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values)
    if not whole or len(values) not in counts:
        expected = f"an integer, or {' or '.join(map(str, counts))} of them"
        raise ValueError(describe(owner, argument, expected, repr(value)))
    return values


def pair(owner: str, size: Any) -> tuple[int, int]:
    values = integers(owner, "size", size, (1, 2))
    return values[0], values[-1]


def borders_of(padding: Any) -> tuple[int, int, int, int]:
    """Left, top, right, bottom."""
    values = integers("Pad", "padding", padding, (1, 2, 4))
    return (values * (4 // len(values)))[:4]  # type: ignore[return-value]


def check_padding(owner: str, padding: Any, mode: str) -> None:
    integers(owner, "padding", padding, (1, 2, 4))
    if mode not in _PADDING_MODES:
        expected = f"one of {', '.join(map(repr, _PADDING_MODES))}"
        raise ValueError(describe(owner, "padding_mode", expected, repr(mode)))


def interpolation_mode(given: Any) -> InterpolationMode:
    """The mode by its name, or by Pillow's number for it."""
    try:
        return InterpolationMode(_PILLOWS_NUMBERS.get(given, given))
    except ValueError:
        expected = f"one of {', '.join(map(repr, map(str, InterpolationMode)))}"
        raise ValueError(describe("Resize", "interpolation", expected, repr(given))) from None
