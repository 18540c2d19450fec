"""Where the time of a program goes: seconds, calls and bytes of every op, forward and backward."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.graph import Node
from tinygrad_edu.op import Op
from tinygrad_edu.recording import Recording, walk_around
from tinygrad_edu.storage import memory_of
from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Cost", "OpCost", "profile"]

PASSES, OUTSIDE = "(backward, between ops)", "(outside of ops)"
PARTS = ("forward", "backward", "neither")


@dataclass
class Cost:
    """What calls cost: how many they were, their seconds, the bytes of the arrays they made."""

    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0

    def add(self, seconds: float, made: int) -> None:
        """One call more."""
        self.calls += 1
        self.seconds += seconds
        self.bytes += made


@dataclass
class OpCost:
    """What an op costs in forward, and its gradient rule in backward."""

    forward: Cost = field(default_factory=Cost)
    backward: Cost = field(default_factory=Cost)

    @property
    def seconds(self) -> float:
        """Of both."""
        return self.forward.seconds + self.backward.seconds


class profile(Recording):
    """Measure seconds, calls and bytes by op, forward and backward apart, inside a `with` block.

    `print(p)` shows a table, `p.plot()` draws it, and `p.costs` has the numbers: an `OpCost` for
    each op by its name, which adds up over several blocks. Bytes are those of new arrays; a view
    counts none. What gradients cost where they meet, and what the program does outside of ops (an
    optimizer's arithmetic, loading data, Python itself), stand in lines of their own.

    Inside the block a call takes some microseconds longer, so that of a program of very small ops
    only the proportions are right. It measures what its own thread does, in place of an outer
    `profile` or `detect_anomaly`. Outside of the block nothing costs more.

    >>> import tinygrad_edu as tg
    >>> x = tg.ones(100, 100, requires_grad=True)
    >>> with tg.profile() as p:
    ...     (x @ x).exp().sum().backward()
    >>> p.costs["matmul"].forward.bytes, p.costs["matmul"].backward.bytes
    (40000, 80000)
    >>> print(str(p).splitlines()[1])
    op        calls   ms   MB   calls   ms   MB   ms  share
    """

    remembers = False

    def __init__(self) -> None:
        super().__init__()
        self.costs: dict[str, OpCost] = {}
        self.seconds = 0.0  # of all blocks
        self.passes = Cost()  # backward passes as a whole, without the rules of ops
        self._started: list[float] = []
        self._inside = False  # an op or a rule, whose inner calls are a part of it

    def __enter__(self) -> profile:
        super().__enter__()
        self._started.append(time.perf_counter())
        return self

    def __exit__(self, *exc: Any) -> None:
        self.seconds += time.perf_counter() - self._started.pop()
        super().__exit__(*exc)

    # --- measuring --------------------------------------------------------------------------

    def apply(self, op: Op, inputs: tuple, settings: tuple) -> Any:
        """Run an op, and note what it costs if it makes a tensor."""
        if self._inside:
            return super().apply(op, inputs, settings)
        result, seconds = self._timed(lambda: super(profile, self).apply(op, inputs, settings))
        if isinstance(result, Tensor):
            self._cost(op).forward.add(seconds, _made([result], inputs))
        return result

    def backward(self, roots: Sequence[Node], seeds: Sequence[Any], **how: Any) -> dict[Node, Any]:
        """Run a pass, and note what each rule costs."""
        if self._inside:
            return super().backward(roots, seeds, **how)
        in_rules = 0.0

        def around(node: Node, g: Any, rule: Callable[[], Any]) -> Any:
            nonlocal in_rules
            grads, seconds = self._timed(rule)
            in_rules += seconds
            new = grads if isinstance(grads, (tuple, list)) else [grads]
            self._cost(node.op).backward.add(seconds, _made(new, [g]))
            return grads

        start = time.perf_counter()
        try:
            return walk_around(roots, seeds, around, **how)
        finally:
            self.passes.add(time.perf_counter() - start - in_rules, 0)

    def _timed(self, run: Callable[[], Any]) -> tuple[Any, float]:
        self._inside = True
        start = time.perf_counter()
        try:
            return run(), time.perf_counter() - start
        finally:
            self._inside = False

    def _cost(self, op: Any) -> OpCost:
        return self.costs.setdefault(op.name, OpCost())

    # --- showing ----------------------------------------------------------------------------

    def ranked(self) -> dict[str, OpCost]:
        """The costs by op, the dearest first."""
        return dict(sorted(self.costs.items(), key=lambda item: -item[1].seconds))

    @property
    def outside(self) -> float:
        """The seconds that were spent in no op, no rule and no pass."""
        ops = sum(cost.seconds for cost in self.costs.values())
        return max(self.seconds - self.passes.seconds - ops, 0.0)

    def __str__(self) -> str:
        rows = self.ranked() | {PASSES: OpCost(backward=self.passes)}
        width = max(map(len, rows))
        part = f"{'calls':>7} {'ms':>9} {'MB':>8}"
        lines = [
            f"{'':{width}}  {'forward':-^26}  {'backward':-^26}  {'both':-^16}",
            f"{'op':{width}}  {part}  {part}  {'ms':>9}  share",
        ]
        cells = {name: [_cells(c.forward), _cells(c.backward)] for name, c in rows.items()}
        seconds = {name: cost.seconds for name, cost in rows.items()}
        seconds |= {OUTSIDE: self.outside, "total": self.seconds}
        whole = self.seconds or 1.0  # inside the first block it is not known yet
        for name, both in seconds.items():
            left = "  ".join(cells.get(name, [" " * 26] * 2))
            lines.append(f"{name:{width}}  {left}  {both * 1e3:9.3f} {both / whole:6.1%}")
        return "\n".join(lines)

    __repr__ = __str__

    def bars(self, most: int, unit: float = 1e3) -> dict[str, list[float]]:
        """For each of the `most` dearest ops, and for the rest, the times of the three `PARTS`.

        `unit` is what a second counts.
        """
        ranked = list(self.ranked().items())
        most += len(ranked) == most + 1  # a single one takes no more room than "1 other"
        bars = {name: [cost.forward.seconds, cost.backward.seconds, 0] for name, cost in ranked}
        if others := [bars.pop(name) for name, _ in ranked[most:]]:
            bars[f"{len(others)} other ops"] = [sum(part) for part in zip(*others, strict=True)]
        bars |= {PASSES: [0, self.passes.seconds, 0], OUTSIDE: [0, 0, self.outside]}
        return {name: [unit * seconds for seconds in parts] for name, parts in bars.items()}

    def plot(self, ax: Axes | None = None, *, most: int = 12) -> Axes:
        """Draw milliseconds by op, forward and backward: the `most` dearest ones, and the rest.

        >>> import tinygrad_edu as tg
        >>> with tg.profile() as p:
        ...     y = tg.ones(3).exp()
        >>> [text.get_text() for text in p.plot().get_yticklabels()]
        ['exp', '(backward, between ops)', '(outside of ops)']
        """
        from tinygrad_edu.plot import plot_bars

        return plot_bars(self.bars(most), ax, parts=PARTS, xlabel="time (ms)")


def _cells(cost: Cost) -> str:
    """A cost in the columns of the table; blank for none."""
    calls = f"{cost.calls or '':>7}"
    milliseconds = f"{cost.seconds * 1e3:9.3f}" if cost.seconds else " " * 9
    return f"{calls} {milliseconds} " + (f"{cost.bytes / 1e6:8.2f}" if cost.bytes else " " * 8)


def _made(results: Iterable[Any], inputs: Iterable[Any]) -> int:
    """The bytes of the arrays among `results` that do not look at the memory of an input."""
    known = {id(memory_of(array)) for array in _arrays(inputs)}
    return sum(array.nbytes for array in _arrays(results) if id(memory_of(array)) not in known)


def _arrays(values: Iterable[Any]) -> list[np.ndarray]:
    found = [value.array if isinstance(value, Tensor) else value for value in values]
    return [value for value in found if isinstance(value, np.ndarray)]
