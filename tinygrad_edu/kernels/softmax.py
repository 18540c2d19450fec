"""Softmax on arrays, and what else begins with its exponentials, in the layout that is fastest.

Everything is worked out on arrays (A, K, B), whose middle axis is the classes: those of the input
with the axes before and after it joined. Where the classes come last, B is 1, and NumPy goes
through rows of K numbers, which is slow if they are short: of (256, 10) scores the largest of each
row take 15 us, those of each column of the transpose 2. So short rows are turned: (A, K) becomes
(1, K, A). The largest score of each column is taken off first: exponentials cannot overflow.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_edu.kernels.windows import Array, Shape

__all__ = [
    "joined", "layout", "log_softmax", "log_softmax_gradient", "restored", "shifted", "softmax",
    "softmax_gradient",
]  # fmt: skip

SHORT = 32  # up to this many classes rows are turned


def joined(shape: Shape, axis: int) -> Shape:
    """Return (A, K, B): `shape` with the axes before `axis` joined, and those after it."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def layout(shape: Shape, axis: int) -> Shape:
    """Return the (A, K, B) in which scores of `shape` are worked on."""
    A, K, B = joined(shape, axis)
    return (1, K, A) if B == 1 and K <= SHORT else (A, K, B)


def shifted(x: Array, axis: int) -> Array:
    """Return x minus its largest elements along `axis`, as new memory in the layout."""
    A, K, B = joined(x.shape, axis)
    if not x.size:
        return np.empty(layout(x.shape, axis), x.dtype)
    if B == 1 and K <= SHORT:
        z = x.reshape(A, K).T.copy()[None]
        z -= np.maximum.reduce(z, 1, keepdims=True)
        return z
    x = x.reshape(A, K, B)
    return np.subtract(x, np.maximum.reduce(x, 1, keepdims=True), order="C")


def restored(z: Array, shape: Shape, axis: int) -> Array:
    """Return z, which is in the layout, in the shape that was asked for."""
    _, K, B = joined(shape, axis)
    return (z[0].T.copy() if B == 1 and K <= SHORT else z).reshape(shape)


def softmax(x: Array, axis: int) -> Array:
    """Return exp(x) / sum(exp(x)) along `axis`."""
    z = shifted(x, axis)
    np.exp(z, out=z)
    z /= np.add.reduce(z, 1, keepdims=True)
    return restored(z, x.shape, axis)


def log_softmax(x: Array, axis: int) -> Array:
    """Return x - log(sum(exp(x))) along `axis`."""
    z = shifted(x, axis)
    z -= np.log(np.add.reduce(np.exp(z), 1, keepdims=True))
    return restored(z, x.shape, axis)


def softmax_gradient(g: Array, out: Array, axis: int) -> Array:
    """Return out (g - sum(g out))."""
    gi = g * out
    np.subtract(g, np.add.reduce(gi, axis, keepdims=True), out=gi)
    gi *= out
    return gi


def log_softmax_gradient(g: Array, out: Array, axis: int) -> Array:
    """Return g - exp(out) sum(g)."""
    gi = np.exp(out)
    gi *= np.add.reduce(g, axis, keepdims=True)
    return np.subtract(g, gi, out=gi)
