"""Where a nan or an infinity first appears, in forward or backward.

A number that is not finite is no fault in itself: `where` may leave it out, a mask of -inf is meant
so. So in forward it is only noted, with the place where it arose, and handed on with what is made
of it. It is reported if it reaches the root of a backward pass, or is left over in the end. In
backward every nan is reported at once, as is an infinity that a leaf would receive.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import AnomalyError
from tinygrad_edu.graph import Node
from tinygrad_edu.op import Op
from tinygrad_edu.recording import (
    Recording,
    activate,
    active,
    ancestors,
    call_of,
    here,
    walk,
)
from tinygrad_edu.storage import memory_of, next_number
from tinygrad_edu.tensor import Tensor

__all__ = [
    "detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly",
]  # fmt: skip


class _Origin(NamedTuple):
    """How a number that is not finite came about; `meant` if an infinity was given as such."""

    number: int
    text: str
    meant: bool = False


class _Mark:
    """The origin of what an array holds, and whether any op has used the array since."""

    def __init__(self, memory: np.ndarray, origin: _Origin, forget: Any) -> None:
        self.origin, self.used = origin, False
        self.memory = weakref.ref(memory, forget)

    def left_over(self) -> bool:
        """Whether nobody used or mended it."""
        memory = self.memory()
        return not (self.used or memory is None or _finite(memory))


class detect_anomaly(Recording):
    """Name the op, the module and the line where a nan or an infinity first appears.

    For debugging: inside the `with` block every op is slower, and keeps its inputs. A number that
    is not finite raises AnomalyError as soon as a backward pass starts from what was made of it, or
    at the end of the block if it is still in use then. So does the first nan in a backward pass,
    and an infinity that a leaf would receive. What an op such as `where` leaves out raises nothing;
    if its gradient is nan all the same, the error says how to mend that.

    With `check_nan=False` nothing is checked: ops only remember their inputs and their place, for
    `draw` and `locate_wrong_gradient`. Outside of the block nothing costs more.

    Errors: AnomalyError (a RuntimeError), before any gradient was given to a tensor.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([4.0, 0.0], requires_grad=True)
    >>> with tg.detect_anomaly():
    ...     tg.where(x > 0, x.sqrt(), 0.0).sum().backward()
    Traceback (most recent call last):
    ...
    tinygrad_edu.errors.AnomalyError: backward: the gradient of sqrt for its argument 'input' ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__()
        self.check_nan = bool(check_nan)
        self._marks: dict[int, _Mark] = {}
        self._left: _Origin | None = None  # the first that nobody used until its memory was freed

    def __exit__(self, kind: Any = None, error: Any = None, trace: Any = None) -> None:
        super().__exit__()
        unused = [mark.origin for mark in self._marks.values() if mark.left_over()]
        self._marks.clear()
        origin = _first([*unused, self._left])
        self._left = None
        if origin is None or origin.meant:
            return
        if error is None:
            raise AnomalyError(origin.text)
        if not isinstance(error, AnomalyError):
            error.add_note(f"Before that, in {origin.text}")

    # --- forward ----------------------------------------------------------------------------

    def saw(self, op: Op, inputs: tuple, settings: tuple, result: Tensor) -> None:
        """Note what is not finite in the result, and what the op has used."""
        if not self.check_nan or result.array.dtype.kind != "f":
            return
        arrays = [x.array if isinstance(x, Tensor) else x for x in inputs]
        marks = [self._mark(x) for x in arrays]
        for mark in marks:
            if mark is not None:
                mark.used = True
        if np.isfinite(result.array).all():
            return
        origin = _first(mark.origin for mark in marks if mark is not None)
        if origin is None or (origin.meant and np.isnan(result.array).any()):
            origin = _arose(op, arrays, settings, result.array)
        memory = memory_of(result.array)
        key = id(memory)
        self._marks[key] = _Mark(memory, origin, lambda _: self._forget(key))

    def _mark(self, x: Any) -> _Mark | None:
        return self._marks.get(id(memory_of(x))) if isinstance(x, np.ndarray) else None

    def _forget(self, key: int) -> None:
        mark = self._marks.pop(key, None)
        if mark is not None and not mark.used and not mark.origin.meant:
            self._left = _first([self._left, mark.origin])

    # --- backward ---------------------------------------------------------------------------

    def backward(self, roots: Sequence[Node], seeds: Sequence[Any], **how: Any) -> dict[Node, Any]:
        """Run the pass; stop at the first nan."""
        if not self.check_nan:
            return super().backward(roots, seeds, **how)
        nodes = ancestors(roots)
        self._check_roots(roots, nodes)
        check = _Backward(nodes)
        found = walk(roots, seeds, check.see, **how)
        for g in found.values():
            check.check_received(g)
        return found

    def _check_roots(self, roots: Sequence[Node], nodes: list[Node]) -> None:
        calls = [call_of(node) for node in roots]
        for out in [call.out for call in calls if call is not None]:
            if out.dtype.kind != "f" or np.isfinite(out).all():
                continue
            mark = self._mark(out)
            if mark is not None:
                mark.used = True
                raise AnomalyError(mark.origin.text)
            # It was made in another block, which saw it and went on.
            for call in filter(None, map(call_of, reversed(nodes))):
                if not np.isfinite(call.out).all():
                    raise AnomalyError(_arose(call.op, call.inputs, call.settings, call.out).text)


