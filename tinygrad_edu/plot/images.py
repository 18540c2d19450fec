"""Pictures of images: in rows, as filters and weights, and those a network got wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import ShapeError, describe

from .figures import GREY, array, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_filters", "plot_images", "plot_mistakes"]

_GAP = 0.12  # between images, in widths of an image
_LINE = 0.14  # the height of a line of a title, in the same measure


def plot_images(
    images: Any,
    titles: Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    columns: int | None = None,
    limits: tuple[float, float] | None = None,
    stretch: bool = False,
    cmap: str = "gray",
) -> Axes:
    """Draw images in rows on one Axes, each under its title.

    Shapes: images (N, H, W), (N, 1, H, W), or (N, 3, H, W) in red, green and blue. `limits` are
    the values drawn darkest and brightest (in colours: 0 and full), by default the least and the
    greatest of all images together, so that they can be compared; with `stretch` those of each
    image alone, as weights are shown that look for patterns. `columns` is chosen if not given.
    Errors: ShapeError for other shapes, no images, or another number of titles.

    >>> import numpy as np
    >>> from tinygrad_edu.plot import plot_images
    >>> len(plot_images(np.eye(8).reshape(4, 4, 4), titles=["a", "b", "c", "d"]).images)
    4
    """
    tiles = _stretched(_tiles(images)) if stretch else _tiles(images)
    N, H, W = tiles.shape[:3]
    if titles is not None and len(titles) != N:
        expected = f"{N} titles, one per image"
        raise ShapeError(describe("plot_images", "titles", expected, len(titles)))
    columns = columns or _columns(N)
    rows = math.ceil(N / columns)
    heading = max(title.count("\n") + 1 for title in titles) if titles else 0
    width, height = W * (1 + _GAP), H + W * (_GAP + _LINE * heading)
    if ax is None:
        inches = min(1.15 if titles else 0.8, 12 / columns)
        ax = new_axes(max(3.0, inches * columns * width / W), inches * rows * height / W + 0.4)
    low, high = limits or (float(tiles.min()), float(tiles.max()))
    if tiles.ndim == 4:  # colours are drawn as they are, so they are scaled here
        tiles = np.clip((tiles - low) / ((high - low) or 1), 0, 1)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        left, bottom = column * width, (row + 1) * height
        _draw_tile(ax, tile, left, bottom, cmap=cmap, vmin=low, vmax=high)
        if titles is not None:
            middle, above = left + W / 2, bottom - H * 1.03
            ax.text(middle, above, titles[i], size=8, ha="center", va="bottom")
    ax.set(xlim=(-_GAP * W, columns * width), ylim=(rows * height + _GAP * W, 0))
    ax.set_axis_off()
    return ax


def _columns(N: int) -> int:
    """How many columns leave the fewest places empty, in a shape about twice as wide as high."""
    wanted = math.sqrt(2 * N)
    choices = range(math.ceil(math.sqrt(N)), max(math.ceil(1.5 * wanted), 2))
    return min(choices, key=lambda columns: (-N % columns, abs(columns - wanted)))


def _draw_tile(ax: Axes, tile: np.ndarray, left: float, bottom: float, **how: Any) -> None:
    from matplotlib.patches import Rectangle

    H, W = tile.shape[:2]
    extent = (left, left + W, bottom, bottom - H)
    ax.imshow(tile, extent=extent, interpolation="nearest", **how)
    ax.add_patch(Rectangle((left, bottom - H), W, H, fill=False, ec=GREY, lw=0.5))


def plot_filters(
    weight: Any, ax: Axes | None = None, *, titles: Sequence[str] | None = None
) -> Axes:
    """Draw the weights of a first layer as images: red positive, blue negative, white 0.

    Shapes: weight (F, C, KH, KW) of a convolution gives F images for C = 1, else F * C, filter by
    filter; (K, D) of a linear layer on square images gives K images for D = S * S, and K * 3 for
    D = 3 * S * S. One scale serves all of them. `titles` has one per image.
    Errors: ShapeError for other shapes.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.plot import plot_filters
    >>> len(plot_filters(tg.randn(16, 1, 3, 3)).images)
    16
    """
    filters = _filters(array(weight))
    F, C, H, W = filters.shape
    limit = float(np.abs(filters).max(initial=0)) or 1.0
    ax = plot_images(
        filters.reshape(F * C, H, W), titles, ax, columns=C if C > 1 else None,
        limits=(-limit, limit), cmap="RdBu_r",
    )  # fmt: skip
    ax.set_title(f"First layer: {F} filters of {H}x{W}")
    # Beside the images and as high as they are, which Matplotlib's own place for it is not.
    ax.figure.colorbar(ax.images[0], cax=ax.inset_axes((1.02, 0, 0.05, 1)), label="weight")
    return ax


def plot_mistakes(
    images: Any, labels: Any, probabilities: Any, ax: Axes | None = None, *, limit: int = 40
) -> Axes:
    """Draw the images whose most probable class is wrong, the surest mistakes first.

    Each bears its true class, the predicted one, and the probability given to that. At most
    `limit` are drawn.

    Shapes: images (N, 1, H, W) or as for `plot_images`, labels (N,), probabilities (N, K).
    Errors: ShapeError if N differs.

    >>> import numpy as np
    >>> from tinygrad_edu.plot import plot_mistakes
    >>> ax = plot_mistakes(np.zeros((2, 8, 8)), [0, 1], np.array([[0.9, 0.1], [0.7, 0.3]]))
    >>> ax.texts[0].get_text().splitlines()
    ['true 1', 'predicted 0 (70%)']
    """
    images, labels, probabilities = array(images), array(labels), array(probabilities)
    if not len(images) == len(labels) == len(probabilities):
        got = f"{len(images)}, {len(labels)} and {len(probabilities)}"
        raise ShapeError(
            describe("plot_mistakes", "images, labels, probabilities", "one length", got)
        )
    predicted, sureness = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    shown = wrong[np.argsort(-sureness[wrong], kind="stable")][:limit]
    if not len(wrong):
        ax = new_axes(5, 1.2) if ax is None else ax
        ax.set_axis_off()
        ax.text(0.5, 0.5, f"No mistakes in {len(labels)} images", ha="center", va="center")
        return ax
    titles = [f"true {labels[i]}\npredicted {predicted[i]} ({sureness[i]:.0%})" for i in shown]
    ax = plot_images(images[shown], titles, ax, limits=(0, 1), cmap="gray_r")
    which = f"the {len(shown)} surest" if len(shown) < len(wrong) else "the surest first"
    ax.set_title(f"{len(wrong)} of {len(labels)} misclassified, {which}")
    return ax


def _tiles(images: Any) -> np.ndarray:
    """Images as (N, H, W), or (N, H, W, 3) for colours."""
    tiles = array(images)
    if tiles.ndim == 4 and tiles.shape[1] in (1, 3):
        tiles = tiles[:, 0] if tiles.shape[1] == 1 else tiles.transpose(0, 2, 3, 1)
    elif tiles.ndim != 3:
        expected = "shape (N, H, W), (N, 1, H, W) or (N, 3, H, W)"
        raise ShapeError(describe("plot_images", "images", expected, tiles.shape))
    if not tiles.size:
        raise ShapeError(describe("plot_images", "images", "at least one image", tiles.shape))
    return tiles


def _stretched(tiles: np.ndarray) -> np.ndarray:
    """Each image from 0 to 1; one without any contrast is black."""
    axes = tuple(range(1, tiles.ndim))
    low, high = tiles.min(axes, keepdims=True), tiles.max(axes, keepdims=True)
    return (tiles - low) / np.where(high > low, high - low, 1)


def _filters(weight: np.ndarray) -> np.ndarray:
    """The weights of a first layer as (F, C, H, W)."""
    if weight.ndim == 4:
        return weight
    if weight.ndim == 2:
        for C in (1, 3):
            side = math.isqrt(weight.shape[1] // C)
            if C * side * side == weight.shape[1]:
                return weight.reshape(-1, C, side, side)
    expected = "shape (F, C, KH, KW), or (K, D) with D of square images"
    raise ShapeError(describe("plot_filters", "weight", expected, weight.shape))
