"""The embedded digits: the very numbers of the source, and parts that never change."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets
from tinygrad_edu.modes import default_generator

CONTENT = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
PARTS = ["e2c8713becc65d51", "75f22475b3c6b648", "be37b4e079ab4f82"]
FOLDER = files("tinygrad_edu.datasets").joinpath("data")


def raw(data):
    """Images (N, 8, 8) of 0 to 16 and labels, as uint8."""
    images, labels = (tensor.numpy() for tensor in data.tensors)
    pixels = images[:, 0] * 16
    assert (pixels == np.round(pixels)).all()
    return pixels.astype(np.uint8), labels.astype(np.uint8)


def test_content():
    images, labels = raw(datasets.digits(split="all"))
    assert images.shape == (1797, 8, 8) and labels.shape == (1797,)
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == CONTENT


def test_the_licence_stands_beside_the_data():
    text = FOLDER.joinpath("DIGITS_LICENSE.md").read_text(encoding="utf-8")
    for part in ("Alpaydin", "Kaynak", "CC BY 4.0", "scikit-learn developers", CONTENT):
        assert part in text
    assert len(FOLDER.joinpath("digits.npz").read_bytes()) < 60_000


def test_same_as_scikit_learn():
    sklearn_datasets = pytest.importorskip("sklearn.datasets", reason="compares with scikit-learn")
    source = sklearn_datasets.load_digits()
    images, labels = raw(datasets.digits(split="all"))
    np.testing.assert_array_equal(images, source.images)
    np.testing.assert_array_equal(labels, source.target)


def test_shapes_dtypes_and_range():
    for part, n in zip(datasets.digits(), (1257, 180, 360), strict=True):
        images, labels = part.tensors
        assert images.shape == (n, 1, 8, 8) and images.dtype == tg.float32
        assert labels.shape == (n,) and labels.dtype == tg.int64
        assert images.min().item() == 0 and images.max().item() == 1
        assert not images.requires_grad


def test_parts_hold_every_image_once():
    parts = [raw(part) for part in datasets.digits()]
    whole_images, whole_labels = raw(datasets.digits(split="all"))

    def rows(images, labels):
        pairs = zip(images, labels, strict=True)
        return sorted(image.tobytes() + label.tobytes() for image, label in pairs)

    images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert rows(images, labels) == rows(whole_images, whole_labels)
    assert len(set(rows(images, labels))) == 1797


def test_parts_hold_every_digit_alike():
    train, validation, test = (np.bincount(raw(part)[1]) for part in datasets.digits())
    assert validation.tolist() == [18] * 10
    assert test.tolist() == [36] * 10
    assert train.min() >= 120 and train.max() <= 129


def test_parts_never_change():
    # Results of different versions can be compared only while these stay the same.
    digests = [hashlib.sha256(raw(part)[0].tobytes()).hexdigest() for part in datasets.digits()]
    assert [digest[:16] for digest in digests] == PARTS


@pytest.mark.parametrize("index, split", [(0, "train"), (1, "validation"), (2, "test")])
def test_one_part_by_name(index, split):
    for one, other in zip(raw(datasets.digits(split)), raw(datasets.digits()[index]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_call_gives_arrays_of_its_own():
    train, *_ = datasets.digits()
    train.tensors[0].zero_()
    assert datasets.digits("train").tensors[0].sum().item() > 0


def test_nothing_is_drawn():
    state = default_generator.get_state()
    datasets.digits()
    assert default_generator.get_state() == state


@pytest.mark.parametrize("split", ["val", "", 0, True])
def test_bad_split(split):
    with pytest.raises(ValueError, match=r"digits: argument 'split': expected 'train', 'valid"):
        datasets.digits(split=split)


def test_a_linear_classifier_learns_them():
    # The parts belong together: least squares on the training set reads the test set.
    train, _, test = datasets.digits()

    def design(part):
        images, labels = (tensor.numpy() for tensor in part.tensors)
        flat = images.reshape(len(images), -1).astype(np.float64)
        return np.hstack([flat, np.ones((len(flat), 1))]), labels

    x, y = design(train)
    weights = np.linalg.lstsq(x, np.eye(10)[y], rcond=None)[0]
    x, y = design(test)
    assert ((x @ weights).argmax(1) == y).mean() > 0.9