def _first(origins: Iterable[_Origin | None]) -> _Origin | None:
    """The oldest origin; what was not meant comes before what was."""
    known = [origin for origin in origins if origin is not None]
    return min(known, key=lambda origin: (origin.meant, origin.number), default=None)


def _arose(op: Op, arrays: Sequence[Any], settings: tuple, out: np.ndarray) -> _Origin:
    """The origin of a result that is not finite, and not made of such a one that is known."""
    names = [op.inputs[0]] * len(arrays) if op.variadic else op.inputs
    given = {name: x for name, x in zip(names, arrays, strict=True) if not _finite(x)}
    given |= {n: x for n, x in zip(op.settings, settings, strict=True) if not _finite(x)}
    nan = [name for name, x in given.items() if np.isnan(x).any()]
    where = "\n".join(["", *here().lines()])
    if nan:
        x = np.asarray(given[nan[0]])
        text = f"forward: {op.name} was given a parameter or data with {_where(x)}, in {nan[0]!r}"
        return _Origin(next_number(), text + where)
    if given and not np.isnan(out).any():
        text = f"forward: {op.name} was given infinity, in {next(iter(given))!r}"
        return _Origin(next_number(), text + where, meant=True)
    cause = _values(names, arrays, out)
    cause += f"; given infinity in {', '.join(given)}" if given else ""
    return _Origin(next_number(), f"forward: {op.name} made {_where(out)}{cause}{where}")


