"""CIFAR-10: 60,000 photographs, 32x32 in colour, of ten classes, and the courses' split of it."""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.errors import DataFileError, describe

from .source import check_md5, download, read_checked
from .synthetic import synthetic_cifar10
from .unpickle import load_dict
from .vision import VisionDataset


class CIFAR10(VisionDataset):
    """CIFAR-10 from the files of its Python version: 50,000 photographs to train with, or 10,000.

    `root` is the folder with `cifar-10-batches-py`, or with `cifar-10-python.tar.gz`, which is read
    as it is. `download` fetches the latter (170 MB) if neither is there. Item `i` is a Pillow image
    and a label from 0 to 9, after `transform` and `target_transform`. The files' MD5 sums are
    checked, and nothing in their pickles is executed.

    Shapes: data (N, 32, 32, 3), uint8; targets a list of N ints; classes their ten names.
    Errors: DataFileError (a RuntimeError) for files that are missing, damaged or not the original.
    Source: A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
        ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
        ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
        ("data_batch_4", "634d18415352ddfa80567beed471001a"),
        ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
    ]
    test_list = [("test_batch", "40351d587109b95175f43aff81a1287e")]
    meta = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }

    def _load(self, download: bool) -> None:
        batches = self.train_list if self.train else self.test_list
        names = dict([(self.meta["filename"], self.meta["md5"]), *batches])
        files = self._files(names, download)
        self.classes = self._class_names(*files.pop(0))
        pairs = [self._pictures(source, content) for source, content in files]
        pixels = np.concatenate([pixels for pixels, _ in pairs]).reshape(-1, 3, 32, 32)
        self.data: np.ndarray = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        self.targets: list[int] = [label for _, labels in pairs for label in labels]

    def picture(self, index: int) -> np.ndarray:
        """The pixels (32, 32, 3) of one photograph."""
        return self.data[index]

    def _files(self, names: dict[str, str], fetch: bool) -> list[tuple[Path, dict]]:
        """What these files hold, each with its place, out of the folder or out of the archive."""
        folder, archive = self.root / self.base_folder, self.root / self.filename
        if not folder.is_dir() and not archive.exists():
            if not fetch:
                raise DataFileError(
                    f"{type(self).__name__}: neither {folder} nor {archive} is there; use "
                    f"download=True, or put there what {self.url} gives"
                )
            download([self.url], archive, self.tgz_md5)
        if folder.is_dir():
            contents = {folder / name: read_checked(folder / name, names[name]) for name in names}
        else:
            contents = self._members(archive, names)
        return [(source, load_dict(data, source)) for source, data in contents.items()]

    def _members(self, archive: Path, names: dict[str, str]) -> dict[Path, bytes]:
        """The bytes of these files of the archive; nothing is written to the disk."""
        packed = read_checked(archive, self.tgz_md5)
        found: dict[str, bytes] = {}
        try:
            with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
                for member in tar:  # in their order: to go back would be to unpack again
                    folder, _, name = member.name.rpartition("/")
                    if folder == self.base_folder and name in names and member.isfile():
                        found[name] = tar.extractfile(member).read()  # type: ignore[union-attr]
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise DataFileError(f"{archive}: it cannot be unpacked: {error}") from error
        if missing := names.keys() - found.keys():
            raise DataFileError(f"{archive}: it has no {', '.join(sorted(missing))}")
        for name, md5 in names.items():
            check_md5(archive / name, found[name], md5)
        return {archive / name: found[name] for name in names}

    def _class_names(self, source: Path, content: dict) -> list[str]:
        names = content.get(self.meta["key"])
        if not isinstance(names, list) or not all(isinstance(n, (bytes, str)) for n in names):
            raise DataFileError(f"{source}: it has no list {self.meta['key']!r} of names")
        return [name.decode() if isinstance(name, bytes) else name for name in names]

    def _pictures(self, source: Path, content: dict) -> tuple[np.ndarray, list[int]]:
        pixels, labels = content.get("data"), content.get("labels")
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2:
            raise DataFileError(f"{source}: its 'data' are no array (N, 3072) of bytes")
        if pixels.shape[1] != 3072 or not isinstance(labels, list) or len(labels) != len(pixels):
            raise DataFileError(f"{source}: not 3072 bytes and one label for each picture")
        if not all(type(label) is int and 0 <= label < len(self.classes) for label in labels):
            raise DataFileError(f"{source}: labels other than 0 to {len(self.classes) - 1}")
        return pixels, labels


def cifar10_split(
    root: Any,
    num_training: int = 49000,
    num_validation: int = 1000,
    num_test: int = 1000,
    subtract_mean: bool = True,
    dtype: Any = np.float32,
    download: bool = False,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """CIFAR-10 as courses divide it: arrays X_train, y_train, X_val, y_val, X_test, y_test.

    The first photographs are trained with, those after them validate, the first of the test set
    test. `subtract_mean` takes the mean photograph of the training part from all three.
    "synthetic" in place of the folder gives `synthetic_cifar10` of `seed` in the same form.

    Shapes: X (N, 3, 32, 32) of `dtype`, in units of 0 to 255; y (N,), int64.
    Errors: ValueError for more than there is; DataFileError as `CIFAR10`.
    """
    counts = num_training, num_validation, num_test
    if root == "synthetic":
        made = synthetic_cifar10(*counts, seed=seed)
        parts: Any = [[tensor.numpy() for tensor in part.tensors] for part in made]
    else:
        parts = _published_parts(root, *counts, download)
    mean = parts[0][0].mean(0, dtype=np.float64).astype(dtype)
    arrays = {}
    for name, (images, labels) in zip(("train", "val", "test"), parts, strict=True):
        pictures = images.astype(dtype, order="C")
        if subtract_mean:
            pictures -= mean
        arrays[f"X_{name}"] = pictures
        arrays[f"y_{name}"] = np.array(labels, dtype=np.int64)
    return arrays


def _published_parts(
    root: Any, num_training: int, num_validation: int, num_test: int, download: bool
) -> list[tuple[np.ndarray, list[int]]]:
    """The three parts of CIFAR-10, each as bytes (N, 3, 32, 32) and labels."""
    train, test = (CIFAR10(root, train=part, download=download) for part in (True, False))
    kept = num_training + num_validation
    if num_training < 1 or num_validation < 0 or kept > len(train):
        expected = f"1 or more, and with num_validation at most {len(train)}"
        got = f"{num_training} and {num_validation}"
        raise ValueError(describe("cifar10_split", "num_training", expected, got))
    if not 0 <= num_test <= len(test):
        expected = f"0 to {len(test)}"
        raise ValueError(describe("cifar10_split", "num_test", expected, num_test))
    parts = [
        (train, slice(0, num_training)),
        (train, slice(num_training, kept)),
        (test, slice(0, num_test)),
    ]
    return [
        (source.data[part].transpose(0, 3, 1, 2), source.targets[part]) for source, part in parts
    ]
