"""One run: measures what was asked for, and makes the record of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from benchmarks import costs, harness, machine, memory, ops, report, scaling, start
from benchmarks.harness import OURS, REFERENCE, Process
from benchmarks.workloads import WORKLOADS

PARTS = ("scaling", "profile", "course", "memory", "start", "ops")


def run(
    chosen: Sequence[str], peers: Sequence[str], rounds: int, threads: int, quick: bool
) -> Iterator[dict[str, Any]]:
    """Measure the chosen workloads and parts: the record, whenever something has been added."""
    record: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "machine": machine.describe(threads),
        "rounds": 1 if quick else rounds,
        "quick": quick,
        "errors": {},
    }
    with ExitStack() as stack:
        processes = harness.start(stack, peers, threads)
        record["peers"] = {process.peer: process.info for process in processes}
        processes = [process for process in processes if process.present]
        for name in [name for name in chosen if name in WORKLOADS]:
            workloads = record.setdefault("workloads", {})
            workloads[name] = measure_workload(processes, name, rounds, threads, quick)
            cells = [f"{p.peer} {report.cell(p.peer, name, workloads)}" for p in processes]
            say(f"{name:5} {'   '.join(cells)}")
            yield record
        both = [process for process in processes if process.peer in (OURS, REFERENCE)]
        for name, measured in parts(both, rounds, threads, quick).items():
            if name in chosen:
                say(f"{name} ...")
                try:
                    record[name] = measured()
                except Exception as error:  # the rest can be measured all the same
                    record["errors"][name] = f"{type(error).__name__}: {error}"
                yield record
    record["machine"]["load_after"] = machine.load()
    yield record


def measure_workload(
    processes: Sequence[Process], name: str, rounds: int, threads: int, quick: bool
) -> dict[str, dict[str, Any]]:
    """The results of all peers; if it must be quick, without times.

    What is timed has processes of its own: what ran before it, and which memory and threads that
    left behind, makes no difference.
    """
    if not quick:
        with ExitStack() as stack:
            fresh = harness.start(stack, [process.peer for process in processes], threads)
            return harness.measure(fresh, [name], rounds, 0.2)[name]
    results = harness.prepare(processes, name)
    for process in processes:
        process.ask("drop")
    return results


def parts(
    both: Sequence[Process], rounds: int, threads: int, quick: bool
) -> dict[str, Callable[[], Any]]:
    """What measures the other parts, which are of this package and PyTorch alone."""
    ours = next((process for process in both if process.peer == OURS), None)
    peers = [process.peer for process in both]
    fewer = 1 if quick else max(1, rounds // 3)
    made: dict[str, Callable[[], Any]] = {
        "scaling": lambda: harness.measure(
            both, list(scaling.CASES), fewer, 0.0 if quick else 0.05
        ),
        "memory": lambda: memory.measure(peers, memory.NAMES[: 1 if quick else None], threads),
        "start": lambda: start.measure(1 if quick else rounds, threads),
        "ops": lambda: ops.measure(
            both, list(ops.OPS)[: 2 if quick else None], fewer, 0.0 if quick else 0.01
        ),
    }
    if ours:
        small = (2, 0.0) if quick else ()
        made["profile"] = lambda: {
            name: ours.call("benchmarks.costs:measure", name, 1 if quick else 10)
            for name in costs.PROFILED[: 1 if quick else None]
        }
        made["course"] = lambda: ours.call("benchmarks.course:measure", *small)
    return made


def failures(record: dict[str, Any]) -> list[str]:
    """What failed or disagrees anywhere in the record."""
    return [f"{part}: {text}" for part, text in record["errors"].items()] + [
        line
        for part in ("workloads", "scaling", "ops")
        for line in harness.failures(record.get(part, {}))
    ]


def say(text: str) -> None:
    """Tell how far the run is."""
    print(text, file=sys.stderr, flush=True)


def show(record: dict[str, Any]) -> None:
    """Print all tables."""
    for heading, text in report.parts(record).items():
        print(f"\n## {heading}\n\n{text}")
    if wrong := failures(record):
        print("\n## Failures\n\n" + "\n".join(wrong))
