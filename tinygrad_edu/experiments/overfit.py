"""Overfitting: a network that cannot learn fifty pictures by heart has a mistake in it."""

from __future__ import annotations

from tinygrad_edu.nn import models, optim
from tinygrad_edu.plot import new_figure, plot_runs

from .frame import Options, Result, experiment
from .training import History, Pictures, best, fit, start_from

EPOCHS = 20
# Hidden layers of 100: the learning rate and the scale of the first weights for each depth.
SETTINGS = {3: (2e-3, 3e-2), 5: (2e-3, 8e-2)}


@experiment("overfit", "Networks of 3 and 5 layers learn 50 pictures by heart in 20 epochs")
def overfit(options: Options) -> Result:
    """Plain SGD on 50 pictures, batches of 25."""
    pictures = Pictures(50, 100 if options.quick else 1000, options.data)
    settings = [{"pictures": pictures, "layers": layers} for layers in SETTINGS]
    histories = dict(zip(SETTINGS, options.sweep(_trial, settings), strict=True))
    figure = new_figure(10, 3.4, "50 pictures, plain SGD")
    for ax, value in zip(figure.subplots(1, 2), ("train_loss", "train_accuracy"), strict=True):
        plot_runs({f"{n} layers": history for n, history in histories.items()}, ax, value=value)
    return Result(
        claims={
            f"{n} layers reach 100 % on the 50 pictures within {EPOCHS} epochs":
                best(history, "train_accuracy") == 1
            for n, history in histories.items()
        },
        table=[_row(n, history) for n, history in histories.items()],
        pictures={"overfit": figure},
        series={"histories": histories},
    )  # fmt: skip


def _trial(pictures: Pictures, layers: int) -> History:
    lr, weight_scale = SETTINGS[layers]
    model = start_from(models.FullyConnectedNet([100] * (layers - 1)), weight_scale)
    optimizer = optim.SGD(model.parameters(), lr)
    return fit(model, pictures.arrays(), optimizer, num_epochs=EPOCHS, batch_size=25).history


def _row(layers: int, history: History) -> dict:
    accuracies = history["train_accuracy"]
    return {
        "layers": layers,
        "learning rate": SETTINGS[layers][0],
        "first weights": SETTINGS[layers][1],
        "first epoch at 100 %": accuracies.index(1) + 1 if 1 in accuracies else None,
        "training accuracy": accuracies[-1],
        "validation accuracy": best(history, "validation_accuracy"),
    }
