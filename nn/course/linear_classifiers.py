"""The course's linear classifiers, by loops and vectorised: scores are X W, without a bias.

The loss is a mean over the examples plus 1/2 reg W^2.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.func import value_and_grad
from tinygrad_edu.ops.create import tensor
from tinygrad_edu.ops.labels import cross_entropy
from tinygrad_edu.tensor import Tensor

from .losses import hinge, labels

__all__ = [
    "LinearClassifier", "LinearSVM", "Softmax", "softmax_loss_naive", "softmax_loss_vectorized",
    "svm_loss_naive", "svm_loss_vectorized",
]  # fmt: skip

Array = np.ndarray
Loss = tuple[float, Array]


def softmax_loss_naive(W: Array, X: Array, y: Array, reg: float) -> Loss:
    """Softmax loss of the scores X W and its gradient dW, by loops over examples and classes.

    Shapes: W (D, C), X (N, D), y (N,), dW (D, C).
    """
    loss, dW = 0.5 * reg * float(np.sum(W * W)), reg * W
    for i in range(len(X)):
        scores = X[i] @ W
        exps = np.exp(scores - scores.max())  # shifted: exp of a large score would overflow
        p = exps / exps.sum()
        loss -= float(np.log(p[y[i]])) / len(X)
        for c in range(W.shape[1]):
            dW[:, c] += (p[c] - (c == y[i])) * X[i] / len(X)
    return loss, dW


def svm_loss_naive(W: Array, X: Array, y: Array, reg: float) -> Loss:
    """Multiclass hinge loss (margin 1) of the scores X W and its gradient dW, by loops.

    Shapes: W (D, C), X (N, D), y (N,), dW (D, C).
    """
    loss, dW = 0.5 * reg * float(np.sum(W * W)), reg * W
    for i in range(len(X)):
        scores = X[i] @ W
        for c in range(W.shape[1]):
            margin = float(scores[c] - scores[y[i]]) + 1
            if c != y[i] and margin > 0:
                loss += margin / len(X)
                dW[:, c] += X[i] / len(X)
                dW[:, y[i]] -= X[i] / len(X)
    return loss, dW


def softmax_loss_vectorized(W: Array, X: Array, y: Array, reg: float) -> Loss:
    """As `softmax_loss_naive`, a tensor expression and its gradient."""
    return _vectorized(cross_entropy, W, X, y, reg)


def svm_loss_vectorized(W: Array, X: Array, y: Array, reg: float) -> Loss:
    """As `svm_loss_naive`, a tensor expression and its gradient."""
    return _vectorized(hinge, W, X, y, reg)


def _vectorized(loss: Callable, W: Array, X: Array, y: Array, reg: float) -> Loss:
    examples, target = tensor(X), labels(loss.__name__, y)

    def objective(W: Tensor) -> Tensor:
        return loss(examples @ W, target) + 0.5 * reg * (W * W).sum()

    value, grad = value_and_grad(objective)(W)
    return value.item(), grad.numpy()


class LinearClassifier:
    """Learns W (D, C) by stochastic gradient descent; a subclass says of which loss.

    `W` is None until `train` draws it, 0.001 times normal numbers of NumPy's global stream.
    """

    W: Array | None = None

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> Loss:
        """The loss of a batch, and its gradient with respect to W."""
        raise NotImplementedError(f"{type(self).__name__} must define loss(X_batch, y_batch, reg)")

    def train(
        self, X: Array, y: Array, learning_rate: float = 1e-3, reg: float = 1e-5,
        num_iters: int = 100, batch_size: int = 200, verbose: bool = False,
    ) -> list[float]:  # fmt: skip
        """Take `num_iters` steps on batches drawn with replacement; return the losses.

        Shapes: X (N, D), y (N,) with classes from 0; called again, it goes on from where it was.
        """
        if self.W is None:
            self.W = 0.001 * np.random.randn(X.shape[1], int(np.max(y)) + 1)
        history = []
        for i in range(num_iters):
            batch = np.random.choice(len(X), batch_size, replace=True)
            loss, grad = self.loss(X[batch], y[batch], reg)
            history.append(loss)
            self.W -= learning_rate * grad
            if verbose and i % 100 == 0:
                print(f"iteration {i} / {num_iters}: loss {loss:f}")
        return history

    def predict(self, X: Array) -> Array:
        """The class with the highest score, for each row of X (N, D)."""
        return (X @ self._trained()).argmax(1)

    def save(self, path: str | Path) -> None:
        """Write W to a file of NumPy's format .npy."""
        with open(path, "wb") as file:
            np.save(file, self._trained())

    def load(self, path: str | Path) -> None:
        """Take over the W of a file that `save` wrote."""
        found = np.load(path, allow_pickle=False)
        if found.ndim != 2:
            raise ValueError(describe("load", "path", "weights (D, C)", f"shape {found.shape}"))
        self.W = found

    def _trained(self) -> Array:
        if self.W is None:
            raise ValueError(f"{type(self).__name__} has no weights yet: train or load it first")
        return self.W


class Softmax(LinearClassifier):
    """A linear classifier with the softmax loss.

    >>> from tinygrad_edu.nn.course import Softmax
    >>> X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
    >>> model = Softmax()
    >>> losses = model.train(X, y, learning_rate=1.0, num_iters=20, batch_size=2)
    >>> losses[-1] < losses[0], model.predict(X)
    (True, array([0, 1]))
    """

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> Loss:
        """The softmax loss of a batch, and its gradient with respect to W."""
        return softmax_loss_vectorized(self._trained(), X_batch, y_batch, reg)


class LinearSVM(LinearClassifier):
    """A linear classifier with the multiclass hinge loss; used as `Softmax` is."""

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> Loss:
        """The hinge loss of a batch, and its gradient with respect to W."""
        return svm_loss_vectorized(self._trained(), X_batch, y_batch, reg)
