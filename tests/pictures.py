"""Pictures as they are seen: their pixels, and where their words stand."""

from __future__ import annotations

import numpy as np


def draw(ax) -> tuple[np.ndarray, list]:
    """The picture as (H, W, 4) bytes, and the boxes of its texts in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    boxes = [text.get_window_extent() for text in [*ax.texts, ax.title] if text.get_text()]
    return np.asarray(canvas.buffer_rgba()), boxes
