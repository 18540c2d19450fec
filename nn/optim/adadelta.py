"""Adadelta: steps as long as recent steps were."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .blocks import average_square
from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Steps against the gradient, scaled from the size of gradients to the size of past steps.

    With g = grad + weight_decay p: v = rho v + (1 - rho) g^2, d = sqrt(u + eps) / sqrt(v + eps) g,
    u = rho u + (1 - rho) d^2, p -= lr d. `maximize` turns the gradient round.
    Units: a step has those of the parameter, so lr is a plain number.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Zeiler (2012).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (1000 * w).sum().backward(); tg.optim.Adadelta([w], lr=10).step(); w
    Parameter containing:
    tensor([0.9684], requires_grad=True)
    """

    checked = ("lr", "rho", "eps", "weight_decay")
    memories = ("square_avg", "acc_delta")

    def __init__(
        self, params: Iterable[Any], lr: Number = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0, foreach: bool | None = None, *, capturable: bool = False,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, rho, eps = numbers(group, "lr", "rho", "eps")
        self.count(param)
        for p, g, v, u, t, d in self.blocks(param, grad, group, *self.memories):
            average_square(v, g, rho, t)
            np.add(u, eps, d)
            d /= np.add(v, eps, t)
            np.sqrt(d, d)
            d *= g
            average_square(u, d, rho, t)
            p -= np.multiply(d, lr, d)
