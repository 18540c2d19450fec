"""Sizes, borders, crops and mirrors; Pillow is the judge where it has the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

import tinygrad_edu as tg
from tinygrad_edu.datasets import transforms as T

BICUBIC, BILINEAR, NEAREST = "bicubic", "bilinear", "nearest"
GRID = np.arange(12).reshape(3, 4)


def picture(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


# --- Resize ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [BILINEAR, BICUBIC])
@pytest.mark.parametrize("size", [(5, 4), (30, 40), (13, 3), (1, 50)])
def test_resizing_is_pillows(mode, size, rng):
    array = rng.standard_normal((13, 17)).astype(np.float32)
    image = Image.fromarray(array)
    expected = np.asarray(T.Resize(size, mode)(image))
    assert expected.shape == size
    np.testing.assert_allclose(T.Resize(size, mode)(array), expected, atol=1e-5)


@pytest.mark.parametrize("mode", [BILINEAR, BICUBIC])
@pytest.mark.parametrize("size", [(7, 8), (20, 20)])  # the rows first, whatever the Pillow
def test_bytes_are_rounded_and_stay_in_range(mode, size, rng):
    array = (picture(rng, 13, 17, 3) > 128) * np.uint8(255)
    expected = np.asarray(T.Resize(size, mode)(Image.fromarray(array)))
    out = T.Resize(size, mode)(array)
    assert out.dtype == np.uint8
    # Pillow's weights are whole numbers, too.
    assert np.abs(out.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parity
@pytest.mark.parametrize("mode", [BILINEAR, BICUBIC])
def test_bytes_are_resized_as_pytorch_does(mode, rng):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    array = picture(rng, 2, 3, 13, 17)
    batch = torch.from_numpy(array)
    for size in ((7, 20), (20, 7)):
        expected = torch.nn.functional.interpolate(batch, size, mode=mode, antialias=True)
        out = T.Resize(size, mode)(tg.from_numpy(array)).numpy()
        assert np.abs(out.astype(int) - expected.numpy().astype(int)).max() <= 1


def test_nearest_and_without_smoothing():
    row = np.array([[0.0, 10, 20, 30, 40, 50]])
    assert T.Resize((1, 3), NEAREST)(row).tolist() == [[0, 20, 40]]
    assert T.Resize((1, 2), antialias=False)(row).tolist() == [[10, 40]]
    smooth = T.Resize((1, 2))(row)  # a triangle over nine old elements
    assert smooth[0, 0] == pytest.approx((0 * 2 + 10 * 3 + 20 * 2 + 30 * 1) / 8)


@pytest.mark.parametrize(
    "size, max_size, old, new",
    [
        (10, None, (20, 30), (10, 15)),
        (10, None, (30, 20), (15, 10)),
        ([10], None, (31, 20), (15, 10)),
        (10, None, (7, 7), (10, 10)),
        (10, 12, (20, 30), (8, 12)),
        (10, 12, (30, 20), (12, 8)),
        (10, 40, (20, 30), (10, 15)),
        ((4, 9), None, (20, 30), (4, 9)),
        (10, None, (10, 33), (10, 33)),
    ],
)
def test_new_sizes(size, max_size, old, new):
    transform = T.Resize(size, max_size=max_size)
    assert transform(np.zeros(old)).shape == new
    assert transform(tg.zeros(2, 3, *old)).shape == (2, 3, *new)
    assert transform(Image.new("RGB", old[::-1])).size == new[::-1]


def test_modes_by_name_and_by_pillows_number():
    for given_, mode in (("bicubic", BICUBIC), (Image.Resampling.NEAREST, NEAREST), (2, BILINEAR)):
        assert T.Resize(3, given_).interpolation == T.InterpolationMode(mode)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (((1, 2, 3),), r"'size': expected an integer, or 1 or 2 of them, got \(1, 2, 3\)"),
        ((2.5,), "'size': expected an integer"),
        (("a",), "'size': expected an integer"),
        ((4, "lanczos"), "'interpolation': expected one of 'nearest', 'bilinear', 'bicubic', got"),
        ((4, "bilinear", 4), "'max_size': expected None, or more than a size that is one number"),
        (((4, 4), "bilinear", 8), "'max_size': expected None"),
    ],
)
def test_bad_sizes(arguments, message):
    with pytest.raises(ValueError, match="Resize: argument " + message):
        T.Resize(*arguments)


# --- Pad ------------------------------------------------------------------------------------------

NUMPYS = {"constant": {"constant_values": 9}, "edge": {}, "reflect": {}, "symmetric": {}}


@pytest.mark.parametrize("mode", NUMPYS)
@given(st.tuples(*[st.integers(0, 3)] * 4))
def test_borders_are_numpys(mode, borders):
    left, top, right, bottom = borders
    colour = np.stack([GRID, -GRID], axis=-1)
    expected = np.pad(colour, ((top, bottom), (left, right), (0, 0)), mode, **NUMPYS[mode])
    pad = T.Pad(borders, fill=9, padding_mode=mode)
    np.testing.assert_array_equal(pad(colour), expected)
    out = pad(tg.from_numpy(colour).permute(2, 0, 1))
    np.testing.assert_array_equal(out.permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("mode", NUMPYS)
def test_borders_of_pillow_images(mode, rng):
    for shape in ((4, 5), (4, 5, 3)):
        array = picture(rng, *shape)
        pad = T.Pad((1, 2, 0, 3), 7, mode)
        np.testing.assert_array_equal(np.asarray(pad(Image.fromarray(array))), pad(array))


def test_a_fill_for_each_band():
    image = T.Pad(1, fill=(1, 2, 3))(Image.new("RGB", (2, 2)))
    assert image.size == (4, 4) and image.getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize(
    "padding, borders",
    [(1, (1, 1, 1, 1)), ([2], (2, 2, 2, 2)), ((1, 2), (1, 2, 1, 2)), ((1, 2, 3, 4), (1, 2, 3, 4))],
)
def test_forms_of_padding(padding, borders):
    left, top, right, bottom = borders
    out = T.Pad(padding, fill=-1)(GRID)
    assert out.shape == (3 + top + bottom, 4 + left + right)
    np.testing.assert_array_equal(out[top : top + 3, left : left + 4], GRID)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (((1, 2, 3),), r"'padding': expected an integer, or 1 or 2 or 4 of them, got \(1, 2, 3\)"),
        ((1.5,), "'padding': expected an integer"),
        ((1, 0, "wrap"), "'padding_mode': expected one of 'constant', 'edge', .* got 'wrap'"),
    ],
)
def test_bad_padding(arguments, message):
    with pytest.raises(ValueError, match="Pad: argument " + message):
        T.Pad(*arguments)
    with pytest.raises(ValueError, match="RandomCrop: argument " + message):
        T.RandomCrop(2, arguments[0], False, *arguments[1:])


# --- crops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, size, start",
    [(5, 3, 1), (6, 3, 2), (7, 4, 2), (8, 3, 2), (4, 4, 0)],  # halves are rounded to even
)
def test_the_center(n, size, start):
    square = np.arange(n * n).reshape(n, n)
    expected = square[start : start + size, start : start + size]
    np.testing.assert_array_equal(T.CenterCrop(size)(square), expected)
    image = Image.fromarray(square.astype(np.uint8))
    np.testing.assert_array_equal(np.asarray(T.CenterCrop(size)(image)), expected)


def test_the_center_of_a_smaller_image():
    out = T.CenterCrop((5, 2))(GRID + 1)
    np.testing.assert_array_equal(out, [[0, 0], [2, 3], [6, 7], [10, 11], [0, 0]])
    assert T.CenterCrop(6)(GRID).shape == (6, 6)
    assert T.CenterCrop(6)(Image.new("RGB", (4, 3))).size == (6, 6)


def test_random_crops_are_uniform_parts():
    tg.manual_seed(0)
    crop = T.RandomCrop((2, 3))
    counts = Counter(int(out[0, 0]) for out in (crop(GRID) for _ in range(2000)))
    for first in counts:
        top, left = divmod(first, 4)
        assert top <= 1 and left <= 1
    # 500 expected of each of the 4, standard deviation 19.
    assert len(counts) == 4 and all(abs(count - 500) < 100 for count in counts.values())
    out = crop(GRID)
    np.testing.assert_array_equal(out - out[0, 0], [[0, 1, 2], [4, 5, 6]])


def test_random_crops_with_a_border():
    """As for CIFAR-10: what is seen of the image has moved by at most the padding."""
    tg.manual_seed(0)
    image = np.arange(1, 65).reshape(8, 8)
    padded = np.pad(image, 2)
    seen = set()
    for _ in range(400):
        out = T.RandomCrop(8, padding=2)(image)
        places = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if (padded[i : i + 8, j : j + 8] == out).all()
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) == 25
    filled = T.RandomCrop(30, padding=11, fill=-5)(image)
    assert (filled == -5).sum() == 30 * 30 - 64


def test_padding_if_needed():
    crop = T.RandomCrop((6, 3), pad_if_needed=True, padding_mode="edge")
    assert crop(GRID).shape == (6, 3)
    assert crop(tg.zeros(2, 3, 4)).shape == (2, 6, 3)
    assert crop(Image.new("L", (2, 2))).size == (3, 6)


def test_a_crop_of_the_whole_draws_nothing():
    state = tg.get_rng_state()
    assert T.RandomCrop((3, 4))(GRID) is GRID
    assert tg.get_rng_state() == state


def test_a_crop_larger_than_the_image():
    with pytest.raises(ValueError, match=r"crop size \(4, 4\) is larger .* \(3, 4\); .*if_needed"):
        T.RandomCrop(4)(GRID)


# --- mirrors --------------------------------------------------------------------------------------


def test_mirrors(rng):
    array = picture(rng, 3, 4, 3)
    image, tensor = Image.fromarray(array), tg.from_numpy(array).permute(2, 0, 1)
    for flip, axis, pillow in (
        (T.RandomHorizontalFlip(1), 1, ImageOps.mirror),
        (T.RandomVerticalFlip(1), 0, ImageOps.flip),
    ):
        expected = np.flip(array, axis)
        np.testing.assert_array_equal(flip(array), expected)
        np.testing.assert_array_equal(flip(tensor).permute(1, 2, 0).numpy(), expected)
        assert flip(image) == pillow(image)
        assert type(flip)(0)(image) is image


def test_the_probability_of_a_mirror():
    tg.manual_seed(0)
    flipped = sum(int(T.RandomHorizontalFlip(0.2)(GRID)[0, 0] == 3) for _ in range(2000))
    assert abs(flipped - 400) < 90  # standard deviation 18


@pytest.mark.parametrize("flip", [T.RandomHorizontalFlip, T.RandomVerticalFlip])
def test_bad_probability(flip):
    with pytest.raises(ValueError, match=f"{flip.__name__}: argument 'p': expected a probability"):
        flip(50)
