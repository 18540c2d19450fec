"""What one recorded operation costs beyond the arithmetic: microseconds, forward + backward.

    python -m benchmarks.overhead [--rounds 9]

The workload is a chain of 1000 additions and multiplications on a vector of 10 numbers, so small
that nearly all the time is bookkeeping. Three ways run it, each in a process of its own, one after
the other in every round: NumPy by hand (the arithmetic alone), this engine, and PyTorch if it is
installed. The medians and their ratios are printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

OPS = 1000


def numpy_step() -> float:
    """The chain and its gradient by hand."""
    x = np.linspace(0.1, 1.0, 10, dtype=np.float32)
    w = np.full(10, 0.999, np.float32)
    y = x
    for _ in range(OPS // 2):
        y = (y * w) + x
    g = np.ones_like(y)
    gx = np.zeros_like(x)
    for _ in range(OPS // 2):
        gx = gx + g
        g = g * w
    return float((g + gx).sum())


def tensor_step(torch: Any) -> float:
    """The chain and its gradient, recorded: one text for this engine and for PyTorch."""
    x = torch.linspace(0.1, 1.0, 10).requires_grad_()
    w = torch.full((10,), 0.999)
    y = x
    for _ in range(OPS // 2):
        y = (y * w) + x
    y.backward(torch.ones(10))
    return float(x.grad.sum())


def peer_step(peer: str) -> Callable[[], float]:
    """The workload of one peer."""
    if peer == "numpy":
        return numpy_step
    module: Any = importlib.import_module("torch" if peer == "torch" else "tinygrad_edu")
    return lambda: tensor_step(module)


def serve(peer: str) -> None:
    """Answer every line of standard input with the time of one operation in microseconds."""
    step = peer_step(peer)
    for _ in range(20):
        result = step()
    print(result, flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(15):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(min(times) / OPS * 1e6, flush=True)


def measure(peers: list[str], rounds: int) -> dict[str, list[float]]:
    """Times per operation of each peer; all must compute the same number."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--serve"]
    running = {
        peer: subprocess.Popen(
            [*command, peer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for peer in peers
    }

    def ask(process: Any, line: str) -> float:
        process.stdin.write(line)
        process.stdin.flush()
        return float(process.stdout.readline())

    results = {peer: ask(process, "") for peer, process in running.items()}
    expected = results[peers[0]]
    for peer, result in results.items():
        if abs(result - expected) > 1e-4 * abs(expected):
            raise SystemExit(f"{peer} computes {result}, {peers[0]} computes {expected}")
    times: dict[str, list[float]] = {peer: [] for peer in peers}
    for _ in range(rounds):
        for peer, process in running.items():
            times[peer].append(ask(process, "\n"))
    for process in running.values():
        process.stdin.close()  # type: ignore[union-attr]
        process.wait()
    return times


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each peer is timed")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    peers = ["numpy", "tinygrad_edu"]
    peers += ["torch"] if importlib.util.find_spec("torch") else []
    times = measure(peers, options.rounds)
    middle = {peer: statistics.median(values) for peer, values in times.items()}
    print(f"{'':14}{'us per op':>10}{'min':>8}{'max':>8}{'ratio to the last':>20}")
    for peer, values in times.items():
        ratio = middle[peer] / middle[peers[-1]]
        print(f"{peer:14}{middle[peer]:10.2f}{min(values):8.2f}{max(values):8.2f}{ratio:20.2f}")


if __name__ == "__main__":
    main()
