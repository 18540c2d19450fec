"""READ FIRST. The graph of recorded operations, and the walk that differentiates it.

Each recorded operation is a `Node`. It knows its op, the nodes of its inputs (`parents`), and the
values its gradient rule asked for (`saved`); it knows no tensor, so a tensor holds its graph and
not the other way round, and reference counting alone frees a graph that is no longer used.

`backward` visits the nodes from the youngest to the oldest. A node is always younger than its
parents, so when a node's turn comes, every gradient that flows into it has been added up in its
slot `g`; the op's rule turns `g` into the gradients of the inputs, and they are added to the slots
of the parents. Nothing here is recursive: depth is bounded by memory only.

Gradients are plain arrays. With `create_graph=True` they are tensors, and the same rules, written
with operators that arrays and tensors share, record themselves: that is all it takes to
differentiate a gradient. (Then `wrap` makes the tensors; this file never needs to know them.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.errors import GraphError, ShapeError


class Node:
    """A recorded operation, or (with `op` None) a leaf that wants a gradient.

    `id` is the creation number, `shape` the shape of the result, `saved` what the rule asked for
    (None once released), `g` the gradient that has arrived so far (None outside a pass), `owned`
    whether `g` is an array that nothing else refers to, and `watch` the hooks and the tensor that
    wants to see the gradient, if any.
    """

    __slots__ = ("g", "id", "op", "owned", "parents", "saved", "shape", "watch")

    g: Any
    id: int
    op: Any
    owned: bool
    parents: tuple
    saved: tuple | None
    shape: tuple
    watch: Any

    @classmethod
    def of(cls, op: Any, parents: tuple, saved: tuple, shape: tuple) -> Any:
        """A new node. (A class without `__init__` makes its objects in a third of the time.)"""
        node = cls()
        node.id = storage.next_number()
        node.op = op
        node.parents = parents
        node.saved = saved
        node.shape = shape
        node.g = node.watch = None
        return node

    def name(self) -> str:
        """The op's name as PyTorch writes it: MulBackward0."""
        if self.op is None:
            return "AccumulateGrad"
        return "".join(part.capitalize() for part in self.op.name.split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple:
        """The nodes of the inputs, each with 0, the number of the output it stands for."""
        return tuple((parent, 0) for parent in self.parents)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


_NOTHING: Any = type("Nothing", (), {"__slots__": ()})()
turn = threading.RLock()  # the slots `g`, and leaves, belong to one pass at a time
_running: list[list[Node]] = []  # the nodes of that pass, and of those inside which it runs


def backward(
    roots: Sequence[Node],
    seeds: Sequence[Any],
    *,
    targets: Iterable[Node] | None = None,
    retain: bool = False,
    wrap: Callable[[np.ndarray, Node | None], Any] | None = None,
) -> dict[Node, Any]:
    """Carry the gradients `seeds` from `roots` back to the leaves.

    Without `targets` every leaf's tensor receives its gradient. With `targets` only they are
    reached for, no leaf is touched, and their gradients are returned. `retain` keeps what the
    rules need for another pass.

    Errors: GraphError if a node was released by an earlier pass, or if a value it saved was
    overwritten since; ShapeError if a rule returns a gradient of an impossible shape.
    """
    with turn, np.errstate(all="ignore"):
        outer = _put_aside() if _running else ()
        order = _youngest_first(roots)
        found: dict[Node, Any] = {}
        _running.append(order)
        try:
            for root, seed in zip(roots, seeds, strict=True):
                root.g = seed if root.g is _NOTHING else root.g + seed
                root.owned = False
            if targets is None and wrap is None:
                arrived = _walk(order, retain)
            else:
                aims = None if targets is None else set(targets)
                found, arrived = _walk_towards(order, aims, retain, wrap)
            # Tensors receive their gradients only now, when no rule can fail any more.
            for node, g in arrived:
                node.watch.deliver(g, node.op is None and node.owned)
            return found
        finally:
            _running.pop()
            for node in order:
                node.g = None
            for node, g, owned in outer:
                node.g, node.owned = g, owned


def _put_aside() -> list[tuple]:
    """What has arrived in the running pass, inside which a hook starts another."""
    outer = [(node, node.g, getattr(node, "owned", False)) for node in _running[-1]]
    for node, *_ in outer:
        node.g = None
    return outer


def _youngest_first(roots: Sequence[Node]) -> list[Node]:
    """All nodes that `roots` depend on, and the roots, by descending creation number.

    Each is marked as visited by `g`: nothing has arrived yet.
    """
    order = []
    for root in roots:
        if root.g is None:
            root.g = _NOTHING
            order.append(root)
    for node in order:  # grows while it is read
        for parent in node.parents:
            if parent is not None and parent.g is None:
                parent.g = _NOTHING
                order.append(parent)
    order.sort(key=attrgetter("id"), reverse=True)
    return order


def _leading_to(order: list[Node], targets: set[Node]) -> set[Node]:
    """The nodes of `order` through which a gradient reaches one of `targets`."""
    wanted = set(targets)
    for node in reversed(order):
        if not wanted.isdisjoint(node.parents):
            wanted.add(node)
    return wanted


def _walk(order: list[Node], retain: bool) -> list[tuple[Node, Any]]:
    """Visit the nodes in order, on arrays; return the gradients that tensors get.

    The commonest pass; `_walk_towards` does the same step by step, and more.
    """
    arrived: list[tuple[Node, Any]] = []
    for node in order:
        g, op, parents = node.g, node.op, node.parents
        if g is _NOTHING:
            continue
        node.g = _NOTHING  # free the array as soon as the rule is done with it
        if node.watch is not None:
            g = _show(node, g, None, arrived)
        if op is None:
            continue
        saved: Any = node.saved  # only now: a hook may have run a pass that released it
        if saved is None or storage.latest > node.id:
            saved = _unwritten(node)
        need: Sequence | None = None
        if op.asks_need:  # mostly there are two, and a comprehension costs as much as a rule
            two = len(parents) == 2
            need = (parents[0] is not None, parents[1] is not None) if two else _needed(parents)
        grads = op.run(g, saved, need)
        if not op.trusted:
            _check(node, grads)
        i = 0
        for parent in parents:  # zip and enumerate take longer
            gi = grads if op.bare else grads[i]
            i += 1
            if parent is None or gi is None:
                continue
            if gi.shape != parent.shape:
                gi = _fit(gi, parent.shape, node)
            if parent.g is _NOTHING:  # kept as it is, and by a leaf's tensor if it is free
                parent.g = gi
                parent.owned = parent.op is None and _is_fresh(gi, g, saved, grads, op)
            elif parent.owned:
                parent.g += gi
            else:  # a new array, which is ours: from the third gradient on it is added to
                parent.g = parent.g + gi
                parent.owned = True
        if op.holds and not retain:
            node.saved = None
    return arrived


def _walk_towards(
    order: list[Node], targets: set[Node] | None, retain: bool, wrap: Any
) -> tuple[dict[Node, Any], list[tuple[Node, Any]]]:
    """`_walk` with targets or, by `wrap`, on tensors; return the targets' gradients as well."""
    found: dict[Node, Any] = {}
    arrived: list[tuple[Node, Any]] = []
    wanted = None if targets is None else _leading_to(order, targets)
    for node in order:
        g, op, parents = node.g, node.op, node.parents
        if g is _NOTHING or (wanted is not None and node not in wanted):
            continue
        node.g = _NOTHING
        if node.watch is not None:
            g = _show(node, g, wrap, arrived if targets is None or op is not None else [])
        if targets is not None and node in targets:
            found[node] = g
        if op is None:
            continue
        unchanged = node.saved is not None and storage.latest < node.id
        saved: Any = node.saved if unchanged else _unwritten(node)
        need = _needed(parents, wanted)
        grads = op.record_rule(g, node, saved, need, wrap) if wrap else op.run(g, saved, need)
        if not op.trusted:
            _check(node, grads)
        for parent, needed, gi in zip(parents, need, (grads,) if op.bare else grads, strict=True):
            if needed and gi is not None:
                gi = gi if gi.shape == parent.shape else _fit(gi, parent.shape, node)
                parent.g = gi if parent.g is _NOTHING else parent.g + gi
                parent.owned = False
        if op.holds and not retain:
            node.saved = None
    return found, arrived


_RELEASED = (
    "backward: the values saved by {} were already released by an earlier backward pass through "
    "this part of the graph. Give retain_graph=True to the earlier call, or, if a tensor was kept "
    "from the last step, detach() it before using it again"
)


def _show(node: Node, g: Any, wrap: Any, arrived: list) -> Any:
    """Let the hooks of a node see its gradient, and keep it for the tensor that wants it."""
    g = node.watch.see(g, wrap)
    if node.op is None or node.watch.retains:
        arrived.append((node, g))
    return g


def _needed(parents: tuple, wanted: set | None = None) -> tuple[bool, ...]:
    """Which parents want a gradient."""
    if wanted is None:
        return tuple([p is not None for p in parents])
    return tuple([p in wanted for p in parents])


def _check(node: Node, grads: Any) -> None:
    """Refuse what a user's rule returned if it is not one gradient, or None, for each input."""
    op, count = node.op, len(node.parents)
    listed = isinstance(grads, (tuple, list))
    each = (grads,) if op.bare else grads if listed else ()
    if len(each) == count and all(gi is None or hasattr(gi, "shape") for gi in each):
        return
    raise GraphError(
        f"the gradient rule of {op.name} returned {type(grads).__name__}"
        f"{f' of {len(grads)}' if listed else ''}: expected "
        + ("one gradient" if op.bare else f"{count} gradients, one for each input")
        + ", an array like the input or None"
    )


def _is_fresh(gi: Any, g: Any, saved: Any, grads: Any, op: Any) -> bool:
    """Whether a gradient that a rule returned is an array of its own, held by nobody else."""
    if gi is g or gi.base is not None or not op.trusted or id(gi) in map(id, saved):
        return False
    return op.bare or [*map(id, grads)].count(id(gi)) == 1


def sum_to(g: Any, shape: tuple) -> Any:
    """Undo broadcasting: sum `g` (array or tensor) over the axes along which `shape` was repeated.

    Errors: ShapeError if `shape` does not broadcast to the shape of `g`.
    """
    extra = g.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[extra:], strict=True)):
        raise ShapeError(f"cannot sum {tuple(g.shape)} to {shape}")
    axes = [extra + i for i, n in enumerate(shape) if n == 1 != g.shape[extra + i]]
    if axes or extra:
        g = g.sum(axis=(*range(extra), *axes), keepdims=True)
    return g.reshape(shape) if extra else g


