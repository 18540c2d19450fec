"""Experiments on the steps of a forward function, without its source.

An input goes in as an array that notices every NumPy operation on it and on what is made of it. A
step is a place in the source and an operand there. When forward is run again at another input, one
step can be held: its operand is what it was at first. The derivative then lacks the way through
that step, and if that is what backward gives, the way is what it misses.
"""

from __future__ import annotations

import linecache
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Experiment", "Step", "Trace", "creating"]

_NUMPY, _CALLER = str(Path(np.__file__).parent), str(Path(__file__).with_name("pair.py"))


@dataclass(frozen=True)
class Step:
    """An operation on a traced array: where in the source, which, and which operand."""

    place: tuple[tuple[str, int], ...]
    operation: str
    operand: int

    def __str__(self) -> str:
        file, line = self.place[-1]
        text = linecache.getline(file, line).strip()
        return f"line {line}, `{text}`" if text else f"line {line}"


@dataclass
class Event:
    """What one operation was given, and what it made of it."""

    operands: list[Any]
    operand: np.ndarray
    result: Any


@dataclass(frozen=True)
class Experiment:
    """What to do at a step: change its operand, or its result, given what they were at first."""

    step: Step
    operand: Callable[[np.ndarray, Event], np.ndarray] | None = None
    result: Callable[[Any, np.ndarray, Event], Any] | None = None
    also: frozenset[Step] = frozenset()  # further steps that are held


class Trace:
    """A run of forward whose operations are noted down, or in a further run changed at a step."""

    def __init__(
        self, first: dict[Step, list[Event]] | None = None, experiment: Experiment | None = None
    ) -> None:
        self.first, self.experiment = first or {}, experiment
        self.events: dict[Step, list[Event]] = defaultdict(list)
        self.seen: Counter[Step] = Counter()
        self.touched = {experiment.step, *experiment.also} if experiment else set()
        self.operations = {step.operation for step in self.touched}

    def array(self, x: np.ndarray) -> np.ndarray:
        """A copy of an array that this trace follows."""
        return self.follow(np.array(x))

    def perform(self, function: Callable, name: str, args: Any, kwargs: Any) -> Any:
        """Run an operation on plain arrays; note it down, or change it."""
        operands: list[Any] = []
        plain = _plain(args, operands)
        kwargs = {k: _plain(v, []) for k, v in kwargs.items()}
        if self.experiment and name not in self.operations:
            return function(*plain, **kwargs)
        place = _place()
        traced = [k for k, o in enumerate(operands) if isinstance(o, _Traced)]
        steps = {k: Step(place, name, k) for k in traced}
        now = [_view(o) for o in operands]
        if self.experiment:
            steps = {k: step for k, step in steps.items() if step in self.touched}
            now = [_copy(o) for o in now] if steps else now
            return self.change(function, steps, args, now, kwargs)
        before = [_copy(o) for o in now]  # the operation may write to them
        result = function(*plain, **kwargs)
        kept = np.array(result) if isinstance(result, np.ndarray | np.generic) else None
        for k, step in steps.items():
            self.events[step].append(Event(before, before[k], kept))
        return result

    def change(
        self, function: Callable, steps: dict[int, Step], args: Any, now: list, kwargs: Any
    ) -> Any:
        """Run an operation with what the experiment changes."""
        assert self.experiment is not None
        earlier = {k: self.first[step][self.seen[step]] for k, step in steps.items()}
        for k, step in steps.items():
            self.seen[step] += 1
            if step in self.experiment.also:
                now[k] = earlier[k].operand
            elif self.experiment.operand:
                now[k] = self.experiment.operand(now[k], earlier[k])
        result = function(*_plain(args, [], iter(now)), **kwargs)
        for k, step in steps.items():
            if step == self.experiment.step and self.experiment.result:
                result = self.experiment.result(result, now[k], earlier[k])
        return result

    def follow(self, result: Any) -> Any:
        """Follow the result of an operation, if it has a derivative."""
        if isinstance(result, tuple | list):
            return type(result)(self.follow(r) for r in result)
        if isinstance(result, np.ndarray | np.generic) and np.issubdtype(result.dtype, np.floating):
            traced = np.asarray(result).view(_Traced)
            traced.trace = self
            return traced
        return result


@contextmanager
def creating(trace: Trace) -> Iterator[None]:
    """Follow the arrays that np.zeros and np.empty make: loops fill them element by element.

    For that both are replaced for a moment, for all threads.
    """
    makers = {name: getattr(np, name) for name in ("empty", "zeros")}

    def follow(make: Callable, *args: Any, **kwargs: Any) -> Any:
        return trace.follow(make(*args, **kwargs))

    try:
        for name, make in makers.items():
            setattr(np, name, partial(follow, make))
        yield
    finally:
        for name, make in makers.items():
            setattr(np, name, make)


class _Traced(np.ndarray):
    """An array that reports what is done with it."""

    trace: Trace  # type: ignore[assignment]

    def __array_finalize__(self, parent: Any) -> None:
        if hasattr(parent, "trace"):
            self.trace = parent.trace

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kw: Any
    ) -> Any:
        trace = _trace((inputs, out))
        if out is not None:
            kw["out"] = tuple(_view(o) for o in out)
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        result = trace.perform(getattr(ufunc, method), name, inputs, kw)
        if out is None:
            return trace.follow(result)
        if result is not kw["out"][0]:  # an experiment changed it
            kw["out"][0][...] = result
        return out[0] if len(out) == 1 else out

    def __array_function__(self, func: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        trace = _trace((args, list(kwargs.values())))
        if func in (np.ndim, np.shape, np.size, np.zeros_like, np.ones_like, np.empty_like):
            return func(*_plain(args, []), **kwargs)
        return trace.follow(trace.perform(func, func.__name__, args, kwargs))

    def dot(self, other: Any, out: Any = None) -> Any:
        """As np.dot, which is noticed."""
        return np.dot(self, other)


def _trace(values: Any) -> Trace:
    """The trace of the first traced array among nested values."""
    found: list[Any] = []
    _plain(values, found)
    return next(v.trace for v in found if isinstance(v, _Traced))


def _view(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, _Traced) else value


def _copy(value: Any) -> Any:
    return np.array(value) if isinstance(value, np.ndarray) else value


def _plain(value: Any, leaves: list, instead: Any = None) -> Any:
    """Nested values with plain arrays; the leaves are collected, or taken from `instead`."""
    if isinstance(value, tuple | list):
        return type(value)([_plain(v, leaves, instead) for v in value])
    leaves.append(value)
    return _view(value) if instead is None else next(instead)


def _place() -> tuple[tuple[str, int], ...]:
    """The lines of source that lead to this operation, the innermost last, NumPy's left out."""
    lines = []
    frame: Any = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name == _CALLER and frame.f_code.co_name == "call":
            break
        if name != __file__ and not name.startswith(_NUMPY) and not name.startswith("<__array"):
            lines.append((name, frame.f_lineno))
        frame = frame.f_back
    return tuple(reversed(lines))
