"""The numbers that tensors are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_edu.errors import SettingError
from tinygrad_edu.testing.strategies.values import distinct, with_ties, without_kinks

RANGES = [(-3, 3), (0.5, 1), (0, 0.01), (-1000, 1000), (0.26, 0.27)]


@pytest.mark.parametrize("low, high", RANGES)
@pytest.mark.parametrize("count", [1, 30, 500])
def test_without_kinks_keeps_away_from_halves_and_in_the_range(low, high, count):
    numbers = np.array(without_kinks(low, high, count))
    assert len(set(numbers.tolist())) == len(numbers) >= count
    assert ((low <= numbers) & (numbers <= high)).all()
    assert np.abs(2 * numbers - np.round(2 * numbers)).min() >= 2 * min(1 / 16, (high - low) / 16)


def test_the_roundest_come_first():
    assert without_kinks(-3, 3, 30)[:6] == [0.25, -0.25, 0.75, -0.75, 1.25, -1.25]
    assert with_ties(-3, 3) == [0, 1, -1, 2, -2, 3, -3, 0.5, -0.5]


@pytest.mark.parametrize("low, high", RANGES)
def test_with_ties_are_few_and_in_the_range(low, high):
    numbers = with_ties(low, high)
    assert 1 <= len(numbers) <= 9
    assert all(low <= number <= high for number in numbers)


def test_distinct_keeps_the_first_and_the_interval_of_the_others():
    table = without_kinks(-3, 3, 100)
    numbers = distinct([-0.25, 0.25, 0.25, 2.75, 0.25, -0.25], table)
    assert numbers[:2] == [-0.25, 0.25] and numbers[3] == 2.75
    assert len(set(numbers)) == 6
    assert np.floor(np.array(numbers) * 2).tolist() == [-1, 0, 0, 5, 0, -1]


def test_distinct_goes_elsewhere_when_an_interval_is_full():
    assert sorted(distinct([0.25] * 4, [0.25, -0.25, 0.75, -0.75])) == [-0.75, -0.25, 0.25, 0.75]


def test_an_empty_range_is_refused():
    with pytest.raises(SettingError, match="'max_value': expected a number above min_value = 1"):
        without_kinks(1, 1, 1)
