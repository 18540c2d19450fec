"""Sliding windows: how many there are, where each one lies, and which requests make no sense.

Along one axis of length `size`, output position o looks at the input positions
`o * stride - padding + k * dilation` for k = 0, ..., kernel - 1. Everything here follows from that
line. With room for `size + 2 * padding` positions and a window that spans
`dilation * (kernel - 1) + 1` of them, `(size + 2 * padding - span) // stride + 1` windows fit.
Pooling with `ceil_mode` also takes a last window that hangs over the end, if it starts inside.

There are two ways to visit all windows at once without a Python loop over pixels:
`window_view` makes a view with one axis for k and one for o (no copy; entries repeat), and
`Axis.taps` turns it round: for one k, all o whose position lies inside the input, as two slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygrad_edu.errors import DTypeError, ShapeError, describe

__all__ = [
    "Array", "Axis", "Pair", "Shape", "axes", "check_conv2d", "check_pool2d",
    "conv2d_output_size", "pair", "pool2d_output_size", "transposed_filters", "window_view",
]  # fmt: skip

Array = np.ndarray
Pair = tuple[int, int]  # along H, along W
Shape = tuple[int, ...]


# --- where the windows lie ------------------------------------------------------------------------


class Axis(NamedTuple):
    """A window that sweeps along one axis of the input."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int

    @property
    def span(self) -> int:
        """How many positions a window covers, gaps included."""
        return self.dilation * (self.kernel - 1) + 1

    def count(self, ceil_mode: bool = False) -> int:
        """How many windows there are; less than 1 means that none fits.

        With `ceil_mode` the last may hang over the end, but must not start in the right padding.
        """
        free = self.size + 2 * self.padding - self.span
        if not ceil_mode:
            return free // self.stride + 1
        return min(-(-free // self.stride), (self.size + self.padding - 1) // self.stride) + 1

    def taps(self, count: int, start: int = 0) -> Iterator[tuple[int, slice, slice]]:
        """Yield (k, input slice, output slice) for each tap k of the `count` windows from `start`.

        The slices have equal length and pair each of those windows (counted from `start`) with the
        input position under its tap k, leaving out positions beyond the input; a tap that never
        meets the input is left out. `array[input slice] += values[output slice]` over all taps is
        therefore the exact adjoint of reading the windows, padding included.
        """
        for k in range(self.kernel):
            shift = start * self.stride - self.padding + k * self.dilation
            first = max(0, -(shift // self.stride))
            stop = min(count, (self.size - 1 - shift) // self.stride + 1)
            if first < stop:
                inside = slice(
                    first * self.stride + shift, (stop - 1) * self.stride + shift + 1, self.stride
                )
                yield k, inside, slice(first, stop)


def axes(
    plane: Sequence[int], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[Axis, Axis]:
    """Return the sweeps along H and along W of an input whose planes are `plane` (H, W)."""
    down, across = map(Axis, plane, kernel, stride, padding, dilation)
    return down, across


def conv2d_output_size(
    plane: Sequence[int], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Pair:
    """Return (OH, OW) for planes of (H, W)."""
    down, across = axes(plane, kernel, stride, padding, dilation)
    return down.count(), across.count()


def pool2d_output_size(
    plane: Sequence[int],
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    ceil_mode: bool,
) -> Pair:
    """Return (OH, OW) for planes of (H, W)."""
    down, across = axes(plane, kernel, stride, padding, dilation)
    return down.count(ceil_mode), across.count(ceil_mode)


def window_view(padded: Array, kernel: Pair, stride: Pair, dilation: Pair, size: Pair) -> Array:
    """Return the read-only view (N, C, KH, KW, OH, OW) of the windows of a padded (N, C, H, W)."""
    n, c = padded.shape[:2]
    s0, s1, s2, s3 = padded.strides
    within = (s2 * dilation[0], s3 * dilation[1])
    between = (s2 * stride[0], s3 * stride[1])
    shape = (n, c, *kernel, *size)
    return as_strided(padded, shape, (s0, s1, *within, *between), writeable=False)


def transposed_filters(w: Array, groups: int) -> Array:
    """Return w (F, C / groups, KH, KW) as the filters (C, F / groups, KH, KW) of the way back.

    They are turned by 180 degrees, with inputs and outputs swapped within each group.
    """
    f, c, kh, kw = w.shape
    blocks = w.reshape(groups, f // groups, c, kh, kw).swapaxes(1, 2)
    return blocks[..., ::-1, ::-1].reshape(groups * c, f // groups, kh, kw)


# --- which requests make sense --------------------------------------------------------------------


def pair(op: str, argument: str, value: Any, least: int) -> Pair:
    """Return `value`, an int or a sequence of one or two ints, as (along H, along W).

    Raises DTypeError for anything but ints and ShapeError for a wrong count or one below `least`.
    """
    items = tuple(value) if isinstance(value, tuple | list) else (value,)
    expected = "an int or a pair of ints (h, w)"
    if not all(map(_is_int, items)):
        raise DTypeError(describe(op, argument, expected, repr(value)))
    if len(items) not in (1, 2):
        raise _wrong(op, argument, expected, f"{len(items)} of them: {value!r}")
    if min(items) < least:
        raise _wrong(op, argument, f"{least} or more along each axis", repr(value))
    return int(items[0]), int(items[-1])


def check_conv2d(
    x_shape: Sequence[int],
    w_shape: Sequence[int],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    *,
    op: str = "conv2d",
) -> tuple[Pair, Pair, Pair, int]:
    """Return (stride, padding, dilation, groups) as the conv kernels take them, or raise.

    `x_shape` is (N, C, H, W) or, unbatched, (C, H, W); `w_shape` is (F, C / groups, KH, KW).
    `padding` may be "valid" (none) or "same" (output as large as input; stride 1 only).
    Rules and limits are those of `torch.nn.functional.conv2d`; a bad request raises ShapeError, a
    setting that is no int DTypeError. `op` is the name that stands in the message.
    """
    _check_input(op, x_shape)
    if len(w_shape) != 4 or 0 in (w_shape[0], *w_shape[2:]):
        expected = "4 dimensions (F, C / groups, KH, KW), with a filter and a kernel not empty"
        raise _wrong(op, "weight", expected, f"shape {tuple(w_shape)}")
    kernel = (w_shape[2], w_shape[3])
    stride = pair(op, "stride", stride, 1)
    dilation = pair(op, "dilation", dilation, 1)
    if isinstance(padding, str):
        padding = _padding_by_name(op, padding, kernel, stride, dilation)
    padding = pair(op, "padding", padding, 0)
    if not _is_int(groups):
        raise DTypeError(describe(op, "groups", "an int", repr(groups)))
    _check_channels(op, x_shape, w_shape, groups)
    if any(axis.count() < 1 for axis in axes(x_shape[-2:], kernel, stride, padding, dilation)):
        fits = f"a kernel that fits into an input of {_by(x_shape[-2:])} with padding {padding}"
        got = f"{_by(kernel)} with dilation {dilation}"
        raise _wrong(op, "weight", fits, got, "use a smaller kernel or more padding")
    return stride, padding, dilation, int(groups)


def check_pool2d(
    op: str,
    x_shape: Sequence[int],
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    divisor_override: Any = None,
) -> tuple[Pair, Pair, Pair, Pair]:
    """Return (kernel_size, stride, padding, dilation) as the pooling kernels take them, or raise.

    `x_shape` is (N, C, H, W) or, unbatched, (C, H, W). A stride of None (or empty) is the kernel
    size. Rules and limits are those of `torch.nn.functional.max_pool2d` and `avg_pool2d`; a bad
    request raises ShapeError, a setting that is no int DTypeError. One thing is refused that
    PyTorch lets through: a dilated window that steps over the whole input, whose "maximum" would
    be -inf at an index outside the plane.
    """
    _check_input(op, x_shape)
    kernel = pair(op, "kernel_size", kernel_size, 1)
    unset = stride is None or (isinstance(stride, tuple | list) and not stride)
    stride = kernel if unset else pair(op, "stride", stride, 1)
    padding = pair(op, "padding", padding, 0)
    dilation = pair(op, "dilation", dilation, 1)
    if 2 * padding[0] > kernel[0] or 2 * padding[1] > kernel[1]:
        half = f"at most half of the kernel size {_by(kernel)}"
        raise _wrong(op, "padding", half, f"{padding}")
    if divisor_override is not None:
        _check_divisor(op, divisor_override)
    sweeps = axes(x_shape[-2:], kernel, stride, padding, dilation)
    if any(axis.count(ceil_mode) < 1 for axis in sweeps):
        fits = f"a window that fits into an input of {_by(x_shape[-2:])} with padding {padding}"
        got = f"{_by(kernel)} with dilation {dilation}, which leaves the output empty"
        raise _wrong(op, "kernel_size", fits, got, "use a smaller one")
    # Only the first window can step over the input: where a later one fits, that is too large.
    if any(-axis.padding % axis.dilation >= axis.size for axis in sweeps):
        meets = f"windows that meet the input of {_by(x_shape[-2:])}"
        got = f"{dilation}, which steps from the padding over all of it"
        raise _wrong(op, "dilation", meets, got, "use a smaller dilation or no padding")
    return kernel, stride, padding, dilation


def _check_input(op: str, x_shape: Sequence[int]) -> None:
    if len(x_shape) not in (3, 4) or 0 in x_shape[-2:]:
        expected = "4 dimensions (N, C, H, W), or 3 without N, with H and W not 0"
        raise _wrong(op, "input", expected, f"shape {tuple(x_shape)}")


def _check_channels(op: str, x_shape: Sequence[int], w_shape: Sequence[int], groups: int) -> None:
    if groups < 1:
        raise _wrong(op, "groups", "1 or more", str(groups))
    if x_shape[-3] != w_shape[1] * groups:
        expected = f"{w_shape[1] * groups} channels for weight {tuple(w_shape)} and groups={groups}"
        got = f"{x_shape[-3]} channels in shape {tuple(x_shape)}"
        raise _wrong(op, "input", expected, got, "the weight's shape is (F, C / groups, KH, KW)")
    if w_shape[0] % groups:
        expected = f"a number of filters divisible by groups={groups}"
        raise _wrong(op, "weight", expected, f"{w_shape[0]} in shape {tuple(w_shape)}")


def _padding_by_name(op: str, name: str, kernel: Pair, stride: Pair, dilation: Pair) -> Pair:
    if name == "valid":
        return 0, 0
    if name != "same":
        raise _wrong(op, "padding", "ints, 'same' or 'valid'", repr(name))
    if stride != (1, 1):
        raise _wrong(op, "padding", "ints if the stride is not 1", f"'same' with stride {stride}")
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if total[0] % 2 or total[1] % 2:
        expected = "a kernel of odd size (or an even dilation) with 'same'"
        mend = "pad the input first, by one more at the end than at the start"
        raise _wrong(op, "padding", expected, f"a kernel of {_by(kernel)}", mend)
    return total[0] // 2, total[1] // 2


def _check_divisor(op: str, divisor: Any) -> None:
    if not _is_int(divisor):
        raise DTypeError(describe(op, "divisor_override", "an int or None", repr(divisor)))
    if divisor == 0:
        raise _wrong(op, "divisor_override", "an int other than 0", "0")


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _wrong(op: str, argument: str, expected: str, got: str, mend: str = "") -> ShapeError:
    return ShapeError(describe(op, argument, expected, got, mend))


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(str(n) for n in sizes)
