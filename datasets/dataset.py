"""Data sets: what sample stands at which index, and how one is divided into several."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, Generic, TypeVar

import numpy as np

from tinygrad_edu.errors import DimensionError, DTypeError, ShapeError, describe
from tinygrad_edu.modes import Generator, numpy_generator
from tinygrad_edu.tensor import Tensor

from .sampler import check_generator, check_indices

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Base of all data sets: a map from an index to a sample.

    A subclass gives `__getitem__` and, to be visited in random order or counted, `__len__`. One
    that can fetch many samples at once may also give `__getitems__(indices)`, which returns the
    list of these samples; `DataLoader` then calls it once per batch. `a + b` is a ConcatDataset.

    >>> from tinygrad_edu.datasets import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, index):
    ...         return index, index**2
    >>> Squares()[3]
    (3, 9)
    """

    # There is no default __len__: list(dataset) must be able to see that it is missing.

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Base of the data sets that give their samples in an order of their own: a file, a stream.

    A subclass gives `__iter__`. In a DataLoader with workers every worker iterates over a copy of
    the data set, so it must give a part only: see `get_worker_info`. `a + b` is a ChainDataset.

    >>> from tinygrad_edu.datasets import IterableDataset
    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([3, 2, 1])
    >>> list(Countdown() + Countdown())
    [3, 2, 1, 3, 2, 1]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def __add__(self, other: Any) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The rows of one or several tensors: sample `i` is the tuple of each tensor's row `i`.

    Shapes: (N, ...) each, with the same N.
    Errors: ShapeError if the sizes differ or a tensor has no dimension, DTypeError for what is not
    a Tensor, ValueError for no tensor at all.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import TensorDataset
    >>> data = TensorDataset(tg.arange(6).reshape(3, 2), tg.tensor([0, 1, 0]))
    >>> len(data), data[1]
    (3, (tensor([2, 3]), tensor(1)))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError(describe("TensorDataset", "tensors", "at least one tensor", "none"))
        for i, tensor in enumerate(tensors):
            _check_rows(f"tensors[{i}]", tensor, tensors[0])
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


