"""ReduceLROnPlateau: a lower learning rate when there is no progress."""

from __future__ import annotations

import math
import warnings
from typing import Any, SupportsFloat

from tinygrad_edu.errors import describe

from ..optimizer import Optimizer
from .scheduler import EPOCH, LRScheduler, assign, per_group, values_of

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the learning rate by `factor` after `patience` epochs without progress.

    `step(metrics)` is given the value that should fall (mode "min") or rise ("max"). Progress is
    to pass the best one by `threshold`, relative to it ("rel") or not ("abs"). After a reduction
    `cooldown` epochs do not count. The rate does not fall below `min_lr` (one for all groups or
    one for each), nor by less than `eps`.
    Errors: ValueError for bad settings.

    >>> import tinygrad_edu as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1)], lr=8.0)
    >>> scheduler = tg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0]:
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [4.0]
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
        min_lr: float | list[float] = 0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        name = "ReduceLROnPlateau"
        if not factor < 1:
            raise ValueError(describe(name, "factor", "a number below 1", factor))
        if mode not in ("min", "max"):
            raise ValueError(describe(name, "mode", "'min' or 'max'", repr(mode)))
        if threshold_mode not in ("rel", "abs"):
            expected = "'rel' or 'abs'"
            raise ValueError(describe(name, "threshold_mode", expected, repr(threshold_mode)))
        self.min_lrs = per_group(self, "min_lr", min_lr, optimizer)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self.best = self.mode_worse = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self._last_lr = values_of(optimizer, "lr")

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs do not count at present."""
        return self.cooldown_counter > 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of an epoch's value, and lower the learning rates if it is time."""
        if epoch is not None:
            warnings.warn(EPOCH, stacklevel=2)
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = values_of(self.optimizer, "lr")

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            return sign * value < sign * self.best * (1 - sign * self.threshold)
        return sign * value < sign * self.best - self.threshold

    def _reduce(self) -> None:
        groups: list[dict[str, Any]] = self.optimizer.param_groups
        if self.default_min_lr is not None:  # groups may have been added
            self.min_lrs = [self.default_min_lr] * len(groups)
        elif len(self.min_lrs) != len(groups):
            expected, got = (
                f"a value for each of {len(groups)} groups",
                f"{len(self.min_lrs)} values",
            )
            mend = "set scheduler.min_lrs when you add a group"
            raise RuntimeError(describe("ReduceLROnPlateau", "min_lr", expected, got, mend))
        for group, least in zip(groups, self.min_lrs, strict=True):
            before = float(group["lr"])
            lr = max(before * self.factor, least)
            if before - lr > self.eps:
                assign(group, "lr", lr)
