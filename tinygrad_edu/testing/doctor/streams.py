"""The random streams a function may draw from, put back so that each call draws the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.modes import Generator, default_generator

__all__ = ["Streams"]


class Streams:
    """Python's, NumPy's and this package's global streams, and the generators functions refer to.

    A dropout that draws from a generator of its module is random from call to call, and still has
    a gradient: that of the mask it drew. With the stream put back it draws that mask again.
    """

    def __init__(self, *functions: Callable | None) -> None:
        found = [value for f in functions for value in _references(f)]
        self.numpy = [v for v in found if isinstance(v, np.random.Generator)]
        self.legacy = [v for v in found if isinstance(v, np.random.RandomState)]
        self.ours = [default_generator, *(v for v in found if isinstance(v, Generator))]
        self.start = self.state()

    def state(self) -> Any:
        """Where every stream stands."""
        return (
            random.getstate(),
            np.random.get_state(legacy=False),  # noqa: NPY002
            [g.bit_generator.state for g in self.numpy],
            [g.get_state(legacy=False) for g in self.legacy],
            [g.get_state() for g in self.ours],
        )

    def restore(self, state: Any) -> None:
        """Put every stream back to where it stood."""
        random.setstate(state[0])
        np.random.set_state(state[1])  # noqa: NPY002
        for generator, place in zip(self.numpy, state[2], strict=True):
            generator.bit_generator.state = place
        for legacy, place in zip(self.legacy, state[3], strict=True):
            legacy.set_state(place)
        for ours, place in zip(self.ours, state[4], strict=True):
            ours.set_state(place)

    def moved(self, since: Any) -> bool:
        """Whether anything was drawn since."""
        return repr(self.state()) != repr(since)


def _references(function: Any) -> list:
    """The values of the global and enclosing names that a function refers to."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return []
    spaces = function.__globals__
    cells = [c.cell_contents for c in function.__closure__ or () if _filled(c)]
    return cells + [spaces[name] for name in code.co_names if name in spaces]


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
