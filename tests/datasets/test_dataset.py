"""Data sets: rows of tensors, subsets, and random division."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.datasets import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


def test_rows_of_tensors():
    x, y = tg.arange(12).reshape(4, 3), tg.tensor([3, 1, 2, 0])
    data = TensorDataset(x, y)
    assert len(data) == 4
    row, label = data[2]
    assert row.tolist() == [6, 7, 8]
    assert label.shape == () and label.item() == 2
    assert data[-1][1].item() == 0
    assert data.tensors[0] is x and data.tensors[1] is y


def test_rows_by_slice_and_list():
    data = TensorDataset(tg.arange(5), tg.arange(5) * 10)
    assert data[1:3][1].tolist() == [10, 20]
    assert data[[4, 0]][0].tolist() == [4, 0]


def test_the_end_of_the_rows_ends_a_loop():
    data = TensorDataset(tg.arange(3))
    assert [x.item() for (x,) in data] == [0, 1, 2]
    with pytest.raises(IndexError):
        data[3]


def test_one_row_and_no_rows():
    assert len(TensorDataset(tg.zeros(1, 2))) == 1
    assert len(TensorDataset(tg.zeros(0, 2), tg.zeros(0))) == 0


def test_sizes_that_differ_are_named():
    expected = r"TensorDataset: argument 'tensors\[2\]': expected as many rows as tensors\[0\]"
    with pytest.raises(tg.ShapeError, match=expected + r" \(4\), got 5, shape \(5, 2\)"):
        TensorDataset(tg.zeros(4), tg.zeros(4, 3), tg.zeros(5, 2))


def test_a_tensor_without_rows():
    with pytest.raises(tg.ShapeError, match=r"'tensors\[1\]': expected shape \(N, .*got a 0-d"):
        TensorDataset(tg.zeros(4), tg.tensor(1.0))


def test_an_array_is_refused_with_the_cure():
    with pytest.raises(TypeError, match=r"'tensors\[1\]'.*got ndarray; use tinygrad_edu.tensor"):
        TensorDataset(tg.zeros(4), np.zeros(4))


def test_no_tensors():
    with pytest.raises(ValueError, match="expected at least one tensor, got none"):
        TensorDataset()


def test_a_dataset_without_getitem_names_itself():
    class Forgotten(Dataset[int]):
        pass

    with pytest.raises(NotImplementedError, match="Forgotten must define __getitem__"):
        Forgotten()[0]


def test_subset():
    part = Subset("abcdef", [5, 0, 5])
    assert len(part) == 3
    assert [part[0], part[1], part[-1]] == ["f", "a", "f"]
    assert list(part) == ["f", "a", "f"]
    with pytest.raises(IndexError):
        part[3]


def test_subset_of_a_subset():
    assert list(Subset(Subset("abcdef", range(0, 6, 2)), [2, 1])) == ["e", "c"]


def test_subset_by_list():
    part = Subset(TensorDataset(tg.arange(6) * 10), [5, 4, 3])
    assert part[[0, 2]][0].tolist() == [50, 30]


def test_subset_needs_a_sequence():
    with pytest.raises(TypeError, match="Subset: argument 'indices': expected a sequence"):
        Subset("abc", 2)


class Words(Dataset):
    def __init__(self, words):
        self.words = words

    def __len__(self):
        return len(self.words)

    def __getitem__(self, index):
        return self.words[index]


class Stream(IterableDataset):
    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)


@given(st.lists(st.lists(st.integers()), min_size=1))
def test_concatenation_is_that_of_lists(parts):
    whole, joined = [x for part in parts for x in part], ConcatDataset(parts)
    assert len(joined) == len(whole)
    assert [joined[i] for i in range(len(whole))] == list(joined) == whole
    assert [joined[-i - 1] for i in range(len(whole))] == whole[::-1]
    for outside in (len(whole), -len(whole) - 1):
        with pytest.raises(IndexError, match="ConcatDataset: argument 'index'"):
            joined[outside]


def test_data_sets_can_be_added():
    joined = Words("ab") + Words("c") + "de"
    assert isinstance(joined, ConcatDataset) and list(joined) == list("abcde")
    assert joined.cumulative_sizes == [3, 5]
    batches = DataLoader(joined, batch_size=2, shuffle=True)
    assert sorted(letter for batch in batches for letter in batch) == list("abcde")


def test_concatenation_of_rows():
    joined = ConcatDataset([TensorDataset(tg.arange(2)), TensorDataset(tg.arange(2, 5))])
    assert [x.tolist() for (x,) in DataLoader(joined, 3)] == [[0, 1, 2], [3, 4]]


def test_concatenation_needs_data_sets_with_indices():
    with pytest.raises(ValueError, match=r"ConcatDataset.*expected at least one data set"):
        ConcatDataset([])
    with pytest.raises(TypeError, match=r"datasets\[1\].*Stream, an IterableDataset; use Chain"):
        ConcatDataset(["a", Stream(1)])


def test_streams_can_be_added():
    chained = Stream(1, 2) + Stream() + Stream(3)
    assert isinstance(chained, ChainDataset)
    assert list(chained) == list(chained) == [1, 2, 3]
    assert len(chained) == 3
    assert [x.tolist() for x in DataLoader(chained, 2)] == [[1, 2], [3]]


def test_a_chain_is_made_of_streams():
    with pytest.raises(TypeError, match=r"datasets\[1\]': expected an IterableDataset, got str"):
        list(ChainDataset([Stream(1), "ab"]))


def test_a_stream_without_iter_names_itself():
    class Forgotten(IterableDataset):
        pass

    with pytest.raises(NotImplementedError, match="Forgotten must define __iter__"):
        iter(Forgotten())


def test_stacks():
    assert list(DataLoader(StackDataset("abc", [0, 1, 2]), None)) == [["a", 0], ["b", 1], ["c", 2]]
    named = StackDataset(letter="ab", number=[0, 1])
    assert len(named) == 2 and named[-1] == {"letter": "b", "number": 1}


@pytest.mark.parametrize(
    "parts, names, message",
    [
        ([], {}, "expected either positional or named data sets, got none"),
        (["a"], {"b": "b"}, "expected either positional or named data sets, got both"),
        (["ab", "c"], {}, r"expected one size for all, got \[2, 1\]"),
    ],
)
def test_bad_stacks(parts, names, message):
    with pytest.raises(ValueError, match=message):
        StackDataset(*parts, **names)


sizes_of_parts = st.lists(st.integers(0, 15), min_size=1, max_size=5).filter(
    lambda sizes: sum(sizes) != 1  # lengths that sum to 1 are fractions
)


@given(sizes_of_parts)
def test_split_by_sizes_divides_without_overlap(sizes):
    n = sum(sizes)
    parts = random_split(range(100, 100 + n), sizes)
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part) == list(range(100, 100 + n))


@pytest.mark.parametrize(
    ("n", "fractions", "sizes"),
    [
        (10, [0.3, 0.7], [3, 7]),
        (10, [0.75, 0.25], [8, 2]),
        (11, [1 / 3, 1 / 3, 1 / 3], [4, 4, 3]),
        (10, [0.1, 0.26, 0.64], [2, 2, 6]),
        (10, [0.1] * 10, [1] * 10),
        (1797, [0.7, 0.1, 0.2], [1258, 180, 359]),
        (7, [1.0], [7]),
        (1, [1], [1]),
    ],
)
def test_split_by_fractions_gives_the_remainder_to_the_first(n, fractions, sizes):
    parts = random_split(range(n), fractions)
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part) == list(range(n))


def test_fractions_whose_rounded_sum_is_just_above_one():
    parts = random_split(range(10), [0.5, 0.5 + 1e-12])
    assert [len(part) for part in parts] == [5, 5]


def test_an_empty_part_is_told():
    with pytest.warns(UserWarning, match=r"part 1 of \[0.95, 0.05\] of 3 is empty") as record:
        parts = random_split(range(3), [0.95, 0.05])
    assert [len(part) for part in parts] == [3, 0]
    assert record[0].filename == __file__


def test_split_follows_the_generator():
    def indices(generator):
        return [part.indices for part in random_split(range(30), [10, 20], generator)]

    first = indices(tg.Generator().manual_seed(1))
    assert indices(tg.Generator().manual_seed(1)) == first
    assert indices(tg.Generator().manual_seed(2)) != first
    tg.manual_seed(1)
    assert indices(None) == first
    assert indices(None) != first


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([4, 5], ValueError, r"sum to 10 .* or fractions that sum to 1, got a sum of 9"),
        ([0.3, 0.3], ValueError, r"fractions that sum to 1, got a sum of 0.6"),
        ([], ValueError, r"got a sum of 0"),
        ([-1, 11], ValueError, r"'lengths\[0\]': expected a length of at least 0, got -1"),
        ([1.5, -0.5], ValueError, r"'lengths\[1\]': expected a length of at least 0, got -0.5"),
        ([float("nan"), 1], ValueError, r"'lengths\[0\]': .* got nan"),
        ([2.5, 7.5], TypeError, r"expected integers, or a sum of 1, got \[2.5, 7.5\]"),
    ],
)
def test_bad_lengths(lengths, error, message):
    with pytest.raises(error, match=message):
        random_split(range(10), lengths)


def test_bad_generator():
    with pytest.raises(TypeError, match=r"random_split: argument 'generator'.*got builtins.int"):
        random_split(range(10), [5, 5], generator=0)
