"""What runs inside a worker of a DataLoader: one thread, or the main thread of one process."""

from __future__ import annotations

import contextlib
import copy
import multiprocessing
import os
import pickle
import random
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_edu.modes import Generator, manual_seed, use_generator

from .fetch import Recipe


@dataclass(frozen=True)
class WorkerInfo:
    """What `get_worker_info` returns: number of this worker, of all, its seed, its data set."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


@dataclass
class Plan:
    """What a worker is given: the recipe of the batches, and the function to call at its start."""

    recipe: Recipe
    init_fn: Callable[[int], None] | None


class _Worker(threading.local):
    """The worker that this thread is, if it is one."""

    name = ""
    plan: Plan | None = None
    info: WorkerInfo | None = None
    fetch: Callable[[Any], Any] | None = None


_worker = _Worker()


def get_worker_info() -> WorkerInfo | None:
    """The worker of a DataLoader in which this is called; None in the main program.

    With it an IterableDataset gives each worker a part of its own; a `worker_init_fn` can change
    `dataset`, which belongs to this worker alone.

    >>> from tinygrad_edu.datasets import DataLoader, IterableDataset, get_worker_info
    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         info = get_worker_info()
    ...         return iter(range(6) if info is None else range(info.id, 6, info.num_workers))
    >>> [x.tolist() for x in DataLoader(Count(), batch_size=2)]
    [[0, 1], [2, 3], [4, 5]]
    >>> [x.tolist() for x in DataLoader(Count(), batch_size=2, num_workers=2)]
    [[0, 2], [1, 3], [4], [5]]
    """
    return _worker.info


# --- the steps of a worker's life, called through `attempt` ---------------------------------------


def install_thread(plan: Plan, number: int, count: int) -> None:
    """Become worker `number` of `count`, as a thread."""
    _worker.name = f"thread {number}"
    # A worker has a data set of its own, as it has in a process: its attributes can be set.
    plan = replace(plan, recipe=replace(plan.recipe, dataset=_shallow(plan.recipe.dataset)))
    _worker.plan = plan
    _worker.info = WorkerInfo(number, count, 0, plan.recipe.dataset)


def install_process(pickled: bytes, number: int, count: int) -> int:
    """Become worker `number` of `count`, as a process; return its id."""
    _worker.name = f"process {number}"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main program, which ends us
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    plan = _worker.plan = pickle.loads(pickled)
    _worker.info = WorkerInfo(number, count, 0, plan.recipe.dataset)
    return os.getpid()


def begin(seed: int) -> None:
    """Begin an epoch: seed what this worker draws, and have the fetcher ready."""
    plan, info = _worker.plan, _worker.info
    assert plan is not None and info is not None
    seed += info.id
    _worker.info = replace(info, seed=seed)
    if _worker.name.startswith("thread"):
        use_generator(Generator().manual_seed(seed))
    else:  # all of a process is the worker's own
        manual_seed(seed)
        random.seed(seed)
        words = np.random.SeedSequence(seed).generate_state(4)
        np.random.set_state(np.random.RandomState(words).get_state())  # noqa: NPY002
    if _worker.fetch is None and plan.init_fn is not None:
        plan.init_fn(info.id)
    _worker.fetch = plan.recipe.fetcher()


def fetch(task: Any) -> Any:
    """One batch."""
    assert _worker.fetch is not None
    return _worker.fetch(task)


def attempt(step: Callable[..., Any], *args: Any) -> Any:
    """The step's result, or a `Failure` with the traceback, which an exception would lose."""
    try:
        return step(*args)
    except Exception as error:
        place = f"Caught {type(error).__name__} in DataLoader worker {_worker.name}."
        return Failure(type(error), f"{place}\nOriginal {traceback.format_exc()}")


class _Message(str):
    """A text that is its own repr: KeyError shows the repr of its argument."""

    def __repr__(self) -> str:
        return str(self)


@dataclass
class Failure:
    """An error in a worker: its type, and its text with the worker's traceback."""

    kind: type[Exception]
    text: str

    def error(self) -> Exception:
        """The error to raise in the main program, of the same type wherever that can be made."""
        if not issubclass(self.kind, StopIteration):  # which would end the loop in silence
            with contextlib.suppress(Exception):  # a type that wants other arguments
                return self.kind(_Message(self.text))
        return RuntimeError(self.text)


def _shallow(dataset: Any) -> Any:
    try:
        return copy.copy(dataset)
    except TypeError:  # what holds a file or a device, and cannot be copied
        return dataset


def _leave_with_parent() -> None:
    """End this process when the main program is gone, however it went."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
