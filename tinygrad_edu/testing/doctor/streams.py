"""The random streams a function may draw from, put back so that each call draws the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.modes import Generator, default_generator

__all__ = ["Streams"]


class Streams:
    """Python's, NumPy's and this package's global streams, and the generators functions may use.

    A dropout that draws from a generator of its module is random from call to call, and still has
    a gradient: that of the mask it drew. With the stream put back it draws that mask again.
    """

    def __init__(self, *functions: Callable | None) -> None:
        values = [value for f in functions for value in _references(f)]
        found = list({id(value): value for value in values}.values())
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
        return _values(self.state()) != _values(since)


def _values(state: Any) -> Any:
    """A state whose parts can be compared."""
    if isinstance(state, np.ndarray):
        return state.tobytes()
    if isinstance(state, dict):
        return {key: _values(value) for key, value in state.items()}
    return [_values(s) for s in state] if isinstance(state, tuple | list) else state


def _references(function: Any) -> list:
    """The values that a function, and the functions beside it, can refer to without arguments."""
    owner = getattr(function, "__self__", None)
    function = getattr(function, "__func__", function)
    cells = [c for c in getattr(function, "__closure__", None) or () if _filled(c)]
    return [
        *getattr(function, "__globals__", {}).values(),
        *(c.cell_contents for c in cells),
        *getattr(owner, "__dict__", {}).values(),
    ]


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
