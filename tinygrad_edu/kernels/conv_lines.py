"""Convolution, one row of the window at a time: a third of im2col's copies for a 3 x 3 window.

The columns of im2col hold whole windows, and of two windows one above the other all rows but one
are the same. Here every row of pixels is copied once, as the OW windows of one row in it (KW * C
entries each): its lines. They serve all KH rows of the window that pass over it:
    out (OH OW, F) = sum over i of lines[i : i + OH] (OH OW, KW C) @ filters[i] (KW C, F)
The gradient of filters[i] is the product of the same lines, transposed, with g.
KH products have to be added up instead of one. So it pays with few filters: then the products are
short, and copying took the most time; and with enough channels for BLAS to have long rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_edu import threads
from tinygrad_edu.kernels.columns import Padded, Plan, tile_spans
from tinygrad_edu.kernels.windows import Array, window_view

__all__ = ["conv2d", "conv2d_weight_grad", "pays"]


_MOST_FILTERS, _LEAST_ROW = 32, 24


def pays(plan: Plan) -> bool:
    """Whether a convolution of this plan can be computed so, and is faster."""
    (kh, kw), c = plan.kernel, plan.plane[0]
    plain = plan.stride[0] == plan.groups == plan.wide == 1 < kh and not plan.in_planes
    large = plan.each <= _MOST_FILTERS and kw * c >= _LEAST_ROW
    return plain and large and plan.dtype in (np.float32, np.float64)


def conv2d(x: Array, w: Array, plan: Plan, bias: Array | None = None) -> Array:
    """Return out (N, F, OH, OW), memory running over (N, OH, OW, F)."""
    n, f, (high, wide) = len(x), plan.each, plan.size
    filters = _matrices(w.astype(plan.dtype, copy=False))
    out = np.empty((n, high, wide, f), plan.dtype)
    shift = None if bias is None else np.tile(bias, wide)  # long rows add faster

    def fill(images: slice) -> None:
        for part, rows, lines in _lines(x, plan, images):
            to: Array = out[part, rows].reshape(len(lines[0]), -1, f)
            np.matmul(lines[0], filters[0], out=to)
            step = np.empty_like(to)
            for seen, row in zip(lines[1:], filters[1:], strict=True):
                to += np.matmul(seen, row, out=step)
            if shift is not None:
                to = to.reshape(-1, len(shift))
                to += shift

    threads.split(fill, n, plan.work)
    return out.transpose(0, 3, 1, 2)


def conv2d_weight_grad(x: Array, g: Array, plan: Plan) -> Array:
    """Return dw (F, C, KH, KW) for g (N, F, OH, OW)."""
    (kh, kw), c, f = plan.kernel, plan.plane[0], plan.each
    last = g.transpose(0, 2, 3, 1)

    def total(images: slice) -> Array:
        found = np.zeros((kh, kw * c, f), plan.dtype)
        for part, rows, lines in _lines(x, plan, images):
            tile = np.ascontiguousarray(last[part, rows], plan.dtype)
            tile = tile.reshape(len(tile), -1, f)
            for i, seen in enumerate(lines):
                found[i] += np.matmul(seen.mT, tile).sum(0)
        return found

    found = sum(threads.split(total, len(x), plan.work), np.zeros((kh, kw * c, f), plan.dtype))
    return np.ascontiguousarray(found.reshape(kh, kw, c, f).transpose(3, 2, 0, 1))


def _matrices(w: Array) -> Array:
    """Return w (F, C, KH, KW) as KH matrices (KW C, F)."""
    f, c, kh, kw = w.shape
    return np.ascontiguousarray(w.transpose(2, 3, 1, 0)).reshape(kh, kw * c, f)


def _lines(x: Array, plan: Plan, images: slice) -> Iterator[tuple[slice, slice, list[Array]]]:
    """Yield (images, output rows, and for each row of the window its lines (n, P, KW C))."""
    (kh, kw), (down, across), (high, wide) = plan.kernel, plan.dilation, plan.size
    spans = list(tile_spans(images, high, wide * kw * plan.plane[0] * plan.dtype.itemsize))
    first = spans[0][0] if spans else slice(0, 0)
    padded = Padded(plan, first.stop - first.start, (0, 2, 3, 1))
    for part, rows in spans:
        if rows.start == 0:
            whole = padded.put(x[part]).transpose(0, 3, 1, 2)
        count = rows.stop - rows.start
        size = (count + (kh - 1) * down, wide)
        step, gap = (1, plan.stride[1]), (1, across)
        view = window_view(whole[:, :, rows.start :], (1, kw), step, gap, size)
        lines = np.ascontiguousarray(view[:, :, 0].transpose(0, 3, 4, 2, 1))
        shape = (len(lines), count * wide, kw * plan.plane[0])
        yield part, rows, [lines[:, i * down :][:, :count].reshape(shape) for i in range(kh)]
