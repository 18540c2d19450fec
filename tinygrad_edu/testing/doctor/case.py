"""One gradient under examination: what backward gave, what is true, and what else is known.

A guess at the cause is a function of a sample: what would backward have given, had it made this
mistake? It explains the case if it gives just that, for every upstream gradient that was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_edu.testing.doctor.numerical import Slopes
from tinygrad_edu.testing.doctor.observation import Observation
from tinygrad_edu.testing.doctor.pair import Pair, Run
from tinygrad_edu.testing.doctor.probe import Probe

__all__ = ["Case", "Finding", "Guess", "Sample", "number", "numbers", "words"]

_RIGHT = 1e-6  # relative to the sum of the sizes of what is added up: no mistake is so small
_SINGLE = 1e-4  # the same where float32 is at work
_NOISY = 1e-12  # values that are rounded more coarsely than this are not float64's
_ROWS = 600  # up to so many output elements backward is asked for one by one


@dataclass(frozen=True)
class Finding:
    """A cause that explains the numbers, in a word, and the sentences that say so."""

    cause: str
    text: str


@dataclass
class Sample:
    """One upstream gradient, the gradient backward made of it, and the true one.

    `low` and `high` enclose the slopes at a kink, and are the true gradient elsewhere.
    """

    dout: np.ndarray
    analytic: np.ndarray
    truth: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tolerance: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Which elements of the true gradient were measured, and are numbers."""
        return np.isfinite(self.truth)

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which elements differ (shapes must be equal)."""
        with np.errstate(invalid="ignore"):
            inside = (self.analytic >= self.low - self.tolerance) & (
                self.analytic <= self.high + self.tolerance
            )
        return self.known & ~inside

    @cached_property
    def close(self) -> float:
        """How near a guess must come."""
        noise = float(np.nanmax(self.tolerance, initial=0)) / 5
        if self.analytic.shape != self.truth.shape:
            finite = self.analytic[np.isfinite(self.analytic)]
            return max(noise, 1e-5 * float(np.abs(finite).max(initial=0)))
        return max(noise, 1e-3 * float(np.nanmax(np.abs(self.residual), initial=0)))

    @property
    def residual(self) -> np.ndarray:
        """By how much the gradient is off."""
        return np.where(self.known, self.analytic - np.nan_to_num(self.truth), np.nan)


Guess = Callable[..., "np.ndarray | None"]  # of a sample, and what `explained` hands on


@dataclass
class Case:
    """Everything known about the gradient of one input."""

    pair: Pair
    index: int
    run: Run
    slopes: Slopes
    samples: list[Sample]
    observation: Observation
    given: Any  # what backward returned

    @property
    def input(self) -> str:
        """The name of the input."""
        return self.pair.names[self.index]

    @property
    def name(self) -> str:
        """The name of its gradient."""
        return f"d{self.input}"

    @property
    def x(self) -> np.ndarray:
        """The input."""
        return self.pair.inputs[self.index]

    @property
    def arrays(self) -> list[tuple[str, np.ndarray]]:
        """The arrays that stand beside the gradient, by name: inputs, output, settings."""
        settings = [(k, v) for k, v in self.pair.params.items() if isinstance(v, np.ndarray)]
        inputs = zip(self.pair.names, self.pair.inputs, strict=True)
        return [*inputs, ("out", self.run.outs[0]), *settings]

    @property
    def first(self) -> Sample:
        """The sample that is reported."""
        return self.samples[0]

    @property
    def shaped(self) -> bool:
        """Whether the gradient has the shape of the input."""
        return bool(self.samples) and self.first.analytic.shape == self.x.shape

    @property
    def wrong(self) -> bool:
        """Whether the gradient is missing, misshapen or off."""
        return not self.shaped or any(s.wrong.any() for s in self.samples)

    def explained(self, guess: Guess, *args: Any) -> bool:
        """Whether a guess gives what backward gave, for every sample."""
        return bool(self.samples) and all(self._matches(s, guess(s, *args)) for s in self.samples)

    @staticmethod
    def _matches(sample: Sample, guess: np.ndarray | None) -> bool:
        if guess is None or guess.shape != sample.analytic.shape:
            return False
        known = np.isfinite(guess)
        if not known.any():
            return False
        error = np.abs(guess - sample.analytic)[known]
        return bool(error.max() <= sample.close)  # NaN is not

    @cached_property
    def complete(self) -> bool:
        """Whether every derivative was measured."""
        table = self.slopes.jacobian
        return table.shape[1] == self.x.size and bool(np.isfinite(table).all())

    @cached_property
    def elementwise(self) -> np.ndarray | None:
        """The local derivative of each element, if each output depends on its own input alone."""
        jacobian = self.slopes.jacobian
        if len(jacobian) != self.x.size or not self.complete:
            return None
        local = np.diag(jacobian)
        off = np.abs(jacobian - np.diag(local)).max(initial=0)
        return local if off <= 1e-6 * np.abs(local).max(initial=0) else None

    @cached_property
    def jacobian(self) -> np.ndarray | None:
        """The Jacobian that backward believes in: one row for each output element."""
        rows = self.run.vector.size
        if not self.pair.upstream or rows > _ROWS or not self.shaped:
            return None
        found = []
        for one in np.eye(rows):
            gradient = self.observation.gradient(self.index, one)
            if gradient is None or gradient.shape != self.x.shape:
                return None
            found.append(gradient.ravel())
        return np.array(found)

    @cached_property
    def probe(self) -> Probe | None:
        """Derivatives along directions, if everything about the gradient is a number."""
        numbers = all(np.isfinite(s.analytic).all() for s in self.samples)
        if not self.shaped or not self.complete or not numbers or not self.x.size:
            return None
        return Probe(self.x, self.samples)

    def right_at(self, inputs: Sequence[np.ndarray], params: dict[str, Any] | None = None) -> bool:
        """Whether the gradient is the right one for other inputs or settings."""
        there = inputs[self.index]
        if self.probe is None or there.shape != self.x.shape:
            return False

        def value(x: np.ndarray) -> np.ndarray:
            return self.pair.value([*inputs[: self.index], x, *inputs[self.index + 1 :]], params)

        try:
            return self.probe.asks(self.probe.explains, value, there) is not None
        except Exception:  # forward may not be made for it
            return False


def sample(slopes: Slopes, dout: np.ndarray, analytic: np.ndarray, shape: tuple) -> Sample:
    """Put the gradient backward made of `dout` beside the true one."""
    jacobian = np.where(np.isfinite(slopes.jacobian), slopes.jacobian, np.nan)
    column = dout[:, None]
    sides = np.where(
        slopes.left != slopes.right,
        [column * slopes.left, column * slopes.right],
        column * jacobian,
    )
    single = slopes.noise > _NOISY or np.finfo(analytic.dtype).eps > 1e-8
    size, noise = np.abs(dout) @ np.abs(jacobian), np.abs(dout) @ slopes.error
    tolerance = 20 * noise + (_SINGLE if single else _RIGHT) * size
    measured = dout @ jacobian, sides.min(0).sum(0), sides.max(0).sum(0), tolerance
    whole = [slopes.spread(values, shape) for values in measured]
    return Sample(dout, analytic.astype(np.float64), *whole)


def numbers(params: Any, path: str = "") -> dict[str, float]:
    """The numbers among the settings, by the words they go by."""
    found: dict[str, float] = {}
    if isinstance(params, dict):
        for key, value in params.items():
            found |= numbers(value, str(key))
    elif isinstance(params, int | float | np.number) and not isinstance(params, bool):
        found[path] = float(params)
    return found


def number(value: float) -> str:
    """A number as one writes it."""
    return f"{value:.4g}"


def words(items: Sequence[str]) -> str:
    """`a, b and c`."""
    items = list(items)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
