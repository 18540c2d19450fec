"""RAdam: Adam that waits until its mean square can be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .blocks import average, average_square
from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Steps along the mean of gradients alone at first, then more and more as `Adam`.

    With g, m and v as in `Adam`, and the number of gradients that v is a mean of,
    rho_t = rho - 2 t b2^t / (1 - b2^t) with rho = 2 / (1 - b2) - 1: while rho_t <= 5,
    p -= lr m / (1 - b1^t); then p -= lr r m / (1 - b1^t) sqrt(1 - b2^t) / (sqrt(v) + eps) with
    r^2 = (rho_t - 4)(rho_t - 2) rho / ((rho - 4)(rho - 2) rho_t), which grows to 1.
    `maximize` turns the gradient round; `decoupled_weight_decay` is that of `AdamW`.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Liu et al. (2020).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (3 * w).sum().backward(); tg.optim.RAdam([w], lr=0.1).step(); w
    Parameter containing:
    tensor([0.7000], requires_grad=True)
    """

    checked = ("lr", "eps", "betas", "weight_decay")
    memories = ("exp_avg", "exp_avg_sq")

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, eps = numbers(group, "lr", "eps")
        beta1, beta2 = map(float, group["betas"])
        step = self.count(param)
        rate, c2 = lr / (1 - beta1**step), 1 - beta2**step
        rho = 2 / (1 - beta2) - 1
        rho_t = rho - 2 * step * beta2**step / c2
        trusted = rho_t > 5
        if trusted:
            r2 = (rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t)
            rate *= (r2 * c2) ** 0.5
        for p, g, m, v, t, u in self.blocks(param, grad, group, *self.memories):
            average(m, g, beta1, t)
            average_square(v, g, beta2, t)
            np.multiply(m, rate, t)
            if trusted:
                np.sqrt(v, u)
                u += eps
                t /= u
            p -= t
