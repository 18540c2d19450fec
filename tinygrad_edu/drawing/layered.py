"""A layered layout of a graph without cycles: rows from the inputs, at the top, to the results.

Every box stands as low as the longest way from it to a result allows. An edge over several rows
gets a bend in each. The order in the rows comes from barycentres, the places along them from least
squares. Source: Sugiyama, Tagawa and Toda (1981), Methods for Visual Understanding of Hierarchical
System Structures.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise

import numpy as np

Point = tuple[float, float]

GAP = 26.0  # between neighbours in a row
BEND_GAP = 10.0  # between edges that pass by each other
ROW_GAP = 42.0  # between rows
_SWEEPS = 12


class Layered:
    """The layout of boxes of given sizes (width, height) and edges (from, to).

    `centre` has the middle of each box, `route` the points of each edge, from the bottom of a box
    to the top of another; `width` and `height` are those of the whole.
    """

    def __init__(
        self, sizes: Mapping[Hashable, Point], edges: Sequence[tuple[Hashable, Hashable]]
    ) -> None:
        self.sizes: dict[Hashable, Point] = dict(sizes)
        self.edges = list(edges)
        self._assign_rows()
        self._bend_long_edges()
        self._order_rows()
        self._place()
        self.route = [self._points(i) for i in range(len(self.edges))]

    # --- rows -------------------------------------------------------------------------------

    def _assign_rows(self) -> None:
        """The number of edges on the longest way down to a result."""
        above: dict[Hashable, list[Hashable]] = {box: [] for box in self.sizes}
        for a, b in self.edges:
            above[b].append(a)
        order = [*TopologicalSorter(above).static_order()][::-1]
        row = dict.fromkeys(order, 0)
        for box in order:
            for a in above[box]:
                row[a] = max(row[a], row[box] + 1)
        self.last = max(row.values(), default=0)
        self.row = {box: self.last - row[box] for box in self.sizes}

    def _bend_long_edges(self) -> None:
        """A chain of links from row to row for each edge."""
        self.chain: list[list[Hashable]] = []
        for i, (a, b) in enumerate(self.edges):
            bends = [("bend", i, row) for row in range(self.row[a] + 1, self.row[b])]
            for bend in bends:
                self.sizes[bend], self.row[bend] = (0.0, 0.0), bend[2]
            self.chain.append([a, *bends, b])
        self.up: dict[Hashable, list[Hashable]] = {box: [] for box in self.sizes}
        self.down: dict[Hashable, list[Hashable]] = {box: [] for box in self.sizes}
        for a, b in (link for chain in self.chain for link in pairwise(chain)):
            self.down[a].append(b)
            self.up[b].append(a)

    # --- order ------------------------------------------------------------------------------

    def _order_rows(self) -> None:
        """Sort each row by the mean places of the neighbours, down and up; keep the best order."""
        self.rows: list[list[Hashable]] = [[] for _ in range(self.last + 1)]
        for box in self.sizes:
            self.rows[self.row[box]].append(box)
        best, fewest = [list(row) for row in self.rows], self._crossings()
        place = {box: i for row in self.rows for i, box in enumerate(row)}
        for sweep in range(_SWEEPS):
            near = self.up if sweep % 2 else self.down
            for row in self.rows if sweep % 2 else self.rows[::-1]:
                row.sort(key=lambda box: _mean([place[n] for n in near[box]], place[box]))
                place.update((box, i) for i, box in enumerate(row))
            if (crossings := self._crossings()) < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
        self.rows = best

    def _crossings(self) -> int:
        """How many pairs of links cross."""
        place = {box: i for row in self.rows for i, box in enumerate(row)}
        count = 0
        for row in self.rows:
            links = sorted((place[a], place[b]) for a in row for b in self.down[a])
            ends = np.array([end for _, end in links], int)
            count += int(np.triu(ends[:, None] > ends, 1).sum())
        return count

    # --- places -----------------------------------------------------------------------------

    def _place(self) -> None:
        """x by least squares towards the neighbours, y by the heights of the rows."""
        x: dict[Hashable, float] = {}
        for row in self.rows:
            x.update(zip(row, self._apart(row, [0.0] * len(row)), strict=True))
        for sweep in range(2 * _SWEEPS):
            near = self.up if sweep % 2 else self.down
            for row in self.rows if sweep % 2 else self.rows[::-1]:
                wanted = [self._wanted(box, near[box], x) for box in row]
                x.update(zip(row, self._apart(row, wanted), strict=True))
        left = min((x[box] - self.sizes[box][0] / 2 for box in x), default=0.0)
        self.centre: dict[Hashable, Point] = {}
        top = 0.0
        for row in self.rows:
            height = max((self.sizes[box][1] for box in row), default=0.0)
            for box in row:
                self.centre[box] = (x[box] - left, top + height / 2)
            top += height + ROW_GAP
        self.height = top - ROW_GAP
        self.width = max((x[box] + self.sizes[box][0] / 2 - left for box in x), default=0.0)

    def _wanted(
        self, box: Hashable, near: Sequence[Hashable], x: Mapping[Hashable, float]
    ) -> float:
        """The mean place of the neighbours; what begins here, as parameters do, counts little."""
        weighted = [(x[n], 1.0 if self.up[n] else 0.05) for n in near]
        weight = sum(w for _, w in weighted)
        return sum(place * w for place, w in weighted) / weight if weighted else x[box]

    def _apart(self, row: Sequence[Hashable], wanted: Sequence[float]) -> list[float]:
        """The places nearest to those wanted (bends are stubborn) at which no two boxes touch.

        Neighbours that would touch are moved as one block to the mean of what they want.
        """
        halves = [
            self.sizes[box][0] / 2 + (GAP if self.sizes[box][1] else BEND_GAP) / 2 for box in row
        ]
        offset = np.cumsum([0.0, *[a + b for a, b in pairwise(halves)]]).tolist()
        blocks: list[tuple[float, float, int]] = []  # (place, weight, count)
        for box, want, shift in zip(row, wanted, offset, strict=False):
            place, weight, count = want - shift, 8.0 if self.sizes[box][1] == 0 else 1.0, 1
            while blocks and blocks[-1][0] >= place:
                p, w, n = blocks.pop()
                place = (p * w + place * weight) / (w + weight)
                weight, count = w + weight, count + n
            blocks.append((place, weight, count))
        places = [place for place, _, count in blocks for _ in range(count)]
        return [p + shift for p, shift in zip(places, offset, strict=False)]

    # --- edges ------------------------------------------------------------------------------

    def _points(self, i: int) -> list[Point]:
        """The points of an edge; those that share a side of a box leave it side by side."""
        chain = self.chain[i]
        a, b = chain[0], chain[-1]
        (_, ya), (_, yb) = self.centre[a], self.centre[b]
        start = (self._port(i, a, 0, 1), ya + self.sizes[a][1] / 2)
        end = (self._port(i, b, -1, -2), yb - self.sizes[b][1] / 2)
        return [start, *[self.centre[bend] for bend in chain[1:-1]], end]

    def _port(self, i: int, box: Hashable, end: int, next_to: int) -> float:
        """Where on the side of its box an edge begins (`end` 0) or ends (-1)."""
        sharing = [j for j, chain in enumerate(self.chain) if chain[end] == box]
        sharing.sort(key=lambda j: (self.centre[self.chain[j][next_to]][0], j))
        step = min(22.0, 0.8 * self.sizes[box][0] / len(sharing))
        return self.centre[box][0] + step * (sharing.index(i) - (len(sharing) - 1) / 2)


def _mean(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise
