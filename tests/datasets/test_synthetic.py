"""The made pictures: the same each time, in the form of CIFAR-10, and as hard as they should be."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn
from tinygrad_edu.modes import default_generator


def arrays(part):
    images, labels = part.tensors
    return images.numpy(), labels.numpy()


def test_shapes_dtypes_and_range():
    for part, n in zip(datasets.synthetic_cifar10(120, 35, 0), (120, 35, 0), strict=True):
        images, labels = part.tensors
        assert len(part) == n
        assert images.shape == (n, 3, 32, 32) and images.dtype == tg.uint8
        assert labels.shape == (n,) and labels.dtype == tg.int64
    assert len(datasets.SYNTHETIC_CLASSES) == len(set(datasets.SYNTHETIC_CLASSES)) == 10


def test_the_courses_sizes_are_the_default(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "tinygrad_edu.datasets.synthetic._part",
        lambda n, part, seed: asked.append((n, seed)) or (np.zeros((1, 1)), np.zeros(1)),
    )
    datasets.synthetic_cifar10()
    assert asked == [(49000, 0), (1000, 0), (1000, 0)]


def test_same_seed_same_pictures():
    for one, other in zip(
        datasets.synthetic_cifar10(30, 20, 10, seed=3),
        datasets.synthetic_cifar10(30, 20, 10, seed=3),
        strict=True,
    ):
        np.testing.assert_array_equal(arrays(one)[0], arrays(other)[0])
        np.testing.assert_array_equal(arrays(one)[1], arrays(other)[1])


def test_seeds_and_parts_differ():
    parts = [*datasets.synthetic_cifar10(20, 20, 20), *datasets.synthetic_cifar10(20, 20, 20, 1)]
    images = {image.tobytes() for part in parts for image in arrays(part)[0]}
    assert len(images) == 6 * 20
    assert len({arrays(part)[1].tobytes() for part in parts}) == 6


@pytest.mark.parametrize("n", [7, 1000, 1003])
def test_smaller_parts_begin_larger_ones(n):
    small = datasets.synthetic_cifar10(n, n, 5)
    large = datasets.synthetic_cifar10(2010, 2010, 5)
    for one, other in zip(small, large, strict=True):
        for part, whole in zip(arrays(one), arrays(other), strict=True):
            np.testing.assert_array_equal(part, whole[: len(part)])


@pytest.mark.parametrize("n", [10, 37, 1999])
def test_classes_are_as_frequent_as_each_other(n):
    counts = np.bincount(arrays(datasets.synthetic_cifar10(n, 0, 0)[0])[1], minlength=10)
    assert counts.max() - counts.min() <= (n % 10 > 0)


LABELS = [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]
# Means over the quarters of a picture, red, green and blue: of the first, and of the first hundred.
FIRST = [
    131.965, 134.301, 131.316, 132.75, 149.531, 151.816, 148.414, 150.863, 150.895, 159.449,
    145.02, 152.918,
]  # fmt: skip
MEAN = [
    125.933, 126.601, 125.222, 125.886, 127.669, 128.339, 127.055, 127.595, 125.544, 126.14,
    124.764, 125.2,
]  # fmt: skip
DEVIATION = 35.524


def test_the_pictures_never_change():
    # Published figures stand only while they stay the same. A hundredth allows for sines that
    # another processor rounds otherwise; a change of any setting moves these means by far more.
    images, labels = arrays(datasets.synthetic_cifar10(100, 0, 0)[0])
    assert labels[:10].tolist() == LABELS
    quarters = images.reshape(100, 3, 2, 16, 2, 16).mean((3, 5))
    np.testing.assert_allclose(quarters[0].reshape(-1), FIRST, atol=0.01)
    np.testing.assert_allclose(quarters.mean(0).reshape(-1), MEAN, atol=0.01)
    np.testing.assert_allclose(images.std(), DEVIATION, atol=0.01)


def test_nothing_global_is_drawn():
    state, numpy_state = default_generator.get_state(), np.random.get_state()[1].copy()
    datasets.synthetic_cifar10(10, 10, 10)
    assert default_generator.get_state() == state
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize("value", [-1, 2.0, "5", None, True])
@pytest.mark.parametrize("name", ["n_train", "n_val", "n_test", "seed"])
def test_bad_numbers(name, value):
    arguments = {"n_train": 1, "n_val": 1, "n_test": 1, "seed": 0} | {name: value}
    message = f"synthetic_cifar10: argument '{name}': expected a whole number, 0 or more, got "
    with pytest.raises(ValueError, match=message):
        datasets.synthetic_cifar10(**arguments)


def test_the_courses_split_takes_a_seed():
    arrays_of = datasets.cifar10_split("synthetic", 20, 10, 5, subtract_mean=False, seed=3)
    made = datasets.synthetic_cifar10(20, 10, 5, seed=3)
    for name, part in zip(("train", "val", "test"), made, strict=True):
        for array, tensor in zip((f"X_{name}", f"y_{name}"), part.tensors, strict=True):
            np.testing.assert_array_equal(arrays_of[array], tensor.numpy())


def prepared(n_train, n_val):
    """Arrays for the Solver: pixels less the mean picture, in units near one."""
    (x, y), (x_val, y_val), _ = map(arrays, datasets.synthetic_cifar10(n_train, n_val, 0))
    mean = x.mean(0, dtype=np.float32)
    return {
        "X_train": (x - mean) / np.float32(64), "y_train": y,
        "X_val": (x_val - mean) / np.float32(64), "y_val": y_val,
    }  # fmt: skip


def trained(model, data, **settings):
    solver = nn.Solver(model, data, nn.optim.Adam(model.parameters(), lr=3e-3), **settings)
    return max(solver.train()["validation_accuracy"])


@pytest.mark.slow
def test_a_convolutional_network_stands_above_a_linear_one():
    tg.manual_seed(0)
    data = prepared(3000, 1000)
    linear = trained(nn.models.SoftmaxClassifier(), data, num_epochs=3)
    blocks = nn.models.ConvBlocksNet(channels=(8, 16, 16))
    deep = trained(blocks, data, num_epochs=4, batch_size=50)
    assert 0.2 < linear < 0.45
    assert deep > linear + 0.08
