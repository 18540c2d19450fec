"""What each op was called with, in which line of the program and in which module: for explanations.

Nobody pays for this while nobody asks. While a `Recording` is active the unrolled calls are put
aside, so that every call comes through `Op.apply`, and every node through `Op.node`; these two and
the backward pass are replaced by forms that report.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import calls, graph
from tinygrad_edu.graph import Node
from tinygrad_edu.op import Op
from tinygrad_edu.tensor import Tensor

__all__ = [
    "Call", "Place", "Recorded", "Recording", "ancestors", "call_of", "recorded", "walk",
    "walk_around",
]  # fmt: skip

PACKAGE = __name__.partition(".")[0]
module_calls: set[CodeType] = set()  # the code that calls a module's forward; nn adds its own


@dataclass(frozen=True)
class Place:
    """A place in the program: the line outside this package, and the modules that were running.

    `modules` has the path and the class of each, the outermost first; its path is "".
    """

    file: str = ""
    line: int = 0
    function: str = ""
    modules: tuple[tuple[str, str], ...] = ()

    @property
    def module(self) -> str:
        """The innermost module: `encoder.fc1 (Linear)`; "" outside of modules."""
        path, kind = self.modules[-1] if self.modules else ("", "")
        return f"{path} ({kind})" if path else kind

    @property
    def code(self) -> str:
        """The text of the line, "" if it cannot be read."""
        import linecache

        return linecache.getline(self.file, self.line).strip()

    def lines(self) -> list[str]:
        """The place in words, a line for the module and one for the source."""
        found = [f"  in the module {self.module}"] if self.modules else []
        if self.file:
            code = f": {self.code}" if self.code else ""
            found += [f"  at {self.file}:{self.line}, in {self.function}{code}"]
        return found


def here() -> Place:
    """The place that is running now, read from the frames of the interpreter."""
    frame: Any = sys._getframe(1)
    modules: list[Any] = []
    source = ("", 0, "")
    while frame is not None:
        if frame.f_code in module_calls:
            modules.append(frame.f_locals["self"])
        elif not source[0]:
            name = frame.f_globals.get("__name__") or ""
            if name.partition(".")[0] != PACKAGE:
                source = (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    paths = []
    for module in reversed(modules):
        path = modules[-1]._path_of(id(module))
        if path is not None:
            paths.append((path, type(module).__name__))
    return Place(*source, tuple(paths))


class Call(NamedTuple):
    """A recorded call: the op, its inputs (arrays and numbers), settings and result."""

    op: Op
    inputs: tuple
    settings: tuple
    out: np.ndarray
    constants: tuple[int, ...]  # which inputs are tensors without a graph
    place: Place


class Recorded(Node):
    """A node that knows its call."""

    __slots__ = ("call",)

    call: Call


def call_of(node: Node) -> Call | None:
    """The call that a node records, if it was made while a `Recording` was active."""
    return getattr(node, "call", None)


class Recording:
    """Makes nodes that know their call, in this thread, inside a `with` block."""

    remembers = True  # whether nodes are to know their call, which keeps all inputs alive

    def __init__(self) -> None:
        self._before: list[Any] = []

    def apply(self, op: Op, inputs: tuple, settings: tuple) -> Any:
        """Run an op."""
        result = _apply(op, inputs, settings)
        if isinstance(result, Tensor):
            self.saw(op, inputs, settings, result)
        return result

    def saw(self, op: Op, inputs: tuple, settings: tuple, result: Tensor) -> None:
        """Look at the result of an op, recorded or not."""

    def backward(self, roots: Sequence[Node], seeds: Sequence[Any], **how: Any) -> dict[Node, Any]:
        """Run a backward pass."""
        return _backward(roots, seeds, **how)

    def __enter__(self) -> Any:
        self._before.append(activate(self))
        return self

    def __exit__(self, *exc: Any) -> None:
        activate(self._before.pop())


_active: ContextVar[Recording | None] = ContextVar("tinygrad_edu_recording", default=None)
active = _active.get
_lock = threading.Lock()
_count = 0  # of all threads
_apply, _node, _backward = Op.apply, Op.node, graph.backward


def activate(recording: Recording | None) -> Recording | None:
    """Let `recording` (None: none) see what this thread does; returns the one before."""
    global _count
    before = active()
    _active.set(recording)
    with _lock:
        _count += (recording is not None) - (before is not None)
        calls.unroll(not _count)
        functions = (_watched_apply, _watched_node) if _count else (_apply, _node)
        Op.apply, Op.node = functions  # type: ignore[method-assign]
        graph.backward = _watched_backward if _count else _backward
    return before


def _watched_apply(self: Op, inputs: tuple, settings: tuple) -> Any:
    recording = active()
    if recording is None:
        return _apply(self, inputs, settings)
    return recording.apply(self, inputs, settings)


def _watched_node(
    self: Op, out: Any, inputs: tuple, arrays: tuple, settings: tuple, extras: tuple
) -> Node:
    made = _node(self, out, inputs, arrays, settings, extras)
    recording = active()
    if recording is None or not recording.remembers:
        return made
    node = Recorded.of(made.op, made.parents, made.saved or (), made.shape)
    constants = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.node is None]
    node.call = Call(self, arrays, settings, out, tuple(constants), here())
    return node


def _watched_backward(roots: Sequence[Node], seeds: Sequence[Any], **how: Any) -> dict[Node, Any]:
    recording = active()
    if recording is None:
        return _backward(roots, seeds, **how)
    return recording.backward(roots, seeds, **how)


def recorded(loss: Any) -> Any:
    """`loss`, or what it gives if it is a function, while calls are recorded."""
    if not callable(loss):
        return loss
    recording = active()
    if recording is not None and recording.remembers:
        return loss()
    with Recording():
        return loss()


# --- passes -------------------------------------------------------------------------------------


def ancestors(roots: Sequence[Node]) -> list[Node]:
    """The roots and all nodes they depend on, the youngest first."""
    found = dict.fromkeys(roots)
    order = list(found)
    for node in order:  # grows while it is read
        for parent in node.parents:
            if parent is not None and parent not in found:
                found[parent] = None
                order.append(parent)
    return sorted(order, key=lambda node: node.id, reverse=True)


Around = Callable[[Node, Any, Callable[[], Any]], Any]  # (node, its gradient, the rule's call)
See = Callable[[Node, Any, tuple], None]  # (node, its gradient, those of its inputs)


class _Surrounded:
    """In the place of a node's op: its rule is called by `around`."""

    def __init__(self, node: Node, around: Around) -> None:
        self.node, self.op, self.around = node, node.op, around

    def __getattr__(self, name: str) -> Any:
        return getattr(self.op, name)

    def run(self, g: Any, *rest: Any) -> Any:
        return self.around(self.node, g, lambda: self.op.run(g, *rest))

    def record_rule(self, g: Any, *rest: Any) -> Any:
        return self.around(self.node, g, lambda: self.op.record_rule(g, *rest))


def walk_around(
    roots: Sequence[Node], seeds: Sequence[Any], around: Around, **how: Any
) -> dict[Node, Any]:
    """Run `graph.backward`, and let `around` call every rule that it runs."""
    with graph.turn:
        made = [node for node in ancestors(roots) if node.op is not None]
        for node in made:
            node.op = _Surrounded(node, around)
        try:
            return _backward(roots, seeds, **how)
        finally:
            for node in made:
                node.op = node.op.op


def walk(roots: Sequence[Node], seeds: Sequence[Any], see: See, **how: Any) -> dict[Node, Any]:
    """Run `graph.backward`, and show every rule that it runs."""

    def around(node: Node, g: Any, rule: Callable[[], Any]) -> Any:
        grads, bare = rule(), node.op.bare
        if bare or isinstance(grads, (tuple, list)):  # the walk refuses anything else
            see(node, g, (grads,) if bare else tuple(grads))
        return grads

    return walk_around(roots, seeds, around, **how)
