"""Pooling by whole-array operations: one step per window entry, none per window.

All windows are visited at once: entry k of every window is a strided slice of the input
(`Axis.taps`), and combining those slices with `np.maximum` or `np.add` pools every window together.
Slices keep to the real input, so a border of -inf or 0 never has to be made.
A maximum over a rectangle is the maximum over its columns of the maxima over its rows, and a sum
likewise: pooling the rows first and then the columns takes KH + KW steps instead of KH * KW.
Windows of 2x2 that do not overlap, by far the commonest, are four slices and three maxima.
Where the maximum was is asked only when a gradient is: walking the entries in row-major order and
counting, for each window, those before the first that equals the maximum gives its number, without
a branch. The gradient of max pooling is then a scatter to those places (its adjoint a gather), the
gradient of average pooling the same sum run backwards.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu import threads
from tinygrad_edu.kernels.windows import Array, Axis, Pair, Shape, axes

__all__ = [
    "adaptive_max_pool2d_indices", "adaptive_windows", "avg_pool2d", "avg_pool2d_input_grad",
    "max_pool2d", "max_pool2d_gather", "max_pool2d_indices", "max_pool2d_input_grad",
    "max_pool2d_scatter", "max_pool2d_values",
]  # fmt: skip

_WRITE = 16  # multiplications in the time that it takes to write the gradient of one element


def max_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    """Return out and indices (N, C, OH, OW): each window's largest entry, and h * W + w of it.

    Ties go to the first entry in row-major order. NaN beats every number, and the last NaN of a
    window is the one pointed at, as in PyTorch. The padding never wins.
    """
    out = max_pool2d_values(x, kernel_size, stride, padding, dilation, ceil_mode)
    return out, max_pool2d_indices(x, out, kernel_size, stride, padding, dilation)


def max_pool2d_values(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Array:
    """Return the first result of `max_pool2d` alone."""
    whole = not ceil_mode or x.shape[2] % 2 == x.shape[3] % 2 == 0
    if whole and _two_by_two(kernel_size, stride, padding, dilation):
        first, second, third, last = _corners(x)
        return np.maximum(np.maximum(first, second), np.maximum(third, last))
    down, across = axes(x.shape[2:], kernel_size, stride, padding, dilation)
    lowest = _lowest(x.dtype)
    rows = _sweep(np.maximum, lowest, x, _H, down, down.count(ceil_mode))
    return _sweep(np.maximum, lowest, rows, _W, across, across.count(ceil_mode))


def max_pool2d_indices(
    x: Array, out: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """Return the second result of `max_pool2d` for its input and its first result."""
    down, across = axes(x.shape[2:], kernel_size, stride, padding, dilation)
    kh, kw = kernel_size
    oh, ow = out.shape[2:]
    entries = {
        i * kw + j: (np.s_[:, :, from_h, from_w], np.s_[:, :, to_h, to_w])
        for i, from_h, to_h in down.taps(oh)
        for j, from_w, to_w in across.taps(ow)
    }
    entry = np.zeros(out.shape, np.min_scalar_type(kh * kw))
    missed = np.ones(out.shape, bool)
    for k in range(kh * kw - 1):
        if k in entries:
            source, target = entries[k]
            missed[target] &= x[source] != out[target]
        entry += missed
    if np.isnan(out).any():
        for k, (source, target) in entries.items():
            np.copyto(entry[target], k, where=np.isnan(x[source]))
    return _flat_in_plane(entry, down, across)


def max_pool2d_input_grad(
    g: Array, x: Array, out: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """Return dx: each g (N, C, OH, OW) at the winner of its window, for x and what came out."""
    whole = out.shape[2] * 2 <= x.shape[2] and out.shape[3] * 2 <= x.shape[3]  # no ceil_mode
    if (
        not (whole and _two_by_two(kernel_size, stride, padding, dilation))
        or np.isnan(out).any()  # a NaN equals nothing, not even itself
    ):
        places = max_pool2d_indices(x, out, kernel_size, stride, padding, dilation)
        return max_pool2d_scatter(g, places, x.shape)
    # Of the bits of a number, unlike of the number, the product with 0 is 0 even for inf and nan.
    bits = np.dtype(f"i{g.itemsize}")
    covered = x.shape[2] % 2 == x.shape[3] % 2 == 0
    dx = (np.empty_like if covered else np.zeros_like)(x, dtype=bits)  # with memory in x's order
    if g.strides != out.strides:  # all that follows goes through memory in one order
        laid = np.empty_like(out, dtype=g.dtype)
        laid[...] = g
        g = laid

    def fill(images: slice) -> None:
        values, largest = g[images].view(bits), out[images]
        free = np.ones_like(largest, dtype=bool)
        *corners, last = zip(_corners(x[images]), _corners(dx[images]), strict=True)
        for entry, target in corners:
            wins = entry == largest
            wins &= free
            free ^= wins
            np.multiply(values, wins, out=target)
        np.multiply(values, free, out=last[1])

    threads.split(fill, len(x), x.size // max(1, len(x)) * _WRITE)
    return dx.view(g.dtype)


def _two_by_two(kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> bool:
    """Whether windows are 2x2, side by side, without a border."""
    return kernel_size == stride == (2, 2) and padding == (0, 0) and dilation == (1, 1)


def _corners(x: Array) -> list[Array]:
    """Return the 4 entries of all whole 2x2 windows, in row-major order, as views."""
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    return [x[:, :, i:height:2, j:width:2] for i in (0, 1) for j in (0, 1)]


def max_pool2d_scatter(g: Array, indices: Array, input_shape: Shape) -> Array:
    """Return dx of `input_shape`: each g (N, C, OH, OW) is added at its window's winner."""
    dx = np.zeros(input_shape, g.dtype)
    np.add.at(dx.reshape(-1), _flat(indices, input_shape), g.reshape(-1))
    return dx


