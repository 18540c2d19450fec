"""Files written whole or not at all, and nested state as one safetensors file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.tensor import Tensor

__all__ = ["CheckpointError", "load_checkpoint", "save_checkpoint", "save_weights", "write_whole"]

# The one entry of the header: of several, safetensors would change the order from file to file.
_FORMAT = "tinygrad_edu checkpoint 1"


class CheckpointError(ValueError):
    """A file that is not a whole checkpoint."""


def write_whole(path: str | os.PathLike, data: bytes | str) -> None:
    """Write a file so that its name never stands for a part of it; text as UTF-8.

    The data go to a hidden file beside it, which then takes its name: a failure at any moment
    leaves what was there before. Errors: OSError of the file system.

    >>> import pathlib, tempfile
    >>> from tinygrad_edu.checkpoint import write_whole
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/note.txt", "whole")
    ...     [(file.name, file.read_text()) for file in pathlib.Path(folder).iterdir()]
    [('note.txt', 'whole')]
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data.encode() if isinstance(data, str) else data)
        os.replace(part, path)
    except BaseException:  # Ctrl-C too
        part.unlink(missing_ok=True)
        raise


def save_weights(path: str | os.PathLike, weights: dict[str, Any]) -> None:
    """Write a `state_dict` as safetensors, which PyTorch's `load_file` reads with the same keys.

    Errors: OSError of the file system; what was there before then stays.
    """
    from safetensors.numpy import save

    write_whole(path, save({name: _array(tensor) for name, tensor in weights.items()}))


def save_checkpoint(path: str | os.PathLike, state: dict[str, Any]) -> None:
    """Write nested dicts, lists and tuples of tensors, numbers, strings and None, losslessly.

    Tensors are kept under readable names (`optimizer.state.0.exp_avg`), everything else as JSON in
    the header; nothing is ever pickled. Errors: TypeError for any other kind of value; OSError of
    the file system. In either case what was there before stays.

    >>> import tempfile, tinygrad_edu as tg
    >>> from tinygrad_edu.checkpoint import load_checkpoint, save_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/c", {"epoch": 3, "weights": {0: (tg.ones(2), 0.1)}})
    ...     load_checkpoint(f"{folder}/c")
    {'epoch': 3, 'weights': {0: (tensor([1., 1.]), 0.1)}}
    """
    from safetensors.numpy import save

    tensors: dict[str, np.ndarray] = {}
    text = json.dumps(_encode(state, "", tensors))
    write_whole(path, save(tensors, metadata={_FORMAT: text}))


def load_checkpoint(path: str | os.PathLike) -> dict[str, Any]:
    """What `save_checkpoint` wrote, with new tensors that require no gradient.

    Errors: CheckpointError (a ValueError) if the file is cut off, damaged, or of another kind;
    OSError if it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    Path(path).open("rb").close()  # so that a missing file is an OSError of Python's own
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if _FORMAT not in metadata:
                raise CheckpointError(f"{path} is not a checkpoint: its header lacks {_FORMAT!r}")
            return _decode(json.loads(metadata[_FORMAT]), file)
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {error}") from error


def _array(tensor: Any) -> np.ndarray:
    array = tensor.numpy(force=True) if isinstance(tensor, Tensor) else tensor
    return np.asarray(array, order="C")  # safetensors reads the memory as it lies


def _encode(value: Any, name: str, tensors: dict[str, np.ndarray]) -> Any:
    """`value` as JSON that keeps int keys and tuples; its tensors are put into `tensors`."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (Tensor, np.ndarray)):
        while name in tensors:
            name += "_"
        tensors[name] = _array(value)
        return {"tensor": name}
    if isinstance(value, dict):
        pairs = [[key, _encode(item, _inside(name, key), tensors)] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, (list, tuple)):
        items = [_encode(item, _inside(name, i), tensors) for i, item in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    raise TypeError(
        f"save_checkpoint: {name}: expected tensors, numbers, strings, None, dicts, lists or "
        f"tuples, got {type(value).__name__}"
    )


def _inside(name: str, key: Any) -> str:
    return f"{name}.{key}" if name else str(key)


def _decode(value: Any, file: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item, file) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return from_numpy(file.get_tensor(content))
    if kind == "tuple":
        return tuple(_decode(content, file))
    if kind == "dict":
        return {key: _decode(item, file) for key, item in content}
    raise ValueError(f"unknown kind {kind!r} of value")
