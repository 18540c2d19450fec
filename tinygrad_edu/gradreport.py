"""What a gradient check found: which input, which element, both values, and any kinks."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["GradcheckResult", "Kink", "Mismatch"]


@dataclass(frozen=True)
class Mismatch:
    """A derivative that differs from the numerical one.

    `input` and `element` say with respect to what, `output` of what (None: of a random combination
    of all outputs).
    """

    input: int
    element: tuple[int, ...]
    output: tuple | None
    analytic: float
    numerical: float

    @property
    def absolute(self) -> float:
        """The absolute error."""
        return abs(self.analytic - self.numerical)

    @property
    def relative(self) -> float:
        """The absolute error over the larger of the two values."""
        return self.absolute / max(abs(self.analytic), abs(self.numerical), 1e-300)

    def __str__(self) -> str:
        what = "a random combination of the outputs" if self.output is None else (
            f"output {self.output[0]}, element {self.output[1]}"
        )  # fmt: skip
        return (
            f"input {self.input}, element {self.element}: derivative of {what}: analytic "
            f"{self.analytic:.10g}, numerical {self.numerical:.10g} "
            f"(absolute error {self.absolute:.3g}, relative {self.relative:.3g})"
        )


@dataclass(frozen=True)
class Kink:
    """A place where no gradient exists: the slopes on either side differ, or the function jumps."""

    input: int
    element: tuple[int, ...]
    left: float
    right: float
    jump: bool = False

    def __str__(self) -> str:
        what = "a jump: the slopes grow as the step shrinks" if self.jump else (
            f"a kink: the slope is {self.left:.6g} to the left and {self.right:.6g} to the right"
        )  # fmt: skip
        return f"input {self.input}, element {self.element}: {what}; check at another point"


@dataclass
class GradcheckResult:
    """What a check found: true when every gradient is right; its text says what is wrong."""

    mismatches: list[Mismatch] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)
    deterministic: bool = True
    compared: int = 0

    @property
    def ok(self) -> bool:
        """Whether the function is deterministic and no derivative differs."""
        return self.deterministic and not self.mismatches

    @property
    def worst(self) -> Mismatch | None:
        """The mismatch with the largest absolute error."""
        return max(self.mismatches, key=lambda m: m.absolute, default=None)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = [f"gradcheck: {self.compared} derivatives compared"]
        if not self.deterministic:
            lines = [
                "gradcheck: the function is not deterministic: two calls with the same input gave "
                "different outputs. The default generator is frozen during the check; a generator "
                "of the function's own must be seeded inside it"
            ]
        elif self.ok:
            lines[0] += ", all agree"
        else:
            wrong = sorted({m.input for m in self.mismatches})
            lines[0] += f"; {len(self.mismatches)} differ, in the gradient of input " + ", ".join(
                map(str, wrong)
            )
            lines += [f"  worst: {self.worst}"]
        return "\n".join(lines + [f"  {kink}" for kink in self.kinks])
