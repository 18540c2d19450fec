"""DataLoader: which samples stand in which batch, epoch after epoch."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.datasets import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
)


class OneByOne(TensorDataset):
    """A subclass, so the loader fetches each sample by itself."""


def numbers(n, kind=TensorDataset):
    x = tg.from_numpy(np.arange(n * 6, dtype=np.float32).reshape(n, 2, 3))
    return kind(x, tg.arange(n))


def labels(loader):
    return [y.tolist() for _, y in loader]


def visited(batches):
    return sorted(chain.from_iterable(batches))


def test_batches_in_order():
    loader = DataLoader(numbers(5), batch_size=2)
    batches = list(loader)
    assert [type(batch) for batch in batches] == [list] * 3
    assert [x.shape for x, _ in batches] == [(2, 2, 3), (2, 2, 3), (1, 2, 3)]
    assert labels(loader) == [[0, 1], [2, 3], [4]]
    assert len(loader) == 3
    assert isinstance(loader.sampler, SequentialSampler)
    assert isinstance(loader.batch_sampler, BatchSampler)


def test_one_sample_per_batch_by_default():
    assert labels(DataLoader(numbers(2))) == [[0], [1]]


def test_drop_last():
    loader = DataLoader(numbers(5), batch_size=2, drop_last=True)
    assert labels(loader) == [[0, 1], [2, 3]]
    assert len(loader) == 2
    assert labels(DataLoader(numbers(3), batch_size=4, drop_last=True)) == []


@given(st.integers(1, 30), st.integers(1, 12), st.booleans(), st.booleans(), st.booleans())
def test_whole_arrays_give_the_same_batches_as_single_samples(n, size, shuffle, drop, subset):
    def batches(kind):
        data = numbers(n, kind)
        if subset:
            data = Subset(Subset(data, range(n - 1, -1, -1)), range(0, n, 2))
        generator = tg.Generator().manual_seed(n)
        return list(DataLoader(data, size, shuffle, drop_last=drop, generator=generator))

    fast, slow = batches(TensorDataset), batches(OneByOne)
    assert len(fast) == len(slow)
    for one, other in zip(fast, slow, strict=True):
        assert type(one) is type(other) is list
        for a, b in zip(one, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.numpy(), b.numpy(), strict=True)


@pytest.mark.parametrize("kind", [TensorDataset, OneByOne])
def test_gradients_reach_the_data(kind):
    x = tg.ones(3, 2, requires_grad=True)
    for i, (batch,) in enumerate(DataLoader(kind(x), batch_size=2)):
        (batch * (i + 1)).sum().backward()
    assert x.grad.tolist() == [[1, 1], [1, 1], [2, 2]]


@pytest.mark.parametrize("kind", [TensorDataset, OneByOne])
def test_writing_to_a_batch_leaves_the_data_alone(kind):
    data = numbers(4, kind)
    for x, _ in DataLoader(data, batch_size=4):
        x.zero_()
    assert data[3][0].sum().item() > 0


@pytest.mark.parametrize("kind", [TensorDataset, OneByOne])
def test_an_index_outside_the_data_raises(kind):
    with pytest.raises(IndexError):
        list(DataLoader(numbers(3, kind), batch_size=2, sampler=[0, 3]))


@pytest.mark.parametrize("kind", [TensorDataset, OneByOne])
@pytest.mark.parametrize(
    "indices", [[0, 2], [np.int64(0), np.int64(2)], [-3, -1]], ids=["int", "numpy", "negative"]
)
def test_kinds_of_indices(kind, indices):
    assert labels(DataLoader(numbers(3, kind), batch_size=2, sampler=indices)) == [[0, 2]]


@pytest.mark.parametrize("kind", [TensorDataset, OneByOne])
def test_indices_that_are_tensors(kind):
    data = Subset(numbers(5, kind), tg.tensor([4, 2, 0]))
    assert labels(DataLoader(data, batch_size=2)) == [[4, 2], [0]]


@pytest.mark.parametrize("kind", [TensorDataset, OneByOne])
def test_an_empty_batch_is_refused(kind):
    with pytest.raises(ValueError, match=r"default_collate: .* at least one sample, got none"):
        list(DataLoader(numbers(3, kind), batch_sampler=[[0], []]))


def test_a_subclass_is_asked_for_its_own_samples():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * x for x in super().__getitem__(index))

    class Shifted(Subset):
        def __getitem__(self, index):
            return tuple(x + 100 for x in super().__getitem__(index))

    assert labels(DataLoader(numbers(3, Doubled), batch_size=3)) == [[0, 2, 4]]
    assert labels(DataLoader(Shifted(numbers(3), [2, 1]), batch_size=3)) == [[102, 101]]


def test_getitems_is_called_once_per_batch():
    class Batched(Dataset):
        calls = 0

        def __len__(self):
            return 5

        def __getitems__(self, indices):
            self.calls += 1
            return [10 * i for i in indices]

    data = Batched()
    assert [x.tolist() for x in DataLoader(data, batch_size=3)] == [[0, 10, 20], [30, 40]]
    assert data.calls == 2
    assert [x.tolist() for x in DataLoader(Subset(data, [4, 1]), batch_size=3)] == [[40, 10]]
    assert data.calls == 3


def test_shuffle_visits_all_in_a_new_order_each_epoch():
    loader = DataLoader(numbers(40), batch_size=7, shuffle=True)
    first, second = labels(loader), labels(loader)
    assert visited(first) == visited(second) == list(range(40))
    assert first != second
    assert isinstance(loader.sampler, RandomSampler)


def test_shuffle_keeps_rows_together():
    for x, y in DataLoader(numbers(40), batch_size=7, shuffle=True):
        assert (x[:, 0, 0] / 6).tolist() == y.tolist()


def test_the_same_seed_gives_the_same_batches():
    def epochs(generator):
        loader = DataLoader(numbers(40), batch_size=7, shuffle=True, generator=generator)
        return [labels(loader), labels(loader)]

    first = epochs(tg.Generator().manual_seed(5))
    assert epochs(tg.Generator().manual_seed(5)) == first
    assert epochs(tg.Generator().manual_seed(6)) != first
    tg.manual_seed(5)
    assert epochs(None) == first


def test_an_epoch_can_be_repeated_from_the_generators_state():
    generator = tg.Generator().manual_seed(5)
    loader = DataLoader(numbers(40), batch_size=7, shuffle=True, generator=generator)
    labels(loader)
    state = generator.get_state()
    second = labels(loader)

    other = tg.Generator()
    other.set_state(state)
    assert labels(DataLoader(numbers(40), 7, True, generator=other)) == second


def test_two_loops_over_one_loader_do_not_disturb_each_other():
    loader = DataLoader(numbers(4), batch_size=2)
    pairs = [(a[1].tolist(), b[1].tolist()) for a in loader for b in loader]
    assert pairs == [([0, 1], [0, 1]), ([0, 1], [2, 3]), ([2, 3], [0, 1]), ([2, 3], [2, 3])]


def test_sampler():
    loader = DataLoader(numbers(10), batch_size=3, sampler=SubsetRandomSampler([9, 8, 7, 6]))
    assert visited(labels(loader)) == [6, 7, 8, 9]
    assert len(loader) == 2


def test_batch_sampler():
    loader = DataLoader(numbers(10), batch_sampler=[[1, 3], [5], [2, 4, 6]])
    assert labels(loader) == [[1, 3], [5], [2, 4, 6]]
    assert len(loader) == 3 and loader.batch_size is None


def test_single_samples():
    array = np.zeros((2, 3))
    loader = DataLoader([array, "text", 3], batch_size=None)
    first, second, third = loader
    assert isinstance(first, tg.Tensor) and first.numpy() is array
    assert second == "text" and third == 3
    assert len(loader) == 3 and loader.batch_sampler is None


def test_single_samples_with_collate_fn():
    assert list(DataLoader([1, 2], batch_size=None, collate_fn=lambda x: x * 10)) == [10, 20]


def test_collate_fn():
    loader = DataLoader(["a", "bc", "def"], batch_size=2, collate_fn="".join)
    assert list(loader) == ["abc", "def"]
    seen = []
    list(DataLoader(numbers(3), batch_size=2, collate_fn=lambda batch: seen.append(batch)))
    assert [len(batch) for batch in seen] == [2, 1] and isinstance(seen[0][0], tuple)


def test_collate_fn_may_be_changed():
    loader = DataLoader(numbers(2), batch_size=2)
    loader.collate_fn = len
    assert list(loader) == [2]
    loader.collate_fn = default_collate
    assert labels(loader) == [[0, 1]]


def test_any_object_with_getitem_is_a_data_set():
    assert [x.tolist() for x in DataLoader([3, 1, 2], batch_size=2)] == [[3, 1], [2]]
    by_key = DataLoader({"u": 1, "v": 2}, batch_size=2, sampler=["v", "u"])
    assert [x.tolist() for x in by_key] == [[2, 1]]


def test_an_empty_data_set_gives_no_batches():
    loader = DataLoader(numbers(0), batch_size=2)
    assert list(loader) == [] and len(loader) == 0


def test_an_error_in_the_data_set_comes_through():
    class Broken(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            raise OSError(f"sample {index} cannot be read")

    with pytest.raises(OSError, match="sample 0 cannot be read"):
        list(DataLoader(Broken()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive with batch_size"),
        ({"batch_sampler": [[0]], "batch_size": None}, "mutually exclusive with batch_size"),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "sampler": []}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "disables auto-batching"),
        ({"batch_size": 0}, "'batch_size': expected a positive integer, got 0"),
        ({"batch_size": 2.5}, "'batch_size': expected a positive integer, got 2.5"),
        ({"drop_last": 1}, "'drop_last': expected a bool, got 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(numbers(3), **options)


def test_shuffling_nothing():
    with pytest.raises(ValueError, match="at least one sample to draw from"):
        DataLoader(numbers(0), shuffle=True)


def test_bad_generator():
    with pytest.raises(TypeError, match=r"DataLoader: argument 'generator'.*got numpy"):
        DataLoader(numbers(3), generator=np.random.default_rng(0))


def test_what_cannot_be_indexed_is_no_data_set():
    with pytest.raises(TypeError, match=r"'dataset'.*__getitem__.*got generator; use list\(...\)"):
        DataLoader(i for i in range(3))


@pytest.mark.parametrize(
    "name", ["dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers"]
)
def test_what_the_samplers_were_made_from_is_fixed(name):
    loader = DataLoader(numbers(3), batch_size=2)
    before = getattr(loader, name)
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader"):
        setattr(loader, name, None)
    assert getattr(loader, name) is before
