"""`draw`: a picture of the graph behind a tensor."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, GraphError, SettingError, describe
from tinygrad_edu.recording import ancestors, recorded
from tinygrad_edu.tensor import Tensor

from .boxes import Box, Diagram
from .layered import Layered
from .shapes import Arrow, Labels, Rectangle, Text, png, svg

__all__ = ["Picture", "draw"]

# Okabe and Ito (2008), Color Universal Design, and light tints of the same.
_COLORS = {
    "op": ("#eef4fb", "#0072B2"), "leaf": ("#fdf0e6", "#D55E00"),
    "constant": ("#f5f5f5", "#777777"), "module": ("#e6f4ef", "#00785A"),
}  # fmt: skip
_GREY, _EDGE, _GRADIENT = "#555555", "#8a8a8a", "#B04A00"
_TITLE, _LINE, _MARGIN = 12.0, 10.0, 16.0


class Picture:
    """A drawn graph: shown by notebooks as it is, else written to a file by `save`.

    `svg` is the picture as text, `boxes` the number of boxes.
    """

    def __init__(self, shapes: list, width: float, height: float) -> None:
        self._shapes, self.width, self.height = shapes, width, height
        self.svg = svg(shapes, width, height)
        self.boxes = sum(isinstance(shape, Rectangle) for shape in shapes)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture of {self.boxes} boxes, {self.width:.0f} x {self.height:.0f}>"

    def save(self, path: str | PathLike) -> None:
        """Write the picture to a file named *.svg or *.png.

        Errors: SettingError (a ValueError) for any other name.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".svg":
            Path(path).write_text(self.svg, encoding="utf-8")
        elif suffix == ".png":
            png(self._shapes, self.width, self.height, path)
        else:
            expected = "a name that ends in .svg or .png"
            raise SettingError(describe("save", "path", expected, repr(fspath(path))))


def draw(
    loss: Tensor | Callable[[], Tensor],
    params: Any = None,
    *,
    collapse: Collection[str] | int = (),
    gradients: bool | None = None,
) -> Picture:
    """Draw the graph of a tensor: its ops and leaves, and the gradients that flow back.

    Values flow downwards, from leaves (orange) through ops (blue). On each edge stands the norm of
    the gradient that comes back over it; in a leaf that of its whole gradient, the sum over its
    edges. To know them `draw` makes a backward pass of its own, which leaves every `.grad` as it
    is (hooks see it). `gradients=True` insists on that, False leaves it out; by default it is made
    if it can be: from a tensor of one element, whose graph no backward has released yet.

    `params` names tensors: a dictionary of them, or a module. `loss` may also be a function without
    arguments that computes it: then, as inside `detect_anomaly(check_nan=False)`, every op says in
    which module and line it was called, data are drawn (grey), and `collapse` can draw modules as
    one box (green), those of some paths or all of some depth: 1 for the parts of the model. Of a
    graph of more than 200 nodes the nearest to `loss` are drawn.

    Errors: GraphError if there is no graph, or no gradients where they must be.
    Source: of the layout, Sugiyama, Tagawa and Toda (1981).

    >>> import tinygrad_edu as tg
    >>> W = tg.ones(2, 3, requires_grad=True)
    >>> x = tg.ones(5, 3)
    >>> picture = tg.draw(((x @ W.T @ W - x) ** 2).mean(), {"W": W})
    >>> picture.svg.count(">W</text>")
    1
    """
    loss = recorded(loss)
    if not isinstance(loss, Tensor):
        raise DTypeError(describe("draw", "loss", "a Tensor", f"a {type(loss).__name__}"))
    if loss.node is None:
        mend = "was it made from a tensor with requires_grad=True, outside no_grad()?"
        raise GraphError(describe("draw", "loss", "a tensor with a graph", "one without", mend))
    tensors = _named(params)
    names = {t.node: name for name, t in tensors.items() if t.node is not None}
    data = {id(t.array): name for name, t in tensors.items()}
    seed, notes = _seed(loss, gradients)
    diagram = Diagram(loss.node, names, data, collapse, seed)
    if diagram.cut:
        total = len(ancestors([loss.node]))
        notes.append(f"{len(diagram.nodes)} of {total} nodes are drawn, the nearest to the result.")
    return _picture(diagram, notes)


