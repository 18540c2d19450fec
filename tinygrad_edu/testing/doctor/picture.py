"""A picture of a diagnosis: where each gradient is off, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.testing.doctor.examination import Examination

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]


def draw(shown: Sequence[Examination], ax: Axes | Sequence[Axes] | None) -> Any:
    """Draw one heat map for each gradient, or the first wrong one on a single Axes."""
    if hasattr(ax, "imshow"):
        wrong = [e for e in shown if not e.ok]
        _heat_map((wrong or shown)[0], ax)
        return ax
    if ax is None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3.6 * len(shown), 3.6), layout="constrained")
        ax = list(figure.subplots(1, len(shown), squeeze=False)[0])
    for examination, axes in zip(shown, ax, strict=False):
        _heat_map(examination, axes)
    return ax


def _heat_map(examination: Examination, ax: Any) -> None:
    """Draw the error of one gradient, relative to its largest true element."""
    finding = examination.finding
    ax.set_title(f"{examination.name}: {finding.cause if finding else 'right'}")
    error = examination.error
    if error is None or error.size == 0:
        given = examination.analytic
        got = "no array" if given is None else f"shape {given.shape}"
        text = f"{got},\nexpected {examination.truth.shape}" if error is None else "no elements"
        ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
        return
    size = float(np.nanmax(np.abs(examination.truth), initial=0)) or 1.0
    sheet, blocks = _flat(np.clip(np.nan_to_num(error / size, nan=1.0), -1, 1))
    image = ax.imshow(sheet, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    for axis, length in zip(("y", "x"), blocks, strict=True):
        line = ax.axhline if axis == "y" else ax.axvline
        for edge in range(length, sheet.shape[0 if axis == "y" else 1], length):
            line(edge - 0.5, color="#666666", lw=0.6)
    if examination.worst is not None:
        ax.set_xlabel(f"worst at {examination.worst}")
    ax.set(xticks=[], yticks=[])
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8)
    bar.set_label("error / largest element")


def _flat(values: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """An array as one sheet, its first axes laid out as blocks; and the size of a block."""
    while values.ndim > 4:
        values = values.reshape(-1, *values.shape[2:])
    if values.ndim < 2:
        return values.reshape(1, -1), (1, values.size)
    if values.ndim == 2:
        return values, values.shape
    rows, columns = values.shape[-2:]
    n = values.shape[0] if values.ndim == 4 else 1
    blocks = values.reshape(n, -1, rows, columns).transpose(0, 2, 1, 3)
    return blocks.reshape(n * rows, -1), (rows, columns)
