"""Gate: where several tensors pass as they are, and their gradients are seen all together.

Gradients arrive node by node. So each tensor gets a node that only puts its gradient into a
bundle, and these have one common parent, which is visited when all that will come has come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.graph import Node
from tinygrad_edu.hooks import check_gradient
from tinygrad_edu.tensor import Tensor, make

See = Callable[[list], Sequence]  # the gradients (None for one that did not come), and new ones


def gate(tensors: Sequence[Tensor], see: See) -> list[Tensor]:
    """Copies of tensors that require gradients; in backward, `see` may replace these gradients.

    They are copies so that a write to one in place leaves the other as it is.
    """
    common = Node.of(_Meet(tensors, see), tuple([t.node for t in tensors]), (), ())
    return [
        make(t.array.copy(), Node.of(_Enter(place), (common,), (), t.shape))
        for place, t in enumerate(tensors)
    ]


class _Bundle:
    """Gradients by place, in the role of one gradient."""

    shape = ()

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: _Bundle) -> _Bundle:
        return _Bundle(self.parts | other.parts)


class _Step:
    """What the walk asks of an op, for one that only hands gradients on."""

    name = "backward_hook_function"
    inputs: tuple = ()
    fields: tuple = ()
    asks_need = holds = trusted = False


class _Enter(_Step):
    """Puts the gradient into a bundle."""

    bare = True

    def __init__(self, place: int) -> None:
        self.place = place

    def run(self, g: Any, *rest: Any) -> _Bundle:
        return _Bundle({self.place: g})

    def record_rule(self, g: Tensor, *rest: Any) -> _Bundle:
        return self.run(g)


class _Meet(_Step):
    """Shows the gradients, and hands on what comes back."""

    bare = False

    def __init__(self, tensors: Sequence[Tensor], see: See) -> None:
        self.kinds = [(t.shape, t.dtype) for t in tensors]
        self.see = see

    def run(self, bundle: _Bundle, *rest: Any) -> list:
        shown = {place: make(np.array(g), None) for place, g in bundle.parts.items()}
        return [None if g is None else g.array for g in self._seen(shown)]

    def record_rule(self, bundle: _Bundle, *rest: Any) -> list:
        return self._seen(bundle.parts)

    def _seen(self, parts: dict[int, Tensor]) -> list:
        grads = list(self.see([parts.get(place) for place in range(len(self.kinds))]))
        for g, (shape, dtype) in zip(grads, self.kinds, strict=True):
            if g is not None:
                check_gradient(g, shape, dtype)
        return grads