def _fit(g: Any, shape: tuple, node: Node) -> Any:
    try:
        return sum_to(g, shape)
    except ShapeError:
        raise ShapeError(
            f"the gradient rule of {node.op.name} returned shape {tuple(g.shape)} for an input of "
            f"shape {shape}: expected that shape, or one that it broadcasts to"
        ) from None


def _unwritten(node: Node) -> tuple:
    """The saved values, with a `_Stale` in place of each that was overwritten since.

    Errors: GraphError if they were released.
    """
    if node.saved is None:
        raise GraphError(_RELEASED.format(node.op.name))

    def fresh(value: Any, name: str) -> Any:
        array = getattr(value, "array", value)
        if not isinstance(array, np.ndarray) or not storage.written_after(array, node.id):
            return value
        return _Stale(
            f"backward: the gradient of {node.op.name} needs {name} (shape {array.shape}, now at "
            f"version {storage.version(array)}) as it was in forward, but an in-place write has "
            "changed it since. Write to a clone(), or use the out-of-place form"
        )

    saved = []
    for field, value in zip(node.op.fields, node.saved, strict=True):
        name = "its result" if field == "out" else f"its argument {field!r}"
        if not isinstance(value, tuple):
            value = fresh(value, name)
        elif field in node.op.inputs:
            value = tuple([fresh(part, name) for part in value])
        else:  # a setting is taken as a whole
            stale = [part for part in (fresh(part, name) for part in value) if type(part) is _Stale]
            value = stale[0] if stale else value
        saved.append(value)
    return tuple(saved)


class _Stale:
    """Stands for a saved value that was overwritten: a rule that uses it is stopped.

    Often a rule does not: the product with a constant keeps both factors, and needs only one.
    """

    __slots__ = ("_message",)

    def __init__(self, message: str) -> None:
        self._message = message

    def _stop(self, *args: Any, **kwargs: Any) -> Any:
        raise GraphError(self._message)

    __getattr__ = _stop
    __array__ = __array_ufunc__ = __array_function__ = _stop
    __getitem__ = __len__ = __iter__ = __bool__ = __float__ = __int__ = __index__ = _stop
    __neg__ = __pos__ = __abs__ = __invert__ = _stop
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _stop
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _stop
    __matmul__ = __rmatmul__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _stop
    __lt__ = __le__ = __gt__ = __ge__ = _stop
    __eq__ = __ne__ = _stop
    __hash__ = None  # type: ignore[assignment]
