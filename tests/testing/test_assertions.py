"""Where tensors differ, and which failed assertions are understood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import tinygrad_edu as tg
from tinygrad_edu.testing.assertions import difference, explain
from tinygrad_edu.testing.strategies import broadcastable_tensors, tensors

A, B = tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0])


@given(tensors(strided=True, empty=True))
def test_nothing_differs_from_itself(x):
    assert difference(x, x.detach().clone()) == []


@given(broadcastable_tensors())
def test_what_differs_is_counted_and_the_worst_is_named(pair):
    a, b = (x.detach().numpy() for x in pair)
    gap = np.abs(a - b)
    text = difference(*pair)[0]
    if gap.size == 1:
        assert text == f"the difference is {gap.item():.6g}"
    else:
        assert text.startswith(f"{gap.size} of {gap.size} elements differ (100%)")
        place = eval(text.rpartition(", at ")[2])
        assert gap[place] == gap.max()


@pytest.mark.parametrize(
    "left, right, settings, lines",
    [
        (A, B, {}, ["1 of 2 elements differ (50%), the largest difference is 2, at (1,)",
                    "  (1,): 2.0 and 4.0"]),
        (A, B, {"atol": 2}, []),
        (A, B, {"rtol": 0.5}, []),
        (A, tg.ones(3), {}, ["the shapes differ: (2,) and (3,)"]),
        (A, np.array([1.0, np.nan]), {},
         ["1 of 2 elements differ (50%), the largest difference is nan, at (1,)",
          "  (1,): 2.0 and nan"]),
        (tg.tensor([np.nan]), tg.tensor([np.nan]), {"equal_nan": True}, []),
        (tg.tensor([True, False]), tg.tensor([True, True]), {},
         ["1 of 2 elements differ (50%), the largest difference is 1, at (1,)",
          "  (1,): False and True"]),
        (tg.tensor([0.1, 0.2]), 0.3, {},
         ["2 of 2 elements differ (100%), the largest difference is 0.2, at (0,)",
          "  (0,): 0.1 and 0.3", "  (1,): 0.2 and 0.3"]),
    ],
)  # fmt: skip
def test_difference(left, right, settings, lines):
    assert difference(left, right, **settings) == lines


def test_only_some_of_many_elements_are_listed():
    lines = difference(tg.zeros(100), tg.ones(100))
    assert len(lines) == 7 and lines[-1] == "  ..."


def failed(claim) -> list[str]:
    with pytest.raises((AssertionError, ValueError)) as caught:
        claim()
    return explain(caught.value)


def test_every_way_to_compare_is_understood():
    one = "1 of 2 elements differ (50%), the largest difference is 2, at (1,)"

    def signs():
        assert A == B

    def close():
        assert tg.allclose(A, B, 0.1, atol=0.2)

    def method():
        assert A.isclose(B, rtol=0.1).all()

    def several():
        assert bool(tg.all(tg.eq(A, B)))

    def plain():
        assert np.allclose(A, B.detach().numpy())

    def parts():
        assert tg.equal(pair["a"], pair["b"].data[-2:])

    pair = {"a": A, "b": B}
    for claim in (signs, close, method, several, plain, parts):
        assert failed(claim)[0] == one, claim.__name__
    assert "element by element: assert tg.equal(a, b)" in failed(signs)[-1]
    assert len(failed(close)) == 2


def test_tolerances_are_those_of_the_call():
    near = tg.tensor([1.0 + 1e-3, 4.0])

    def loose():
        assert tg.allclose(A, near, atol=1e-2)

    def tight():
        assert tg.allclose(A, near)

    assert failed(loose)[0].startswith("1 of 2")
    assert failed(tight)[0].startswith("2 of 2")


def test_nothing_is_said_of_what_is_not_understood():
    calls = []

    def made():
        calls.append(1)
        return A

    def called():
        assert tg.allclose(made(), B)

    def no_tensors():
        assert np.allclose([1.0], [2.0])

    def strings():
        assert A.shape == "text"

    def objects():
        assert np.equal(A.numpy(), np.array([None, None])).all()

    def unreadable():
        exec(compile("assert A == B", "no file", "exec"), {"A": A, "B": B, "__name__": None})

    def raised():
        raise AssertionError(A)

    for claim in (called, no_tensors, strings, objects, unreadable, raised):
        assert failed(claim) == [], claim.__name__
    assert calls == [1]
