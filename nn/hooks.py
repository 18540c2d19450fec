"""Hooks of a module: functions that see, and may replace, what goes into it and what comes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from tinygrad_edu.gate import gate
from tinygrad_edu.hooks import RemovableHandle
from tinygrad_edu.modes import is_grad_enabled
from tinygrad_edu.tensor import Tensor


class Hook(NamedTuple):
    """A hook of the forward call, and how it was registered."""

    function: Callable
    with_kwargs: bool
    always_call: bool

    def __call__(self, module: Any, args: tuple, kwargs: dict, *result: Any) -> Any:
        return self.function(module, args, *([kwargs] if self.with_kwargs else []), *result)


class Hooks:
    """The hooks of one module, by when they run."""

    def __init__(self) -> None:
        self.before: dict[object, Hook] = {}  # forward
        self.after: dict[object, Hook] = {}
        self.grad_output: dict[object, Callable] = {}
        self.grad_input: dict[object, Callable] = {}

    def copy(self) -> Hooks:
        """The same hooks, of which each copy may lose and gain some."""
        other = Hooks()
        for name, hooks in vars(self).items():
            vars(other)[name] = dict(hooks)
        return other

    def call(self, module: Any, args: tuple, kwargs: dict) -> Any:
        """Call `forward` of the module, and the hooks around it."""
        result, done = None, set()
        try:
            for hook in tuple(self.before.values()):
                args, kwargs = _replaced(hook, hook(module, args, kwargs), args, kwargs)
            backward = _Backward(module, self) if self.grad_output or self.grad_input else None
            if backward is not None:
                args = backward.enter(args)
            result = module.forward(*args, **kwargs)
            for key, hook in tuple(self.after.items()):
                done.add(key)
                found = hook(module, args, kwargs, result)
                result = result if found is None else found
            return result if backward is None else backward.leave(result)
        except Exception:
            for key, hook in tuple(self.after.items()):
                if hook.always_call and key not in done:
                    _call_silently(hook, module, args, kwargs, result)
            raise


def _replaced(hook: Hook, found: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments after a hook before forward returned `found`."""
    if found is None:
        return args, kwargs
    if not hook.with_kwargs:
        return (found if isinstance(found, tuple) else (found,)), kwargs
    if not isinstance(found, tuple) or len(found) != 2:
        raise RuntimeError(
            "forward pre-hook: expected None or a tuple (new_args, new_kwargs), got "
            f"{found!r}; without with_kwargs=True the hook returns the arguments alone"
        )
    return found


def _call_silently(hook: Hook, *arguments: Any) -> None:
    """Call a hook that wants to be called after an error too; that error is the one to raise."""
    try:
        hook(*arguments)
    except Exception as error:
        warnings.warn(
            f"a forward hook with always_call=True raised {error!r}; it is not raised because "
            "forward had failed before",
            stacklevel=4,
        )


class _Backward:
    """One call of a module with hooks on gradients: it stands at its entrance and its exit."""

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module = module
        self.before = tuple(hooks.grad_output.values())
        self.after = tuple(hooks.grad_input.values())
        self.grad_output: tuple | None = None  # between exit and entrance, in a backward pass
        self.enters: list[int] = []  # the places of arguments that require gradients
        self.leaves: list[int] = []
        self.inputs = self.outputs = 0  # how many there are

    def enter(self, args: tuple) -> tuple:
        """The arguments, with a gate for those that require gradients."""
        self.inputs, self.enters = len(args), _places(args)
        return _gated(args, self.enters, self._see_inputs)

    def leave(self, result: Any) -> Any:
        """The result, with a gate for the tensors that require gradients."""
        results = (result,) if isinstance(result, Tensor) else result
        if not isinstance(results, tuple):
            warnings.warn(
                f"the backward hooks of {type(self.module).__name__} are not called: expected "
                f"forward to return a Tensor or a tuple of Tensors, got {type(result).__name__}",
                stacklevel=5,
            )
            return result
        self.outputs, self.leaves = len(results), _places(results)
        passed = _gated(results, self.leaves, self._see_outputs)
        if result is not results:
            return passed[0]
        return passed if type(result) is tuple else type(result)(*passed)

    def _see_outputs(self, grads: list) -> list:
        given = _spread(grads, self.leaves, self.outputs)
        for hook in self.before:
            given = _taken("grad_output", hook(self.module, given), given)
        self.grad_output = given
        if not self.enters and self.after:
            warnings.warn(
                f"the backward hooks of {type(self.module).__name__} are called without "
                "grad_input, because no argument of the module requires a gradient",
                stacklevel=2,
            )
            self._run((None,) * self.inputs)
        return [given[place] for place in self.leaves]

    def _see_inputs(self, grads: list) -> list:
        if self.grad_output is None:  # not through the outputs: at second order, for one
            return grads
        found = self._run(_spread(grads, self.enters, self.inputs))
        return [found[place] for place in self.enters]

    def _run(self, found: tuple) -> tuple:
        given, self.grad_output = self.grad_output, None
        for hook in self.after:
            found = _taken("grad_input", hook(self.module, found, given), found)
        return found


def _places(values: tuple) -> list[int]:
    if not is_grad_enabled():
        return []
    return [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]


def _gated(values: tuple, places: list[int], see: Callable) -> tuple:
    if not places:
        return values
    passed = list(values)
    for place, tensor in zip(places, gate([values[i] for i in places], see), strict=True):
        passed[place] = tensor
    return tuple(passed)


def _spread(grads: list, places: list[int], count: int) -> tuple:
    """Gradients at their places, and None elsewhere."""
    by_place = dict(zip(places, grads, strict=True))
    return tuple([by_place.get(place) for place in range(count)])


def _taken(what: str, found: Any, before: tuple) -> tuple:
    """The gradients after a hook returned `found`."""
    if found is None:
        return before
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(before):
        raise RuntimeError(f"backward hook: expected {len(before)} {what}, got {len(found)}")
    return found


def register(hooks: dict, function: Any, prepend: bool, *how: bool) -> RemovableHandle:
    """Add a hook; returns the handle that takes it away."""
    hook: Any = Hook(function, *how) if how else function
    return RemovableHandle(hooks, hook, prepend)
