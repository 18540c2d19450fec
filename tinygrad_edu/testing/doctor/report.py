"""What the doctor found, in words a student understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tinygrad_edu.testing.doctor.case import words
from tinygrad_edu.testing.doctor.examination import Examination

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Diagnosis"]


@dataclass
class Diagnosis:
    """What is wrong with the gradients of a pair: true when nothing is.

    >>> from tinygrad_edu.testing import diagnose
    >>> def forward(x, w):
    ...     return x * w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout * w, 2 * dout * x
    >>> found = diagnose(forward, backward, np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    >>> found.ok, found.wrong, found.causes
    (False, ['dw'], {'dw': 'factor'})
    """

    title: str
    examinations: list[Examination]
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every gradient is right, and nothing was written to."""
        return not self.wrong

    @property
    def wrong(self) -> list[str]:
        """The names of the wrong gradients: `d` and the name of forward's parameter."""
        return [e.name for e in self.examinations if not e.ok]

    @property
    def causes(self) -> dict[str, str]:
        """For each wrong gradient the cause that explains its numbers, in a word."""
        return {e.name: e.finding.cause for e in self.examinations if e.finding}

    def __bool__(self) -> bool:
        return self.ok

    def __getitem__(self, name: str) -> Examination:
        """One gradient beside the true one, by name."""
        for examination in self.examinations:
            if examination.name == name:
                return examination
        names = words([e.name for e in self.examinations])
        raise KeyError(f"no gradient {name!r}; there are {names}")

    def explain(self, name: str) -> str:
        """What is known about one gradient, in sentences."""
        examination = self[name]
        if examination.finding is None:
            return f"{examination.line()}."
        parts = [f"{name} is wrong.", examination.extent()]
        parts += [f"Cause: {examination.finding.cause}.", examination.finding.text]
        return " ".join(p for p in parts if p)

    def __str__(self) -> str:
        count, wrong = len(self.examinations), len(self.wrong)
        if count == 1:
            head = f"the gradient is {'wrong' if wrong else 'right'}"
        elif wrong:
            head = f"{wrong} of {count} gradients {'is' if wrong == 1 else 'are'} wrong"
        else:
            head = f"all {count} gradients are right"
        head = f"{self.title}: {head}"
        lines = [head, *(f"  {e.line()}" for e in self.examinations)]
        for name in self.wrong:
            lines += ["", *_wrapped(self.explain(name))]
        if self.notes:
            lines += [""]
        for note in self.notes:
            lines += _wrapped(note)
        return "\n".join(lines)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Any:
        """Draw the error of each gradient as a heat map.

        The error of an element is divided by the largest element of the true gradient; white is
        right. `ax` is a sequence of Axes, one for each gradient, or one, on which the first wrong
        gradient is drawn; without it a figure is made. Returns what was drawn on.

        >>> from tinygrad_edu.testing import diagnose_gradient
        >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> axes = diagnose_gradient(lambda x: (x * x).sum(), x, x).plot()
        >>> axes[0].get_title()
        'dx: factor'
        """
        from tinygrad_edu.testing.doctor.picture import draw

        return draw(self.examinations, ax)


def _wrapped(text: str) -> list[str]:
    """Lines that fit a terminal."""
    import textwrap

    return textwrap.wrap(text, 88, break_long_words=False, break_on_hyphens=False)
