"""Losses against numbers and probabilities; those against classes are in loss.py.

Every loss is worked out element by element and then reduced as `reduction` says: "mean", "sum" or
"none".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.dtypes import float_type
from tinygrad_edu.errors import SettingError, ShapeError
from tinygrad_edu.hints import warn_of_squashed
from tinygrad_edu.kernels import activations as kernels
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.activations import logsigmoid
from tinygrad_edu.ops.choose import clamp, where
from tinygrad_edu.ops.functions import log1p, xlogy
from tinygrad_edu.ops.loss import averaged, difference, reduced, weighted
from tinygrad_edu.ops.overwriting import floats
from tinygrad_edu.ops.pointwise import abs, exp, log, sigmoid
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.ops.shape import expand, reshape
from tinygrad_edu.tensor import Tensor

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss",
    "kl_div", "l1_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip


# --- differences --------------------------------------------------------------------------------


@composite
def l1_loss(input: Any, target: Any, *, reduction: str = "mean", weight: Any = None) -> Any:
    """The absolute difference |input - target|, its mean over all elements by default.

    Shapes: all the same; input and target of different ones broadcast with a warning. With
    `weight` the mean is the weighted one, divided by the sum of the weights.
    Gradient: g sign(input - target), 0 where they are equal.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.l1_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(1.)
    """
    losses = weighted(abs(difference("l1_loss", input, target)), weight, input)
    return averaged("l1_loss", losses, reduction, weight)


@composite
def smooth_l1_loss(input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    """The absolute difference d, rounded off near 0: d^2 / (2 beta) below beta, else d - beta / 2.

    Shapes: both the same; different ones broadcast with a warning. beta 0 gives `l1_loss`.
    Gradient: g (input - target) / beta near 0, else g times the sign.
    Errors: SettingError for a negative beta. Source: Girshick (2015), Fast R-CNN.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.smooth_l1_loss(tg.tensor([0.5, 4.0]), tg.zeros(2), reduction="none")
    tensor([0.1250, 3.5000])
    """
    if beta < 0:
        raise SettingError(f"smooth_l1_loss: argument 'beta': expected 0 or more, got {beta}")
    d = difference("smooth_l1_loss", input, target)
    losses = _bent(d, beta) / beta if beta else abs(d)
    return reduced("smooth_l1_loss", losses, reduction)


@composite
def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Any:
    """Half the squared difference d up to delta, and delta (|d| - delta / 2) beyond.

    Shapes: all the same; input and target of different ones broadcast with a warning. With
    `weight` the losses are weighted, and "mean" divides by their number.
    Gradient: g (input - target), at most g delta in size.
    Errors: SettingError unless delta is positive. Source: Huber (1964).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.huber_loss(tg.tensor([1.0, 4.0]), tg.zeros(2), "none", delta=2.0)
    tensor([0.5000, 6.0000])
    """
    if delta <= 0:
        raise SettingError(f"huber_loss: argument 'delta': expected more than 0, got {delta}")
    d = difference("huber_loss", input, target)
    losses = weighted(_bent(d, delta), weight, input)
    return reduced("huber_loss", losses, reduction)


def _bent(d: Any, bend: float) -> Any:
    """The parabola d^2 / 2 up to the bend, and beyond the straight line on which it goes on."""
    inner = clamp(d, -bend, bend)
    return inner * (d - 0.5 * inner)


# --- likelihoods of numbers ---------------------------------------------------------------------


@composite
def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, *, eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """Minus the log likelihood of counts under Poisson rates exp(input): exp(x) - target x.

    With `log_input=False` the input is the rates themselves, and eps keeps their logarithm finite.
    `full` adds Stirling's approximation of log(target!) where the target is above 1.
    Shapes: both broadcast. Gradient: g (exp(input) - target) for `input`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.poisson_nll_loss(tg.zeros(2), tg.tensor([1.0, 2.0]))
    tensor(1.)
    """
    if log_input:
        losses = exp(input) - target * input
    else:
        losses = input - target * log(input + eps)
    if full:
        many = where(target > 1, target, 1.0)
        stirling = many * log(many) - many + 0.5 * log(2 * math.pi * many)
        losses = losses + where(target > 1, stirling, 0.0)
    return reduced("poisson_nll_loss", losses, reduction)


@composite
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """Minus the log likelihood of numbers: (log(var) + (input - target)^2 / var) / 2.

    `full` adds log(2 pi) / 2. Variances below eps count as eps.
    Shapes: `input` (the means) and target broadcast; `var` is a number, or has the input's shape,
    of which one dim may be 1, or the last left out.
    Gradient: g (input - target) / var for `input`, g (1 - (input - target)^2 / var) / (2 var) for
    `var`, which, as in PyTorch, knows nothing of eps.
    Errors: ShapeError, SettingError for a variance below 0. Source: Nix and Weigend (1994).

    >>> import tinygrad_edu as tg
    >>> F = tg.nn.functional
    >>> F.gaussian_nll_loss(tg.zeros(2), tg.tensor([1.0, 2.0]), tg.ones(2))
    tensor(1.2500)
    """
    if isinstance(var, (int, float)):
        var = np.full(input.shape, var, float_type(input.dtype))
    if var.shape == input.shape[:-1]:
        var = reshape(var, (*var.shape, 1))
    single = [v for v, n in zip(var.shape, input.shape, strict=False) if v != n]
    if var.ndim != input.ndim or single not in ([], [1]):
        raise ShapeError(
            f"argument 'var': expected the input's shape {input.shape}, one dim of it 1 or the "
            f"last left out, got {var.shape}"
        )
    found = var.array if isinstance(var, Tensor) else var
    if (found < 0).any():
        raise SettingError(
            f"gaussian_nll_loss: argument 'var': expected 0 or more, got {found.min():.4g}"
        )
    var = var + np.maximum(eps - found, 0)
    d = input - target
    losses = 0.5 * (log(var) + d * d / var) + (0.5 * math.log(2 * math.pi) if full else 0)
    return reduced("gaussian_nll_loss", losses, reduction)


# --- probabilities ------------------------------------------------------------------------------


@op(dtype="equal")
@np.errstate(all="ignore")
def bernoulli_loss(input: Any, target: Any, /) -> Any:
    """Minus the log likelihood of `target` under the chance `input`: behind binary_cross_entropy.

    Logarithms below -100 count as -100.
    Gradient: g (input - target) / (input (1 - input)), whose divisor is at least 1e-12, for
    `input`; g (log(1 - input) - log(input)) for `target`.
    """
    if input.size and not (np.min(input) >= 0 and np.max(input) <= 1):
        raise SettingError(
            "binary_cross_entropy: argument 'input': expected probabilities from 0 to 1, got "
            f"{np.min(input):.4g} to {np.max(input):.4g}; use binary_cross_entropy_with_logits "
            "for scores"
        )
    yes, no = np.maximum(np.log(input), -100), np.maximum(np.log1p(-input), -100)
    return (target - 1) * no - target * yes


@bernoulli_loss.rule
def bernoulli_loss_rule(g, input, target, need):
    gi = gt = None
    if need[0]:
        gi = g * (input - target) / clamp(input * (1 - input), 1e-12)
    if need[1]:
        gt = g * (clamp(log1p(-input), -100) - clamp(log(input), -100))
    return gi, gt


@composite
def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Any:
    """Minus target log(input) + (1 - target) log(1 - input), the mean by default.

    Shapes: input (probabilities) and target the same; `weight` broadcasts. Logarithms below -100
    count as -100, so the loss stays finite.
    Gradient: g (input - target) / (input (1 - input)), whose divisor is at least 1e-12.
    Errors: ShapeError, DTypeError for unequal dtypes, SettingError for a chance outside [0, 1].

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.binary_cross_entropy(tg.tensor([0.5, 0.0]), tg.tensor([1.0, 1.0]))
    tensor(50.3466)
    """
    _same_shape(input, target)
    losses = bernoulli_loss(input, target)
    if weight is not None:
        losses = losses * expand(weight, losses.shape)
    return reduced("binary_cross_entropy", losses, reduction)


@op(name="binary_cross_entropy_with_logits")
def score_loss(input: Any, target: Any, /) -> Any:
    """The losses behind `binary_cross_entropy_with_logits`, without overflow.

    Gradient: g (sigmoid(input) - target) for `input`, -g input for `target`.
    """
    return kernels.score_loss(floats(input), target)


@score_loss.rule
def score_loss_rule(g, input, target, need):
    return g * (sigmoid(input) - target) if need[0] else None, -g * input if need[1] else None


@score_loss.fused
def score_loss_fused(g, input, target, need):
    gi = None
    if need[0]:
        gi = kernels.sigmoid(input)
        gi -= target
        gi *= g
    return gi, -g * input if need[1] else None


@composite
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:  # fmt: skip
    """Binary cross entropy of sigmoid(input), exact for scores of any size; the mean by default.

    Shapes: input (scores) and target the same; `weight` broadcasts, and so does `pos_weight`,
    which multiplies the term of the positive answers.
    Gradient: g (sigmoid(input) - target). Errors: ShapeError.

    >>> import tinygrad_edu as tg
    >>> F = tg.nn.functional
    >>> F.binary_cross_entropy_with_logits(tg.tensor([0.0, 1e4]), tg.tensor([1.0, 1.0]))
    tensor(0.3466)
    """
    _same_shape(input, target)
    mend = "leave sigmoid out, or use binary_cross_entropy"
    warn_of_squashed("binary_cross_entropy_with_logits", input, "sigmoid", mend)
    if pos_weight is None:
        losses = score_loss(input, target)
    else:
        factor = (pos_weight - 1) * target + 1
        losses = (1 - target) * input - logsigmoid(input) * factor
    if weight is not None:
        losses = losses * weight
    return reduced("binary_cross_entropy_with_logits", losses, reduction)


def _same_shape(input: Any, target: Any) -> None:
    if input.shape != target.shape:
        raise ShapeError(
            f"argument 'target': expected the input's shape {input.shape}, got {target.shape}"
        )


@composite
def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """Kullback-Leibler divergence target (log(target) - input) for log probabilities `input`.

    Shapes: both broadcast. A target of 0 gives 0. With `log_target` the target is given as log
    probabilities too. "batchmean" divides the sum by the size of the first dim, which is the
    divergence per example; "mean", as in PyTorch, divides by the number of elements.
    Gradient: -g target for `input`.

    >>> import tinygrad_edu as tg
    >>> x, target = tg.tensor([[0.5, 0.5]]).log(), tg.tensor([[1.0, 0.0]])
    >>> tg.nn.functional.kl_div(x, target, reduction="batchmean")
    tensor(0.6931)
    """
    if log_target:
        losses = exp(target) * (target - input)
    else:
        losses = xlogy(target, target) - target * input
    if reduction == "batchmean":
        return sum(losses) / (input.shape[0] if input.ndim else 1)
    return reduced("kl_div", losses, reduction)
