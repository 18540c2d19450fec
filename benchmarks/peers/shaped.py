"""A step of a workload in a library shaped like PyTorch: what a user would write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workloads import Expression, Training


def start(torch: Any, workload: Training | Expression) -> Callable[[], tuple]:
    """A function that runs one step."""
    if isinstance(workload, Training):
        return training(torch, workload)
    return expression(torch, workload)


def forward(torch: Any, workload: Training) -> tuple[Callable[[], Any], list]:
    """A function that computes the loss; the parameters, and after them the data."""
    x, y = map(torch.from_numpy, workload.data())
    model = workload.model(torch.nn)
    names, parameters = zip(*model.named_parameters(), strict=True)
    arrays = workload.weights(names, [tuple(p.shape) for p in parameters])
    with torch.no_grad():
        for parameter, array in zip(parameters, arrays, strict=True):
            parameter.copy_(torch.from_numpy(array))
    return lambda: workload.loss(torch, model, x, y), [*parameters, x, y]


def training(torch: Any, workload: Training) -> Callable[[], tuple]:
    """Forward, backward, update; the result is the loss."""
    compute, (*parameters, _, _) = forward(torch, workload)
    optimizer = getattr(torch.optim, workload.optimizer)(parameters, **workload.settings)

    def step() -> tuple:
        loss = compute()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return (loss,)

    return step


def expression(torch: Any, workload: Expression) -> Callable[[], tuple]:
    """The value, and the gradients; without `backward` nothing is recorded."""
    inputs = [torch.from_numpy(array) for array in workload.inputs()]
    if not workload.backward:
        return lambda: (workload.compute(torch, *inputs),)
    wanted = [inputs[i].requires_grad_() for i in workload.differentiated()]
    out = workload.compute(torch, *inputs)
    g = torch.from_numpy(workload.upstream(tuple(out.shape)))

    def step() -> tuple:
        for x in wanted:
            x.grad = None
        out = workload.compute(torch, *inputs)
        out.backward(g)
        return (out, *[x.grad for x in wanted])

    return step


def numpy(value: Any) -> np.ndarray:
    """The array of a result."""
    return value.detach().numpy()
