"""The workers of a DataLoader: who makes which batch, how far ahead, and how they end."""

from __future__ import annotations

import multiprocessing
import pickle
from collections import deque
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from .fetch import End
from .worker import Failure, Plan, attempt, begin, fetch, install_process, install_thread

_PATIENCE = 5.0  # seconds for the batches in work when the loop is left, as in PyTorch


class Pool:
    """`count` workers, each an executor of one thread or process.

    Batch i is made by worker i % count, whoever is free: so what a worker draws at random is the
    same in every run.
    """

    def __init__(self, plan: Plan, count: int, kind: str, context: Any, timeout: float) -> None:
        self._timeout = timeout or None
        self._pending: deque[tuple[int, Future]] = deque()  # in the order of their batches
        self._patience = _PATIENCE
        self._pids: set[int] = set()  # of processes
        given = _pickled(plan) if kind == "process" else plan
        context = _context(context) if kind == "process" else None
        self._executors: list[Executor] = [
            ProcessPoolExecutor(1, context)
            if kind == "process"
            else ThreadPoolExecutor(1, f"DataLoader worker {i}")
            for i in range(count)
        ]
        install = install_process if kind == "process" else install_thread
        try:
            for i in range(count):
                self._submit(i, install, given, i, count)
            while self._pending:
                if pid := self._next_result()[1]:
                    self._pids.add(pid)
        except BaseException:
            self.close()
            raise

    def epoch(self, seed: int, tasks: Iterator[Any], ahead: int) -> Iterator[Any]:
        """The batches of `tasks` in their order, at most `ahead` of them begun and not given."""
        active = set(range(len(self._executors)))
        turns = cycle(range(len(self._executors)))

        def fill() -> None:
            while active and len(self._pending) < ahead:
                if (task := next(tasks, End)) is End:
                    return
                self._submit(next(i for i in turns if i in active), fetch, task)

        self._pending.clear()
        try:
            for i in active:
                self._submit(i, begin, seed)
            while self._pending:
                self._next_result()
            fill()
            while self._pending:
                worker, batch = self._next_result(self._timeout)
                if batch is End:
                    active.discard(worker)
                fill()
                if batch is not End:
                    yield batch
        finally:
            for _, future in self._pending:
                future.cancel()

    def close(self) -> None:
        """End the workers, after the batches they are making; kill a process that takes long."""
        running = [future for _, future in self._pending if not future.cancel()]
        late = wait(running, self._patience).not_done
        for process in multiprocessing.active_children() if late else ():
            if process.pid in self._pids:
                process.kill()
        for executor in self._executors:
            # A thread cannot be killed: it ends when its sample is there.
            executor.shutdown(wait=not late or bool(self._pids), cancel_futures=True)

    def _submit(self, worker: int, step: Any, *args: Any) -> None:
        with _explained(worker):
            future = self._executors[worker].submit(attempt, step, *args)
        self._pending.append((worker, future))

    def _next_result(self, timeout: float | None = None) -> tuple[int, Any]:
        """The oldest step's worker and result; the step is pending until the result is here."""
        worker, future = self._pending[0]
        with _explained(worker):
            try:
                result = future.result(timeout)
            except TimeoutError:
                self._patience = 0.0
                raise RuntimeError(
                    f"DataLoader timed out after {timeout} seconds, waiting for worker "
                    f"{worker}; give a larger timeout, or find out what holds the data set up"
                ) from None
        self._pending.popleft()
        if isinstance(result, Failure):
            raise result.error()
        return worker, result


@contextmanager
def _explained(worker: int) -> Iterator[None]:
    try:
        yield
    except BrokenExecutor as error:
        raise RuntimeError(
            f"DataLoader worker process {worker} exited unexpectedly: it was killed, or it could "
            "not import the script; start what uses worker='process' under "
            "`if __name__ == '__main__':`, or use worker='thread'"
        ) from error


def _pickled(plan: Plan) -> bytes:
    try:
        return pickle.dumps(plan, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise pickle.PicklingError(
            "DataLoader: with worker='process' the data set, collate_fn and worker_init_fn must be "
            f"fit for pickle, and one is not: {error}; define classes and functions at the top of "
            "a file (no lambdas), open files in the worker, or use worker='thread'"
        ) from error


def _context(context: Any) -> Any:
    """How processes are started: not by a fork of the main program, which may have threads."""
    if isinstance(context, str):
        return multiprocessing.get_context(context)
    if context is not None:
        return context
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # each worker then starts in milliseconds
    return context
