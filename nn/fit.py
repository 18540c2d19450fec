"""Whether an input has the shape that a layer takes, and what to do if it has not.

A layer says what it takes in `_takes`: shapes such as "N, in_channels, H, W", in which names of
its attributes stand for their values, other names for any size, and "*" for any dims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def misfit(layer: Any, args: tuple, kwargs: dict) -> str:
    """`expected (N, 3072), got (64, 3, 32, 32): flatten first?`, or "" if the input fits."""
    input = args[0] if args else kwargs.get("input")
    shape = getattr(input, "shape", None)
    taken = [_dims(layer, pattern) for pattern in layer._takes]
    if shape is None or not taken or any(_fits(dims, shape) for dims in taken):
        return ""
    shown = ", ".join(map(str, taken[0])) + ("," if len(taken[0]) == 1 else "")
    mend = _mend(taken[0], tuple(shape))
    return f"expected ({shown}), got {tuple(shape)}" + (f": {mend}" if mend else "")


def _dims(layer: Any, pattern: str) -> list[Any]:
    """The dims of a pattern: sizes that are fixed, letters for those that are not."""
    dims: list[Any] = []
    for name in pattern.split(", "):
        value = vars(layer).get(name, name)
        dims += value if isinstance(value, (tuple, list)) else [value]
    return dims


def _fits(dims: list[Any], shape: Sequence[int]) -> bool:
    if "*" in dims:
        before, fixed = dims.index("*"), len(dims) - 1
        if len(shape) < fixed:
            return False
        dims = dims[:before] + dims[before + 1 :]
        shape = [*shape[:before], *shape[len(shape) - fixed + before :]]
    return len(dims) == len(shape) and all(
        isinstance(d, str) or d == n for d, n in zip(dims, shape, strict=True)
    )


def _mend(dims: list[Any], shape: tuple) -> str:
    """What is probably meant, if anything is."""
    count, width = len(dims), dims[1] if len(dims) > 1 and "*" not in dims else None
    if not isinstance(width, int):
        return ""
    if len(shape) > count == 2 and width in (math.prod(shape[1:]), math.prod(shape)):
        return "flatten first?"
    if len(shape) == count == 2:
        return "transpose it?" if shape[0] == width else ""
    if len(shape) == count and shape[-1] == width:
        return f"channels last? permute{(0, count - 1, *range(1, count - 1))}"
    if len(shape) == count - 1 and _fits(dims[1:], shape):
        return "missing batch dim? unsqueeze(0)"
    if len(shape) == count - 1 and width == 1:
        return "missing channel dim? unsqueeze(1)"
    return "unflatten first?" if len(shape) == 2 < count else ""
