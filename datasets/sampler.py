"""Samplers: in which order, and in which groups, the samples of a data set are visited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.modes import Generator, numpy_generator
from tinygrad_edu.ops.create import from_numpy

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base of all samplers: an iterable of the indices to visit in one epoch.

    A subclass gives `__iter__`, and `__len__` where the number of indices is known.

    >>> from tinygrad_edu.datasets import Sampler
    >>> class Backwards(Sampler):
    ...     def __init__(self, data):
    ...         self.data = data
    ...     def __iter__(self):
    ...         return iter(range(len(self.data) - 1, -1, -1))
    >>> list(Backwards("abc"))
    [2, 1, 0]
    """

    # There is no default __len__: list(sampler) must be able to see that it is missing.

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")


class SequentialSampler(Sampler[int]):
    """Visits 0, 1, 2, ... in this order.

    >>> from tinygrad_edu.datasets import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Visits the samples in random order, a new one each time it is iterated.

    With `replacement` each index is drawn independently of the others. `num_samples` (default: the
    size of `data_source`) may exceed the size: without replacement every sample is then visited
    before one comes again. `generator` defaults to the one that `manual_seed` seeds.

    Errors: ValueError if there is nothing to draw from or to draw, DTypeError for a `replacement`
    that is not a bool.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import RandomSampler
    >>> sampler = RandomSampler("abcd", generator=tg.Generator().manual_seed(0))
    >>> sorted(sampler), len(sampler)
    ([0, 1, 2, 3], 4)
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise DTypeError(describe("RandomSampler", "replacement", "a bool", repr(replacement)))
        if num_samples is not None:
            num_samples = positive_integer("RandomSampler", "num_samples", num_samples)
        check_generator("RandomSampler", generator)
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        self._population()

    @property
    def num_samples(self) -> int:
        """How many indices one iteration gives; follows a data source that grows."""
        return self._population() if self._num_samples is None else self._num_samples

    def _population(self) -> int:
        n = len(self.data_source)
        if n == 0:
            expected = "at least one sample to draw from"
            raise ValueError(describe("RandomSampler", "data_source", expected, "an empty one"))
        return n

    def __iter__(self) -> Iterator[int]:
        left = self.num_samples
        while left > 0:
            n, random = self._population(), numpy_generator(self.generator)
            drawn = random.integers(n, size=n) if self.replacement else random.permutation(n)
            yield from drawn[:left].tolist()
            left -= n

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Visits the given indices in random order, a new one each time it is iterated.

    Errors: DTypeError if `indices` is not a sequence.

    >>> from tinygrad_edu.datasets import SubsetRandomSampler
    >>> sampler = SubsetRandomSampler(range(100, 104))
    >>> sorted(sampler), len(sampler)
    ([100, 101, 102, 103], 4)
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        check_indices("SubsetRandomSampler", indices)
        check_generator("SubsetRandomSampler", generator)
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in numpy_generator(self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Draws indices with probabilities in proportion to `weights` (which need not sum to 1).

    Without `replacement` no index is drawn twice: those of the ones already drawn are left out of
    the next draw.

    Shapes: weights (N,).
    Errors: ShapeError for weights of another shape; ValueError for a weight that is negative or
    not finite, for weights that are all 0, and, without replacement, for fewer weights above 0
    than `num_samples`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.datasets import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0, 1, 0], num_samples=3))
    [1, 1, 1]
    >>> sorted(WeightedRandomSampler([0.1, 0.7, 0, 0.2], num_samples=3, replacement=False))
    [0, 1, 3]
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        self.num_samples = positive_integer("WeightedRandomSampler", "num_samples", num_samples)
        if not isinstance(replacement, bool):
            got = repr(replacement)
            raise ValueError(describe("WeightedRandomSampler", "replacement", "a bool", got))
        check_generator("WeightedRandomSampler", generator)
        values = np.array(weights, dtype=np.float64)
        _check_weights(values, self.num_samples, replacement)
        self.weights = from_numpy(values)
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        random, p = numpy_generator(self.generator), self.weights.numpy()
        drawn = random.choice(len(p), self.num_samples, self.replacement, p / p.sum())
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


def _check_weights(weights: np.ndarray, num_samples: int, replacement: bool) -> None:
    owner = "WeightedRandomSampler"
    if weights.ndim != 1:
        raise ShapeError(describe(owner, "weights", "shape (N,)", f"shape {weights.shape}"))
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        expected = "finite numbers of at least 0, one of them above 0"
        raise ValueError(describe(owner, "weights", expected, str(weights)))
    possible = np.count_nonzero(weights)
    if not replacement and num_samples > possible:
        expected = f"at most {possible}, the number of weights above 0"
        mend = "use replacement=True"
        raise ValueError(describe(owner, "num_samples", expected, num_samples, mend))


class BatchSampler(Sampler[list[int]]):
    """Groups the indices of another sampler into lists of `batch_size`.

    The last list may be shorter; `drop_last` leaves it out then.

    Errors: ValueError unless `batch_size` is a positive integer and `drop_last` a bool.

    >>> from tinygrad_edu.datasets import BatchSampler
    >>> list(BatchSampler(range(7), batch_size=3, drop_last=False))
    [[0, 1, 2], [3, 4, 5], [6]]
    >>> list(BatchSampler(range(7), batch_size=3, drop_last=True))
    [[0, 1, 2], [3, 4, 5]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = positive_integer("BatchSampler", "batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(describe("BatchSampler", "drop_last", "a bool", repr(drop_last)))
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full if self.drop_last or rest == 0 else full + 1


def positive_integer(owner: str, argument: str, value: Any) -> int:
    """`value` as an int.

    Errors: ValueError unless it is an integer (NumPy's too, bool not) of at least 1.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(describe(owner, argument, "a positive integer", repr(value)))
    return int(value)


def check_generator(owner: str, generator: Any) -> None:
    """Raise DTypeError unless `generator` is None or a `tinygrad_edu.Generator`."""
    if generator is not None and not isinstance(generator, Generator):
        raise DTypeError(
            describe(
                owner,
                "generator",
                "a tinygrad_edu.Generator or None",
                f"{type(generator).__module__}.{type(generator).__qualname__}",
                "use tinygrad_edu.Generator().manual_seed(seed)",
            )
        )


def check_indices(owner: str, indices: Any) -> None:
    """Raise DTypeError unless `indices` has a length and can be indexed."""
    if not (hasattr(indices, "__len__") and hasattr(indices, "__getitem__")):
        raise DTypeError(
            describe(
                owner, "indices", "a sequence of integers", type(indices).__name__, "use list(...)"
            )
        )
