"""A peer in a process of its own: it answers questions, one line of JSON each, on standard input.

    python -m benchmarks.worker PEER THREADS

While nobody asks, it waits for the next line and uses no processor.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import cases
from benchmarks.peers import PEERS, load
from benchmarks.workloads import digest

STEPS = 3  # of warming up; the result of the last is compared


def confine(threads: int) -> None:
    """Let this process use so many of the cores it may use, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def median_time(step: Callable[[], Any], seconds: float) -> tuple[float, int]:
    """The median time of one step within `seconds`, and how many steps that were."""
    taken: list[float] = []
    clock = time.perf_counter
    end = clock() + seconds
    while not taken or clock() < end or (len(taken) < 3 and taken[0] < seconds):
        start = clock()
        step()
        taken.append(clock() - start)
    return statistics.median(taken), len(taken)


class Worker:
    """Answers the questions; each method is one."""

    def __init__(self, peer: str) -> None:
        self.name = peer
        self.steps: dict[str, Callable[[], tuple]] = {}

    def hello(self) -> dict[str, Any]:
        """Import the library; its version, or why it is not there."""
        try:
            self.peer = load(self.name)
        except ImportError as error:
            return {"absent": str(error)}
        package = importlib.import_module(PEERS[self.name].package)
        version = getattr(package, "__version__", None)
        return {"version": version or importlib.metadata.version(package.__name__)}

    def prepare(self, case: str) -> dict[str, Any]:
        """Set a case up and run it; the number that its result comes to."""
        try:
            step = self.peer.start(cases.find(case))
        except NotImplementedError:
            return {"absent": "not written"}
        for _ in range(STEPS):
            results = step()
        self.steps[case] = step
        return {"value": digest([self.peer.numpy(value) for value in results])}

    def measure(self, names: list[str], seconds: float) -> dict[str, Any]:
        """Median seconds of a step of each case, in this order."""
        return {"times": [median_time(self.steps[name], seconds)[0] for name in names]}

    def drop(self) -> dict[str, Any]:
        """Forget all cases, and their memory."""
        self.steps.clear()
        return {}

    def call(self, function: str, arguments: list) -> dict[str, Any]:
        """Call `module:function`, which returns what JSON can hold."""
        module, _, name = function.partition(":")
        return {"result": getattr(importlib.import_module(module), name)(*arguments)}


def main() -> None:
    """Serve until standard input ends."""
    name, threads = sys.argv[1:]
    confine(int(threads))
    # What a library prints goes to standard error, so that only answers stand on standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(name)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = getattr(worker, question.pop("ask"))(**question)
        except Exception as error:  # whatever a library raises is a result, to be shown
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
