"""What the losses share, and the squared error. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from typing import Any, NoReturn

from tinygrad_edu.errors import SettingError, ShapeError
from tinygrad_edu.hints import warn_of_unequal
from tinygrad_edu.op import composite
from tinygrad_edu.ops.reduce import mean, sum
from tinygrad_edu.tensor import Tensor

__all__ = ["mse_loss"]


def reduced(name: str, losses: Any, reduction: str) -> Any:
    """The losses themselves, their sum, or their mean over all elements."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return sum(losses)
    if reduction == "mean":
        return mean(losses)
    refuse_reduction(name, reduction)


def refuse_reduction(name: str, reduction: str) -> NoReturn:
    raise SettingError(
        f"{name}: argument 'reduction': expected 'mean', 'sum' or 'none', got {reduction!r}"
    )


def difference(name: str, input: Any, target: Any) -> Any:
    """input - target, with a warning where they broadcast."""
    warn_of_unequal(name, input, target)
    return input - target


def weighted(losses: Any, weight: Any, input: Any) -> Any:
    """The losses times `weight`, which has the shape of the input, if there is one."""
    if weight is None:
        return losses
    if weight.shape != input.shape:
        raise ShapeError(
            f"argument 'weight': expected the input's shape {input.shape}, got {weight.shape}"
        )
    return losses * weight


def averaged(name: str, losses: Any, reduction: str, weight: Any) -> Any:
    """Reduced, where the mean of weighted losses is their sum over the sum of the weights."""
    if weight is not None and reduction == "mean":
        return sum(losses) / sum(weight)
    return reduced(name, losses, reduction)


@composite
def mse_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Squared error (input - target)^2, its mean over all elements by default.

    Shapes: all the same; input and target of different ones broadcast with a warning. With
    `weight` the mean is the weighted one, divided by the sum of the weights.
    Gradient: 2 g (input - target) / n for "mean".

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    d = difference("mse_loss", input, target)
    return averaged("mse_loss", weighted(d * d, weight, input), reduction, weight)
