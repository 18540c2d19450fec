"""MNIST and Fashion-MNIST: 70,000 gray pictures, 28x28, of ten classes, from their IDX files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.errors import DataFileError
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.tensor import Tensor

from .source import download as fetch
from .source import read_bytes, read_checked
from .vision import VisionDataset


class MNIST(VisionDataset):
    """The handwritten digits of NIST: 60,000 pictures to train with, or 10,000.

    The IDX files, packed (`.gz`, whose MD5 sums are checked) or not, are looked for in
    `root/MNIST/raw` and in `root`; `download` fetches those that are not there. Item `i` is a
    Pillow image and a label from 0 to 9, after `transform` and `target_transform`.

    Shapes: data (N, 28, 28), uint8; targets (N,), int64; classes their ten names.
    Errors: DataFileError (a RuntimeError) for files that are missing, damaged or not the original.
    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-Based Learning Applied to
    Document Recognition.
    """

    folder = "MNIST"
    mirrors = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six",
        "7 - seven", "8 - eight", "9 - nine",
    ]  # fmt: skip

    def _load(self, download: bool) -> None:
        resources = self.resources[:2] if self.train else self.resources[2:]
        paths = [self._place(name, md5, download) for name, md5 in resources]
        images, labels = (_read(path, md5) for path, (_, md5) in zip(paths, resources, strict=True))
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise DataFileError(
                f"{paths[0]}, {paths[1]}: expected pictures (N, H, W) and N labels, got shapes "
                f"{images.shape} and {labels.shape}"
            )
        if labels.size and labels.max() >= len(self.classes):
            raise DataFileError(f"{paths[1]}: labels above {len(self.classes) - 1}")
        self.data: Tensor = from_numpy(images)
        self.targets: Tensor = from_numpy(labels.astype(np.int64))

    def picture(self, index: int) -> np.ndarray:
        """The pixels (28, 28) of one picture: 0 is the background."""
        return self.data[index].numpy()

    def _place(self, name: str, md5: str, download: bool) -> Path:
        """Where a file is, packed or not; it is fetched first if it is not there, and may be."""
        raw = self.root / self.folder / "raw"
        plain = name.removesuffix(".gz")
        for path in (raw / plain, raw / name, self.root / plain, self.root / name):
            if path.exists():
                return path
        addresses = [mirror + name for mirror in self.mirrors]
        if not download:
            raise DataFileError(
                f"{type(self).__name__}: {plain} is not there, and not packed either; use "
                f"download=True, or put what {addresses[0]} gives at {raw / name}"
            )
        fetch(addresses, raw / name, md5)
        return raw / name


class FashionMNIST(MNIST):
    """Pictures of clothes in the form of MNIST: 60,000 to train with, or 10,000.

    As `MNIST`; the files are looked for in `root/FashionMNIST/raw` and in `root`.

    Source: H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST.
    """

    folder = "FashionMNIST"
    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot",
    ]  # fmt: skip


def _read(path: Path, md5: str) -> np.ndarray:
    """The array in a file; `md5` is that of the packed one."""
    if path.suffix != ".gz":
        return read_idx(read_bytes(path), path)
    try:
        data = gzip.decompress(read_checked(path, md5))
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(f"{path}: it cannot be unpacked: {error}") from error
    return read_idx(data, path)


def read_idx(data: bytes, source: Any) -> np.ndarray:
    """The array of bytes in an IDX file; `source` names it in errors.

    Errors: DataFileError for another format, another kind of number, or another length.
    """
    dims = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    if not dims or len(data) < 4 + 4 * dims:
        raise DataFileError(f"{source}: no IDX file of bytes: it begins with {data[:4].hex(' ')}")
    shape = struct.unpack(f">{dims}I", data[4 : 4 + 4 * dims])
    wanted, there = math.prod(shape), len(data) - 4 - 4 * dims
    if there != wanted:
        raise DataFileError(
            f"{source}: it is cut off or damaged: {there} bytes after its head, {wanted} expected"
        )
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape).copy()
