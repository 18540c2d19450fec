"""ASGD: stochastic gradient descent with the mean of the parameters it passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Steps against the gradient, shorter and shorter, and averages where it was from step t0 on.

    With g = grad + weight_decay p and eta_t = lr / (1 + lambd lr t)^alpha:
    p -= eta_(t-1) (lambd p + g), and the mean `state[p]["ax"]` is p until step t0, then
    ax += (p - ax) / (t - t0). `maximize` turns the gradient round.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Polyak and Juditsky (1992).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (3 * w).sum().backward(); tg.optim.ASGD([w], lr=0.1).step(); w
    Parameter containing:
    tensor([0.7000], requires_grad=True)
    """

    checked = ("lr", "weight_decay")
    memories = ("ax",)
    scalars = ("step", "eta", "mu")

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
        t0: float = 1e6, weight_decay: float = 0, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, lambd, alpha, t0 = numbers(group, "lr", "lambd", "alpha", "t0")
        step = self.count(param)
        eta, mu = self.scalar(param, "eta", lr), self.scalar(param, "mu", 1.0)
        rate, weight = eta.item(), mu.item()
        for p, g, ax, t, _ in self.blocks(param, grad, group, "ax"):
            np.multiply(g, rate, t)
            p *= 1 - lambd * rate
            p -= t
            if weight == 1:
                ax[:] = p
            else:
                np.subtract(p, ax, t)
                ax += np.multiply(t, weight, t)
        eta[...] = lr / (1 + lambd * lr * step) ** alpha
        mu[...] = 1 / max(1, step - t0)
