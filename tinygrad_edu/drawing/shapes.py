"""Boxes, curves and texts, and the two ways to write them down: SVG, and Matplotlib for PNG.

Lengths are pixels, y grows downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from os import PathLike
from typing import Any

Point = tuple[float, float]
_FONT = "DejaVu Sans, Verdana, sans-serif"
_ARROW = 4.5


@dataclass(frozen=True)
class Rectangle:
    """A box with round corners; `tip` is shown by browsers when the mouse rests on it."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str
    radius: float = 5.0
    line: float = 1.0
    dashed: bool = False
    tip: str = ""

    def svg(self) -> str:
        dashes = ' stroke-dasharray="4 3"' if self.dashed else ""
        tip = f"<title>{escape(self.tip)}</title>" if self.tip else ""
        return (
            f'<rect x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" '
            f'height="{self.height:.1f}" rx="{self.radius:g}" fill="{self.fill}" '
            f'stroke="{self.stroke}" stroke-width="{self.line:g}"{dashes}>{tip}</rect>'
        )

    def paint(self, ax: Any) -> None:
        from matplotlib.patches import FancyBboxPatch

        r = self.radius
        patch = FancyBboxPatch(
            (self.x + r, self.y + r), self.width - 2 * r, self.height - 2 * r,
            boxstyle=f"round,pad={r},rounding_size={r}", facecolor=self.fill,
            edgecolor=self.stroke, linewidth=self.line, linestyle="--" if self.dashed else "-",
        )  # fmt: skip
        ax.add_patch(patch)


@dataclass(frozen=True)
class Arrow:
    """A curve through points, upright in each, with a head at the end."""

    points: Sequence[Point]
    stroke: str
    dashed: bool = False

    def svg(self) -> str:
        (x, y), *_ = self.points
        steps = [f"M{x:.1f},{y:.1f}"]
        for (x1, y1), (x2, y2) in pairwise(self.stem()):
            middle = (y1 + y2) / 2
            steps.append(f"C{x1:.1f},{middle:.1f} {x2:.1f},{middle:.1f} {x2:.1f},{y2:.1f}")
        dashes = ' stroke-dasharray="4 3"' if self.dashed else ""
        head = " ".join(f"{x:.1f},{y:.1f}" for x, y in self.head())
        return (
            f'<path d="{" ".join(steps)}" fill="none" stroke="{self.stroke}"{dashes}/>'
            f'<polygon points="{head}" fill="{self.stroke}"/>'
        )

    def paint(self, ax: Any) -> None:
        from matplotlib.patches import PathPatch, Polygon
        from matplotlib.path import Path

        points, codes = [self.points[0]], [Path.MOVETO]
        for (x1, y1), (x2, y2) in pairwise(self.stem()):
            middle = (y1 + y2) / 2
            points += [(x1, middle), (x2, middle), (x2, y2)]
            codes += [Path.CURVE4] * 3
        style = "--" if self.dashed else "-"
        path = Path(points, codes)
        ax.add_patch(PathPatch(path, fill=False, edgecolor=self.stroke, lw=1, linestyle=style))
        ax.add_patch(Polygon(self.head(), facecolor=self.stroke, lw=0))

    def stem(self) -> list[Point]:
        """The points, the last one at the back of the head."""
        *points, (x, y) = self.points
        return [*points, (x, y - _ARROW)]

    def head(self) -> list[Point]:
        """The corners of the head."""
        x, y = self.points[-1]
        return [(x - 0.7 * _ARROW, y - 1.4 * _ARROW), (x + 0.7 * _ARROW, y - 1.4 * _ARROW), (x, y)]

    def at(self, share: float) -> Point:
        """A point of the curve, by the share of its stretches that lies before it."""
        place = share * (len(self.points) - 1)
        number = min(int(place), len(self.points) - 2)
        t = place - number
        (x1, y1), (x2, y2) = self.points[number : number + 2]
        across = t * t * (3 - 2 * t)
        along = 1.5 * t * (1 - t) + t**3  # both are those of a Bezier curve that is upright
        return x1 + (x2 - x1) * across, y1 + (y2 - y1) * along


@dataclass(frozen=True)
class Text:
    """A line of text, its middle (or with `left` its left end) at x; white behind it if `halo`."""

    x: float
    y: float
    text: str
    size: float
    color: str = "#1a1a1a"
    bold: bool = False
    left: bool = False
    halo: bool = False

    @property
    def width(self) -> float:
        """About how wide it is; letters differ, and readers' fonts do."""
        return len(self.text) * self.size * (0.66 if self.bold else 0.58)

    def svg(self) -> str:
        anchor = "" if self.left else ' text-anchor="middle"'
        bold = ' font-weight="bold"' if self.bold else ""
        halo = ' stroke="white" stroke-width="4" paint-order="stroke"' if self.halo else ""
        return (
            f'<text x="{self.x:.1f}" y="{self.y + 0.35 * self.size:.1f}" '
            f'font-size="{self.size:g}" fill="{self.color}"{anchor}{bold}{halo}>'
            f"{escape(self.text)}</text>"
        )

    def paint(self, ax: Any) -> None:
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.0} if self.halo else None
        ax.text(
            self.x, self.y, self.text, fontsize=self.size, color=self.color, parse_math=False,
            ha="left" if self.left else "center", va="center_baseline", bbox=behind,
            fontweight="bold" if self.bold else "normal", fontfamily="DejaVu Sans",
        )  # fmt: skip


class Labels:
    """Texts on arrows, each where it hides no other."""

    def __init__(self) -> None:
        self.texts: list[Text] = []

    def add(self, arrow: Arrow, text: str, size: float, color: str) -> None:
        """Write a text on the first stretch of an arrow, or where there is room."""
        stretch = 1 / (len(arrow.points) - 1)
        shares = [s * stretch for s in (0.5, 0.3, 0.7, 0.15, 0.85)] + [i / 20 for i in range(3, 18)]
        tries = [Text(*arrow.at(s), text, size, color, halo=True) for s in shares]
        self.texts.append(min(tries, key=self._hidden))  # the first of those as good

    def _hidden(self, text: Text) -> float:
        """How much of other texts lies below this one, in square pixels."""
        hidden = 0.0
        for other in self.texts:
            wide = (text.width + other.width) / 2 - abs(text.x - other.x)
            high = 1.15 * text.size - abs(text.y - other.y)
            if wide > 0 and high > 0:
                hidden += wide * high
        return hidden


def svg(shapes: Sequence[Any], width: float, height: float) -> str:
    """The shapes as SVG on white."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONT}">',
            '<rect width="100%" height="100%" fill="white"/>',
            *[shape.svg() for shape in shapes],
            "</svg>\n",
        ]
    )


def png(shapes: Sequence[Any], width: float, height: float, path: str | PathLike) -> None:
    """Write the shapes as PNG, two dots per pixel, in less detail where that is too large."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72))  # so that a point is a pixel
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_axis_off()
    for shape in shapes:
        shape.paint(ax)
    figure.savefig(path, dpi=min(144.0, 72 * 30000 / max(width, height)), facecolor="white")
