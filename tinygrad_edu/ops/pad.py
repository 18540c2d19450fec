"""Padding and cropping, and the map along one dim that most of it is made of."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError, describe
from tinygrad_edu.kernels.taps import Tap, add_taps, turned
from tinygrad_edu.op import composite, op

__all__: list[str] = []  # PyTorch has `pad` in nn.functional alone

Ends = tuple[int, int]  # how many entries to add before and after; a negative number crops


@op(dtype=None)
def pad_constant(input: Any, /, ends: tuple[Ends, ...], value: float = 0) -> Any:
    """Each dim made longer by `value` or shorter at both ends: behind `pad`.

    Gradient: g, cropped where this pads and padded with zeros where it crops.
    """
    sizes = [n + a + b for n, (a, b) in zip(input.shape, ends, strict=True)]
    out = np.full(sizes, value, input.dtype)
    inner = tuple([slice(max(0, a), n - max(0, b)) for n, (a, b) in zip(sizes, ends, strict=True)])
    kept = [slice(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(input.shape, ends, strict=True)]
    out[inner] = input[tuple(kept)]
    return out


@pad_constant.rule
def pad_constant_rule(g, ends):
    return pad_constant(g, tuple([(-before, -after) for before, after in ends]))


@op(dtype=None)
def combine_along(input: Any, /, dim: int, size: int, taps: tuple[Tap, ...]) -> Any:
    """A linear map along one dim, as `kernels/taps.py` describes it. Gradient: its adjoint."""
    return add_taps(input, dim, size, taps)


@combine_along.rule
def combine_along_rule(g, input_shape, dim, taps):
    return combine_along(g, dim, input_shape[dim], turned(taps))


@composite
def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """The input made larger at its borders; negative numbers crop.

    `pad` lists pairs (before, after), the last dim first: (left, right, top, bottom) for images.
    `mode` says what the border is: "constant" (`value`, 0 if not given), "reflect" (mirrored, the
    edge not repeated), "replicate" (the edge repeated) or "circular" (the other end). All but
    "constant" pad the last one of 2 or 3 dims, two of 3 or 4, three of 4 or 5.
    Gradient: g, each element of it added at the place it was copied from.
    Errors: ShapeError for a list that does not fit, a border too wide to be mirrored or wrapped,
    or a result of negative size; SettingError for another mode; DTypeError if `pad` is not of ints.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.pad(tg.tensor([[1, 2, 3]]), (2, 1), mode="reflect")
    tensor([[3, 2, 1, 2, 3, 2]])
    """
    ends = _ends(pad, input.shape)
    if mode in ("constant", "circular"):
        _check_crops(pad, ends, input.shape)
    if mode == "constant":
        return pad_constant(input, ends, 0 if value is None else value)
    if mode not in _PLACES:
        expected = "'constant', 'reflect', 'replicate' or 'circular'"
        raise SettingError(describe("pad", "mode", expected, repr(mode)))
    if value:
        raise SettingError(describe("pad", "value", f"None for mode {mode!r}", value))
    count = len(pad) // 2
    if count not in (1, 2, 3) or input.ndim - count not in (1, 2):
        expected = f"for mode {mode!r} pairs for all dims but the first one or two"
        raise ShapeError(describe("pad", "pad", expected, f"{pad} for shape {input.shape}"))
    _check_borders(mode, ends, input.shape, count)
    for dim in range(input.ndim - count, input.ndim):
        n, (before, after) = input.shape[dim], ends[dim]
        places = np.arange(n + before + after) - before
        parts = np.split(places, [max(0, before), len(places) - max(0, after)])
        starts = np.cumsum([0, *map(len, parts)])
        taps = [
            (np.arange(start, start + len(part)), _PLACES[mode](part, n, before, after), None)
            for start, part in zip(starts[:-1], parts, strict=True)
        ]
        input = combine_along(input, dim, len(places), tuple(taps))
    return input


def _mirrored(places: Any, n: int, before: int, after: int) -> Any:
    return n - 1 - np.abs(n - 1 - np.abs(places))


def _clipped(places: Any, n: int, before: int, after: int) -> Any:
    return np.clip(places, 0, n - 1)


def _wrapped(places: Any, n: int, before: int, after: int) -> Any:
    first = max(0, -before)  # what is cropped is not there to be repeated
    return (places - first) % (n + min(0, before) + min(0, after)) + first


_PLACES = {"reflect": _mirrored, "replicate": _clipped, "circular": _wrapped}


def _ends(pad: Any, shape: tuple) -> tuple[Ends, ...]:
    """The pairs of PyTorch's flat list, one for each dim, from the first dim on."""
    numbers = list(pad) if isinstance(pad, (tuple, list)) else [pad]
    if not all(isinstance(n, Integral) and not isinstance(n, bool) for n in numbers):
        raise DTypeError(describe("pad", "pad", "a tuple of ints", repr(pad)))
    if len(numbers) % 2 or len(numbers) > 2 * len(shape):
        expected = f"pairs (before, after) for at most the {len(shape)} dims of shape {shape}"
        raise ShapeError(describe("pad", "pad", expected, pad))
    pairs = [(int(a), int(b)) for a, b in zip(numbers[-2::-2], numbers[::-2], strict=True)]
    return ((0, 0),) * (len(shape) - len(pairs)) + tuple(pairs)


def _check_crops(pad: Any, ends: tuple[Ends, ...], shape: tuple) -> None:
    for n, (before, after) in zip(shape, ends, strict=True):
        if n + min(0, before) + min(0, after) < 0:
            raise ShapeError(describe("pad", "pad", f"crops that fit into shape {shape}", pad))


def _check_borders(mode: str, ends: tuple[Ends, ...], shape: tuple, count: int) -> None:
    """Whether there is something to copy, and for reflect and circular enough of it."""
    sizes = [n + before + after for n, (before, after) in zip(shape, ends, strict=True)][-count:]
    if 0 in shape[-count:] or min(sizes) < 0 or (max(sizes) < 1 and mode != "circular"):
        expected = f"an element to copy and one to copy it to for mode {mode!r}"
        raise ShapeError(describe("pad", "pad", expected, f"{ends[-count:]} for shape {shape}"))
    for n, widths in zip(shape, ends, strict=True):
        limit = {"reflect": n - 1, "circular": n}.get(mode, max(widths))
        if max(widths) > limit and any(widths):
            expected = f"at most {limit} for a dim of {n} of shape {shape} and mode {mode!r}"
            raise ShapeError(describe("pad", "pad", expected, max(widths)))
