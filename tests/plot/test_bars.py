"""Bars: their lengths, the parts they are made of, and what stands beside them."""

from __future__ import annotations

import pytest
from pictures import draw

from tinygrad_edu.errors import ShapeError
from tinygrad_edu.plot import new_axes, plot_bars


def lengths(ax) -> list[list[tuple[float, float]]]:
    """Start and length of each bar, for each part."""
    return [[(bar.get_x(), bar.get_width()) for bar in part] for part in ax.containers]


def test_parts_are_drawn_end_to_end_from_top_to_bottom():
    ax = plot_bars({"conv": [3.0, 5.0], "relu": [1.0, 0.5]}, parts=("forward", "backward"))
    assert lengths(ax) == [[(0.0, 3.0), (0.0, 1.0)], [(3.0, 5.0), (1.0, 0.5)]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["forward", "backward"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["conv", "relu"]
    assert ax.yaxis_inverted() and ax.get_xlim() == (0, 8.4)


def test_bars_of_no_length():
    ax = plot_bars({"a": [0.0, 2.0], "b": [0.0, 0.0]}, parts=("x", "y"))
    assert ax.get_xlim() == (0, 2.1)
    assert plot_bars({"a": 0.0}).get_xlim() == (0, 1.05)


def test_plain_bars_have_no_legend_and_take_the_axes_given():
    given = new_axes(4, 2)
    ax = plot_bars({"a": 2, "b": 4}, given, xlabel="ms", title="Time")
    assert ax is given and ax.get_legend() is None
    assert lengths(ax) == [[(0.0, 2.0), (0.0, 4.0)]]
    assert (ax.get_xlabel(), ax.get_title()) == ("ms", "Time")


@pytest.mark.parametrize("xscale", ["linear", "log"])
def test_what_bars_come_to_stands_inside_the_picture(xscale):
    ax = plot_bars({"a": 2300.0, "b": 40.0}, label="{:,.0f} times", xscale=xscale)
    assert [text.get_text() for text in ax.texts] == ["2,300 times", "40 times"]
    _, boxes = draw(ax)
    frame = ax.get_window_extent()
    assert all(box.x1 < frame.x1 for box in boxes)
    assert ax.get_xlim()[0] == (0 if xscale == "linear" else 10)


def test_a_bar_needs_a_number_for_each_part():
    with pytest.raises(ShapeError, match=r"bars\['b'\]\": expected 2 numbers, one .*, got 1"):
        plot_bars({"a": [1.0, 2.0], "b": [1.0]}, parts=("x", "y"))
    with pytest.raises(ShapeError, match="expected 1 numbers"):
        plot_bars({"a": [1.0, 2.0]})
