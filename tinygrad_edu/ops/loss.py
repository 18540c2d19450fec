"""What the losses share, and the squared error. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from math import nan, prod
from typing import Any, NoReturn

import numpy as np

from tinygrad_edu.dtypes import wide
from tinygrad_edu.errors import SettingError, ShapeError
from tinygrad_edu.hints import warn_of_unequal
from tinygrad_edu.op import composite, op
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


@op(name="mse_loss", extras=("difference",))
def squared_error(input: Any, target: Any, /, reduction: str) -> Any:
    """The squares of input - target, reduced: behind `mse_loss`.

    Gradient: 2 g (input - target), divided by their number for "mean"; its negative for `target`.
    """
    difference = np.asarray(input - target)
    squares = difference * difference
    if reduction == "none":
        return squares, difference
    kind = wide(squares.dtype)
    out = np.add.reduce(squares, None, kind) / _count(reduction, squares.shape)
    return out if kind is squares.dtype else out.astype(squares.dtype), difference


@squared_error.rule
def squared_error_rule(g, input, target, reduction, need):
    difference = input - target
    gi = g * (difference * (2 / _count(reduction, difference.shape)))
    return gi if need[0] else None, -gi if need[1] else None


@squared_error.fused
def squared_error_fused(g, difference, reduction, need):
    gi = difference * (g * (2 / _count(reduction, difference.shape)))
    return gi if need[0] else None, -gi if need[1] else None


def _count(reduction: str, shape: tuple) -> float:
    """What the sum of the losses is divided by; nan for the mean of none."""
    return (prod(shape) or nan) if reduction == "mean" else 1


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
    if weight is None and input.dtype.kind == target.dtype.kind == "f":
        warn_of_unequal("mse_loss", input, target)
        if reduction not in ("mean", "sum", "none"):
            refuse_reduction("mse_loss", reduction)
        return squared_error(input, target, reduction)
    d = difference("mse_loss", input, target)
    return averaged("mse_loss", weighted(d * d, weight, input), reduction, weight)
