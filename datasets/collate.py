"""Collating: from a list of samples to one batch of the same structure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.ops.create import from_numpy, tensor
from tinygrad_edu.ops.rearrange import stack
from tinygrad_edu.tensor import Tensor

_NUMERIC = "biuf"  # kinds of dtype that a tensor can have
_NUMBERS = (int, float, np.bool_, np.integer, np.floating)


def default_collate(batch: Sequence[Any]) -> Any:
    """Join samples into a batch, PyTorch's way: stack leaves, keep the structure around them.

    Tensors, arrays and NumPy's numbers are stacked along a new first dimension and keep their
    dtype; Python's floats become a float64 tensor, ints int64, bools bool; strings and bytes stay
    a list. Dictionaries, named tuples and sequences are collated entry by entry; a tuple gives a
    list.

    Shapes: N samples of (...) -> (N, ...).
    Errors: ShapeError for samples of different shape or length, KeyError for a missing key,
    DTypeError (a TypeError) for any other kind of sample, ValueError for an empty batch; give
    `collate_fn` to `DataLoader` for such samples.

    >>> import numpy as np
    >>> from tinygrad_edu.datasets import default_collate
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    >>> default_collate([{"x": np.zeros(2, "f")}, {"x": np.ones(2, "f")}])
    {'x': tensor([[0., 0.],
            [1., 1.]])}
    """
    if len(batch) == 0:
        raise ValueError(describe("default_collate", "batch", "at least one sample", "none"))
    first = batch[0]
    if isinstance(first, (Tensor, np.ndarray)):
        return _stack(batch)
    if isinstance(first, _NUMBERS):
        return _vector(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _like_mapping(first, {key: default_collate(_values(batch, key)) for key in first})
    if isinstance(first, Sequence):
        return _like_sequence(first, [default_collate(column) for column in _columns(batch)])
    raise _unfit(0, first)


def default_convert(data: Any) -> Any:
    """Make tensors of the arrays and NumPy numbers in one sample; leave everything else.

    `DataLoader` does this to each sample when `batch_size` is None. Arrays share their memory
    with the tensors; arrays of text or of objects stay. Dictionaries, named tuples and sequences
    are converted entry by entry; a tuple gives a list.

    Errors: DTypeError for an array of complex numbers or dates.

    >>> import numpy as np
    >>> from tinygrad_edu.datasets import default_convert
    >>> default_convert({"x": np.arange(3), "name": "three"})
    {'x': tensor([0, 1, 2]), 'name': 'three'}
    """
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else from_numpy(np.asarray(data))
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return _like_sequence(data, [default_convert(entry) for entry in data])
    return data


def _unfit(i: int, sample: Any) -> DTypeError:
    found = sample.dtype if isinstance(sample, np.ndarray) else type(sample)
    return DTypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists, alike "
        f"in all samples; found {found} in sample {i}; give DataLoader a collate_fn"
    )


def _stack(batch: Sequence[Any]) -> Tensor:
    """Tensors and arrays of one shape, stacked."""
    for i, sample in enumerate(batch):
        if not isinstance(sample, (Tensor, np.ndarray)) or sample.dtype.kind not in _NUMERIC:
            raise _unfit(i, sample)
        if sample.shape != batch[0].shape:
            raise ShapeError(
                f"default_collate: expected samples of one shape, got {batch[0].shape} in sample 0 "
                f"and {sample.shape} in sample {i}; crop or pad them, or give DataLoader a "
                "collate_fn"
            )
    if all(isinstance(sample, np.ndarray) for sample in batch):
        return from_numpy(np.stack(batch))
    return stack([x if isinstance(x, Tensor) else from_numpy(x) for x in batch])


def _vector(batch: Sequence[Any]) -> Tensor:
    """Numbers as a tensor of one dimension; the first decides how they are read."""
    for i, sample in enumerate(batch):
        if not isinstance(sample, _NUMBERS):
            raise _unfit(i, sample)
    if isinstance(batch[0], float):
        return from_numpy(np.asarray(batch, dtype=np.float64))
    if isinstance(batch[0], np.generic):
        return from_numpy(np.asarray(batch))
    return tensor(batch)


def _values(batch: Sequence[Any], key: Any) -> list:
    """What every mapping has under `key`."""
    for i, sample in enumerate(batch):
        if not isinstance(sample, Mapping):
            raise _unfit(i, sample)
        if key not in sample:
            raise KeyError(f"default_collate: sample {i} has no key {key!r}, which sample 0 has")
    return [sample[key] for sample in batch]


def _columns(batch: Sequence[Any]) -> list[tuple]:
    """Entry j of every sequence, for each j."""
    for i, sample in enumerate(batch):
        if not isinstance(sample, Sequence):
            raise _unfit(i, sample)
        if len(sample) != len(batch[0]):
            raise ShapeError(
                "default_collate: each element in list of batch should be of equal size, got "
                f"{len(batch[0])} in sample 0 and {len(sample)} in sample {i}"
            )
    return list(zip(*batch, strict=True))


def _like_mapping(original: Any, entries: dict) -> Any:
    """A mapping of the original's type, which may carry more than its entries."""
    if isinstance(original, MutableMapping):
        return _or_plain(lambda: _updated(original, entries), entries)
    return _or_plain(lambda: type(original)(entries), entries)


def _like_sequence(original: Any, entries: list) -> Any:
    """A sequence of the original's type; of a plain tuple a list, as PyTorch does."""
    if isinstance(original, tuple):
        return type(original)(*entries) if hasattr(original, "_fields") else entries
    if isinstance(original, MutableSequence):
        return _or_plain(lambda: _overwritten(original, entries), entries)
    return _or_plain(lambda: type(original)(entries), entries)


def _updated(original: MutableMapping, entries: dict) -> MutableMapping:
    result = copy.copy(original)
    result.update(entries)
    return result


def _overwritten(original: MutableSequence, entries: list) -> MutableSequence:
    result = copy.copy(original)
    for i, entry in enumerate(entries):
        result[i] = entry
    return result


def _or_plain(build: Callable[[], Any], plain: Any) -> Any:
    """What `build` gives; `plain` for a type that cannot be built so (range, for one)."""
    try:
        return build()
    except TypeError:
        return plain
