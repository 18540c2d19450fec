"""Convolution and max pooling by plain loops, as the course first writes them.

The loops are those of `tinygrad_edu.kernels.reference`, which the fast kernels are checked against.
They are for reading and for comparing: hundreds of times slower than the fast pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.kernels import reference

__all__ = [
    "conv_backward_naive", "conv_forward_naive", "max_pool_backward_naive",
    "max_pool_forward_naive",
]  # fmt: skip

Array = np.ndarray


def conv_forward_naive(
    x: Array, w: Array, b: Array, conv_param: dict[str, Any]
) -> tuple[Array, tuple]:
    """x (N, C, H, W) under the filters w (F, C, HH, WW), plus b (F,), by loops."""
    stride, pad = (conv_param["stride"],) * 2, (conv_param["pad"],) * 2
    out = reference.conv2d(x, w, stride, pad, (1, 1), 1)
    return out + b[:, None, None], (x, w, stride, pad)


def conv_backward_naive(dout: Array, cache: tuple) -> tuple[Array, Array, Array]:
    """(dx, dw, db) of a convolution, by loops."""
    x, w, stride, pad = cache
    dx = reference.conv2d_input_grad(dout, w, x.shape, stride, pad, (1, 1), 1)
    dw = reference.conv2d_weight_grad(x, dout, w.shape, stride, pad, (1, 1), 1)
    return dx, dw, dout.sum((0, 2, 3))


def max_pool_forward_naive(x: Array, pool_param: dict[str, Any]) -> tuple[Array, tuple]:
    """The largest element of each window of x (N, C, H, W), by loops."""
    window = pool_param["pool_height"], pool_param["pool_width"]
    out, places = reference.max_pool2d(
        x, window, (pool_param["stride"],) * 2, (0, 0), (1, 1), False
    )
    return out, (places, x.shape)


def max_pool_backward_naive(dout: Array, cache: tuple) -> Array:
    """dx of max pooling: each gradient goes to the element its window took (of equals, the first).

    By loops.
    """
    places, shape = cache
    return reference.max_pool2d_scatter(dout, places, shape)
