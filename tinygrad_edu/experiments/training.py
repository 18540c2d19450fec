"""What the experiments share: their data, and training with the settings they are about."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import datasets
from tinygrad_edu.modes import no_grad
from tinygrad_edu.nn import Module, Solver, init

from .frame import reading

__all__ = ["Pictures", "best", "fit", "start_from"]

History = dict[str, list[float]]
# Of CIFAR-10, in the order of its labels.
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


class Pictures(NamedTuple):
    """CIFAR-10 or its stand-in, in small parts; a trial that gets this makes them where it runs."""

    train: int
    validation: int
    folder: str | None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the ten classes."""
        return CLASSES if self.folder else datasets.SYNTHETIC_CLASSES

    def arrays(self) -> dict[str, np.ndarray]:
        """X_train, y_train, X_val, y_val: pictures in units of 0 to 255, less the mean picture."""
        return _arrays(self)


@lru_cache(maxsize=2)
def _arrays(pictures: Pictures) -> dict[str, np.ndarray]:
    train, validation, folder = pictures
    with reading():
        return datasets.cifar10_split(folder or "synthetic", train, validation, 0)


def start_from(model: Module, weight_scale: float) -> Module:
    """Draw all weights from a normal distribution of this standard deviation; biases are 0."""
    with no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                init.normal_(parameter, std=weight_scale)
            elif name.endswith("bias"):
                init.zeros_(parameter)
    return model


def fit(model: Module, data: Any, optimizer: Any, **settings: Any) -> Solver:
    """Train, and measure the accuracy on up to 1000 training examples after each epoch."""
    solver = Solver(model, data, optimizer, num_train_samples=1000, **settings)
    solver.train()
    return solver


def best(history: History, value: str) -> float:
    """The highest value of all epochs."""
    return max(history[value])
