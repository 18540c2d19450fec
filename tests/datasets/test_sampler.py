"""Samplers: every index where it belongs, and the same seed gives the same order."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.datasets import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

sizes = st.integers(1, 40)


def seeded(seed):
    return tg.Generator().manual_seed(seed)


@given(st.integers(0, 40))
def test_sequential_visits_all_in_order(n):
    sampler = SequentialSampler(range(n))
    assert list(sampler) == list(range(n))
    assert len(sampler) == n


@given(sizes, st.integers(0, 2**32))
def test_random_without_replacement_is_a_permutation(n, seed):
    sampler = RandomSampler(range(n), generator=seeded(seed))
    assert sorted(sampler) == list(range(n))
    assert len(sampler) == n


@given(sizes, st.integers(1, 150))
def test_random_beyond_the_size_visits_all_before_one_comes_again(n, num_samples):
    sampler = RandomSampler(range(n), num_samples=num_samples)
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == num_samples
    for start in range(0, num_samples, n):
        part = drawn[start : start + n]
        assert len(set(part)) == len(part)


@given(sizes, st.integers(1, 150))
def test_random_with_replacement_stays_in_range(n, num_samples):
    drawn = list(RandomSampler(range(n), replacement=True, num_samples=num_samples))
    assert len(drawn) == num_samples
    assert all(type(i) is int and 0 <= i < n for i in drawn)


def test_random_with_replacement_is_uniform_and_repeats():
    sampler = RandomSampler(range(10), replacement=True, num_samples=10_000, generator=seeded(0))
    counts = Counter(sampler)
    # 1000 expected, standard deviation 30.
    assert all(abs(counts[i] - 1000) < 150 for i in range(10))
    assert max(Counter(list(RandomSampler(range(1000), replacement=True))).values()) > 1


def test_random_permutations_are_uniform():
    sampler = RandomSampler(range(3), generator=seeded(0))
    counts = Counter(tuple(sampler) for _ in range(6000))
    # 1000 expected of each of the 6, standard deviation 29.
    assert len(counts) == 6
    assert all(abs(count - 1000) < 150 for count in counts.values())


@pytest.mark.parametrize(
    "make",
    [
        lambda generator: RandomSampler(range(30), generator=generator),
        lambda generator: RandomSampler(range(30), True, generator=generator),
        lambda generator: RandomSampler(range(30), num_samples=70, generator=generator),
        lambda generator: SubsetRandomSampler(range(30), generator=generator),
        lambda generator: WeightedRandomSampler(range(1, 31), 30, generator=generator),
        lambda generator: WeightedRandomSampler(range(1, 31), 20, False, generator=generator),
    ],
    ids=["permutation", "replacement", "several passes", "subset", "weighted", "weighted once"],
)
def test_same_seed_same_order_and_a_new_order_each_epoch(make):
    one, other = make(seeded(7)), make(seeded(7))
    first, second = list(one), list(one)
    assert [list(other), list(other)] == [first, second]
    assert first != second
    assert list(make(seeded(8))) != first

    tg.manual_seed(7)
    default = make(None)
    assert [list(default), list(default)] == [first, second]


def test_a_generator_put_back_gives_the_epoch_again():
    generator = seeded(3)
    sampler = RandomSampler(range(30), generator=generator)
    list(sampler)
    state = generator.get_state()
    second = list(sampler)
    generator.set_state(state)
    assert list(sampler) == second


def test_numpys_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    list(RandomSampler(range(30)))
    list(SubsetRandomSampler(range(30)))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_random_follows_a_source_that_grows():
    source = [1, 2]
    sampler = RandomSampler(source)
    source += [3, 4]
    assert len(sampler) == 4
    assert sorted(sampler) == [0, 1, 2, 3]


def test_random_on_a_source_that_became_empty_raises():
    source = [1, 2]
    sampler = RandomSampler(source, num_samples=5)
    source.clear()
    with pytest.raises(ValueError, match="at least one sample"):
        list(sampler)


@given(st.lists(st.integers(-5, 100)))
def test_subset_random_visits_exactly_the_indices(indices):
    sampler = SubsetRandomSampler(indices)
    assert Counter(sampler) == Counter(indices)
    assert len(sampler) == len(indices)


def test_subset_random_takes_arrays_and_tensors():
    assert sorted(SubsetRandomSampler(np.arange(3))) == [0, 1, 2]
    assert sorted(int(i) for i in SubsetRandomSampler(tg.arange(3))) == [0, 1, 2]


def test_weights_are_proportions():
    sampler = WeightedRandomSampler([1, 0, 6, 3], 10_000, generator=seeded(0))
    counts = Counter(sampler)
    # Standard deviations of 30, 0, 49 and 46.
    for i, expected in enumerate([1000, 0, 6000, 3000]):
        assert abs(counts[i] - expected) <= expected**0.5 * 5
    assert len(sampler) == 10_000 and all(type(i) is int for i in counts)


def test_weighted_draws_without_replacement():
    sampler = WeightedRandomSampler(tg.tensor([2.0, 0.0, 1.0, 1.0]), 2, False, seeded(0))
    pairs = Counter(tuple(sampler) for _ in range(4000))
    assert all(len(set(pair)) == 2 and 1 not in pair for pair in pairs)
    # 0 comes first with probability 2/4, then 2 with 1/2; 2 first with 1/4, then 0 with 2/3.
    assert abs(pairs[0, 2] - 1000) < 150 and abs(pairs[2, 0] - 667) < 130
    assert sampler.weights.dtype == tg.float64


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1, 2], 0), ValueError, "'num_samples': expected a positive integer, got 0"),
        (([1, 2], True), ValueError, "'num_samples': expected a positive integer, got True"),
        (([1, 2], 2, 1), ValueError, "'replacement': expected a bool, got 1"),
        (([[1, 2]], 2), tg.ShapeError, r"'weights': expected shape \(N,\), got shape \(1, 2\)"),
        (([1, -1], 2), ValueError, "'weights': expected finite numbers of at least 0"),
        (([1, float("nan")], 2), ValueError, "'weights': expected finite numbers of at least 0"),
        (([0, 0], 2), ValueError, "one of them above 0"),
        (([], 2), ValueError, "one of them above 0"),
        (([1, 0], 2, False), ValueError, "expected at most 1, .* got 2; use replacement=True"),
        (([1], 1, True, 0), TypeError, "'generator': expected a tinygrad_edu.Generator"),
    ],
)
def test_bad_weights(arguments, error, message):
    with pytest.raises(error, match=message):
        WeightedRandomSampler(*arguments)


@given(st.integers(0, 40), st.integers(1, 45), st.booleans())
def test_batches_are_the_indices_in_groups(n, batch_size, drop_last):
    sampler = BatchSampler(SequentialSampler(range(n)), batch_size, drop_last)
    batches = list(sampler)
    kept = n - n % batch_size if drop_last else n
    assert [i for batch in batches for i in batch] == list(range(kept))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert all(0 < len(batch) <= batch_size for batch in batches)
    assert len(sampler) == len(batches)


def test_batches_of_an_endless_sampler():
    def endless():
        while True:
            yield 1

    batches = iter(BatchSampler(endless(), 3, drop_last=True))
    assert [next(batches), next(batches)] == [[1, 1, 1], [1, 1, 1]]


def test_numpy_integers_are_integers():
    assert list(BatchSampler(range(3), np.int64(2), False)) == [[0, 1], [2]]
    assert len(RandomSampler(range(3), num_samples=np.int32(5))) == 5


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, "3", None])
def test_bad_batch_size(batch_size):
    with pytest.raises(ValueError, match=r"BatchSampler: argument 'batch_size'.*positive integer"):
        BatchSampler(range(3), batch_size, False)


@pytest.mark.parametrize("drop_last", [1, None, "yes"])
def test_bad_drop_last(drop_last):
    with pytest.raises(ValueError, match=r"BatchSampler: argument 'drop_last': expected a bool"):
        BatchSampler(range(3), 2, drop_last)


@pytest.mark.parametrize("num_samples", [0, -1, 2.0, True])
def test_bad_num_samples(num_samples):
    with pytest.raises(ValueError, match=r"'num_samples': expected a positive integer"):
        RandomSampler(range(3), num_samples=num_samples)


def test_bad_replacement():
    with pytest.raises(TypeError, match=r"'replacement': expected a bool, got 1"):
        RandomSampler(range(3), replacement=1)


@pytest.mark.parametrize("options", [{}, {"num_samples": 3}, {"replacement": True}])
def test_nothing_to_draw_from(options):
    with pytest.raises(ValueError, match="'data_source': expected at least one sample"):
        RandomSampler([], **options)


@pytest.mark.parametrize("make", [RandomSampler, SubsetRandomSampler])
def test_a_numpy_generator_is_refused_with_the_cure(make):
    with pytest.raises(TypeError, match=r"'generator'.*got numpy.*manual_seed\(seed\)"):
        make(range(3), generator=np.random.default_rng(0))


@pytest.mark.parametrize("indices", [3, iter([1, 2]), {1, 2}])
def test_bad_indices(indices):
    with pytest.raises(TypeError, match=r"SubsetRandomSampler: argument 'indices'.*list\(...\)"):
        SubsetRandomSampler(indices)


def test_a_sampler_without_iter_names_itself():
    class Forgotten(Sampler):
        pass

    with pytest.raises(NotImplementedError, match="Forgotten must define __iter__"):
        iter(Forgotten())
