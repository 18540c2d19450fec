"""Curves: what changes over the epochs, and what comes of many runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import ShapeError, describe

from .figures import BLUE, GREEN, GREY, ORANGE, PINK, SKY, array, new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_history", "plot_lines", "plot_runs", "plot_sweep", "plot_training"]

# Colour, line and marker of the first line of a picture, of the second, ...
_STYLES = [
    (BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (PINK, ":", "D"), (SKY, "-", "v"),
    ("black", "--", "x"),
]  # fmt: skip
_MARKED = 50  # points of a line that are marked; of more the marks would hide the line
_PARTS = {"train": "training", "validation": "validation"}
_UNITS = {"loss": "loss (nats)", "accuracy": "accuracy (%)"}


def plot_lines(
    lines: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    x: Sequence[float] | None = None,
    xlabel: str = "epoch",
    ylabel: str = "",
    xscale: str = "linear",
    yscale: str = "linear",
    title: str = "",
) -> Axes:
    """Draw lines, told apart by colour, dashes and marks, with their names in a legend.

    `lines` has the values of each under its name: one per `x`, which counts from 1 if not given.
    What is not finite leaves a gap.
    Errors: ShapeError for a line of another length than `x`.

    >>> from tinygrad_edu.plot import plot_lines
    >>> ax = plot_lines({"plain": [0.1, 0.4], "norm": [0.4, 0.5]}, x=[1e-4, 1e-2], xscale="log")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['plain', 'norm']
    """
    ax = new_axes(5, 3.4) if ax is None else ax
    for number, (label, values) in enumerate(lines.items()):
        _line(ax, number, label, array(values), x)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale=xscale)
    if xscale == "linear":
        _whole_ticks(ax)
    if yscale == "log":
        _logarithmic(ax)
    ax.grid(alpha=0.25)
    ax.legend(framealpha=0.85, edgecolor="none")  # its words can be read on a line too
    return ax


def plot_history(
    history: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    *,
    value: str = "loss",
    best_epoch: int | None = None,
) -> Axes:
    """Draw a value per epoch, in training and in validation; mark the best epoch if given.

    `history` has lists of the same length under `train_<value>` and `validation_<value>`, as
    `Solver.history` has for "loss" (nats, on a logarithmic axis if it falls to a tenth) and
    "accuracy" (0 to 1, drawn in percent); one of the two may be missing.

    Errors: ValueError if both are missing.

    >>> from tinygrad_edu.plot import plot_history
    >>> ax = plot_history({"train_loss": [1.2, 0.4], "validation_loss": [0.8, 0.5]})
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('epoch', 'loss (nats)')
    """
    names = {f"{part}_{value}": label for part, label in _PARTS.items()}
    if not names.keys() & history.keys():
        expected = " or ".join(map(repr, names))
        raise ValueError(describe("plot_history", "history", expected, sorted(history)))
    ax = new_axes(5, 3.4) if ax is None else ax
    for number, (name, label) in enumerate(names.items()):
        if name in history:  # a part has its colour whether or not the other is there
            _line(ax, number, label, _in_units(history[name], value))
    if best_epoch:
        ax.axvline(best_epoch, color=GREY, lw=1, ls=":", label=f"best epoch ({best_epoch})")
    return _finish_epochs(ax, value, value.capitalize())


def plot_runs(
    histories: Mapping[str, Mapping[str, Sequence[float]]],
    ax: Axes | None = None,
    *,
    value: str = "train_loss",
) -> Axes:
    """Draw one value per epoch of several runs, with their names in a legend.

    `histories` has a history, such as `Solver.history`, under the name of each run; `value` is a
    name in them. Losses and accuracies are drawn as by `plot_history`.
    Errors: ValueError for a history without that value.

    >>> from tinygrad_edu.plot import plot_runs
    >>> ax = plot_runs({"sgd": {"train_loss": [2.3, 2.1]}, "adam": {"train_loss": [2.1, 1.5]}})
    >>> ax.get_title(), len(ax.lines)
    ('Training loss', 2)
    """
    ax = new_axes(5, 3.4) if ax is None else ax
    part, _, quantity = value.partition("_")
    for number, (label, history) in enumerate(histories.items()):
        if value not in history:
            raise ValueError(describe("plot_runs", "value", f"one of {sorted(history)}", value))
        _line(ax, number, label, _in_units(history[value], quantity))
    return _finish_epochs(ax, quantity, f"{_PARTS.get(part, part)} {quantity}".capitalize())


def _line(ax: Axes, number: int, label: str, values: np.ndarray, x: Any = None) -> None:
    color, dashes, marker = _STYLES[number % len(_STYLES)]
    x = np.arange(1, len(values) + 1) if x is None else array(x)
    if len(x) != len(values):
        raise ShapeError(describe("plot_lines", label, f"{len(x)} values, as x", len(values)))
    marked = marker if len(x) <= _MARKED else ""
    ax.plot(x, values, dashes, color=color, marker=marked, ms=3.5, label=label)


def _in_units(values: Sequence[float], quantity: str) -> np.ndarray:
    return np.asarray(values, dtype=float) * (100 if quantity == "accuracy" else 1)


def _finish_epochs(ax: Axes, quantity: str, title: str) -> Axes:
    """Words and ticks of a picture over the epochs."""
    ax.set(xlabel="epoch", ylabel=_UNITS.get(quantity, quantity), title=title)
    _whole_ticks(ax)
    low, high = ax.dataLim.intervaly
    if quantity == "loss" and 0 < 10 * low < high:
        _logarithmic(ax)
    ax.grid(alpha=0.25)
    ax.legend(framealpha=0.85, edgecolor="none")  # its words can be read on a line too
    return ax


def _whole_ticks(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def _logarithmic(ax: Axes) -> None:
    """A logarithmic axis, with plain numbers on it unless they would be too many."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_yscale("log")
    low, high = ax.dataLim.intervaly
    if high > 1e5 * low:
        return
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def plot_training(
    history: Mapping[str, Sequence[float]],
    axes: Sequence[Axes] | None = None,
    *,
    best_epoch: int | None = None,
    title: str = "",
) -> Sequence[Axes]:
    """Draw loss and accuracy side by side: `plot_history` on two Axes.

    >>> from tinygrad_edu.plot import plot_training
    >>> history = {"train_loss": [1.2, 0.4], "train_accuracy": [0.7, 0.9]}
    >>> [ax.get_title() for ax in plot_training(history)]
    ['Loss', 'Accuracy']
    """
    if axes is None:
        axes = new_figure(9, 3.4, title).subplots(1, 2)
    for value, ax in zip(("loss", "accuracy"), axes, strict=True):
        plot_history(history, ax, value=value, best_epoch=best_epoch)
    return axes


