"""Microseconds of the commonest operations beside PyTorch's: forward, and forward with backward.

    python -m benchmarks.ops [--only add,exp] [--rounds 5] [--quick]

Each is timed on square matrices of three sizes, float32. On the smallest nearly all is
bookkeeping, on the largest nearly all arithmetic. Forward alone is not recorded.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any

from benchmarks import harness, table
from benchmarks.workloads import Expression

SIZES = {"small": 4, "medium": 64, "large": 512}


@cache
def places(torch: Any, n: int) -> Any:
    """n - 1, ..., 1, 0: rows to take, classes to score."""
    return torch.arange(n - 1, -1, -1)


@cache
def ones(torch: Any, n: int) -> Any:
    return torch.ones(n)


UNARY: dict[str, Callable] = {
    "neg": lambda torch, x: -x,
    "abs": lambda torch, x: torch.abs(x),
    "exp": lambda torch, x: torch.exp(x),
    "log": lambda torch, x: torch.log(x),
    "sqrt": lambda torch, x: torch.sqrt(x),
    "sin": lambda torch, x: torch.sin(x),
    "tanh": lambda torch, x: torch.tanh(x),
    "sigmoid": lambda torch, x: torch.sigmoid(x),
    "relu": lambda torch, x: torch.relu(x),
    "gelu": lambda torch, x: torch.nn.functional.gelu(x),
    "softplus": lambda torch, x: torch.nn.functional.softplus(x),
    "clamp": lambda torch, x: torch.clamp(x, 0.2, 0.8),
    "x ** 2": lambda torch, x: x**2,
    "x ** 3": lambda torch, x: x**3,
    "x + 1": lambda torch, x: x + 1,
    "x * 2.5": lambda torch, x: x * 2.5,
    "sum": lambda torch, x: torch.sum(x),
    "sum of rows": lambda torch, x: torch.sum(x, 1),
    "mean": lambda torch, x: torch.mean(x),
    "amax": lambda torch, x: torch.amax(x, 1),
    "var": lambda torch, x: torch.var(x, 1),
    "cumsum": lambda torch, x: torch.cumsum(x, 1),
    "logsumexp": lambda torch, x: torch.logsumexp(x, 1),
    "softmax": lambda torch, x: torch.softmax(x, 1),
    "log_softmax": lambda torch, x: torch.log_softmax(x, 1),
    "cross_entropy": lambda torch, x: torch.nn.functional.cross_entropy(x, places(torch, len(x))),
    "layer_norm": lambda torch, x: torch.nn.functional.layer_norm(x, x.shape[1:]),
    "batch_norm": lambda torch, x: torch.nn.functional.batch_norm(x, None, None, training=True),
    "reshape": lambda torch, x: x.reshape(-1),
    "transpose, copy": lambda torch, x: x.T.contiguous(),
    "slice": lambda torch, x: x[1:, ::2],
    "rows by index": lambda torch, x: x[places(torch, len(x))],
    "pad": lambda torch, x: torch.nn.functional.pad(x, (1, 1)),
}
BINARY: dict[str, Callable] = {
    "x + y": lambda torch, x, y: x + y,
    "x - y": lambda torch, x, y: x - y,
    "x * y": lambda torch, x, y: x * y,
    "x / y": lambda torch, x, y: x / y,
    "x + row": lambda torch, x, y: x + y[0],
    "maximum": lambda torch, x, y: torch.maximum(x, y),
    "where": lambda torch, x, y: torch.where(x > y, x, y),
    "cat": lambda torch, x, y: torch.cat([x, y]),
    "stack": lambda torch, x, y: torch.stack([x, y]),
    "matmul": lambda torch, x, y: x @ y,
    "linear": lambda torch, x, y: torch.nn.functional.linear(x, y, ones(torch, len(y))),
    "mse_loss": lambda torch, x, y: torch.nn.functional.mse_loss(x, y),
}
OPS = UNARY | BINARY
WAYS = ("forward", "both")


def case(name: str, size: str, way: str) -> Expression:
    """An op on matrices of a size: forward alone, or with the gradients."""
    n = SIZES[size]
    shapes = ((n, n),) * (1 if name in UNARY else 2)
    return Expression(f"{name}/{size}/{way}", name, OPS[name], shapes, backward=way == "both",
                      draw=lambda rng, shape: rng.uniform(0.1, 1, shape))  # fmt: skip


CASES = {
    made.name: made
    for made in [case(name, size, way) for size in SIZES for name in OPS for way in WAYS]
}


def measure(
    processes: Sequence[harness.Process], names: Sequence[str], rounds: int, seconds: float
) -> dict[str, Any]:
    """The results of these ops at all sizes, both ways."""
    chosen = [f"{name}/{size}/{way}" for size in SIZES for name in names for way in WAYS]
    return harness.measure(processes, chosen, rounds, seconds)


def size_table(results: dict[str, Any], size: str) -> str:
    """A table for one size, in microseconds, as Markdown."""
    names = dict.fromkeys(name.rsplit("/", 2)[0] for name in results if f"/{size}/" in name)
    peers = list(next(iter(results.values())))
    n = SIZES[size]
    columns = [*peers, "ratio"] if len(peers) > 1 else peers
    heads = [f"{way} {column}" for way in WAYS for column in columns]
    rows = [[f"{n} x {n}", *heads]]
    for name in names:
        row = [name]
        for way in WAYS:
            cells = results[f"{name}/{size}/{way}"]
            times = [microseconds(cells[peer]) for peer in peers]
            row += [f"{time:.1f}" for time in times]
            if len(peers) > 1:
                row.append(f"{times[peers.index(harness.OURS)] / times[0]:.2f}")
        rows.append(row)
    return table.markdown(rows)


def microseconds(result: dict[str, Any]) -> float:
    return statistics.median(result["times"]) * 1e6 if result.get("times") else float("nan")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="names of ops, with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="once each: only to see that they agree"
    )
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(OPS)
    rounds, seconds = (1, 0.0) if options.quick else (options.rounds, 0.01)
    with ExitStack() as stack:
        peers = [harness.REFERENCE, harness.OURS]
        running = harness.start(stack, peers, harness.usable_cores())
        results = measure([p for p in running if p.present], names, rounds, seconds)
    print("\n\n".join(size_table(results, size) for size in SIZES))
    if wrong := harness.failures(results):
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
