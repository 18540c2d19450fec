"""A picture of a diagnosis: where each gradient is off, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.testing.doctor.examination import Examination

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]


_GRID = 600  # up to so many elements lines are drawn between them


def draw(shown: Sequence[Examination], ax: Axes | Sequence[Axes] | None) -> Any:
    """Draw one heat map for each gradient, or the first wrong one on a single Axes."""
    if hasattr(ax, "imshow"):
        wrong = [e for e in shown if not e.ok]
        _heat_map((wrong or list(shown))[0], ax)
        return ax
    if ax is None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3 * len(shown) + 0.8, 3.2), layout="constrained")
        ax = list(figure.subplots(1, len(shown), squeeze=False)[0])
    images = [_heat_map(e, axes) for e, axes in zip(shown, ax, strict=False)]
    drawn = [image for image in images if image is not None]
    if drawn:
        bar = ax[0].figure.colorbar(drawn[0], ax=ax, shrink=0.8)
        bar.set_label("error / largest true element")
    return ax


def _heat_map(examination: Examination, ax: Any) -> Any:
    """Draw the error of one gradient, relative to its largest true element."""
    finding = examination.finding
    ax.set_title(f"{examination.name}: {finding.cause if finding else 'right'}")
    ax.set(xticks=[], yticks=[])
    error = examination.error
    if error is None or error.size == 0:
        given = examination.analytic
        got = "no array" if given is None else f"shape {given.shape}"
        text = f"{got},\nexpected {examination.truth.shape}" if error is None else "no elements"
        ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
        return None
    size = float(np.nanmax(np.abs(examination.truth), initial=0)) or 1.0
    sheet, blocks = _flat(np.clip(np.nan_to_num(error / size, nan=1.0), -1, 1))
    rows, columns = sheet.shape
    aspect = "equal" if 1 / 12 <= rows / columns <= 12 else "auto"
    image = ax.imshow(sheet, "RdBu_r", vmin=-1, vmax=1, aspect=aspect, interpolation="nearest")
    if sheet.size <= _GRID:
        _lines(ax, sheet.shape, (1, 1), color="#dddddd", lw=0.5)
    _lines(ax, sheet.shape, blocks, color="#666666", lw=0.8)
    worst, shape = examination.worst, "x".join(map(str, error.shape)) or "one number"
    ax.set_xlabel(f"{shape}; worst at {worst}" if worst is not None else shape)
    return image


def _lines(ax: Any, shape: tuple, steps: tuple[int, int], **style: Any) -> None:
    """Lines between the blocks of a sheet."""
    for edge in range(steps[0], shape[0], steps[0]):
        ax.axhline(edge - 0.5, **style)
    for edge in range(steps[1], shape[1], steps[1]):
        ax.axvline(edge - 0.5, **style)


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