def plot_sweep(
    x: Sequence[float],
    y: Sequence[float],
    accuracies: Sequence[float],
    ax: Axes | None = None,
    *,
    xlabel: str = "learning rate",
    ylabel: str = "regularisation",
    title: str = "Accuracy",
) -> Axes:
    """Draw a point for each run of a sweep, coloured by its accuracy; ring the best.

    `x` and `y` are two settings of the runs, drawn on logarithmic axes. Accuracies are from 0 to
    1 and drawn in percent; nan is that of a run that failed, which gets a grey cross.
    Errors: ShapeError for three lists that are not as long, or empty.

    >>> from tinygrad_edu.plot import plot_sweep
    >>> ax = plot_sweep([1e-3, 1e-2, 1e-1], [1e-5, 1e-5, 1e-5], [0.3, 0.4, float("nan")])
    >>> ax.get_xscale(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('log', ['best (40.0%)', 'diverged'])
    """
    across, up, percent = array(x), array(y), 100 * array(accuracies)
    if not len(across) == len(up) == len(percent) > 0:
        got = f"{len(across)}, {len(up)} and {len(percent)}"
        expected = "one length, of at least 1"
        raise ShapeError(describe("plot_sweep", "x, y, accuracies", expected, got))
    ax = new_axes(5, 3.8) if ax is None else ax
    failed = ~np.isfinite(percent)
    points = ax.scatter(across[~failed], up[~failed], c=percent[~failed], s=70, cmap="viridis")
    if not failed.all():
        best = np.nanargmax(percent)
        ax.scatter(
            across[best], up[best], s=170, facecolors="none", edgecolors=ORANGE, linewidths=1.5,
            label=f"best ({percent[best]:.1f}%)",
        )  # fmt: skip
    if failed.any():
        ax.scatter(across[failed], up[failed], c=GREY, marker="x", s=40, label="diverged")
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel, title=title)
    ax.margins(0.1)
    ax.figure.colorbar(points, ax=ax, label="accuracy (%)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False)
    return ax
