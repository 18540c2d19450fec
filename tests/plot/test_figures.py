"""Figures: made without pyplot, and written as files."""

from __future__ import annotations

import subprocess
import sys

from source import ROOT

from tinygrad_edu.plot import new_axes, new_figure, png


def size(content: bytes) -> tuple[int, int]:
    """Width and height, from the header of a PNG file."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def test_png_takes_a_figure_and_any_of_its_axes():
    figure = new_figure(4, 2, title="Two")
    axes = figure.subplots(1, 2)
    assert figure.get_suptitle() == "Two"
    assert png(figure) == png(axes[0]) == png(axes[1])


def test_png_is_as_large_as_asked_for():
    widths = [size(png(new_axes(4, 2), dpi=dpi))[0] for dpi in (50, 100)]
    assert 150 < widths[0] < 250 and widths[1] > 1.9 * widths[0]


def test_pictures_need_no_pyplot_and_change_no_setting():
    code = (
        "import sys, numpy as np, matplotlib as mpl\n"
        "from tinygrad_edu import plot\n"
        "before = dict(mpl.rcParams)\n"
        "ax = plot.plot_filters(np.eye(4)); ax.figure.savefig(sys.stdout.buffer)\n"
        "plot.plot_history({'train_loss': [1, .01]}).figure.savefig(sys.stdout.buffer)\n"
        "assert dict(mpl.rcParams) == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
