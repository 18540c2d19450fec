"""Rprop: steps that only look at the signs of gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Steps against the sign of the gradient, with a length of its own for each element.

    The length starts at lr. It is multiplied by etas[1] where the gradient has the sign it had in
    the step before, by etas[0] where the sign changed, and kept between the two `step_sizes`.
    Where the sign changed, no step is made, and the next one counts as unchanged. `maximize`
    turns the gradient round. For gradients of the whole data set, not of batches.
    Errors: ValueError for a bad setting; as `Optimizer`. Source: Riedmiller and Braun (1993).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> (1000 * w).sum().backward(); tg.optim.Rprop([w], lr=0.1).step(); w
    Parameter containing:
    tensor([0.9000], requires_grad=True)
    """

    checked = ("lr", "etas")
    memories = ("prev", "step_size")

    def __init__(
        self, params: Iterable[Any], lr: Number = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, given(locals()))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        (lr,) = numbers(group, "lr")
        shorter, longer = map(float, group["etas"])
        least, most = map(float, group["step_sizes"])
        self.count(param)
        self.memory(param, "step_size", lr)
        for p, g, before, length, t, u in self.blocks(param, grad, group, *self.memories):
            where = u.view(np.bool_)[: u.size]
            np.multiply(g, before, t)
            np.multiply(length, longer, length, where=np.greater(t, 0, where))
            np.multiply(length, shorter, length, where=np.less(t, 0, where))
            np.clip(length, least, most, length)
            np.copyto(before, g)
            np.copyto(before, 0, where=where)
            np.sign(before, t)
            p -= np.multiply(t, length, t)
