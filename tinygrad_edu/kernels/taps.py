"""Linear maps along one axis, given by taps: resampling, padding with copies, uneven averages.

A tap (to, source, weight) says: entry source[j] of the axis, times weight[j], is added to entry
to[j] of the result. A map is a tuple of taps. Exchanging `to` and `source` turns each map into its
adjoint, so that one function computes both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_edu.kernels.windows import Array

__all__ = ["Tap", "add_taps", "turned"]

Tap = tuple[Array, Array, Array | None]  # a weight of None is 1


def add_taps(x: Array, axis: int, size: int, taps: tuple[Tap, ...]) -> Array:
    """Return x with the axis replaced by `size` entries, the sums of what the taps bring there.

    Within one tap, entries that go to the same place must be neighbours.
    """
    out = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
    before = (slice(None),) * axis
    for to, source, weight in taps:
        for part in _to_different_places(to):
            place = _as_slice(source[part])
            values = x[(*before, place)] if isinstance(place, slice) else x.take(place, axis)
            if weight is not None:
                factors = weight[part].astype(x.dtype)
                values = values * factors.reshape(-1, *(1,) * (x.ndim - axis - 1))
            out[(*before, _as_slice(to[part]))] += values
    return out


def turned(taps: tuple[Tap, ...]) -> tuple[Tap, ...]:
    """Return the taps of the adjoint map."""
    return tuple([(source, to, weight) for to, source, weight in taps])


def _to_different_places(to: Array) -> Iterator[Array]:
    """Yield the first entry of every run of equal ones, then the second of every run, and so on."""
    starts = np.flatnonzero(np.diff(to, prepend=-1))
    rank = np.arange(len(to)) - np.repeat(starts, np.diff(starts, append=len(to)))
    for r in range(rank.max(initial=-1) + 1):
        yield np.flatnonzero(rank == r)


def _as_slice(places: Array) -> slice | Array:
    """Return evenly spaced places as a slice, which NumPy reads and writes far faster."""
    steps = np.diff(places)
    step = int(steps[0]) if len(steps) else 1
    if step < 1 or (steps != step).any():
        return places
    return slice(int(places[0]), int(places[-1]) + 1, step)
