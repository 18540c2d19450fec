"""LRScheduler: what all schedules of a learning rate share."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_edu.errors import describe
from tinygrad_edu.modes import no_grad
from tinygrad_edu.tensor import Tensor

from ..optimizer import Optimizer
from ..settings import Number

__all__ = ["LRScheduler"]

_ORDER = (
    "lr_scheduler.step() was called before optimizer.step(): call them in the opposite order, or "
    "the first value of the schedule is skipped"
)
_NEXT = "get_lr() computes the next learning rate: for the present one use get_last_lr()"
EPOCH = (
    "the argument `epoch` of scheduler.step() is out of date: call scheduler.step() without it, "
    "once an epoch"
)


class LRScheduler:
    """Base of all schedules: a subclass says with `get_lr` what the learning rates become.

    `get_lr` returns the next learning rate of each group of `optimizer`, from `last_epoch` (0 when
    the schedule is made, then one more with each `step`), `base_lrs` (the rates at the start,
    which the groups keep as "initial_lr"), and what the groups have now. Rates that are tensors
    are written in place.
    `last_epoch` other than -1 continues a schedule whose groups have their "initial_lr".
    Errors: TypeError for what is no optimizer; KeyError if there is no "initial_lr" to continue.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.optim.lr_scheduler import LRScheduler
    >>> class Halving(LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / 2**self.last_epoch for lr in self.base_lrs]
    >>> optimizer = tg.optim.SGD([tg.ones(1)], lr=8.0)
    >>> scheduler = Halving(optimizer)
    >>> optimizer.step(); scheduler.step(); scheduler.get_last_lr()
    [4.0]
    """

    _is_initial = False  # while the schedule is made
    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(self, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copy.deepcopy(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: group {i} of the optimizer has no 'initial_lr', which "
                    "a schedule continues with; load the optimizer's state first"
                )
        self.base_lrs = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        """Give the groups the first learning rate."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Number]:
        """The next learning rates; to be called by `step` alone: see `get_last_lr`."""
        if not self._get_lr_called_within_step:
            warnings.warn(_NEXT, stacklevel=2)
        return self._rates()

    def _rates(self) -> list[Number]:
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def get_last_lr(self) -> list[Number]:
        """The learning rate of each group since the last step."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Give the groups their next learning rates; call it after the optimizer's steps."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(_ORDER, stacklevel=2)
        if epoch is not None:
            warnings.warn(EPOCH, stacklevel=2)
        self._update_lr(epoch)
        self._step_count += 1

    def _update_lr(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to a given one, by the closed form if there is one."""
        closed_form: Callable[[], list[Number]] = getattr(self, "_get_closed_form_lr", self.get_lr)
        before = self.last_epoch
        self.last_epoch = before + 1 if epoch is None else epoch
        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr() if epoch is None else closed_form()
        except BaseException:
            self.last_epoch = before
            raise
        finally:
            self._get_lr_called_within_step = False
        self._set(rates)

    def _set(self, rates: list[Number]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            assign(group, "lr", lr)
        self._last_lr = values_of(self.optimizer, "lr")

    # --- saving -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer: what to save."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over (a copy of) what another schedule's `state_dict` returned.

        Errors: ValueError if attributes are missing in it; then nothing was changed.
        """
        check_state(self, self.state_dict(), state_dict)
        self.__dict__.update(copy.deepcopy(dict(state_dict)))


def check_optimizer(scheduler: Any, optimizer: Any) -> Optimizer:
    """Raise TypeError for what is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        name, got = type(scheduler).__name__, f"a {type(optimizer).__name__}"
        raise TypeError(describe(name, "optimizer", "an Optimizer", got))
    return optimizer


def check_state(scheduler: Any, own: Mapping[str, Any], state_dict: Mapping[str, Any]) -> None:
    """Raise ValueError for a state that was not saved by a schedule of this kind."""
    name = type(scheduler).__name__
    expected, mend = f"a state of {name}", f"was it saved by {name}?"
    if not isinstance(state_dict, Mapping):
        got = type(state_dict).__name__
        raise ValueError(describe("load_state_dict", "state_dict", expected, got, mend))
    missing = [key for key in own if key not in state_dict and not key.startswith("_")]
    if missing:
        got = f"none for {', '.join(missing)}"
        raise ValueError(describe("load_state_dict", "state_dict", expected, got, mend))


def values_of(optimizer: Optimizer, key: str) -> list[Any]:
    """Copies of a setting of all groups."""
    return [copy.deepcopy(group[key]) for group in optimizer.param_groups]


def assign(group: dict[str, Any], key: str, value: Any) -> None:
    """Change a setting of a group; if it is a tensor, in place."""
    if isinstance(group[key], Tensor):
        with no_grad():
            group[key].fill_(float(value))
    else:
        group[key] = value


def per_group(scheduler: Any, argument: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """A value for each group, from one for all or a list of them."""
    count = len(check_optimizer(scheduler, optimizer).param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        expected, got = f"a value for each of {count} groups", f"{len(value)} values"
        raise ValueError(describe(type(scheduler).__name__, argument, expected, got))
    return [*value]
