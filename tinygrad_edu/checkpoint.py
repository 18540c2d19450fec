"""Nested state in one file: `save` and `load`, as PyTorch's, but without pickles.

The file is a safetensors file. Its tensors have readable names (`optimizer.state.0.exp_avg`), and
everything around them stands as JSON in its header.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.device import Device
from tinygrad_edu.errors import CheckpointError, describe
from tinygrad_edu.files import METADATA, packed, storable, unpacked, write_whole
from tinygrad_edu.tensor import Tensor

__all__ = ["load", "save"]

# The one entry of the header: of several, safetensors would change the order from file to file.
_FORMAT = "tinygrad_edu checkpoint 1"
_PLAIN = (bool, int, float, str, type(None))


def save(obj: Any, f: Any) -> None:
    """Write dicts, lists and tuples of tensors, numbers, bools, strings and None, nested or not.

    `f` is a path, whose file is written whole or not at all, or a binary file. The names of a
    `state_dict` are those of the tensors in the file, which `safetensors.torch.load_file` reads
    in PyTorch. Nothing is pickled; of a model or an optimizer, save the `state_dict()`.
    Errors: TypeError for any other kind of value, ValueError for a structure that holds itself;
    OSError of the file system. What was there before then stays.

    >>> import tempfile, tinygrad_edu as tg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.save({"epoch": 3, "weights": {0: (tg.ones(2), 0.1)}}, f"{folder}/c.safetensors")
    ...     tg.load(f"{folder}/c.safetensors")
    {'epoch': 3, 'weights': {0: (tensor([1., 1.]), 0.1)}}
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        text = json.dumps(_encode(obj, "", arrays))
    except RecursionError:
        expected = "a structure that does not hold itself"
        raise ValueError(describe("save", "obj", expected, "endless nesting")) from None
    data = packed(arrays, {_FORMAT: text})
    if hasattr(f, "write"):
        f.write(data)
    else:
        write_whole(f, data)


def load(f: Any, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """What `save` wrote, or the named tensors of any other safetensors file.

    `f` is a path or a binary file, read to its end. Tensors are new; those that required a
    gradient do so again. `map_location` may name the CPU, where all tensors are, and whatever
    `weights_only` says, nothing in the file can run.
    Errors: CheckpointError (a ValueError) if the file is cut off, damaged or of another kind, such
    as a pickle by `torch.save`; OSError if it cannot be read.

    >>> import io, tinygrad_edu as tg
    >>> file = io.BytesIO()
    >>> tg.save([tg.tensor([1.0, 2.0]), "two"], file)
    >>> _ = file.seek(0); tg.load(file)
    [tensor([1., 2.]), 'two']
    """
    if isinstance(map_location, (str, Device)):
        Device(str(map_location))
    data = f.read() if hasattr(f, "read") else Path(f).read_bytes()
    if not isinstance(data, bytes):
        raise TypeError(describe("load", "f", "a file opened with 'rb'", "one opened for text"))
    source = str(getattr(f, "name", "the file")) if hasattr(f, "read") else os.fspath(f)
    tensors, metadata = unpacked(data, source)
    if not any(key.startswith("tinygrad_edu checkpoint") for key in metadata):
        return tensors
    try:
        return _decode(json.loads(metadata[_FORMAT]), tensors)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{source} is damaged or not a checkpoint: {error!r}") from error


def _encode(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """`value` as JSON that keeps the kinds of keys, and tuples; its tensors go to `arrays`."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (Tensor, np.ndarray)):
        array = storable(value, "save", name or "obj")
        while name in arrays or name in ("", METADATA):
            name += "_"
        arrays[name] = array
        return {"leaf" if getattr(value, "requires_grad", False) else "tensor": name}
    if isinstance(value, dict):
        wrong = [key for key in value if not isinstance(key, _PLAIN)]
        if wrong:
            expected = "strings, numbers, bools or None as keys"
            raise TypeError(describe("save", name or "obj", expected, repr(wrong[0])))
        pairs = [[key, _encode(item, _inside(name, key), arrays)] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, (list, tuple)):
        items = [_encode(item, _inside(name, i), arrays) for i, item in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    expected = "tensors, numbers, strings, None, dicts, lists or tuples"
    state = next((m for m in ("state_dict", "get_state") if hasattr(value, m)), None)
    mend = f"save its {state}()" if state else ""
    raise TypeError(describe("save", name or "obj", expected, f"a {type(value).__name__}", mend))


def _inside(name: str, key: Any) -> str:
    return f"{name}.{key}" if name else str(key)


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "leaf":
        return tensors[content].requires_grad_()
    if kind == "tuple":
        return tuple([_decode(item, tensors) for item in content])
    if kind == "dict":
        return {key: _decode(item, tensors) for key, item in content}
    raise ValueError(f"unknown kind {kind!r} of value")
