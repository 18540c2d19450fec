"""Batch norm and layer norm: against the scale of the first weights, and the size of batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.nn import models, optim
from tinygrad_edu.plot import new_figure, plot_lines, plot_runs

from .frame import Options, Result, experiment
from .training import History, Pictures, best, fit, start_from

PLAIN, BATCH, LAYER = "no norm", "batch norm", "layer norm"
NORMS = {PLAIN: None, BATCH: "batchnorm", LAYER: "layernorm"}


@experiment("batchnorm-scale", "Batch norm learns from first weights of almost any scale")
def batchnorm_scale(options: Options) -> Result:
    """Eight layers of 50, scales from 1e-4 to 1, with and without batch norm."""
    n, epochs, scales = (500, 6, 3) if options.quick else (1000, 10, 17)
    pictures = Pictures(n, 200 if options.quick else 1000, options.data)
    shared = {"pictures": pictures, "hidden_dims": [50] * 7, "epochs": epochs, "batch_size": 50}
    weight_scales = np.logspace(-4, 0, scales).tolist()
    settings = [
        {"norm": norm, "weight_scale": scale, "lr": 1e-3, **shared}
        for norm in (PLAIN, BATCH) for scale in weight_scales
    ]  # fmt: skip
    histories = options.sweep(_trial, settings)
    runs = {PLAIN: histories[:scales], BATCH: histories[scales:]}
    figure = new_figure(13, 3.6, f"Eight layers, {n:,} training pictures, {epochs} epochs of Adam")
    figures = {name: _by_scale(name, runs) for name in ("training", "validation", "loss")}
    for ax, (name, lines) in zip(figure.subplots(1, 3), figures.items(), strict=True):
        loss = name == "loss"
        plot_lines(
            lines, ax, x=weight_scales, xscale="log", xlabel="scale of the first weights",
            ylabel="loss (nats)" if loss else "accuracy (%)", yscale="log" if loss else "linear",
            title="Last training loss" if loss else f"Best {name} accuracy",
        )  # fmt: skip
    learns = {name: [_learns(history) for history in runs[name]] for name in runs}
    return Result(
        claims={
            f"with batch norm it learns from each of {scales} scales (training accuracy of at "
            "least 15 %, where chance gives 10 %)": all(learns[BATCH]),
            "without it, it does not from the smallest": not learns[PLAIN][0],
        },
        table=[
            {
                "scale": scale,
                **{f"training accuracy, {k}": best(runs[k][i], "train_accuracy") for k in runs},
                **{f"validation accuracy, {k}": best(runs[k][i], "validation_accuracy")
                   for k in runs},
            }
            for i, scale in enumerate(weight_scales)
        ],
        pictures={"batchnorm-scale": figure},
        series={"scales": weight_scales, "histories": runs},
    )  # fmt: skip


def _by_scale(name: str, runs: dict[str, list[History]]) -> dict[str, list[float]]:
    """What came of each run: its last loss, or its best accuracy in percent."""
    if name == "loss":
        return {k: [history["train_loss"][-1] for history in v] for k, v in runs.items()}
    value = {"training": "train_accuracy", "validation": "validation_accuracy"}[name]
    return {k: [100 * best(history, value) for history in v] for k, v in runs.items()}


def _learns(history: History) -> bool:
    return best(history, "train_accuracy") >= 0.15


@experiment("norm-batch-size", "Batch norm suffers from small batches, layer norm does not")
def norm_batch_size(options: Options) -> Result:
    """Six layers of 100, batches of 5, 10 and 50, and a net without norm for comparison."""
    n, epochs = (500, 5) if options.quick else (1000, 10)
    sizes = (5, 50) if options.quick else (5, 10, 50)
    pictures = Pictures(n, 200 if options.quick else 1000, options.data)
    shared = {
        "pictures": pictures, "hidden_dims": [100] * 5, "weight_scale": 2e-2, "lr": 10**-3.5,
        "epochs": epochs,
    }  # fmt: skip
    kinds = [(PLAIN, 50), *((norm, size) for norm in (BATCH, LAYER) for size in sizes)]
    settings = [{"norm": norm, "batch_size": size, **shared} for norm, size in kinds]
    runs = dict(zip(kinds, options.sweep(_trial, settings), strict=True))
    figure = new_figure(10, 7, f"Six layers, {n:,} training pictures, Adam")
    for row, norm in zip(figure.subplots(2, 2, sharey="row"), (BATCH, LAYER), strict=True):
        shown = {
            f"{k}, batches of {size}": h for (k, size), h in runs.items() if k in (PLAIN, norm)
        }
        for ax, value in zip(row, ("train_accuracy", "validation_accuracy"), strict=True):
            plot_runs(shown, ax, value=value)
    final = {kind: best(history, "train_accuracy") for kind, history in runs.items()}
    lost = {norm: final[norm, 50] - final[norm, 5] for norm in (BATCH, LAYER)}
    return Result(
        claims={
            "batch norm reaches less in training with batches of 5 than with 50": lost[BATCH] > 0,
            "layer norm loses less by small batches than batch norm": lost[LAYER] < lost[BATCH],
        },
        table=[
            {
                "norm": norm,
                "batch size": size,
                "best training accuracy": final[norm, size],
                "best validation accuracy": best(history, "validation_accuracy"),
            }
            for (norm, size), history in runs.items()
        ],
        pictures={"norm-batch-size": figure},
        series={"histories": {f"{norm}, {size}": h for (norm, size), h in runs.items()}},
    )


def _trial(
    pictures: Pictures, norm: str, hidden_dims: list[int], weight_scale: float, lr: float,
    epochs: int, batch_size: int,
) -> History:  # fmt: skip
    model: Any = models.FullyConnectedNet(hidden_dims, normalization=NORMS[norm])
    optimizer = optim.Adam(start_from(model, weight_scale).parameters(), lr=lr)
    fitted = fit(model, pictures.arrays(), optimizer, num_epochs=epochs, batch_size=batch_size)
    return fitted.history
