"""DataLoader: from a data set and a sampler to batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.modes import Generator

from .collate import default_collate, default_convert
from .dataset import Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler, check_generator


class DataLoader:
    """The batches of a data set, one epoch for each time it is iterated.

    `shuffle` visits the samples in a new random order each epoch, drawn from `generator` (default:
    the one that `manual_seed` seeds), so the same seed gives the same batches. `sampler` gives
    another order of indices, `batch_sampler` whole lists of them. `batch_size=None` gives single
    samples. `collate_fn` turns a list of samples into a batch; by default it is `default_collate`.
    `drop_last` leaves out a last batch that is not full. `len(loader)` counts batches.

    Errors: ValueError for options that exclude each other, and for setting `dataset`, `batch_size`,
    `sampler`, `batch_sampler` or `drop_last` afterwards; DTypeError for what is no data set.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import DataLoader, TensorDataset
    >>> data = TensorDataset(tg.arange(10).reshape(5, 2), tg.arange(5))
    >>> for x, y in DataLoader(data, batch_size=2):
    ...     print(x.shape, y)
    (2, 2) tensor([0, 1])
    (2, 2) tensor([2, 3])
    (1, 2) tensor([4])
    """

    _FIXED = frozenset({"dataset", "batch_size", "sampler", "batch_sampler", "drop_last"})

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Sequence[Any]] | None = None,
        *,
        collate_fn: Callable[[Any], Any] | None = None,
        drop_last: bool = False,
        generator: Generator | None = None,
    ) -> None:
        if not hasattr(dataset, "__getitem__"):
            expected, kind = "an object with __getitem__ and __len__", type(dataset).__name__
            raise DTypeError(describe("DataLoader", "dataset", expected, kind, "use list(...)"))
        check_generator("DataLoader", generator)
        _check_exclusive(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if sampler is None and shuffle:
            sampler = RandomSampler(dataset, generator=generator)
        elif sampler is None:
            sampler = SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        default = default_convert if batch_sampler is None else default_collate
        self.collate_fn = default if collate_fn is None else collate_fn

    def __setattr__(self, name: str, value: Any) -> None:
        # The samplers are made from these once: a later change would be ignored in silence.
        if name in self._FIXED and name in self.__dict__:
            raise ValueError(
                f"{name} attribute should not be set after DataLoader is initialized; make a new "
                "DataLoader"
            )
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            for index in self.sampler:
                yield self.collate_fn(self.dataset[index])
        else:
            for indices in self.batch_sampler:
                yield self._batch(indices)

    def __len__(self) -> int:
        batches = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(batches)  # type: ignore[arg-type]

    def _batch(self, indices: Sequence[Any]) -> Any:
        dataset = self.dataset
        # Subclasses are asked themselves, since they may override __getitem__.
        while type(dataset) is Subset:
            indices = [dataset.indices[i] for i in indices]
            dataset = dataset.dataset
        if type(dataset) is TensorDataset and self.collate_fn is default_collate:
            rows = np.asarray(indices)
            if rows.ndim == 1 and rows.dtype.kind in "iu":
                # The same as stacking rows taken one by one, at a fraction of the cost.
                return [tensor[rows] for tensor in dataset.tensors]
        fetch = getattr(dataset, "__getitems__", None)
        samples = fetch(indices) if callable(fetch) else [dataset[i] for i in indices]
        return self.collate_fn(samples)


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
