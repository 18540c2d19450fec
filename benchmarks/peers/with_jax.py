"""JAX: the whole step, update included, is compiled (where the workload allows it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.peers import small
from benchmarks.peers.updates import update_rule
from benchmarks.workloads import Expression, Training

jax.config.update("jax_enable_x64", True)  # without it float64 is not to be had


class Functions:
    """PyTorch's names."""

    log, relu, sigmoid = jnp.log, jax.nn.relu, jax.nn.sigmoid

    @staticmethod
    def flatten(x: Any) -> Any:
        return x.reshape(len(x), -1)

    @staticmethod
    def linear(x: Any, w: Any, b: Any) -> Any:
        return x @ w.T + b

    @staticmethod
    def conv2d(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> Any:
        out = lax.conv_general_dilated(x, w, (stride, stride), ((padding, padding),) * 2)
        return out + b[:, None, None]

    @staticmethod
    def max_pool2d(x: Any, size: int) -> Any:
        window = (1, 1, size, size)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")

    @staticmethod
    def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
        axes = (0, *range(2, x.ndim))
        mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        shape = (-1,) + (1,) * (x.ndim - 2)
        normal = (x - mean) * lax.rsqrt(variance + 1e-5)
        return normal * gamma.reshape(shape) + beta.reshape(shape)

    @staticmethod
    def cross_entropy(scores: Any, y: Any) -> Any:
        return -jax.nn.log_softmax(scores)[jnp.arange(len(y)), y].mean()


TORCH = small.namespace(Functions)


def start(workload: Training | Expression) -> Callable[[], tuple]:
    """A function that runs one step, to its end."""
    return training(workload) if isinstance(workload, Training) else expression(workload)


def training(workload: Training) -> Callable[[], tuple]:
    x, y = map(jnp.asarray, workload.data())
    model = workload.model(TORCH.nn)
    rule = update_rule(workload)
    weights = [jnp.asarray(array) for array in workload.weights(*model.named_shapes())]
    states: list[Any] = [None] * len(weights)

    def loss(weights: list, x: Any, y: Any) -> Any:
        model.bind(weights)
        return workload.loss(TORCH, model, x, y)

    @jax.jit
    def advance(weights: list, states: list, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(weights, x, y)
        return value, *zip(*map(rule, weights, grads, states), strict=True)

    def step() -> tuple:
        nonlocal weights, states
        value, weights, states = jax.block_until_ready(advance(list(weights), list(states), x, y))
        return (value,)

    return step


def expression(workload: Expression) -> Callable[[], tuple]:
    inputs = [jnp.asarray(array) for array in workload.inputs()]
    wanted = workload.differentiated()

    def value(*chosen: Any) -> Any:
        given = list(inputs)
        for place, x in zip(wanted, chosen, strict=True):
            given[place] = x
        return workload.compute(TORCH, *given)

    def with_gradients(g: Any, *chosen: Any) -> tuple:
        out, backward = jax.vjp(value, *chosen)
        return (out, *backward(g))

    if not workload.backward:  # arrays that are closed over would be taken as constants
        run = jax.jit(lambda *given: (workload.compute(TORCH, *given),))
        return lambda: jax.block_until_ready(run(*inputs))
    run = jax.jit(with_gradients) if workload.compiled else with_gradients
    chosen = [inputs[i] for i in wanted]
    g = jnp.asarray(workload.upstream(value(*chosen).shape))
    return lambda: jax.block_until_ready(run(g, *chosen))


def numpy(value: Any) -> np.ndarray:
    """The array of a result."""
    return np.asarray(value)
