"""What all pictures share: figures without pyplot, colours, and their bytes as a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:  # Matplotlib takes longer to load than everything else together
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["new_axes", "new_figure", "png"]

# Okabe and Ito (2008), Color Universal Design: told apart with every kind of colour vision.
BLUE, ORANGE, GREEN, PINK, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
GREY = "#666666"


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """An empty figure, in inches; without pyplot, which would keep it alive and open windows.

    >>> from tinygrad_edu.plot import new_figure
    >>> left, right = new_figure(9, 3.4).subplots(1, 2)
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title)
    return figure


def new_axes(width: float, height: float) -> Axes:
    """The Axes of a new figure."""
    return new_figure(width, height).subplots()


def png(picture: Axes | Figure, dpi: float = 150) -> bytes:
    """A figure, or that which Axes are part of, as the content of a PNG file.

    >>> from tinygrad_edu.plot import new_axes, png
    >>> png(new_axes(1, 1))[:4]
    b'\\x89PNG'
    """
    figure: Any = picture.figure
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, bbox_inches="tight")
    return file.getvalue()


def array(values: Any) -> np.ndarray:
    """The array of a tensor, or of what NumPy takes for one."""
    return values.numpy(force=True) if isinstance(values, Tensor) else np.asarray(values)
