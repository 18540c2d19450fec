"""Small files in the very format of published data sets, with classes that know their MD5 sums."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np

from tinygrad_edu.datasets import CIFAR10, MNIST


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2's cPickle wrote: protocol 2, text and bytes as byte strings."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        data = text.encode() if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_string


def python2_pickle(value) -> bytes:
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(value)
    return file.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


CLASSES = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
]  # fmt: skip


def cifar_files(n: int = 4, seed: int = 0) -> dict[str, bytes]:
    """The files of cifar-10-batches-py, with n pictures in each batch."""
    rng = np.random.default_rng(seed)
    batches = {f"data_batch_{i}": f"training batch {i} of 5" for i in range(1, 6)}
    files = {}
    for name, label in {**batches, "test_batch": "testing batch 1 of 1"}.items():
        content = {
            b"batch_label": label,
            b"labels": rng.integers(10, size=n).tolist(),
            b"data": rng.integers(0, 256, (n, 3072), dtype=np.uint8),
            b"filenames": [f"picture_{i:06}.png" for i in range(n)],
        }
        files[name] = python2_pickle(content)
    meta = {b"num_cases_per_batch": n, b"label_names": CLASSES, b"num_vis": 3072}
    files["batches.meta"] = python2_pickle(meta)
    return files


def tar_of(files: dict[str, bytes], folder: str = "cifar-10-batches-py") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def cifar_class(files: dict[str, bytes], archive: bytes = b"", **attributes) -> type[CIFAR10]:
    """CIFAR10 with the MD5 sums of these files in place of the published ones."""
    sums = {name: md5(data) for name, data in files.items()}
    return type(
        "CIFAR10",
        (CIFAR10,),
        {
            "train_list": [(name, sums[name]) for name, _ in CIFAR10.train_list],
            "test_list": [(name, sums[name]) for name, _ in CIFAR10.test_list],
            "meta": {**CIFAR10.meta, "md5": sums["batches.meta"]},
            "tgz_md5": md5(archive),
            "url": "http://127.0.0.1:9/nowhere.tar.gz",
            **attributes,
        },
    )


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def idx(array: np.ndarray) -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def mnist_files(n: int = 5, seed: int = 0) -> dict[str, bytes]:
    """The four IDX files, packed, with n pictures to train with and n - 1 to test."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for part, count in (("train", n), ("t10k", n - 1)):
        arrays[f"{part}-images-idx3-ubyte.gz"] = rng.integers(0, 256, (count, 28, 28))
        arrays[f"{part}-labels-idx1-ubyte.gz"] = rng.integers(0, 10, count)
    return {name: gzip.compress(idx(array)) for name, array in arrays.items()}


def mnist_class(files: dict[str, bytes], base: type[MNIST] = MNIST, **attributes) -> type[MNIST]:
    """MNIST with the MD5 sums of these files in place of the published ones."""
    resources = [(name, md5(files[name])) for name, _ in base.resources]
    nowhere = {"mirrors": ["http://127.0.0.1:9/"]}
    return type(base.__name__, (base,), {"resources": resources, **nowhere, **attributes})
