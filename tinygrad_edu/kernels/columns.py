"""The columns of im2col: copies of the windows, a tile of them at a time.

Every window repeats its pixels up to KH * KW times, so the matrix of all windows is never made. A
tile of it, a few images or some rows of one, is copied into a buffer, multiplied while it lies in
the cache, and overwritten by the next. Copies are quick where long runs of memory stay together:
"channels last", a window is KH runs of KW * C neighbours, and the tile a matrix (P, K) of P windows
with K = KH * KW * C entries each. Groups have few channels each, and short runs; then the tile is
stored "in planes", as (K, P), whose runs are rows of pixels: KW * C becomes OW.
A first layer has few channels too. At stride 1 a row there holds T = 2 or 4 neighbouring windows at
once: their union is only T - 1 pixels wider than one, and T times fewer rows are copied. Of the
filters a matrix (KH * (KW + T - 1) * C, T * F) is made, in which copy t stands t pixels further to
the right, with zeros around it (a Toeplitz matrix): one row times it gives T pixels. The products
with zeros cost less than the copies did, and BLAS likes wide matrices better than narrow ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygrad_edu.kernels.windows import Array, Pair, Shape, conv2d_output_size, window_view

__all__ = ["Padded", "Plan", "folded", "tile_spans", "tiles", "widened"]

# A tile must stay in the caches of a core until the product reads it; many small ones cost calls.
_TILE_BYTES = 2 * 1024 * 1024
_FEW_CHANNELS = 4  # up to this, rows of pixels are the longer runs
_WIDEST = {4: 64, 2: 128}  # columns of the widened filters, beyond which zeros cost too much


class Plan(NamedTuple):
    """What the windows of an input (N, C, H, W) look like, and how their columns are stored."""

    plane: Shape  # (C, H, W) of the input
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    each: int  # filters of a group
    dtype: np.dtype
    size: Pair  # (OH, OW)
    wide: int = 1  # windows that share a row

    @staticmethod
    def of(
        x_shape: Shape,
        w_shape: Shape,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
        groups: int,
        dtype: np.dtype,
    ) -> Plan:
        """Return the plan of convolving an input with filters of these shapes."""
        kernel = (w_shape[2], w_shape[3])
        size = conv2d_output_size(x_shape[2:], kernel, stride, padding, dilation)
        each = w_shape[0] // groups
        plan = Plan(x_shape[1:], kernel, stride, padding, dilation, groups, each, dtype, size)
        few = x_shape[1] <= _FEW_CHANNELS and groups == stride[1] == dilation[1] == 1 < kernel[1]
        widths = [t for t in (4, 2) if few and size[1] % t == 0 and t * each <= _WIDEST[t]]
        return plan._replace(wide=widths[0]) if widths else plan

    @property
    def in_planes(self) -> bool:
        """Whether columns are stored as (K, P)."""
        return self.groups > 1 or (self.plane[0] <= _FEW_CHANNELS and self.wide == 1)

    @property
    def across(self) -> int:
        """How many taps stand side by side in a row."""
        return self.kernel[1] + self.wide - 1

    @property
    def depth(self) -> int:
        """K, the entries of a row in one group."""
        return self.kernel[0] * self.across * (self.plane[0] // self.groups)

    @property
    def matrix(self) -> Shape:
        """The shape of the filters as a matrix (K, T F), or one (K, F / G) for each group."""
        shape = (self.depth, self.wide * self.each)
        return shape if self.groups == 1 else (self.groups, *shape)

    @property
    def row(self) -> int:
        """The entries of all windows in a row of the output."""
        return self.size[1] // self.wide * self.depth * self.groups

    @property
    def work(self) -> int:
        """The multiplications for one image."""
        return self.size[0] * self.row * self.wide * self.each


def tiles(x: Array, plan: Plan, images: slice) -> Iterator[tuple[slice, slice, Array]]:
    """Yield (images, output rows, columns) with columns (P, K), or (G, P, K) if there are groups.

    All tiles share one buffer: use one before you ask for the next, and do not write to it.
    """
    order = (0, 1, 2, 3) if plan.in_planes else (0, 2, 3, 1)
    planes = x.transpose(order)
    per_tile, rows_per_tile = _tile_size(
        images, plan.size[0], plan.row * plan.dtype.itemsize, _TILE_BYTES
    )
    direct = plan.padding == (0, 0) and x.dtype == plan.dtype and planes.flags.c_contiguous
    padded = None if direct else Padded(plan, per_tile, order)
    buffer = np.empty(per_tile * rows_per_tile * plan.row, plan.dtype)
    for part in _spans(images, per_tile):
        windows = _windows(padded.put(x[part]) if padded else planes[part], plan)
        for rows in _spans(slice(0, plan.size[0]), rows_per_tile):
            seen = windows[..., rows, :] if plan.in_planes else windows[:, rows]
            if not seen.flags.c_contiguous:
                copied = buffer[: seen.size].reshape(seen.shape)
                np.copyto(copied, seen)
                seen = copied
            yield part, rows, _as_columns(seen, plan)


def _windows(padded: Array, plan: Plan) -> Array:
    """Return the rows as a view (n, OH, OW / T, KH, KW + T - 1, C).

    In planes it is (C, KH, KW, n, OH, OW).
    """
    if plan.in_planes:
        view = window_view(padded, plan.kernel, plan.stride, plan.dilation, plan.size)
        return view.transpose(1, 2, 3, 0, 4, 5)
    (s0, s1, s2, s3), (sh, sw), (dh, dw) = padded.strides, plan.stride, plan.dilation
    strides = (s0, s1 * sh, s2 * sw * plan.wide, s1 * dh, s2 * dw, s3)
    rows = (len(padded), plan.size[0], plan.size[1] // plan.wide)
    shape = (*rows, plan.kernel[0], plan.across, plan.plane[0])
    return as_strided(padded, shape, strides, writeable=False)


def _as_columns(windows: Array, plan: Plan) -> Array:
    if not plan.in_planes:
        return windows.reshape(windows.shape[0] * windows.shape[1] * windows.shape[2], plan.depth)
    count = windows.shape[3] * windows.shape[4] * windows.shape[5]
    shape = (plan.depth, count) if plan.groups == 1 else (plan.groups, plan.depth, count)
    return windows.reshape(shape).mT


class Padded:
    """Room for some images in a border of zeros, which is made once, in an order of axes."""

    def __init__(self, plan: Plan, images: int, order: tuple) -> None:
        (c, height, width), (ph, pw) = plan.plane, plan.padding
        shape = (images, c, height + 2 * ph, width + 2 * pw)
        self.all = np.zeros([shape[i] for i in order], plan.dtype)
        self.inside = self.all.transpose(np.argsort(order))[:, :, ph : ph + height, pw : pw + width]

    def put(self, planes: Array) -> Array:
        """Copy planes (n, C, H, W) into it, and return all."""
        if planes.shape[1] <= _FEW_CHANNELS:  # the runs along W are longer than those of channels
            for c in range(planes.shape[1]):
                self.inside[: len(planes), c] = planes[:, c]
        else:
            self.inside[: len(planes)] = planes
        return self.all[: len(planes)]


def widened(w: Array, plan: Plan) -> Array:
    """Return w (F, C / G, KH, KW) as `plan.matrix`: T copies of it, shifted, with zeros around."""
    if plan.in_planes:
        blocks = w.reshape(plan.groups, plan.each, *w.shape[1:]).transpose(0, 2, 3, 4, 1)
        return np.ascontiguousarray(blocks).reshape(plan.matrix)
    out = np.zeros((plan.kernel[0], plan.across, w.shape[1], plan.wide, len(w)), w.dtype)
    for t in range(plan.wide):
        out[:, t : t + plan.kernel[1], :, t] = w.transpose(2, 3, 1, 0)
    return out.reshape(plan.matrix)


def folded(matrix: Array, shape: Shape, plan: Plan) -> Array:
    """Return the sum of the T copies in a matrix, in the shape of w: the adjoint of `widened`."""
    f, c, kh, kw = shape
    if plan.in_planes:
        blocks = matrix.reshape(plan.groups, c, kh, kw, plan.each).transpose(0, 4, 1, 2, 3)
        return np.ascontiguousarray(blocks).reshape(shape)
    blocks = matrix.reshape(kh, plan.across, c, plan.wide, f)
    copies = [blocks[:, t : t + kw, :, t] for t in range(plan.wide)]
    found = sum(copies[1:], copies[0])
    return np.ascontiguousarray(found.transpose(3, 2, 0, 1))


def tile_spans(
    images: slice, rows: int, row: int, most: int | None = None
) -> Iterator[tuple[slice, slice]]:
    """Yield (images, rows) of tiles that hold at most `most` (the bytes of a tile), `row` a row."""
    per_tile, rows_per_tile = _tile_size(images, rows, row, most or _TILE_BYTES)
    for part in _spans(images, per_tile):
        for span in _spans(slice(0, rows), rows_per_tile):
            yield part, span


def _tile_size(images: slice, rows: int, row: int, most: int) -> Pair:
    """Return (images, rows) of a tile: whole images while they fit, else rows of one."""
    fitting = max(1, most // max(1, row))
    count = images.stop - images.start
    return _even(count, max(1, fitting // max(1, rows))), _even(rows, fitting)


def _even(total: int, most: int) -> int:
    """Return a step of at most `most` that cuts `total` into few and nearly equal parts."""
    return -(-total // max(1, -(-total // most)))


def _spans(whole: slice, step: int) -> Iterator[slice]:
    """Yield slices of `step` (the last one shorter) that cover `whole`."""
    for start in range(whole.start, whole.stop, max(1, step)):
        yield slice(start, min(whole.stop, start + step))
