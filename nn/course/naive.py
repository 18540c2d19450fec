"""Convolution and max pooling by plain loops, as the course first writes them.

The loops are those of `tinygrad_edu.kernels.reference`, which the fast kernels are checked against.
They are for reading and for comparing: hundreds of times slower than the fast pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.kernels import reference
from tinygrad_edu.kernels.windows import Pair

__all__ = [
    "conv_backward_naive", "conv_forward_naive", "max_pool_backward_naive",
    "max_pool_forward_naive",
]  # fmt: skip

Array = np.ndarray
Param = dict[str, Any]


def conv_forward_naive(x: Array, w: Array, b: Array, conv_param: Param) -> tuple[Array, tuple]:
    """x (N, C, H, W) under the filters w (F, C, HH, WW), plus b (F,), by loops.

    The cache is the course's: (x, w, b, conv_param).
    """
    out = reference.conv2d(x, w, *_conv_settings(conv_param))
    return out + b[:, None, None], (x, w, b, conv_param)


def conv_backward_naive(dout: Array, cache: tuple) -> tuple[Array, Array, Array]:
    """(dx, dw, db) of a convolution, by loops."""
    x, w, _, conv_param = cache
    settings = _conv_settings(conv_param)
    dx = reference.conv2d_input_grad(dout, w, x.shape, *settings)
    dw = reference.conv2d_weight_grad(x, dout, w.shape, *settings)
    return dx, dw, dout.sum((0, 2, 3))


def max_pool_forward_naive(x: Array, pool_param: Param) -> tuple[Array, tuple]:
    """The largest element of each window of x (N, C, H, W), by loops.

    The cache is the course's: (x, pool_param).
    """
    return _max_pool(x, pool_param)[0], (x, pool_param)


def max_pool_backward_naive(dout: Array, cache: tuple) -> Array:
    """dx of max pooling: each gradient goes to its window's largest element (of equals, the first).

    By loops, which look for it again.
    """
    x, pool_param = cache
    return reference.max_pool2d_scatter(dout, _max_pool(x, pool_param)[1], x.shape)


def _conv_settings(conv_param: Param) -> tuple[Pair, Pair, Pair, int]:
    """Stride, padding, dilation and groups."""
    return (conv_param["stride"],) * 2, (conv_param["pad"],) * 2, (1, 1), 1


def _max_pool(x: Array, pool_param: Param) -> tuple[Array, Array]:
    """The largest element of each window, and its place."""
    window = pool_param["pool_height"], pool_param["pool_width"]
    return reference.max_pool2d(x, window, (pool_param["stride"],) * 2, (0, 0), (1, 1), False)
