"""The ladder of a course: how accurate five networks become, each deeper than the one before.

    python -m benchmarks.ladder [--data FOLDER] [--only NAME ...] [--quick] [--seed 0] [--json FILE]

The pictures are those of `datasets.synthetic_cifar10`, or CIFAR-10's if `--data` names the folder
that `datasets.CIFAR10` reads: 49,000 to train with, 1,000 for validation and 1,000 to test. Every
network has the settings that course notes give it, on pixels less the mean picture. Its accuracy on
the validation pictures is that of its best epoch, and the accuracy on the test pictures that of the
same weights. `--quick` trains on a tenth of the pictures, to see that all runs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn
from tinygrad_edu.experiments.training import start_from
from tinygrad_edu.nn import models, optim
from tinygrad_edu.nn.evaluation import accuracy, predict

Arrays = dict[str, np.ndarray]


class Rung(NamedTuple):
    """A network, how it is trained, and the validation accuracy that course notes print for it."""

    published: float
    model: Callable[[], nn.Module]
    optimizer: Callable[..., optim.Optimizer]
    epochs: int
    batch_size: int
    weight_scale: float | None = None  # standard deviation of the first weights; None: as they come
    lr_decay: float = 1.0  # of the learning rate after every epoch
    unit: float = 1.0  # pixels are divided by it


RUNGS = {
    "softmax": Rung(
        0.39, models.SoftmaxClassifier, partial(optim.SGD, lr=1e-6),
        epochs=10, batch_size=200, weight_scale=1e-4,
    ),
    "two-layer": Rung(
        0.52, models.TwoLayerNet, partial(optim.SGD, lr=1e-4, momentum=0.9, weight_decay=1e-3),
        epochs=10, batch_size=200, weight_scale=1e-3, lr_decay=0.9,
    ),
    "fully-connected": Rung(
        0.53, partial(models.FullyConnectedNet, [100] * 4, normalization="batchnorm"),
        partial(optim.Adam, lr=1e-3), epochs=10, batch_size=100, lr_decay=0.9,
    ),
    "three-layer-convnet": Rung(
        0.50, partial(models.ThreeLayerConvNet, hidden_dim=500), partial(optim.Adam, lr=1e-3),
        epochs=1, batch_size=50, weight_scale=1e-3,
    ),
    "conv-blocks": Rung(
        0.74, models.ConvBlocksNet, partial(optim.Adam, lr=1e-3),
        epochs=10, batch_size=64, unit=64.0,
    ),
}  # fmt: skip


def pictures(folder: str | None, quick: bool, seed: int) -> Arrays:
    """X_train, y_train and so on for "val" and "test"; pixels less the mean picture."""
    counts = (4900 if quick else 49000, 1000, 1000)
    return datasets.cifar10_split(folder or "synthetic", *counts, seed=seed)


def climb(rung: Rung, arrays: Arrays, seed: int) -> dict[str, Any]:
    """Train one network; its accuracies and seconds."""
    tg.manual_seed(seed)
    model = rung.model()
    if rung.weight_scale is not None:
        start_from(model, rung.weight_scale)
    scaled = {k: v / np.float32(rung.unit) if k[0] == "X" else v for k, v in arrays.items()}
    start = time.perf_counter()
    solver = nn.Solver(
        model, scaled, rung.optimizer, num_epochs=rung.epochs, batch_size=rung.batch_size,
        scheduler=lambda optimizer: optim.lr_scheduler.ExponentialLR(optimizer, rung.lr_decay),
    )  # fmt: skip
    history = solver.train()
    seconds = time.perf_counter() - start
    test = datasets.TensorDataset(tg.from_numpy(scaled["X_test"]), tg.from_numpy(scaled["y_test"]))
    output, target = predict(model, datasets.DataLoader(test, rung.batch_size))
    return {
        "published": rung.published,
        "validation": max(history["validation_accuracy"]),
        "test": accuracy(output, target).float().mean().item(),
        "best_epoch": solver.best_epoch,
        "seconds": round(seconds, 1),
        "history": history,
    }


HEAD = "| network | notes | validation | test | epoch | seconds |\n|---|--:|--:|--:|--:|--:|"


def line(name: str, result: Mapping[str, Any]) -> str:
    """A line of the table."""
    accuracies = " | ".join(f"{result[key]:.3f}" for key in ("published", "validation", "test"))
    return f"| {name} | {accuracies} | {result['best_epoch']} | {result['seconds']:.0f} |"


def main() -> None:
    """Train the networks, print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", metavar="FOLDER", help="read CIFAR-10 here (default: synthetic)")
    parser.add_argument("--only", nargs="+", choices=RUNGS, default=list(RUNGS), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="a tenth of the pictures")
    parser.add_argument("--seed", type=int, default=0, help="of pictures, weights and batches")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here")
    options = parser.parse_args()
    arrays = pictures(options.data, options.quick, options.seed)
    print(HEAD, flush=True)
    results = {}
    for name in options.only:
        results[name] = climb(RUNGS[name], arrays, options.seed)
        print(line(name, results[name]), flush=True)
    if options.json is not None:
        about = {
            "data": options.data or "synthetic_cifar10",
            "train": len(arrays["X_train"]),
            "seed": options.seed,
            "version": tg.__version__,
        }
        options.json.write_text(json.dumps(about | {"rungs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
