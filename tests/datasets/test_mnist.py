"""MNIST and Fashion-MNIST from IDX files, packed or not: what is read, checked and refused."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from PIL import Image
from published import idx, mnist_class, mnist_files

import tinygrad_edu as tg
from tinygrad_edu import datasets
from tinygrad_edu.datasets import MNIST, FashionMNIST
from tinygrad_edu.datasets import transforms as T
from tinygrad_edu.datasets.mnist import read_idx
from tinygrad_edu.errors import DataFileError

FILES = mnist_files()
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def write(folder, files, packed):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / (name if packed else name.removesuffix(".gz"))
        path.write_bytes(data if packed else gzip.decompress(data))


def arrays(part):
    """The pixels and labels of a part, by the format's own words."""
    images = gzip.decompress(FILES[f"{part}-images-idx3-ubyte.gz"])
    labels = gzip.decompress(FILES[f"{part}-labels-idx1-ubyte.gz"])
    assert images[:4] == b"\0\0\x08\x03" and labels[:4] == b"\0\0\x08\x01"
    return np.frombuffer(images[16:], np.uint8).reshape(-1, 28, 28), list(labels[8:])


@pytest.mark.parametrize("base", [MNIST, FashionMNIST])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("raw", [True, False])
def test_pictures_and_labels(tmp_path, base, packed, raw):
    write(tmp_path / base.__name__ / "raw" if raw else tmp_path, FILES, packed)
    kind = mnist_class(FILES, base)
    for part, train in (("train", True), ("t10k", False)):
        data = kind(tmp_path, train=train)
        images, labels = arrays(part)
        np.testing.assert_array_equal(data.data.numpy(), images)
        assert data.data.dtype == tg.uint8
        assert data.targets.tolist() == labels and data.targets.dtype == tg.int64
        assert len(data) == len(labels)


def test_items(tmp_path):
    write(tmp_path, FILES, packed=True)
    data = mnist_class(FILES)(tmp_path)
    image, label = data[2]
    assert isinstance(image, Image.Image) and image.mode == "L" and image.size == (28, 28)
    np.testing.assert_array_equal(np.asarray(image), data.data[2].numpy())
    assert type(label) is int and label == data.targets[2].item()
    x, label = mnist_class(FILES)(tmp_path, True, T.ToTensor(), str)[2]
    assert x.shape == (1, 28, 28) and label == str(data.targets[2].item())


def test_names_of_the_classes():
    assert MNIST.classes[9] == "9 - nine" and FashionMNIST.classes[9] == "Ankle boot"
    assert len(MNIST.classes) == len(FashionMNIST.classes) == 10


def test_repr_and_classes(tmp_path):
    write(tmp_path, FILES, packed=True)
    data = mnist_class(FILES, FashionMNIST)(tmp_path, train=False)
    assert repr(data).splitlines() == [
        "Dataset FashionMNIST",
        "    Number of datapoints: 4",
        f"    Root location: {tmp_path}",
        "    Split: Test",
    ]
    assert data.class_to_idx["Sneaker"] == 7


def test_a_missing_file_is_told_with_its_place(tmp_path):
    with pytest.raises(RuntimeError) as error:
        datasets.MNIST(tmp_path)
    assert str(error.value) == (
        f"MNIST: {IMAGES} is not there, and not packed either; use download=True, or put what "
        f"https://ossci-datasets.s3.amazonaws.com/mnist/{IMAGES}.gz gives at "
        f"{tmp_path / 'MNIST' / 'raw' / IMAGES}.gz"
    )


@pytest.mark.parametrize("end", [-1, 30, 0])
def test_a_packed_file_that_is_cut_off(tmp_path, end):
    write(tmp_path, {**FILES, f"{IMAGES}.gz": FILES[f"{IMAGES}.gz"][:end]}, packed=True)
    with pytest.raises(DataFileError, match=rf"{IMAGES}\.gz: it is cut off, damaged or another"):
        mnist_class(FILES)(tmp_path)


@pytest.mark.parametrize(
    "change", [lambda data: data[:-30], lambda data: b"no gzip", bytes.swapcase]
)
def test_a_packed_file_that_cannot_be_unpacked(tmp_path, change):
    """Even if its sum were the right one."""
    files = {**FILES, f"{IMAGES}.gz": change(FILES[f"{IMAGES}.gz"])}
    write(tmp_path, files, packed=True)
    with pytest.raises(DataFileError, match=rf"{IMAGES}\.gz: it cannot be unpacked"):
        mnist_class(files)(tmp_path)


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (np.zeros((3, 28)), np.zeros(3), r"expected pictures \(N, H, W\) and N labels"),
        (np.zeros((3, 28, 28)), np.zeros(2), r"got shapes \(3, 28, 28\) and \(2,\)"),
        (np.zeros((3, 28, 28)), np.zeros((3, 1)), r"and \(3, 1\)"),
        (np.zeros((1, 28, 28)), np.array([10]), rf"{LABELS}: labels above 9"),
    ],
)
def test_files_of_something_else(tmp_path, images, labels, message):
    (tmp_path / IMAGES).write_bytes(idx(images))
    (tmp_path / LABELS).write_bytes(idx(labels))
    with pytest.raises(DataFileError, match=message):
        MNIST(tmp_path)


GOOD = idx(np.arange(6).reshape(2, 3))


def test_idx():
    array = read_idx(GOOD, "file")
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]] and array.flags.writeable


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "no IDX file of bytes: it begins with"),
        (b"\0\0\x08", "no IDX file of bytes"),
        (b"\0\0\x08\0", "no IDX file of bytes"),
        (b"\0\0\x0d" + GOOD[3:], "no IDX file of bytes: it begins with 00 00 0d 02"),
        (GOOD[:9], "no IDX file of bytes"),
        (GOOD[:-1], "cut off or damaged: 5 bytes after its head, 6 expected"),
        (GOOD + b"x", "cut off or damaged: 7 bytes after its head, 6 expected"),
        (b"\0\0\x08\x01\xff\xff\xff\xff", "0 bytes after its head, 4294967295 expected"),
    ],
)
def test_no_idx(data, message):
    with pytest.raises(DataFileError, match="^name: .*" + message):
        read_idx(data, "name")


def test_download_from_the_second_address(tmp_path, caplog):
    source = tmp_path / "published"
    write(source, FILES, packed=True)
    mirrors = [f"{(tmp_path / 'nowhere').as_uri()}/", f"{source.as_uri()}/"]
    root = tmp_path / "root"
    with caplog.at_level("INFO", "tinygrad_edu"):
        data = mnist_class(FILES, mirrors=mirrors)(root, train=False, download=True)
    assert len(data) == 4
    names = {path.name for path in (root / "MNIST" / "raw").iterdir()}
    assert names == {name for name in FILES if name.startswith("t10k")}
    assert len(caplog.records) == 4 and "downloading file://" in caplog.text


def test_without_network_the_place_is_told(tmp_path):
    with pytest.raises(DataFileError, match=rf"{IMAGES}\.gz could not be downloaded .*put it at"):
        mnist_class(FILES)(tmp_path, download=True)
    assert list(tmp_path.iterdir()) == []
