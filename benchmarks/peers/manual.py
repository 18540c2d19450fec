"""NumPy alone, with every gradient by hand, as course documents write it.

Layers with a cache between forward and backward, convolution by im2col, update rules that make new
arrays. This is good vectorized code, and as fast as most students' networks get.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import workloads
from benchmarks.peers import small
from benchmarks.peers.updates import update_rule
from benchmarks.workloads import DECAY, SPARSITY, Array, Expression, Training

# --- layers: forward keeps what backward needs ---------------------------------------------------


class Linear(small.Layer):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(weight=(outputs, inputs), bias=(outputs,))

    def forward(self, x: Array) -> Array:
        self.x = x
        return x @ self.weight.T + self.bias

    def backward(self, g: Array) -> Array:
        self.grads = [g.T @ self.x, g.sum(axis=0)]
        return g @ self.weight


class Conv2d(small.Layer):
    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0):
        super().__init__(weight=(outputs, inputs, size, size), bias=(outputs,))
        self.stride, self.padding = stride, padding

    def forward(self, x: Array) -> Array:
        self.shape, (f, _, kh, kw) = x.shape, self.weight.shape
        n, c, h, w = x.shape
        p, s = self.padding, self.stride
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        oh, ow = (h + 2 * p - kh) // s + 1, (w + 2 * p - kw) // s + 1
        sn, sc, sh, sw = padded.strides
        windows = np.lib.stride_tricks.as_strided(
            padded, (c, kh, kw, n, oh, ow), (sc, sh, sw, sn, s * sh, s * sw)
        )
        self.columns = np.ascontiguousarray(windows).reshape(c * kh * kw, n * oh * ow)
        out = self.weight.reshape(f, -1) @ self.columns + self.bias[:, None]
        return out.reshape(f, n, oh, ow).transpose(1, 0, 2, 3)

    def backward(self, g: Array) -> Array:
        (n, c, h, w), (f, _, kh, kw) = self.shape, self.weight.shape
        p, s = self.padding, self.stride
        oh, ow = g.shape[2:]
        rows = g.transpose(1, 0, 2, 3).reshape(f, -1)
        self.grads = [(rows @ self.columns.T).reshape(self.weight.shape), g.sum(axis=(0, 2, 3))]
        columns = (self.weight.reshape(f, -1).T @ rows).reshape(c, kh, kw, n, oh, ow)
        padded = np.zeros((n, c, h + 2 * p, w + 2 * p), g.dtype)
        for i in range(kh):
            for j in range(kw):
                place = padded[:, :, i : i + s * oh : s, j : j + s * ow : s]
                place += columns[:, i, j].transpose(1, 0, 2, 3)
        return padded[:, :, p : p + h, p : p + w]


class MaxPool2d(small.Layer):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.grads = size, []

    def forward(self, x: Array) -> Array:
        n, c, h, w = x.shape
        k = self.size
        self.windows = x.reshape(n, c, h // k, k, w // k, k)
        self.out = self.windows.max(axis=3).max(axis=4)
        return self.out

    def backward(self, g: Array) -> Array:
        mask = self.windows == self.out[:, :, :, None, :, None]
        shared = g / mask.sum(axis=(3, 5))  # equals share the gradient
        dx = mask * shared[:, :, :, None, :, None]
        n, c, h, k, w, _ = dx.shape
        return dx.astype(g.dtype, copy=False).reshape(n, c, h * k, w * k)


class BatchNorm(small.Layer):
    def __init__(self, channels: int) -> None:
        super().__init__(weight=(channels,), bias=(channels,))

    def forward(self, x: Array) -> Array:
        self.axes, self.wide = (0, *range(2, x.ndim)), (-1,) + (1,) * (x.ndim - 2)
        mean = x.mean(axis=self.axes, keepdims=True)
        self.deviation = np.sqrt(x.var(axis=self.axes, keepdims=True) + 1e-5)
        self.normal = (x - mean) / self.deviation
        return self.weight.reshape(self.wide) * self.normal + self.bias.reshape(self.wide)

    def backward(self, g: Array) -> Array:
        self.grads = [(g * self.normal).sum(axis=self.axes), g.sum(axis=self.axes)]
        dn = g * self.weight.reshape(self.wide)
        mean, shared = (v.mean(axis=self.axes, keepdims=True) for v in (dn, dn * self.normal))
        return (dn - mean - self.normal * shared) / self.deviation


class ReLU(small.Layer):
    grads: list = []

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.maximum(x, 0)

    def backward(self, g: Array) -> Array:
        return g * (self.x > 0)


class Sigmoid(small.Layer):
    grads: list = []

    def forward(self, x: Array) -> Array:
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, g: Array) -> Array:
        return g * self.out * (1 - self.out)


class Flatten(small.Layer):
    grads: list = []

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, g: Array) -> Array:
        return g.reshape(self.shape)


class nn:  # what a workload's model is built of
    Linear, Conv2d, MaxPool2d, ReLU, Sigmoid, Flatten = (
        Linear, Conv2d, MaxPool2d, ReLU, Sigmoid, Flatten,
    )  # fmt: skip
    BatchNorm1d = BatchNorm2d = BatchNorm
    Sequential = small.Sequential


def forward(layers: list, x: Array) -> Array:
    for layer in layers:
        x = layer.forward(x)
    return x


def backward(layers: list, g: Array) -> None:
    for layer in reversed(layers):
        g = layer.backward(g)


# --- losses: value, and backward through the layers ----------------------------------------------


def cross_entropy(layers: list, x: Array, y: Array) -> Any:
    scores = forward(layers, x)
    shifted = scores - scores.max(axis=1, keepdims=True)
    sums = np.exp(shifted).sum(axis=1, keepdims=True)
    logs = shifted - np.log(sums)
    rows = np.arange(len(y))
    g = np.exp(logs)
    g[rows, y] -= 1
    backward(layers, g / len(y))
    return -logs[rows, y].mean()


def decay(layers: list) -> Any:
    """Half the squares of the weights; their gradient is added to that of the data."""
    total = np.float32(0)
    for layer in layers:
        if isinstance(layer, Linear):
            total += 0.5 * DECAY * np.sum(layer.weight * layer.weight)
            layer.grads[0] += DECAY * layer.weight
    return total


def decayed_cross_entropy(layers: list, x: Array, y: Array) -> Any:
    return cross_entropy(layers, x, y) + decay(layers)


def sparse_reconstruction(layers: list, x: Array, y: Array) -> Any:
    encoder, decoder, rho = layers[:2], layers[2:], SPARSITY
    hidden = forward(encoder, x)
    active = hidden.mean(axis=0)
    error = forward(decoder, hidden) - x
    g = error / len(x)
    for layer in reversed(decoder):
        g = layer.backward(g)
    backward(encoder, g + 3.0 / len(x) * ((1 - rho) / (1 - active) - rho / active))
    divergence = rho * np.log(rho / active) + (1 - rho) * np.log((1 - rho) / (1 - active))
    squared = 0.5 * np.sum(error * error) / len(x)
    return squared + 3.0 * divergence.sum() + decay(layers)


def hinge(layers: list, x: Array, y: Array) -> Any:
    margins = 1 - y * forward(layers, x)
    backward(layers, -y * (margins > 0) / np.float32(len(x)))
    return np.maximum(margins, 0).mean()


LOSSES = {
    workloads.cross_entropy: cross_entropy,
    workloads.decayed_cross_entropy: decayed_cross_entropy,
    workloads.sparse_reconstruction: sparse_reconstruction,
    workloads.hinge: hinge,
}


# --- steps --------------------------------------------------------------------------------------


def start(workload: Training | Expression) -> Callable[[], tuple]:
    """A function that runs one step. Raises NotImplementedError for what nobody wrote by hand."""
    return training(workload) if isinstance(workload, Training) else expression(workload)


def training(workload: Training) -> Callable[[], tuple]:
    x, y = workload.data()
    model = workload.model(nn)
    layers, loss, rule = list(model), LOSSES[workload.loss], update_rule(workload)
    weights = workload.weights(*model.named_shapes())
    states: list[Any] = [None] * len(weights)

    def step() -> tuple:
        nonlocal weights, states
        model.bind(weights)
        value = loss(layers, x, y)
        grads = [g for layer in layers for g in layer.grads]
        weights, states = zip(*map(rule, weights, grads, states), strict=True)
        return (value,)

    return step


def expression(workload: Expression) -> Callable[[], tuple]:
    inputs = workload.inputs()
    if workload.compute is workloads.chain:
        return lambda: chain(*inputs, workload.upstream(inputs[0].shape))
    makers = {"W8": (3, 25, 3, 2, 1), "W8b": (64, 64, 3, 1, 1)}
    name = workload.name.removesuffix("f")
    if name in makers:
        layer: Any = Conv2d(*makers[name])
    elif name == "W9":
        layer = MaxPool2d(2)
    else:
        raise NotImplementedError(f"{workload.name} is not written by hand")
    x, *parameters = inputs
    layer.bind(iter(parameters))
    g = workload.upstream(layer.forward(x).shape)

    def step() -> tuple:
        out = layer.forward(x)
        if not workload.backward:
            return (out,)
        return (out, layer.backward(g), *layer.grads)

    return step


def chain(x: Array, w: Array, g: Array) -> tuple:
    y = x
    for _ in range(500):
        y = y * w + x
    gx = np.zeros_like(x)
    for _ in range(500):
        gx = gx + g
        g = g * w
    return y, gx + g


numpy = np.asarray
