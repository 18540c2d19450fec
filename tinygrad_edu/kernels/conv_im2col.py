"""Convolution as matrix products (im2col): the default, and fast.

Write each window of the input as a column and the filters as rows; then every output pixel is one
row times one column, and the whole convolution is the matrix product BLAS is so good at:
    out (F, P) = filters (F, K) @ columns (K, P),    K = C * KH * KW entries, P = OH * OW windows.
The gradients are the other two products of the same three matrices:
    d filters (F, K) = g (F, P) @ columns.T          d columns (K, P) = filters.T @ g (F, P),
and each entry of d columns goes back to the pixel it was copied from (col2im).
A column repeats every pixel up to KH * KW times. The matrix is therefore never made whole: a tile
of it, a few images or some rows of one image, is copied, used while it still lies in the cache, and
overwritten by the next. With `groups` the products are batched over the groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from tinygrad_edu.kernels.windows import (
    Array,
    Pair,
    Shape,
    axes,
    conv2d_output_size,
    transposed_filters,
    window_view,
)

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"]

# A tile of columns must stay in a core's second-level cache (1 to 2 MB) until the product reads it.
_TILE_BYTES = 1024 * 1024


def conv2d(x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """Return out (N, F, OH, OW), the windows of x (N, C, H, W) times the filters w."""
    dtype = np.result_type(x, w)
    size = conv2d_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    filters = _filter_matrix(w, groups, dtype)
    out = np.empty((len(x), groups, filters.shape[1], size[0] * size[1]), dtype)
    for images, pixels, columns in _column_tiles(
        x, w.shape[2:], size, stride, padding, dilation, groups, dtype
    ):
        np.matmul(filters, columns, out=out[images, :, :, pixels])
    return out.reshape(len(x), len(w), *size)


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
    n, f, oh, ow = g.shape
    depth = weight_shape[1] * weight_shape[2] * weight_shape[3]
    g = g.reshape(n, groups, f // groups, oh * ow)
    dw = np.zeros((groups, depth, f // groups), dtype)
    for images, pixels, columns in _column_tiles(
        x, weight_shape[2:], (oh, ow), stride, padding, dilation, groups, dtype
    ):
        count = columns.shape[0] * columns.shape[3]
        columns = columns.transpose(1, 2, 0, 3).reshape(groups, depth, count)
        g_tile = g[images, :, :, pixels].transpose(1, 2, 0, 3)
        dw += columns @ g_tile.reshape(groups, f // groups, count).mT
    return np.ascontiguousarray(dw.mT).reshape(weight_shape)


def conv2d_input_grad(
    g: Array, w: Array, input_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return dx of `input_shape` (N, C, H, W) for g (N, F, OH, OW): the transposed convolution."""
    down, across = axes(input_shape[2:], w.shape[2:], stride, padding, dilation)
    back = (down.span - 1 - down.padding, across.span - 1 - across.padding)
    # At stride 1, dx is g convolved with the flipped filters. That reads g F times where col2im
    # writes dx C times, and a write costs about two reads.
    if stride == (1, 1) and min(back) >= 0 and len(w) < 2 * input_shape[1]:
        return conv2d(g, transposed_filters(w, groups), stride, back, dilation, groups)
    return _col2im(g, w, input_shape, stride, padding, dilation, groups)


def _col2im(
    g: Array, w: Array, input_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    dtype = np.result_type(g, w)
    n, f, oh, ow = g.shape
    c, (kh, kw) = input_shape[1], w.shape[2:]
    filters = np.ascontiguousarray(_filter_matrix(w, groups, dtype).mT)
    g = g.astype(dtype, copy=False).reshape(n, groups, f // groups, oh * ow)
    dx = np.zeros(input_shape, dtype)
    down, across = axes(input_shape[2:], (kh, kw), stride, padding, dilation)
    count, rows_per_tile = _tile_size(n, oh, c * kh * kw * ow * dtype.itemsize)
    for images, rows in product(_spans(n, count), _spans(oh, rows_per_tile)):
        columns = np.matmul(filters, g[images, :, :, rows.start * ow : rows.stop * ow])
        high = rows.stop - rows.start
        columns = columns.reshape(len(columns), c, kh, kw, high, ow)
        for i, to_h, from_h in down.taps(high, start=rows.start):
            for j, to_w, from_w in across.taps(ow):
                dx[images, :, to_h, to_w] += columns[:, :, i, j, from_h, from_w]
    return dx


def _filter_matrix(w: Array, groups: int, dtype: np.dtype) -> Array:
    """Return w as (G, F / G, C / G * KH * KW)."""
    f, c, kh, kw = w.shape
    return w.astype(dtype, copy=False).reshape(groups, f // groups, c * kh * kw)


def _column_tiles(
    x: Array,
    kernel: Shape,
    size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    dtype: np.dtype,
) -> Iterator[tuple[slice, slice, Array]]:
    """Yield (images, pixels, columns) with columns (n, G, C / G * KH * KW, P), tile by tile.

    All tiles share one buffer: use one before you ask for the next, and do not write to it. Its
    memory runs over (G, K, n, P), so that a product can also take all images as one long row.
    """
    n, c, height, width = x.shape
    kh, kw = kernel
    ow = size[1]
    depth = c // groups * kh * kw
    if (kh, kw) == stride == (1, 1) and padding == (0, 0):
        columns = x.astype(dtype, copy=False).reshape(n, groups, depth, height * width)
        yield slice(0, n), slice(0, height * width), columns
        return
    images_per_tile, rows_per_tile = _tile_size(n, size[0], c * kh * kw * ow * dtype.itemsize)
    ph, pw = padding
    padded = np.zeros((images_per_tile, c, height + 2 * ph, width + 2 * pw), dtype)
    windows = window_view(padded, (kh, kw), stride, dilation, size).transpose(1, 2, 3, 0, 4, 5)
    buffer = np.empty(c * kh * kw * images_per_tile * rows_per_tile * ow, dtype)
    for images in _spans(n, images_per_tile):
        count = images.stop - images.start
        padded[:count, :, ph : ph + height, pw : pw + width] = x[images]
        for rows in _spans(size[0], rows_per_tile):
            entries = windows[:, :, :, :count, rows]
            filled = buffer[: entries.size].reshape(entries.shape)
            np.copyto(filled, entries)
            pixels = slice(rows.start * ow, rows.stop * ow)
            columns = filled.reshape(groups, depth, count, pixels.stop - pixels.start)
            yield images, pixels, columns.transpose(2, 0, 1, 3)


def _tile_size(images: int, rows: int, row_bytes: int) -> Pair:
    """Return (images, output rows) of a tile: whole images while they fit, else rows of one."""
    fitting = max(1, _TILE_BYTES // max(1, row_bytes))
    return min(images, max(1, fitting // rows)), min(rows, fitting)


def _spans(total: int, step: int) -> Iterator[slice]:
    """Yield slices of `step` (the last one shorter) that cover range(total)."""
    for start in range(0, total, max(1, step)):
        yield slice(start, min(total, start + step))
