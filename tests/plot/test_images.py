"""The pictures: what they show, where they are drawn, and that their words can be read."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure
from pictures import draw

import tinygrad_edu as tg
from tinygrad_edu.plot import (
    plot_filters,
    plot_images,
    plot_mistakes,
)


def mistaken(n: int, wrong: int, rng: np.random.Generator) -> tuple:
    """Images, labels and probabilities, of which the first `wrong` are misjudged."""
    labels = rng.integers(10, size=n)
    predicted = np.where(np.arange(n) < wrong, (labels + 1) % 10, labels)
    probabilities = np.full((n, 10), 0.01)
    probabilities[np.arange(n), predicted] = 0.3 + 0.6 * rng.random(n)
    return rng.random((n, 1, 8, 8)), labels, probabilities


DRAWN = {
    "stretched": lambda ax=None: plot_images(np.eye(4)[None], ax=ax, stretch=True),
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


def test_stretched_images_have_each_its_own_scale():
    images = np.array([[[0.0, 1.0]], [[5.0, 25.0]], [[3.0, 3.0]]])
    shown = [image.get_array() for image in plot_images(images, stretch=True).images]
    np.testing.assert_array_equal(shown, [[[0, 1]], [[0, 1]], [[0, 0]]])
    colours = np.zeros((2, 3, 1, 2))
    colours[:, 0, 0, 1] = 2.0, -4.0  # in red; the others are at the top where red falls
    first, second = (i.get_array() for i in plot_images(colours, stretch=True).images)
    np.testing.assert_array_equal(first, [[[0, 0, 0], [1, 0, 0]]])
    np.testing.assert_array_equal(second, [[[1, 1, 1], [0, 1, 1]]])


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
