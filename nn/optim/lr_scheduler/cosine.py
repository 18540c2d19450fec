"""Schedules along half waves of the cosine."""

from __future__ import annotations

import math

from tinygrad_edu.errors import describe

from ..optimizer import Optimizer
from ..settings import Number
from .factors import FactorLR
from .scheduler import LRScheduler, values_of

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


def wave(place: float, length: float) -> float:
    """From 1 at place 0 along the cosine to 0 at place `length`."""
    return (1 + math.cos(math.pi * place / length)) / 2


class CosineAnnealingLR(FactorLR):
    """Lowers the learning rate to `eta_min` along half a wave of `T_max` epochs, then raises it.

    Source: Loshchilov and Hutter (2017), without the restarts.

    >>> import tinygrad_edu as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1)], lr=8.0)
    >>> scheduler = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> optimizer.step(); scheduler.step(); round(scheduler.get_last_lr()[0], 6)
    4.0
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _scale(self, epoch: int) -> float:
        """(1 + cos(pi epoch / T_max)) / 2."""
        return wave(epoch, self.T_max)

    def _rates(self) -> list[Number]:
        after_minimum = (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0
        if self._is_initial or not after_minimum:
            return super()._rates()
        # No factor leads away from the minimum, where nothing is left of the rate at the start.
        rates = values_of(self.optimizer, "lr")
        rise = (1 - math.cos(math.pi / self.T_max)) / 2
        pairs = zip(rates, self.base_lrs, strict=True)
        return [lr + (base - self.eta_min) * rise for lr, base in pairs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Lowers the learning rate to `eta_min` along half a wave, then starts again at the top.

    The first wave takes `T_0` epochs, each other one `T_mult` times as many as the one before.
    `step` may be called in the middle of an epoch, with its number as a float.
    Errors: ValueError for a T_0 or T_mult that is no whole number above 0, or an epoch below 0.
    Source: Loshchilov and Hutter (2017).
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        for argument, value in {"T_0": T_0, "T_mult": T_mult}.items():
            if not isinstance(value, int) or value < 1:
                name, expected = type(self).__name__, "a whole number above 0"
                raise ValueError(describe(name, argument, expected, repr(value)))
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Number]:
        scale = wave(self.T_cur, self.T_i)
        return [self.eta_min + (lr - self.eta_min) * scale for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to a given one, which may be a fraction."""
        if epoch is None:
            epoch = self.last_epoch + 1
            if self.last_epoch >= 0:
                self._go_to(self.T_cur + 1, self.T_i)
            else:
                self._go_to(0, self.T_0)
        elif epoch < 0:
            expected = "an epoch of at least 0"
            raise ValueError(describe(type(self).__name__, "epoch", expected, epoch))
        else:
            self._go_to(epoch, self.T_0)
        self.last_epoch = math.floor(epoch)
        self._set(self._rates())

    def _go_to(self, place: float, length: int) -> None:
        """Set the place within a wave, and its length, from a place after the start of one."""
        while place >= length:
            place -= length
            length *= self.T_mult
        self.T_cur, self.T_i = place, length
