"""Runs the peers, each in its own process and only one at a time, and compares their results.

Two libraries in one process would share its threads, and two that compute at once the cores: both
can cost a factor of eight. So every peer has a process, and between their turns there is a pause in
which the threads of the last one fall asleep.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS

ROOT = Path(__file__).parents[1]
OURS, REFERENCE = "tinygrad_edu", "torch"
PAUSE = 0.15  # seconds; idle threads of OpenBLAS spin for 0.09, and slow down whoever is next
DIGITS = 1e-4  # the relative difference of results that counts as agreement

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# They force kernels for another processor than this one: a NumPy slower than users have.
FORCED_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment(threads: int) -> dict[str, str]:
    """The environment of a peer: this checkout is found, and the number of threads is given."""
    kept = {name: value for name, value in os.environ.items() if name not in FORCED_VARIABLES}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    counts = dict.fromkeys(THREAD_VARIABLES, str(threads))
    return {**kept, **counts, "PYTHONPATH": os.pathsep.join(paths)}


class Process:
    """A peer's process, to use in a `with` block."""

    def __init__(self, peer: str, threads: int) -> None:
        command = [sys.executable, "-P", "-m", "benchmarks.worker", peer, str(threads)]
        self.peer = peer
        self._process = subprocess.Popen(
            command, env=environment(threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.info = self.ask("hello")  # the version, or why there is none

    @property
    def present(self) -> bool:
        """Whether the library is installed."""
        return "version" in self.info

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a question: {"error": ...} if the library failed, or the process died."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(json.dumps({"ask": question, **arguments}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            return {"error": f"its process ended with status {self._process.wait()}"}
        return json.loads(line)

    def call(self, function: str, *arguments: Any) -> Any:
        """The result of a function `module:name` there. Raises RuntimeError if it fails."""
        answer = self.ask("call", function=function, arguments=arguments)
        if "error" in answer:
            raise RuntimeError(f"{self.peer}: {function}: {answer['error']}")
        return answer["result"]

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):  # if it has died
            self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def compare(results: dict[str, dict[str, Any]]) -> None:
    """Mark the peers whose value is not that of the first that has one: PyTorch, if it is there."""
    values = {peer: result["value"] for peer, result in results.items() if "value" in result}
    expected = next(iter(values.values()), 0.0)
    for peer, value in values.items():
        if not abs(value - expected) <= DIGITS * abs(expected):  # a nan never agrees
            results[peer]["disagrees"] = f"{value:.6g}, expected {expected:.6g}"


def prepare(processes: Sequence[Process], case: str) -> dict[str, dict[str, Any]]:
    """Set a case up everywhere; what each peer computes, compared."""
    results = {process.peer: process.ask("prepare", case=case) for process in processes}
    compare(results)
    return results


def sound(result: dict[str, Any]) -> bool:
    """Whether a time of this peer counts: it computes what the others compute."""
    return "value" in result and "disagrees" not in result


def measure(
    processes: Sequence[Process], names: Sequence[str], rounds: int, seconds: float
) -> dict[str, dict[str, dict[str, Any]]]:
    """Results and times of cases that belong together: {case: {peer: {"value", "times", ...}}}.

    In each round every peer times all cases, `seconds` each, while the other peers wait.
    """
    results = {name: prepare(processes, name) for name in names}
    for _ in range(rounds):
        for process in processes:
            chosen = [name for name in names if sound(results[name][process.peer])]
            if not chosen:
                continue
            time.sleep(PAUSE)
            answer = process.ask("measure", names=chosen, seconds=seconds)
            for place, name in enumerate(chosen):
                result = results[name][process.peer]
                if "error" in answer:
                    result["disagrees"] = answer["error"]
                else:
                    result.setdefault("times", []).append(answer["times"][place])
    for process in processes:
        process.ask("drop")
    return results


def failures(results: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """What went wrong, a line each: a peer failed, or disagrees."""
    lines = []
    for case, peers in results.items():
        for peer, result in peers.items():
            if wrong := result.get("disagrees") or result.get("error"):
                lines.append(f"{case}: {peer}: {wrong}")
    return lines


def start(stack: ExitStack, peers: Sequence[str], threads: int) -> list[Process]:
    """The processes of the peers that are installed, the reference first, until `stack` closes."""
    ordered = [name for name in PEERS if name in peers]
    return [stack.enter_context(Process(name, threads)) for name in ordered]
