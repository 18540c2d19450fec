"""Who wants to see the gradient of a node: hooks, and the tensor that keeps it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError

_keys = itertools.count()


class RemovableHandle:
    """Takes a hook away again: `handle.remove()`, or the end of a `with` block."""

    def __init__(self, hooks: dict, hook: Callable) -> None:
        self._hooks, self._key = hooks, next(_keys)
        hooks[self._key] = hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._hooks.pop(self._key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class Watch:
    """Who wants to see the gradient of a node: hooks, and the tensor that keeps it."""

    __slots__ = ("hooks", "make", "retains", "tensor")

    def __init__(self, tensor: Any, make: Callable) -> None:
        self.hooks: dict[int, Callable] = {}
        self.make = make  # (array, None) -> tensor
        self.retains = False
        self.tensor = weakref.ref(tensor)  # a node must not keep its tensor alive

    def see(self, g: Any, wrap: Any) -> Any:
        """Run the hooks on the complete gradient."""
        for hook in tuple(self.hooks.values()):
            result = hook(g if wrap else self.make(np.array(g), None))
            if result is not None:
                _check(result, g)
                g = result if wrap else result.array
        return g

    def deliver(self, g: Any, owned: bool) -> None:
        """Add the gradient to the tensor's; a tensor that nobody holds any more needs none."""
        tensor = self.tensor()
        if tensor is not None:
            tensor._receive(g, owned and not self.hooks)


def _check(result: Any, g: Any) -> None:
    """Refuse what a hook returned if it cannot stand for the gradient."""
    if not hasattr(result, "array"):
        raise DTypeError(f"hook: expected None or a Tensor, got {type(result).__name__}")
    if result.shape != g.shape:
        raise ShapeError(f"hook: expected a Tensor of shape {tuple(g.shape)}, got {result.shape}")
    if result.dtype != g.dtype:
        raise DTypeError(f"hook: expected a Tensor of {g.dtype}, got {result.dtype}; use .to(...)")
