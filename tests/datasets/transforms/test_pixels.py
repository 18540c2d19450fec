"""Kinds of images, normalisation, luminance; Pillow says what its images hold."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import tinygrad_edu as tg
from tinygrad_edu.datasets import transforms as T


def colours(rng, *shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


# --- ToTensor -------------------------------------------------------------------------------------


def test_bytes_become_floats_from_0_to_1(rng):
    array = colours(rng, 3, 4, 3)
    array[0, 0] = 0, 255, 51
    for image in (array, Image.fromarray(array)):
        x = T.ToTensor()(image)
        assert x.shape == (3, 3, 4) and x.dtype == tg.float32
        np.testing.assert_array_equal(x.numpy(), array.transpose(2, 0, 1) / np.float32(255))
        assert x[:, 0, 0].tolist() == [0.0, 1.0, np.float32(0.2)]
        assert x.numpy().flags.c_contiguous


def test_the_default_dtype_counts():
    tg.set_default_dtype(tg.float64)
    try:
        assert T.ToTensor()(np.zeros((2, 2), np.uint8)).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
def test_other_numbers_stay(dtype):
    array = np.array([[0, 1, 3]]).astype(dtype)
    x = T.ToTensor()(array)
    assert x.dtype == dtype and x.tolist() == [array.tolist()]
    x.zero_()
    assert array.any()


@pytest.mark.parametrize(
    "mode, dtype, high",
    [("1", "float32", 1), ("L", "float32", 200 / 255), ("I", "int32", 200), ("F", "float32", 200)],
)
def test_modes_of_pillow(mode, dtype, high):
    x = T.ToTensor()(Image.fromarray(np.array([[0, 200]], np.uint8)).convert(mode))
    assert x.shape == (1, 1, 2) and x.dtype == dtype
    assert x.flatten().tolist() == [0, np.dtype(dtype).type(high)]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "LA", "HSV"])
def test_bands_of_pillow(mode, rng):
    image = Image.fromarray(colours(rng, 4, 5, 3)).convert(mode)
    raw = T.PILToTensor()(image)
    assert raw.shape == (len(mode), 4, 5) and raw.dtype == tg.uint8
    for band, plane in zip(image.split(), raw, strict=True):
        np.testing.assert_array_equal(np.asarray(band), plane.numpy())
    np.testing.assert_array_equal(T.ToTensor()(image).numpy(), raw.numpy() / np.float32(255))


def test_a_tensor_needs_no_conversion():
    with pytest.raises(TypeError, match=r"ToTensor: argument 'pic': .* got a Tensor"):
        T.ToTensor()(tg.zeros(3, 2, 2))


# --- ToPILImage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "HSV", "YCbCr"])
def test_there_and_back(mode, rng):
    image = Image.fromarray(colours(rng, 4, 5, 3)).convert(mode)
    raw = T.PILToTensor()(image)
    for picture in (raw, raw.permute(1, 2, 0).numpy(), raw.float() / 255):
        again = T.ToPILImage(mode)(picture)
        assert again.mode == mode and again.size == (5, 4)
        if picture is not raw or isinstance(picture, np.ndarray):
            continue
        np.testing.assert_array_equal(np.asarray(again), np.asarray(image))


@pytest.mark.parametrize(
    "dtype, mode", [("uint8", "L"), ("int16", "I;16"), ("int32", "I"), ("float32", "F")]
)
def test_one_channel_by_its_dtype(dtype, mode):
    array = np.array([[0, 7, 100]], dtype)
    image = T.ToPILImage()(array)
    assert image.mode == mode and image.size == (3, 1)
    assert [image.getpixel((i, 0)) for i in range(3)] == [0, 7, 100]


def test_floats_are_taken_as_0_to_1():
    image = T.ToPILImage()(tg.tensor([[0.0, 0.5, 1.0]]))
    assert image.mode == "L" and [image.getpixel((i, 0)) for i in range(3)] == [0, 127, 255]
    assert T.ToPILImage("F")(tg.tensor([[0.5]])).getpixel((0, 0)) == 0.5


@pytest.mark.parametrize(
    "mode, image, error, message",
    [
        (None, tg.zeros(1, 3, 2, 2), ValueError, r"'pic': .*2 or 3 dims, got shape \(1, 3, 2, 2\)"),
        (
            None,
            tg.zeros(5, 2, 2),
            TypeError,
            "'pic': expected 1 to 4 channels.*5 channels of uint8",
        ),
        (None, np.zeros((2, 2, 3)), TypeError, "'pic': .*3 channels of float64"),
        (
            "RGBA",
            np.zeros((2, 2, 3), np.uint8),
            ValueError,
            r"'mode': expected one of \['RGB', .*A",
        ),
        ("I", np.zeros((2, 2), np.uint8), ValueError, r"'mode': expected one of \['L'\].* got I"),
        (None, Image.new("L", (2, 2)), ValueError, "'pic': .*got a PIL image"),
    ],
)
def test_what_pillow_has_no_image_of(mode, image, error, message):
    with pytest.raises(error, match="ToPILImage: argument " + message):
        T.ToPILImage(mode)(image)


# --- Normalize ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_channel_is_normalised(shape, dtype, rng):
    x = rng.random(shape).astype(dtype)
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    out = T.Normalize(mean, std)(tg.from_numpy(x))
    assert out.dtype == dtype
    column = (np.array(values, dtype).reshape(3, 1, 1) for values in (mean, std))
    np.testing.assert_array_equal(out.numpy(), (x - next(column)) / next(column))


def test_arrays_are_normalised_too(rng):
    x = rng.random((4, 5, 3))
    np.testing.assert_allclose(T.Normalize([1, 2, 3], [4])(x), (x - [1, 2, 3]) / 4, rtol=1e-15)
    assert T.Normalize([1], [2])(x[..., 0]).shape == (4, 5)


def test_normalising_in_place():
    x = tg.ones(1, 2, 2)
    assert T.Normalize([3], [2], inplace=True)(x) is x and x[0, 0, 0].item() == -1
    y = tg.ones(1, 2, 2)
    T.Normalize([3], [2])(y)
    assert y[0, 0, 0].item() == 1


@pytest.mark.parametrize(
    "transform, image, error, message",
    [
        (
            T.Normalize([0], [1]),
            tg.zeros(1, 2, 2, dtype=tg.uint8),
            TypeError,
            "uint8; put ToTensor",
        ),
        (T.Normalize([0], [1]), Image.new("L", (2, 2)), TypeError, r"PIL image; put ToTensor\(\)"),
        (T.Normalize([0, 1], [1]), tg.zeros(3, 2, 2), ValueError, r"numbers \(2\), .*\(3, 2, 2\)"),
        (T.Normalize([0], [1, 1]), tg.zeros(3, 2, 2), ValueError, r"as std has numbers \(2\)"),
        (
            T.Normalize([0], [1]),
            tg.zeros(2, 2),
            ValueError,
            r"\(..., C, H, W\), got shape \(2, 2\)",
        ),
        (
            T.Normalize([0], [0]),
            tg.zeros(1, 2, 2),
            ValueError,
            "'std': expected numbers other than",
        ),
        (T.Normalize([0], [1e-60]), tg.zeros(1, 2, 2), ValueError, "other than 0 in float32"),
    ],
)
def test_what_cannot_be_normalised(transform, image, error, message):
    with pytest.raises(error, match=message):
        transform(image)


# --- Grayscale ------------------------------------------------------------------------------------


def test_luminance_is_near_pillows(rng):
    array = colours(rng, 20, 20, 3)
    pillow = np.asarray(Image.fromarray(array).convert("L")).astype(int)
    for gray in (
        T.Grayscale()(array)[..., 0],
        T.Grayscale()(tg.from_numpy(array).permute(2, 0, 1))[0].numpy(),
    ):
        assert gray.dtype == np.uint8
        assert np.abs(gray.astype(int) - pillow).max() <= 1  # cut off here, rounded there
    image = T.Grayscale()(Image.fromarray(array))
    assert image.mode == "L" and (np.asarray(image) == pillow).all()


def test_luminance_of_floats():
    x = tg.tensor([0.1, 0.5, 0.9]).reshape(3, 1, 1)
    assert T.Grayscale()(x).item() == pytest.approx(0.2989 * 0.1 + 0.587 * 0.5 + 0.114 * 0.9)


def test_three_equal_channels(rng):
    array = colours(rng, 3, 4, 3)
    for image in (array, array[..., 0], Image.fromarray(array)):
        out = np.asarray(T.Grayscale(3)(image))
        assert out.shape == (3, 4, 3)
        assert (out == out[..., :1]).all()
    assert T.Grayscale(3)(tg.ones(2, 1, 4, 4)).shape == (2, 3, 4, 4)


def test_gray_stays_gray(rng):
    gray = colours(rng, 3, 4)
    np.testing.assert_array_equal(T.Grayscale()(gray), gray)


def test_bad_luminance():
    with pytest.raises(ValueError, match="'num_output_channels': expected 1 or 3, got 2"):
        T.Grayscale(2)
    with pytest.raises(ValueError, match=r"expected 1 or 3 channels.*got shape \(4, 2, 2\)"):
        T.Grayscale()(tg.ones(4, 2, 2))
