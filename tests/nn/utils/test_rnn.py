"""Sequences of different lengths in one tensor."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu.nn.utils.rnn import pad_sequence, unpad_sequence


def sequences(*lengths):
    return [tg.arange(2.0 * n, dtype=tg.float64).reshape(n, 2).requires_grad_() for n in lengths]


@pytest.mark.parametrize("batch_first", [True, False])
def test_there_and_back(batch_first):
    parts = sequences(3, 1, 4, 0, 2)
    padded = pad_sequence(parts, batch_first, padding_value=-1.0)
    assert padded.shape == ((5, 4, 2) if batch_first else (4, 5, 2))
    again = unpad_sequence(padded, tg.tensor([3, 1, 4, 0, 2]), batch_first)
    assert [p.tolist() for p in again] == [p.tolist() for p in parts]
    assert (padded == -1).sum() == 2 * (1 + 3 + 0 + 4 + 2)


def test_sides():
    parts = [tg.tensor([1, 2]), tg.tensor([3])]
    assert pad_sequence(parts).tolist() == [[1, 3], [2, 0]]
    assert pad_sequence(parts, True, 9, "left").tolist() == [[1, 2], [9, 3]]
    assert pad_sequence(iter(parts), True, padding_side="right").tolist() == [[1, 2], [3, 0]]
    assert pad_sequence(tg.ones(2, 3)).shape == (3, 2)


def test_gradients_reach_each_sequence():
    parts = sequences(3, 1)
    assert tg.gradcheck(lambda *s: pad_sequence(s), parts)
    pad_sequence(parts, padding_side="left")[0].sum().backward()
    assert parts[0].grad.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert parts[1].grad.tolist() == [[0, 0]]


def test_dtype_is_that_of_the_first():
    padded = pad_sequence([tg.tensor([1.0]), tg.tensor([2, 3])])
    assert padded.dtype == tg.float32 and padded.tolist() == [[1, 2], [0, 3]]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: pad_sequence([]), tg.ShapeError, "'sequences': expected at least one, got none"),
        (lambda: pad_sequence(3), tg.DTypeError, "expected an iterable of Tensors, got int"),
        (lambda: pad_sequence([tg.ones(1), 2]), tg.DTypeError, "expected Tensors, got a int"),
        (lambda: pad_sequence([tg.tensor(1.0)]), tg.ShapeError, r"shapes \(L, ...\) that differ"),
        (lambda: pad_sequence(sequences(1) + [tg.ones(1, 3)]), tg.ShapeError,
         r"that differ in L alone, got \(1, 2\), \(1, 3\)"),
        (lambda: pad_sequence([tg.ones(1)], padding_side="top"), ValueError,
         "'padding_side': expected 'left' or 'right', got 'top'"),
        (lambda: unpad_sequence(tg.ones(3, 2), tg.tensor([1])), tg.ShapeError,
         "'lengths': expected a length for each of 2 sequences, got 1"),
    ],
)  # fmt: skip
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
