"""Optimizer: groups of parameters, what is remembered of each, and the walk over all of them.

An update rule is a function on flat arrays. It runs on one block after the other, each small
enough to stay in the processor's cache while parameter, gradient and memories are read and
written, and with scratch arrays that are made once: a step allocates nothing.
"""

from __future__ import annotations

import copy
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.errors import describe
from tinygrad_edu.modes import enable_grad
from tinygrad_edu.tensor import Tensor, make

from ..parameter import clear_gradients

__all__ = ["Optimizer"]

BLOCK = 1 << 16  # elements; measured


class Optimizer:
    """Base of all optimizers: a subclass checks its settings and updates one parameter.

    `params` are tensors, or groups: dictionaries with "params" and settings of their own, in
    place of those in `defaults`. `state` holds what is remembered of each parameter, under
    PyTorch's names.
    Errors: ValueError if there are no parameters, for one that is no leaf, for one in two groups,
    and for a bad setting; TypeError for what is no tensor.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.ones(1))
    >>> optimizer = tg.optim.SGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step(); w.tolist()
    [0.0]
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(params, (Tensor, Mapping)) or not isinstance(params, Iterable):
            expected = "an iterable of Tensors or of groups"
            mend = "put it into a list" if isinstance(params, Tensor) else "model.parameters()?"
            raise TypeError(describe(name, "params", expected, f"a {type(params).__name__}", mend))
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._scratch: dict[tuple[np.dtype, int], list[np.ndarray]] = {}
        groups = list(params)
        if not groups:
            mend = "does the model register its parameters?"
            raise ValueError(describe(name, "params", "at least one tensor", "none", mend))
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    # --- what subclasses say ------------------------------------------------------------------

    def check(self, settings: dict[str, Any]) -> None:
        """Raise ValueError for settings that make no sense."""
        raise NotImplementedError(f"{type(self).__name__} must define check(settings)")

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        raise NotImplementedError(f"{type(self).__name__} must define update(param, grad, group)")

    # --- steps --------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        `closure`, if given, computes the loss and its gradients first; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                grad = param.grad
                if grad is not None:
                    self.update(param, grad.array, group)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zeros in place."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def blocks(self, param: Tensor, *others: np.ndarray) -> Iterator[list[np.ndarray]]:
        """Cut the parameter and arrays of its shape into flat blocks; two scratch arrays follow.

        What is written to the blocks is written to the parameter and (if contiguous) the others.
        """
        array = param.array
        flat = [x.reshape(-1) for x in (array, *others)]
        n = array.size
        if n <= BLOCK:
            yield flat + self._scratch_of(array.dtype, n)
        else:
            for start in range(0, n, BLOCK):
                block = [x[start : start + BLOCK] for x in flat]
                yield block + self._scratch_of(array.dtype, block[0].size)
        if not array.flags.c_contiguous:  # `flat` is a copy
            array[...] = flat[0].reshape(array.shape)
        storage.wrote(array)

    def _scratch_of(self, dtype: np.dtype, n: int) -> list[np.ndarray]:
        """Two arrays of n elements to write to: views of one memory, made once."""
        found = self._scratch.get((dtype, n))
        if found is None:
            if n < BLOCK:
                found = [whole[:n] for whole in self._scratch_of(dtype, BLOCK)]
            else:
                found = [np.empty(n, dtype), np.empty(n, dtype)]
            self._scratch[dtype, n] = found
        return found

    # --- groups -------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take in further parameters, with settings of their own.

        Errors: as of the class; then nothing was changed.
        """
        name = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            got = param_group if isinstance(param_group, dict) else type(param_group).__name__
            raise TypeError(describe(name, "param_group", "a dict with a key 'params'", got))
        params = param_group["params"]
        if isinstance(params, (set, frozenset)):
            mend = "its order differs from run to run; use a list"
            raise TypeError(describe(name, "params", "an ordered collection", "a set", mend))
        params = [params] if isinstance(params, Tensor) else list(params)
        self._check_params(params)
        group = {**self.defaults, **param_group}
        group["params"] = params
        self.check(group)
        self.param_groups.append(group)

    def _check_params(self, params: list[Any]) -> None:
        name = type(self).__name__
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                mend = "use model.parameters()"
                got = f"a {type(p).__name__} at place {i}"
                raise TypeError(describe(name, "params", "Tensors", got, mend))
            if not p.is_leaf and not p.retains_grad:
                mend = "optimize the tensors it was made from, or detach() it"
                got = f"{p.grad_fn!r} at place {i}"
                raise ValueError(describe(name, "params", "leaves", got, mend))
        if len(set(params)) < len(params):
            warnings.warn(
                f"{name}: a parameter is twice in one group and will be updated twice in each step",
                stacklevel=4,
            )
        known = {p for group in self.param_groups for p in group["params"]}
        if not known.isdisjoint(params):
            raise ValueError(f"{name}: a parameter appears in more than one parameter group")

    # --- saving -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What is remembered, and the settings, with parameters as numbers: what to save.

        {"state": {number: {name: tensor}}, "param_groups": [{..., "params": [number, ...]}]}; the
        tensors are shared with the optimizer.
        """
        numbers: dict[Tensor, int] = {}
        groups = []
        for group in self.param_groups:
            places = [numbers.setdefault(p, len(numbers)) for p in group["params"]]
            groups.append({**group, "params": places})
        state = {numbers[p]: dict(memory) for p, memory in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over (a copy of) what another optimizer's `state_dict` returned, and go on from it.

        Errors: ValueError if its groups, parameters or settings do not fit; then nothing was
        changed.
        """
        groups = self._load_groups(state_dict)
        param_of: dict[int, Tensor] = {}
        for saved, group in zip(state_dict["param_groups"], groups, strict=True):
            param_of.update(zip(saved["params"], group["params"], strict=True))
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for number, memory in state_dict["state"].items():
            if number not in param_of:
                expected = f"numbers of its {len(param_of)} parameters"
                raise ValueError(describe("load_state_dict", "state", expected, repr(number)))
            param = param_of[number]
            state[param] = {key: self._load(param, key, value) for key, value in memory.items()}
        self.param_groups, self.state = groups, state

    def _load_groups(self, state_dict: Mapping[str, Any]) -> list[dict[str, Any]]:
        expected = "a mapping with 'state' and 'param_groups'"
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            got = str(list(state_dict) if isinstance(state_dict, Mapping) else type(state_dict))
            raise ValueError(describe("load_state_dict", "state_dict", expected, got))
        found = [len(saved["params"]) for saved in state_dict["param_groups"]]
        sizes = [len(group["params"]) for group in self.param_groups]
        if found != sizes:
            expected = f"groups of {sizes} parameters"
            mend = "was it saved for this model?"
            raise ValueError(describe("load_state_dict", "param_groups", expected, found, mend))
        groups = []
        for saved, group in zip(state_dict["param_groups"], self.param_groups, strict=True):
            missing = [key for key in self.defaults if key not in saved]
            if missing:
                mend = f"was it saved by {type(self).__name__}?"
                expected = f"the settings {', '.join(self.defaults)}"
                got = f"none for {', '.join(missing)}"
                raise ValueError(describe("load_state_dict", "param_groups", expected, got, mend))
            settings = {key: copy.deepcopy(x) for key, x in saved.items() if key != "params"}
            self.check(settings)
            groups.append({"params": group["params"], **settings})
        return groups

    def _load(self, param: Tensor, key: str, value: Any) -> Any:
        """A copy of a remembered value, in the parameter's dtype; a count of steps in float32."""
        array = value.array if isinstance(value, Tensor) else value
        if key == "step":
            return make(np.array(array, np.float32), None)
        if not isinstance(array, np.ndarray):
            return copy.deepcopy(value)
        if array.ndim and array.shape != param.shape:
            expected = f"shape {param.shape} for {key!r}"
            raise ValueError(describe("load_state_dict", "state", expected, f"{array.shape}"))
        return make(np.array(array, param.dtype, order="C"), None)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scratch": {}}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def check_at_least_0(optimizer: str, settings: dict[str, Any], *arguments: str) -> None:
    """Raise ValueError for a setting that is no number of at least 0."""
    for argument in arguments:
        value = settings[argument]
        if not isinstance(value, Real) or not float(value) >= 0:
            expected = "a number of at least 0"
            raise ValueError(describe(optimizer, argument, expected, repr(value)))


def direction(p: np.ndarray, g: np.ndarray, out: np.ndarray, group: dict[str, Any]) -> np.ndarray:
    """The gradient to descend: with weight decay added, turned round to maximize. May be `g`."""
    if group["weight_decay"]:
        np.multiply(p, float(group["weight_decay"]), out)
        return (np.subtract if group["maximize"] else np.add)(out, g, out)
    return np.negative(g, out) if group["maximize"] else g
