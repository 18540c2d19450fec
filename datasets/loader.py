"""DataLoader: from a data set and a sampler to batches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Literal

from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.modes import Generator, numpy_generator

from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .fetch import End, Recipe
from .pool import Pool
from .sampler import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    check_generator,
    positive_integer,
)
from .worker import Plan


class DataLoader:
    """The batches of a data set, one epoch for each time it is iterated.

    `shuffle` visits the samples in a new random order each epoch, drawn from `generator` (default:
    the one that `manual_seed` seeds), so the same seed gives the same batches. `sampler` gives
    another order of indices, `batch_sampler` whole lists of them. `batch_size=None` gives single
    samples. `collate_fn` turns a list of samples into a batch; by default it is `default_collate`.
    `drop_last` leaves out a last batch that is not full. `len(loader)` counts batches.

    `num_workers` above 0 has the batches made by so many workers, in the same order, while the loop
    is busy with earlier ones: at most `prefetch_factor` (2) batches per worker wait their turn.
    `worker` says what they are. "thread": they share the data; they pay where the time goes into
    files or NumPy. "process": they also pay where it goes into Python, but the data set,
    `collate_fn` and `worker_init_fn` are sent to them by pickle, and a script must start its work
    under `if __name__ == "__main__":`. Naming a `multiprocessing_context` ("spawn", say) asks for
    processes. Worker i draws its random numbers (the defaults of this package; in a process those
    of `random` and NumPy too) from a seed that `generator` gave, plus i: so the same seed gives the
    same batches, whichever worker is faster. `worker_init_fn(i)` is called in each worker at its
    start. `timeout` is the longest wait for a batch, in seconds (0: any). `persistent_workers`
    keeps the workers for the next epoch. `pin_memory` has no effect.

    An IterableDataset is visited in its own order; with workers, see `get_worker_info`.

    Errors: ValueError for options that exclude each other, and for setting `dataset`, `batch_size`,
    `sampler`, `batch_sampler`, `drop_last` or `persistent_workers` afterwards; DTypeError for what
    is no data set. An error in a worker is raised here, with the worker's traceback in its text;
    RuntimeError when `timeout` is over or a worker died.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import DataLoader, TensorDataset
    >>> data = TensorDataset(tg.arange(10).reshape(5, 2), tg.arange(5))
    >>> for x, y in DataLoader(data, batch_size=2):
    ...     print(x.shape, y)
    (2, 2) tensor([0, 1])
    (2, 2) tensor([2, 3])
    (1, 2) tensor([4])
    """

    _FIXED = frozenset(
        {"dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers"}
    )

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None, batch_sampler: Iterable[Sequence[Any]] | None = None,
        num_workers: int = 0, collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
        generator: Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, worker: Literal["thread", "process"] = "thread",
    ) -> None:  # fmt: skip
        check_generator("DataLoader", generator)
        _check_dataset(dataset, shuffle, sampler, batch_sampler)
        _check_exclusive(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, worker)
        if sampler is None:
            sampler = _default_sampler(dataset, bool(shuffle), generator)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        default = default_convert if batch_sampler is None else default_collate
        self.collate_fn = default if collate_fn is None else collate_fn
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.persistent_workers = persistent_workers
        self.worker = worker if multiprocessing_context is None else "process"
        self._idle: list[Pool] = []  # workers kept for the next epoch
        self._told: float = math.inf  # the size that an IterableDataset gave when it was asked

    def __setattr__(self, name: str, value: Any) -> None:
        # The samplers are made from these once: a later change would be ignored in silence.
        if name in self._FIXED and name in self.__dict__:
            raise ValueError(
                f"{name} attribute should not be set after DataLoader is initialized; make a new "
                "DataLoader"
            )
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        # Drawn without workers too: the order of the samples is the same with any number of them.
        seed = int(numpy_generator(self.generator).integers(2**63))
        batches = self._from_workers(seed) if self.num_workers else self._from_here()
        for count, batch in enumerate(batches, 1):
            if count == self._told + 1:
                self._warn_of_length(count)
            yield batch

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)  # type: ignore[arg-type]
            self._told = n
            full, rest = divmod(n, self.batch_size or 1)
            return full if self.drop_last or rest == 0 else full + 1
        batches = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(batches)  # type: ignore[arg-type]

    def _tasks(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return repeat(None)
        return iter(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def _recipe(self) -> Recipe:
        batched = self.batch_sampler is not None
        return Recipe(self.dataset, self.collate_fn, batched, self.batch_size, self.drop_last)

    def _from_here(self) -> Iterator[Any]:
        fetch = self._recipe().fetcher()
        for task in self._tasks():
            if (batch := fetch(task)) is End:
                return
            yield batch

    def _from_workers(self, seed: int) -> Iterator[Any]:
        pool = self._idle.pop() if self._idle else self._pool()
        sound = False
        try:
            ahead = self.num_workers * (self.prefetch_factor or 1)
            yield from pool.epoch(seed, self._tasks(), ahead)
            sound = True
        except GeneratorExit:  # the loop was left early
            sound = True
            raise
        finally:
            if sound and self.persistent_workers and not self._idle:
                self._idle.append(pool)
            else:
                pool.close()

    def _pool(self) -> Pool:
        plan = Plan(self._recipe(), self.worker_init_fn)
        context = self.multiprocessing_context
        return Pool(plan, self.num_workers, self.worker, context, self.timeout)

    def _warn_of_length(self, count: int) -> None:
        warnings.warn(
            f"DataLoader: the length of the IterableDataset was {self._told} when len(loader) was "
            f"asked for, and this is batch {count}; with workers, does each give a part of its own "
            "(get_worker_info)?",
            stacklevel=3,
        )


def _default_sampler(dataset: Any, shuffle: bool, generator: Generator | None) -> Iterable[Any]:
    if isinstance(dataset, IterableDataset):
        return repeat(None)  # its samples have no index
    if shuffle:
        return RandomSampler(dataset, generator=generator)
    return SequentialSampler(dataset)


def _check_dataset(dataset: Any, shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    if isinstance(dataset, IterableDataset):
        options = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
        for name, value in options.items():
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                    f"{name}={value}; the data set itself gives the order"
                )
    elif not hasattr(dataset, "__getitem__"):
        expected, kind = "an object with __getitem__ and __len__", type(dataset).__name__
        raise DTypeError(
            describe("DataLoader", "dataset", expected, kind, "use list(...) or an IterableDataset")
        )


def _check_workers(
    num_workers: Any, timeout: Any, prefetch_factor: Any, persistent_workers: Any, worker: Any
) -> None:
    if not (isinstance(num_workers, int) and num_workers >= 0):
        expected = "an integer of at least 0"
        raise ValueError(describe("DataLoader", "num_workers", expected, repr(num_workers)))
    if not timeout >= 0:
        raise ValueError(describe("DataLoader", "timeout", "seconds, at least 0", timeout))
    if prefetch_factor is not None:
        positive_integer("DataLoader", "prefetch_factor", prefetch_factor)
    if worker not in ("thread", "process"):
        raise ValueError(describe("DataLoader", "worker", "'thread' or 'process'", repr(worker)))
    if num_workers == 0 and (prefetch_factor is not None or persistent_workers or timeout):
        raise ValueError(
            "DataLoader: prefetch_factor, persistent_workers and timeout need num_workers > 0"
        )


def _check_exclusive(
    batch_size: int | None, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if sampler is not None and shuffle:
        raise ValueError(
            "DataLoader: sampler option is mutually exclusive with shuffle; leave out shuffle, or "
            "use SubsetRandomSampler for a random order"
        )
    others = batch_size != 1 or shuffle or sampler is not None or drop_last
    if batch_sampler is not None and others:
        raise ValueError(
            "DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, "
            "sampler, and drop_last"
        )
    if batch_size is None and drop_last:
        raise ValueError(
            "DataLoader: batch_size=None option disables auto-batching and is mutually exclusive "
            "with drop_last"
        )
