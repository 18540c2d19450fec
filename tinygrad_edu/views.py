"""Which tensors look at the memory of which other: so that a write to one is recorded for all."""

from __future__ import annotations

import weakref
from typing import Any

from tinygrad_edu import storage
from tinygrad_edu.modes import is_grad_enabled


class View:
    """A view's base, the steps (op, settings) that lead to it, and whether these were recorded."""

    __slots__ = ("base", "recorded", "steps")

    def __init__(self, base: Any, steps: tuple) -> None:
        self.base = base
        self.steps = steps
        self.recorded = is_grad_enabled()

    @staticmethod
    def register(view: Any, source: Any, op: Any, settings: tuple) -> None:
        """Note that `view` looks at the memory of `source`, if it really does.

        So a write to one of them can be recorded for all. A base knows its views by weak
        references only: what is not used any more is freed at once.
        """
        if view.array.base is None and view.array is not source.array:
            return
        if storage.memory_of(view.array) is not storage.memory_of(source.array):
            return
        base, steps = source, ((op, settings),)
        if isinstance(source.alias, View):
            base, steps = source.alias.base, source.alias.steps + steps
        if base.alias is None:
            base.alias = []
        elif len(base.alias) % 64 == 63:
            base.alias = [reference for reference in base.alias if reference() is not None]
        base.alias.append(weakref.ref(view))
        view.alias = View(base, steps)

    @staticmethod
    def forget(tensor: Any) -> None:
        """`tensor` looks at other memory from now on: it has no base and no views any more."""
        if not isinstance(tensor.alias, View):
            for reference in tensor.alias or ():
                view = reference()
                if view is not None:
                    view.alias = None
        tensor.alias = None
