"""The course's functions that read CIFAR-10, on small files in its format."""

from __future__ import annotations

import numpy as np
import pytest
from published import cifar_class, cifar_files, tar_of, write_folder

from tinygrad_edu import datasets
from tinygrad_edu.nn.course import *

FILES = cifar_files()
Small = cifar_class(FILES, tar_of(FILES))


@pytest.fixture(params=[".", "cifar-10-batches-py"])
def root(request, tmp_path, monkeypatch):
    for module in ("tinygrad_edu.datasets.cifar", "tinygrad_edu.nn.course.data"):
        monkeypatch.setattr(f"{module}.CIFAR10", Small)
    write_folder(tmp_path, FILES)
    return tmp_path / request.param


def test_load_CIFAR10(root, tmp_path):
    X_train, y_train, X_test, y_test = load_CIFAR10(root)
    train, test = Small(tmp_path), Small(tmp_path, train=False)
    assert X_train.dtype == X_test.dtype == np.float64
    np.testing.assert_array_equal(X_train, train.data)
    np.testing.assert_array_equal(X_test, test.data)
    assert y_train.tolist() == train.targets and y_test.tolist() == test.targets


def test_get_CIFAR10_data(root, tmp_path):
    data = get_CIFAR10_data(12, 5, 3, root=root)
    assert {name: array.shape for name, array in data.items()} == {
        "X_train": (12, 3, 32, 32), "y_train": (12,), "X_val": (5, 3, 32, 32), "y_val": (5,),
        "X_test": (3, 3, 32, 32), "y_test": (3,),
    }  # fmt: skip
    np.testing.assert_allclose(data["X_train"].mean(0), 0, atol=1e-12)
    raw = get_CIFAR10_data(12, 5, 3, subtract_mean=False, root=root)
    np.testing.assert_allclose(
        data["X_val"], raw["X_val"] - raw["X_train"].mean(0), rtol=0, atol=1e-12
    )
    np.testing.assert_array_equal(raw["X_val"], Small(tmp_path).data[12:17].transpose(0, 3, 1, 2))


def test_get_CIFAR10_data_without_files():
    data = get_CIFAR10_data(40, 20, 10, root="synthetic")
    assert {name: array.shape for name, array in data.items()} == {
        "X_train": (40, 3, 32, 32), "y_train": (40,), "X_val": (20, 3, 32, 32), "y_val": (20,),
        "X_test": (10, 3, 32, 32), "y_test": (10,),
    }  # fmt: skip
    assert {array.dtype for array in data.values()} == {np.dtype(np.float64), np.dtype(np.int64)}
    np.testing.assert_allclose(data["X_train"].mean(0), 0, atol=1e-12)
    raw = get_CIFAR10_data(40, 20, 10, False, root="synthetic")
    for name, part in zip(
        ("train", "val", "test"), datasets.synthetic_cifar10(40, 20, 10), strict=True
    ):
        images, labels = (tensor.numpy() for tensor in part.tensors)
        np.testing.assert_array_equal(raw[f"X_{name}"], images)
        np.testing.assert_array_equal(raw[f"y_{name}"], labels)


def test_the_place_of_missing_files_is_told():
    with pytest.raises(RuntimeError, match=r"neither cs231n.datasets.cifar-10-batches-py nor"):
        get_CIFAR10_data()
