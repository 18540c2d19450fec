"""The course's functions that read CIFAR-10, over the data set of `tinygrad_edu.datasets`."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from tinygrad_edu.datasets import CIFAR10, cifar10_split

__all__ = ["get_CIFAR10_data", "load_CIFAR10"]

Folder = str | PathLike


def load_CIFAR10(ROOT: Folder) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All of CIFAR-10 as (X_train, y_train, X_test, y_test).

    `ROOT` is the folder cifar-10-batches-py, or that which holds it or its archive.
    Shapes: X (N, 32, 32, 3), float64 from 0 to 255; y (N,), int64.
    Errors: DataFileError for files that are missing, damaged or not the original.
    """
    parts = [CIFAR10(_root(ROOT), train=train) for train in (True, False)]
    pairs = [(part.data.astype(np.float64), np.array(part.targets)) for part in parts]
    return *pairs[0], *pairs[1]


def get_CIFAR10_data(
    num_training: int = 49000, num_validation: int = 1000, num_test: int = 1000,
    subtract_mean: bool = True, *, root: Folder = "cs231n/datasets",
) -> dict[str, np.ndarray]:  # fmt: skip
    """CIFAR-10 as the course divides it: X_train, y_train, X_val, y_val, X_test, y_test.

    `root` is the folder cifar-10-batches-py, or that which holds it or its archive, or "synthetic":
    then the pictures are made, without any files, by `datasets.synthetic_cifar10`.
    `subtract_mean` takes the mean picture of the training part from all three.
    Shapes: X (N, 3, 32, 32), float64; y (N,), int64.
    Errors: DataFileError for files that are missing, damaged or not the original; ValueError for
    more pictures than there are.
    """
    place = root if root == "synthetic" else _root(root)
    return cifar10_split(place, num_training, num_validation, num_test, subtract_mean, np.float64)


def _root(folder: Folder) -> Path:
    """The folder that holds the one with the batches."""
    path = Path(folder)
    return path.parent if path.name == CIFAR10.base_folder else path
