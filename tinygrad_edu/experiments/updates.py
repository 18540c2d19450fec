"""Update rules: how fast a deep network learns with each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_edu.nn import models, optim
from tinygrad_edu.plot import new_figure, plot_runs

from .frame import Options, Result, experiment
from .training import History, Pictures, best, fit, start_from

RULES: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda parameters: optim.SGD(parameters, lr=5e-3),
    "sgd with momentum": lambda parameters: optim.SGD(parameters, lr=5e-3, momentum=0.9),
    "rmsprop": lambda parameters: optim.RMSprop(parameters, lr=1e-4),
    "adam": lambda parameters: optim.Adam(parameters, lr=1e-3),
}


@experiment("update-rules", "Momentum, RMSProp and Adam learn faster than plain SGD, on six layers")
def update_rules(options: Options) -> Result:
    """Five hidden layers of 100, first weights of scale 0.05, batches of 100."""
    n = 1000 if options.quick else 4000
    pictures = Pictures(n, n // 4, options.data)
    settings = [{"pictures": pictures, "rule": rule} for rule in RULES]
    histories = dict(zip(RULES, options.sweep(_trial, settings), strict=True))
    figure = new_figure(13, 3.6, f"Six layers, {n:,} training pictures")
    values = ("train_loss", "train_accuracy", "validation_accuracy")
    for ax, value in zip(figure.subplots(1, 3), values, strict=True):
        plot_runs(histories, ax, value=value)
    losses = {rule: history["train_loss"][-1] for rule, history in histories.items()}
    return Result(
        claims={
            f"after 5 epochs {rule} has a lower training loss than plain sgd":
                losses[rule] < losses["sgd"]
            for rule in list(RULES)[1:]
        },
        table=[
            {
                "update rule": rule,
                "training loss": history["train_loss"][-1],
                "training accuracy": history["train_accuracy"][-1],
                "best validation accuracy": best(history, "validation_accuracy"),
            }
            for rule, history in histories.items()
        ],
        pictures={"update-rules": figure},
        series={"histories": histories},
    )  # fmt: skip


def _trial(pictures: Pictures, rule: str) -> History:
    model = start_from(models.FullyConnectedNet([100] * 5), weight_scale=5e-2)
    optimizer = RULES[rule](model.parameters())
    return fit(model, pictures.arrays(), optimizer, num_epochs=5, batch_size=100).history
