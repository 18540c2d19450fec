"""Patches of photographs: read, cut, and prepared by the steps that the documents name."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tinygrad_edu as tg
from tinygrad_edu.datasets import cut_patches, patches, preprocess_patches, read_patches
from tinygrad_edu.errors import DataFileError


def write(path, **arrays):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def coordinates(height, width):
    """A picture whose red and green say where a pixel is."""
    rows, columns = np.indices((height, width), dtype=np.uint8)
    return np.stack([rows, columns, np.full_like(rows, 7)], axis=-1)


# --- preparing ------------------------------------------------------------------------------------


def by_loops(colours):
    """The four steps, written out."""
    gray = []
    for red, green, blue in colours:
        picture = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        gray.append(picture - np.mean(picture))
    std = np.std(gray)
    clipped = np.minimum(np.maximum(gray, -3 * std), 3 * std)
    share = (clipped - np.min(clipped)) / (np.max(clipped) - np.min(clipped))
    return 0.1 + share * 0.8


@given(st.integers(2, 20), st.integers(0, 2**32 - 1))
def test_the_steps(n, seed):
    colours = np.random.default_rng(seed).standard_normal((n, 3, 4, 5)) ** 5
    before = colours.copy()
    out = preprocess_patches(colours)
    np.testing.assert_allclose(out, by_loops(colours), rtol=1e-12)
    assert out.min() == pytest.approx(0.1) and out.max() == pytest.approx(0.9)
    np.testing.assert_array_equal(colours, before)


def test_far_pixels_are_clipped():
    colours = np.zeros((50, 3, 10, 10))
    colours[0, :, 0, 0], colours[1, :, 0, 0] = 1000, -1000
    colours[:, :, 5, 5] += 1
    out = preprocess_patches(colours)
    assert out[0, 0, 0] == pytest.approx(0.9) and out[1, 0, 0] == pytest.approx(0.1)
    assert out[2:].max() - out[2:].min() < 0.05  # they were not, before


@pytest.mark.parametrize("given", [np.float32, np.uint8, tg.from_numpy])
def test_kinds_of_numbers(given, rng):
    colours = rng.integers(0, 256, (6, 3, 4, 4)).astype(float)
    same = given(colours) if given is tg.from_numpy else colours.astype(given)
    np.testing.assert_allclose(preprocess_patches(same), preprocess_patches(colours))


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (3, 4, 4), (2, 4, 4, 3)])
def test_what_are_no_colours(shape):
    with pytest.raises(tg.ShapeError, match=r"'patches': expected shape \(N, 3, H, W\), got shape"):
        preprocess_patches(np.zeros(shape))


def test_no_contrast():
    with pytest.raises(ValueError, match="expected patches with contrast, got pixels all equal"):
        preprocess_patches(np.ones((2, 3, 4, 4)))


# --- cutting --------------------------------------------------------------------------------------


def test_patches_are_parts_of_the_photograph():
    photograph = coordinates(20, 30)
    found = set()
    for patch in cut_patches(photograph, 3000, 16):
        pixels = np.rint(patch * 255).astype(np.uint8).transpose(1, 2, 0)
        top, left, _ = pixels[0, 0]
        np.testing.assert_array_equal(pixels, photograph[top : top + 16, left : left + 16])
        found.add((top, left))
    assert len(found) == 5 * 15  # every place


def test_the_places_follow_the_generator():
    photograph = coordinates(40, 50)

    def cut(generator=None):
        return cut_patches(photograph, 5, 4, generator=generator).tolist()

    state = tg.get_rng_state()
    assert cut() == cut()
    assert tg.get_rng_state() == state
    assert cut(tg.Generator().manual_seed(1)) == cut(tg.Generator().manual_seed(1)) != cut()
    shared = tg.Generator().manual_seed(1)
    assert cut(shared) != cut(shared)


def test_kinds_of_photographs(tmp_path):
    photograph = coordinates(8, 9)
    image = Image.fromarray(photograph)
    image.save(tmp_path / "photograph.png")
    for kind in (photograph, image, tmp_path / "photograph.png", str(tmp_path / "photograph.png")):
        np.testing.assert_array_equal(cut_patches(kind, 3, 8), cut_patches(photograph, 3, 8))
    gray = cut_patches(image.convert("L"), 3, 8)
    assert gray.shape == (3, 3, 8, 8) and (gray[:, :1] == gray).all()
    assert cut_patches(photograph, 2, 8).shape == (2, 3, 8, 8)


def test_the_photograph_that_is_always_there():
    found = cut_patches(n=50)
    assert found.shape == (50, 3, 16, 16) and found.dtype == np.float64
    assert 0 <= found.min() < 0.2 and 0.8 < found.max() <= 1
    assert found.std(axis=(1, 2, 3)).max() > 0.1


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((coordinates(8, 30),), ValueError, r"at least 16 pixels .*, got shape \(8, 30, 3\)"),
        ((np.zeros((30, 30, 3)),), ValueError, r"expected uint8, shape \(H, W, 3\), got float64"),
        ((np.zeros((30, 30), np.uint8),), ValueError, r"got uint8 of shape \(30, 30\)"),
        ((coordinates(30, 30), 0), ValueError, "'n': expected a positive integer, got 0"),
        ((coordinates(30, 30), 5, 1.5), ValueError, "'size': expected a positive integer, got 1.5"),
        (("nowhere.jpg",), DataFileError, r"nowhere\.jpg: no picture that can be read"),
        ((__file__,), DataFileError, r"test_patches\.py: no picture that can be read"),
    ],
)
def test_what_cannot_be_cut(arguments, error, message):
    with pytest.raises(error, match=message):
        cut_patches(*arguments)
    with pytest.raises(TypeError, match=r"'generator': expected a tinygrad_edu.Generator"):
        cut_patches(coordinates(30, 30), generator=0)


# --- reading --------------------------------------------------------------------------------------


def test_the_file_of_the_documents(tmp_path, rng):
    data = rng.random((40, 3, 16, 16))
    path = write(tmp_path / "data1.h5", data=data, invXForm=np.eye(2))
    np.testing.assert_array_equal(read_patches(path), data)
    (images,) = patches(path).tensors
    assert images.shape == (40, 1, 16, 16) and images.dtype == tg.float32
    np.testing.assert_allclose(images.numpy()[:, 0], by_loops(data), rtol=1e-6)


def test_prepared_patches_of_a_photograph():
    photograph = coordinates(40, 40)
    (images,) = patches(Image.fromarray(photograph), n=30, size=8).tensors
    assert images.shape == (30, 1, 8, 8)
    expected = by_loops(cut_patches(photograph, 30, 8))
    np.testing.assert_allclose(images.numpy()[:, 0], expected, rtol=1e-6)


def test_files_of_something_else(tmp_path, rng):
    path = write(tmp_path / "a.h5", other=np.zeros(3), data=np.zeros((2, 1, 4, 4)))
    with pytest.raises(DataFileError, match=r"a\.h5: no array 'x' in it, but \['data', 'other'\]"):
        read_patches(path, "x")
    with pytest.raises(DataFileError, match=r"got float64 of shape \(2, 1, 4, 4\)"):
        read_patches(path)
    write(tmp_path / "b.h5", data="text")
    with pytest.raises(DataFileError, match=r"b\.h5: expected patches \(N, 3, H, W\) of numbers"):
        read_patches(tmp_path / "b.h5")
    whole = write(tmp_path / "c.h5", data=rng.random((40, 3, 16, 16))).read_bytes()
    for part in (b"", b"no HDF5", whole[:5000]):
        (tmp_path / "c.h5").write_bytes(part)
        with pytest.raises(DataFileError, match=r"c\.h5: no HDF5 file that can be read"):
            read_patches(tmp_path / "c.h5")
    with pytest.raises(DataFileError, match=r"none\.h5: no HDF5 file"):
        read_patches(tmp_path / "none.h5")


def test_without_h5py_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'needs h5py: pip install "tinygrad_edu\[h5\]"'):
        read_patches("any.h5")
