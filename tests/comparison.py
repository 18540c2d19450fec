"""PyTorch's tensors as ours, and whether results and gradients are the same: for its samples."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import torch

import tinygrad_edu as tg
from tests.source import ROOT

torch.set_num_threads(1)  # the tensors are small: threads would only wait for each other


def mine(value: Any) -> Any:
    """An argument of PyTorch as one of ours."""
    if isinstance(value, torch.Tensor):
        return tg.from_numpy(value.detach().numpy().copy("K")).requires_grad_(value.requires_grad)
    if isinstance(value, torch.dtype):
        return np.dtype(str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, slice):
        return slice(mine(value.start), mine(value.stop), mine(value.step))
    if isinstance(value, (tuple, list)):
        return type(value)(map(mine, value)) if type(value) is list else tuple(map(mine, value))
    if isinstance(value, dict):
        return {k: mine(v) for k, v in value.items()}
    return value


def tensors(value: Any, kind: type) -> list:
    """All tensors inside a value, in order."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [t for x in value for t in tensors(x, kind)] if isinstance(value, (tuple, list)) else []


def same(got: tg.Tensor, expected: Any) -> None:
    assert isinstance(got, tg.Tensor)
    assert got.shape == tuple(expected.shape)
    assert str(got.dtype) == str(expected.dtype).removeprefix("torch.")
    tolerance = {"float32": 1e-5, "float16": 1e-3}.get(str(got.dtype), 1e-9)
    np.testing.assert_allclose(
        got.detach().numpy(), expected.numpy(force=True), rtol=tolerance, atol=tolerance
    )


def same_results(results: Any, expected: Any) -> tuple[list, list]:
    """Compare all tensors inside two results, and return them."""
    ours, theirs = tensors(results, tg.Tensor), tensors(expected, torch.Tensor)
    assert len(ours) == len(theirs)
    for got, wanted in zip(ours, theirs, strict=True):
        same(got, wanted)
        assert got.requires_grad == wanted.requires_grad
    return ours, theirs


REFUSALS = (TypeError, ValueError, RuntimeError, IndexError)  # errors that say no to a call


@dataclass
class Report:
    """How many samples came out as PyTorch's, and which did not."""

    forward: int = 0
    backward: int = 0
    second: int = 0  # gradients of gradients
    steps: int = 0  # of an optimizer, with one set of settings
    schedules: int = 0  # of its learning rates
    refused: int = 0
    different: Counter[str] = field(default_factory=Counter)  # by reason, on purpose
    wrong: list[str] = field(default_factory=list)

    def __iadd__(self, other: Report) -> Report:
        for name, value in vars(self).items():
            setattr(self, name, value + vars(other)[name])
        return self


Applies = Mapping[str, Callable[[Any], bool]]


def attempt(report: Report, known: Applies, sample: Any, title: str, compare: Callable) -> None:
    """Compare one sample; one that differs needs a reason in `known`, and the others none."""
    reasons = [reason for reason, applies in known.items() if applies(sample)]
    try:
        compare()
    except Exception as error:
        report.different.update(reasons)
        if not reasons:
            report.wrong.append(f"{title}: {type(error).__name__}: {str(error)[:300]}")
    else:
        report.wrong += [f"{title}: now the same, though {reason}" for reason in reasons]


def backward(inputs: Any, theirs: Any, results: list, expected: list, second: bool = False) -> int:
    """Compare the gradients, if there are any, and (if `second`) the gradients of those.

    Returns of which order there were any.
    """
    ends = [i for i, y in enumerate(expected) if y.requires_grad]
    leaves = [x for x in tensors(theirs, torch.Tensor) if x.requires_grad]
    asked = [x for x in tensors(inputs, tg.Tensor) if x.requires_grad]
    assert len(asked) == len(leaves)
    if not ends or not leaves:
        return 0
    rng = np.random.default_rng(0)
    seeds = [np.asarray(rng.standard_normal(results[i].shape), results[i].dtype) for i in ends]
    further = [np.asarray(rng.standard_normal(x.shape), x.dtype) for x in asked] if second else []
    found = gradients(torch, [expected[i] for i in ends], leaves, seeds, further)
    grads = gradients(tg, [results[i] for i in ends], asked, seeds, further)
    for got, wanted in zip(grads, found, strict=True):
        same(got, wanted)
    return 1 + (len(grads) > len(asked))


def gradients(library: ModuleType, ends: list, leaves: list, seeds: list, further: list) -> list:
    """The gradients of `ends`, and (if there are further seeds) those of these gradients."""
    options = {"allow_unused": True, "materialize_grads": True}
    start = [library.from_numpy(s.copy()).requires_grad_(bool(further)) for s in seeds]
    first = library.autograd.grad(ends, leaves, start, create_graph=bool(further), **options)
    if not further or not any(g.requires_grad for g in first):
        return list(first)
    pairs = zip(first, map(library.from_numpy, further), strict=True)
    recorded = [(g, s) for g, s in pairs if g.requires_grad]
    grads, seeds = zip(*recorded, strict=True)
    return [*first, *library.autograd.grad(grads, [*leaves, *start], seeds, **options)]


def error_of(call: Callable, arguments: tuple, settings: dict) -> Exception | None:
    """What a call raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(*arguments, **settings)
    except Exception as error:
        return error
    return None


def table(kind: str, columns: list[str], reports: Iterable[tuple[str, Report]]) -> Report:
    """Print a line of counts for each report, those that are wrong, and the sums."""

    def line(name: str, counts: Iterable, why: str) -> None:
        print(f"{name:45}{''.join(f'{count:>9}' for count in counts)}  {why}".rstrip())

    def show(name: str, report: Report) -> None:
        reasons = (f"{count}: {reason}" for reason, count in report.different.items())
        line(name, (vars(report)[c] for c in columns), "; ".join(reasons))

    line(kind, columns, "different on purpose")
    total, number = Report(), 0
    for name, report in reports:
        show(name, report)
        for text in report.wrong:
            print(f"    WRONG {text}")
        total += report
        number += 1
    show(f"all {number}: {len(total.wrong)} wrong", total)
    return total


def listed(section: str) -> set[tuple[str, str]]:
    """What a section of the page of differences lists: reasons, each with the names it is for."""
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:1] == "|"]
    return {(reason, name.strip("`")) for reason, names in rows[2:] for name in names.split(", ")}
