"""Windows of planes written out as columns (im2col), and columns added back up (col2im)."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.kernels.windows import (
    Array,
    Pair,
    Shape,
    axes,
    conv2d_output_size,
    window_view,
)

__all__ = ["fold", "unfold"]


def unfold(x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Return (N, C * KH * KW, L): column l is window l of x (N, C, H, W), row by row."""
    (ph, pw), (n, c) = padding, x.shape[:2]
    size = conv2d_output_size(x.shape[2:], kernel, stride, padding, dilation)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw))) if ph or pw else x
    windows = window_view(padded, kernel, stride, dilation, size)
    return windows.reshape(n, c * kernel[0] * kernel[1], size[0] * size[1])


def fold(
    columns: Array, shape: Shape, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """Return (N, C, H, W) of `shape`, columns (N, C * KH * KW, L) added where they came from."""
    oh, ow = conv2d_output_size(shape[2:], kernel, stride, padding, dilation)
    windows = columns.reshape(*shape[:2], *kernel, oh, ow)
    out = np.zeros(shape, columns.dtype)
    down, across = axes(shape[2:], kernel, stride, padding, dilation)
    for i, to_h, from_h in down.taps(oh):
        for j, to_w, from_w in across.taps(ow):
            out[:, :, to_h, to_w] += windows[:, :, i, j, from_h, from_w]
    return out
