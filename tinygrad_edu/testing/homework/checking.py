"""Checks a file in a process of its own, and waits for it no longer than is said."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Checked", "FileReport", "check_file"]

_START = 120.0  # seconds that an interpreter may take to start, on the busiest machine
_CODE = (
    "import json, sys; request = json.loads(sys.argv[1]); sys.path[:] = request['sys_path']; "
    "from tinygrad_edu.testing.homework.worker import main; main(request)"
)


@dataclass
class Checked:
    """What came of one exercise.

    `status` is "right", "wrong", "failed" (an error, or no end) or "unchecked" (nothing to call it
    with); `text` says more.
    """

    name: str
    status: str
    text: str = ""
    wrong: list[str] = field(default_factory=list)
    causes: dict[str, str] = field(default_factory=dict)
    printed: str = ""


@dataclass
class FileReport:
    """What came of a file: the exercises in its order, or why it could not be loaded."""

    checked: list[Checked] = field(default_factory=list)
    broken: str = ""
    printed: str = ""
    names: list[str] = field(default_factory=list)  # of everything in it that can be checked


def check_file(
    path: str | os.PathLike, inputs: Sequence[str] = (), names: Sequence[str] = (),
    timeout: float = 10.0,
) -> FileReport:  # fmt: skip
    """Check every pair of a file; `names` chooses some, `inputs` are texts as `parse` takes them.

    `timeout` is in seconds, for loading the file and for each pair. A process that takes longer, or
    dies, is replaced for the pairs that are left.
    """
    report = FileReport()
    left = list(names) or None
    asked = {"path": str(path), "inputs": list(inputs), "seconds": 0.9 * timeout}
    while left != []:
        with _Worker({**asked, "names": left}) as worker:
            if _follow(worker, report, timeout):
                break
        done = [checked.name for checked in report.checked]
        left = [n for n in report.names if n not in done and (not names or n in names)]
    return report


def _follow(worker: _Worker, report: FileReport, timeout: float) -> bool:
    """Take what a worker sends; whether nothing is left to do."""
    worker.receive(_START)
    current: Checked | None = None
    loaded, where = False, ""
    until = time.monotonic() + timeout
    while True:
        try:
            message = worker.receive(until - time.monotonic())
        except TimeoutError:
            fault = f"took longer than {timeout:g} s: a loop without an end?\n{where}".rstrip()
            break
        except EOFError:
            if current is None and loaded:
                return True
            fault = f"ended the process, with exit status {worker.process.wait()}"
            break
        if "at" in message:
            where = message["at"]
            continue
        current = _take(message, current, report)
        loaded |= "names" in message
        if report.broken:
            return True
        if "printed" not in message:
            until = time.monotonic() + timeout
    if current is not None:
        current.text = fault
    else:
        report.broken = f"loading it {fault}"
    return current is None


def _take(message: dict[str, Any], current: Checked | None, report: FileReport) -> Checked | None:
    """Enter a message into the report; the exercise that the worker is at."""
    if "printed" in message:
        if current is not None:
            current.printed += message["printed"]
        elif not report.names:  # else the file is being loaded again
            report.printed += message["printed"]
    elif "started" in message:
        report.checked.append(Checked(message["started"], "failed"))
        return report.checked[-1]
    elif "result" in message and current is not None:
        vars(current).update(message["result"])
        return None
    else:
        vars(report).update(message)
    return current


class _Worker:
    """The process, and the lines it sends."""

    def __init__(self, request: dict[str, Any]) -> None:
        request["sys_path"] = sys.path
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CODE, json.dumps(request)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            start_new_session=True,
            env={**os.environ, "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(line)
        self.lines.put("")

    def receive(self, seconds: float) -> dict[str, Any]:
        """The next message. Errors: TimeoutError, and EOFError when there is none any more."""
        try:
            line = self.lines.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            raise TimeoutError from None
        if not line:
            raise EOFError
        return json.loads(line)

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process, and what it started."""
        if self.process.poll() is None and hasattr(os, "killpg"):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.reader.join(1.0)
