"""Collating: structure kept, leaves stacked, misfits named."""

from __future__ import annotations

from collections import OrderedDict, UserDict, UserList, defaultdict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.datasets import default_collate, default_convert

Pair = namedtuple("Pair", ["x", "y"])


def test_tensors_are_stacked_and_keep_their_dtype():
    for dtype in (tg.float32, tg.float64, tg.int64, tg.uint8, tg.bool):
        batch = default_collate([tg.zeros(2, 3, dtype=dtype), tg.ones(2, 3, dtype=dtype)])
        assert batch.shape == (2, 2, 3) and batch.dtype == dtype
        assert not batch[0].any() and batch[1].all()


def test_gradients_pass_through_a_batch_of_tensors():
    a, b = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    (default_collate([a, b]) * tg.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert a.grad.tolist() == [1, 2] and b.grad.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("samples", "dtype"),
    [
        ([np.zeros(2, np.float32)] * 2, np.float32),
        ([np.zeros(2, np.float64)] * 2, np.float64),
        ([np.zeros(2, np.int32)] * 2, np.int32),
        ([np.float32(1), np.float32(2)], np.float32),
        ([np.float64(1), np.float64(2)], np.float64),
        ([np.int16(1), np.int16(2)], np.int16),
        ([np.bool_(True), np.bool_(False)], np.bool_),
        ([1.5, 2.5], np.float64),
        ([1.5, 2], np.float64),
        ([1, 2], np.int64),
        ([1, 2**40], np.int64),
        ([True, False], np.bool_),
        ([1, 2.5], np.float32),
    ],
)
def test_dtypes(samples, dtype):
    batch = default_collate(samples)
    assert isinstance(batch, tg.Tensor)
    assert batch.dtype == dtype
    np.testing.assert_array_equal(batch.numpy(), np.stack(samples))


def test_a_batch_shares_no_memory_with_its_samples():
    sample = np.zeros(3)
    batch = default_collate([sample])
    batch += 1
    assert not sample.any()


def test_arrays_and_tensors_together():
    batch = default_collate([np.zeros(2, np.float32), tg.ones(2)])
    assert batch.tolist() == [[0, 0], [1, 1]]


def test_strings_stay():
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a", b"b"]) == [b"a", b"b"]


def test_tuples_give_a_list_of_columns():
    batch = default_collate([(1, "a", 0.5), (2, "b", 1.5)])
    assert type(batch) is list
    assert batch[0].tolist() == [1, 2] and batch[1] == ("a", "b")
    assert batch[2].dtype == np.float64


def test_sequences_keep_their_type():
    assert [x.tolist() for x in default_collate([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]
    named = default_collate([Pair(1, 2), Pair(3, 4)])
    assert type(named) is Pair and named.y.tolist() == [2, 4]
    user = default_collate([UserList([1]), UserList([2])])
    assert type(user) is UserList and user[0].tolist() == [1, 2]
    plain = default_collate([range(2), range(2)])
    assert type(plain) is list and plain[1].tolist() == [1, 1]


def test_mappings_keep_their_type_and_what_they_carry():
    assert default_collate([{"a": 1}, {"a": 2}])["a"].tolist() == [1, 2]
    for kind in (OrderedDict, UserDict, MappingProxyType):
        batch = default_collate([kind({"a": 1}), kind({"a": 2})])
        assert type(batch) is kind and batch["a"].tolist() == [1, 2]
    batch = default_collate([defaultdict(list, a=1), defaultdict(list, a=2)])
    assert batch.default_factory is list and batch["a"].tolist() == [1, 2]


def test_samples_are_left_as_they_were():
    samples = [{"a": [1, 2]}, {"a": [3, 4]}]
    default_collate(samples)
    assert samples == [{"a": [1, 2]}, {"a": [3, 4]}]


def test_nested():
    batch = default_collate([{"a": (1, Pair([1.0], "u"))}, {"a": (2, Pair([2.0], "v"))}])
    number, pair = batch["a"]
    assert number.tolist() == [1, 2]
    assert pair.x[0].tolist() == [1.0, 2.0] and pair.y == ("u", "v")


@pytest.mark.parametrize("make", [np.zeros, tg.zeros], ids=["arrays", "tensors"])
def test_shapes_that_differ_name_the_sample(make):
    with pytest.raises(tg.ShapeError, match=r"got \(2,\) in sample 0 and \(3,\) in sample 2"):
        default_collate([make(2), make(2), make(3)])


def test_lengths_that_differ_name_the_sample():
    with pytest.raises(RuntimeError, match=r"equal size, got 1 in sample 0 and 2 in sample 1"):
        default_collate([[1], [1, 2]])


def test_a_missing_key_is_named():
    with pytest.raises(KeyError, match="sample 1 has no key 'x', which sample 0 has"):
        default_collate([{"x": 1}, {"y": 1}])


@pytest.mark.parametrize("sample", [None, {1}, object(), 1j, np.datetime64("2020")])
def test_other_kinds_are_refused(sample):
    with pytest.raises(TypeError, match=r"must contain tensors.*found <class.*collate_fn"):
        default_collate([sample])


@pytest.mark.parametrize("sample", [np.array(["a"]), np.array([None]), np.array([1j])])
def test_arrays_of_other_dtypes_are_refused(sample):
    with pytest.raises(TypeError, match=r"must contain tensors.*in sample 0"):
        default_collate([sample])


def test_kinds_that_differ_name_the_sample():
    with pytest.raises(TypeError, match=r"found <class 'NoneType'> in sample 1"):
        default_collate([np.zeros(2), None])
    with pytest.raises(TypeError, match=r"found <class 'NoneType'> in sample 1"):
        default_collate([1.5, None])
    with pytest.raises(TypeError, match=r"found <class 'str'> in sample 2"):
        default_collate([1, 2, "3"])
    with pytest.raises(TypeError, match=r"found <class 'int'> in sample 1"):
        default_collate([[1], 2])


def test_an_empty_batch():
    with pytest.raises(ValueError, match="expected at least one sample, got none"):
        default_collate([])


def test_convert_shares_memory_and_leaves_the_rest():
    array = np.arange(3)
    converted = default_convert({"a": array, "b": [np.float32(2), "text", None], "c": (1, array)})
    array[0] = 7
    assert converted["a"].tolist() == [7, 1, 2]
    scalar, text, nothing = converted["b"]
    assert scalar.shape == () and scalar.dtype == np.float32
    assert text == "text" and nothing is None
    assert converted["c"][0] == 1 and converted["c"][1].tolist() == [7, 1, 2]


def test_convert_leaves_text_tensors_and_objects():
    words, tensor = np.array(["a"]), tg.zeros(2)
    assert default_convert(words) is words
    assert default_convert(tensor) is tensor
    assert default_convert(np.str_("a")) == "a"
    assert default_convert(Pair(1, 2)) == Pair(1, 2)


@pytest.mark.parametrize("sample", [np.datetime64("2020"), np.array([1j])])
def test_convert_refuses_what_is_neither_number_nor_text(sample):
    with pytest.raises(TypeError, match="expected numbers or bools, got"):
        default_convert(sample)
