"""Pictures of training: curves, images, filters, mistakes, and comparisons of many runs.

Every function takes the Axes to draw on (`ax`), or makes a figure of its own, and returns the
Axes; `ax.figure.savefig("curves.png")` writes it. Nothing is shown and no setting is changed.
Images stand channels first, as everywhere in this package.
"""

from __future__ import annotations

from .bars import plot_bars
from .curves import plot_history, plot_lines, plot_runs, plot_sweep, plot_training
from .figures import new_axes, new_figure, png
from .images import plot_filters, plot_images, plot_mistakes

__all__ = [
    "new_axes",
    "new_figure",
    "plot_bars",
    "plot_filters",
    "plot_history",
    "plot_images",
    "plot_lines",
    "plot_mistakes",
    "plot_runs",
    "plot_sweep",
    "plot_training",
    "png",
]
