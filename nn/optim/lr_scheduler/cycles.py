"""Schedules that raise the learning rate, lower it again, and move the momentum against it."""

from __future__ import annotations

import copy
import math
import types
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_edu.errors import describe

from ..optimizer import Optimizer
from ..settings import Number
from .cosine import wave
from .scheduler import LRScheduler, assign, check_state, per_group

__all__ = ["CyclicLR", "OneCycleLR"]


class MomentumLR(LRScheduler):
    """Base of schedules that move the momentum too: "momentum", or the first of "betas"."""

    cycle_momentum: bool

    def _start_momentum(
        self, base: Any, most: Any, optimizer: Optimizer, last_epoch: int
    ) -> tuple[list[float], list[float]]:
        """The range of momentum of each group, which gets it and the largest at the start."""
        name = type(self).__name__
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            expected, got = "an optimizer with momentum or betas", type(optimizer).__name__
            mend = "or set cycle_momentum=False"
            raise ValueError(describe(name, "cycle_momentum", expected, got, mend))
        self.use_beta1 = "betas" in optimizer.defaults
        lows = per_group(self, "base_momentum", base, optimizer)
        highs = per_group(self, "max_momentum", most, optimizer)
        for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
            if last_epoch == -1:
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return lows, highs

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


ANNEALING: dict[str, Callable[[Any, Any, float], Any]] = {
    "cos": lambda first, last, part: last + (first - last) * wave(part, 1),
    "linear": lambda first, last, part: first + (last - first) * part,
}


class OneCycleLR(MomentumLR):
    """Raises the learning rate to `max_lr`, then lowers it below the start; one step a batch.

    From max_lr / div_factor up during the part `pct_start` of the steps, then down to the start
    divided by `final_div_factor`; with `three_phase` down to the start first. The momentum goes
    from `max_momentum` to `base_momentum` and back. `total_steps`, or `epochs` times
    `steps_per_epoch`, is the number of steps, `anneal_strategy` "cos" or "linear" their shape.
    Errors: ValueError for bad settings, and for a step too many. Source: Smith and Topin (2019).

    >>> import tinygrad_edu as tg
    >>> optimizer = tg.optim.SGD([tg.ones(1)], momentum=0.9)
    >>> scheduler = tg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=5)
    >>> rates = []
    >>> for batch in range(5):
    ...     rates.append(round(scheduler.get_last_lr()[0], 3))
    ...     optimizer.step(); scheduler.step()
    >>> rates
    [0.04, 0.95, 0.611, 0.188, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85, max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(describe("OneCycleLR", "pct_start", "a float from 0 to 1", pct_start))
        if anneal_strategy not in ANNEALING:
            expected = "'cos' or 'linear'"
            got = repr(anneal_strategy)
            raise ValueError(describe("OneCycleLR", "anneal_strategy", expected, got))
        max_lrs = per_group(self, "max_lr", max_lr, optimizer)
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        self._schedule_phases = _phases(pct_start, self.total_steps, three_phase)
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(base_momentum, max_momentum, optimizer, last_epoch)
        for group, lr in zip(optimizer.param_groups, max_lrs, strict=True):
            if last_epoch == -1:
                group["initial_lr"] = lr / div_factor
                group["max_lr"] = lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Number]:
        if self.last_epoch > self.total_steps:
            got = f"step {self.last_epoch}"
            raise ValueError(describe("OneCycleLR", "total_steps", self.total_steps, got))
        start = 0.0
        for phase in self._schedule_phases:
            if self.last_epoch <= phase["end_step"]:
                break
            if phase is not self._schedule_phases[-1]:
                start = phase["end_step"]
        part = (self.last_epoch - start) / (phase["end_step"] - start)
        anneal = ANNEALING[self._anneal_func_type]
        groups = self.optimizer.param_groups

        def between(group: dict[str, Any], what: str) -> Any:
            return anneal(group[phase[f"start_{what}"]], group[phase[f"end_{what}"]], part)

        for group in groups if self.cycle_momentum else ():
            self._set_momentum(group, between(group, "momentum"))
        return [between(group, "lr") for group in groups]


def _total(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    """The number of steps of one cycle."""
    if total_steps is not None:
        given = {"total_steps": total_steps}
    elif epochs is not None and steps_per_epoch is not None:
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    else:
        raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
    for argument, value in given.items():
        if not isinstance(value, int) or value <= 0:
            expected = "a whole number above 0"
            raise ValueError(describe("OneCycleLR", argument, expected, repr(value)))
    return math.prod(given.values())


def _phases(pct_start: float, total: int, three_phase: bool) -> list[dict[str, Any]]:
    """When each phase ends, and between which settings of a group it moves."""
    rise = float(pct_start * total) - 1
    phases = [(rise, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
    if three_phase:
        fall = float(2 * pct_start * total) - 2
        phases += [
            (fall, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
            (total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]
    else:
        phases += [(total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    keys = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    return [dict(zip(keys, phase, strict=True)) for phase in phases]


SHAPES: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "triangular": ("cycle", lambda gamma, x: 1.0),
    "triangular2": ("cycle", lambda gamma, x: 1 / 2.0 ** (x - 1)),
    "exp_range": ("iterations", lambda gamma, x: gamma**x),
}  # by mode: what it counts, and the height of the triangle there


class CyclicLR(MomentumLR):
    """Moves the learning rate between `base_lr` and `max_lr` in triangles; one step a batch.

    Up in `step_size_up` steps, down in `step_size_down` (default: as many), the momentum against
    it. The height of the triangles stays (mode "triangular"), halves with each ("triangular2"),
    is gamma^step ("exp_range"), or `scale_fn` of the number of the cycle or of the step, as
    `scale_mode` is "cycle" or "iterations". Errors: ValueError for bad settings.
    Source: Smith (2017).
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
        step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular",
        gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle", cycle_momentum: bool = True, base_momentum: float = 0.8,
        max_momentum: float = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if scale_fn is None and mode not in SHAPES:
            expected = ", ".join(map(repr, SHAPES))
            raise ValueError(describe("CyclicLR", "mode", expected, repr(mode), "or give scale_fn"))
        base_lrs = per_group(self, "base_lr", base_lr, optimizer)
        self.max_lrs = per_group(self, "max_lr", max_lr, optimizer)
        self.total_size = float(step_size_up) + float(step_size_down or step_size_up)
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else SHAPES[mode][0]
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._start_momentum(
                base_momentum, max_momentum, optimizer, last_epoch
            )
        for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
            if last_epoch == -1:
                assign(group, "lr", lr)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of the triangle in a cycle (from 1) or at a step (from 0)."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return SHAPES[self.mode][1](self.gamma, x)

    def _rates(self) -> list[Number]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        part = 1.0 + self.last_epoch / self.total_size - cycle
        up = part <= self.step_ratio
        height = part / self.step_ratio if up else (part - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            ranges = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, ranges, strict=True):
                self._set_momentum(group, high - (high - low) * height)
        pairs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height for low, high in pairs]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer; of `scale_fn` the attributes, if it is an object."""
        function = self._scale_fn_custom
        plain = function is None or isinstance(function, types.FunctionType)
        kept = None if plain else dict(vars(function))
        return {**super().state_dict(), "_scale_fn_custom": kept}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over (a copy of) what another schedule's `state_dict` returned."""
        check_state(self, self.state_dict(), state_dict)
        state = copy.deepcopy(dict(state_dict))
        kept = state.pop("_scale_fn_custom", None)
        if kept is not None:
            vars(self._scale_fn_custom).update(kept)
        self.__dict__.update(state)
