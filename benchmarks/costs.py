"""Where the time of a workload's step goes, by operation."""

from __future__ import annotations

from typing import Any

import tinygrad_edu as tg
from benchmarks.peers import load
from benchmarks.workloads import WORKLOADS
from tinygrad_edu.profiling import PARTS

PROFILED = ("W3", "W5")
SHOWN = 8


def measure(name: str, steps: int) -> dict[str, Any]:
    """The table of `tg.profile` over some steps, and milliseconds a step for its picture."""
    step = load("tinygrad_edu").start(WORKLOADS[name])
    for _ in range(3):
        step()
    with tg.profile() as found:
        for _ in range(steps):
            step()
    return {
        "text": str(found),
        "steps": steps,
        "parts": PARTS,
        "bars": found.bars(SHOWN, 1e3 / steps),
    }
