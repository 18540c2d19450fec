"""Cold start beside PyTorch's: seconds from starting Python to the first gradient.

python -m benchmarks.start [--rounds 9]
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from typing import Any

from benchmarks import harness, table

GRADIENT = """
import {} as torch
x = torch.tensor([1.0, 2.0], requires_grad=True)
(x * x).sum().backward()
assert x.grad.tolist() == [2.0, 4.0]
"""
PROGRAMS = {
    harness.REFERENCE: GRADIENT.format("torch"),
    harness.OURS: GRADIENT.format("tinygrad_edu"),
    "import numpy": "import numpy",
    "python alone": "",
}


def measure(rounds: int, threads: int) -> dict[str, list[float]]:
    """Wall times in seconds, in rounds, after one that fills the caches of the system."""
    programs = dict(PROGRAMS)
    if not importlib.util.find_spec("torch"):
        del programs[harness.REFERENCE]
    times: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, program in programs.items():
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-P", "-c", program], env=harness.environment(threads), check=True
            )
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def as_table(times: dict[str, list[float]]) -> str:
    """Seconds as Markdown, with the ratios to PyTorch's."""
    rows = [["", "seconds", "min", "max", "ratio"]]
    first = statistics.median(next(iter(times.values())))
    for name, values in times.items():
        numbers: list[Any] = [statistics.median(values), min(values), max(values)]
        rows.append([name, *(f"{n:.3f}" for n in numbers), f"{numbers[0] / first:.2f}"])
    return table.markdown(rows)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    print(as_table(measure(parser.parse_args().rounds, harness.usable_cores())))


if __name__ == "__main__":
    main()
