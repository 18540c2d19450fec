"""Dropout: what a network gives up in training, and what it gains elsewhere."""

from __future__ import annotations

from tinygrad_edu.nn import models, optim
from tinygrad_edu.plot import new_figure, plot_runs

from .frame import Options, Result, experiment
from .training import History, Pictures, best, fit, start_from

DROPPED = {"no dropout": 0.0, "dropout of 75 %": 0.75}


@experiment("dropout", "Dropout makes the gap between training and validation smaller")
def dropout(options: Options) -> Result:
    """Two layers, 500 hidden units, few training pictures, Adam."""
    n, epochs = (500, 15) if options.quick else (500, 25)
    pictures = Pictures(n, n, options.data)
    settings = [{"pictures": pictures, "p": p, "epochs": epochs} for p in DROPPED.values()]
    histories = dict(zip(DROPPED, options.sweep(_trial, settings), strict=True))
    figure = new_figure(10, 3.4, f"Two layers, 500 hidden units, {n} training pictures")
    values = ("train_accuracy", "validation_accuracy")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, value in zip(axes, values, strict=True):
        plot_runs(histories, ax, value=value)
    table = [_row(name, history) for name, history in histories.items()]
    without, dropped = (row["gap in accuracy"] for row in table)
    return Result(
        claims={"with dropout the gap of the last epoch is smaller": dropped < without},
        table=table,
        pictures={"dropout": figure},
        series={"histories": histories},
    )


def _trial(pictures: Pictures, p: float, epochs: int) -> History:
    model = start_from(models.FullyConnectedNet([500], dropout=p), weight_scale=1e-2)
    optimizer = optim.Adam(model.parameters(), lr=5e-4)
    return fit(model, pictures.arrays(), optimizer, num_epochs=epochs, batch_size=100).history


def _row(name: str, history: History) -> dict:
    training, validation = history["train_accuracy"][-1], history["validation_accuracy"][-1]
    return {
        "network": name,
        "training accuracy": training,
        "validation accuracy": validation,
        "gap in accuracy": training - validation,
        "best validation accuracy": best(history, "validation_accuracy"),
    }
