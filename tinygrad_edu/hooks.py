"""Who wants to see the gradient of a node: hooks, and the tensor that keeps it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError


class RemovableHandle:
    """Takes a hook away again: `handle.remove()`, or the end of a `with` block."""

    def __init__(self, hooks: dict, hook: Any, prepend: bool = False) -> None:
        self._hooks, self._key = hooks, object()
        others = dict(hooks)
        if prepend:
            hooks.clear()
        hooks[self._key] = hook
        hooks.update(others)

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
        self.hooks: dict[object, Callable] = {}
        self.make = make  # (array, None) -> tensor
        self.retains = False
        self.tensor = weakref.ref(tensor)  # a node must not keep its tensor alive

    def see(self, g: Any, wrap: Any) -> Any:
        """Run the hooks on the complete gradient."""
        for hook in tuple(self.hooks.values()):
            result = hook(g if wrap else self.make(np.array(g), None))
            if result is not None:
                check_gradient(result, g.shape, g.dtype)
                g = result if wrap else result.array
        return g

    def deliver(self, g: Any, owned: bool) -> None:
        """Add the gradient to the tensor's; a tensor that nobody holds any more needs none."""
        tensor = self.tensor()
        if tensor is not None:
            tensor._receive(g, owned and not self.hooks)


def check_gradient(result: Any, shape: tuple, dtype: np.dtype) -> None:
    """Refuse what a hook returned if it cannot stand for the gradient."""
    if not hasattr(result, "array"):
        raise DTypeError(f"hook: expected None or a Tensor, got {type(result).__name__}")
    if result.shape != shape:
        raise ShapeError(f"hook: expected a Tensor of shape {tuple(shape)}, got {result.shape}")
    if result.dtype != dtype:
        raise DTypeError(f"hook: expected a Tensor of {dtype}, got {result.dtype}; use .to(...)")
