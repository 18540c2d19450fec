"""Adam and AdamW: steps whose length does not depend on the scale of the gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .blocks import average, average_square
from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Steps along the mean of recent gradients, divided by the root of their mean square.

    With g = grad + weight_decay p: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, and
    p -= lr m' / (sqrt(v') + eps), where m' = m / (1 - b1^t) and v' = v / (1 - b2^t) undo the start
    at 0. `amsgrad` uses the largest v so far; `maximize` turns the gradient round;
    `decoupled_weight_decay` is that of `AdamW`.
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

    checked = ("lr", "eps", "betas", "weight_decay")
    memories = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
        amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, eps = numbers(group, "lr", "eps")
        beta1, beta2 = map(float, group["betas"])
        step = self.count(param)
        # lr m / c1 / (sqrt(v / c2) + eps) with the factors 1 - b^t drawn together
        root = (1 - beta2**step) ** 0.5
        rate = lr * root / (1 - beta1**step)
        names = self.memories if group["amsgrad"] else self.memories[:2]
        for p, g, m, v, *largest, t, _ in self.blocks(param, grad, group, *names):
            average(m, g, beta1, t)
            average_square(v, g, beta2, t)
            if largest:
                v = np.maximum(largest[0], v, out=largest[0])
            np.sqrt(v, t)
            t += eps * root
            np.divide(m, t, t)
            p -= np.multiply(t, rate, t)


class AdamW(Adam):
    """`Adam` with weight decay that shrinks the parameters themselves.

    p -= lr weight_decay p, then the step of Adam for the gradient alone. So the decay is not
    divided by the root of the mean square, as it is where it is added to the gradient.
    Errors: as `Adam`. Source: Loshchilov and Hutter (2019).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> optimizer = tg.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (0 * w).sum().backward(); optimizer.step(); w
    Parameter containing:
    tensor([0.9500], requires_grad=True)
    """

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 1e-2,
        amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        Optimizer.__init__(self, params, {**given(locals()), "decoupled_weight_decay": True})
