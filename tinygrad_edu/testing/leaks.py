"""Graphs that outlive the code that recorded them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from tinygrad_edu import storage
from tinygrad_edu.graph import Node
from tinygrad_edu.tensor import Tensor

__all__ = ["no_graph_leak"]


@contextmanager
def no_graph_leak() -> Iterator[None]:
    """Fail if operations recorded inside are still in memory at the end.

    A graph lives as long as a tensor at its end does: `total += loss` keeps the graphs of all
    steps. Leaves, such as parameters, may stay. What an error left behind is not looked at.

    Errors: AssertionError, which counts the nodes and says what refers to them.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.testing.leaks import no_graph_leak
    >>> x, total = tg.ones(3, requires_grad=True), 0.0
    >>> with no_graph_leak():
    ...     for step in range(2):
    ...         total += (x * x).sum().item()
    """
    start = storage.next_number()
    yield
    gc.collect()
    objects = gc.get_objects()
    nodes = [o for o in objects if type(o) is Node and o.op is not None and o.id > start]
    if not nodes:
        return
    youngest = max(nodes, key=lambda node: node.id)
    known = {id(node) for node in nodes}
    # By type, since isinstance would ask an object for its class, and lazy ones answer with more.
    tensors = [o for o in objects if issubclass(type(o), Tensor) and id(o.node) in known]
    ours = {id(objects), id(tensors)}
    holders = sorted({text for tensor in tensors for text in _holders(tensor, ours)})
    count = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    raise AssertionError(
        f"{count} of a graph still alive, the youngest {youngest} of shape {youngest.shape}; "
        f"tensors at the ends are {', '.join(holders[:4]) or 'out of sight'}. Keep loss.item() or "
        "loss.detach() in place of loss"
    )


def _holders(tensor: Tensor, ours: set[int]) -> Iterator[str]:
    """What refers to a tensor, in a few words."""
    for holder in gc.get_referrers(tensor):
        if id(holder) in ours:
            continue
        if isinstance(holder, dict):
            module = holder.get("__name__")
            where = f"module {module}" if isinstance(module, str) else "a dictionary"
            yield from (f"{key!r} of {where}" for key, value in holder.items() if value is tensor)
        elif isinstance(holder, (list, tuple, set)):
            yield f"in a {type(holder).__name__} of {len(holder)}"
