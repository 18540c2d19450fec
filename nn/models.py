"""The course's networks as plain modules, for images of any size.

Each is made for an `input_shape` (C, H, W), takes images (N, C, H, W) and gives scores
(N, num_classes): put `cross_entropy` behind them. `MODELS` has them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

from .activation import ReLU
from .batchnorm import BatchNorm1d, BatchNorm2d
from .container import Sequential
from .conv import Conv2d
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .norm import LayerNorm
from .pool import MaxPool2d
from .shape import Flatten

__all__ = [
    "MODELS", "BarebonesConvNet", "ConvBlocksNet", "FullyConnectedNet", "SoftmaxClassifier",
    "ThreeLayerConvNet", "TwoLayerNet",
]  # fmt: skip

Shape = tuple[int, int, int]
CIFAR10 = (3, 32, 32)


class SoftmaxClassifier(Sequential):
    """A linear classifier: one affine layer on the pixels.

    >>> import tinygrad_edu as tg
    >>> tg.nn.models.SoftmaxClassifier(input_shape=(1, 8, 8))(tg.zeros(5, 1, 8, 8)).shape
    (5, 10)
    """

    def __init__(self, input_shape: Shape = CIFAR10, num_classes: int = 10) -> None:
        super().__init__(Flatten(), Linear(prod(input_shape), num_classes))


class FullyConnectedNet(Sequential):
    """{affine - [norm] - relu - [dropout]} for each of `hidden_dims`, then affine.

    `normalization` is None, "batchnorm" or "layernorm", `dropout` the probability to drop.

    >>> import tinygrad_edu as tg
    >>> net = tg.nn.models.FullyConnectedNet([100], (1, 8, 8), dropout=0.5)
    >>> [type(layer).__name__ for layer in net]
    ['Flatten', 'Linear', 'ReLU', 'Dropout', 'Linear']
    """

    norms: dict[str | None, Callable[[int], list[Module]]] = {
        None: lambda width: [],
        "batchnorm": lambda width: [BatchNorm1d(width)],
        "layernorm": lambda width: [LayerNorm(width)],
    }

    def __init__(
        self, hidden_dims: Sequence[int] = (100,) * 4, input_shape: Shape = CIFAR10,
        num_classes: int = 10, normalization: str | None = None, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        if normalization not in self.norms:
            raise ValueError(
                "FullyConnectedNet: argument 'normalization': expected None, 'batchnorm' or "
                f"'layernorm', got {normalization!r}"
            )
        layers: list[Module] = [Flatten()]
        for inputs, outputs in pairwise([prod(input_shape), *hidden_dims]):
            layers += [Linear(inputs, outputs), *self.norms[normalization](outputs), ReLU()]
            layers += [Dropout(dropout)] if dropout else []
        last = hidden_dims[-1] if hidden_dims else prod(input_shape)
        super().__init__(*layers, Linear(last, num_classes))


class TwoLayerNet(FullyConnectedNet):
    """affine - relu - affine.

    >>> import tinygrad_edu as tg
    >>> sum(p.numel() for p in tg.nn.models.TwoLayerNet(hidden_dim=50).parameters())
    154160
    """

    def __init__(
        self, hidden_dim: int = 100, input_shape: Shape = CIFAR10, num_classes: int = 10
    ) -> None:
        super().__init__([hidden_dim], input_shape, num_classes)


class ThreeLayerConvNet(Sequential):
    """conv - relu - 2x2 max pool - affine - relu - affine; the convolution keeps the size.

    >>> import tinygrad_edu as tg
    >>> net = tg.nn.models.ThreeLayerConvNet(num_filters=8, filter_size=3, input_shape=(1, 8, 8))
    >>> net(tg.zeros(5, 1, 8, 8)).shape
    (5, 10)
    """

    def __init__(
        self, num_filters: int = 32, filter_size: int = 7, hidden_dim: int = 100,
        input_shape: Shape = CIFAR10, num_classes: int = 10,
    ) -> None:  # fmt: skip
        channels, height, width = input_shape
        super().__init__(
            Conv2d(channels, num_filters, filter_size, padding="same"),
            ReLU(),
            MaxPool2d(2),
            Flatten(),
            Linear(num_filters * (height // 2) * (width // 2), hidden_dim),
            ReLU(),
            Linear(hidden_dim, num_classes),
        )


class BarebonesConvNet(Sequential):
    """conv 5x5 - relu - conv 3x3 - relu - affine, without pooling.

    >>> import tinygrad_edu as tg
    >>> tg.nn.models.BarebonesConvNet(input_shape=(1, 8, 8))(tg.zeros(5, 1, 8, 8)).shape
    (5, 10)
    """

    def __init__(
        self, channels: tuple[int, int] = (32, 16), input_shape: Shape = CIFAR10,
        num_classes: int = 10,
    ) -> None:  # fmt: skip
        inputs, height, width = input_shape
        first, second = channels
        super().__init__(
            Conv2d(inputs, first, 5, padding=2),
            ReLU(),
            Conv2d(first, second, 3, padding=1),
            ReLU(),
            Flatten(),
            Linear(second * height * width, num_classes),
        )


class ConvBlocksNet(Sequential):
    """Blocks of conv - batch norm - relu - 2x2 max pool, the first 5x5 and the others 3x3; affine.

    >>> import tinygrad_edu as tg
    >>> net = tg.nn.models.ConvBlocksNet(input_shape=(1, 8, 8))
    >>> net(tg.zeros(5, 1, 8, 8)).shape, len(net)
    ((5, 10), 5)
    """

    def __init__(
        self, channels: Sequence[int] = (16, 32, 64), input_shape: Shape = CIFAR10,
        num_classes: int = 10,
    ) -> None:  # fmt: skip
        inputs, height, width = input_shape
        blocks: list[Module] = []
        for i, (before, after) in enumerate(pairwise([inputs, *channels])):
            conv = Conv2d(before, after, 3 if i else 5, padding="same")
            blocks.append(Sequential(conv, BatchNorm2d(after), ReLU(), MaxPool2d(2)))
            height, width = height // 2, width // 2
        super().__init__(*blocks, Flatten(), Linear(channels[-1] * height * width, num_classes))


# By the names that the command line knows; each is made from `input_shape` and `num_classes`.
MODELS: dict[str, Callable[..., Module]] = {
    "softmax": SoftmaxClassifier,
    "two-layer": TwoLayerNet,
    "fully-connected": FullyConnectedNet,
    "three-layer-convnet": ThreeLayerConvNet,
    "barebones-convnet": BarebonesConvNet,
    "conv-blocks": ConvBlocksNet,
}