def _named(params: Any) -> dict[str, Tensor]:
    if params is None:
        return {}
    found = dict(params.named_parameters() if hasattr(params, "named_parameters") else params)
    for name, value in found.items():
        if not isinstance(value, Tensor):
            got = f"{name!r}: a {type(value).__name__}"
            raise DTypeError(describe("draw", "params", "Tensors by name, or a module", got))
    return found


def _seed(loss: Tensor, wanted: bool | None) -> tuple[Any, list[str]]:
    """The gradient to start from, and what to say of the gradients, or of why there are none."""
    assert loss.node is not None
    if wanted is False or (wanted is None and loss.array.size != 1):
        return None, []
    legend = [
        "On each edge: the 2-norm of the gradient that comes back.",
        "The gradient of a tensor is the sum over its edges.",
    ]
    problem = ""
    if loss.array.size != 1:
        problem = f"gradients start at one element, got shape {loss.shape}; reduce it first"
    elif any(n.op is not None and n.saved is None for n in ancestors([loss.node])):
        problem = (
            "backward() has released the graph; for the gradients on the edges draw before it, or "
            "give it retain_graph=True"
        )
    if not problem:
        return np.ones_like(loss.array), legend
    if wanted:
        raise GraphError(f"draw: {problem}")
    return None, textwrap.wrap(f"No gradients on the edges: {problem}.", 60)


# --- from boxes to shapes -----------------------------------------------------------------------


def _picture(diagram: Diagram, notes: list[str]) -> Picture:
    sizes = {key: _size(box) for key, box in diagram.boxes.items()}
    ends = [(diagram.box_of(edge.value), edge.target) for edge in diagram.edges]
    layout = Layered(sizes, ends)
    arrows, labels = [], Labels()
    for edge, (source, _), route in zip(diagram.edges, ends, layout.route, strict=True):
        points = [(x + _MARGIN, y + _MARGIN) for x, y in route]
        arrows.append(Arrow(points, _EDGE, dashed=diagram.boxes[source].kind == "constant"))
        if edge in diagram.partial:
            labels.add(arrows[-1], f"{diagram.partial[edge]:.3g}", _LINE, _GRADIENT)
    shapes = [*arrows, *labels.texts]
    for key, box in diagram.boxes.items():
        x, y = layout.centre[key]
        shapes += _box(box, x + _MARGIN, y + _MARGIN, sizes[key], last=key is diagram.root)
    bottom = layout.height + 2 * _MARGIN
    texts = [Text(_MARGIN, bottom + 14 * i, note, _LINE, _GREY, left=True)
             for i, note in enumerate(notes)]  # fmt: skip
    width = max([layout.width, *(text.width for text in texts)]) + 2 * _MARGIN
    return Picture([*shapes, *texts], width, bottom + 14 * len(texts))


def _size(box: Box) -> tuple[float, float]:
    texts = [Text(0, 0, box.title, _TITLE, bold=True)]
    texts += [Text(0, 0, line, _LINE) for line in box.lines]
    return max(text.width for text in texts) + 18, 26 + 14 * len(box.lines)


def _box(box: Box, x: float, y: float, size: tuple[float, float], last: bool) -> list:
    """The shapes of a box whose middle is (x, y)."""
    (width, height), (fill, stroke) = size, _COLORS[box.kind]
    top = y - height / 2
    return [
        Rectangle(
            x - width / 2, top, width, height, fill, stroke, line=2.2 if last else 1.0,
            dashed=box.kind == "constant", tip=box.tip, radius=9.0 if box.kind == "leaf" else 4.0,
        ),
        Text(x, top + 13, box.title, _TITLE, bold=True),
        *[Text(x, top + 28 + 14 * i, line, _LINE, _GREY) for i, line in enumerate(box.lines)],
    ]  # fmt: skip
