"""Losses: how far predictions are from targets. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, SettingError, ShapeError
from tinygrad_edu.hints import warn_of_squashed, warn_of_unequal
from tinygrad_edu.op import composite
from tinygrad_edu.ops.activation import log_softmax
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.indexing import gather, getitem
from tinygrad_edu.ops.reduce import mean, sum
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__ = ["cross_entropy", "mse_loss", "nll_loss"]


def reduced(name: str, losses: Any, reduction: str) -> Any:
    """The losses themselves, their sum, or their mean over all elements."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return sum(losses)
    if reduction == "mean":
        return mean(losses)
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


@composite
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Negative log likelihood: minus the log probability of the target class.

    Shapes: input (K,), (N, K) or (N, K, ...) of log probabilities, target (), (N,) or (N, ...) of
    class numbers. `weight` (K,) weighs the classes; targets equal to `ignore_index` count
    nothing. "mean" divides by the weights of the targets that count (nan if there are none).
    Gradient: -g weight at the target classes.
    Errors: DimensionError for a class number outside 0..K-1, ShapeError, DTypeError.

    >>> import tinygrad_edu as tg
    >>> logp = tg.log_softmax(tg.tensor([[1.0, 1.0]]), dim=1)
    >>> tg.nn.functional.nll_loss(logp, tg.tensor([0]))
    tensor(0.6931)
    """
    axis = _class_dim("nll_loss", input, target)
    counts, labels = class_labels("nll_loss", target, input.shape[axis], ignore_index)
    picked = gather(input, axis, np.expand_dims(labels, axis))
    picked = -reshape(picked, target.shape)
    weights: Any = counts.astype(input.dtype)
    if weight is not None:
        check_weight("nll_loss", weight, input.shape[axis])
        if weight.dtype != input.dtype:
            raise DTypeError(
                f"nll_loss: argument 'weight': expected {input.dtype} as the input has, got "
                f"{weight.dtype}; convert it"
            )
        weights = getitem(weight, labels) * counts
    losses = _masked(picked, counts) * weights
    if reduction == "mean":
        return sum(losses) / sum(weights)
    return reduced("nll_loss", losses, reduction)


def _masked(losses: Any, counts: np.ndarray) -> Any:
    """Ignored places hold a number whatever the input was: there 0 times inf must be 0."""
    return losses if counts.all() else where(counts, losses, 0.0)


def _class_dim(name: str, input: Any, target: Any) -> int:
    axis = 0 if input.ndim == 1 else 1
    expected = (*input.shape[:axis], *input.shape[axis + 1 :])
    if input.ndim == 0 or target.shape != expected:
        raise ShapeError(
            f"{name}: argument 'target': expected shape {expected} of class numbers for input "
            f"{input.shape}, got {target.shape}"
        )
    return axis


def class_labels(
    name: str, target: Any, K: int, ignore_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which targets count, and the class numbers with 0 in place of those that do not."""
    labels = np.asarray(target.array if isinstance(target, Tensor) else target)
    if labels.dtype.kind not in "iu":
        raise DTypeError(
            f"{name}: argument 'target': expected integer class numbers, got {labels.dtype}; "
            "use .long()"
        )
    counts = labels != ignore_index
    wrong = labels[counts & ((labels < 0) | (labels >= K))]
    if wrong.size:
        raise DimensionError(
            f"{name}: argument 'target': expected class numbers 0 to {K - 1}, got {wrong[0]}"
        )
    return counts, np.where(counts, labels, 0)


def check_weight(name: str, weight: Any, K: int) -> None:
    if weight.shape != (K,):
        raise ShapeError(
            f"{name}: argument 'weight': expected one weight per class, shape ({K},), got "
            f"{weight.shape}"
        )


@composite
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Cross entropy between softmax(input) and the target, in nats; the mean by default.

    Shapes: input (K,), (N, K) or (N, K, ...) of unnormalised scores (do not apply softmax to
    them); target of class numbers without the K dim, or of probabilities with the shape of input.
    `weight` (K,) weighs the classes; class numbers equal to `ignore_index` count nothing.
    `label_smoothing` mixes the target with the uniform distribution. "mean" divides by the weights
    of the targets that count, for probabilities by their number.
    Gradient: g (softmax(input) - target) / N for "mean".
    Errors: DimensionError for a class number outside 0..K-1, ShapeError, DTypeError.

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros(1, 4, requires_grad=True)
    >>> loss = tg.nn.functional.cross_entropy(x, tg.tensor([2])); loss.backward(); x.grad
    tensor([[ 0.2500,  0.2500, -0.7500,  0.2500]])
    """
    if not 0 <= label_smoothing <= 1:
        raise SettingError(
            f"cross_entropy: argument 'label_smoothing': expected 0 to 1, got {label_smoothing}"
        )
    warn_of_squashed("cross_entropy", input, "softmax", "leave softmax out")
    axis = 0 if input.ndim == 1 else 1
    logp = log_softmax(input, axis)
    if target.dtype.kind == "f" and target.shape == input.shape:
        if ignore_index >= 0:
            raise DTypeError(
                "cross_entropy: argument 'target': expected class numbers, of which "
                f"ignore_index={ignore_index} is one, got probabilities"
            )
        K = input.shape[axis]
        smooth = target * (1 - label_smoothing) + label_smoothing / K if label_smoothing else target
        losses = -sum(logp * smooth * _class_weights(weight, input, axis), axis)
        if reduction == "mean":
            return sum(losses) / math.prod(losses.shape)
        return reduced("cross_entropy", losses, reduction)
    hard = nll_loss(logp, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return hard
    smooth = _uniform_loss(logp, target, weight, ignore_index, reduction, axis)
    return hard * (1 - label_smoothing) + smooth * (label_smoothing / input.shape[axis])


def _class_weights(weight: Any, input: Any, axis: int) -> Any:
    if weight is None:
        return 1.0
    check_weight("cross_entropy", weight, input.shape[axis])
    return reshape(weight, (-1,) + (1,) * (input.ndim - axis - 1))


def _uniform_loss(
    logp: Tensor, target: Tensor, weight: Any, ignore_index: int, reduction: str, axis: int
) -> Tensor:
    """The loss against every class alike, reduced as the loss against the labels is."""
    counts, labels = class_labels("cross_entropy", target, logp.shape[axis], ignore_index)
    losses = _masked(-sum(logp * _class_weights(weight, logp, axis), axis), counts)
    if reduction != "mean":
        return reduced("cross_entropy", losses, reduction)
    if weight is None:
        return sum(losses) / int(counts.sum())
    return sum(losses) / sum(getitem(weight, labels) * counts)
