"""The pictures of a run, made of its record."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import report, scaling
from benchmarks.harness import OURS, REFERENCE
from tinygrad_edu.plot import new_axes, new_figure, plot_bars, plot_lines, png
from tinygrad_edu.plot.figures import BLUE, GREEN, GREY, ORANGE, PINK, SKY

MARKS = {
    "numpy-manual": (ORANGE, "s"), "jax": (GREEN, "^"), "mygrad": (PINK, "D"),
    "autograd": (GREY, "v"), "tinygrad": (SKY, "o"),
}  # fmt: skip


def ratios(record: dict[str, Any]) -> Any:
    """Time over PyTorch's, for every workload: bars for this package, marks for the others."""
    results = record["workloads"]
    names = list(results)
    ax = new_axes(9, 4.2)
    ours = report.ratios(results, OURS)
    for place, name in enumerate(names):
        if name not in ours:
            continue
        ax.bar(place, ours[name] - 1, bottom=1, color=BLUE, width=0.6)
        rounds = zip(*(results[name][peer]["times"] for peer in (OURS, REFERENCE)), strict=True)
        spread = [mine / theirs for mine, theirs in rounds]
        ax.plot([place, place], [min(spread), max(spread)], color="black", linewidth=1)
    for peer, (colour, mark) in MARKS.items():
        found = report.ratios(results, peer)
        places = [names.index(name) for name in found]
        if found:
            ax.plot(places, list(found.values()), mark, color=colour, markersize=5, label=peer)
    ax.axhline(1, color="black", linewidth=1)
    ax.bar(0, 0, bottom=1, color=BLUE, label=f"{OURS} (line: all rounds)")
    ax.set_yscale("log")
    ax.set_xticks(range(len(names)), names)
    plain_ticks(ax.yaxis)
    ax.set(ylabel=f"time / time of {REFERENCE}", title="A training step: below 1 is faster")
    ax.grid(axis="y", alpha=0.25)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * 3)  # room for the legend
    ax.legend(frameon=False, ncols=3, fontsize="small")
    return ax


def plain_ticks(axis: Any) -> None:
    """Write 0.5, 10, 200 along a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def growth(record: dict[str, Any]) -> Any:
    """Milliseconds a step against the size of the batch, and against the depth."""
    results = record["scaling"]
    figure = new_figure(9, 3.4)
    titles = {"batch": "W5: size of the batch", "depth": "fully connected, 100 wide: layers"}
    for ax, (series, sizes) in zip(figure.subplots(1, 2), scaling.SERIES.items(), strict=True):
        lines = {
            peer: [
                statistics.median(results[name][peer].get("times") or [float("nan")]) * 1e3
                for name in sizes.values()
            ]
            for peer in next(iter(results.values()))
        }
        plot_lines(lines, ax, x=list(sizes), xlabel=titles[series], ylabel="ms a step")
        ax.set_xlim(0)
        ax.set_ylim(0)
    return figure


def course(record: dict[str, Any]) -> Any:
    """How many times faster the course's layers are than their loops."""
    factors = {name: t["naive"] / t["fast"] for name, t in record["course"].items()}
    xlabel = "time of the loops / time of the fast function"
    return plot_bars(factors, label="{:,.0f} times", xscale="log", xlabel=xlabel)


def profile(record: dict[str, Any]) -> Any:
    """Milliseconds of a step by operation, for each profiled workload."""
    profiles = record["profile"]
    figure = new_figure(5 * len(profiles), 3.6)
    for ax, (name, found) in zip(
        figure.subplots(1, len(profiles), squeeze=False)[0], profiles.items(), strict=True
    ):
        plot_bars(found["bars"], ax, parts=found["parts"], xlabel="ms a step", title=name)
    return figure


PICTURES: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "ratios.png": ("workloads", ratios),
    "growth.png": ("scaling", growth),
    "profile.png": ("profile", profile),
    "course.png": ("course", course),
}


def write(record: dict[str, Any], folder: Path) -> list[str]:
    """Draw all that the record has figures for; the names of the files."""
    written = []
    for name, (part, draw) in PICTURES.items():
        if part not in record or (part == "workloads" and not report.ratios(record[part], OURS)):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(draw(record)))
        written.append(name)
    return written
