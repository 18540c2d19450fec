"""The few names of PyTorch that the workloads use, made of a library's own functions.

A library that is not shaped like PyTorch gives `Functions`; `namespace` makes `torch.nn.Linear` and
its kin of them. A layer's parameters are replaced by `bind`, which is how a library that
differentiates functions (of all parameters) sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any


def namespace(functions: Any) -> SimpleNamespace:
    """What stands for `torch`: `functions` has log, relu, sigmoid, flatten, linear, conv2d, ..."""

    class Linear(Layer):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__(weight=(outputs, inputs), bias=(outputs,))

        def __call__(self, x: Any) -> Any:
            return functions.linear(x, self.weight, self.bias)

    class Conv2d(Layer):
        def __init__(self, inputs: int, outputs: int, size: int, padding: int = 0) -> None:
            super().__init__(weight=(outputs, inputs, size, size), bias=(outputs,))
            self.padding = padding

        def __call__(self, x: Any) -> Any:
            return functions.conv2d(x, self.weight, self.bias, padding=self.padding)

    class BatchNorm(Layer):
        def __init__(self, channels: int) -> None:
            super().__init__(weight=(channels,), bias=(channels,))

        def __call__(self, x: Any) -> Any:
            return functions.batch_norm(x, self.weight, self.bias)

    def pointwise(name: str) -> type:
        return type(name, (Layer,), {"__call__": lambda self, x: getattr(functions, name)(x)})

    class MaxPool2d(Layer):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.size = size

        def __call__(self, x: Any) -> Any:
            return functions.max_pool2d(x, self.size)

    nn = SimpleNamespace(
        Linear=Linear, Conv2d=Conv2d, BatchNorm1d=BatchNorm, BatchNorm2d=BatchNorm,
        ReLU=pointwise("relu"), Sigmoid=pointwise("sigmoid"), Flatten=pointwise("flatten"),
        MaxPool2d=MaxPool2d, Sequential=Sequential, functional=functions,
    )  # fmt: skip
    return SimpleNamespace(nn=nn, log=functions.log)


class Layer:
    """Shapes of parameters, and, once bound, their values as attributes."""

    def __init__(self, **shapes: tuple[int, ...]) -> None:
        self.shapes = shapes

    def bind(self, values: Iterator[Any]) -> None:
        """Take the next values as parameters."""
        for name in self.shapes:
            setattr(self, name, next(values))


class Sequential:
    """Layers one after the other."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers
        self.values: Sequence[Any] = ()

    def named_shapes(self) -> tuple[list[str], list[tuple[int, ...]]]:
        """The names and shapes of all parameters, in order."""
        named = [item for layer in self.layers for item in layer.shapes.items()]
        return [name for name, _ in named], [shape for _, shape in named]

    def bind(self, values: Sequence[Any]) -> None:
        """Take `values` as the parameters of all layers."""
        self.values = values
        remaining = iter(values)
        for layer in self.layers:
            layer.bind(remaining)

    def parameters(self) -> Sequence[Any]:
        return self.values

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)  # type: ignore[operator]
        return x
