"""The errors: what code that expects NumPy's or PyTorch's can catch, and how they are worded."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import describe

CAUGHT_AS = [
    (tg.ShapeError, (ValueError, RuntimeError), lambda: tg.ones(2) + tg.ones(3)),
    (tg.DimensionError, (IndexError, tg.ShapeError), lambda: tg.ones(2).sum(3)),
    (tg.DTypeError, (TypeError, RuntimeError), lambda: tg.ones(2) @ tg.ones(2, dtype=tg.float64)),
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


def test_there_is_no_gpu():
    assert not tg.cuda.is_available()
    assert tg.cuda.device_count() == 0
