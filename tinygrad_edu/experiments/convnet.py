"""The three-layer convolutional network: it learns by heart, and its filters are looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.nn import models, optim
from tinygrad_edu.nn.callbacks import ProgressBar
from tinygrad_edu.plot import new_figure, plot_images, plot_training

from .frame import Options, Result, experiment
from .training import History, Pictures, best, fit, start_from


@experiment("convnet-overfit", "A three-layer convnet learns 100 pictures by heart, and no more")
def convnet_overfit(options: Options) -> Result:
    """32 filters of 7x7, 100 hidden units, Adam."""
    n, filters = (50, 8) if options.quick else (100, 32)
    pictures = Pictures(n, 100 if options.quick else 1000, options.data)
    setting = {"pictures": pictures, "filters": filters, "epochs": 15 if options.quick else 30}
    (history,) = options.sweep(_overfit, [setting])
    title = f"Three-layer convnet, {n} training pictures"
    loss, _ = plot_training(history, title=title)
    training, validation = (best(history, f"{part}_accuracy") for part in ("train", "validation"))
    return Result(
        claims={
            "it recognises at least 95 % of the pictures it was trained on": training >= 0.95,
            "and less than half as many of others": validation < training / 2,
        },
        table=[{
            "training pictures": n,
            "best training accuracy": training,
            "best validation accuracy": validation,
        }],
        pictures={"convnet-overfit": loss},
        series={"history": history},
    )  # fmt: skip


def _overfit(pictures: Pictures, filters: int, epochs: int) -> History:
    model = start_from(models.ThreeLayerConvNet(filters), weight_scale=1e-2)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return fit(model, pictures.arrays(), optimizer, num_epochs=epochs, batch_size=50).history


@experiment("convnet-filters", "The first layer of a convnet learns smooth spots and edges")
def convnet_filters(options: Options) -> Result:
    """The same network trained on more pictures; its filters as pictures, before and after."""
    n, filters, epochs = (400, 8, 2) if options.quick else (10000, 32, 5)
    pictures = Pictures(n, 100 if options.quick else 1000, options.data)
    setting = {"pictures": pictures, "filters": filters, "epochs": epochs}
    ((history, *weights),) = options.sweep(_filters, [setting])
    smoothness = [_smoothness(weight) for weight in weights]
    title = f"Filters of the first layer (red, green and blue), {n:,} training pictures"
    figure = new_figure(12, 3.6, title)
    names = ("at the start", f"after {_count(epochs, 'epoch')}")
    for ax, name, weight in zip(figure.subplots(1, 2), names, weights, strict=True):
        plot_images(weight, ax=ax, columns=min(filters, 8), stretch=True).set_title(name)
    return Result(
        claims={
            "the filters become smooth: weights side by side agree (correlation above 0.3)":
                smoothness[1] > 0.3,
            "which they do not at the start (below 0.1)": smoothness[0] < 0.1,
        },
        table=[{
            "training pictures": n,
            "epochs": epochs,
            "best validation accuracy": best(history, "validation_accuracy"),
            "correlation of neighbours, start": smoothness[0],
            "correlation of neighbours, end": smoothness[1],
        }],
        pictures={"convnet-filters": figure},
        series={"history": history},
    )  # fmt: skip


def _filters(pictures: Pictures, filters: int, epochs: int) -> tuple[History, Any, Any]:
    model: Any = start_from(models.ThreeLayerConvNet(filters), weight_scale=1e-3)
    before = model[0].weight.numpy(force=True).copy()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    settings = {"num_epochs": epochs, "batch_size": 50, "callbacks": [ProgressBar(leave=False)]}
    solver = fit(model, pictures.arrays(), optimizer, **settings)
    return solver.history, before, model[0].weight.numpy(force=True)


def _smoothness(weight: np.ndarray) -> float:
    """The correlation of weights (F, C, H, W) with those right of them and below them."""
    sides = [(weight[..., :-1], weight[..., 1:]), (weight[..., :-1, :], weight[..., 1:, :])]
    a, b = (np.concatenate([np.ravel(side[i]) for side in sides]) for i in (0, 1))
    return float(np.corrcoef(a, b)[0, 1])


def _count(n: int, word: str) -> str:
    return f"{n} {word}" + ("s" if n > 1 else "")
