"""Convolution and pooling by plain loops: slow, obvious, what the fast kernels must match.

A convolution slides each filter over the input; at every position it multiplies the filter with the
window of input under it and adds everything up (this is cross-correlation: nothing is flipped).
Its two gradients follow from one observation: out[n, f, i, j] is a sum of products x * w, so for
each such product a gradient g[n, f, i, j] sends g * w back to that x and g * x back to that w. The
loops below do just that, in the order of the forward pass.
`stride` is the step between windows, `padding` adds a border of zeros, `dilation` is the step
between the window's own entries, and `groups` cuts the channels into blocks that do not mix.
Max pooling keeps a window's largest entry and where it was; its gradient goes to that place alone.
Average pooling spreads the gradient evenly over the entries it averaged.

Shapes: x (N, C, H, W), w (F, C / groups, KH, KW), out and g (N, F, OH, OW); pairs are (h, w).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinygrad_edu.kernels.windows import (
    Array,
    Pair,
    Shape,
    conv2d_output_size,
    pool2d_output_size,
)

__all__ = [
    "avg_pool2d", "avg_pool2d_input_grad", "conv2d", "conv2d_input_grad", "conv2d_weight_grad",
    "max_pool2d", "max_pool2d_gather", "max_pool2d_scatter",
]  # fmt: skip

Window = tuple[slice, slice, slice]


def conv2d(
    x: Array,
    w: Array,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    bias: Array | None = None,
) -> Array:
    """Return out (N, F, OH, OW), the windows of x (N, C, H, W) times the filters w, plus bias."""
    oh, ow = conv2d_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = _pad(x, padding)
    out = np.zeros((len(x), len(w), oh, ow), np.result_type(x, w))
    for n in range(len(x)):
        for f in range(len(w)):
            for i in range(oh):
                for j in range(ow):
                    window = _window(f, i, j, w.shape, stride, dilation, groups)
                    out[n, f, i, j] = np.sum(xp[n][window] * w[f])
                    if bias is not None:
                        out[n, f, i, j] += bias[f]
    return out


def conv2d_input_grad(
    g: Array, w: Array, input_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return dx of `input_shape`: each g (N, F, OH, OW) adds g * w to the window it came from."""
    dxp = _pad(np.zeros(input_shape, np.result_type(g, w)), padding)
    for n, f, i, j in np.ndindex(g.shape):
        window = _window(f, i, j, w.shape, stride, dilation, groups)
        dxp[n][window] += g[n, f, i, j] * w[f]
    return _crop(dxp, padding)


