"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .optimizer import Optimizer
from .settings import Number, given, numbers

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

    checked = ("lr", "momentum", "weight_decay")
    memories = ("momentum_buffer",)

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: Number = 0, nesterov: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def check(self, settings: dict[str, Any]) -> None:
        """Raise ValueError for settings that make no sense."""
        super().check(settings)
        momentum, dampening = settings["momentum"], settings["dampening"]
        if settings["nesterov"] and (momentum == 0 or dampening != 0):
            raise ValueError(
                "SGD: argument 'nesterov': expected a momentum above 0 and no dampening, got "
                f"momentum={momentum} and dampening={dampening}"
            )

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, momentum, dampening = numbers(group, "lr", "momentum", "dampening")
        if not momentum:
            for p, g, t, _ in self.blocks(param, grad, group):
                p -= np.multiply(g, lr, t)
            return
        first = self.state[param].get("momentum_buffer") is None
        for p, g, b, t, _ in self.blocks(param, grad, group, "momentum_buffer"):
            if first:
                b[:] = g
            else:
                b *= momentum
                b += np.multiply(g, 1 - dampening, t) if dampening else g
            if group["nesterov"]:
                np.multiply(b, momentum, t)
                t += g
                t *= lr
            else:
                np.multiply(b, lr, t)
            p -= t
