"""What a `Solver` calls as it goes: a base to override, and a progress bar."""

from __future__ import annotations

from typing import Any

__all__ = ["Callback", "ProgressBar"]


class Callback:
    """What a `Solver` calls as it goes; override what you need.

    Every method receives the solver, whose `epoch`, `history` and `model` tell where it is; setting
    its `stop` to True ends the training after the epoch.
    """

    def train_begin(self, solver: Any, num_epochs: int) -> None:
        """Before the first step; `num_epochs` counts those done before as well."""

    def batch_end(self, solver: Any, means: dict[str, float]) -> None:
        """After each step, with the means over this epoch so far, by name."""

    def epoch_end(self, solver: Any) -> None:
        """After each epoch, when `solver.epoch` and `solver.history` have been brought up."""

    def train_end(self, solver: Any) -> None:
        """After the last step, also when an error ends the training."""


class ProgressBar(Callback):
    """A tqdm bar over all batches, with the means of the epoch so far, on standard error.

    `disable=None` draws it on a terminal only, `leave` keeps it when it is full.
    """

    def __init__(self, disable: bool | None = None, leave: bool = True) -> None:
        self.disable, self.leave = disable, leave
        self.bar: Any = None

    def train_begin(self, solver: Any, num_epochs: int) -> None:
        """Draw the bar."""
        from tqdm.auto import tqdm

        batches = len(solver.train_data)
        self.bar = tqdm(
            total=num_epochs * batches, initial=solver.epoch * batches, unit="batch",
            disable=self.disable, leave=self.leave, dynamic_ncols=True,
        )  # fmt: skip

    def batch_end(self, solver: Any, means: dict[str, float]) -> None:
        """Move the bar on."""
        shown = {"accuracy": "{:.1%}"}
        text = ", ".join(f"{k} {shown.get(k, '{:.4f}').format(v)}" for k, v in means.items())
        self.bar.set_postfix_str(f"epoch {solver.epoch + 1}, {text}", refresh=False)
        self.bar.update()

    def train_end(self, solver: Any) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
