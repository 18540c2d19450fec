"""MyGrad, with its guard of memory off, as its documentation advises for speed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.layers import batchnorm, conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.peers import small
from benchmarks.peers.updates import update_rule
from benchmarks.workloads import Expression, Training

mg.turn_memory_guarding_off()


class Functions:
    """PyTorch's names."""

    log = staticmethod(mg.log)
    relu, sigmoid, cross_entropy = map(staticmethod, (relu, sigmoid, softmax_crossentropy))

    @staticmethod
    def flatten(x: Any) -> Any:
        return x.reshape(len(x), -1)

    @staticmethod
    def linear(x: Any, w: Any, b: Any) -> Any:
        return mg.matmul(x, w.T) + b

    @staticmethod
    def conv2d(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> Any:
        return conv_nd(x, w, stride=stride, padding=padding) + b.reshape(-1, 1, 1)

    @staticmethod
    def max_pool2d(x: Any, size: int) -> Any:
        return max_pool(x, (size, size), size)

    @staticmethod
    def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
        return batchnorm(x, gamma=gamma, beta=beta, eps=1e-5)


TORCH = small.namespace(Functions)


def start(workload: Training | Expression) -> Callable[[], tuple]:
    """A function that runs one step."""
    return training(workload) if isinstance(workload, Training) else expression(workload)


def training(workload: Training) -> Callable[[], tuple]:
    x, y = workload.data()
    batch = mg.tensor(x, constant=True, copy=False)
    model = workload.model(TORCH.nn)
    rule = update_rule(workload)
    weights = [mg.tensor(array) for array in workload.weights(*model.named_shapes())]
    states: list[Any] = [None] * len(weights)

    def step() -> tuple:
        nonlocal weights, states
        model.bind(weights)
        loss = workload.loss(TORCH, model, batch, y)
        loss.backward()
        updated = map(rule, [w.data for w in weights], [w.grad for w in weights], states)
        arrays, states = zip(*updated, strict=True)
        weights = [mg.tensor(array, copy=False) for array in arrays]
        return (loss,)

    return step


def expression(workload: Expression) -> Callable[[], tuple]:
    wanted = workload.differentiated()
    inputs = [
        mg.tensor(array, constant=place not in wanted)
        for place, array in enumerate(workload.inputs())
    ]
    if not workload.backward:
        return lambda: (workload.compute(TORCH, *inputs),)
    g = workload.upstream(workload.compute(TORCH, *inputs).shape)

    def step() -> tuple:
        out = workload.compute(TORCH, *inputs)
        out.backward(g)  # forgets the gradients of the step before
        return (out, *[inputs[i].grad for i in wanted])

    return step


def numpy(value: Any) -> np.ndarray:
    """The array of a result."""
    return np.asarray(getattr(value, "data", value) if isinstance(value, mg.Tensor) else value)
