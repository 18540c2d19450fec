"""RMSprop: gradients divided by the root of their mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .blocks import average, average_square
from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Steps against the gradient, divided by the root of the mean square of recent gradients.

    With g = grad + weight_decay p: v = alpha v + (1 - alpha) g^2, and p -= lr g / (sqrt(v) + eps).
    `centered` takes the variance v - m^2, m = alpha m + (1 - alpha) g, in place of v. With
    `momentum`: b = momentum b + g / (sqrt(v) + eps), p -= lr b. `maximize` turns the gradient
    round. Errors: ValueError for a bad setting; as `Optimizer`. Source: Hinton's lectures, 6e
    (2012); Graves (2013) for centered.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (1000 * w).sum().backward(); tg.optim.RMSprop([w], lr=0.01).step(); w
    Parameter containing:
    tensor([0.9000], requires_grad=True)
    """

    checked = ("lr", "eps", "momentum", "weight_decay", "alpha")
    memories = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False,
        capturable: bool = False, foreach: bool | None = None, maximize: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        lr, alpha, eps, momentum = numbers(group, "lr", "alpha", "eps", "momentum")
        centered = group["centered"]
        self.count(param)
        names = ["square_avg"] + ["momentum_buffer"] * (momentum > 0) + ["grad_avg"] * centered
        for p, g, v, *others, t, _ in self.blocks(param, grad, group, *names):
            average_square(v, g, alpha, t)
            if centered:
                m = others[-1]
                average(m, g, alpha, t)
                np.square(m, t)
                v = np.subtract(v, t, t)
            np.sqrt(v, t)
            t += eps
            d = np.divide(g, t, t)
            if momentum:
                b = others[0]
                b *= momentum
                b += d
                d = b
            p -= np.multiply(d, lr, t)
