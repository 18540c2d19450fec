"""The pictures: what they show, where they are drawn, and that their words can be read."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from source import ROOT

import tinygrad_edu as tg
from tinygrad_edu.plot import (
    plot_filters,
    plot_history,
    plot_images,
    plot_mistakes,
    plot_training,
)

HISTORY = {
    "train_loss": [2.0, 0.5, 0.05],
    "train_accuracy": [0.4, 0.8, 0.95],
    "validation_loss": [1.5, 0.6, 0.1],
    "validation_accuracy": [0.5, 0.75, 0.9],
}


def mistaken(n: int, wrong: int, rng: np.random.Generator) -> tuple:
    """Images, labels and probabilities, of which the first `wrong` are misjudged."""
    labels = rng.integers(10, size=n)
    predicted = np.where(np.arange(n) < wrong, (labels + 1) % 10, labels)
    probabilities = np.full((n, 10), 0.01)
    probabilities[np.arange(n), predicted] = 0.3 + 0.6 * rng.random(n)
    return rng.random((n, 1, 8, 8)), labels, probabilities


def draw(ax) -> tuple[np.ndarray, list]:
    """The picture as (H, W, 4) bytes, and the boxes of its texts in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    boxes = [text.get_window_extent() for text in [*ax.texts, ax.title] if text.get_text()]
    return np.asarray(canvas.buffer_rgba()), boxes


DRAWN = {
    "history": lambda ax=None: plot_history(HISTORY, ax),
    "images": lambda ax=None: plot_images(np.eye(4)[None], ax=ax),
    "filters": lambda ax=None: plot_filters(np.eye(4), ax),
    "mistakes": lambda ax=None: plot_mistakes(np.eye(4)[None], [1], [[0.9, 0.1]], ax),
    "no mistakes": lambda ax=None: plot_mistakes(np.eye(4)[None], [0], [[0.9, 0.1]], ax),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_it_draws_on_the_axes_given(kind):
    ax = Figure().subplots()
    assert DRAWN[kind](ax) is ax
    picture, _ = draw(ax)
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 2


@pytest.mark.parametrize("kind", DRAWN)
def test_it_makes_a_figure_of_its_own(kind):
    ax = DRAWN[kind]()
    file = io.BytesIO()
    ax.figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
    assert DRAWN[kind]().figure is not ax.figure


def test_pictures_need_no_pyplot_and_change_no_setting():
    code = (
        "import sys, numpy as np, matplotlib as mpl\n"
        "from tinygrad_edu import plot\n"
        "before = dict(mpl.rcParams)\n"
        "ax = plot.plot_filters(np.eye(4)); ax.figure.savefig(sys.stdout.buffer)\n"
        "plot.plot_history({'train_loss': [1, .01]}).figure.savefig(sys.stdout.buffer)\n"
        "assert dict(mpl.rcParams) == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


# --- curves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value, factor, label", [
    ("loss", 1, "loss (nats)"), ("accuracy", 100, "accuracy (%)"),
])  # fmt: skip
def test_history_shows_the_numbers(value, factor, label):
    ax = plot_history(HISTORY, value=value, best_epoch=3)
    train, validation, best = ax.lines
    for line, part in ((train, "train"), (validation, "validation")):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(
            line.get_ydata(), np.multiply(HISTORY[f"{part}_{value}"], factor)
        )
    assert list(best.get_xdata()) == [3, 3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "training", "validation", "best epoch (3)",
    ]  # fmt: skip
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == (
        "epoch",
        label,
        value.capitalize(),
    )


def test_lines_differ_in_more_than_colour():
    train, validation = plot_history(HISTORY).lines
    assert train.get_linestyle() != validation.get_linestyle()
    assert train.get_marker() != validation.get_marker()


def test_loss_axis_is_logarithmic_where_it_helps():
    assert plot_history(HISTORY).get_yscale() == "log"
    assert plot_history({"train_loss": [2.0, 1.5]}).get_yscale() == "linear"
    assert plot_history({"train_loss": [2.0, 0.0]}).get_yscale() == "linear"
    assert plot_history(HISTORY, value="accuracy").get_yscale() == "linear"
    ax = plot_history(HISTORY)
    draw(ax)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert {"0.1", "0.5", "1", "2"} <= set(labels)


@pytest.mark.parametrize("epochs", [1, 2, 7])
def test_epochs_are_whole_numbers(epochs):
    ax = plot_history({"train_loss": [1.0] * epochs})
    draw(ax)
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_history_with_one_part_or_none():
    assert len(plot_history({"validation_error": [1, 2]}, value="error").lines) == 1
    with pytest.raises(
        ValueError, match=r"plot_history: argument 'history': expected 'train_loss'"
    ):
        plot_history({"loss": [1.0]})


def test_training_is_both_values_side_by_side():
    loss, accuracy = plot_training(HISTORY, best_epoch=2, title="convnet")
    assert loss.figure is accuracy.figure
    assert loss.figure.get_suptitle() == "convnet"
    assert [ax.get_title() for ax in (loss, accuracy)] == ["Loss", "Accuracy"]
    own = Figure().subplots(1, 2)
    assert plot_training(HISTORY, own) is own


# --- images -------------------------------------------------------------------------------------


def test_images_are_drawn_apart_and_upright(rng):
    images = rng.random((5, 4, 6))
    ax = plot_images(images, columns=3)
    assert len(ax.images) == 5
    for shown, image in zip(ax.images, images, strict=True):
        np.testing.assert_array_equal(shown.get_array(), image)
        left, right, bottom, top = shown.get_extent()
        assert (right - left, bottom - top) == pytest.approx((6, 4))
    extents = [image.get_extent() for image in ax.images]
    assert len({round(extent[0], 6) for extent in extents}) == 3
    assert extents[3][2] > extents[0][2]  # the axis points down, so the fourth stands lower
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    for a, b in itertools.combinations(extents, 2):
        assert a[1] <= b[0] or b[1] <= a[0] or a[2] <= b[3] or b[2] <= a[3], "two images overlap"


