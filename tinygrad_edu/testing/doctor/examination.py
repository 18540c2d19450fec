"""One gradient beside the true one: what differs, where most, and the cause that explains it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_edu.testing.doctor.case import Finding

__all__ = ["Examination"]


@dataclass
class Examination:
    """One gradient beside the true one.

    `analytic` is None if backward gave no array; `off` marks the elements that differ, and is None
    if the shapes do.
    """

    name: str
    analytic: np.ndarray | None
    truth: np.ndarray
    off: np.ndarray | None
    finding: Finding | None
    kinks: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.finding is None

    @property
    def error(self) -> np.ndarray | None:
        """The difference to the true gradient, element by element."""
        if self.analytic is None or self.off is None:
            return None
        return np.where(np.isfinite(self.truth), self.analytic - self.truth, np.nan)

    @property
    def worst(self) -> tuple[int, ...] | None:
        """The element that differs most."""
        error = self.error
        if error is None or self.off is None or not self.off.any():
            return None
        size = np.where(self.off, np.nan_to_num(np.abs(error), nan=np.inf), -1.0)
        return tuple(int(i) for i in np.unravel_index(size.argmax(), size.shape))

    def extent(self) -> str:
        """How much of the array differs, and where most."""
        if self.analytic is None or self.off is None:
            return ""
        count, size = int(self.off.sum()), int(np.isfinite(self.truth).sum())
        if self.worst is None:
            return f"The values of all {size} elements are right, and yet:"
        place = ", ".join(map(str, self.worst))
        at = f"{self.name}[{place}]" if place else self.name
        share = "All" if count == size > 1 else f"{count} of"
        return (
            f"{share} {size} {'elements' if size > 1 else 'element'} "
            f"{'is' if count == 1 else 'are'} wrong. The worst is {at}: backward gives "
            f"{self.analytic[self.worst]:.6g}, the numerical gradient is "
            f"{self.truth[self.worst]:.6g}."
        )

    def line(self) -> str:
        """One line of a table."""
        if self.finding:
            return f"{self.name}: wrong ({self.finding.cause})"
        if self.truth.size and not np.isfinite(self.truth).any():
            return f"{self.name}: not examined: forward gives NaN or infinity"
        size = np.nanmax(np.abs(self.truth), initial=0)
        far = 0.0 if self.error is None else float(np.nanmax(np.abs(self.error), initial=0))
        kinks = f"; {self.kinks} elements at a kink" if self.kinks else ""
        return f"{self.name}: right (off by at most {far:.1e}, largest element {size:.2g}{kinks})"
