"""PyTorch's own settings of optimizers, run here: what a parity test asserts, and a count.

    python -m tests.optim_samples

`optim_db` is the table from which PyTorch tests its optimizers. For every optimizer that this
package has, the script prints how many of its settings lead through the same parameters and states,
in float64 and float32, with the state taken over by the other library half way; how many of its
schedules give the same learning rates; how many calls that PyTorch refuses are refused here too;
and what is different on purpose. It fails if anything else is different. Needs PyTorch and its
package `expecttest`.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import tinygrad_edu as tg
from tests.comparison import Report, attempt, mine, same, table
from tinygrad_edu.trees import map_tree

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyTorch's test tools, not ours
    from torch.testing._internal.common_optimizers import optim_db

STEPS, EPOCHS = 8, 30
STEPS_OF_ITERATIONS = 3  # of LBFGS, which makes 20 in one
SHAPES = [(3, 4), (), (5,)]

# What PyTorch keeps in its state and this package does not, by the optimizer's name.
NOT_KEPT = {"LBFGS": {"al": "`al` is scratch, and not kept"}}

NOT_THERE = "not there"

# Calls that PyTorch refuses and that are accepted here, with the reason.
ACCEPTED: dict[str, Callable[[Any], bool]] = {
    "`foreach` has no effect, so tensors as settings are accepted with it": lambda s: (
        s.kwargs.get("foreach") is True
    ),
}


def title(info: Any) -> str:
    return info.optim_cls.__name__


COMPARED = sorted((info for info in optim_db if hasattr(tg.optim, title(info))), key=title)
MISSING = sorted(title(info) for info in optim_db if not hasattr(tg.optim, title(info)))


def theirs(value: Any) -> Any:
    """The tensors in a structure of ours as PyTorch's."""

    def convert(x: Any) -> Any:
        return torch.from_numpy(x.numpy().copy()) if isinstance(x, tg.Tensor) else x

    return map_tree(convert, value)


def each_once() -> Callable[[Any], Any]:
    """A conversion of PyTorch's tensors to ours that makes one of one, where it comes twice."""
    found: dict[int, Any] = {}

    def convert(x: Any) -> Any:
        return found.setdefault(id(x), mine(x)) if isinstance(x, torch.Tensor) else x

    return partial(map_tree, convert)


class Run:
    """An optimizer of one of the libraries at work on a fixed problem."""

    def __init__(self, library: Any, name: str, dtype: str, settings: dict[str, Any]) -> None:
        rng = np.random.default_rng(0)
        self.library, self.name = library, name
        self.params = [
            library.nn.Parameter(library.from_numpy(np.asarray(rng.standard_normal(shape), dtype)))
            for shape in SHAPES
        ]
        self.goals = [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES]
        groups: list[Any] = [{"params": self.params[:1]}, {"params": self.params[1:], "lr": 0.02}]
        one = name == "LBFGS"
        self.optimizer = getattr(library.optim, name)(self.params if one else groups, **settings)

    def step(self, number: int) -> None:
        """A step along the gradients of a sum of powers; a parameter has none now and then.

        But not for LBFGS, which concludes from the changes of the gradient.
        """

        def closure() -> float:
            loss = 0.0
            for i, (p, goal) in enumerate(zip(self.params, self.goals, strict=True)):
                x = p.detach().numpy() - goal
                absent = self.name != "LBFGS" and (i + number) % 4 == 0
                g = np.asarray((i + 1) * x + x**3, x.dtype)
                p.grad = None if absent else self.library.from_numpy(g)
                loss += 0.0 if absent else float(((i + 1) * x**2 / 2 + x**4 / 4).sum())
            return loss

        self.optimizer.step(closure)

    def take_over(self, other: Run) -> None:
        """Go on from another run's parameters and state, in the other library."""
        convert = mine if self.library is tg else theirs
        with self.library.no_grad():
            for p, q in zip(self.params, other.params, strict=True):
                p.copy_(convert(q.detach()))
        self.optimizer.load_state_dict(convert(other.optimizer.state_dict()))


def same_run(got: Run, expected: Run, not_kept: dict[str, str]) -> None:
    """Compare the parameters, what is remembered of them, the groups, and the text."""
    for p, q in zip(got.params, expected.params, strict=True):
        same(p, q)
        state, wanted = got.optimizer.state.get(p, {}), expected.optimizer.state.get(q, {})
        assert state.keys() == wanted.keys() - not_kept.keys()
        for key, value in state.items():
            # LBFGS's direction comes from small differences: in float32 few digits are the same.
            if isinstance(value, tg.Tensor) and not (key == "d" and p.dtype == tg.float32):
                same(value, wanted[key])
    assert repr(got.optimizer) == repr(expected.optimizer)
    ours, others = got.optimizer.state_dict(), expected.optimizer.state_dict()
    assert list(ours["state"]) == list(others["state"])
    for group, other in zip(ours["param_groups"], others["param_groups"], strict=True):
        assert group.keys() == other.keys() and group["params"] == other["params"]


