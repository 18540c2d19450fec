"""The course's layers as tensor expressions, with the course's conventions.

They are written out step by step, so that the graph they record is the one drawn on the blackboard.
Shape letters: N batch, D features, M units, C channels, H W pixels, F filters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.ops.conv import conv2d
from tinygrad_edu.ops.pool import max_pool2d
from tinygrad_edu.tensor import Tensor

Dims = int | tuple[int, ...]


def affine(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """x (N, d1, ..., dk), flattened to (N, D), times w (D, M), plus b (M,)."""
    return x.reshape(x.shape[0], -1) @ w + b


def convolution(x: Tensor, w: Tensor, b: Tensor, conv_param: dict[str, Any]) -> Tensor:
    """x (N, C, H, W) under the filters w (F, C, HH, WW), plus b (F,)."""
    return conv2d(x, w, b, stride=conv_param["stride"], padding=conv_param["pad"])


def max_pool(x: Tensor, pool_param: dict[str, Any]) -> Tensor:
    """The largest element of each window of x (N, C, H, W)."""
    window = pool_param["pool_height"], pool_param["pool_width"]
    return max_pool2d(x, window, pool_param["stride"])


def dropout(x: Tensor, dropout_param: dict[str, Any]) -> Tensor:
    """x times a mask of 0 and 1/p, where p is the probability to KEEP an element.

    The mask comes from NumPy's global stream, after `np.random.seed(seed)` if there is a seed.
    """
    if mode("dropout", "dropout_param", dropout_param) == "test":
        return x
    p = dropout_param["p"]
    if not 0 < p <= 1:
        mend = "p is the probability to keep; PyTorch's is 1 - p"
        raise ValueError(describe("dropout", "p", "a probability above 0", p, mend))
    if dropout_param.get("seed") is not None:
        np.random.seed(dropout_param["seed"])
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask.astype(x.dtype)


def standardized(x: Tensor, dim: Dims, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x with mean 0 and variance 1 over `dim`; its deviation, mean and (biased) variance."""
    mean = x.mean(dim, keepdim=True)
    centred = x - mean
    variance = (centred * centred).mean(dim, keepdim=True)
    deviation = (variance + eps).sqrt()
    return centred / deviation, deviation, mean, variance


def batchnorm(
    x: Tensor, gamma: Tensor, beta: Tensor, bn_param: dict[str, Any]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """gamma x_hat + beta, and (x_hat, deviation); x (N, D), gamma and beta (D,).

    In training x_hat has mean 0 and variance 1 over the batch, and the running statistics move:
    running = momentum * running + (1 - momentum) * sample, with the biased variance. In testing
    they take the place of the batch's.
    """
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    running_mean = bn_param.setdefault("running_mean", np.zeros(x.shape[1], x.dtype))
    running_var = bn_param.setdefault("running_var", np.zeros(x.shape[1], x.dtype))
    if mode("batchnorm", "bn_param", bn_param) == "train":
        x_hat, deviation, mean, variance = standardized(x, 0, eps)
        for name, sample in ("running_mean", mean), ("running_var", variance):
            moved = momentum * bn_param[name] + (1 - momentum) * sample.array[0]
            bn_param[name] = moved.astype(x.dtype)
    else:
        deviation = np.sqrt(running_var + eps).astype(x.dtype)
        x_hat = (x - running_mean.astype(x.dtype)) / deviation
    return gamma * x_hat + beta, (x_hat, deviation)


def layernorm(x: Tensor, gamma: Tensor, beta: Tensor, ln_param: dict[str, Any]) -> Tensor:
    """gamma x_hat + beta, where each row of x (N, D) has mean 0 and variance 1 in x_hat."""
    return gamma * standardized(x, 1, ln_param.get("eps", 1e-5))[0] + beta


def spatial_batchnorm(
    x: Tensor, gamma: Tensor, beta: Tensor, bn_param: dict[str, Any]
) -> Tensor:  # fmt: skip
    """`batchnorm` of x (N, C, H, W) with the pixels as further examples; gamma and beta (C,)."""
    pixels = x.permute(0, 2, 3, 1)
    out, _ = batchnorm(pixels.reshape(-1, x.shape[1]), gamma, beta, bn_param)
    return out.reshape(pixels.shape).permute(0, 3, 1, 2)


def spatial_groupnorm(
    x: Tensor, gamma: Tensor, beta: Tensor, G: int, gn_param: dict[str, Any]
) -> Tensor:
    """x (N, C, H, W) standardised over each of G groups of channels; gamma, beta (1, C, 1, 1)."""
    groups = x.reshape(x.shape[0], G, -1)
    x_hat = standardized(groups, 2, gn_param.get("eps", 1e-5))[0].reshape(x.shape)
    return gamma * x_hat + beta


def mode(function: str, argument: str, param: dict[str, Any]) -> str:
    """Whether a layer is in "train" or "test" mode. Errors: ValueError if it does not say."""
    found = param.get("mode")
    if found not in ("train", "test"):
        expected = "'mode' to be 'train' or 'test'"
        raise ValueError(describe(function, argument, expected, repr(found)))
    return found