def max_pool2d_gather(h: Array, indices: Array) -> Array:
    """Return the entries of h (N, C, H, W) at `indices` (N, C, OH, OW): the scatter's adjoint."""
    return np.take(h.reshape(-1), _flat(indices, h.shape)).reshape(indices.shape)


def avg_pool2d(
    x: Array,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """Return out (N, C, OH, OW), the mean of each window of x (N, C, H, W).

    The mean counts the zeros of the padding if `count_include_pad`, never what hangs over it
    (`ceil_mode`); `divisor_override` divides by that number instead. Integers stay integers: the
    quotient is cut towards 0.
    """
    down, across = axes(x.shape[2:], kernel_size, stride, padding, (1, 1))
    rows = _sweep(np.add, 0, x, _H, down, down.count(ceil_mode))
    total = _sweep(np.add, 0, rows, _W, across, across.count(ceil_mode))
    divisor = _divisor(down, across, ceil_mode, count_include_pad, divisor_override, x.dtype)
    if x.dtype.kind == "f":
        return total / divisor
    return np.sign(total) * np.sign(divisor) * (np.abs(total) // np.abs(divisor))


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
    down, across = axes(input_shape[2:], kernel_size, stride, padding, (1, 1))
    share = g / _divisor(down, across, ceil_mode, count_include_pad, divisor_override, g.dtype)
    return _sweep_back(_sweep_back(share, _W, across), _H, down)


def adaptive_max_pool2d_indices(x: Array, size: Pair) -> Array:
    """Return h * W + w of the largest entry of each of the `size` windows that cover the planes.

    Ties and NaN as in `max_pool2d`.
    """
    n, c, height, width = x.shape
    out = np.empty((n, c, *size), np.int64)
    rows, columns = adaptive_windows(height, size[0]), adaptive_windows(width, size[1])
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            count = (bottom - top) * (right - left)
            window = x[:, :, top:bottom, left:right].reshape(n, c, count)
            missing = np.isnan(window[..., ::-1])
            last_missing = count - 1 - missing.argmax(-1)
            entry = np.where(missing.any(-1), last_missing, window.argmax(-1))
            h, w = np.divmod(entry, right - left)
            out[:, :, i, j] = (top + h) * width + left + w
    return out


def adaptive_windows(size: int, count: int) -> list[tuple[int, int]]:
    """Return (start, stop) of `count` windows that cover range(size) as evenly as integers can."""
    return [(o * size // count, -(-(o + 1) * size // count)) for o in range(count)]


_H, _W = 2, 3  # where the two axes stand in (N, C, H, W)


def _sweep(combine: np.ufunc, start: float, x: Array, where: int, axis: Axis, count: int) -> Array:
    """Return x with the axis at `where` replaced by its windows, each combined into one entry."""
    found = [(_along(where, source), _along(where, to)) for _, source, to in axis.taps(count)]
    whole = _along(where, slice(0, count))
    if len(found) > 1 and found[0][1] == found[1][1] == whole:
        out = combine(x[found[0][0]], x[found[1][0]])  # saves filling an array with `start`
        del found[:2]
    else:
        out = np.full((*x.shape[:where], count, *x.shape[where + 1 :]), start, x.dtype)
    for source, to in found:
        combine(out[to], x[source], out=out[to])
    return out


def _sweep_back(g: Array, where: int, axis: Axis) -> Array:
    """Return the adjoint of `_sweep` with np.add: each window's g added to all its entries."""
    dx = np.zeros((*g.shape[:where], axis.size, *g.shape[where + 1 :]), g.dtype)
    for _, to, source in axis.taps(g.shape[where]):
        dx[_along(where, to)] += g[_along(where, source)]
    return dx


def _along(where: int, part: slice) -> tuple[slice, ...]:
    """Return the index that takes `part` of the axis at `where` and all of the others."""
    return (slice(None),) * where + (part,)


def _lowest(dtype: np.dtype) -> float:
    """Return the value that loses every comparison."""
    if dtype.kind == "f":
        return -np.inf
    return 0 if dtype.kind == "b" else np.iinfo(dtype).min


def _flat_in_plane(entry: Array, down: Axis, across: Axis) -> Array:
    """Return h * W + w of entry number `entry` (N, C, OH, OW) in each window."""
    within = np.add.outer(
        np.arange(down.kernel) * (down.dilation * across.size),
        np.arange(across.kernel) * across.dilation,
    )
    oh, ow = entry.shape[2:]
    corner = np.add.outer(
        (np.arange(oh) * down.stride - down.padding) * across.size,
        np.arange(ow) * across.stride - across.padding,
    )
    indices = np.take(within.astype(np.int64), entry)
    indices += corner
    return indices


def _flat(indices: Array, shape: Shape) -> Array:
    """Return places in the planes of an (N, C, H, W) array as places in the whole of it."""
    n, c, h, w = shape
    planes = np.arange(n * c).reshape(n, c, 1, 1) * (h * w)
    return (indices + planes).reshape(-1)


def _divisor(
    down: Axis,
    across: Axis,
    ceil_mode: bool,
    count_include_pad: bool,
    override: int | None,
    dtype: np.dtype,
) -> Array:
    """Return what each of the (OH, OW) sums is divided by, in the dtype of the sums."""
    if override is not None:
        return np.array(override, dtype)
    counts = []
    for axis in (down, across):
        first = np.arange(axis.count(ceil_mode)) * axis.stride - axis.padding
        border = axis.padding if count_include_pad else 0
        stop = np.minimum(first + axis.kernel, axis.size + border)
        counts.append(stop - np.maximum(first, -border))
    return np.multiply.outer(*counts).astype(dtype)
