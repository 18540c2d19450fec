"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_edu.errors import describe

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler, assign, check_state, values_of

__all__ = ["ChainedScheduler", "SequentialLR"]


class Composite(LRScheduler):
    """Base of schedules made of others."""

    _schedulers: Sequence[LRScheduler]

    def _check(self, schedulers: Sequence[Any], optimizer: Optimizer | None) -> None:
        """Raise an error for what cannot be a part."""
        name = type(self).__name__
        if len(schedulers) < 1:
            raise ValueError(describe(name, "schedulers", "at least one schedule", "none"))
        for i, part in enumerate(schedulers):
            got = f"a {type(part).__name__} at place {i}"
            if not hasattr(part, "optimizer"):
                raise TypeError(describe(name, "schedulers", "schedules", got))
            if isinstance(part, ReduceLROnPlateau):
                mend = "its step() needs the metrics"
                raise ValueError(describe(name, "schedulers", "other schedules", got, mend))
            if part.optimizer is not (optimizer or schedulers[0].optimizer):
                expected = "schedules of one optimizer"
                raise ValueError(describe(name, "schedulers", expected, f"another's {got[2:]}"))

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer, with the states of the parts."""
        parts = [part.state_dict() for part in self._schedulers]
        return {**super().state_dict(), "_schedulers": parts}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over (a copy of) what another schedule's `state_dict` returned."""
        check_state(self, {**self.state_dict(), "_schedulers": []}, state_dict)
        parts = state_dict["_schedulers"]
        if len(parts) != len(self._schedulers):
            expected, got = f"{len(self._schedulers)} schedules", len(parts)
            raise ValueError(describe("load_state_dict", "_schedulers", expected, got))
        for part, state in zip(self._schedulers, parts, strict=True):
            part.load_state_dict(state)
        own = {key: value for key, value in state_dict.items() if key != "_schedulers"}
        self.__dict__.update(copy.deepcopy(own))


class SequentialLR(Composite):
    """Uses one schedule after the other; the next one from each of the epochs `milestones` on.

    Errors: ValueError for no schedules, for one of another optimizer or that needs metrics, or
    if the milestones are not one fewer.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.optim import lr_scheduler
    >>> optimizer = tg.optim.SGD([tg.ones(1)], lr=8.0)
    >>> warm_up = lr_scheduler.ConstantLR(optimizer, factor=0.125, total_iters=99)
    >>> decay = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = lr_scheduler.SequentialLR(optimizer, [warm_up, decay], milestones=[2])
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step(); scheduler.step()
    >>> rates
    [1.0, 1.0, 8.0, 4.0, 2.0]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int],
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self._check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            expected = f"{len(schedulers) - 1} for {len(schedulers)} schedules"
            raise ValueError(describe("SequentialLR", "milestones", expected, len(milestones)))
        self.optimizer = optimizer
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # Each part has made its first step, over the others': go back, and let the first one begin.
        for group in optimizer.param_groups:
            assign(group, "lr", group["initial_lr"])
        _go_back(self)
        schedulers[0]._initial_step()
        self._last_lr = schedulers[0].get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Go to the next epoch of the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _go_back(scheduler: LRScheduler) -> None:
    """Take back a step of a schedule, or of all its parts."""
    if isinstance(scheduler, Composite):
        for part in scheduler._schedulers:
            _go_back(part)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(Composite):
    """Uses several schedules at once: each changes what the one before left.

    Errors: ValueError for no schedules, or for one of another optimizer or that needs metrics.
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._check(schedulers, optimizer)
        self._schedulers = schedulers
        self.optimizer = schedulers[0].optimizer
        self._last_lr = values_of(self.optimizer, "lr")

    def _initial_step(self) -> None:
        for scheduler in self._schedulers:
            scheduler._initial_step()
        self._last_lr = values_of(self.optimizer, "lr")

    def _update_lr(self, epoch: int | None = None) -> None:
        for scheduler in self._schedulers:
            scheduler._update_lr(epoch)
        self._last_lr = values_of(self.optimizer, "lr")

    def step(self) -> None:  # type: ignore[override]
        """Make a step of each schedule, in order."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = values_of(self.optimizer, "lr")
