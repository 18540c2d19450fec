"""What of a graph is drawn: boxes for its nodes and modules, and the edges between them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.graph import Node, sum_to
from tinygrad_edu.recording import call_of, walk

LIMIT = 200  # nodes that are drawn


@dataclass
class Box:
    """A box: `kind` is "op", "leaf", "constant" or "module"; `tip` is what the mouse shows."""

    kind: str
    title: str
    lines: list[str] = field(default_factory=list)
    tip: str = ""


class Edge(NamedTuple):
    """A value that goes into a box: the node whose value it is, that box, and the argument's place.

    A module, drawn as one box, takes each value once, at no place.
    """

    value: Hashable
    target: Hashable
    place: int | None


class Diagram:
    """The boxes by key, and the edges, of the graph of a root.

    `names` has the names of nodes, `data` those of arrays by id. `collapse` names modules, or the
    depth of the modules, that are drawn as one box. `seed`, if given, is the gradient of the root
    from which the others are worked out.
    """

    def __init__(
        self, root: Node, names: Mapping[Node, str], data: Mapping[int, str],
        collapse: Collection[str] | int, seed: Any = None,
    ) -> None:  # fmt: skip
        self.root, self.names, self.data = root, names, data
        self.nodes, self.cut = _nearest(root)
        self.groups = self._groups(collapse)
        self._connect()
        while cycle := self._cycle():  # a module that is left and entered again is drawn open
            self.groups = {node: key for node, key in self.groups.items() if key not in cycle}
            self._connect()
        self.total: dict[Node, float] = {}  # norms of gradients, of leaves and over edges
        self.partial: dict[Edge, float] = {}
        self.passed: dict[Node, np.dtype] = {}
        if seed is not None:
            self._measure(seed)
        self.dtypes = self._dtypes()
        self.boxes: dict[Hashable, Box] = {}
        for node in reversed(self.nodes):
            self._add(node)

    def box_of(self, value: Any) -> Hashable:
        """The key of the box in which a node or a constant is drawn."""
        return self.groups.get(value, value)

    # --- edges ------------------------------------------------------------------------------

    def _edge(self, node: Node, place: int, value: Hashable) -> Edge:
        target = self.box_of(node)
        return Edge(value, target, place if target is node else None)

    def _connect(self) -> None:
        kept = set(self.nodes)
        found: dict[Edge, None] = {}
        for node in self.nodes:
            for place, parent in enumerate(node.parents):
                if parent in kept and self.box_of(parent) != self.box_of(node):
                    found[self._edge(node, place, parent)] = None
            for place, array in _constants(node):
                found[self._edge(node, place, _key(array))] = None
        self.edges = list(found)

    def _measure(self, seed: Any) -> None:
        """Work out the gradients by a pass that no tensor notices."""
        kept = set(self.nodes)
        whole: dict[Edge, Any] = {}  # over the edges into modules, which add up

        def see(node: Node, g: Any, grads: tuple) -> None:
            if node not in kept:
                return
            if hasattr(g, "dtype"):
                self.passed[node] = g.dtype
            for place, (parent, gi) in enumerate(zip(node.parents, grads, strict=False)):
                if parent not in kept or not hasattr(gi, "dtype"):
                    continue
                edge, gi = self._edge(node, place, parent), sum_to(gi, parent.shape)
                if edge.place is None:
                    gi = whole[edge] = whole[edge] + gi if edge in whole else gi
                self.partial[edge] = _norm(gi)

        leaves = [node for node in self.nodes if node.op is None]
        arrived = walk([self.root], [seed], see, targets=leaves or [self.root], retain=True)
        self.total = {node: _norm(g) for node, g in arrived.items()}

    def _cycle(self) -> set[Hashable]:
        above: dict[Hashable, list[Hashable]] = {}
        for edge in self.edges:
            above.setdefault(edge.target, []).append(self.box_of(edge.value))
        try:
            TopologicalSorter(above).prepare()
        except CycleError as error:
            return set(error.args[1])
        return set()

    # --- modules ----------------------------------------------------------------------------

    def _groups(self, collapse: Collection[str] | int) -> dict[Node, Any]:
        """The module that each node is drawn in, of those that are drawn as one box."""
        groups: dict[Node, Any] = {}
        collapse = [collapse] if isinstance(collapse, str) else collapse
        for node in reversed(self.nodes):
            call = call_of(node)
            for path, kind in call.place.modules if call else ():
                depth = path.count(".") + 1 if path else 0
                if path in collapse if not isinstance(collapse, int) else 0 < depth == collapse:
                    groups[node] = (path, kind)
                    break
        groups = _calls(groups)
        users: dict[Node, set] = {}
        for node in self.nodes:
            for parent in filter(None, node.parents):
                users.setdefault(parent, set()).add(groups.get(node))
        for leaf, keys in users.items():  # a parameter stands in the module that it is of
            key = keys.pop()
            name = self.names.get(leaf, "") if leaf.op is None else ""
            if key is not None and not keys and name.startswith(f"{key[0]}."):
                groups[leaf] = key
        return groups

    # --- boxes ------------------------------------------------------------------------------

    def _add(self, node: Node) -> None:
        for _, array in _constants(node):
            name = self.data.get(id(array), "data")
            self.boxes[_key(array)] = Box("constant", name, [_kind(array.shape, array.dtype)])
        group = self.groups.get(node)
        if group is None:
            self.boxes[node] = self._leaf(node) if node.op is None else self._op(node)
            return
        path, kind, _ = group
        box = self.boxes.setdefault(group, Box("module", f"{path} ({kind})", [""]))
        if node.op is None:
            name = self.names[node].removeprefix(f"{path}.")
            box.lines.append(" ".join([name, *self._leaf(node).lines]))
        else:  # what comes out is the result of the youngest
            box.lines[0] = _kind(node.shape, self.dtypes.get(node))
            box.tip += f"{node.op.name}\n"

    def _op(self, node: Node) -> Box:
        call = call_of(node)
        name = f"{self.names[node]}: " if node in self.names else ""
        lines = [_kind(node.shape, self.dtypes.get(node))]
        if call is not None and call.place.module:
            lines.append(call.place.module)
        if any(parent in self.cut for parent in node.parents):
            lines.append("its inputs are not drawn")
        tip = [repr(node), *(call.place.lines() if call else [])]
        return Box("op", name + node.op.name, lines, "\n".join(tip))

    def _leaf(self, node: Node) -> Box:
        lines = [_kind(node.shape, self.dtypes.get(node))]
        tensor = node.watch.tensor() if node.watch is not None else None
        if node in self.total:
            lines.append(f"|grad| {self.total[node]:.3g}")
        elif tensor is not None and tensor._grad is not None:
            lines.append(f"|.grad| {_norm(tensor._grad.array):.3g}")
        return Box("leaf", self.names.get(node, "leaf"), lines)

    def _dtypes(self) -> dict[Node, np.dtype]:
        """The dtypes of the nodes, as far as they are known."""
        found: dict[Node, np.dtype] = {}
        for node in reversed(self.nodes):
            call, tensor = call_of(node), node.watch.tensor() if node.watch is not None else None
            before = [found.get(parent) for parent in node.parents if parent is not None]
            if call is not None:
                found[node] = call.out.dtype
            elif tensor is not None:
                found[node] = tensor.dtype
            elif node in self.passed:
                found[node] = self.passed[node]
            elif before and None not in before and node.op.name != "cast":
                found[node] = np.result_type(*before)
        return found


def _nearest(root: Node) -> tuple[list[Node], set[Node]]:
    """The nodes that are drawn, the youngest first, and those on which they depend that are not."""
    found = {root: None}
    order = [root]
    cut: set[Node] = set()
    for node in order:  # grows while it is read
        for parent in node.parents:
            if parent is None or parent in found:
                continue
            if len(found) == LIMIT:
                cut.add(parent)
            else:
                found[parent] = None
                order.append(parent)
    return sorted(order, key=lambda node: node.id, reverse=True), cut


def _calls(groups: Mapping[Node, tuple]) -> dict[Node, Any]:
    """The groups, oldest nodes first, with a number for each call of a module.

    What hangs together is one call.
    """
    calls: dict[Node, list[Node]] = {}
    for node, key in groups.items():
        call = [node]
        for other in [calls[p] for p in node.parents if groups.get(p) == key]:
            if other is not call:
                call = other + call
                calls.update(dict.fromkeys(call, call))
        calls[node] = call
    return {node: (*key, calls[node][0].id) for node, key in groups.items()}


def _constants(node: Node) -> Iterator[tuple[int, np.ndarray]]:
    """The tensors without a graph that went into a recorded call, single numbers left out."""
    call = call_of(node)
    if call is not None:
        inputs = [(place, call.inputs[place]) for place in call.constants]
        yield from [(place, array) for place, array in inputs if array.ndim]


def _key(array: np.ndarray) -> Hashable:
    return "data", id(array)


def _norm(g: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(np.asarray(g, np.float64).ravel()))


def _kind(shape: Sequence[int], dtype: Any) -> str:
    return f"{tuple(shape)} {dtype}" if dtype is not None else str(tuple(shape))
