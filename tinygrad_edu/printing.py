"""How a tensor is printed: in PyTorch's layout, with four decimals, long ones cut in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

_THRESHOLD = 1000  # more elements than this are not all shown,
_EDGE = 3  # but only so many at either end of each dimension
_WIDTH = 80


def format_tensor(array: np.ndarray, notes: Iterable[str] = ()) -> str:
    """`tensor([...], note, note)`, in lines of 80 columns."""
    text = "tensor(" + format_array(array, len("tensor("))
    used = len(text) - text.rfind("\n") + 1
    for note in notes:
        if used + len(note) + 2 > _WIDTH:
            text += ",\n" + " " * len("tensor(") + note
            used = len("tensor(") + len(note)
        else:
            text += ", " + note
            used += len(note) + 2
    return text + ")"


def format_array(array: np.ndarray, indent: int = 0) -> str:
    """The elements as nested lists, columns aligned; `indent` is how far the first one stands."""
    if not array.size:
        return "[]"
    cut = array.size > _THRESHOLD
    shown = array[np.ix_(*[_edges(n) for n in array.shape])] if cut else array
    style, width = _style(shown)
    return _lines(array, indent, cut, lambda value: style(value).rjust(width), width)


def _edges(length: int) -> list[int]:
    """The places along a dimension that are shown."""
    if length <= 2 * _EDGE:
        return list(range(length))
    return [*range(_EDGE), *range(length - _EDGE, length)]


def _style(array: np.ndarray) -> tuple[Callable, int]:
    """How one element is written, and how wide the widest is."""
    if array.dtype.kind != "f":
        return str, max(len(str(value)) for value in array.ravel().tolist())
    values = array[np.isfinite(array) & (array != 0)].astype(np.float64)
    if not values.size:
        return _whole, 1
    sizes = np.abs(values)
    style: Callable = "{:.4f}".format
    if sizes.max() / sizes.min() > 1000 or sizes.max() > 1e8 or sizes.min() < 1e-4:
        style = "{:.4e}".format
    elif (values == np.ceil(values)).all():
        style = _whole
    return style, max(len(style(value)) for value in values.tolist())


def _whole(value: float) -> str:
    return f"{value:.0f}." if np.isfinite(value) else f"{value:.0f}"


def _lines(array: np.ndarray, indent: int, cut: bool, write: Callable, width: int) -> str:
    if array.ndim == 0:
        return write(array.item())
    gap = cut and array.shape[0] > 2 * _EDGE
    if array.ndim == 1:
        parts = [write(value) for value in array[_edges(len(array)) if gap else ...].tolist()]
        if gap:
            parts.insert(_EDGE, " ...")
        count = max(1, (_WIDTH - indent) // (width + 2))
        rows = [", ".join(parts[i : i + count]) for i in range(0, len(parts), count)]
        return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"
    parts = [
        _lines(array[i], indent + 1, cut, write, width)
        for i in (_edges(len(array)) if gap else range(len(array)))
    ]
    if gap:
        parts.insert(_EDGE, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"
