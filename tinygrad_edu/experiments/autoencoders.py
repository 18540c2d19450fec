"""Sparse autoencoders on patches of a photograph: what their hidden units look for.

Settings are the documents' (batches of 128, lambda, beta, rho), with Adam in place of plain SGD:
100 epochs of it come to a lower loss than 1000 of SGD.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import datasets
from tinygrad_edu.modes import Generator, no_grad
from tinygrad_edu.nn import Solver, SparseAutoencoder, SparseAutoencoderLoss, optim
from tinygrad_edu.plot import new_figure, plot_images, plot_lines

from .frame import Options, Result, experiment, reading

SHOWN = 16  # patches beside their reconstructions
Runs = dict[str, dict[str, Any]]  # what `_trial` returns, by the name of the run


class Patches(NamedTuple):
    """Patches as `datasets.patches` makes them; a trial that gets this makes them where it runs."""

    number: int
    seed: int
    source: str | None

    def tensor(self) -> Any:
        """The patches (N, 1, 16, 16), from .1 to .9."""
        return _patches(self).tensors[0]


@lru_cache(maxsize=2)
def _patches(patches: Patches) -> datasets.TensorDataset:
    generator = Generator().manual_seed(patches.seed)
    with reading():
        return datasets.patches(patches.source, patches.number, generator=generator)


@experiment("autoencoder-size", "A sparse autoencoder with more hidden units reconstructs better")
def autoencoder_size(options: Options) -> Result:
    """25, 64 and 100 hidden units, lambda 1e-3, beta 8e-3, rho .25."""
    loss = {"lambda_": 1e-3, "beta": 8e-3, "rho": 0.25}
    settings = {f"{hidden} units": {"hidden": hidden, **loss} for hidden in (25, 64, 100)}
    runs, pictures = _conduct("autoencoder-size", options, settings)
    explained = [run["explained"] for run in runs.values()]
    return Result(
        claims={
            "the more hidden units, the better the reconstruction": explained == sorted(explained),
            "25 units explain at least half of the variance of 256 pixels": explained[0] >= 0.5,
        },
        table=[_row("hidden units", settings[name]["hidden"], run) for name, run in runs.items()],
        pictures=pictures,
        series={"histories": {name: run["history"] for name, run in runs.items()}},
    )


@experiment("autoencoder-rho", "The units of a sparse autoencoder are as active as rho asks for")
def autoencoder_rho(options: Options) -> Result:
    """64 hidden units, lambda 5e-4, beta 8e-3, rho .2, .5 and .8."""
    rhos = (0.2, 0.5, 0.8)
    loss = {"lambda_": 5e-4, "beta": 8e-3}
    settings = {f"rho {rho}": {"hidden": 64, "rho": rho, **loss} for rho in rhos}
    runs, pictures = _conduct("autoencoder-rho", options, settings)
    active = np.array([run["activations"].mean() for run in runs.values()])
    nearest = np.abs(active[:, None] - np.array(rhos)).argmin(1)
    return Result(
        claims={
            "the mean activation is nearer to its own rho than to another": (
                nearest.tolist() == [0, 1, 2]
            ),
        },
        table=[_row("rho", settings[name]["rho"], run) for name, run in runs.items()],
        pictures=pictures,
        series={"histories": {name: run["history"] for name, run in runs.items()}},
    )


def _conduct(name: str, options: Options, settings: dict[str, dict]) -> tuple[Runs, dict[str, Any]]:
    """The runs by their names, and the pictures that show them."""
    patches = Patches(1024 if options.quick else 10240, options.seed, options.data)
    shared = {"patches": patches, "epochs": 20 if options.quick else 100}
    trials = options.sweep(_trial, [shared | setting for setting in settings.values()])
    runs = dict(zip(settings, trials, strict=True))
    title = f"Sparse autoencoder on {patches.number:,} patches of 16x16 pixels"
    features = new_figure(13, 4.8, f"{title}: what the hidden units look for")
    for ax, (run, found) in zip(features.subplots(1, len(runs)), runs.items(), strict=True):
        units = found["features"]
        plot_images(units, ax=ax, columns=isqrt(len(units)), stretch=True).set_title(run)
    return runs, {
        f"{name}-features": features,
        f"{name}-reconstructions": _side_by_side(title, patches, runs),
        f"{name}-loss": plot_lines(
            {run: found["history"]["train_loss"] for run, found in runs.items()},
            ylabel="loss",
            title="Training loss",
        ),
    }


def _side_by_side(title: str, patches: Patches, runs: Runs) -> Any:
    figure = new_figure(12, 1 + 0.85 * (len(runs) + 1), f"{title}: reconstructions")
    rows = {"patches": patches.tensor()[_shown(patches)]}
    rows |= {name: run["reconstructions"] for name, run in runs.items()}
    for ax, (name, images) in zip(figure.subplots(len(rows), 1), rows.items(), strict=True):
        plot_images(images, ax=ax, columns=SHOWN, limits=(0.1, 0.9))
        ax.set_title(name, loc="left", size=9, pad=2)
    return figure


def _shown(patches: Patches) -> list[int]:
    """Which patches are looked at: some of the quarter with the highest contrast."""
    contrast = patches.tensor().numpy().std((1, 2, 3))
    quarter = contrast.argsort()[-(len(contrast) // 4) :]
    return sorted(quarter[:: max(len(quarter) // SHOWN, 1)][:SHOWN].tolist())


def _trial(
    patches: Patches, hidden: int, lambda_: float, beta: float, rho: float, epochs: int
) -> dict[str, Any]:
    inputs = patches.tensor()
    model = SparseAutoencoder(inputs[0].numel(), hidden)
    solver = Solver(
        model, (_patches(patches), None), optim.Adam(model.parameters(), lr=3e-3),
        loss=SparseAutoencoderLoss(lambda_, beta, rho), metric=None, batch_size=128,
        num_epochs=epochs,
    )  # fmt: skip
    history = solver.train()
    with no_grad():
        result = model(inputs)
    x, output = inputs.numpy(), result.output.numpy()
    return {
        "history": history,
        "features": model.encoder.weight.numpy(force=True).reshape(hidden, *inputs.shape[2:]),
        "reconstructions": output[_shown(patches)],
        "activations": result.hidden.numpy().mean(0),
        "explained": float(1 - ((x - output) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()),
    }


def _row(setting: str, value: Any, run: dict[str, Any]) -> dict[str, Any]:
    return {
        setting: value,
        "last loss": run["history"]["train_loss"][-1],
        "explained variance": run["explained"],
        "mean activation": run["activations"].mean(),
        "least active unit": run["activations"].min(),
        "most active unit": run["activations"].max(),
    }
