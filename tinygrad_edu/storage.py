"""When was which memory written? One record per written memory, shared by all its views.

Every node of the graph has a creation number; every in-place write takes the next number of the
same count. A saved array has changed if the last write to its memory is younger than its node.
So an op pays nothing for the check unless something was written since, and a view, a detached
tensor and a `.numpy()` alias need no bookkeeping: they lead to the same memory.
"""

from __future__ import annotations

import itertools
import weakref

import numpy as np

next_number = itertools.count(1).__next__
latest = 0  # the number of the last write to any memory

_written: dict[int, _Record] = {}


class _Record:
    """How often a memory was written, and when last."""

    __slots__ = ("count", "last", "reference")

    def __init__(self, memory: np.ndarray) -> None:
        key = id(memory)
        self.count = 0
        self.last = 0
        # The identity of dead memory is given out again, so the record goes when the memory goes.
        self.reference = weakref.ref(memory, lambda _: _written.pop(key, None))


def memory_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory which `array` looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def wrote(array: np.ndarray) -> None:
    """Note a write to the memory of `array`."""
    global latest
    memory = memory_of(array)
    record = _written.get(id(memory))
    if record is None:
        record = _written[id(memory)] = _Record(memory)
    record.count += 1
    record.last = latest = next_number()


def version(array: np.ndarray) -> int:
    """How often the memory of `array` was written in place."""
    record = _written.get(id(memory_of(array)))
    return 0 if record is None else record.count


def written_after(array: np.ndarray, number: int) -> bool:
    """Whether the memory of `array` was written after the given creation number."""
    record = _written.get(id(memory_of(array)))
    return record is not None and record.last > number
