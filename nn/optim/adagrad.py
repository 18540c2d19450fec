"""Adagrad: gradients divided by the root of the sum of their squares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Steps against the gradient, shorter where gradients were large or many.

    With g = grad + weight_decay p: s += g^2 from `initial_accumulator_value`, and in step t
    p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps). `maximize` turns the gradient round.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Duchi, Hazan and Singer (2011).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (1000 * w).sum().backward(); tg.optim.Adagrad([w], lr=0.1).step(); w
    Parameter containing:
    tensor([0.9000], requires_grad=True)
    """

    checked = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
    memories = ("sum",)

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-2, lr_decay: float = 0,
        weight_decay: float = 0, initial_accumulator_value: float = 0, eps: float = 1e-10,
        foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))
        for group in self.param_groups:
            for param in group["params"]:
                self._sum(param, group)

    def _sum(self, param: Tensor, group: dict[str, Any]) -> None:
        """Start the state of a parameter, if it has none."""
        self.scalar(param, "step")
        self.memory(param, "sum", *numbers(group, "initial_accumulator_value"))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, lr_decay, eps = numbers(group, "lr", "lr_decay", "eps")
        self._sum(param, group)
        rate = lr / (1 + (self.count(param) - 1) * lr_decay)
        for p, g, s, t, _ in self.blocks(param, grad, group, "sum"):
            s += np.square(g, t)
            np.sqrt(s, t)
            t += eps
            np.divide(g, t, t)
            p -= np.multiply(t, rate, t)
