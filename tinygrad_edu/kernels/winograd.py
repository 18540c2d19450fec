"""Winograd's convolution: 36 products for 4 x 4 outputs of a 3 x 3 window, where im2col has 144.

Polynomials g and h are multiplied by multiplying their values at some points: with 3 and 4
coefficients, at 0, 1, -1, 2, -2 and infinity. `G @ g` and `A @ h` are the values (over constants),
and `B @ (G @ g * (A @ h))` finds the 6 coefficients of the product, with 6 products instead of 12.
Convolution is the transpose of that map: 4 outputs from 6 inputs d are `AT @ (G @ w * (BT @ d))`.
Along H and along W: for every filter w (C, 3, 3) and every patch d (C, 6, 6) of the padded input,
    y (4, 4) = AT @ sum_c((G @ w[c] @ G.T) * (BT @ d[c] @ BT.T)) @ AT.T
Patches lie 4 apart. Written flat, BT @ d @ BT.T is kron(BT, BT) @ d: one matrix product transforms
many patches. At each of the 36 places, the sum over c is a product (P, C) @ (C, F) for P patches.
dw goes the same way back: products (C, P) @ (P, F) of kron(BT, BT) @ d and kron(AT, AT).T @ g.
The numbers are those of Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016).
They reach 8, and so much is cancelled: errors are about 1e-5 of the largest output, ten times those
of im2col. That is for float32 alone; what is checked in float64 is not touched.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu import backends, threads
from tinygrad_edu.kernels.columns import Plan, tile_spans
from tinygrad_edu.kernels.windows import Array, Pair, window_view

__all__ = ["conv2d", "conv2d_weight_grad", "pays"]

BT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
AT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])

_BT, _G, _AT = (np.kron(matrix, matrix).astype(np.float32) for matrix in (BT, G, AT))
_PATCHES = 128  # of a tile, which must stay in the caches of a core
_COPY = 16  # multiplications in the time that it takes to copy one number
_LEAST_GAIN = 1.8  # by that count; by the clock it is a fifth and more


def pays(plan: Plan, images: int) -> bool:
    """Whether that many images of this plan may be convolved here, and take less time so."""
    plain = plan.stride == plan.dilation == (1, 1) and plan.groups == 1 and plan.kernel == (3, 3)
    if not (backends.winograd and plain and plan.dtype == np.float32):
        return False
    c, f, (high, wide) = plan.plane[0], plan.each, plan.size
    columns = images * high * wide * 9 * c * (f + _COPY)
    return columns > _LEAST_GAIN * (images * _work(plan) + c * f * 36 * (9 + _COPY))


def conv2d(x: Array, w: Array, plan: Plan, bias: Array | None = None) -> Array | None:
    """Return out (N, F, OH, OW), memory running over (N, OH, OW, F), or None if it is not finite.

    One inf or nan has made all outputs of its patch nan then, which im2col keeps apart.
    """
    n, c, f, (down, across) = len(x), plan.plane[0], plan.each, _grid(plan)
    filters = threads.matmul(_G, w.transpose(2, 3, 1, 0).reshape(9, c * f)).reshape(36, c, f)
    out = np.empty((n, 4 * down, 4 * across, f), np.float32)
    shift = None if bias is None else np.tile(bias, across)  # long rows add faster

    def fill(images: slice) -> bool:
        finite, inputs = True, _Patches(x, 6, plan.padding, (down, across))
        spans = list(tile_spans(images, down, across, _PATCHES))
        one, other = (_Rows(spans, across * max(c, f)) for _ in range(2))
        for part, rows in spans:
            patches = inputs.take(part, rows, one)
            values = np.matmul(_BT, patches, out=other.of(patches.shape))
            count = patches.shape[1] // c
            sums = one.of((36, count * f))
            np.matmul(values.reshape(36, count, c), filters, out=sums.reshape(36, count, f))
            found = np.matmul(_AT, sums, out=other.of((16, count * f)))
            if shift is not None:
                lines = found.reshape(16, -1, len(shift))
                lines += shift
            to, shape = out[part, 4 * rows.start : 4 * rows.stop], (rows.stop - rows.start, across)
            entries = found.reshape(4, 4, -1, *shape, f).transpose(2, 3, 0, 4, 1, 5)
            to.reshape(entries.shape)[...] = entries
            flat = to.reshape(-1)
            finite = finite and bool(np.isfinite(flat @ flat))
        return finite

    with np.errstate(over="ignore", invalid="ignore"):  # the caller is told
        finite = all(threads.split(fill, n, _work(plan)))
    out = np.ascontiguousarray(out[:, : plan.size[0], : plan.size[1]])
    return out.transpose(0, 3, 1, 2) if finite else None


def conv2d_weight_grad(x: Array, g: Array, plan: Plan) -> Array | None:
    """Return dw (F, C, 3, 3) for g (N, F, OH, OW), or None if it is not finite."""
    c, f, grid = plan.plane[0], plan.each, _grid(plan)

    def total(images: slice) -> Array:
        found, step = np.zeros((36, c, f), np.float32), np.empty((36, c, f), np.float32)
        inputs, outputs = _Patches(x, 6, plan.padding, grid), _Patches(g, 4, (0, 0), grid)
        spans = list(tile_spans(images, grid[0], grid[1], _PATCHES))
        one, left, right = (_Rows(spans, grid[1] * max(c, f)) for _ in range(3))
        for part, rows in spans:
            patches = inputs.take(part, rows, one)
            values = np.matmul(_BT, patches, out=left.of(patches.shape)).reshape(36, -1, c)
            patches = outputs.take(part, rows, one)
            others = np.matmul(_AT.T, patches, out=right.of((36, patches.shape[1])))
            found += np.matmul(values.mT, others.reshape(36, -1, f), out=step)
        return found

    with np.errstate(over="ignore", invalid="ignore"):
        found = sum(threads.split(total, len(x), _work(plan)))  # in the order of the images
        dw = threads.matmul(_G.T, found.reshape(36, c * f)).reshape(3, 3, c, f)
        dw = dw.transpose(3, 2, 0, 1)
    return np.ascontiguousarray(dw) if np.isfinite(dw).all() else None


def _grid(plan: Plan) -> Pair:
    """How many patches cover the output of an image, down and across; the last may hang over."""
    return -(-plan.size[0] // 4), -(-plan.size[1] // 4)


def _work(plan: Plan) -> int:
    """The multiplications for one image, and copies as so many of them."""
    (down, across), c, f = _grid(plan), plan.plane[0], plan.each
    return down * across * (36 * c * (36 + f + _COPY) + 16 * f * (36 + _COPY))


class _Patches:
    """The patches of images x, `side` wide and 4 apart, from a copy with zeros around."""

    def __init__(self, x: Array, side: int, padding: Pair, grid: Pair) -> None:
        self.last, self.side, self.padding, self.grid = x.transpose(0, 2, 3, 1), side, padding, grid
        self.room = np.zeros((0,))

    def take(self, images: slice, rows: slice, to: _Rows) -> Array:
        """Return patches (side * side, P * C) of some rows of patches, a tile of `tile_spans`."""
        (height, width, c), count = self.last.shape[1:], images.stop - images.start
        (ph, pw), (down, across), side = self.padding, self.grid, self.side
        if not self.room.size:  # no later tile has more images
            size = (4 * down + side - 4, 4 * across + side - 4)
            self.room = np.zeros((count, *size, c), np.float32)
        if rows.start == 0:
            self.room[:count, ph : ph + height, pw : pw + width] = self.last[images]
        planes = self.room[:count, 4 * rows.start :].transpose(0, 3, 1, 2)
        sizes = ((side, side), (4, 4), (1, 1), (rows.stop - rows.start, across))
        windows = window_view(planes, *sizes).transpose(2, 3, 0, 4, 5, 1)
        found = to.of((side * side, windows[0, 0].size))
        found.reshape(windows.shape)[...] = windows
        return found


class _Rows:
    """Room for 36 rows, each a cache line longer than it must be.

    Rows that lie a power of two apart share a few places of the cache and drive each other out,
    which cost a third of the time.
    """

    def __init__(self, spans: list[tuple[slice, slice]], row: int) -> None:
        (images, rows), *_ = spans
        longest = (images.stop - images.start) * (rows.stop - rows.start) * row
        self.all = np.empty((36, longest + 16), np.float32)

    def of(self, shape: Pair) -> Array:
        return self.all[: shape[0], : shape[1]]
