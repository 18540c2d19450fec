"""A second course's layers as objects: each remembers its last call, and can go back through it.

    from tinygrad_edu.nn.course.layer_objects import *

    net = Sequential([Linear(4, 10), ReLU(), Linear(10, 3), Softmax()])
    criterion, optimizer = CrossEntropyLoss(), SGD(net, lr=0.1, weight_decay=1e-5)
    loss = criterion.forward(net(X), y)
    optimizer.zero_grad()
    net.backward(criterion.backward())
    optimizer.step()

Arrays in, arrays out. What a layer remembers is the closure that `vjp` returned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import GraphError, describe
from tinygrad_edu.func import vjp
from tinygrad_edu.ops import activation, pointwise
from tinygrad_edu.ops.create import arange
from tinygrad_edu.tensor import Tensor

from . import expressions as e
from .losses import labels

__all__ = ["SGD", "CrossEntropyLoss", "Linear", "Module", "ReLU", "Sequential", "Softmax"]

Array = np.ndarray


class Module:
    """A layer: a tensor expression of its input and its parameters.

    `parameters` are arrays, `grads` their gradients after a `backward`, None before.
    """

    def __init__(self, *parameters: Array) -> None:
        self.parameters: list[Array] = list(parameters)
        self.grads: list[Any] = [None] * len(parameters)
        self._cache: Callable | None = None

    def expression(self, x: Tensor, *parameters: Tensor) -> Tensor:
        """What the layer computes."""
        raise NotImplementedError(f"{type(self).__name__} must define expression(x, *parameters)")

    def forward(self, x: Array) -> Array:
        """The layer's output; how to go back is remembered."""
        out, self._cache = vjp(self.expression, np.asarray(x), *self.parameters)
        return out.numpy()

    __call__ = forward

    def backward(self, dout: Array) -> Array:
        """The gradient of the input of the last call; those of the parameters are kept in `grads`.

        Errors: GraphError if the layer was not called yet.
        """
        if self._cache is None:
            raise GraphError(f"{type(self).__name__}: backward came before forward")
        dx, *grads = self._cache(dout)
        self.grads = [grad.numpy() for grad in grads]
        return dx.numpy()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.grads = [None] * len(self.parameters)


class Linear(Module):
    """x (N, D) times `weight` (D, M), plus `bias` (M,).

    Both are 1e-4 times uniform numbers of NumPy's global stream, the weight drawn first.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        weight = 1e-4 * np.random.rand(in_features, out_features)
        super().__init__(weight, 1e-4 * np.random.rand(out_features))

    expression = staticmethod(e.affine)  # type: ignore[assignment]

    weight = property(lambda self: self.parameters[0])
    bias = property(lambda self: self.parameters[1])


class ReLU(Module):
    """max(x, 0) of each element."""

    expression = staticmethod(pointwise.relu)


class Softmax(Module):
    """The probabilities exp(x) / sum(exp(x)) of each row of x (N, C)."""

    def expression(self, x: Tensor, *parameters: Tensor) -> Tensor:
        """The softmax over the last dim."""
        return activation.softmax(x, -1)


class Sequential(Module):
    """Layers in a row.

    >>> from tinygrad_edu.nn.course.layer_objects import Linear, ReLU, Sequential, Softmax
    >>> net = Sequential([Linear(4, 10), ReLU(), Linear(10, 3), Softmax()])
    >>> net(np.ones((1, 4))).round(3), net.predict(np.ones((1, 4))).shape
    (array([[0.333, 0.333, 0.333]]), (1,))
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        self.modules = list(modules)

    def forward(self, x: Array) -> Array:
        """The output of the last layer."""
        for module in self.modules:
            x = module.forward(x)
        return x

    __call__ = forward

    def backward(self, dout: Array) -> Array:
        """Back through all layers; the gradient of the input."""
        for module in reversed(self.modules):
            dout = module.backward(dout)
        return dout

    def predict(self, x: Array) -> Array:
        """The class with the highest output, for each row."""
        return self.forward(x).argmax(1)

    def zero_grad(self) -> None:
        """Forget the gradients of all layers."""
        for module in self.modules:
            module.zero_grad()


class CrossEntropyLoss(Module):
    """Minus the log of the probability of the right class, mean over the rows.

    It takes probabilities, what a `Softmax` layer gives; PyTorch's takes scores.
    """

    def forward(self, x: Array, y: Array) -> float:  # type: ignore[override]
        """The loss of probabilities x (N, C) and labels y (N,)."""
        target = labels("CrossEntropyLoss", y)

        def expression(x: Tensor) -> Tensor:
            return -x[arange(len(target)), target].log().mean()

        loss, self._cache = vjp(expression, np.asarray(x))
        return loss.item()

    __call__ = forward  # type: ignore[assignment]

    def backward(self, dout: Any = None) -> Array:
        """The gradient of the probabilities."""
        return super().backward(np.ones(()) if dout is None else dout)


class SGD:
    """Gradient descent on all parameters of a network: w -= lr (dw + weight_decay w).

    Errors: GraphError if a gradient is missing.
    """

    def __init__(self, net: Sequential, lr: float = 1e-2, weight_decay: float = 0.0) -> None:
        if not isinstance(net, Module):
            raise TypeError(describe("SGD", "net", "a network", type(net).__name__))
        self.net, self.lr, self.weight_decay = net, lr, weight_decay

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.net.zero_grad()

    def step(self) -> None:
        """Change the parameters, in place."""
        for module in self.net.modules:
            for w, dw in zip(module.parameters, module.grads, strict=True):
                if dw is None:
                    raise GraphError("SGD: step came before backward")
                w -= self.lr * (dw + self.weight_decay * w)