def _finite(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind != "f" or bool(np.isfinite(x).all())
    return not isinstance(x, float) or bool(np.isfinite(x))


def _place(array: np.ndarray) -> tuple[int, ...]:
    """The first element that is not finite; nan before infinity."""
    wrong = np.isnan(array) if np.isnan(array).any() else ~np.isfinite(array)
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _where(array: np.ndarray) -> str:
    """What is not finite: `nan at 3 of 10 elements, first at (0, 2)`."""
    place = _place(array)
    name = str(array[place])
    count = int((np.isnan(array) if name == "nan" else ~np.isfinite(array)).sum())
    if array.size == 1:
        return name
    return f"{name} at {count} of {array.size} elements, first at {place}"


def _values(names: Sequence[str], arrays: Sequence[Any], at: np.ndarray) -> str:
    """The values of the inputs where `at` is not finite first, for those of its shape."""
    place = _place(at)
    shown = []
    for name, x in zip(names, arrays, strict=True):
        if isinstance(x, np.ndarray) and x.shape == at.shape and x.dtype.kind in "fiu":
            shown.append(f"{name} is {x[place]:.6g}")
        elif isinstance(x, (int, float)):
            shown.append(f"{name} is {x:.6g}")
    return f", where {' and '.join(shown)}" if shown else ""


# --- backward -----------------------------------------------------------------------------------

_CHOOSE = ("where", "masked_fill", "clamp", "maximum", "minimum", "relu")


def _names(node: Node) -> list[str]:
    """The names of the inputs of a node."""
    names = list(node.op.inputs)
    if len(names) == len(node.parents):
        return names
    return [f"{names[0] if names else 'input'}[{i}]" for i in range(len(node.parents))]


class _Backward:
    """Looks at the gradients of one pass."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.infinite: str | None = None  # where the first infinity arose

    def see(self, node: Node, g: Any, grads: tuple) -> None:
        """Look at what a rule made of the gradient `g` of its node."""
        for place, (parent, gi) in enumerate(zip(node.parents, grads, strict=False)):
            array = getattr(gi, "array", gi)
            if parent is None or not isinstance(array, np.ndarray) or _finite(array):
                continue
            arrived = getattr(g, "array", g)
            if self.infinite is None:
                text = self.text(node, place, array, arrived)
            else:
                text = self.infinite
            if np.isnan(array).any() or parent.op is None:
                raise AnomalyError(text)
            self.infinite = text

    def check_received(self, g: Any) -> None:
        """Refuse an infinity that came to a tensor whose gradient was asked for."""
        if self.infinite is not None and not _finite(getattr(g, "array", g)):
            raise AnomalyError(self.infinite)

    def text(self, node: Node, place: int, array: np.ndarray, arrived: Any) -> str:
        """What is wrong, where, and if it can be known why."""
        call = call_of(node)
        names = [*_names(node), "the gradient that arrived"]
        inputs = [*(call.inputs if call else [None] * len(node.parents)), arrived]
        lines = [
            f"backward: the gradient of {node.op.name} for its argument {names[place]!r} is "
            f"{_where(array)}{_values(names, inputs, array)}"
        ]
        if call is None:
            lines.append(
                "  run forward inside detect_anomaly() as well, and the line in it is named here"
            )
        else:
            lines += call.place.lines()
        same = isinstance(arrived, np.ndarray) and arrived.shape == array.shape
        if same and np.isnan(array).any() and arrived[_place(array)] == 0:
            lines += self.cure(node)
        return "\n".join(lines)

    def cure(self, node: Node) -> list[str]:
        """Why a gradient of 0 became nan, and the double where if that is the cure."""
        name = node.op.name
        why = f"the derivative of {name} is infinite or nan there, and 0 times that is nan"
        chooser = next(self.choosers(node), None)
        if chooser is None:
            return [f"  {why}"]
        return [
            f"  {chooser.op.name} did not take the result of {name} there, so that a gradient of 0 "
            f"arrived; but {why}",
            f"  mend: give {name} a harmless argument where its result is not taken (the double "
            "where): y = tg.where(mask, x, 1.0) first, then the op on y, then where(mask, ...)",
        ]

    def choosers(self, node: Node) -> Iterator[Node]:
        """The ops that choose among elements, through which the gradient came to this node."""
        reached = {node}
        for child in reversed(self.nodes):  # the oldest first
            if not reached.isdisjoint(child.parents) and child.shape == node.shape:
                reached.add(child)
                if child.op.name in _CHOOSE:
                    yield child


# --- switches -----------------------------------------------------------------------------------


class set_detect_anomaly(detect_anomaly):
    """Switch `detect_anomaly` on or off at once, or for a `with` block.

    >>> import tinygrad_edu as tg
    >>> with tg.autograd.set_detect_anomaly(True):
    ...     tg.is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self._before = [activate(self if mode else None)]

    def __enter__(self) -> set_detect_anomaly:
        return self


def is_anomaly_enabled() -> bool:
    """Whether `detect_anomaly` is on."""
    return isinstance(active(), detect_anomaly)


def is_anomaly_check_nan_enabled() -> bool:
    """Whether `detect_anomaly` is on and looks for numbers that are not finite."""
    recording = active()
    return isinstance(recording, detect_anomaly) and recording.check_nan
