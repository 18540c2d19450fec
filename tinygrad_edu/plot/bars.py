"""Bars: amounts under names, each perhaps made of parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_edu.errors import ShapeError, describe

from .figures import BLUE, GREEN, ORANGE, PINK, SKY, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_bars"]

_COLOURS = [BLUE, ORANGE, GREEN, PINK, SKY]


def plot_bars(
    bars: Mapping[str, float | Sequence[float]],
    ax: Axes | None = None,
    *,
    parts: Sequence[str] = (),
    label: str = "",
    xlabel: str = "",
    xscale: str = "linear",
    title: str = "",
) -> Axes:
    """Draw horizontal bars from top to bottom; with `parts`, a legend and each part's length.

    `bars` has a number under each name, or one for each of `parts`, which are drawn end to end.
    `label`, a format such as "{:.0f} times", writes what a bar comes to at its end.
    Errors: ShapeError for a bar that has not one number for each part.

    >>> from tinygrad_edu.plot import plot_bars
    >>> ax = plot_bars({"loops": 250.0, "matmul": 1.0}, label="{:.0f} ms", xscale="log")
    >>> [text.get_text() for text in ax.texts]
    ['250 ms', '1 ms']
    """
    values = {name: np.atleast_1d(value) for name, value in bars.items()}
    for name, value in values.items():
        if value.shape != (max(len(parts), 1),):
            raise ShapeError(
                describe("plot_bars", f"bars[{name!r}]", f"{max(len(parts), 1)} numbers, one for "
                         "each part", f"{value.size}")
            )  # fmt: skip
    ax = new_axes(6, 0.8 + 0.3 * len(values)) if ax is None else ax
    ends = np.zeros(len(values))
    for number, part in enumerate(parts or [""]):
        lengths = np.array([value[number] for value in values.values()])
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = ax.barh(list(values), lengths, left=ends, color=colour, label=part)
        ends = ends + lengths
    if label:
        ax.bar_label(drawn, [label.format(end) for end in ends], padding=3)
    ax.set(xlabel=xlabel, title=title, xscale=xscale)
    # Bars of no length would take the margin away; and what stands at the end needs room.
    if xscale == "log":
        start = 10.0 ** np.floor(np.log10(ends.min()))
        ax.set_xlim(start, start * (ends.max() / start) ** 1.3)
        ax.xaxis.set_major_formatter("{x:,g}")
    else:
        ax.set_xlim(0, (ends.max() or 1.0) * (1.3 if label else 1.05))
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.25)
    ax.set_axisbelow(True)
    if parts:
        ax.legend(frameon=False)
    return ax
