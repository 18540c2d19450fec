"""The layout: every value above what is made of it, no boxes that touch, few crossings."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu.drawing.layered import GAP, ROW_GAP, Layered

SIZE = (80.0, 30.0)


@st.composite
def graphs(draw) -> tuple[dict, list]:
    """Boxes of several sizes, and edges from smaller to larger numbers, some of them twice."""
    count = draw(st.integers(1, 12))
    sizes = {i: draw(st.sampled_from([SIZE, (40.0, 30.0), (150.0, 60.0)])) for i in range(count)}
    pairs = list(combinations(range(count), 2))
    return sizes, draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []


@given(graphs())
def test_every_graph_without_cycles_is_laid_out(graph):
    sizes, edges = graph
    layout = Layered(sizes, edges)
    for a, b in edges:
        assert layout.centre[a][1] < layout.centre[b][1]
    for a, b in combinations(sizes, 2):
        (xa, ya), (xb, yb) = layout.centre[a], layout.centre[b]
        apart = abs(xa - xb) - (sizes[a][0] + sizes[b][0]) / 2
        between = abs(ya - yb) - (sizes[a][1] + sizes[b][1]) / 2
        assert apart > GAP - 1e-6 or between > ROW_GAP - 1e-6
    for box, (width, height) in sizes.items():
        x, y = layout.centre[box]
        assert width / 2 - 1e-6 <= x <= layout.width - width / 2 + 1e-6
        assert height / 2 - 1e-6 <= y <= layout.height - height / 2 + 1e-6


@given(graphs())
def test_edges_go_from_the_bottom_of_a_box_to_the_top_of_another(graph):
    sizes, edges = graph
    layout = Layered(sizes, edges)
    ports = []
    for (a, b), route in zip(edges, layout.route, strict=True):
        for box, (x, y), side in ((a, route[0], 1), (b, route[-1], -1)):
            centre = layout.centre[box]
            assert y == pytest.approx(centre[1] + side * sizes[box][1] / 2)
            assert abs(x - centre[0]) < sizes[box][0] / 2
            ports.append((box, side, round(x, 6)))
        assert np.all(np.diff([y for _, y in route]) > 0)
    assert len(set(ports)) == len(ports)  # edges side by side, not one on the other


def test_crossings_are_undone():
    """Two chains whose parts are given crosswise."""
    sizes = dict.fromkeys(["a", "b", "x", "y", "p", "q"], SIZE)
    layout = Layered(sizes, [("a", "y"), ("b", "x"), ("y", "q"), ("x", "p")])
    x = {box: layout.centre[box][0] for box in sizes}
    assert (x["a"] < x["b"]) == (x["y"] < x["x"]) == (x["q"] < x["p"])
    assert x["a"] == pytest.approx(x["y"]) == pytest.approx(x["q"])


def test_a_long_edge_passes_beside_the_boxes_of_the_rows_between():
    layout = Layered(dict.fromkeys("abcd", SIZE), [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    *_, route = layout.route
    assert len(route) == 4
    for x, y in route[1:-1]:
        (box,) = [box for box in "bc" if layout.centre[box][1] == pytest.approx(y)]
        assert abs(x - layout.centre[box][0]) > SIZE[0] / 2


def test_a_box_stands_just_above_what_uses_it():
    layout = Layered(dict.fromkeys("abcw", SIZE), [("a", "b"), ("b", "c"), ("w", "c")])
    assert layout.centre["w"][1] == layout.centre["b"][1]


def test_nothing_at_all():
    layout = Layered({}, [])
    assert layout.route == []
