"""Losses against classes. `reduction` is "mean", "sum" or "none".

Targets that are class numbers are checked and summed up in `Targets` once, and then all of a loss
is one op; targets that are probabilities may want gradients themselves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.dtypes import float_type
from tinygrad_edu.errors import DimensionError, DTypeError, GraphError, SettingError, ShapeError
from tinygrad_edu.hints import warn_of_squashed
from tinygrad_edu.kernels import labels as kernels
from tinygrad_edu.kernels.labels import Targets
from tinygrad_edu.modes import is_grad_enabled
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.activation import log_softmax, normalized_exp
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.loss import reduced, refuse_reduction
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__ = ["cross_entropy", "nll_loss"]


# --- the ops ------------------------------------------------------------------------------------


@op(name="nll_loss", dtype="float")
@quiet
def picked_loss(input: Any, /, targets: Targets) -> Any:
    """Minus the input at the classes, weighted and reduced: behind `nll_loss`.

    Gradient: -g weight at the classes.
    """
    return kernels.nll(input, targets)


@picked_loss.rule
def picked_loss_rule(g, input_shape, input_dtype, targets):
    return _shared(g, targets) * -targets.dense(input_shape, input_dtype)


@picked_loss.fused
def picked_loss_fused(g, input_shape, input_dtype, targets):
    return kernels.nll_gradient(g, input_shape, input_dtype, targets)


@op(name="cross_entropy", dtype="float", extras=("powers", "total", "places"))
@quiet
def class_loss(input: Any, /, targets: Targets) -> Any:
    """Minus the logarithms of softmax, weighted and reduced: behind `cross_entropy`.

    Gradient: g (softmax(input) sum(T) - T), where T are the weights of the logarithms.
    """
    return kernels.cross_entropy(input, targets)


@class_loss.rule
def class_loss_rule(g, input, targets):
    T = targets.dense(input.shape, input.dtype)
    chances = normalized_exp(input, targets.axis)
    return _shared(g, targets) * (chances * T.sum(targets.axis, keepdims=True) - T)


@class_loss.fused
def class_loss_fused(g, powers, total, places, input_shape, targets):
    return kernels.cross_entropy_gradient(g, powers, total, places, input_shape, targets)


def _shared(g: Any, targets: Targets) -> Any:
    """The gradient of each loss, in a shape that broadcasts to the input."""
    shape, axis = targets.labels.shape, targets.axis
    shape = (*shape[:axis], 1, *shape[axis:])
    g = reshape(g, shape) if targets.divisor is None else g / targets.divisor
    return g if targets.counts is None else where(targets.counts.reshape(shape), g, 0.0)


# --- targets ------------------------------------------------------------------------------------


def class_labels(
    name: str, target: Any, K: int, ignore_index: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """The class numbers with 0 in place of those that are ignored, and which count (None: all)."""
    labels = np.asarray(target.array if isinstance(target, Tensor) else target)
    if labels.dtype.kind not in "iu":
        raise DTypeError(
            f"{name}: argument 'target': expected integer class numbers, got {labels.dtype}; "
            "use .long()"
        )
    labels = labels.astype(np.int64, copy=not isinstance(target, Tensor))
    # Read as unsigned, a negative number is larger than any class: one look finds both ends.
    inside = not labels.size or np.maximum.reduce(labels.view(np.uint64), None) < K
    if inside and not 0 <= ignore_index < K:
        return labels, None
    counts = labels != ignore_index
    wrong = labels[counts & ((labels < 0) | (labels >= K))]
    if wrong.size:
        raise DimensionError(
            f"{name}: argument 'target': expected class numbers 0 to {K - 1}, got {wrong[0]}"
        )
    return np.where(counts, labels, 0), counts


def targets_of(
    name: str, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str,
    label_smoothing: float = 0.0,
) -> Targets:  # fmt: skip
    """What the ops need to know of the targets, checked."""
    axis = 0 if input.ndim == 1 else 1
    expected = (*input.shape[:axis], *input.shape[axis + 1 :])
    if input.ndim == 0 or target.shape != expected:
        raise ShapeError(
            f"{name}: argument 'target': expected shape {expected} of class numbers for input "
            f"{input.shape}, got {target.shape}"
        )
    if reduction not in ("mean", "sum", "none"):
        refuse_reduction(name, reduction)
    K = input.shape[axis]
    dtype = float_type(input.dtype)
    labels, counts = class_labels(name, target, K, ignore_index)
    each = _constant_weight(name, weight, input, K)
    weights = counts if each is None else each[labels]
    if weights is not None and counts is not None:
        weights = np.multiply(weights, counts, dtype=dtype)
    divisor: Any = {"none": None, "sum": 1}.get(reduction, labels.size)
    if reduction == "mean" and weights is not None:
        divisor = np.add.reduce(weights, None)
    others = None
    if label_smoothing:
        others = np.full(K, label_smoothing / max(K, 1), dtype) * (1 if each is None else each)
        weights = np.ones(labels.shape, dtype) if weights is None else weights
        weights = weights * (1 - label_smoothing)
    return Targets(axis, labels, counts, weights, others, divisor)


def check_weight(name: str, weight: Any, K: int) -> None:
    if weight.shape != (K,):
        raise ShapeError(
            f"{name}: argument 'weight': expected one weight per class, shape ({K},), got "
            f"{weight.shape}"
        )


def _constant_weight(name: str, weight: Any, input: Any, K: int) -> np.ndarray | None:
    if weight is None:
        return None
    check_weight(name, weight, K)
    if weight.dtype != input.dtype:
        raise DTypeError(
            f"{name}: argument 'weight': expected {input.dtype} as the input has, got "
            f"{weight.dtype}; convert it"
        )
    if not isinstance(weight, Tensor):
        return weight
    if weight.requires_grad and is_grad_enabled():
        raise GraphError(
            f"{name}: argument 'weight': expected a constant if targets are class numbers, got a "
            "tensor that requires a gradient; detach() it"
        )
    return weight.array


# --- the losses ---------------------------------------------------------------------------------


@composite
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Negative log likelihood: minus the log probability of the target class.

    Shapes: input (K,), (N, K) or (N, K, ...) of log probabilities, target (), (N,) or (N, ...) of
    class numbers. `weight` (K,), a constant, weighs the classes; targets equal to `ignore_index`
    count nothing. "mean" divides by the weights of the targets that count (nan if there are none).
    Gradient: -g weight at the target classes.
    Errors: DimensionError for a class number outside 0..K-1, ShapeError, DTypeError, GraphError
    for a weight that requires a gradient.

    >>> import tinygrad_edu as tg
    >>> logp = tg.log_softmax(tg.tensor([[1.0, 1.0]]), dim=1)
    >>> tg.nn.functional.nll_loss(logp, tg.tensor([0]))
    tensor(0.6931)
    """
    targets = targets_of("nll_loss", input, target, weight, ignore_index, reduction)
    return picked_loss(input, targets)


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
    Errors: DimensionError for a class number outside 0..K-1, ShapeError, DTypeError, GraphError
    for a weight that requires a gradient beside class numbers.

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
    if target.dtype.kind == "f" and target.shape == input.shape:
        if ignore_index >= 0:
            raise DTypeError(
                "cross_entropy: argument 'target': expected class numbers, of which "
                f"ignore_index={ignore_index} is one, got probabilities"
            )
        return _against_probabilities(input, target, weight, reduction, label_smoothing)
    targets = targets_of(
        "cross_entropy", input, target, weight, ignore_index, reduction, label_smoothing
    )
    return class_loss(input, targets)


def _against_probabilities(
    input: Any, target: Any, weight: Any, reduction: str, smoothing: float
) -> Any:
    axis = 0 if input.ndim == 1 else 1
    K = input.shape[axis]
    smooth = target * (1 - smoothing) + smoothing / K if smoothing else target
    terms = log_softmax(input, axis) * smooth
    if weight is not None:
        check_weight("cross_entropy", weight, K)
        terms = terms * reshape(weight, (-1,) + (1,) * (input.ndim - axis - 1))
    losses = -sum(terms, axis)
    if reduction == "mean":
        return sum(losses) / math.prod(losses.shape)
    return reduced("cross_entropy", losses, reduction)
