"""The course's pairs of functions: a layer forward, with a cache, and backward.

A cache is a closure. `vjp` runs a tensor expression and returns its value and a function: the one
that carries a gradient of the value back to the inputs, and holds all it needs for that. So every
forward below is one line that says which expression it is, and all backwards are one function:
they call the cache.

    out, cache = affine_forward(x, w, b)
    dx, dw, db = affine_backward(dout, cache)

Arrays in, arrays out, in the dtype of the inputs. Gradients are those of sum(dout * out).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.func import vjp
from tinygrad_edu.ops.pointwise import relu

from . import expressions as e

__all__ = [
    "affine_backward", "affine_bn_relu_backward", "affine_bn_relu_forward", "affine_forward",
    "affine_relu_backward", "affine_relu_forward", "batchnorm_backward", "batchnorm_backward_alt",
    "batchnorm_forward", "conv_backward_fast", "conv_bn_relu_backward", "conv_bn_relu_forward",
    "conv_forward_fast", "conv_relu_backward", "conv_relu_forward", "conv_relu_pool_backward",
    "conv_relu_pool_forward", "dropout_backward", "dropout_forward", "layernorm_backward",
    "layernorm_forward", "max_pool_backward_fast", "max_pool_forward_fast", "relu_backward",
    "relu_forward", "spatial_batchnorm_backward", "spatial_batchnorm_forward",
    "spatial_groupnorm_backward", "spatial_groupnorm_forward",
]  # fmt: skip

Array = np.ndarray
Param = dict[str, Any]
Cache = Callable[[Array], tuple]
Result = tuple[Array, Cache]


def forward(expression: Callable, *inputs: Array) -> Result:
    """The value of a tensor expression, and the function that carries its gradient back."""
    out, cache = vjp(expression, *inputs)
    return out.numpy(), cache


def backward(dout: Array, cache: Cache) -> Any:
    """The gradients of the inputs of a forward, in their order; of a single input, without tuple.

    >>> from tinygrad_edu.nn.course import relu_backward, relu_forward
    >>> out, cache = relu_forward(np.array([-1.0, 2.0]))
    >>> relu_backward(np.array([3.0, 3.0]), cache)
    array([0., 3.])
    """
    grads = tuple(grad.numpy() for grad in cache(dout))
    return grads[0] if len(grads) == 1 else grads


affine_backward = relu_backward = dropout_backward = backward
batchnorm_backward = layernorm_backward = backward
spatial_batchnorm_backward = spatial_groupnorm_backward = backward
conv_backward_fast = max_pool_backward_fast = backward
affine_relu_backward = affine_bn_relu_backward = backward
conv_relu_backward = conv_relu_pool_backward = conv_bn_relu_backward = backward


# --- layers -------------------------------------------------------------------------------------


def affine_forward(x: Array, w: Array, b: Array) -> Result:
    """x (N, d1, ..., dk), flattened to (N, D), times w (D, M), plus b (M,): (N, M).

    >>> from tinygrad_edu.nn.course import affine_backward, affine_forward
    >>> out, cache = affine_forward(np.ones((1, 2)), np.array([[1.0], [2.0]]), np.zeros(1))
    >>> dx, dw, db = affine_backward(np.ones((1, 1)), cache)
    >>> out, dx
    (array([[3.]]), array([[1., 2.]]))
    """
    return forward(e.affine, x, w, b)


def relu_forward(x: Array) -> Result:
    """max(x, 0) of each element."""
    return forward(relu, x)


def dropout_forward(x: Array, dropout_param: Param) -> Result:
    """x times a mask of 0 and 1/p in "train" mode, x itself in "test" mode.

    `dropout_param` has "mode", "p" (the probability to KEEP an element, not to drop it as in
    PyTorch) and perhaps "seed", for `np.random.seed`; the mask is `np.random.rand(*x.shape) < p`.
    """
    return forward(lambda x: e.dropout(x, dropout_param), x)


# --- normalisation ------------------------------------------------------------------------------


class BatchNormCache(NamedTuple):
    """The graph of a batch norm, and what the closed form of its gradient needs beside it."""

    graph: Cache
    x_hat: Array
    deviation: Array
    gamma: Array

    def __call__(self, dout: Array) -> tuple:
        return self.graph(dout)


def batchnorm_forward(x: Array, gamma: Array, beta: Array, bn_param: Param) -> Any:
    """gamma x_hat + beta; in x_hat each column of x (N, D) has mean 0 and variance 1.

    `bn_param` has "mode" and perhaps "eps" (1e-5), "momentum" (0.9) and the running statistics,
    which are kept there: running = momentum * running + (1 - momentum) * sample, with the biased
    variance (PyTorch: momentum 0.1 for the same, and the unbiased variance). They take the place
    of the batch's own in "test" mode. Source: Ioffe and Szegedy (2015).
    """

    def expression(x: Any, gamma: Any, beta: Any) -> Any:
        return e.batchnorm(x, gamma, beta, bn_param)

    out, graph, (x_hat, deviation) = vjp(expression, x, gamma, beta, has_aux=True)
    if bn_param["mode"] == "test":  # statistics that do not depend on x: the graph is closed form
        return out.numpy(), graph
    return out.numpy(), BatchNormCache(graph, x_hat.numpy(), deviation.numpy(), gamma)


def batchnorm_backward_alt(dout: Array, cache: Cache) -> Any:
    """As `batchnorm_backward`, not step by step through the graph but in closed form.

    dx = gamma / (N deviation) (N dout - sum(dout) - x_hat sum(dout x_hat)), sums over the batch.
    """
    if not isinstance(cache, BatchNormCache):
        return backward(dout, cache)
    n = len(dout)
    dbeta, dgamma = dout.sum(0), np.einsum("nd,nd->d", dout, cache.x_hat)
    dx = cache.x_hat * (dgamma / -n)
    dx += dout
    dx -= dbeta / n
    dx *= cache.gamma / cache.deviation
    return dx, dgamma, dbeta


def layernorm_forward(x: Array, gamma: Array, beta: Array, ln_param: Param) -> Result:
    """gamma x_hat + beta; in x_hat each row of x (N, D) has mean 0 and variance 1.

    `ln_param` may have "eps" (1e-5). Source: Ba, Kiros and Hinton (2016).
    """
    return forward(lambda x, gamma, beta: e.layernorm(x, gamma, beta, ln_param), x, gamma, beta)


def spatial_batchnorm_forward(x: Array, gamma: Array, beta: Array, bn_param: Param) -> Result:
    """`batchnorm_forward` of images x (N, C, H, W), over N, H and W; gamma and beta (C,)."""
    return forward(
        lambda x, gamma, beta: e.spatial_batchnorm(x, gamma, beta, bn_param), x, gamma, beta
    )


def spatial_groupnorm_forward(
    x: Array, gamma: Array, beta: Array, G: int, gn_param: Param
) -> Result:
    """gamma x_hat + beta; in x_hat each of G groups of channels has mean 0 and variance 1.

    x (N, C, H, W), gamma and beta (1, C, 1, 1); `gn_param` may have "eps" (1e-5). Source: Wu and
    He (2018).
    """
    return forward(
        lambda x, gamma, beta: e.spatial_groupnorm(x, gamma, beta, G, gn_param), x, gamma, beta
    )


# --- images -------------------------------------------------------------------------------------


def conv_forward_fast(x: Array, w: Array, b: Array, conv_param: Param) -> Result:
    """x (N, C, H, W) under the filters w (F, C, HH, WW), plus b (F,), by the engine's kernels.

    `conv_param` has "stride" and "pad", the width of the border of zeros.
    """
    return forward(lambda x, w, b: e.convolution(x, w, b, conv_param), x, w, b)


def max_pool_forward_fast(x: Array, pool_param: Param) -> Result:
    """The largest element of each window of x (N, C, H, W), by the engine's kernels.

    `pool_param` has "pool_height", "pool_width" and "stride".
    """
    return forward(lambda x: e.max_pool(x, pool_param), x)


# --- layers in a row ----------------------------------------------------------------------------


def affine_relu_forward(x: Array, w: Array, b: Array) -> Result:
    """An affine layer, then ReLU."""
    return forward(lambda x, w, b: relu(e.affine(x, w, b)), x, w, b)


def affine_bn_relu_forward(
    x: Array, w: Array, b: Array, gamma: Array, beta: Array, bn_param: Param
) -> Result:
    """An affine layer, batch normalisation, then ReLU."""

    def expression(x: Any, w: Any, b: Any, gamma: Any, beta: Any) -> Any:
        return relu(e.batchnorm(e.affine(x, w, b), gamma, beta, bn_param)[0])

    return forward(expression, x, w, b, gamma, beta)


def conv_relu_forward(x: Array, w: Array, b: Array, conv_param: Param) -> Result:
    """A convolution, then ReLU."""
    return forward(lambda x, w, b: relu(e.convolution(x, w, b, conv_param)), x, w, b)


def conv_bn_relu_forward(
    x: Array, w: Array, b: Array, gamma: Array, beta: Array, conv_param: Param, bn_param: Param
) -> Result:
    """A convolution, batch normalisation of its channels, then ReLU."""

    def expression(x: Any, w: Any, b: Any, gamma: Any, beta: Any) -> Any:
        return relu(e.spatial_batchnorm(e.convolution(x, w, b, conv_param), gamma, beta, bn_param))

    return forward(expression, x, w, b, gamma, beta)


def conv_relu_pool_forward(
    x: Array, w: Array, b: Array, conv_param: Param, pool_param: Param
) -> Result:
    """A convolution, ReLU, then max pooling."""

    def expression(x: Any, w: Any, b: Any) -> Any:
        return e.max_pool(relu(e.convolution(x, w, b, conv_param)), pool_param)

    return forward(expression, x, w, b)
