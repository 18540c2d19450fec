"""The errors: what code that expects NumPy's or PyTorch's can catch, and how they are worded."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import describe

CAUGHT_AS = [
    (tg.ShapeError, (ValueError, RuntimeError), lambda: tg.ones(2) + tg.ones(3)),
    (tg.DimensionError, (IndexError, tg.ShapeError), lambda: tg.ones(2).sum(3)),
    (tg.DTypeError, (TypeError, RuntimeError), lambda: tg.ones(2) @ tg.ones(2, dtype=tg.float64)),
    (tg.SettingError, (ValueError, RuntimeError), lambda: tg.diff(tg.ones(2), n=-1)),
    (tg.LinAlgError, (ValueError, RuntimeError), lambda: tg.inverse(tg.zeros(2, 2))),
    (tg.GraphError, (RuntimeError,), lambda: tg.ones(()).backward()),
    (tg.GradientError, (AssertionError,), None),
]


@pytest.mark.parametrize(
    "error, bases, provoke", CAUGHT_AS, ids=lambda x: getattr(x, "__name__", "")
)
def test_errors_are_caught_by_their_built_in_names(error, bases, provoke):
    for base in bases:
        assert issubclass(error, base)
        if provoke is not None:
            with pytest.raises(base):
                provoke()
    if provoke is not None:
        with pytest.raises(error):
            provoke()


def test_a_message_answers_five_questions():
    text = "matmul: argument 'other': expected (3, m), got (4, 5)"
    assert describe("matmul", "other", "(3, m)", (4, 5)) == text
    assert describe("matmul", "other", "(3, m)", (4, 5), "transpose it") == f"{text}; transpose it"


@pytest.mark.parametrize("start, end", [(0, float("inf")), (float("-inf"), 1), (0, float("nan"))])
def test_a_range_without_an_end(start, end):
    with pytest.raises(tg.ShapeError, match="arange: expected a finite range"):
        tg.arange(start, end, 2)


@pytest.mark.parametrize("sizes", [(-1,), (3, -1), (-7, 3)])
def test_eye_of_a_negative_size(sizes):
    with pytest.raises(tg.ShapeError, match=r"eye: expected sizes of at least 0, got n=-?\d"):
        tg.eye(*sizes)


def test_there_is_no_gpu():
    assert not tg.cuda.is_available()
    assert tg.cuda.device_count() == 0
