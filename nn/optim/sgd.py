"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor, make

from .optimizer import Optimizer, check_at_least_0, direction

__all__ = ["SGD"]


class SGD(Optimizer):
    """Steps against the gradient, with momentum if wanted.

    g = grad + weight_decay p; b = momentum b + (1 - dampening) g, and b = g in the first step;
    p -= lr b, with `nesterov` p -= lr (g + momentum b). `maximize` turns the gradient round.
    Units: the step is lr times the gradient, so lr scales with the loss (mean or sum).
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Sutskever et al. (2013).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
    >>> w.sum().backward(); optimizer.step(); w
    Parameter containing:
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def check(self, settings: dict[str, Any]) -> None:
        """Raise ValueError for settings that make no sense."""
        check_at_least_0("SGD", settings, "lr", "momentum", "weight_decay")
        momentum, dampening = settings["momentum"], settings["dampening"]
        if settings["nesterov"] and (momentum == 0 or dampening != 0):
            raise ValueError(
                "SGD: argument 'nesterov': expected a momentum above 0 and no dampening, got "
                f"momentum={momentum} and dampening={dampening}"
            )

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, momentum = float(group["lr"]), float(group["momentum"])
        if not momentum:
            for p, g, scratch, t in self.blocks(param, grad):
                np.multiply(direction(p, g, scratch, group), lr, t)
                np.subtract(p, t, p)
            return
        state = self.state[param]
        first = "momentum_buffer" not in state
        if first:
            state["momentum_buffer"] = make(np.zeros(param.shape, param.dtype), None)
        buffer = state["momentum_buffer"].array
        for p, g, b, scratch, t in self.blocks(param, grad, buffer):
            g = direction(p, g, scratch, group)
            if first:
                np.copyto(b, g)
            else:
                np.multiply(b, momentum, b)
                np.add(b, np.multiply(g, 1 - group["dampening"], t), b)
            if group["nesterov"]:
                np.multiply(b, momentum, t)
                np.multiply(np.add(t, g, t), lr, t)
            else:
                np.multiply(b, lr, t)
            np.subtract(p, t, p)
