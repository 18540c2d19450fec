"""Adam: steps whose length does not depend on the scale of the gradients."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor, make

from .optimizer import Optimizer, check_at_least_0, direction

__all__ = ["Adam"]


class Adam(Optimizer):
    """Steps along the mean of recent gradients, divided by the root of their mean square.

    With g = grad + weight_decay p: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, and
    p -= lr m' / (sqrt(v') + eps), where m' = m / (1 - b1^t) and v' = v / (1 - b2^t) undo the start
    at 0. `amsgrad` uses the largest v so far; `maximize` turns the gradient round.
    Units: the step of an element is at most about lr, whatever the scale of the loss.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Kingma and Ba (2015); Reddi et
    al. (2018) for amsgrad.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> optimizer = tg.optim.Adam([w], lr=0.1)
    >>> (1000 * w).sum().backward(); optimizer.step(); w
    Parameter containing:
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "amsgrad": amsgrad, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def check(self, settings: dict[str, Any]) -> None:
        """Raise ValueError for settings that make no sense."""
        check_at_least_0("Adam", settings, "lr", "eps", "weight_decay")
        betas = settings["betas"]
        pair = isinstance(betas, (tuple, list)) and len(betas) == 2
        if not pair or not all(isinstance(b, Real) and 0 <= float(b) < 1 for b in betas):
            expected = "two numbers from 0 to below 1"
            raise ValueError(describe("Adam", "betas", expected, repr(betas)))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        state = self.state[param]
        if not state:
            state["step"] = make(np.zeros((), np.float32), None)
            for key in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")[: 2 + group["amsgrad"]]:
                state[key] = make(np.zeros(param.shape, param.dtype), None)
        state["step"].array += 1
        step = state["step"].array.item()
        (beta1, beta2), amsgrad = group["betas"], group["amsgrad"]
        # p -= lr / c1 m / (sqrt(v / c2) + eps), with the factors drawn together
        c1, root = 1 - beta1**step, (1 - beta2**step) ** 0.5
        eps, rate = float(group["eps"] * root), float(group["lr"] * root / c1)
        memories = [state["exp_avg"].array, state["exp_avg_sq"].array]
        memories += [state["max_exp_avg_sq"].array] if amsgrad else []
        for p, g, m, v, *largest, scratch, t in self.blocks(param, grad, *memories):
            g = direction(p, g, scratch, group)
            np.add(m, np.multiply(np.subtract(g, m, t), 1 - beta1, t), m)
            np.multiply(v, beta2, v)
            np.add(v, np.multiply(np.multiply(g, g, t), 1 - beta2, t), v)
            if amsgrad:
                v = np.maximum(largest[0], v, out=largest[0])
            np.add(np.sqrt(v, t), eps, t)
            np.subtract(p, np.multiply(np.divide(m, t, t), rate, t), p)
