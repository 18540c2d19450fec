"""Fetching: how one batch is made, in the main thread or in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from .collate import default_collate
from .dataset import IterableDataset, Subset, TensorDataset


class End:
    """What a fetcher gives, in place of a batch, when an IterableDataset has no more samples."""


@dataclass
class Recipe:
    """All that must be known to make batches of a data set: of what, how many, and how joined.

    `batched` says whether samples are joined at all; `batch_size` and `drop_last` only matter for
    an IterableDataset, whose batches are not made from indices.
    """

    dataset: Any
    collate_fn: Callable[[Any], Any]
    batched: bool
    batch_size: int | None
    drop_last: bool

    def fetcher(self) -> Callable[[Any], Any]:
        """A function from one task (an index, a list of indices, or None) to a batch, or End."""
        if not isinstance(self.dataset, IterableDataset):
            return self._rows if self.batched else self._row
        samples = iter(self.dataset)
        return lambda _: self._next_rows(samples) if self.batched else self._next_row(samples)

    def _row(self, index: Any) -> Any:
        return self.collate_fn(self.dataset[index])

    def _rows(self, indices: Sequence[Any]) -> Any:
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

    def _next_row(self, samples: Iterator[Any]) -> Any:
        for sample in samples:
            return self.collate_fn(sample)
        return End

    def _next_rows(self, samples: Iterator[Any]) -> Any:
        rows = list(islice(samples, self.batch_size))
        if not rows or (self.drop_last and len(rows) != self.batch_size):
            return End
        return self.collate_fn(rows)
