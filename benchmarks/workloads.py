"""The workloads, each written once, with PyTorch's names: one text that runs under every library.

`torch` below is whichever library runs: PyTorch, tinygrad_edu under that name, or the few names
that `benchmarks.peers.small` gives to a library that has others. Numbers are drawn by NumPy from a
fixed seed, so that all start from the same weights and data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

SEED = 0
Array = np.ndarray


# --- losses -------------------------------------------------------------------------------------


def cross_entropy(torch: Any, model: Any, x: Any, y: Any) -> Any:
    """Softmax and negative log-likelihood of the labels."""
    return torch.nn.functional.cross_entropy(model(x), y)


def decayed_cross_entropy(torch: Any, model: Any, x: Any, y: Any) -> Any:
    """The same, and half the squares of the weights, as a course adds them to its loss."""
    return cross_entropy(torch, model, x, y) + 0.5 * DECAY * squares(model)


def sparse_reconstruction(torch: Any, model: Any, x: Any, y: Any) -> Any:
    """Squared error of a sparse autoencoder, the divergence of its hidden units, and L2."""
    encode, squash, decode, squash_again = model
    hidden = squash(encode(x))
    active = hidden.mean(0)
    divergence = SPARSITY * torch.log(SPARSITY / active)
    divergence = divergence + (1 - SPARSITY) * torch.log((1 - SPARSITY) / (1 - active))
    error = squash_again(decode(hidden)) - x
    squared = (error * error).sum() * (0.5 / len(y))
    return squared + 3.0 * divergence.sum() + 0.5 * DECAY * squares(model)


def hinge(torch: Any, model: Any, x: Any, y: Any) -> Any:
    """The margin loss of two classes, -1 and 1."""
    return torch.nn.functional.relu(1 - y * model(x)).mean()


def squares(model: Any) -> Any:
    """The sum of the squares of all weights."""
    first, *rest = [(p * p).sum() for p in model.parameters() if p.ndim > 1]
    for term in rest:
        first = first + term
    return first


DECAY, SPARSITY = 1e-3, 0.05


# --- the two kinds ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """A step of training: forward, loss, backward, update."""

    name: str
    about: str
    model: Callable[[Any], Any]  # of a namespace `nn`
    shape: tuple[int, ...]  # of the batch
    optimizer: str = "SGD"
    settings: dict[str, Any] = field(default_factory=lambda: {"lr": 0.01})
    loss: Callable = cross_entropy

    def data(self) -> tuple[Array, Array]:
        """A batch, and its targets: classes, or -1 and 1 for the hinge."""
        rng = np.random.default_rng(SEED)
        x = rng.standard_normal(self.shape, np.float32)
        if self.loss is hinge:
            return x, np.where(x[:, :1] * x[:, 1:2] > 0, 1, -1).astype(np.float32)
        if self.loss is sparse_reconstruction:  # its outputs are sigmoids
            x = rng.random(self.shape, np.float32)
        return x, rng.integers(0, 10, self.shape[0])

    def weights(self, names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """The first values of the parameters with these names: He's, and norms that do nothing."""
        rng = np.random.default_rng(SEED + 1)
        made = []
        for name, shape in zip(names, shapes, strict=True):
            if len(shape) > 1:
                scale = np.float32((2 / prod(shape[1:])) ** 0.5)
                made.append(rng.standard_normal(shape, np.float32) * scale)
            else:
                made.append(np.full(shape, float(name.endswith("weight")), np.float32))
        return made


@dataclass(frozen=True)
class Expression:
    """An expression of arrays; with `backward`, also the gradients of those in `wanted`.

    `compiled` is False where the cost of single operations is what is measured: then no library may
    compile them together.
    """

    name: str
    about: str
    compute: Callable  # of `torch` and the inputs
    shapes: tuple[tuple[int, ...], ...]
    dtype: str = "float32"
    backward: bool = True
    wanted: tuple[int, ...] | None = None  # None: all inputs
    compiled: bool = True
    draw: Callable[[np.random.Generator, tuple[int, ...]], Array] | None = None

    def inputs(self) -> list[Array]:
        """The arrays."""
        rng = np.random.default_rng(SEED)
        draw = self.draw or (lambda rng, shape: rng.standard_normal(shape))
        return [np.asarray(draw(rng, shape)).astype(self.dtype) for shape in self.shapes]

    def differentiated(self) -> tuple[int, ...]:
        """Which inputs want a gradient."""
        if not self.backward:
            return ()
        return tuple(range(len(self.shapes))) if self.wanted is None else self.wanted

    def upstream(self, shape: tuple[int, ...]) -> Array:
        """The gradient of the result."""
        rng = np.random.default_rng(SEED + 1)
        return np.asarray(rng.standard_normal(shape)).astype(self.dtype)


def digest(arrays: Sequence[Array]) -> float:
    """One number that all elements and their order go into: how results are compared."""
    total = 0.0
    for array in arrays:
        if array.ndim == 0:
            total += float(array)
        else:
            flat = np.abs(array.ravel().astype(np.float64))
            total += float(flat @ (1 + np.arange(flat.size) % 7)) / flat.size
    return total


