"""Losses against class numbers on arrays: the cross entropy and its gradient in one go.

The loss of an example with scores x and class y is log(sum(exp(x))) - x[y]; with label smoothing
and weights of classes it is -sum_k T[k] log(softmax(x))[k] for some T, which is `Targets.dense`.
Forward takes the exponentials once and keeps them. With their sums the gradient
softmax(x) sum_k T[k] - T, times what the reduction does to g, is one product over all scores,
and a subtraction at the places of the classes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.kernels.softmax import joined, layout, restored, shifted
from tinygrad_edu.kernels.windows import Array, Shape

__all__ = ["Targets", "cross_entropy", "cross_entropy_gradient", "nll", "nll_gradient"]


class Targets(NamedTuple):
    """The class numbers, and how they count. Shapes: those of the input without its axis, or (K,).

    `labels` are class numbers, 0 for targets that are ignored, which `counts` (None: all count)
    tells apart; `weights` (None: 1) of -log p at the class, 0 for those ignored; `others` (None: 0)
    the weights of -log p of every class, which label smoothing brings in. The losses are returned
    as they are if `divisor` is None, else their sum divided by it.
    """

    axis: int
    labels: Array
    counts: Array | None
    weights: Array | None
    others: Array | None
    divisor: Any

    def places(self, shape: Shape) -> Array:
        """Return where the classes stand in flat memory of shape (A, K, B): an array (A, B)."""
        A, K, B = shape
        places = self.labels.reshape(A, B) * B
        if B > 1:
            places += np.arange(B)
        if A > 1:
            places += np.arange(A)[:, None] * (K * B)
        return places

    def reduced(self, losses: Array) -> Array:
        """Return the losses (A, B) as the reduction wants them, 0 where targets are ignored."""
        if self.counts is not None:
            losses = np.where(self.counts.reshape(losses.shape), losses, 0)
        if self.divisor is None:
            return losses.reshape(self.labels.shape)
        return np.add.reduce(losses, None) / self.divisor

    def scale(self, g: Array, shape: Shape) -> Array:
        """Return the gradient of the losses (A, B) for the gradient of the reduced ones."""
        scale = g.reshape(shape) if self.divisor is None else g / self.divisor
        # If no target counts, the divisor is 0; still nothing flows to those that are ignored.
        return scale if self.counts is None else np.where(self.counts.reshape(shape), scale, 0)

    def dense(self, shape: Shape, dtype: Any) -> Array:
        """Return T: what -log p of each class is multiplied by."""
        A, K, B = layout(shape, self.axis)
        T = np.zeros((A, K, B), dtype)
        T.reshape(-1)[self.places(T.shape)] = _laid(self.weights, (A, B), 1)
        if self.others is not None:
            T += self.others[:, None] * _laid(self.counts, (A, 1, B), 1)
        return restored(T, shape, self.axis)


def _laid(x: Array | None, shape: Shape, default: Any) -> Any:
    return default if x is None else x.reshape(shape)


def nll(x: Array, targets: Targets) -> Array:
    """Return the losses against log probabilities x."""
    shape = A, _, B = joined(x.shape, targets.axis)
    losses = -x.reshape(-1)[targets.places(shape)]
    return targets.reduced(losses * _laid(targets.weights, (A, B), 1))


def nll_gradient(g: Array, x_shape: Shape, dtype: Any, targets: Targets) -> Array:
    """Return the gradient of x: 0 but at the classes."""
    shape = A, _, B = joined(x_shape, targets.axis)
    scale = targets.scale(g, (A, B)) * _laid(targets.weights, (A, B), 1)
    gi = np.zeros(x_shape, dtype)
    gi.reshape(-1)[targets.places(shape)] = -scale
    return gi


def cross_entropy(x: Array, targets: Targets) -> tuple[Array, Array, Array, Array]:
    """Return the losses, and for the gradient: exponentials, their sums, places of the classes."""
    z = shifted(x, targets.axis)
    A, _, B = z.shape
    places = targets.places(z.shape)
    picked = z.reshape(-1)[places]
    others = targets.others
    if others is not None:
        at_others = np.add.reduce(z * others[:, None], 1)
    powers = np.exp(z, out=z)
    total = np.add.reduce(powers, 1)
    logs = np.log(total)
    losses = logs - picked
    if targets.weights is not None:
        losses *= targets.weights.reshape(A, B)
    if others is not None:
        losses += logs * np.add.reduce(others) - at_others
    return targets.reduced(losses), powers, total, places


def cross_entropy_gradient(
    g: Array, powers: Array, total: Array, places: Array, shape: Shape, targets: Targets
) -> Array:
    """Return the gradient of x, which has this shape, from what `cross_entropy` returned."""
    scale = targets.scale(g, total.shape)
    at_class = sums = scale * _laid(targets.weights, total.shape, 1)
    if targets.others is not None:
        sums = sums + scale * np.add.reduce(targets.others)
    gi = powers * (sums / total)[:, None]
    gi.reshape(-1)[places] -= at_class
    if targets.others is not None:
        gi -= targets.others[:, None] * np.broadcast_to(scale, total.shape)[:, None]
    return restored(gi, shape, targets.axis)
