"""Image filters: what a convolution does, seen on a photograph."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.datasets.patches import read_photograph
from tinygrad_edu.nn import functional as F
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.plot import new_axes, plot_images

from .frame import Options, Result, experiment, reading

GREY = (0.3, 0.6, 0.1)  # of red, green and blue
EDGES = ((1, 2, 1), (0, 0, 0), (-1, -2, -1))  # Sobel's: bright above dark


@experiment("image-filters", "Two filters of 3x3 make a photograph grey, and find its edges")
def image_filters(options: Options) -> Result:
    """One convolution with two filters; the bias of the second one puts 0 at middle grey."""
    step = 4 if options.quick else 1
    with reading():
        pixels = read_photograph(options.data)[::step, ::step]
    picture = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float64)
    weight, bias = np.zeros((2, 3, 3, 3)), np.array([0.0, 128.0])
    weight[0, :, 1, 1] = GREY
    weight[1, 2] = EDGES
    tensors: Any = [from_numpy(array) for array in (picture[None], weight, bias)]
    grey, edges = F.conv2d(*tensors, padding=1)[0].numpy()
    shown = {"original": picture, "grey (first filter)": grey, "edges (second filter)": edges}
    H, W = grey.shape
    ax = new_axes(10, 3.4 * H / W + 0.4)
    images = [np.broadcast_to(image, picture.shape) for image in shown.values()]
    plot_images(np.stack(images), list(shown), ax, columns=3, limits=(0, 255))
    rows, columns = (_correlation(edges - 128, picture[2], axis) for axis in (0, 1))
    by_hand = np.einsum("chw,c->hw", picture, np.array(GREY))
    return Result(
        claims={
            "the first filter gives .3 red + .6 green + .1 blue in every pixel":
                bool(np.allclose(grey, by_hand, rtol=0, atol=1e-9)),
            "the second answers to changes of blue from row to row (correlation above 0.8), and "
            "not from column to column (below 0.2)": rows > 0.8 and columns < 0.2,
        },
        table=[
            {"picture": name, "least": image.min(), "mean": image.mean(), "greatest": image.max()}
            for name, image in shown.items()
        ],
        pictures={"image-filters": ax},
        series={"correlation with rows": rows, "correlation with columns": columns},
    )  # fmt: skip


def _correlation(answer: np.ndarray, channel: np.ndarray, axis: int) -> float:
    """How far an answer goes with the differences along an axis, away from the border."""
    change, inner = -np.gradient(channel, axis=axis), (slice(1, -1), slice(1, -1))
    return abs(float(np.corrcoef(answer[inner].ravel(), change[inner].ravel())[0, 1]))