def compare(info: Any, sample: Any, dtype: str, report: Report) -> None:
    """One set of settings: the same steps, and the same from a state of the other library."""
    name, not_kept = title(info), NOT_KEPT.get(title(info), {})
    start = partial(Run, name=name, dtype=dtype)
    steps = STEPS_OF_ITERATIONS if name == "LBFGS" else STEPS
    convert = each_once()
    ours, others = start(tg, settings=convert(sample.kwargs)), start(torch, settings=sample.kwargs)
    for number in range(steps):
        ours.step(number)
        others.step(number)
        same_run(ours, others, not_kept)
    here, there = start(tg, settings={}), start(torch, settings={})
    here.take_over(others)
    there.take_over(ours)
    for number in range(steps):
        for run in (here, there, others):
            run.step(number)
        for p, q, expected in zip(here.params, there.params, others.params, strict=True):
            same(p, expected)
            same(mine(q), expected)
    report.steps += 1


def compare_schedules(info: Any, makers: list[Callable], report: Report) -> None:
    """The learning rates under several schedules at once."""
    rates = []
    for library in (tg, torch):
        run = Run(library, title(info), "float64", {})
        # The functions name PyTorch's classes; with other globals the names mean ours.
        names = vars(library.optim.lr_scheduler)
        schedulers = [
            types.FunctionType(make.__code__, {**make.__globals__, **names})(run.optimizer)
            for make in makers
        ]
        rates.append([])
        for epoch in range(EPOCHS):
            run.step(epoch)
            for scheduler in schedulers:
                plateau = type(scheduler).__name__ == "ReduceLROnPlateau"
                scheduler.step(*[1.0] * plateau)
            rates[-1] += [group["lr"] for group in run.optimizer.param_groups]
    np.testing.assert_allclose(*rates, rtol=1e-12, atol=0)
    report.schedules += 1


def run_samples(info: Any, report: Report) -> None:
    """All settings and schedules of an optimizer."""
    for dtype in ("float64", "float32"):
        for sample in info.optim_inputs_func("cpu", getattr(torch, dtype)):
            run = partial(compare, info, sample, dtype, report)
            attempt(report, {}, sample, f"{sample.desc}, {dtype}", run)
    for number, makers in enumerate(info.scheduler_inputs):
        run = partial(compare_schedules, info, makers, report)
        attempt(report, {}, makers, f"schedules {number}", run)
    report.different.update(NOT_KEPT.get(title(info), {}).values())


def refusal(optimizer: Callable, sample: Any, convert: Callable[[Any], Any]) -> Exception | None:
    """What an optimizer raises or warns of, given what should be refused."""
    params = [torch.ones(2, requires_grad=True)] if sample.params is None else sample.params
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            optimizer(convert(params), **convert(sample.kwargs))
    except Exception as error:
        return error
    return None


def run_refusals(info: Any, report: Report) -> None:
    """Every call of PyTorch's list of errors that the installed PyTorch does refuse, here."""
    for number, error in enumerate(info.optim_error_inputs_func("cpu", torch.float64)):
        sample = error.optimizer_error_input
        if refusal(info.optim_cls, sample, lambda x: x) is None:
            continue
        got = refusal(getattr(tg.optim, title(info)), sample, each_once())
        if isinstance(got, error.error_type):
            report.refused += 1
            continue
        reasons = [reason for reason, applies in ACCEPTED.items() if not got and applies(sample)]
        report.different.update(reasons)
        if not reasons:
            report.wrong.append(f"error {number} ({sample.desc}): {got!r}, but PyTorch refuses it")


def full(info: Any) -> Report:
    """All that PyTorch's list says of an optimizer."""
    report = Report()
    run_samples(info, report)
    run_refusals(info, report)
    return report


def main() -> int:
    """Print the counts of every optimizer; returns 1 if one is different without a reason."""
    columns = ["steps", "schedules", "refused"]
    total = table("optimizer", columns, ((title(info), full(info)) for info in COMPARED))
    print(f"{NOT_THERE}: {', '.join(MISSING)}")
    return int(bool(total.wrong))


if __name__ == "__main__":
    sys.exit(main())
