"""Named tensors in a safetensors file, which is written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.device import Device
from tinygrad_edu.errors import CheckpointError, describe
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.tensor import Tensor

__all__ = ["load_file", "packed", "save_file", "unpacked", "write_whole"]

METADATA = "__metadata__"  # the entry of the header that is no tensor
# BF16 has no dtype in NumPy: it is the upper half of a float32, and becomes one.
_DTYPES = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": "u2", "I64": "i8", "I32": "i4", "I16": "i2",
    "I8": "i1", "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BOOL": "u1",
}  # fmt: skip


def write_whole(path: str | os.PathLike, data: bytes | str) -> None:
    """Write a file so that its name never stands for a part of it; text as UTF-8.

    The data go to a hidden file beside it, and to the disk, before that takes its name: a failure
    at any moment leaves what was there before. Errors: OSError of the file system.

    >>> import pathlib, tempfile
    >>> from tinygrad_edu.files import write_whole
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/note.txt", "whole")
    ...     [(file.name, file.read_text()) for file in pathlib.Path(folder).iterdir()]
    [('note.txt', 'whole')]
    """
    goal = Path(os.path.realpath(path))  # a link stays, and what it leads to is replaced
    part = goal.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            with part.open("xb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, goal)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:  # with the name that the caller knows
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def save_file(
    tensors: Mapping[str, Any], path: str | os.PathLike, metadata: Mapping[str, str] | None = None
) -> None:
    """Write named tensors, such as a `state_dict`, as safetensors.

    `safetensors.torch.load_file` reads them in PyTorch under the same names. Tensors that share
    memory (tied weights) are written once for each name. `metadata` is text kept beside them.
    Errors: TypeError for anything but tensors or arrays of numbers under names; OSError of the
    file system. In either case what was there before stays.

    >>> import tempfile, tinygrad_edu as tg
    >>> model = tg.nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.save_file(model.state_dict(), f"{folder}/model.safetensors")
    ...     model.load_state_dict(tg.load_file(f"{folder}/model.safetensors"))
    <All keys matched successfully>
    """
    if not isinstance(tensors, Mapping):
        mend = "give its state_dict()" if hasattr(tensors, "state_dict") else ""
        expected, got = "a dict of names and tensors", type(tensors).__name__
        raise TypeError(describe("save_file", "tensors", expected, got, mend))
    for name, value in tensors.items():
        if not isinstance(name, str) or name == METADATA:
            raise TypeError(describe("save_file", "tensors", "names as keys", repr(name)))
        if not isinstance(value, (Tensor, np.ndarray)):
            mend = "tg.save takes nested states, numbers and text"
            got = f"a {type(value).__name__}"
            raise TypeError(describe("save_file", f"tensors[{name!r}]", "a Tensor", got, mend))
    if any(not isinstance(text, str) for pair in (metadata or {}).items() for text in pair):
        raise TypeError(describe("save_file", "metadata", "text under names", repr(metadata)))
    arrays = {name: storable(value, "save_file", name) for name, value in tensors.items()}
    write_whole(path, packed(arrays, metadata))


def load_file(path: str | os.PathLike, device: Any = None) -> dict[str, Tensor]:
    """The named tensors of a safetensors file, whoever wrote it; they require no gradient.

    bfloat16, which NumPy has not, becomes float32, without loss. Errors: CheckpointError (a
    ValueError) if the file is cut off, damaged or of another kind, or holds a dtype that is not
    there; OSError if it cannot be read.
    """
    if device is not None:
        Device(device)
    return unpacked(Path(path).read_bytes(), os.fspath(path))[0]


def storable(value: Tensor | np.ndarray, op: str, name: str) -> np.ndarray:
    """The array of a tensor, in one piece. Errors: TypeError for a dtype without a place."""
    array = value.numpy(force=True) if isinstance(value, Tensor) else value
    if array.dtype.kind not in "fiub" or array.itemsize > 8:
        expected = "numbers of at most 64 bits, or bools"
        raise TypeError(describe(op, name, expected, f"{array.dtype} elements"))
    return np.asarray(array, order="C")  # safetensors reads the memory as it lies


def packed(arrays: dict[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    """The content of a safetensors file."""
    from safetensors.numpy import save

    return save(arrays, metadata=dict(metadata) if metadata else None)


def unpacked(data: bytes, source: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata in the content of a safetensors file, in the file's order.

    Errors: CheckpointError that names `source`, for any other content.
    """
    from safetensors import SafetensorError, deserialize

    try:
        parts = dict(deserialize(data))
        text = data[8 : 8 + int.from_bytes(data[:8], "little")]
        header = json.loads(text, object_pairs_hook=_without_repetition)
        metadata = header.pop(METADATA, None) or {}
        return {name: _tensor(name, parts[name]) for name in header}, metadata
    except (SafetensorError, LookupError, ValueError, RecursionError) as error:
        if _is_pickle(data):
            raise CheckpointError(
                f"{source} is a pickle, as torch.save writes them; it is not opened, because a "
                "pickle can run any code. Convert it where PyTorch is installed: "
                f"safetensors.torch.save_file(torch.load({source!r}, weights_only=True), "
                "'model.safetensors') for a state_dict"
            ) from None
        raise CheckpointError(f"{source} is damaged or not a safetensors file: {error}") from error


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no key comes twice: readers would differ in which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its header has a name twice")
    return found


def _tensor(name: str, part: dict[str, Any]) -> Tensor:
    kind = part["dtype"]
    if kind not in _DTYPES:
        raise ValueError(f"tensor {name!r} has the dtype {kind}, which is not there")
    array = np.frombuffer(part["data"], f"<{_DTYPES[kind]}").reshape(part["shape"])
    if kind == "BOOL":
        array = array != 0  # any other byte would be a bool that equals neither
    if kind == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return from_numpy(np.asarray(array, array.dtype.newbyteorder("=")))


def _is_pickle(data: bytes) -> bool:
    """Whether a file begins as `torch.save` begins: with a zip of a pickle, or with the pickle."""
    if data[:4] == b"PK\x03\x04":
        return b"data.pkl" in data[:512]
    # A pickle begins with 128 and its protocol; as the size of a header, the rest would be huge.
    return data[:1] == b"\x80" and any(data[3:8])
