"""Schedules that multiply the learning rate of the start by a factor of the epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tinygrad_edu.errors import describe

from ..optimizer import Optimizer
from ..settings import Number
from .scheduler import LRScheduler, values_of

__all__ = ["ConstantLR", "ExponentialLR", "LinearLR", "MultiStepLR", "PolynomialLR", "StepLR"]


class FactorLR(LRScheduler):
    """Base of schedules from the rate at the start towards `eta_min`, by a factor of the epoch.

    lr = eta_min + (base_lr - eta_min) _scale(epoch), computed from the rate of the epoch before:
    so several schedules may work on one optimizer, and their factors multiply.
    """

    eta_min = 0.0
    _jumps = False  # whether a schedule that is continued makes the step to its first epoch

    def _scale(self, epoch: int) -> float:
        """What is left of the rate at the start in this epoch."""
        raise NotImplementedError

    def _rates(self) -> list[Number]:
        rates, epoch = values_of(self.optimizer, "lr"), self.last_epoch
        if self._is_initial and epoch > 0 and not self._jumps:
            return rates
        before, now = self._scale(epoch - 1) if epoch > 0 else 1.0, self._scale(epoch)
        if now == before:
            return rates
        return [self.eta_min + (lr - self.eta_min) * (now / before) for lr in rates]

    def _get_closed_form_lr(self) -> list[Number]:
        now = self._scale(self.last_epoch)
        return [self.eta_min + (lr - self.eta_min) * now for lr in self.base_lrs]

    def _check_factor(self, argument: str, value: float) -> None:
        if not 0 <= value <= 1:
            raise ValueError(describe(type(self).__name__, argument, "a number from 0 to 1", value))


class StepLR(FactorLR):
    """Multiplies the learning rate by `gamma` every `step_size` epochs.

    >>> import tinygrad_edu as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1)], lr=8.0)
    >>> scheduler = tg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step(); scheduler.step()
    >>> rates
    [8.0, 8.0, 4.0, 4.0, 2.0]
    """

    _jumps = True

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _scale(self, epoch: int) -> float:
        """gamma^(epoch // step_size)."""
        return self.gamma ** (epoch // self.step_size)


class MultiStepLR(FactorLR):
    """Multiplies the learning rate by `gamma` at each of the epochs `milestones`."""

    _jumps = True

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _scale(self, epoch: int) -> float:
        """gamma^(the number of milestones up to here)."""
        return self.gamma ** sum(n for stone, n in self.milestones.items() if stone <= epoch)


class ConstantLR(FactorLR):
    """Multiplies the learning rate by `factor` until epoch `total_iters`.

    Errors: ValueError for a factor outside 0 to 1.
    """

    _jumps = True

    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self._check_factor("factor", factor)
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _scale(self, epoch: int) -> float:
        """Factor, then 1."""
        return self.factor if epoch < self.total_iters else 1.0


class LinearLR(FactorLR):
    """Changes the factor of the learning rate evenly from start to end over `total_iters` epochs.

    Errors: ValueError for a factor outside 0 to 1, or a start at 0.
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
        total_iters: int = 5, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if not 0 < start_factor <= 1:
            expected = "a number above 0 and at most 1"
            raise ValueError(describe("LinearLR", "start_factor", expected, start_factor))
        self._check_factor("end_factor", end_factor)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _scale(self, epoch: int) -> float:
        """start_factor + (end_factor - start_factor) epoch / total_iters."""
        part = min(self.total_iters, epoch) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part


class ExponentialLR(FactorLR):
    """Multiplies the learning rate by `gamma` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _scale(self, epoch: int) -> float:
        """gamma^epoch."""
        return self.gamma**epoch


class PolynomialLR(FactorLR):
    """Lowers the learning rate to 0 over `total_iters` epochs, by a power of what is left of them.

    With power 1 evenly; with higher powers faster at first.
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _scale(self, epoch: int) -> float:
        """(1 - epoch / total_iters)^power."""
        return (1 - min(self.total_iters, epoch) / self.total_iters) ** self.power
