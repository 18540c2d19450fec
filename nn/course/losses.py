"""The course's losses of scores: a number, and its gradient with respect to the scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.func import value_and_grad
from tinygrad_edu.ops.convert import cast
from tinygrad_edu.ops.create import tensor
from tinygrad_edu.ops.labels import cross_entropy
from tinygrad_edu.ops.pointwise import relu
from tinygrad_edu.tensor import Tensor

__all__ = ["softmax_loss", "svm_loss"]


def softmax_loss(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The cross entropy of softmax(x) and the labels, mean over the examples; and its gradient.

    Shapes: scores x (N, C), labels y (N,) from 0 to C - 1; the gradient (N, C) is
    (softmax(x) - onehot(y)) / N.

    >>> from tinygrad_edu.nn.course import softmax_loss
    >>> loss, dx = softmax_loss(np.zeros((1, 2)), np.array([0]))
    >>> round(loss, 4), dx
    (0.6931, array([[-0.5,  0.5]]))
    """
    return _value_and_grad(cross_entropy, x, labels("softmax_loss", y))


def svm_loss(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The multiclass hinge loss with margin 1, mean over the examples; and its gradient.

    The sum over the wrong classes j of max(0, x_j - x_y + 1); PyTorch's `multi_margin_loss`
    divides it by C as well. It has kinks where a margin is met exactly: there the numerical
    gradient is half of a slope, and this one 0.
    Shapes: scores x (N, C), labels y (N,) from 0 to C - 1; the gradient has the shape of x.

    >>> from tinygrad_edu.nn.course import svm_loss
    >>> svm_loss(np.array([[3.0, 2.5, 0.0]]), np.array([0]))
    (0.5, array([[-1.,  1.,  0.]]))
    """
    return _value_and_grad(hinge, x, labels("svm_loss", y))


def hinge(x: Tensor, y: Tensor) -> Tensor:
    """The loss of `svm_loss` as a tensor expression."""
    n = x.shape[0]
    right = x.gather(1, y.unsqueeze(1))
    margins = relu(x - right + 1)
    return (margins.sum() - n) / n  # the right class adds a margin of 1 for each example


def labels(function: str, y: Any) -> Tensor:
    """Labels of any integer dtype as the engine wants them."""
    array = np.asarray(y)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        got = f"shape {array.shape} of {array.dtype}"
        raise ShapeError(describe(function, "y", "class numbers of shape (N,)", got))
    return cast(tensor(array), np.dtype(np.int64))


def _value_and_grad(loss: Callable, x: np.ndarray, y: Tensor) -> tuple[float, np.ndarray]:
    value, grad = value_and_grad(lambda x: loss(x, y))(x)
    return value.item(), grad.numpy()
