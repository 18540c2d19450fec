"""The course's networks: a dictionary of arrays, and a loss that returns its gradients.

    scores = model.loss(X)
    loss, grads = model.loss(X, y)

The scores are a tensor expression of the parameters. All the rest is here once, for all networks:
the gradients of a whole dictionary of parameters are one call of `value_and_grad`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.func import value_and_grad
from tinygrad_edu.modes import no_grad
from tinygrad_edu.ops.create import tensor
from tinygrad_edu.ops.labels import cross_entropy
from tinygrad_edu.ops.pointwise import relu
from tinygrad_edu.tensor import Tensor

from . import expressions as e
from .losses import labels

__all__ = ["FullyConnectedNet", "ThreeLayerConvNet", "TwoLayerNet"]


class Network:
    """What the course's networks share; a subclass fills `params` and defines `scores`.

    `params` holds the weights W1, W2, ... and whatever else is learned. The loss is the softmax
    cross entropy, mean over the examples, plus 1/2 reg W^2 for each weight (and nothing else).
    """

    params: dict[str, np.ndarray]
    reg: float
    dtype: Any

    def scores(self, params: Any, X: Tensor, mode: str) -> Tensor:
        """The scores (N, C) of the examples X; `mode` is "train" or "test"."""
        raise NotImplementedError(f"{type(self).__name__} must define scores(params, X, mode)")

    def loss(self, X: np.ndarray, y: np.ndarray | None = None) -> Any:
        """Without y: the scores (N, C), in test mode. With y (N,): (loss, gradients by name)."""
        examples = tensor(np.asarray(X, self.dtype))
        if y is None:
            with no_grad():
                params = {name: tensor(array) for name, array in self.params.items()}
                return self.scores(params, examples, "test").numpy()
        target = labels(type(self).__name__, y)

        def objective(params: dict[str, Tensor]) -> Tensor:
            data = cross_entropy(self.scores(params, examples, "train"), target)
            weights = [p for name, p in params.items() if name.startswith("W")]
            return data + 0.5 * self.reg * sum((w * w).sum() for w in weights)

        loss, grads = value_and_grad(objective)(self.params)
        return loss.item(), {name: grad.numpy() for name, grad in grads.items()}

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class with the highest score, for each example."""
        return self.loss(X).argmax(1)

    def save(self, path: str | Path) -> None:
        """Write the parameters to a file of NumPy's format .npz."""
        with open(path, "wb") as file:
            np.savez(file, **self.params)  # type: ignore[arg-type]

    def load(self, path: str | Path) -> None:
        """Take over the parameters of a file that `save` wrote.

        Errors: ValueError if they are those of another network; then nothing was changed.
        """
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        shapes = {name: array.shape for name, array in self.params.items()}
        if (got := {name: array.shape for name, array in found.items()}) != shapes:
            raise ValueError(describe("load", "path", f"parameters {shapes}", got))
        self.params = {name: found[name].astype(p.dtype) for name, p in self.params.items()}


def normal(scale: float, *shape: int) -> np.ndarray:
    """Weights from NumPy's global stream, as the course draws them."""
    return scale * np.random.randn(*shape)


class TwoLayerNet(Network):
    """affine - relu - affine - softmax; parameters W1 (D, H), b1, W2 (H, C), b2.

    >>> from tinygrad_edu.nn.course import TwoLayerNet
    >>> model = TwoLayerNet(input_dim=4, hidden_dim=5, num_classes=3)
    >>> loss, grads = model.loss(np.ones((2, 4)), np.array([0, 2]))
    >>> round(loss, 2), grads["W1"].shape, model.loss(np.ones((2, 4))).shape
    (1.1, (4, 5), (2, 3))
    """

    def __init__(
        self, input_dim: int = 3 * 32 * 32, hidden_dim: int = 100, num_classes: int = 10,
        weight_scale: float = 1e-3, reg: float = 0.0,
    ) -> None:  # fmt: skip
        self.reg, self.dtype = reg, np.float64
        self.params = {
            "W1": normal(weight_scale, input_dim, hidden_dim), "b1": np.zeros(hidden_dim),
            "W2": normal(weight_scale, hidden_dim, num_classes), "b2": np.zeros(num_classes),
        }  # fmt: skip

    def scores(self, params: Any, X: Tensor, mode: str) -> Tensor:
        """The scores (N, C) of the examples X."""
        hidden = relu(e.affine(X, params["W1"], params["b1"]))
        return e.affine(hidden, params["W2"], params["b2"])


