"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .blocks import average, average_square
from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Steps as `Adam`, along the mean of gradients as it will be in the next step.

    With g = grad + weight_decay p, m and v as in `Adam`, the momentum of step t
    mu_t = b1 (1 - 0.96^(t momentum_decay) / 2), and P_t = mu_1 ... mu_t:
    p -= lr ((1 - mu_t) / (1 - P_t) g + mu_(t+1) / (1 - P_(t+1)) m) / (sqrt(v / (1 - b2^t)) + eps).
    `maximize` turns the gradient round; `decoupled_weight_decay` is that of `AdamW`.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Dozat (2016).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (1000 * w).sum().backward(); tg.optim.NAdam([w], lr=0.1).step(); w
    Parameter containing:
    tensor([0.8944], requires_grad=True)
    """

    checked = ("lr", "eps", "betas", "weight_decay", "momentum_decay")
    memories = ("exp_avg", "exp_avg_sq")
    scalars = ("step", "mu_product")

    def __init__(
        self, params: Iterable[Any], lr: Number = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, eps, momentum_decay = numbers(group, "lr", "eps", "momentum_decay")
        beta1, beta2 = map(float, group["betas"])
        step = self.count(param)
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)) for t in (step, step + 1))
        product = self.scalar(param, "mu_product", 1.0)
        product *= mu
        root = (1 - beta2**step) ** 0.5
        rate_g = root * lr * (1 - mu) / (1 - product.item())
        rate_m = root * lr * mu_next / (1 - product.item() * mu_next)
        for p, g, m, v, t, u in self.blocks(param, grad, group, *self.memories):
            average(m, g, beta1, t)
            average_square(v, g, beta2, t)
            np.sqrt(v, t)
            t += eps * root
            np.multiply(g, rate_g, u)
            p -= np.divide(u, t, u)
            np.multiply(m, rate_m, u)
            p -= np.divide(u, t, u)
