"""The walk over flat arrays, block by block, and what update rules have in common.

Each block is small enough to stay in the processor's cache while parameter, gradient and memories
are read and written, and the scratch arrays are made once: a step allocates nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .settings import numbers

BLOCK = 1 << 16  # elements; measured


class Scratch:
    """Arrays to write to, of any dtype and of at most BLOCK elements, made once."""

    def __init__(self) -> None:
        self._found: dict[tuple[np.dtype, int], tuple[np.ndarray, ...]] = {}

    def __call__(self, dtype: np.dtype, n: int) -> tuple[np.ndarray, ...]:
        """Three arrays of n elements."""
        found = self._found.get((dtype, n))
        if found is None:
            if n < BLOCK:
                found = tuple(whole[:n] for whole in self(dtype, BLOCK))
            else:
                found = tuple(np.empty(n, dtype) for _ in range(3))
            self._found[dtype, n] = found
        return found


def blocks(flat: list[np.ndarray]) -> Iterable[list[np.ndarray]]:
    """Cut flat arrays of the same length into blocks."""
    n = flat[0].size
    if n <= BLOCK:
        return (flat,)
    return ([x[start : start + BLOCK] for x in flat] for start in range(0, n, BLOCK))


def descent(p: np.ndarray, g: np.ndarray, out: np.ndarray, group: dict[str, Any]) -> np.ndarray:
    """The gradient to descend: turned round to maximize, and with weight decay. May be `g`.

    Decoupled weight decay shrinks the parameter itself, by lr weight_decay p.
    """
    if group.get("weight_decay"):
        (decay,) = numbers(group, "weight_decay")
        if not group.get("decoupled_weight_decay"):
            np.multiply(p, decay, out)
            return (np.subtract if group.get("maximize") else np.add)(out, g, out)
        p *= 1 - float(group["lr"]) * decay
    return np.negative(g, out) if group.get("maximize") else g


def average(m: np.ndarray, g: np.ndarray, beta: float, t: np.ndarray) -> None:
    """m = beta m + (1 - beta) g, in place; `t` is scratch."""
    np.subtract(g, m, t)
    t *= 1 - beta
    m += t


def average_square(v: np.ndarray, g: np.ndarray, beta: float, t: np.ndarray) -> None:
    """v = beta v + (1 - beta) g^2, in place; `t` is scratch."""
    v *= beta
    np.square(g, t)
    t *= 1 - beta
    v += t