class FullyConnectedNet(Network):
    """{affine - [norm] - relu - [dropout]} x (L - 1) - affine - softmax.

    `dropout_keep_ratio` is the probability to keep an element (1: no dropout), `normalization`
    None, "batchnorm" or "layernorm", `seed` the seed of the dropout masks (None: they follow
    NumPy's global stream). Parameters W1, b1, ... and, with a norm, gamma1, beta1, ...

    >>> from tinygrad_edu.nn.course import FullyConnectedNet
    >>> model = FullyConnectedNet([20, 30], input_dim=15, normalization="batchnorm")
    >>> list(model.params)
    ['W1', 'b1', 'gamma1', 'beta1', 'W2', 'b2', 'gamma2', 'beta2', 'W3', 'b3']
    """

    def __init__(
        self, hidden_dims: Sequence[int], input_dim: int = 3 * 32 * 32, num_classes: int = 10,
        dropout_keep_ratio: float = 1, normalization: str | None = None, reg: float = 0.0,
        weight_scale: float = 1e-2, dtype: Any = np.float32, seed: int | None = None,
    ) -> None:  # fmt: skip
        if normalization not in (None, "batchnorm", "layernorm"):
            expected = "None, 'batchnorm' or 'layernorm'"
            got = repr(normalization)
            raise ValueError(describe("FullyConnectedNet", "normalization", expected, got))
        self.normalization, self.reg, self.dtype = normalization, reg, dtype
        self.use_dropout = dropout_keep_ratio != 1
        self.num_layers = len(hidden_dims) + 1
        self.dropout_param = {"mode": "train", "p": dropout_keep_ratio, "seed": seed}
        self.bn_params: list[dict[str, Any]] = [{"mode": "train"} for _ in hidden_dims]
        self.params = {}
        for i, (inputs, outputs) in enumerate(pairwise([input_dim, *hidden_dims, num_classes]), 1):
            self.params[f"W{i}"] = normal(weight_scale, inputs, outputs)
            self.params[f"b{i}"] = np.zeros(outputs)
            if normalization and i < self.num_layers:
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = (
                    np.ones(outputs),
                    np.zeros(outputs),
                )
        self.params = {name: array.astype(dtype) for name, array in self.params.items()}

    def scores(self, params: Any, X: Tensor, mode: str) -> Tensor:
        """The scores (N, C) of the examples X; dropout and batch norm go by the mode."""
        self.dropout_param["mode"] = mode
        for i, bn_param in enumerate(self.bn_params, 1):
            bn_param["mode"] = mode
            X = e.affine(X, params[f"W{i}"], params[f"b{i}"])
            if self.normalization == "batchnorm":
                X, _ = e.batchnorm(X, params[f"gamma{i}"], params[f"beta{i}"], bn_param)
            elif self.normalization == "layernorm":
                X = e.layernorm(X, params[f"gamma{i}"], params[f"beta{i}"], bn_param)
            X = relu(X)
            if self.use_dropout:
                X = e.dropout(X, self.dropout_param)
        return e.affine(X, params[f"W{self.num_layers}"], params[f"b{self.num_layers}"])


class ThreeLayerConvNet(Network):
    """conv - relu - 2x2 max pool - affine - relu - affine - softmax.

    The convolution keeps the size of the images (stride 1, padding (filter_size - 1) / 2).
    Parameters W1 (F, C, size, size), W2, W3 and the biases.

    >>> from tinygrad_edu.nn.course import ThreeLayerConvNet
    >>> model = ThreeLayerConvNet(input_dim=(3, 8, 8), num_filters=4, filter_size=3)
    >>> model.loss(np.ones((2, 3, 8, 8))).shape
    (2, 10)
    """

    def __init__(
        self, input_dim: tuple[int, int, int] = (3, 32, 32), num_filters: int = 32,
        filter_size: int = 7, hidden_dim: int = 100, num_classes: int = 10,
        weight_scale: float = 1e-3, reg: float = 0.0, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        channels, height, width = input_dim
        self.reg, self.dtype = reg, dtype
        self.conv_param = {"stride": 1, "pad": (filter_size - 1) // 2}
        self.pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        pooled = num_filters * (height // 2) * (width // 2)
        params = {
            "W1": normal(weight_scale, num_filters, channels, filter_size, filter_size),
            "b1": np.zeros(num_filters),
            "W2": normal(weight_scale, pooled, hidden_dim), "b2": np.zeros(hidden_dim),
            "W3": normal(weight_scale, hidden_dim, num_classes), "b3": np.zeros(num_classes),
        }  # fmt: skip
        self.params = {name: array.astype(dtype) for name, array in params.items()}

    def scores(self, params: Any, X: Tensor, mode: str) -> Tensor:
        """The scores (N, C) of the images X (N, C, H, W)."""
        maps = relu(e.convolution(X, params["W1"], params["b1"], self.conv_param))
        hidden = relu(e.affine(e.max_pool(maps, self.pool_param), params["W2"], params["b2"]))
        return e.affine(hidden, params["W3"], params["b3"])
