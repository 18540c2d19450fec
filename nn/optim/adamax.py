"""Adamax: Adam with the largest of recent gradients in place of their mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .blocks import average
from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Steps along the mean of recent gradients, divided by the largest of them.

    With g = grad + weight_decay p: m = b1 m + (1 - b1) g, u = max(b2 u, |g| + eps), and
    p -= lr / (1 - b1^t) m / u. `maximize` turns the gradient round.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Kingma and Ba (2015), section 7.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (1000 * w).sum().backward(); tg.optim.Adamax([w], lr=0.1).step(); w
    Parameter containing:
    tensor([0.9000], requires_grad=True)
    """

    checked = ("lr", "eps", "betas", "weight_decay")
    memories = ("exp_avg", "exp_inf")

    def __init__(
        self, params: Iterable[Any], lr: Number = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, eps = numbers(group, "lr", "eps")
        beta1, beta2 = map(float, group["betas"])
        rate = lr / (1 - beta1 ** self.count(param))
        for p, g, m, u, t, _ in self.blocks(param, grad, group, *self.memories):
            average(m, g, beta1, t)
            np.abs(g, t)
            t += eps
            u *= beta2
            np.maximum(u, t, out=u)
            np.divide(m, u, t)
            p -= np.multiply(t, rate, t)
