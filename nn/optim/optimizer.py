"""Optimizer: groups of parameters, what is remembered of each, and the walk over all of them."""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_edu import dtypes, storage
from tinygrad_edu.errors import describe
from tinygrad_edu.hooks import RemovableHandle
from tinygrad_edu.modes import enable_grad
from tinygrad_edu.tensor import Tensor, make

from ..parameter import clear_gradients
from . import saving
from .blocks import Scratch, blocks, descent
from .settings import check_limits

__all__ = ["Optimizer"]


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the calls of the optimizer's hooks before and after it."""

    @functools.wraps(step)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        optimizer: Optimizer = args[0]
        if type(optimizer).step is not hooked:  # called by the step of a subclass, which has them
            return step(*args, **kwargs)
        for hook in tuple(optimizer._pre_hooks.values()):
            changed = hook(optimizer, args, kwargs)
            if isinstance(changed, tuple) and len(changed) == 2:
                args, kwargs = changed
            elif changed is not None:
                expected = "None or a pair (args, kwargs)"
                raise TypeError(describe("step", "hook", expected, f"{changed!r}"))
        result = step(*args, **kwargs)
        optimizer._opt_called = True
        for hook in tuple(optimizer._post_hooks.values()):
            hook(optimizer, args, kwargs)
        return result

    return hooked


class Optimizer:
    """Base of all optimizers: a subclass names its settings, and updates one parameter.

    `params` are tensors, pairs of a name and a tensor, or groups: dictionaries with "params" and
    settings of their own, in place of those in `defaults`. `state` holds what is remembered of
    each parameter, under PyTorch's names.
    A subclass may also define `step` itself, on `param_groups` and `state`, as in PyTorch.
    Errors: ValueError if there are no parameters, for one that is no leaf, for one in two groups,
    and for a bad setting; TypeError for what is no tensor.

    >>> import numpy as np, tinygrad_edu as tg
    >>> class SignDescent(tg.optim.Optimizer):
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, {"lr": lr})
    ...     def update(self, param, grad, group):
    ...         for p, g, t, _ in self.blocks(param, grad, group):
    ...             p -= np.multiply(np.sign(g, t), group["lr"], t)
    >>> w = tg.nn.Parameter(tg.ones(2))
    >>> (w * w).sum().backward()
    >>> SignDescent([w]).step(); w.tolist()
    [0.8999999761581421, 0.8999999761581421]
    """

    checked: tuple[str, ...] = ()  # settings whose limits are checked
    memories: tuple[str, ...] = ()  # what `state` holds in the shape and dtype of the parameter
    scalars: tuple[str, ...] = ("step",)  # what it holds as single numbers

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "step" in vars(cls):
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(params, (Tensor, Mapping)) or not isinstance(params, Iterable):
            expected = "an iterable of Tensors or of groups"
            mend = "put it into a list" if isinstance(params, Tensor) else "model.parameters()?"
            raise TypeError(describe(name, "params", expected, f"a {type(params).__name__}", mend))
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._unsaved()
        groups = list(params)
        if not groups:
            mend = "does the model register its parameters?"
            raise ValueError(describe(name, "params", "at least one tensor", "none", mend))
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def _unsaved(self) -> None:
        """Set what a copy of the optimizer starts without."""
        self._scratch = Scratch()
        self._pre_hooks: dict[int, Callable] = {}
        self._post_hooks: dict[int, Callable] = {}
        self._opt_called = False  # whether there was a step, which schedulers ask

    # --- what subclasses say ------------------------------------------------------------------

    def check(self, settings: dict[str, Any]) -> None:
        """Raise ValueError for settings that make no sense."""
        check_limits(type(self).__name__, settings, (*self.checked, "differentiable"))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter."""
        raise NotImplementedError(f"{type(self).__name__} must define update(param, grad, group)")

    # --- what their rules are made of ---------------------------------------------------------

    def blocks(
        self, param: Tensor, grad: np.ndarray, group: dict[str, Any], *memories: str
    ) -> Iterator[list[np.ndarray]]:
        """Walk over a parameter in flat blocks: p, g, the memories, and two scratch arrays.

        g is the direction to descend: the gradient, turned round to maximize, with weight decay;
        it is not to be written. What is written to p and the memories stays.
        """
        array = param.array
        flat = [array.reshape(-1), grad.reshape(-1)]
        flat += [self.memory(param, name).reshape(-1) for name in memories]
        for block in blocks(flat):
            out, *others = self._scratch(array.dtype, block[0].size)
            block[1] = descent(block[0], block[1], out, group)
            yield block + others
        if not array.flags.c_contiguous:  # then p was cut from a copy
            array[...] = flat[0].reshape(array.shape)
        storage.wrote(array)

    def memory(self, param: Tensor, name: str, start: float = 0.0) -> np.ndarray:
        """The array remembered of a parameter; the first time it is made, full of `start`."""
        state = self.state[param]
        if state.get(name) is None:
            state[name] = make(np.full(param.shape, start, param.dtype), None)
        return state[name].array

    def scalar(self, param: Tensor, name: str, start: float = 0.0) -> np.ndarray:
        """The number remembered of a parameter, as an array without dimensions."""
        state = self.state[param]
        value = state.get(name, start)
        if not isinstance(value, Tensor):
            dtype = np.promote_types(dtypes.get_default_dtype(), np.float32)
            state[name] = value = make(np.array(value, dtype), None)
        return value.array

    def count(self, param: Tensor) -> float:
        """Count a step of a parameter: its number, from 1."""
        step = self.scalar(param, "step")
        step += 1
        return step.item()

    # --- steps --------------------------------------------------------------------------------

    @_with_hooks
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

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before every step, with the arguments of `step`.

        `args` begins with the optimizer. A pair that the hook returns takes their place. Returns
        a handle whose `remove()` takes the hook away. Copies of the optimizer have no hooks.
        """
        return RemovableHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after every step; as `register_step_pre_hook`."""
        return RemovableHandle(self._post_hooks, hook)

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
        entries = [params] if isinstance(params, Tensor) else list(params)
        names, params = _names_apart(name, entries)
        self._check_params(params)
        group = {**self.defaults, **param_group, "params": params}
        if names:
            group["param_names"] = names
        if any(("param_names" in other) != ("param_names" in group) for other in self.param_groups):
            raise ValueError(f"{name}: name the parameters of all groups, or of none")
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
                stacklevel=5,
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
        return saving.pack(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over (a copy of) what another optimizer's `state_dict` returned, and go on from it.

        Errors: ValueError if its groups, parameters or settings do not fit; then nothing was
        changed.
        """
        self.param_groups, self.state = saving.unpack(self, state_dict)

    def __getstate__(self) -> dict[str, Any]:
        unsaved = ("_scratch", "_pre_hooks", "_post_hooks", "_opt_called")
        return {key: value for key, value in self.__dict__.items() if key not in unsaved}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._unsaved()

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            lines = [f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"]
            text += f"\nParameter Group {i}\n" + "".join(lines)
        return text + ")"


def _names_apart(optimizer: str, entries: list[Any]) -> tuple[list[str], list[Any]]:
    """The names, if there are any, and the tensors of a list of parameters."""
    names = [entry[0] for entry in entries if isinstance(entry, tuple)]
    if names and len(names) < len(entries):
        got = f"{len(names)} names for {len(entries)} parameters"
        mend = "use model.named_parameters()"
        raise ValueError(describe(optimizer, "params", "names for all or for none", got, mend))
    return names, [entry[1] for entry in entries] if names else entries
