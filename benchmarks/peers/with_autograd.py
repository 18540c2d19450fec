"""HIPS autograd: NumPy's functions, wrapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import make_vjp, value_and_grad
from autograd.scipy.signal import convolve

from benchmarks.peers import small
from benchmarks.peers.updates import update_rule
from benchmarks.workloads import Expression, Training


class Functions:
    """PyTorch's names; convolution and pooling as in autograd's own examples."""

    log = anp.log

    @staticmethod
    def relu(x: Any) -> Any:
        return anp.maximum(x, 0)

    @staticmethod
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + anp.exp(-x))

    @staticmethod
    def flatten(x: Any) -> Any:
        return x.reshape((len(x), -1))

    @staticmethod
    def linear(x: Any, w: Any, b: Any) -> Any:
        return anp.dot(x, w.T) + b

    @staticmethod
    def conv2d(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> Any:
        border = ((0, 0), (0, 0), (padding, padding), (padding, padding))
        padded, flipped = anp.pad(x, border, "constant"), w[:, :, ::-1, ::-1]
        out = convolve(padded, flipped, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")
        return out[:, :, ::stride, ::stride] + b[:, None, None]

    @staticmethod
    def max_pool2d(x: Any, size: int) -> Any:
        n, c, h, w = x.shape
        return anp.max(x.reshape((n, c, h // size, size, w // size, size)), axis=(3, 5))

    @staticmethod
    def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
        axes = (0, *range(2, x.ndim))
        mean = anp.mean(x, axis=axes, keepdims=True)
        variance = anp.var(x, axis=axes, keepdims=True)
        shape = (-1,) + (1,) * (x.ndim - 2)
        normal = (x - mean) / anp.sqrt(variance + 1e-5)
        return normal * gamma.reshape(shape) + beta.reshape(shape)

    @staticmethod
    def cross_entropy(scores: Any, y: Any) -> Any:
        shifted = scores - anp.max(scores, axis=1, keepdims=True)
        logs = shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True))
        return -anp.mean(logs[anp.arange(len(y)), y])


TORCH = small.namespace(Functions)


def start(workload: Training | Expression) -> Callable[[], tuple]:
    """A function that runs one step."""
    return training(workload) if isinstance(workload, Training) else expression(workload)


def training(workload: Training) -> Callable[[], tuple]:
    x, y = workload.data()
    model = workload.model(TORCH.nn)
    rule = update_rule(workload)
    weights = workload.weights(*model.named_shapes())
    states: list[Any] = [None] * len(weights)

    def loss(weights: list) -> Any:
        model.bind(weights)
        return workload.loss(TORCH, model, x, y)

    differentiated = value_and_grad(loss)

    def step() -> tuple:
        nonlocal weights, states
        value, grads = differentiated(list(weights))
        weights, states = zip(*map(rule, weights, grads, states), strict=True)
        return (value,)

    return step


def expression(workload: Expression) -> Callable[[], tuple]:
    inputs = workload.inputs()
    wanted = workload.differentiated()
    if not workload.backward:
        return lambda: (workload.compute(TORCH, *inputs),)
    g = workload.upstream(workload.compute(TORCH, *inputs).shape)

    def value(chosen: tuple) -> Any:
        given = list(inputs)
        for place, x in zip(wanted, chosen, strict=True):
            given[place] = x
        return workload.compute(TORCH, *given)

    def step() -> tuple:
        backward, out = make_vjp(value)(tuple(inputs[i] for i in wanted))
        return (out, *backward(g))

    return step


numpy = np.asarray
