"""SGD and Adam on arrays, as course documents write them: new arrays at every step.

They run on NumPy's arrays and on JAX's. `state` is what the update before returned, None at first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.workloads import Training


def update_rule(workload: Training) -> Callable[[Any, Any, Any], tuple]:
    """(parameter, gradient, state) -> (new parameter, new state), with the workload's settings."""
    rule = {"SGD": sgd, "Adam": adam}[workload.optimizer]
    return lambda w, dw, state: rule(w, dw, state, **workload.settings)


def sgd(
    w: Any, dw: Any, state: Any, lr: float, momentum: float = 0.0, nesterov: bool = False
) -> tuple:
    """The velocity is PyTorch's, which the learning rate multiplies at the end."""
    if not momentum:
        return w - lr * dw, state
    v = dw if state is None else momentum * state + dw
    return w - lr * (dw + momentum * v if nesterov else v), v


def adam(
    w: Any, dw: Any, state: Any, lr: float, betas: tuple = (0.9, 0.999), eps: float = 1e-8
) -> tuple:
    """Both means corrected for their start at 0."""
    m, v, t = (0 * w, 0 * w, 0) if state is None else state
    first, second = betas
    t = t + 1
    m = first * m + (1 - first) * dw
    v = second * v + (1 - second) * (dw * dw)
    mean, square = m / (1 - first**t), v / (1 - second**t)
    return w - lr * mean / (square**0.5 + eps), (m, v, t)
