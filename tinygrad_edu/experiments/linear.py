"""The linear classifier: what its weights look like, and how its two settings decide."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.nn import models, optim
from tinygrad_edu.nn.solver import NonFiniteLossError
from tinygrad_edu.plot import new_figure, plot_images, plot_sweep

from .frame import Options, Result, experiment
from .training import History, Pictures, best, fit, start_from


@experiment("softmax-weights", "The weights of a linear classifier are a template of each class")
def softmax_weights(options: Options) -> Result:
    """Softmax loss, plain SGD, strong regularisation, so that the weights show what is common."""
    n, reg = (2000, 1e5) if options.quick else (5000, 1e4)
    pictures = Pictures(n, n // 5, options.data)
    setting = {"pictures": pictures, "lr": 1e-6, "reg": reg, "epochs": 30}
    ((history, weight),) = options.sweep(_train, [setting])
    arrays = pictures.arrays()
    means = np.stack([arrays["X_train"][arrays["y_train"] == k].mean(0) for k in range(10)])
    own = np.corrcoef(weight.reshape(10, -1), means.reshape(10, -1))[:10, 10:]
    recognised = own.argmax(1) == np.arange(10)
    figure = new_figure(12, 3.2, "A linear classifier, class by class")
    shown = {"weights": weight, "class mean": means}
    for ax, (name, images) in zip(figure.subplots(2, 1), shown.items(), strict=True):
        plot_images(images, pictures.classes, ax, columns=10, stretch=True)
        ax.text(0, 0.45, name, rotation=90, ha="right", va="center", transform=ax.transAxes)
    return Result(
        claims={
            "the weights of each class are more like the mean picture of that class than like any "
            "other's": bool(recognised.all()),
        },
        table=[
            {"class": name, "correlation with its own mean": own[k, k],
             "highest with another's": np.delete(own[k], k).max()}
            for k, name in enumerate(pictures.classes)
        ],
        pictures={"softmax-weights": figure},
        series={"validation accuracy": best(history, "validation_accuracy"), "history": history},
    )  # fmt: skip


@experiment("sweep", "A good learning rate and regularisation are found by trying many of both")
def hyperparameters(options: Options) -> Result:
    """The same classifier for all pairs of 9 learning rates and 9 regularisations."""
    n, epochs, side = (2500, 20, 3) if options.quick else (4000, 20, 9)
    pictures = Pictures(n, n // 4, options.data)
    grid = [
        {"lr": lr, "reg": reg}
        for reg in np.logspace(2, 6, side).tolist() for lr in np.logspace(-8, -4, side).tolist()
    ]  # fmt: skip
    settings = [{"pictures": pictures, "epochs": epochs, **setting} for setting in grid]
    accuracies = options.sweep(_accuracies, settings)
    rows = [setting | found for setting, found in zip(grid, accuracies, strict=True)]
    figure = new_figure(11, 4.2, f"Softmax classifier, {len(grid)} runs of {epochs} epochs")
    lr, reg = ([row[name] for row in rows] for name in ("lr", "reg"))
    for ax, part in zip(figure.subplots(1, 2), ("training", "validation"), strict=True):
        values = [row[f"{part} accuracy"] for row in rows]
        plot_sweep(lr, reg, values, ax, title=f"{part.capitalize()} accuracy")
    # The grid as (reg, lr), with 0 for what diverged.
    validation = np.nan_to_num([row["validation accuracy"] for row in rows]).reshape(side, side)
    return Result(
        claims={
            "the best learning rate in validation is neither the smallest nor the largest":
                0 < validation.max(0).argmax() < side - 1,
            "the best regularisation is at least ten times the smallest":
                reg[int(validation.argmax())] >= 10 * min(reg),
        },
        table=sorted(rows, key=lambda row: -np.nan_to_num(row["validation accuracy"]))[:10],
        pictures={"sweep": figure},
        series={"runs": rows},
    )  # fmt: skip


def _train(pictures: Pictures, lr: float, reg: float, epochs: int) -> tuple[History, np.ndarray]:
    model: Any = start_from(models.SoftmaxClassifier(), weight_scale=1e-3)
    weight, bias = model.parameters()
    groups = [{"params": [weight], "weight_decay": reg}, {"params": [bias]}]
    optimizer = optim.SGD(groups, lr=lr)
    solver = fit(model, pictures.arrays(), optimizer, num_epochs=epochs, batch_size=200)
    return solver.history, weight.numpy(force=True).reshape(-1, 3, 32, 32)


def _accuracies(**setting: Any) -> dict[str, float]:
    """What `_train` comes to, nan if it diverges."""
    try:
        history, _ = _train(**setting)
    except NonFiniteLossError:
        return {"training accuracy": math.nan, "validation accuracy": math.nan}
    epoch = int(np.argmax(history["validation_accuracy"]))
    return {
        "training accuracy": history["train_accuracy"][epoch],
        "validation accuracy": history["validation_accuracy"][epoch],
    }