def conv2d_weight_grad(
    x: Array,
    g: Array,
    weight_shape: Shape,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    """Return dw of `weight_shape`: each g (N, F, OH, OW) adds g * (its window of x) to a filter."""
    xp = _pad(x, padding)
    dw = np.zeros(weight_shape, np.result_type(x, g))
    for n, f, i, j in np.ndindex(g.shape):
        window = _window(f, i, j, weight_shape, stride, dilation, groups)
        dw[f] += g[n, f, i, j] * xp[n][window]
    return dw


def max_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    """Return out and indices (N, C, OH, OW): each window's largest entry, and h * W + w of it.

    The first of equal entries wins, in row-major order; NaN beats every number (the last NaN of the
    window is the one pointed at); the padding never wins.
    """
    plane, width = x.shape[2:], x.shape[3]
    size = pool2d_output_size(plane, kernel_size, stride, padding, dilation, ceil_mode)
    out = np.zeros((*x.shape[:2], *size), x.dtype)
    indices = np.zeros(out.shape, np.int64)
    for a, b, i, j in np.ndindex(out.shape):
        best = None
        for h, v in _inside((i, j), plane, kernel_size, stride, padding, dilation):
            value = x[a, b, h, v]
            if best is None or value > best or value != value:
                best = value
                indices[a, b, i, j] = h * width + v
        out[a, b, i, j] = best
    return out, indices


def max_pool2d_scatter(g: Array, indices: Array, input_shape: Shape) -> Array:
    """Return dx of `input_shape`: each g (N, C, OH, OW) is added at its window's winner."""
    dx = np.zeros(input_shape, g.dtype)
    for n, c, i, j in np.ndindex(g.shape):
        dx[n, c, *divmod(indices[n, c, i, j], input_shape[3])] += g[n, c, i, j]
    return dx


def max_pool2d_gather(h: Array, indices: Array) -> Array:
    """Return the entries of h (N, C, H, W) at `indices` (N, C, OH, OW): the scatter's adjoint."""
    out = np.zeros(indices.shape, h.dtype)
    for n, c, i, j in np.ndindex(indices.shape):
        out[n, c, i, j] = h[n, c, *divmod(indices[n, c, i, j], h.shape[3])]
    return out


def avg_pool2d(
    x: Array,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """Return out (N, C, OH, OW), the mean of each window of x (N, C, H, W)."""
    plane = x.shape[2:]
    size = pool2d_output_size(plane, kernel_size, stride, padding, (1, 1), ceil_mode)
    out = np.zeros((*x.shape[:2], *size), x.dtype)
    for a, b, i, j in np.ndindex(out.shape):
        total = 0.0
        for h, v in _inside((i, j), plane, kernel_size, stride, padding, (1, 1)):
            total += x[a, b, h, v]
        count = _count((i, j), plane, kernel_size, stride, padding, count_include_pad)
        out[a, b, i, j] = total / (divisor_override or count)
    return out


def avg_pool2d_input_grad(
    g: Array,
    input_shape: Shape,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """Return dx of `input_shape`: each g (N, C, OH, OW) is shared out over its window."""
    plane = input_shape[2:]
    size = pool2d_output_size(plane, kernel_size, stride, padding, (1, 1), ceil_mode)
    dx = np.zeros(input_shape, g.dtype)
    for n, c, i, j in np.ndindex(*input_shape[:2], *size):
        count = _count((i, j), plane, kernel_size, stride, padding, count_include_pad)
        share = g[n, c, i, j] / (divisor_override or count)
        for h, v in _inside((i, j), plane, kernel_size, stride, padding, (1, 1)):
            dx[n, c, h, v] += share
    return dx


def _pad(x: Array, padding: Pair) -> Array:
    """Return a copy of x with a border of zeros around each plane."""
    return np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))


def _crop(xp: Array, padding: Pair) -> Array:
    """Return xp without its border: the adjoint of `_pad`."""
    (ph, pw), (h, w) = padding, xp.shape[2:]
    return xp[:, :, ph : h - ph, pw : w - pw].copy()


def _window(
    f: int, i: int, j: int, weight_shape: Shape, stride: Pair, dilation: Pair, groups: int
) -> Window:
    """Return where, in one padded example, the window of output (f, i, j) lies."""
    filters, channels, kh, kw = weight_shape
    c = f // (filters // groups) * channels
    h, w = i * stride[0], j * stride[1]
    return (
        slice(c, c + channels),
        slice(h, h + dilation[0] * (kh - 1) + 1, dilation[0]),
        slice(w, w + dilation[1] * (kw - 1) + 1, dilation[1]),
    )


def _inside(
    position: Pair, plane: Shape, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Iterator[Pair]:
    """Yield the entries (h, w) of the plane under one pooling window, row by row."""
    for k in range(kernel[0]):
        h = position[0] * stride[0] - padding[0] + k * dilation[0]
        for m in range(kernel[1]):
            w = position[1] * stride[1] - padding[1] + m * dilation[1]
            if 0 <= h < plane[0] and 0 <= w < plane[1]:
                yield h, w


def _count(
    position: Pair, plane: Shape, kernel: Pair, stride: Pair, padding: Pair, count_include_pad: bool
) -> int:
    """Return how many entries an average divides by: with the border, or the real ones alone.

    What hangs over the border (`ceil_mode`) never counts.
    """
    border = padding if count_include_pad else (0, 0)
    starts = [o * s - p for o, s, p in zip(position, stride, padding, strict=True)]
    return math.prod(
        min(start + k, n + b) - max(start, -b)
        for start, k, n, b in zip(starts, kernel, plane, border, strict=True)
    )
