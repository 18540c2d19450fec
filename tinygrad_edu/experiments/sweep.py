"""Sweep: the same trial with many settings, one after the other or in several processes."""

from __future__ import annotations

import contextlib
import contextvars
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
)
from functools import partial
from typing import Any

from tinygrad_edu.errors import describe
from tinygrad_edu.modes import Generator, use_generator
from tinygrad_edu.threads import set_num_threads

__all__ = ["SweepError", "sweep"]

# Processes that each use all cores for their BLAS wait for each other, here for ten times as long.
_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


class SweepError(RuntimeError):
    """A sweep that lost one of its processes."""


def sweep(
    trial: Callable[..., Any],
    settings: Iterable[Mapping[str, Any]],
    *,
    seed: int = 0,
    executor: Executor | None = None,
    workers: int | None = None,
) -> list[Any]:
    """What `trial(**setting)` returns for each of `settings`, in their order.

    Each trial draws its random numbers from a generator of its own that starts from `seed`: they
    are the same whoever makes the trials, and in whatever order. `executor` is any of
    `concurrent.futures`, and stays open. Without one, `workers` processes (by default one per
    core) are started by spawn; with one worker or one setting there is no process. What goes to a
    process must be fit for pickle, so `trial` a function of a module. A bar on standard error
    shows the trials that are done, on a terminal.

    Errors: ValueError for no worker; SweepError for a process that ends by itself; else what the
    first trial raised that failed. Then the others are given up.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.experiments import sweep
    >>> sweep(lambda n: tg.rand(n).shape, [{"n": 1}, {"n": 2}], workers=1)
    [(1,), (2,)]
    """
    if workers is not None and workers < 1:
        raise ValueError(describe("sweep", "workers", "at least 1", workers))
    tasks = [partial(_seeded, trial, dict(setting), seed) for setting in settings]
    workers = min(workers or os.cpu_count() or 1, len(tasks))
    if executor is not None:
        futures = [executor.submit(task) for task in tasks]
        try:
            return _results(futures)
        finally:
            for future in futures:
                future.cancel()
    if workers <= 1:
        return [task() for task in _bar(tasks, len(tasks))]
    with _processes(workers) as pool:
        with _one_thread_each(), _interrupts_held():  # processes start as the tasks come
            futures = [pool.submit(task) for task in tasks]
        return _results(futures)


def _seeded(trial: Callable[..., Any], setting: dict[str, Any], seed: int) -> Any:
    def draw_and_run() -> Any:
        use_generator(Generator().manual_seed(seed))
        return trial(**setting)

    return contextvars.copy_context().run(draw_and_run)  # the caller's generator stays its own


def _results(futures: Sequence[Future]) -> list[Any]:
    try:
        for future in _bar(as_completed(futures), len(futures)):
            future.result()
    except BrokenExecutor as error:
        raise SweepError(
            "sweep: a process ended by itself: it was killed, or it could not import the script; "
            "start what sweeps under `if __name__ == '__main__':`, or give workers=1"
        ) from error
    return [future.result() for future in futures]


def _bar(steps: Iterable[Any], total: int) -> Iterable[Any]:
    from tqdm.auto import tqdm

    return tqdm(
        steps, total=total, unit="run", leave=False, disable=None if total > 1 else True,
        dynamic_ncols=True,
    )  # fmt: skip


@contextlib.contextmanager
def _processes(count: int) -> Iterator[Executor]:
    """A pool whose processes are ended when the sweep fails or is interrupted."""
    others = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, _begin) as pool:
        try:
            yield pool
        except BaseException:
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise


def _begin() -> None:
    """Work in one thread; leave Ctrl-C, which reaches all processes, to the one that asked."""
    set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """What is started here cannot be interrupted before it says that it leaves interrupts alone."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """The BLAS of processes started here has one thread, unless the user says otherwise."""
    added = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
