"""The state of an optimizer as a dictionary, and back."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor, make
from tinygrad_edu.trees import map_tree


def pack(optimizer: Any) -> dict[str, Any]:
    """What an optimizer remembers, and its groups, with numbers in place of parameters."""
    numbers: dict[Tensor, int] = {}
    groups = []
    for group in optimizer.param_groups:
        places = [numbers.setdefault(p, len(numbers)) for p in group["params"]]
        groups.append({**group, "params": places})
    state = {numbers[p]: dict(memory) for p, memory in optimizer.state.items()}
    return {"state": state, "param_groups": groups}


def unpack(
    optimizer: Any, state_dict: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], defaultdict[Tensor, dict[str, Any]]]:
    """Groups and state for an optimizer from a dictionary, all copied; ValueError if unfit."""
    groups = _groups(optimizer, state_dict)
    param_of: dict[int, Tensor] = {}
    for saved, group in zip(state_dict["param_groups"], groups, strict=True):
        param_of.update(zip(saved["params"], group["params"], strict=True))
    state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
    for number, memory in state_dict["state"].items():
        if number not in param_of:
            expected = f"numbers of its {len(param_of)} parameters"
            raise ValueError(describe("load_state_dict", "state", expected, repr(number)))
        param = param_of[number]
        state[param] = {key: _value(optimizer, param, key, x) for key, x in memory.items()}
    return groups, state


def _groups(optimizer: Any, state_dict: Mapping[str, Any]) -> list[dict[str, Any]]:
    expected = "a mapping with 'state' and 'param_groups'"
    if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
        got = str(list(state_dict) if isinstance(state_dict, Mapping) else type(state_dict))
        raise ValueError(describe("load_state_dict", "state_dict", expected, got))
    found = [len(saved["params"]) for saved in state_dict["param_groups"]]
    sizes = [len(group["params"]) for group in optimizer.param_groups]
    if found != sizes:
        expected = f"groups of {sizes} parameters"
        mend = "was it saved for this model?"
        raise ValueError(describe("load_state_dict", "param_groups", expected, found, mend))
    return [
        _group(optimizer, saved, group)
        for saved, group in zip(state_dict["param_groups"], optimizer.param_groups, strict=True)
    ]


def _group(optimizer: Any, saved: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    """The saved settings, for the parameters of `group`."""
    # Older files lack the flags that came later; a number that is missing is another's state.
    flags = {k: x for k, x in optimizer.defaults.items() if x is None or isinstance(x, bool)}
    missing = [key for key in optimizer.defaults if key not in saved and key not in flags]
    if missing:
        mend = f"was it saved by {type(optimizer).__name__}?"
        expected = f"the settings {', '.join(optimizer.defaults)}"
        got = f"none for {', '.join(missing)}"
        raise ValueError(describe("load_state_dict", "param_groups", expected, got, mend))
    settings = {key: copy.deepcopy(x) for key, x in saved.items() if key != "params"}
    settings = {**flags, **settings}
    optimizer.check(settings)
    names = {"param_names": group["param_names"]} if "param_names" in group else {}
    return {"params": group["params"], **names, **settings}


def _value(optimizer: Any, param: Tensor, key: str, value: Any) -> Any:
    """A copy of a remembered value; arrays in the parameter's dtype, but counts in their own."""

    def convert(x: Any) -> Any:
        array = x.array if isinstance(x, Tensor) else x
        if not isinstance(array, np.ndarray):
            return copy.deepcopy(x)
        dtype = array.dtype if key in optimizer.scalars else param.dtype
        return make(np.array(array, dtype, order="C"), None)

    value = map_tree(convert, value)
    if key in optimizer.memories and value is not None and value.shape != param.shape:
        expected = f"shape {param.shape} for {key!r}"
        raise ValueError(describe("load_state_dict", "state", expected, f"{value.shape}"))
    return value
