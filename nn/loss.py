"""Losses as modules. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from tinygrad_edu.ops.loss import cross_entropy, mse_loss, nll_loss
from tinygrad_edu.tensor import Tensor

from .module import Module

__all__ = ["CrossEntropyLoss", "MSELoss", "NLLLoss"]


class MSELoss(Module):
    """Squared error, its mean over all elements by default; see `mse_loss`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.MSELoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return mse_loss(input, target, reduction=self.reduction)


class NLLLoss(Module):
    """Minus the log probability of the target class; see `nll_loss`.

    `weight` (K,) weighs the classes; it is a buffer.

    >>> import tinygrad_edu as tg
    >>> tg.nn.NLLLoss()(tg.log_softmax(tg.zeros(1, 2), dim=1), tg.tensor([0]))
    tensor(0.6931)
    """

    weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction = ignore_index, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of log probabilities against class numbers."""
        return nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class CrossEntropyLoss(Module):
    """Cross entropy of unnormalised scores against class numbers or probabilities, in nats.

    It contains the softmax: give it scores. `weight` (K,) weighs the classes; it is a buffer.
    See `cross_entropy` for shapes and errors.

    >>> import tinygrad_edu as tg
    >>> tg.nn.CrossEntropyLoss()(tg.zeros(1, 2), tg.tensor([0]))
    tensor(0.6931)
    """

    weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction = ignore_index, reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of scores against class numbers or probabilities."""
        return cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )
