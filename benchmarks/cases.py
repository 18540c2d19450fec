"""All that can be timed, by name: the workloads, the sizes of `scaling`, and the ops of `ops`."""

from __future__ import annotations

from benchmarks import ops, scaling
from benchmarks.workloads import WORKLOADS, Expression, Training

CASES: dict[str, Training | Expression] = {**WORKLOADS, **scaling.CASES, **ops.CASES}


def find(name: str) -> Training | Expression:
    """The case of this name."""
    return CASES[name]
