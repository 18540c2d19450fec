"""The same calls on PyTorch's data tools: the same batches, dtypes, lengths and refusals."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import datasets as ours

torch = pytest.importorskip("torch", reason="compares with PyTorch")
theirs = torch.utils.data
pytestmark = pytest.mark.parity


def plain(value):
    """A batch with each tensor replaced by its dtype's name and its numbers."""
    if isinstance(value, (tg.Tensor, torch.Tensor)):
        return value.numpy().dtype.name, value.tolist()
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(entry) for entry in value)
    return value


def outcome(call):
    """What a call gives, or what kind of error it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return call()
        except (ValueError, TypeError, KeyError, IndexError, RuntimeError) as error:
            return error


def assert_same_outcome(one, other):
    """Equal results, or errors that the same `except` catches."""
    if isinstance(other, Exception):
        assert isinstance(one, type(other)), (one, other)
    else:
        assert one == other


SAMPLES = [
    [1.5, 2.0],
    [1, 2],
    [True, False],
    [1, 2.5],
    [1.5, 2],
    [True, 2],
    [np.float32(1)],
    [np.float64(1)],
    [np.float16(1)],
    [np.int32(1)],
    [np.int8(1)],
    [np.bool_(True)],
    [np.uint8(3)],
    [np.float32(1), np.float64(2)],
    [np.int32(1), np.float64(2)],
    [np.zeros(2, np.float32), np.ones(2, np.float32)],
    [np.zeros(2, np.float32), np.zeros(2, np.float64)],
    [np.zeros((0, 2), np.int16)] * 2,
    [np.zeros(()), np.ones(())],
    [("a", 1), ("b", 2)],
    [["a", 1], ["b", 2]],
    [b"x", b"y"],
    [range(2), range(2)],
    [{"a": 1, "b": [1.0]}, {"a": 2, "b": [2.0]}],
    [None],
    [1j],
    [np.array(["a"])],
    [np.str_("a")],
    [[1], [1, 2]],
    [{"a": 1}, {"b": 1}],
    [np.zeros(2), np.zeros(3)],
    [{1}, {2}],
    [np.datetime64("2020")],
    [[], []],
    [(), ()],
]


@pytest.mark.parametrize("samples", SAMPLES, ids=repr)
def test_collate(samples):
    assert_same_outcome(
        outcome(lambda: plain(ours.default_collate(samples))),
        outcome(lambda: plain(theirs.default_collate(samples))),
    )


@pytest.mark.parametrize("sample", [samples[0] for samples in SAMPLES], ids=repr)
def test_convert(sample):
    assert_same_outcome(
        outcome(lambda: repr(plain(ours.default_convert(sample)))),
        outcome(lambda: repr(plain(theirs.default_convert(sample)))),
    )


@pytest.mark.parametrize(
    ("one", "other"), [("float32", "float64"), ("float32", "int64"), ("bool", "uint8")]
)
def test_collate_tensors_of_two_dtypes(one, other):
    arrays = [np.ones(2, one), np.zeros(2, other)]
    assert plain(ours.default_collate([tg.from_numpy(x) for x in arrays])) == plain(
        theirs.default_collate([torch.from_numpy(x) for x in arrays])
    )


counts = st.lists(st.integers(-2, 12), min_size=1, max_size=4)
fractions = st.lists(st.integers(0, 12), min_size=1, max_size=5).filter(any)


@given(counts, st.integers(-1, 1))
def test_split_sizes(lengths, excess):
    n = max(0, sum(lengths) + excess)
    mine, reference = (
        outcome(lambda split=split: [len(part) for part in split(range(n), lengths)])
        for split in (ours.random_split, theirs.random_split)
    )
    if min(lengths) < 0:
        assert isinstance(mine, ValueError)
    else:
        assert_same_outcome(mine, reference)


@given(fractions, st.integers(0, 200))
def test_split_fractions(weights, n):
    lengths = [weight / sum(weights) for weight in weights]
    mine, reference = (
        outcome(lambda split=split: [len(part) for part in split(range(n), lengths)])
        for split in (ours.random_split, theirs.random_split)
    )
    # PyTorch refuses fractions whose rounded sum is just above 1; we take them.
    if sum(lengths) <= 1:
        assert mine == reference
    else:
        assert sum(mine) == n


def batches(data, dataset, tensor, **options):
    x = np.arange(22, dtype=np.float32).reshape(11, 2)
    loader = data.DataLoader(dataset(data, tensor(x), tensor(np.arange(11))), **options)
    return len(loader), [plain(batch) for batch in loader]


DATASETS = {
    "tensors": lambda data, x, y: data.TensorDataset(x, y),
    "subset": lambda data, x, y: data.Subset(data.TensorDataset(x, y), [9, 3, 3, 0, 10]),
    "list": lambda data, x, y: [{"x": row, "i": i} for i, row in enumerate(x)],
}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 4},
        {"batch_size": 4, "drop_last": True},
        {"batch_size": 50},
        {"batch_size": 50, "drop_last": True},
        {"batch_size": 2, "sampler": [4, 0, 1]},
        {"batch_sampler": [[1], [2, 0, 1]]},
        {"batch_size": None},
        {"batch_size": None, "sampler": [3, 1]},
        {"batch_size": 0},
        {"batch_size": -1},
        {"batch_size": 1.5},
        {"sampler": [1], "shuffle": True},
        {"batch_sampler": [[1]], "batch_size": 2},
        {"batch_sampler": [[1]], "shuffle": True},
        {"batch_sampler": [[1]], "drop_last": True},
        {"batch_sampler": [[1]], "sampler": [1]},
        {"batch_size": None, "drop_last": True},
        {"batch_size": 2, "sampler": [40]},
    ],
    ids=repr,
)
def test_loader(dataset, options):
    assert_same_outcome(
        outcome(lambda: batches(ours, dataset, tg.from_numpy, **options)),
        outcome(lambda: batches(theirs, dataset, torch.from_numpy, **options)),
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda data: list(data.BatchSampler(range(7), 3, False)),
        lambda data: list(data.BatchSampler(range(7), 3, True)),
        lambda data: len(data.BatchSampler(range(7), 3, True)),
        lambda data: len(data.BatchSampler(range(7), 3, False)),
        lambda data: data.BatchSampler(range(7), 0, False),
        lambda data: data.BatchSampler(range(7), True, False),
        lambda data: data.BatchSampler(range(7), 3, 1),
        lambda data: data.BatchSampler(iter(range(7)), 3, False).__len__(),
        lambda data: len(data.RandomSampler(range(5), num_samples=12)),
        lambda data: len(list(data.RandomSampler(range(5), num_samples=12))),
        lambda data: len(list(data.RandomSampler(range(5), True))),
        lambda data: data.RandomSampler(range(5), 1),
        lambda data: data.RandomSampler(range(5), num_samples=0),
        lambda data: data.RandomSampler(range(5), num_samples=1.5),
        lambda data: data.RandomSampler([]),
        lambda data: list(data.SequentialSampler("abc")),
        lambda data: sorted(data.SubsetRandomSampler([7, 7, 2])),
        lambda data: data.WeightedRandomSampler([1, 2], 0),
        lambda data: data.WeightedRandomSampler([1, 2], True),
        lambda data: data.WeightedRandomSampler([1, 2], 2, 1),
        lambda data: data.WeightedRandomSampler([[1, 2]], 2),
        lambda data: list(data.WeightedRandomSampler([0, 2, 0], 3)),
        lambda data: sorted(data.WeightedRandomSampler([1, 2, 0], 2, False)),
        lambda data: len(data.WeightedRandomSampler([1, 2], 5)),
        lambda data: data.WeightedRandomSampler([1, 2], 5).weights.tolist(),
        lambda data: list(data.ConcatDataset(["ab", "c"])),
        lambda data: data.ConcatDataset(["ab", "c"])[-3],
        lambda data: data.ConcatDataset(["ab", "c"])[3],
        lambda data: data.ConcatDataset(["ab", "c"])[-4],
        lambda data: data.ConcatDataset(["ab", "c"]).cumulative_sizes,
        lambda data: data.StackDataset("ab", [1, 2])[1],
        lambda data: data.StackDataset(a="ab", b=[1, 2])[0],
        lambda data: len(data.StackDataset(a="ab", b=[1, 2])),
        lambda data: data.StackDataset("ab", [1]),
        lambda data: data.StackDataset(),
        lambda data: data.DataLoader([], shuffle=True),
        lambda data: len(data.DataLoader([], batch_size=3)),
        lambda data: setattr(data.DataLoader([1]), "batch_size", 3),
    ],
)
def test_samplers(make):
    assert_same_outcome(outcome(lambda: make(ours)), outcome(lambda: make(theirs)))


def stream(data, sharded):
    """0 to 10; sharded, worker i gives the numbers i, i + n, ..., and as many as it has."""

    class Stream(data.IterableDataset):
        def __len__(self):
            return 11

        def __iter__(self):
            info = data.get_worker_info()
            if info is None or not sharded:
                return iter(range(11))
            return iter(range(info.id, 11, info.num_workers))

    return Stream()


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 4},
        {"batch_size": 4, "drop_last": True},
        {"batch_size": None},
        {"shuffle": True},
        {"sampler": [0]},
        {"batch_sampler": [[0]]},
    ],
    ids=repr,
)
def test_iterable(options, sharded):
    def batches(data):
        loader = data.DataLoader(stream(data, sharded), **options)
        return len(loader), [plain(batch) for batch in loader]

    assert_same_outcome(outcome(lambda: batches(ours)), outcome(lambda: batches(theirs)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": 2, "batch_size": 3},
        {"num_workers": 3, "batch_size": 2, "drop_last": True},
        {"num_workers": 3, "batch_size": 1, "prefetch_factor": 1},
    ],
    ids=repr,
)
def test_workers_give_the_same_batches_in_the_same_order(options):
    def batches(data, **more):
        rows = data.StackDataset(range(11), [i / 2 for i in range(11)])
        return [
            [plain(batch) for batch in data.DataLoader(x, **options, **more)]
            for x in (rows, stream(data, True), stream(data, False))
        ]

    assert batches(ours) == batches(theirs, multiprocessing_context="fork")


def test_the_signature():
    """PyTorch's parameters in PyTorch's order; what is left out stands on the page."""
    mine, reference = (inspect.signature(data.DataLoader).parameters for data in (ours, theirs))
    left_out = {"pin_memory_device", "in_order"}
    assert [name for name in mine if name != "worker"] == [
        name for name in reference if name not in left_out
    ]
    for name, parameter in reference.items():
        if name not in left_out:
            assert mine[name].default == parameter.default, name
            assert mine[name].kind == parameter.kind, name


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": -1},
        {"num_workers": 1, "timeout": -1},
        {"prefetch_factor": 2},
        {"num_workers": 1, "prefetch_factor": -1},
        {"persistent_workers": True},
    ],
    ids=repr,
)
def test_options_of_workers(options):
    one, other = (
        outcome(lambda data=data: data.DataLoader([1], **options)) for data in (ours, theirs)
    )
    assert isinstance(other, ValueError)
    assert_same_outcome(one, other)
