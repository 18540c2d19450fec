"""tinygrad: the whole step, update included, is compiled (where the workload allows it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tinygrad import Context, Tensor, TinyJit
from tinygrad.nn import optim

from benchmarks.peers import small
from benchmarks.workloads import Expression, Training


class Functions:
    """PyTorch's names."""

    log, relu, sigmoid = Tensor.log, Tensor.relu, Tensor.sigmoid
    conv2d = Tensor.conv2d

    @staticmethod
    def flatten(x: Any) -> Any:
        return x.flatten(1)

    @staticmethod
    def linear(x: Any, w: Any, b: Any) -> Any:
        return x.linear(w.T, b)

    @staticmethod
    def max_pool2d(x: Any, size: int) -> Any:
        return x.max_pool2d((size, size))

    @staticmethod
    def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
        axes = (0, *range(2, x.ndim))
        mean, variance = x.mean(axes), x.var(axes, correction=0)
        return x.batchnorm(gamma, beta, mean, (variance + 1e-5).rsqrt())

    @staticmethod
    def cross_entropy(scores: Any, y: Any) -> Any:
        return scores.sparse_categorical_crossentropy(y)


TORCH = small.namespace(Functions)


def start(workload: Training | Expression) -> Callable[[], tuple]:
    """A function that runs one step, to its end."""
    return training(workload) if isinstance(workload, Training) else expression(workload)


def training(workload: Training) -> Callable[[], tuple]:
    x, y = workload.data()
    batch, targets = Tensor(x).realize(), Tensor(y).realize()
    model = workload.model(TORCH.nn)
    arrays = workload.weights(*model.named_shapes())
    weights = [Tensor(array).realize() for array in arrays]
    model.bind(weights)
    optimizer = getattr(optim, workload.optimizer)(weights, **workload.settings)

    @TinyJit
    def advance(batch: Any, targets: Any) -> Any:
        loss = workload.loss(TORCH, model, batch, targets)
        for weight, g in zip(weights, loss.gradient(*weights), strict=True):
            weight.grad = g
        return loss.realize(*optimizer.schedule_step())

    def step() -> tuple:
        with Context(TRAINING=1):
            return (advance(batch, targets).numpy(),)

    return step


def expression(workload: Expression) -> Callable[[], tuple]:
    inputs = [Tensor(array).realize() for array in workload.inputs()]
    wanted = workload.differentiated()

    def forward(*inputs: Any) -> tuple:
        return (workload.compute(TORCH, *inputs).realize(),)

    def with_gradients(g: Any, *inputs: Any) -> tuple:
        out = workload.compute(TORCH, *inputs)
        grads = out.gradient(*[inputs[i] for i in wanted], gradient=g)
        out.realize(*grads)
        return (out, *grads)

    if not workload.backward:
        run = TinyJit(forward)
        return lambda: numbers(run(*inputs))
    shape = tuple(workload.compute(TORCH, *inputs).shape)
    g = Tensor(workload.upstream(shape)).realize()
    run = TinyJit(with_gradients) if workload.compiled else with_gradients
    return lambda: numbers(run(g, *inputs))


def numbers(results: tuple) -> tuple:
    """The results, which are there only when their numbers have been asked for."""
    return tuple(value.numpy() for value in results)


numpy = np.asarray
