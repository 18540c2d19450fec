"""Sliding windows: how many there are, and where each one lies.

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
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = [
    "Array", "Axis", "Pair", "Shape", "axes", "conv2d_output_size", "pool2d_output_size",
    "transposed_filters", "window_view",
]  # fmt: skip

Array = np.ndarray
Pair = tuple[int, int]  # along H, along W
Shape = tuple[int, ...]


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
