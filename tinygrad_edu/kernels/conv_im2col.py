"""Convolution as matrix products (im2col): the default, and fast.

Write each window of the input as a row, and the filters as columns; then every output pixel is one
row times one column, and the whole convolution is the matrix product BLAS is so good at:
    out (P, F) = rows (P, K) @ filters (K, F),    K = KH * KW * C entries, P = N * OH * OW windows.
The gradients are the other products of these matrices: d filters = rows.T @ g, here, and
d rows = g @ filters.T, whose entries go back to the pixels they were copied from. Seen from the
pixel that is a convolution of g with the filters turned round, so the same code computes it.
`out` lies in memory as the product leaves it, channels last, (N, OH, OW, F); its shape is
(N, F, OH, OW) all the same. The next layer takes it as it is, without a transpose.
`columns.py` says how the rows are made, a tile at a time. Two relatives take over where they are
faster: `winograd.py` large 3 x 3 layers in float32, `conv_lines.py` layers of few filters.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu import threads
from tinygrad_edu.kernels import conv_lines, winograd
from tinygrad_edu.kernels.columns import Plan, folded, tile_spans, tiles, widened
from tinygrad_edu.kernels.windows import Array, Pair, Shape, axes, transposed_filters

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"]


def conv2d(
    x: Array,
    w: Array,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    bias: Array | None = None,
) -> Array:
    """Return out (N, F, OH, OW), the windows of x (N, C, H, W) times the filters w, plus bias (F,).

    Its memory runs over (N, OH, OW, F).
    """
    dtype = np.result_type(x, w)
    plan = Plan.of(x.shape, w.shape, stride, padding, dilation, groups, dtype)
    if winograd.pays(plan, len(x)):
        found = winograd.conv2d(x, w, plan, bias)
        if found is not None:
            return found
    if conv_lines.pays(plan):
        return conv_lines.conv2d(x, w, plan, bias)
    # Widened filters multiply pixels beside a window by 0, and 0 times inf is no 0.
    plan = plan if plan.wide == 1 or _finite(x) else plan._replace(wide=1)
    filters = widened(w.astype(dtype, copy=False), plan)
    out = np.empty((len(x), *plan.size, len(w)), dtype)
    shift = None if bias is None else np.tile(bias, plan.size[1])  # long rows add faster

    def fill(images: slice) -> None:
        for part, rows, columns in tiles(x, plan, images):
            to = out[part, rows]
            if groups == 1:
                np.matmul(columns, filters, out=to.reshape(-1, plan.matrix[1]))
            else:
                to.reshape(-1, groups, plan.each)[:] = (filters.mT @ columns.mT).transpose(2, 0, 1)
            if shift is not None:
                to = to.reshape(-1, len(shift))
                to += shift

    threads.split(fill, len(x), plan.work)
    return out.transpose(0, 3, 1, 2)


def conv2d_weight_grad(
    x: Array,
    g: Array,
    weight_shape: Shape,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    """Return dw of `weight_shape` (F, C / groups, KH, KW) for g (N, F, OH, OW)."""
    dtype = np.result_type(x, g)
    plan = Plan.of(x.shape, weight_shape, stride, padding, dilation, groups, dtype)
    if winograd.pays(plan, len(x)):
        dw = winograd.conv2d_weight_grad(x, g, plan)
        if dw is not None:
            return dw
    if conv_lines.pays(plan):
        return conv_lines.conv2d_weight_grad(x, g, plan)
    last = g.transpose(0, 2, 3, 1)

    def total(images: slice) -> Array:
        found, step = np.zeros(plan.matrix, dtype), np.empty(plan.matrix, dtype)
        for part, rows, columns in tiles(x, plan, images):
            tile: Array
            if groups == 1:
                tile = np.ascontiguousarray(last[part, rows], dtype).reshape(-1, plan.matrix[1])
            else:
                tile = last[part, rows].reshape(-1, groups, plan.each).transpose(1, 2, 0)
                tile = np.ascontiguousarray(tile, dtype).mT
            found += np.matmul(columns.mT, tile, out=step)
        return found

    # Added in the order of the images, whichever thread was first.
    found = sum(threads.split(total, len(x), plan.work), np.zeros(plan.matrix, dtype))
    return folded(found, weight_shape, plan)


def conv2d_input_grad(
    g: Array, w: Array, input_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return dx of `input_shape` (N, C, H, W) for g (N, F, OH, OW): the transposed convolution."""
    down, across = axes(input_shape[2:], w.shape[2:], stride, padding, dilation)
    back = (down.span - 1 - down.padding, across.span - 1 - across.padding)
    # At stride 1, dx is g convolved with the turned filters. That reads g F times where col2im
    # writes dx C times, and a write costs more than a read.
    if stride == (1, 1) and min(back) >= 0 and len(w) <= 4 * input_shape[1]:
        return conv2d(g, transposed_filters(w, groups), stride, back, dilation, groups)
    return _col2im(g, w, input_shape, stride, padding, dilation, groups)


def _col2im(
    g: Array, w: Array, input_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return dx by adding every entry of g @ filters.T to the pixel it was copied from.

    With few channels that is quickest along the rows of the planes, so there memory runs over
    (N, C, H, W) and the product is turned: filters.T @ g.T.
    """
    dtype = np.result_type(g, w)
    (n, c, height, width), (f, each, kh, kw), (oh, ow) = input_shape, w.shape, g.shape[2:]
    down, across = axes(input_shape[2:], (kh, kw), stride, padding, dilation)
    last = groups == 1 and c >= 16
    filters: Array
    if last:
        filters = np.ascontiguousarray(w.transpose(0, 2, 3, 1), dtype).reshape(f, -1)
        dx = np.zeros((n, height, width, c), dtype).transpose(0, 3, 1, 2)
    else:
        filters = w.astype(dtype, copy=False).reshape(groups, f // groups, each * kh * kw).mT
        dx = np.zeros(input_shape, dtype)

    def add(images: slice) -> None:
        for part, rows in tile_spans(images, oh, c * kh * kw * ow * dtype.itemsize):
            tile, high = g[part, :, rows], rows.stop - rows.start
            columns: Array
            if last:
                columns = tile.transpose(0, 2, 3, 1).reshape(-1, f) @ filters
                columns = columns.reshape(len(tile), high, ow, kh, kw, c).transpose(
                    0, 5, 3, 4, 1, 2
                )
            else:
                columns = filters @ tile.reshape(len(tile), groups, f // groups, high * ow)
                columns = columns.reshape(len(tile), c, kh, kw, high, ow)
            for i, to_h, from_h in down.taps(high, start=rows.start):
                for j, to_w, from_w in across.taps(ow):
                    dx[part, :, to_h, to_w] += columns[:, :, i, j, from_h, from_w]

    threads.split(add, n, oh * ow * kh * kw * each * f)
    return dx


def _finite(x: Array) -> bool:
    """Whether there is neither inf nor nan in x; where squares overflow, one is suspected."""
    if x.dtype.kind != "f":
        return True
    flat = x.reshape(-1)
    return bool(np.isfinite(np.dot(flat, flat)))
