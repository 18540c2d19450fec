"""Our threads: large work is split over a few of them, and the BLAS then works with one each.

NumPy lets go of Python's lock while it copies, multiplies and adds, so threads really run side by
side. A convolution gives each a share of the images, cut where the count says and not where time
does, and partial sums are added in that order: the same call gives the same bits every time.
NumPy's BLAS has threads of its own, which go on spinning for a while when their work is done. Both
kinds at once are slower than either alone. So inside `split` the BLAS is held at one thread (and is
put back afterwards), and from the first such call on `matmul` splits matrix products here as well.
Handing work over takes about 0.1 ms when the other thread sleeps: what is small is never split.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import Context, copy_context
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, describe

__all__ = ["get_num_threads", "matmul", "set_num_threads", "split"]

# Multiplications that are worth a thread: about 0.2 ms. Below the second number a BLAS uses one.
_LEAST, _SINGLE = 2**23, 2**18


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_count = _cores()
_busy = (
    threading.Lock()
)  # the workers serve one call at a time; others, and nested ones, do without
_workers: list[_Worker] = []


def set_num_threads(num: int) -> None:
    """Split large work over so many threads at most; 1 splits nothing.

    The BLAS's own threads, used for matrix products until something was split, follow its own
    settings (`OPENBLAS_NUM_THREADS`, or threadpoolctl).
    Errors: DTypeError, SettingError for anything but a positive int.

    >>> import tinygrad_edu as tg
    >>> before = tg.get_num_threads()
    >>> tg.set_num_threads(1); tg.get_num_threads()
    1
    >>> tg.set_num_threads(before)
    """
    global _count
    if isinstance(num, bool) or not isinstance(num, (int, np.integer)):
        raise DTypeError(describe("set_num_threads", "num", "an int", repr(num)))
    if num < 1:
        raise SettingError(describe("set_num_threads", "num", "1 or more", num))
    _count = int(num)


def get_num_threads() -> int:
    """How many threads large work is split over: at first, the cores that the process may use."""
    return _count


def split(function: Callable[[slice], Any], count: int, work: int) -> list[Any]:
    """Return the results of `function(part)` for slices that cover range(count), in order.

    `work` is the number of multiplications for one of `count`. The parts run side by side, in the
    context of the caller (`np.errstate` and the like), if they are worth it.
    """
    parts = min(_count, count, count * work // _LEAST)
    if parts < 2 or not _busy.acquire(blocking=False):
        with _blas_alone() if _workers and count * work > _SINGLE else nullcontext():
            return [function(slice(0, count))]
    try:
        while len(_workers) < parts - 1:
            _workers.append(_Worker())
        cuts = [count * i // parts for i in range(parts + 1)]
        shares = [slice(a, b) for a, b in pairwise(cuts)]
        helpers = _workers[: parts - 1]
        with _blas_alone():
            for worker, share in zip(helpers, shares[1:], strict=True):
                worker.start(copy_context(), function, share)
            try:
                results = [function(shares[0])]
            finally:
                for worker in helpers:
                    worker.done.acquire()
        return results + [worker.result() for worker in helpers]
    finally:
        _busy.release()


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a @ b; large products of two matrices are split once anything else was.

    Other products then use one thread: those of the BLAS go on spinning for 0.1 s after they were
    used once, and take the time of ours.
    """
    if not _workers or a.size * (b.shape[-1] if b.ndim > 1 else 1) <= _SINGLE:
        # What np.matmul does, in a third less time for small ones.
        return np.dot(a, b) if a.ndim == b.ndim == 2 else np.matmul(a, b)
    if not a.ndim == b.ndim == 2:
        with _blas_alone():
            return np.matmul(a, b)
    by_rows = a.shape[0] >= b.shape[1]
    out = np.empty((a.shape[0], b.shape[1]), np.result_type(a, b))

    def fill(part: slice) -> None:
        if by_rows:
            np.matmul(a[part], b, out=out[part])
        else:
            np.matmul(a, b[:, part], out=out[:, part])

    split(fill, max(out.shape), b.size if by_rows else a.size)
    return out


class _Worker:
    """A thread that waits for work, and the two locks by which it is handed over and back."""

    def __init__(self) -> None:
        self.go, self.done = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.done.acquire()
        threading.Thread(target=self.run, name="tinygrad_edu", daemon=True).start()

    def start(self, context: Context, function: Callable, part: slice) -> None:
        self.work: Any = (context, function, part)
        self.go.release()

    def run(self) -> None:
        while True:
            self.go.acquire()
            context, function, part = self.work
            self.value = self.error = None
            try:
                self.value = context.run(function, part)
            except BaseException as error:
                self.error = error
            del context, function, part
            self.done.release()

    def result(self) -> Any:
        value, error = self.value, self.error
        self.work = self.value = self.error = None  # keep nothing alive while waiting
        if error is not None:
            raise error
        return value


@cache
def _blas() -> list[Any]:
    """NumPy's BLAS, as threadpoolctl knows it (all that are loaded, if none is marked as NumPy's).

    Looking through the loaded libraries takes milliseconds, asking one that was found next to none.
    """
    import threadpoolctl  # not before large work comes: it takes as long to load as a small script

    found = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return [lib for lib in found if "numpy" in lib.filepath] or found


@contextmanager
def _blas_alone() -> Iterator[None]:
    """Hold the BLAS at one thread inside a `with` block."""
    before = [(lib, lib.get_num_threads()) for lib in _blas()]
    several = [(lib, number) for lib, number in before if number != 1]
    for lib, _ in several:
        lib.set_num_threads(1)
    try:
        yield
    finally:
        for lib, number in several:
            lib.set_num_threads(number)


def _after_fork() -> None:
    """In a child process there are no workers."""
    global _busy
    _busy = threading.Lock()
    _workers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
