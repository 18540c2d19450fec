"""A model of plain arrays as a module: a course's networks, or one whose gradients are by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.tensor import Tensor, make

from .module import Module
from .parameter import Parameter

__all__ = ["ArrayModel"]


class ArrayModel(Module):
    """Wraps an object with `params`, a dictionary of arrays, and `loss(X, y=None)`.

    `loss(X)` returns scores, `loss(X, y)` returns (loss, gradients by name). The parameters share
    the memory of the arrays: what changes them in place changes the model.
    Errors: TypeError for an object of another kind, or parameters that are not arrays of floats.

    >>> class Mean:
    ...     def __init__(self):
    ...         self.params = {"m": np.zeros(1)}
    ...     def loss(self, X, y=None):
    ...         error = self.params["m"] - X
    ...         return -error if y is None else ((error**2).mean(), {"m": 2 * error.mean(0)})
    >>> from tinygrad_edu.nn.array_model import ArrayModel
    >>> model = ArrayModel(Mean())
    >>> model.backward(tg.tensor([[3.0]]), tg.tensor([0])), model.m.grad
    (9.0, tensor([-6.], dtype=float64))
    """

    model: Any

    def __init__(self, model: Any) -> None:
        super().__init__()
        params = getattr(model, "params", None)
        if not isinstance(params, dict) or not callable(getattr(model, "loss", None)):
            expected = "a Module, or an object with a dict `params` and a method `loss`"
            raise TypeError(describe("ArrayModel", "model", expected, f"a {type(model).__name__}"))
        for name, array in params.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
                got = getattr(array, "dtype", type(array).__name__)
                raise TypeError(describe("ArrayModel", f"params[{name!r}]", "floats", got))
            self.register_parameter(name, Parameter(from_numpy(array)))
        self.__dict__["model"] = model  # no part of the state

    def forward(self, input: Tensor) -> Tensor:
        """The scores, without a graph."""
        return make(np.asarray(self.model.loss(input.numpy())), None)

    def backward(self, input: Tensor, target: Tensor) -> float:
        """Leave the gradients of the loss in the parameters; return the loss.

        Errors: ValueError for a gradient that is missing or of another shape.
        """
        loss, grads = self.model.loss(input.numpy(), target.numpy())
        for name, parameter in self.named_parameters():
            grad = np.asarray(grads.get(name))
            if grad.shape != parameter.shape:
                got = f"shape {grad.shape}" if name in grads else "none"
                expected = f"a gradient of {name!r} of shape {parameter.shape}"
                raise ValueError(describe(type(self.model).__name__, "loss", expected, got))
            parameter.grad = make(grad.astype(parameter.dtype), None)
        return float(loss)
