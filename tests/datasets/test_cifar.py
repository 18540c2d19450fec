"""CIFAR-10 from files in its format: what is read, what is checked, what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image
from published import (
    CLASSES,
    cifar_class,
    cifar_files,
    python2_pickle,
    tar_of,
    write_folder,
)

import tinygrad_edu as tg
from tinygrad_edu import datasets
from tinygrad_edu.datasets import DataLoader, cifar10_split
from tinygrad_edu.datasets import transforms as T
from tinygrad_edu.errors import DataFileError

FILES = cifar_files()
ARCHIVE = tar_of(FILES)
Small = cifar_class(FILES, ARCHIVE)


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path, FILES)
    return tmp_path


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(ARCHIVE)
    return tmp_path


def batch(name):
    content = pickle.loads(FILES[name], encoding="bytes")
    return content[b"data"], content[b"labels"]


@pytest.fixture(params=["folder", "archive"])
def root(request):
    return request.getfixturevalue(request.param)


def test_pictures_and_labels(root):
    train, test = Small(root), Small(root, train=False)
    assert len(train) == 20 and len(test) == 4
    assert train.data.shape == (20, 32, 32, 3) and train.data.dtype == np.uint8
    for i, name in enumerate(["data_batch_1", "data_batch_2", "data_batch_5"]):
        pixels, labels = batch(name)
        first = (0, 4, 16)[i]
        assert train.targets[first : first + 4] == labels
        expected = pixels.reshape(4, 3, 32, 32)  # rows of red, then of green, then of blue
        np.testing.assert_array_equal(train.data[first : first + 4].transpose(0, 3, 1, 2), expected)
    assert test.targets == batch("test_batch")[1]
    assert train.classes == CLASSES
    assert train.class_to_idx == {name: i for i, name in enumerate(CLASSES)}


def test_nothing_is_written_beside_the_archive(archive):
    Small(archive)
    assert [path.name for path in archive.iterdir()] == ["cifar-10-python.tar.gz"]


def test_items_are_pillow_images(folder):
    data = Small(str(folder))
    image, label = data[3]
    assert isinstance(image, Image.Image) and image.mode == "RGB" and image.size == (32, 32)
    np.testing.assert_array_equal(np.asarray(image), data.data[3])
    assert type(label) is int and label == data.targets[3]


def test_transforms(folder):
    normalise = T.Compose([T.ToTensor(), T.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))])
    data = Small(folder, transform=normalise, target_transform=lambda label: label + 100)
    image, label = data[0]
    expected = (data.data[0].transpose(2, 0, 1) / np.float32(255) - 0.5) / 0.25
    np.testing.assert_allclose(image.numpy(), expected, rtol=1e-6)
    assert label == data.targets[0] + 100
    images, labels = next(iter(DataLoader(data, batch_size=20, num_workers=2)))
    assert images.shape == (20, 3, 32, 32) and images.dtype == tg.float32
    assert labels.tolist() == [label + 100 for label in data.targets]


def test_repr(folder):
    assert repr(Small(folder, train=False)) == (
        "Dataset CIFAR10\n    Number of datapoints: 4\n"
        f"    Root location: {folder}\n    Split: Test"
    )
    data = Small(folder, transform=T.Compose([T.ToTensor()]), target_transform=T.Lambda(int))
    lines = repr(data).splitlines()
    assert lines[3:] == [
        "    Split: Train",
        "    StandardTransform",
        "    Transform: Compose(",
        "                   ToTensor()",
        "               )",
        "    Target transform: Lambda()",
    ]


def test_the_published_sums():
    """As the pages of CIFAR-10 and torchvision print them."""
    assert datasets.CIFAR10.tgz_md5 == "c58f30108f718f92721af3b95e74349a"
    sums = dict([*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list])
    assert list(sums) == [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    assert len({*sums.values(), datasets.CIFAR10.meta["md5"]}) == 7


# --- refusals -------------------------------------------------------------------------------------


def test_missing_files_are_told_with_their_place(tmp_path):
    with pytest.raises(
        RuntimeError,
        match=r"CIFAR10: neither .*batches-py nor .*tar\.gz is there; use download=True",
    ):
        Small(tmp_path)


@pytest.mark.parametrize("name", ["data_batch_3", "batches.meta"])
def test_a_file_that_is_gone(folder, name):
    (folder / "cifar-10-batches-py" / name).unlink()
    with pytest.raises(DataFileError, match=rf"{name}: it cannot be read: No such file"):
        Small(folder)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[:-9] + b"damaged!!"])
def test_a_file_that_is_not_the_published_one(folder, change):
    path = folder / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataFileError, match=r"data_batch_3: it is cut off, damaged .* its MD5 is"):
        Small(folder)
    assert len(Small(folder, train=False)) == 4  # it needs another file


def test_the_original_is_asked_for(folder):
    with pytest.raises(
        DataFileError, match=r"batches.meta: .*published one 5ff9c542aee3614f3951f8c"
    ):
        datasets.CIFAR10(folder)


def test_an_archive_that_is_cut_off(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(ARCHIVE[:-100])
    with pytest.raises(DataFileError, match=r"cifar-10-python\.tar\.gz: it is cut off"):
        Small(tmp_path)


@pytest.mark.parametrize(
    "archive, message",
    [
        (b"", "cannot be unpacked"),
        (b"no archive", "cannot be unpacked"),
        (ARCHIVE[:-2000], "cannot be unpacked"),
        (tar_of(FILES, "../elsewhere"), "has no batches.meta, data_batch_1"),
        (tar_of({k: v for k, v in FILES.items() if k != "data_batch_2"}), "has no data_batch_2"),
        (tar_of({**FILES, "data_batch_2": FILES["test_batch"]}), "data_batch_2: it is cut off"),
    ],
    ids=range(6),
)
def test_archives_of_something_else(archive, message, tmp_path):
    """Even if their sum were the right one."""
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive)
    with pytest.raises(DataFileError, match=rf"cifar-10-python\.tar\.gz.*{message}"):
        cifar_class(FILES, archive)(tmp_path)


GOOD = {"data": np.zeros((2, 3072), np.uint8), "labels": [0, 9]}


@pytest.mark.parametrize(
    "content, message",
    [
        ({"labels": [1]}, r"'data' are no array \(N, 3072\) of bytes"),
        ({**GOOD, "data": GOOD["data"].astype(float)}, r"'data' are no array \(N, 3072\) of bytes"),
        ({**GOOD, "data": GOOD["data"][0]}, "'data' are no array"),
        ({**GOOD, "data": GOOD["data"][:, 1:]}, "not 3072 bytes and one label for each picture"),
        ({**GOOD, "labels": [1]}, "not 3072 bytes and one label for each picture"),
        ({**GOOD, "labels": (1, 2)}, "not 3072 bytes and one label for each picture"),
        ({**GOOD, "labels": [0, 10]}, "labels other than 0 to 9"),
        ({**GOOD, "labels": [0, "1"]}, "labels other than 0 to 9"),
    ],
    ids=range(8),
)
def test_batches_of_something_else(content, message, tmp_path):
    files = {**FILES, "test_batch": python2_pickle(content)}
    write_folder(tmp_path, files)
    with pytest.raises(DataFileError, match=f"test_batch: .*{message}"):
        cifar_class(files)(tmp_path, train=False)


@pytest.mark.parametrize("content", [{}, {"label_names": "a"}, {"label_names": [1]}])
def test_class_names_of_something_else(content, tmp_path):
    files = {**FILES, "batches.meta": python2_pickle(content)}
    write_folder(tmp_path, files)
    with pytest.raises(DataFileError, match=r"batches.meta: it has no list 'label_names' of names"):
        cifar_class(files)(tmp_path)


class Evil:
    def __reduce__(self):
        return open, ("evil", "w")


def test_a_hostile_batch_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {**FILES, "test_batch": pickle.dumps({"data": Evil()}, protocol=2)}
    write_folder(tmp_path, files)
    with pytest.raises(DataFileError, match=r"test_batch: .*asks for (io|_io|__builtin__)\.open"):
        cifar_class(files)(tmp_path, train=False)
    assert not (tmp_path / "evil").exists()


# --- download -------------------------------------------------------------------------------------


def test_download_and_read(tmp_path):
    source, root = tmp_path / "published.tar.gz", tmp_path / "new" / "root"
    source.write_bytes(ARCHIVE)
    data = cifar_class(FILES, ARCHIVE, url=source.as_uri())(root, download=True)
    assert len(data) == 20
    assert [path.name for path in root.iterdir()] == ["cifar-10-python.tar.gz"]
    source.unlink()  # what is there is not fetched again
    assert len(cifar_class(FILES, ARCHIVE, url=source.as_uri())(root, download=True)) == 20


def test_a_download_that_is_not_the_published_file(tmp_path):
    source, root = tmp_path / "published.tar.gz", tmp_path / "root"
    source.write_bytes(ARCHIVE[:-1])
    with pytest.raises(DataFileError, match=r"could not be downloaded \(file://.*its MD5 is"):
        cifar_class(FILES, ARCHIVE, url=source.as_uri())(root, download=True)
    assert not root.exists()


def test_without_network_the_place_is_told(tmp_path):
    with pytest.raises(DataFileError) as error:
        Small(tmp_path, download=True)
    text = str(error.value)
    assert text.startswith("cifar-10-python.tar.gz could not be downloaded (http://127.0.0.1:9/")
    assert text.endswith(f"put it at {tmp_path / 'cifar-10-python.tar.gz'}")
    assert list(tmp_path.iterdir()) == []


# --- the courses' split ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_split_as_the_courses_do(folder, dtype, monkeypatch):
    monkeypatch.setattr("tinygrad_edu.datasets.cifar.CIFAR10", Small)
    train, test = Small(folder), Small(folder, train=False)
    arrays = cifar10_split(folder, 12, 5, 3, dtype=dtype)
    assert list(arrays) == ["X_train", "y_train", "X_val", "y_val", "X_test", "y_test"]

    x = train.data.astype(dtype)
    mean = np.mean(train.data[:12].astype(float), axis=0).astype(dtype)
    expected = {"X_train": x[:12] - mean, "X_val": x[12:17] - mean}
    expected["X_test"] = test.data[:3].astype(dtype) - mean
    for name, pictures in expected.items():
        assert arrays[name].dtype == dtype and arrays[name].flags.c_contiguous
        np.testing.assert_array_equal(arrays[name], pictures.transpose(0, 3, 1, 2))
    assert arrays["y_train"].tolist() == train.targets[:12]
    assert arrays["y_val"].tolist() == train.targets[12:17]
    assert arrays["y_test"].tolist() == test.targets[:3]
    assert arrays["y_test"].dtype == np.int64


def test_split_without_the_mean(folder, monkeypatch):
    monkeypatch.setattr("tinygrad_edu.datasets.cifar.CIFAR10", Small)
    arrays = cifar10_split(folder, 20, 0, 0, subtract_mean=False)
    np.testing.assert_array_equal(arrays["X_train"], Small(folder).data.transpose(0, 3, 1, 2))
    assert arrays["X_val"].shape == (0, 3, 32, 32) and arrays["y_test"].shape == (0,)


@pytest.mark.parametrize(
    "counts, message",
    [
        ((18, 3, 1), r"'num_training': expected 1 or more, .* at most 20, got 18 and 3"),
        ((0, 3, 1), "'num_training': expected 1 or more"),
        ((3, -1, 1), "'num_training'.*got 3 and -1"),
        ((3, 1, 5), "'num_test': expected 0 to 4, got 5"),
    ],
)
def test_split_of_more_than_there_is(folder, counts, message, monkeypatch):
    monkeypatch.setattr("tinygrad_edu.datasets.cifar.CIFAR10", Small)
    with pytest.raises(ValueError, match="cifar10_split: argument " + message):
        cifar10_split(folder, *counts)