def _check_rows(argument: str, tensor: Any, first: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        kind, mend = type(tensor).__name__, "use tinygrad_edu.tensor or tinygrad_edu.from_numpy"
        raise DTypeError(describe("TensorDataset", argument, "a Tensor", kind, mend))
    if tensor.ndim == 0:
        raise ShapeError(
            describe("TensorDataset", argument, "shape (N, ...)", "a 0-d tensor", "use reshape(1)")
        )
    if len(tensor) != len(first):
        expected = f"as many rows as tensors[0] ({len(first)})"
        raise ShapeError(
            describe("TensorDataset", argument, expected, f"{len(tensor)}, shape {tensor.shape}")
        )


class Subset(Dataset[T_co]):
    """The samples of another data set at the given indices, in their order.

    Errors: DTypeError if `indices` is not a sequence.

    >>> from tinygrad_edu.datasets import Subset
    >>> letters = Subset("abcdef", [5, 0])
    >>> len(letters), letters[0], letters[1]
    (2, 'f', 'a')
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        check_indices("Subset", indices)
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[T_co]):
    """Several data sets, one after the other.

    `cumulative_sizes[i]` counts the samples of the data sets up to and with number i.

    Errors: ValueError for no data set at all, DTypeError for an IterableDataset, DimensionError
    (an IndexError) for an index outside.

    >>> from tinygrad_edu.datasets import ConcatDataset
    >>> letters = ConcatDataset(["abc", "de"])
    >>> len(letters), letters[3], letters[-5], letters.cumulative_sizes
    (5, 'd', 'a', [3, 5])
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError(describe("ConcatDataset", "datasets", "at least one data set", "none"))
        for i, dataset in enumerate(self.datasets):
            if isinstance(dataset, IterableDataset):
                expected, mend = "a data set with indices", "use ChainDataset"
                kind = f"{type(dataset).__name__}, an IterableDataset"
                raise DTypeError(describe("ConcatDataset", f"datasets[{i}]", expected, kind, mend))
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T_co:
        n = len(self)
        if not -n <= index < n:
            expected = f"at least {-n} and below {n}"
            raise DimensionError(describe("ConcatDataset", "index", expected, index))
        index %= n
        part = bisect_right(self.cumulative_sizes, index)
        return self.datasets[part][index - self.cumulative_sizes[part]]  # counted from its end


class ChainDataset(IterableDataset[T_co]):
    """Several IterableDatasets, one after the other.

    Errors: DTypeError, when it is iterated, for what is no IterableDataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[T_co]:
        return chain.from_iterable(self._parts())

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts())

    def _parts(self) -> Iterator[Any]:
        for i, dataset in enumerate(self.datasets):
            if not isinstance(dataset, IterableDataset):
                kind = type(dataset).__name__
                raise DTypeError(
                    describe("ChainDataset", f"datasets[{i}]", "an IterableDataset", kind)
                )
            yield dataset


class StackDataset(Dataset[Any]):
    """Several data sets side by side: sample `i` is the tuple, or the dict, of each one's sample.

    Errors: ValueError for none at all, for both positional and named ones, and for sizes that
    differ (a ShapeError then).

    >>> from tinygrad_edu.datasets import StackDataset
    >>> StackDataset("abc", [1, 2, 3])[1], StackDataset(letter="abc", number=[1, 2, 3])[1]
    (('b', 2), {'letter': 'b', 'number': 2})
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            expected = "either positional or named data sets"
            got = "both" if args else "none"
            raise ValueError(describe("StackDataset", "datasets", expected, got))
        self.datasets: Any = args or kwargs
        sizes = [len(dataset) for dataset in args or kwargs.values()]
        if len(set(sizes)) > 1:
            raise ShapeError(describe("StackDataset", "datasets", "one size for all", sizes))

    def __len__(self) -> int:
        parts = self.datasets
        return len(parts[0] if isinstance(parts, tuple) else next(iter(parts.values())))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, tuple):
            return tuple(dataset[index] for dataset in self.datasets)
        return {name: dataset[index] for name, dataset in self.datasets.items()}


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Divide a data set at random into parts without common samples.

    `lengths` are the sizes of the parts, or fractions that sum to 1: part i then gets
    floor(fraction * N) samples, and what is left over goes one by one to the first parts. An empty
    part that a fraction gives is told by a warning. The same generator state gives the same parts.

    Errors: ValueError for a negative length and for lengths that sum neither to N nor to 1,
    DTypeError for whole lengths that are not integers.

    >>> from tinygrad_edu.datasets import random_split
    >>> train, test = random_split(range(10), [0.75, 0.25])
    >>> len(train), len(test), sorted([*train, *test]) == list(range(10))
    (8, 2, True)
    """
    check_generator("random_split", generator)
    sizes = _sizes(len(dataset), list(lengths))
    order = numpy_generator(generator).permutation(len(dataset)).tolist()
    return [
        Subset(dataset, order[end - size : end])
        for size, end in zip(sizes, accumulate(sizes), strict=True)
    ]


def _sizes(n: int, lengths: list) -> list[int]:
    """The sizes of the parts, from sizes or fractions."""
    for i, length in enumerate(lengths):
        if not length >= 0:  # written so that it refuses NaN too
            raise ValueError(
                describe("random_split", f"lengths[{i}]", "a length of at least 0", length)
            )
    if math.isclose(sum(lengths), 1):
        return _share(n, lengths)
    if sum(lengths) != n:
        raise ValueError(
            describe(
                "random_split",
                "lengths",
                f"sizes that sum to {n} (the size of the data set) or fractions that sum to 1",
                f"a sum of {sum(lengths)}",
            )
        )
    if not all(isinstance(length, (int, np.integer)) for length in lengths):
        raise DTypeError(describe("random_split", "lengths", "integers, or a sum of 1", lengths))
    return [int(length) for length in lengths]


def _share(n: int, fractions: list[float]) -> list[int]:
    """Whole sizes in these fractions; the remainder goes one by one from the first part on."""
    sizes = [math.floor(n * fraction) for fraction in fractions]
    for i in range(n - sum(sizes)):
        sizes[i % len(sizes)] += 1
    for i, size in enumerate(sizes):
        if size == 0:
            warnings.warn(f"random_split: part {i} of {fractions} of {n} is empty", stacklevel=4)
    return sizes