# --- the list -----------------------------------------------------------------------------------


def fully_connected(widths: Sequence[int], norm: bool = False) -> Callable:
    """Affine layers with ReLU, and batch norm if wanted, between them."""

    def build(nn: Any) -> Any:
        layers = []
        for before, after in pairwise(widths[:-1]):
            layers += [nn.Linear(before, after)]
            layers += [nn.BatchNorm1d(after)] if norm else []
            layers += [nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))

    return build


def autoencoder(nn: Any) -> Any:
    """256 sigmoids out of 64."""
    return nn.Sequential(nn.Linear(256, 64), nn.Sigmoid(), nn.Linear(64, 256), nn.Sigmoid())


def three_layer_convnet(nn: Any) -> Any:
    """conv - relu - pool - affine - relu - affine."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 7, padding=3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(32 * 16 * 16, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip


def barebones_convnet(nn: Any) -> Any:
    """Two convolutions without pooling."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 32 * 32, 10),
    )  # fmt: skip


def conv_blocks(nn: Any) -> Any:
    """Three blocks of conv - batch norm - relu - pool."""
    layers = []
    for before, after, size in ((3, 16, 5), (16, 32, 3), (32, 64, 3)):
        layers += [nn.Conv2d(before, after, size, padding=size // 2), nn.BatchNorm2d(after)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, 10))


def chain(torch: Any, x: Any, w: Any) -> Any:
    """A thousand operations on ten numbers: all bookkeeping."""
    y = x
    for _ in range(500):
        y = (y * w) + x
    return y


def convolution(**settings: int) -> Callable:
    """A convolution with bias."""
    return lambda torch, x, w, b: torch.nn.functional.conv2d(x, w, b, **settings)


def max_pool(torch: Any, x: Any) -> Any:
    """The largest of each square of four."""
    return torch.nn.functional.max_pool2d(x, 2)


ADAM, CAREFUL_ADAM = {"lr": 1e-3}, {"lr": 1e-4}
NESTEROV = {"lr": 1e-3, "momentum": 0.9, "nesterov": True}
IMAGE = (3, 32, 32)
STRIDED = ((100, 3, 31, 31), (25, 3, 3, 3), (25,))
DEEP = ((32, 64, 28, 28), (64, 64, 3, 3), (64,))

_LIST: list[Training | Expression] = [
    Training("W1", "two layers 3072-200-10, L2; N=200, SGD",
             fully_connected([3072, 200, 10]), (200, 3072), loss=decayed_cross_entropy),
    Training("W2", "five layers 3072-[200]x4-10; N=256, Adam",
             fully_connected([3072, *[200] * 4, 10]), (256, 3072), "Adam", ADAM),
    Training("W2b", "W2 with batch norm",
             fully_connected([3072, *[200] * 4, 10], norm=True), (256, 3072), "Adam", ADAM),
    Training("W3", "conv 7x7 (32), pool, affine 500 and 10; N=50, Adam",
             three_layer_convnet, (50, *IMAGE), "Adam", CAREFUL_ADAM),
    Training("W4", "conv 5x5 (32), conv 3x3 (16), affine; N=64, SGD Nesterov",
             barebones_convnet, (64, *IMAGE), "SGD", NESTEROV),
    Training("W5", "three conv-BN-ReLU-pool blocks (16, 32, 64), affine; N=64, Adam",
             conv_blocks, (64, *IMAGE), "Adam", ADAM),
    Training("W6", "sparse autoencoder 256-64-256; N=128, SGD",
             autoencoder, (128, 256), loss=sparse_reconstruction),
    Expression("W7", "1000 additions and products of 10 numbers",
               chain, ((10,), (10,)), wanted=(0,), compiled=False,
               draw=lambda rng, shape: rng.uniform(0.99, 1.0, shape)),
    Training("W7b", "two layers of 16, 2 inputs, hinge loss; N=100, SGD",
             fully_connected([2, 16, 16, 1]), (100, 2), loss=hinge),
    Expression("W8f", "conv 3x3 (3 to 25), stride 2, float64; N=100, forward alone",
               convolution(stride=2, padding=1), STRIDED, "float64", backward=False),
    Expression("W8", "W8f and its three gradients",
               convolution(stride=2, padding=1), STRIDED, "float64"),
    Expression("W8bf", "conv 3x3 (64 to 64) on 28x28; N=32, forward alone",
               convolution(padding=1), DEEP, backward=False),
    Expression("W8b", "W8bf and its three gradients", convolution(padding=1), DEEP),
    Expression("W9f", "max pool 2x2 of (100, 3, 32, 32), forward alone",
               max_pool, ((100, 3, 32, 32),), backward=False),
    Expression("W9", "W9f and its gradient", max_pool, ((100, 3, 32, 32),)),
]  # fmt: skip

WORKLOADS = {workload.name: workload for workload in _LIST}
