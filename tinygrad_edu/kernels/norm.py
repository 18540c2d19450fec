"""Norms on arrays: centre, scale and shift in few passes, and the gradients of all three at once.

Forward, over the dims of the statistics: centred = x - mean, variance = mean of its squares (the
mean is taken off first: the difference of two large sums would lose all digits), scale =
1 / sqrt(variance + eps), out = centred * scale * weight + bias. Everything after the first line
happens in the memory of `centred`. Backward is the closed form
    dx = scale * (h - mean(h) - hat * mean(h * hat)),   hat = centred * scale,   h = g * weight,
whose two means, for the norms of channels, are also the gradients of bias and weight.
The numbers of a channel are one per C, and C is the last axis in memory ("channels last"): rows of
C numbers are short, so they are repeated to rows of W * C.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinygrad_edu.kernels.channels import as_matrix, channel_sums
from tinygrad_edu.kernels.windows import Array, Shape

__all__ = ["gradients", "moments", "scaled"]


def moments(x: Array, dim: Shape) -> tuple[Array, Array, Array]:
    """Return x - mean, the mean, and the variance without correction, over `dim`, which is kept."""
    if not _of_channels(x, dim):
        centred = x - (centre := _mean(x, dim))
        return centred, centre, _mean(np.square(centred), dim)
    x, count = _dense(x), x.dtype.type(_count(x))
    centre = channel_sums(x) / count
    centred = np.empty_like(x)
    rows, lift = _rows(x)
    np.subtract(rows, lift(centre), out=_rows(centred)[0])
    spread = channel_sums(np.square(centred)) / count
    return centred, _kept(centre, x), _kept(spread, x)


def scaled(
    centred: Array, scale: Array, weight: Array | None, bias: Array | None, dim: Shape
) -> Array:
    """Return centred * scale * weight + bias, in the memory of `centred`."""
    if not _of_channels(centred, dim):
        centred *= scale
        if weight is not None:
            centred *= weight
        if bias is not None:
            centred += bias
        return centred
    rows, lift = _rows(centred)
    rows *= lift(_factor(scale, weight))
    if bias is not None:
        rows += lift(bias.reshape(-1))
    return centred


def gradients(
    g: Array, x: Array, weight: Array | None, centre: Array, scale: Array, dim: Shape, need: tuple
) -> tuple[Array | None, Array | None, Array | None]:
    """Return the gradients of x, weight and bias; the last two may still have to be summed."""
    if _of_channels(x, dim):
        return _channel_gradients(g, x, weight, centre, scale, need)
    hat = x - centre
    hat *= scale
    product = g * hat
    gw, gb = product if need[1] else None, g if need[2] else None
    if not need[0]:
        return None, gw, gb
    if weight is not None:
        product, g = product * weight, g * weight
    gi = np.multiply(hat, _mean(product, dim), out=hat)
    np.subtract(g, gi, out=gi)
    gi -= _mean(g, dim)
    gi *= scale
    return gi, gw, gb


def _channel_gradients(
    g: Array, x: Array, weight: Array | None, centre: Array, scale: Array, need: tuple
) -> tuple[Array | None, Array | None, Array | None]:
    x = _dense(x)
    one_each = (x.shape[1], *(1,) * (x.ndim - 2))
    if g.strides != x.strides:  # all that follows goes through memory in one order
        laid = np.empty_like(x)
        laid[...] = g
        g = laid
    total = channel_sums(g)
    gb = total.reshape(one_each) if need[2] else None
    if not (need[0] or need[1]):
        return None, None, gb
    gi = np.empty_like(x)
    (rows, lift), (centred, _) = _rows(x), _rows(gi)
    np.subtract(rows, lift(centre.reshape(-1)), out=centred)
    spare = gi * g
    part = channel_sums(spare) * scale.reshape(-1)
    gw = part.reshape(one_each) if need[1] else None
    if not need[0]:
        return None, gw, gb
    count, factor = x.dtype.type(_count(x)), _factor(scale, weight)
    centred *= lift(-factor * scale.reshape(-1) * part / count)
    centred += np.multiply(_rows(g)[0], lift(factor), out=_rows(spare)[0])
    centred -= lift(factor * total / count)
    return gi, gw, gb


def _of_channels(x: Array, dim: Shape) -> bool:
    """Whether the statistics are those of the channels of x (N, C, ...), over all the rest."""
    return x.ndim > 1 and tuple(dim) == (0, *range(2, x.ndim))


def _factor(scale: Array, weight: Array | None) -> Array:
    return scale.reshape(-1) if weight is None else scale.reshape(-1) * weight.reshape(-1)


def _mean(x: Array, dim: Shape) -> Array:
    count = math.prod([x.shape[i] for i in dim])
    return np.add.reduce(x, dim, keepdims=True) / x.dtype.type(count)


def _count(x: Array) -> int:
    """Return how many elements a channel has."""
    return math.prod(x.shape) // max(1, x.shape[1])


def _kept(numbers: Array, x: Array) -> Array:
    """Return one number per channel in a shape that broadcasts to x."""
    return numbers.reshape(1, -1, *(1,) * (x.ndim - 2))


def _dense(x: Array) -> Array:
    """Return x, copied if its memory has gaps or another order than the two usual ones."""
    return x if x.flags.c_contiguous or as_matrix(x) is not None else np.ascontiguousarray(x)


def _rows(x: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Return a view of a dense x, and what makes numbers per channel broadcast to it."""
    if x.ndim == 2 or as_matrix(x) is None:
        return x, lambda numbers: _kept(numbers, x)
    width, channels = x.shape[-1], x.shape[1]
    last = x.transpose(0, *range(2, x.ndim), 1)
    return last.reshape(-1, width * channels), lambda numbers: np.tile(numbers, width)
