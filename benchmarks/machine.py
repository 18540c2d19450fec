"""What machine this is and how busy: without it no figure means anything."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.workloads import SEED


def processor() -> str:
    """The processor's name."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def load() -> float | None:
    """How many programs wanted to run in the last minute, where the system tells."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def describe(threads: int) -> dict[str, Any]:
    """Machine, versions, threads and seeds, for the record of a run."""
    return {
        "processor": processor(),
        "cores": harness.usable_cores(),
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": load(),
        "seeds": {"data": SEED, "weights": SEED + 1},
        "variables": {name: str(threads) for name in harness.THREAD_VARIABLES},
        "removed_variables": [name for name in harness.FORCED_VARIABLES if name in os.environ],
    }


def busy(record: dict[str, Any]) -> bool:
    """Whether other programs took part of the machine: then times are too long, ratios unsure."""
    before = record.get("load_before")
    return before is not None and before > 0.3 * record["cores"]