def test_images_share_one_scale(rng):
    ax = plot_images(rng.random((3, 2, 2)) * [[[1]], [[2]], [[3]]])
    assert len({image.get_clim() for image in ax.images}) == 1
    assert plot_images(np.eye(2)[None], limits=(-1, 3)).images[0].get_clim() == (-1, 3)


def test_images_with_channels():
    assert plot_images(tg.zeros(2, 1, 4, 4)).images[0].get_array().shape == (4, 4)
    colours = np.zeros((1, 3, 2, 2))
    colours[0, 0] = 4.0
    np.testing.assert_array_equal(plot_images(colours).images[0].get_array()[0, 0], [1.0, 0.0, 0.0])


@pytest.mark.parametrize("N, columns", [(1, 1), (2, 2), (4, 2), (6, 3), (10, 5), (16, 4), (40, 8)])
def test_columns_leave_no_place_empty(N, columns):
    lefts = {image.get_extent()[0] for image in plot_images(np.zeros((N, 2, 2))).images}
    assert len(lefts) == columns


@pytest.mark.parametrize("N", range(1, 60))
def test_every_number_of_images_has_its_columns(N):
    images = plot_images(np.zeros((N, 2, 2))).images
    columns = len({image.get_extent()[0] for image in images})
    rows = len({image.get_extent()[2] for image in images})
    assert (rows - 1) * columns < N <= rows * columns


@pytest.mark.parametrize("shape", [(4, 4), (2, 2, 4, 4), (1, 1, 1, 4, 4), (0, 4, 4)])
def test_images_of_other_shapes_are_refused(shape):
    with pytest.raises(tg.ShapeError, match="plot_images: argument 'images': expected"):
        plot_images(np.zeros(shape))


def test_titles_must_be_as_many_as_images():
    with pytest.raises(tg.ShapeError, match="expected 2 titles, one per image, got 1"):
        plot_images(np.zeros((2, 4, 4)), ["one"])


# --- filters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, count, size",
    [
        ((16, 1, 3, 3), 16, (3, 3)),
        ((4, 3, 5, 5), 12, (5, 5)),
        ((10, 64), 10, (8, 8)),
        ((2, 3072), 6, (32, 32)),
    ],
)
def test_filters_of_every_shape(shape, count, size, rng):
    weight = tg.nn.Parameter(tg.from_numpy(rng.standard_normal(shape)))
    ax = plot_filters(weight)
    assert len(ax.images) == count
    assert {image.get_array().shape for image in ax.images} == {size}
    values = np.concatenate([np.ravel(image.get_array()) for image in ax.images])
    np.testing.assert_array_equal(values, weight.numpy(force=True).ravel())


def test_filters_have_white_at_zero():
    low, high = plot_filters(np.array([[1.0, 2.0, 3.0, 4.0]])).images[0].get_clim()
    assert (low, high) == (-4, 4)
    assert plot_filters(np.zeros((1, 4))).images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize("shape", [(10, 65), (4,), (2, 3, 4)])
def test_filters_of_other_shapes_are_refused(shape):
    with pytest.raises(tg.ShapeError, match="plot_filters: argument 'weight': expected"):
        plot_filters(np.zeros(shape))


# --- mistakes -----------------------------------------------------------------------------------


def test_mistakes_are_those_surest_first(rng):
    images, labels, probabilities = mistaken(20, 5, rng)
    ax = plot_mistakes(images, labels, probabilities)
    order = sorted(range(5), key=lambda i: -probabilities[i].max())
    assert [text.get_text() for text in ax.texts] == [
        f"true {labels[i]}\npredicted {(labels[i] + 1) % 10} ({probabilities[i].max():.0%})"
        for i in order
    ]
    for shown, i in zip(ax.images, order, strict=True):
        np.testing.assert_array_equal(shown.get_array(), images[i, 0])
    assert ax.get_title() == "5 of 20 misclassified, the surest first"


def test_of_many_mistakes_the_surest_are_shown(rng):
    ax = plot_mistakes(*mistaken(80, 70, rng), limit=30)
    assert len(ax.images) == 30
    assert ax.get_title() == "70 of 80 misclassified, the 30 surest"


def test_no_mistakes_are_said(rng):
    ax = plot_mistakes(*mistaken(20, 0, rng))
    assert [text.get_text() for text in ax.texts] == ["No mistakes in 20 images"]
    assert not ax.images


def test_mistakes_take_tensors(rng):
    ax = plot_mistakes(*(tg.from_numpy(array) for array in mistaken(6, 3, rng)))
    assert len(ax.images) == 3


def test_mistakes_of_unlike_lengths_are_refused(rng):
    images, labels, probabilities = mistaken(6, 3, rng)
    with pytest.raises(tg.ShapeError, match="one length, got 6, 5 and 6"):
        plot_mistakes(images, labels[:5], probabilities)


@pytest.mark.parametrize("wrong", [1, 2, 3, 5, 7, 13, 40])
def test_words_can_be_read(wrong, rng):
    """No text lies on another, and none leaves the picture."""
    ax = plot_mistakes(*mistaken(wrong, wrong, rng))
    picture, boxes = draw(ax)
    height, width = picture.shape[:2]
    for box in boxes:
        assert box.x0 >= -1 and box.x1 <= width + 1 and box.y0 >= -1 and box.y1 <= height + 1
    for a, b in itertools.combinations(boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
        assert apart, "two texts overlap"
