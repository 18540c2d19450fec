"""Derivatives along a few random directions: enough to tell whether a guess is right, and cheap.

A guess is another function, or another place: forward with a setting changed, or with one of its
steps changed. Its derivatives along the directions are compared with what backward says they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.testing.doctor.numerical import scale_of

__all__ = ["Probe"]

Value = Callable[[np.ndarray], np.ndarray]
Judge = Callable[[np.ndarray, float], "float | None"]

_DIRECTIONS = 6
_FEW, _ROUGH = 2, 0.05  # so many are tried first, and may leave so much of what is off unexplained
_FIT = 1e-3  # how much all of them may leave
_STEP = 1e-3


class Probe:
    """What backward gave along random directions, for the upstream gradients in turn."""

    def __init__(self, x: np.ndarray, samples: Sequence[Any]) -> None:
        self.x, self.step = x, _STEP * scale_of(x)
        self.directions = np.random.default_rng(2).standard_normal((_DIRECTIONS, *x.shape))
        turns = [samples[k % len(samples)] for k in range(_DIRECTIONS)]
        self.douts = [s.dout for s in turns]
        self.given = self._along([s.analytic for s in turns])
        self.true = self._along([np.nan_to_num(s.truth) for s in turns])
        self.off = self.given - self.true

    def _along(self, gradients: list[np.ndarray]) -> np.ndarray:
        pairs = zip(gradients, self.directions, strict=True)
        return np.array([float((g * d).sum()) for g, d in pairs])

    def derivatives(self, value: Value, x: np.ndarray | None = None) -> np.ndarray:
        """The derivatives of a function along the directions, at x or elsewhere."""
        x = self.x if x is None else x
        steps = self.step / 2, self.step
        fine, coarse = (self._slopes(value, x, step, _DIRECTIONS) for step in steps)
        return (4 * fine - coarse) / 3

    def _slopes(self, value: Value, x: np.ndarray, h: float, count: int) -> np.ndarray:
        """Central differences along the first directions."""
        return np.array([
            dout @ (value(x + h * direction) - value(x - h * direction)) / (2 * h)
            for dout, direction in zip(self.douts[:count], self.directions, strict=False)
        ])  # fmt: skip

    def asks(self, judge: Judge, value: Value, x: np.ndarray | None = None) -> float | None:
        """What a judge says of the derivatives of a function; roughly first, which is cheap."""
        x = self.x if x is None else x
        if judge(self._slopes(value, x, self.step, _FEW), _ROUGH) is None:
            return None
        return judge(self.derivatives(value, x), _FIT)

    def explains(self, derivatives: np.ndarray, fit: float) -> float | None:
        """1 if derivatives are what backward gave."""
        count = len(derivatives)
        error = np.abs(derivatives - self.given[:count]).max()
        return 1.0 if error <= fit * np.abs(self.off[:count]).max() else None

    def share(self, derivatives: np.ndarray, fit: float) -> float | None:
        """What is off, in units of what the derivatives lack, if it is a multiple of that."""
        count = len(derivatives)
        part, off = self.true[:count] - derivatives, self.off[:count]
        if not np.abs(part).max() > 1e-6 * np.abs(self.true).max(initial=0):
            return None
        share = float(part @ off / (part @ part))
        left = np.abs(off - share * part).max()
        return share if left <= fit * np.abs(off).max() and abs(share) > 1e-6 else None
