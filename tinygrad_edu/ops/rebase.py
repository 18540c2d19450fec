"""What a write in place does to the graph: the tensor, its base and all its views get new nodes.

A tensor that was written has the node of its new value. If it is a view, its base gets a new node
too (`overwrite`: the base with the view's elements replaced), and then every view of that base is
led to it again by the steps it was made by.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.graph import Node
from tinygrad_edu.op import op
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.shape import reshape, seen_as
from tinygrad_edu.tensor import Tensor, make
from tinygrad_edu.views import View


def rebase(target: Tensor, node: Node) -> None:
    """Give `target` the node of its new value, and its base and their views theirs."""
    base = target
    if isinstance(target.alias, View):
        base, steps = target.alias.base, target.alias.steps
        inputs = (base, make(target.array, node))
        arrays = (base.array, target.array)
        node = overwrite.op.node(base.array, inputs, arrays, (steps,), ())
    _renew(base, node)
    for reference in base.alias or ():
        other = reference()
        if other is not None:
            _renew(other, follow(make(base.array, node), other.alias.steps).node)


def _renew(tensor: Tensor, node: Node) -> None:
    """Change the node; a gradient that the tensor retains is from now on that of its new value."""
    moves = tensor.retains_grad
    if moves:
        tensor.node.watch.retains = False  # type: ignore[union-attr]
    tensor.node = node
    if moves:
        tensor.retain_grad()


def follow(source: Any, steps: tuple) -> Any:
    """The view of `source` (array or tensor) that the steps lead to."""
    for step, settings in steps:
        # A gradient need not lie in memory as the base does: it cannot always be viewed.
        step = reshape.op if step is seen_as.op else step
        source = step.apply((source,), settings)
    return source


@op(dtype=None)
def overwrite(input: Any, value: Any, /, steps: tuple) -> Any:
    """`input` with the elements of one of its views replaced by `value`.

    Gradient: g outside the view for `input`, g inside it for `value`.
    """
    out = input.flatten()
    out[_places(input.shape, steps)] = value
    return out.reshape(input.shape)


@overwrite.rule
def overwrite_rule(g, steps, need):
    gi = None
    if need[0]:
        inside = np.zeros(math.prod(g.shape), bool)
        inside[_places(g.shape, steps)] = True
        gi = where(inside.reshape(g.shape), 0.0, g)
    return gi, follow(g, steps) if need[1] else None


def _places(shape: tuple, steps: tuple) -> np.ndarray:
    """The numbers of the elements that the view looks at."""
    return follow(np.arange(math.prod(shape)).reshape(shape), steps)
