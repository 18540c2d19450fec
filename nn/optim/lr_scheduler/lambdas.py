"""Schedules that are functions of the user's."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_edu.errors import describe

from ..optimizer import Optimizer
from ..settings import Number
from .scheduler import LRScheduler, check_state, per_group, values_of

__all__ = ["LambdaLR", "MultiplicativeLR"]

Function = Callable[[int], float]


class LambdaLR(LRScheduler):
    """Multiplies the learning rate of the start by `lr_lambda(epoch)`, one function or one a group.

    A function is not saved; an object that is called is, by its attributes.
    Errors: TypeError for what cannot be called, ValueError for another number than of groups.

    >>> import tinygrad_edu as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1)], lr=8.0)
    >>> scheduler = tg.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> optimizer.step(); scheduler.step(); scheduler.get_last_lr()
    [4.0]
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1
    ) -> None:
        self.lr_lambdas = per_group(self, "lr_lambda", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                name, got = type(self).__name__, f"a {type(function).__name__}"
                raise TypeError(describe(name, "lr_lambda", "a function of the epoch", got))
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Number]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer; functions are left out, objects give theirs."""
        kept = [
            None if isinstance(function, types.FunctionType) else dict(vars(function))
            for function in self.lr_lambdas
        ]
        return {**super().state_dict(), "lr_lambdas": kept}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over (a copy of) what another schedule's `state_dict` returned."""
        check_state(self, self.state_dict(), state_dict)
        state = copy.deepcopy(dict(state_dict))
        for function, kept in zip(self.lr_lambdas, state.pop("lr_lambdas"), strict=True):
            if kept is not None:
                vars(function).update(kept)
        self.__dict__.update(state)


class MultiplicativeLR(LambdaLR):
    """Multiplies the learning rate of the epoch before by `lr_lambda(epoch)`; as `LambdaLR`."""

    def _rates(self) -> list[Number]:
        rates = values_of(self.optimizer, "lr")
        if self._is_initial:
            return rates
        pairs = zip(rates, self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]
