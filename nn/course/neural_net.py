"""An older form of the course's two-layer network: it trains itself.

    from tinygrad_edu.nn.course.neural_net import TwoLayerNet

It has its own module as the newer network (`tinygrad_edu.nn.course.TwoLayerNet`) has its name. Here
weights are (outputs, inputs), as PyTorch's are, and the strength `reg` of the penalty 1/2 reg W^2
is an argument of the loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.func import value_and_grad
from tinygrad_edu.ops.create import tensor
from tinygrad_edu.ops.labels import cross_entropy
from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.pointwise import relu
from tinygrad_edu.tensor import Tensor

from .losses import labels

__all__ = ["TwoLayerNet"]


class TwoLayerNet:
    """affine - relu - affine - softmax; `params` has W1 (H, D), b1 (H,), W2 (C, H), b2 (C,).

    The weights are `std` times normal numbers of NumPy's global stream.

    >>> from tinygrad_edu.nn.course.neural_net import TwoLayerNet
    >>> np.random.seed(0)
    >>> net = TwoLayerNet(input_size=4, hidden_size=10, output_size=3, std=0.1)
    >>> X, y = np.eye(4), np.array([0, 1, 2, 0])
    >>> stats = net.train(X, y, X, y, learning_rate=1.0, num_iters=500, batch_size=4)
    >>> sorted(stats), net.predict(X)
    (['loss_history', 'train_acc_history', 'val_acc_history'], array([0, 1, 2, 0]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int, std: float = 1e-4
    ) -> None:
        self.params = {
            "W1": std * np.random.randn(hidden_size, input_size), "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(output_size, hidden_size), "b2": np.zeros(output_size),
        }  # fmt: skip

    def loss(self, X: np.ndarray, y: np.ndarray | None = None, reg: float = 0.0) -> Any:
        """Without y: the scores (N, C) of X (N, D). With y (N,): (loss, gradients by name)."""
        if y is None:
            return _scores(self.params, X).numpy()
        target = labels("TwoLayerNet", y)

        def objective(params: dict[str, Tensor]) -> Tensor:
            penalty = (params["W1"] ** 2).sum() + (params["W2"] ** 2).sum()
            return cross_entropy(_scores(params, X), target) + 0.5 * reg * penalty

        loss, grads = value_and_grad(objective)(self.params)
        return loss.item(), {name: grad.numpy() for name, grad in grads.items()}

    def train(
        self, X: np.ndarray, y: np.ndarray, X_val: np.ndarray, y_val: np.ndarray,
        learning_rate: float = 1e-3, learning_rate_decay: float = 0.95, reg: float = 1e-5,
        num_iters: int = 100, batch_size: int = 200, verbose: bool = False,
    ) -> dict[str, list[float]]:  # fmt: skip
        """Take `num_iters` steps of gradient descent on batches drawn with replacement.

        Returns the histories: the loss of each step, and once an epoch the accuracy on its batch
        and on the validation data; then the learning rate is multiplied by its decay.
        """
        epoch = max(len(X) // batch_size, 1)
        stats: dict[str, list[float]] = {
            "loss_history": [], "train_acc_history": [], "val_acc_history": [],
        }  # fmt: skip
        for it in range(num_iters):
            batch = np.random.choice(len(X), batch_size)
            loss, grads = self.loss(X[batch], y[batch], reg)
            stats["loss_history"].append(loss)
            for name, grad in grads.items():
                self.params[name] -= learning_rate * grad
            if verbose and it % 100 == 0:
                print(f"iteration {it} / {num_iters}: loss {loss}")
            if it % epoch == 0:
                stats["train_acc_history"].append((self.predict(X[batch]) == y[batch]).mean())
                stats["val_acc_history"].append((self.predict(X_val) == y_val).mean())
                learning_rate *= learning_rate_decay
        return stats

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class with the highest score, for each row of X (N, D)."""
        return self.loss(X).argmax(1)


def _scores(params: Any, X: np.ndarray) -> Tensor:
    hidden = relu(linear(tensor(X), params["W1"], params["b1"]))
    return linear(hidden, params["W2"], params["b2"])
