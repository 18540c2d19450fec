"""Data sets that worker processes can import, for the tests of DataLoader's workers."""

from __future__ import annotations

import os
import random
import threading
import time

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.datasets import Dataset, IterableDataset, get_worker_info


class Squares(Dataset):
    """Sample i is i squared; slow for the first worker, so that the others would overtake it."""

    def __init__(self, n: int, pause: float = 0.0) -> None:
        self.n, self.pause = n, pause

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        info = get_worker_info()
        if info is not None and info.id == 0:
            time.sleep(self.pause)
        return index**2


class Draws(Squares):
    """Sample i is a random number, drawn where no generator is given."""

    def __getitem__(self, index: int) -> float:
        super().__getitem__(index)
        return tg.rand(()).item()


class GlobalDraws(Draws):
    """The same, drawn from the streams of Python and NumPy."""

    def __getitem__(self, index: int) -> tuple[float, float]:
        return random.random(), np.random.rand()


class Places(Squares):
    """Where each sample is made: worker, seed, process, thread."""

    def __getitem__(self, index: int) -> tuple:
        info = get_worker_info()
        where = os.getpid(), threading.get_ident()
        return (index, None) if info is None else (index, info.id, info.seed, *where)


class Broken(Squares):
    """Sample 3 raises an error of the given type."""

    def __init__(self, n: int, error: Exception) -> None:
        super().__init__(n)
        self.error = error

    def __getitem__(self, index: int) -> int:
        if index == 3:
            raise self.error
        return index


class Dies(Squares):
    """Sample 3 ends the process."""

    def __getitem__(self, index: int) -> int:
        if index == 3:
            os._exit(7)
        return index


class Hangs(Squares):
    """Sample 3 takes a very long time, if it is made in a process."""

    def __getitem__(self, index: int) -> int:
        if index == 3:
            time.sleep(600)
        return index


class Range(IterableDataset):
    """start to stop; a worker_init_fn may narrow it. Sharded, each worker takes its part."""

    def __init__(self, start: int, stop: int, sharded: bool = False) -> None:
        self.start, self.stop, self.sharded = start, stop, sharded

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self):
        info = get_worker_info()
        if info is None or not self.sharded:
            return iter(range(self.start, self.stop))
        return iter(range(self.start + info.id, self.stop, info.num_workers))


def narrow(worker: int) -> None:
    """Worker 0 takes the first three, worker 1 the rest."""
    data = get_worker_info().dataset
    data.start, data.stop = (data.start, 3) if worker == 0 else (3, data.stop)


def fail_at_the_start(worker: int) -> None:
    raise LookupError(f"no data for worker {worker}")


def keep(samples: list) -> list:
    """A collate_fn that joins nothing."""
    return samples
