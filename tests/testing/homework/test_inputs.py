"""What the functions of a course are called with, and how a file or a text says it."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from tinygrad_edu.nn import course
from tinygrad_edu.testing import diagnose
from tinygrad_edu.testing.homework.inputs import KNOWN, LOSSES, InputError, arguments, parse

PAIRS = {
    f"{layer}{ending}": layer
    for layer in KNOWN
    for ending in ("", "_naive", "_fast", "_alt")
    if hasattr(course, f"{layer}_backward{ending}")
}


def test_every_pair_of_the_course_is_known():
    names = {n for n in vars(course) if "_backward" in n}
    assert names == {f"{layer}_backward{name.removeprefix(layer)}" for name, layer in PAIRS.items()}


@pytest.mark.parametrize("name", PAIRS)
def test_the_courses_pairs_are_right(name):
    layer, ending = PAIRS[name], name.removeprefix(PAIRS[name])
    forward = getattr(course, f"{layer}_forward{ending}", None)
    forward = forward or getattr(course, f"{layer}_forward")
    drawn, others = arguments(layer, forward, KNOWN[layer], by_place=True)
    assert list(inspect.signature(forward).parameters) == list(KNOWN[layer])
    found = diagnose(forward, getattr(course, f"{layer}_backward{ending}"), *drawn, **others)
    assert found.ok, found


@pytest.mark.parametrize("name", LOSSES)
def test_the_courses_losses_are_right(name):
    function = getattr(course, name)
    drawn, others = arguments(name, function, LOSSES[name], by_place=True)
    found = diagnose(function, None, *drawn, **others)
    assert found.ok, found


def function(x, w, mode="train", beta=1.0):
    return x


def test_shapes_are_drawn_and_the_rest_is_handed_over():
    inputs = {"w": lambda random: random.uniform(5, 6, 3), "x": (2, 3), "beta": [1, 2]}
    drawn, others = arguments("f", function, inputs, by_place=False)
    assert [x.shape for x in drawn] == [(2, 3), (3,)]
    assert (drawn[1] >= 5).all()
    assert others == {"mode": "train", "beta": [1, 2]}
    again, _ = arguments("f", function, inputs, by_place=False)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))
    other, _ = arguments("g", function, inputs, by_place=False)
    assert not np.array_equal(drawn[0], other[0])


def test_by_place_the_names_are_the_functions_own():
    drawn, others = arguments("f", function, {"a": (1,), "b": (2,), "c": "test"}, by_place=True)
    assert [x.shape for x in drawn] == [(1,), (2,)]
    assert others == {"mode": "test", "beta": 1.0}


@pytest.mark.parametrize(
    "inputs, by_place",
    [
        ({"x": (2,)}, False),
        ({"x": (2,), "w": (2,), "z": 1}, False),
        ({"x": (2,)}, True),
        (dict.fromkeys("abcde", (2,)), True),
    ],
)
def test_inputs_that_a_function_does_not_take_are_refused(inputs, by_place):
    with pytest.raises(InputError, match="function takes x, w, mode, beta, and its inputs are"):
        arguments("f", function, inputs, by_place=by_place)


def test_without_a_shape_there_is_nothing_to_check():
    with pytest.raises(InputError, match="function gets no input: give one a shape"):
        arguments("f", function, {"x": 1.0, "w": 2.0}, by_place=False)


def test_parse():
    assert parse(" f(x=(2, 3), mode='train', p=-0.5, k=[1, 2])") == (
        "f", {"x": (2, 3), "mode": "train", "p": -0.5, "k": [1, 2]},
    )  # fmt: skip
    assert parse("f()") == ("f", {})


@pytest.mark.parametrize("text", ["", "f", "f(3)", "f(x=y)", "f(x=1", "a.b(x=1)", "f(x=g())", "1"])
def test_texts_that_are_no_inputs_are_refused(text):
    with pytest.raises(InputError, match="expected 'NAME"):
        parse(text)
