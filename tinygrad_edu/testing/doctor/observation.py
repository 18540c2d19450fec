"""What a pair does beside its numbers: what it changes, and what its answer depends on.

Forward and backward are called in several orders, each time on copies. A second answer that differs
from the first tells of a cache that is shared or worn out, or of a random number drawn anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.testing.doctor.pair import Pair, Run

__all__ = ["Observation", "numeric"]


class Observation:
    """The answers of a pair to calls in several orders."""

    def __init__(self, pair: Pair, samples: int) -> None:
        self.pair = pair
        self.elsewhere = [_elsewhere(x) for x in pair.inputs]
        self._try(self.elsewhere)  # something of the first call may be left over
        self.run = pair.run()
        self.repeatable = _same(self.run.vector, pair.run().vector)
        random = np.random.default_rng(0)
        size = self.run.vector.size
        self.draws = [
            random.uniform(0.5, 2, size) * random.choice([-1, 1], size)
            if pair.upstream else np.ones(size)
            for _ in range(samples if pair.upstream else 1)
        ]  # fmt: skip
        self.numbers_right = True  # of all gradients; the examiner notes if not
        self._watch()

    def _try(self, inputs: list[np.ndarray]) -> Run | None:
        """Call forward at other inputs, which it may not be made for."""
        try:
            return self.pair.run(inputs)
        except Exception:
            return None

    def _watch(self) -> None:
        """Call forward and backward; see what they change and whether they answer alike again."""
        pair, dout = self.pair, self.draws[0]
        run = pair.run()
        douts = pair.split(dout, run.outs)
        asked = [d.copy() for d in douts]
        self.changed_by_forward = _changed(pair.inputs, run.inputs)
        middle = [x.copy() for x in run.inputs]
        self.drew_forward = pair.streams.moved(pair.streams.start) or pair.drew(run.params)
        place = pair.streams.state()
        given = pair.gradients(run, douts)
        self.drew_backward = pair.streams.moved(place)
        self.listed = pair.listed(given)
        grads = [numeric(g) for g in self.listed] if isinstance(self.listed, list) else []
        self.changed_by_backward = _changed(middle, run.inputs)
        self.dout_changed = _changed(asked, douts)
        self.dout_after = np.concatenate([np.zeros(0), *(d.ravel() for d in douts)])
        self.shares = [
            isinstance(g, np.ndarray) and any(np.shares_memory(g, d) for d in douts)
            for g in (self.listed if isinstance(self.listed, list) else [])
        ]
        self.again = self._differ(grads, pair.gradients(run, pair.split(dout, run.outs)))
        run = pair.run()
        if self._try(self.elsewhere) is None:
            self.interleaved = [False] * len(grads)
        else:
            given = pair.gradients(run, pair.split(dout, run.outs))
            self.interleaved = self._differ(grads, given)

    def _differ(self, first: list, second: Any) -> list[bool]:
        """Which gradients differ from those of the first answer."""
        second = self.pair.listed(second)
        if not first or isinstance(second, str):
            return [False] * len(first)
        return [
            a is not None and (n := numeric(b)) is not None and not _same(a, n)
            for a, b in zip(first, second, strict=True)
        ]

    def answers(self, dout: np.ndarray) -> list | str:
        """The gradients for an upstream gradient, after a forward of their own."""
        run = self.pair.run()
        return self.pair.listed(self.pair.gradients(run, self.pair.split(dout, run.outs)))

    def gradient(self, index: int, dout: np.ndarray) -> np.ndarray | None:
        """The gradient of one input for an upstream gradient."""
        found = self.answers(dout)
        return numeric(found[index]) if isinstance(found, list) else None


def numeric(gradient: Any) -> np.ndarray | None:
    """A gradient as an array of its own, if it is one of numbers."""
    if gradient is None:
        return None
    try:
        array = np.array(gradient)
    except ValueError:  # ragged
        return None
    if array.dtype == bool or np.issubdtype(array.dtype, np.integer):
        array = array.astype(np.float64)
    return array if np.issubdtype(array.dtype, np.floating) else None


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal but for rounding: threads may add up in another order."""
    if a.shape != b.shape:
        return False
    size = np.abs(a[np.isfinite(a)]).max(initial=0)
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9 * size, equal_nan=True))


def _changed(before: list, after: list) -> list[bool]:
    return [not np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)]


def _elsewhere(x: np.ndarray) -> np.ndarray:
    """Another input of the same kind: the values shuffled, and stretched a little."""
    random = np.random.default_rng(1)
    return random.permutation(x.ravel()).reshape(x.shape) * random.uniform(0.9, 1.1, x.shape)
