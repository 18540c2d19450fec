"""What a module keeps: its parameters and persistent buffers by name, collected and put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor, make

from .parameter import Parameter
from .registry import joined


class LoadResult(NamedTuple):
    """The keys that a module has and a state dict lacks, and the other way round."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self
        return f"LoadResult(missing_keys={missing}, unexpected_keys={unexpected})"


class Entry(NamedTuple):
    """A tensor that is kept, and the module whose attribute it is."""

    tensor: Tensor
    owner: Any
    name: str


def entries(module: Any) -> Iterator[tuple[str, Entry]]:
    """All that `module` keeps, by path; what stands in two places is listed twice."""
    for path, part in module.named_modules(remove_duplicate=False):
        for name, tensor in part._kept():
            yield joined(path, name), Entry(tensor, part, name)


def load(module: Any, state_dict: Any, strict: bool, assign: bool) -> LoadResult:
    """Copy the values of `state_dict` into `module` (or assign them): all, or on any error none."""
    if not isinstance(state_dict, Mapping):
        mend = "give what another module's state_dict() returned"
        got = type(state_dict).__name__
        raise TypeError(describe("load_state_dict", "state_dict", "a mapping", got, mend))
    targets = dict(entries(module))
    missing = [key for key in targets if key not in state_dict]
    unexpected = [key for key in state_dict if key not in targets]
    problems = []
    if strict and missing:
        problems.append(f"Missing key(s) in state_dict: {_quoted(missing)}")
    if strict and unexpected:
        problems.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}")
    pairs = []
    for key, target in targets.items():
        if key in state_dict:
            problem = _problem(target.tensor, state_dict[key], assign)
            pairs.append((target, state_dict[key]))
            problems += [f"{problem[0]} for {key}: {problem[1]}"] if problem else []
    if problems:
        title = f"Error(s) in loading state_dict for {type(module).__name__}; nothing was changed:"
        if strict and (missing or unexpected):
            problems.append("(strict=False loads the keys that are on both sides)")
        raise RuntimeError("\n\t".join([title, *problems]))
    for target, value in pairs:
        (_assign if assign else _copy)(target, value)
    return LoadResult(missing, unexpected)


def _quoted(keys: list) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def _array(value: Any) -> Any:
    return value.array if isinstance(value, Tensor) else value


def _copy(target: Entry, value: Any) -> None:
    array = target.tensor.array
    np.copyto(array, _array(value), casting="unsafe")
    storage.wrote(array)


def _assign(target: Entry, value: Any) -> None:
    """Put the value itself in the place of the tensor; it shares its memory."""
    value = value if isinstance(value, Tensor) else make(value, None)
    if isinstance(target.tensor, Parameter):
        value = value if isinstance(value, Parameter) else Parameter(value)
        value.requires_grad_(target.tensor.requires_grad)
    target.owner.__dict__[target.name] = value


def _problem(target: Tensor, given: Any, assign: bool) -> tuple[str, str] | None:
    """Why a value cannot stand for `target`, if it cannot: a title and the details."""
    value = _array(given)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        kind = f"{value.dtype} elements" if isinstance(value, np.ndarray) else type(given).__name__
        return "wrong type", f"expected a Tensor or an array of numbers, got {kind}"
    if value.shape != target.shape:
        return "size mismatch", f"expected shape {target.shape}, got {value.shape}"
    if assign and isinstance(target, Parameter) and value.dtype.kind != "f":
        return "wrong type", f"expected a floating dtype, got {value.dtype}"
    if not assign and not target.array.flags.writeable:
        return "read-only memory", "the module's own tensor cannot be written; clone() it first"
    return None
