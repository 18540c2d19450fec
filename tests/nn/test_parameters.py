"""ParameterList and ParameterDict."""

from __future__ import annotations

import copy
from collections import OrderedDict

import pytest
from tensors import LIBRARIES

import tinygrad_edu as tg
from tinygrad_edu import nn

both = pytest.mark.parametrize("lib", LIBRARIES, ids=lambda lib: lib.__name__)


def names(module):
    return [name for name, _ in module.named_parameters()]


def kinds(values):
    return [type(x).__name__ for x in values]


# --- ParameterList --------------------------------------------------------------------------------


@both
def test_a_list_of_parameters(lib):
    first = lib.nn.Parameter(lib.ones(1))
    values = lib.nn.ParameterList([first, lib.ones(2), "text"])
    assert values[0] is first and kinds(values) == ["Parameter", "Parameter", "str"]
    assert len(values) == 3 and values[-1] == "text" and names(values) == ["0", "1"]
    assert type(values[1:]) is lib.nn.ParameterList and next(iter(values[1:])) is values[1]
    values[0] = lib.zeros(4)
    assert kinds(values[:1]) == ["Parameter"] and tuple(values[0].shape) == (4,)
    assert values.append(lib.ones(3)) is values
    values += [lib.ones(5)]
    assert values.extend([lib.ones(6)]) is values
    assert names(values) == ["0", "1", "3", "4", "5"]
    assert len(lib.nn.ParameterList()) == 0


@both
def test_places_that_a_list_does_not_have(lib):
    values = lib.nn.ParameterList([lib.ones(1)])
    for place in (1, -2):
        with pytest.raises(IndexError, match=r"idx.*place among 1|out of range"):
            values[place]
        with pytest.raises(IndexError, match=r"idx.*place among 1|out of range"):
            values[place] = lib.ones(1)
    for wrong in (3, lib.ones(2)):
        with pytest.raises(TypeError, match=r"iterable"):
            values.extend(wrong)
    assert len(values) == 1


def test_a_list_is_shown():
    assert repr(nn.ParameterList([tg.ones(2), tg.ones(2, 3), 4])) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [float32 of size 2]\n"
        "    (1): Parameter containing: [float32 of size 2x3]\n"
        "    (2): Object of type: int\n"
        ")"
    )
    with pytest.raises(NotImplementedError, match=r"ParameterList cannot be called"):
        nn.ParameterList()(1)


# --- ParameterDict --------------------------------------------------------------------------------


@both
def test_a_dict_of_parameters(lib):
    values = lib.nn.ParameterDict({"w": lib.ones(2), "b": lib.nn.Parameter(lib.ones(1)), "k": 3})
    assert list(values) == list(values.keys()) == ["b", "k", "w"]  # sorted
    assert kinds(values.values()) == ["Parameter", "int", "Parameter"]
    assert names(values) == ["b", "w"] and len(values) == 3 and "w" in values
    assert values["w"] is values.w and list(reversed(values)) == ["w", "k", "b"]
    values["a"] = lib.zeros(1)
    values["k"] = 4
    assert list(values) == ["b", "k", "w", "a"] and values["k"] == 4
    assert values.get("z", 5) == 5 and values.get("z") is None and values.get("k") == 4
    assert values.pop("k") == 4
    assert values.popitem()[0] == "a"
    assert list(values) == ["b", "w"]
    assert values.setdefault("w", 1) is values["w"]
    assert kinds([values.setdefault("n", lib.ones(1))]) == ["Parameter"]
    del values["b"]
    assert names(values) == ["w", "n"]
    values.clear()
    assert len(values) == 0 and names(values) == []


@both
def test_dicts_are_joined(lib):
    values = lib.nn.ParameterDict(OrderedDict(b=lib.ones(1), a=lib.ones(2)))
    assert list(values) == ["b", "a"]
    copied = values.copy()
    assert list(copied) == ["b", "a"] and copied["a"] is values["a"] and copied is not values
    joined = values | {"c": lib.ones(3)}
    assert list(joined) == ["b", "a", "c"] and list(values) == ["b", "a"]
    values |= {"d": lib.ones(1)}
    assert list(values) == ["b", "a", "d"]
    assert list(values.fromkeys(["x", "y"], 3).items()) == [("x", 3), ("y", 3)]
    pairs = lib.nn.ParameterDict([("z", lib.ones(1)), ("y", 2)])
    assert list(pairs) == ["z", "y"]
    pairs.update(values)
    assert list(pairs) == ["z", "y", "b", "a", "d"]


def test_a_dict_after_another_mapping():
    assert list({"z": 1} | nn.ParameterDict({"a": 2})) == ["z", "a"]


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda d: d["z"], KeyError, r"ParameterDict has no 'z'; it has \['a'\]"),
        (lambda d: d.__delitem__("forward"), KeyError, r"ParameterDict has no 'forward'"),
        (lambda d: d.__setitem__("update", tg.ones(1)), KeyError, r"already has an attribute"),
        (lambda d: d.__setitem__("x.y", tg.ones(1)), KeyError, r"expected a name without"),
        (lambda d: d.__setitem__("a", 3), TypeError, r"registered as a parameter: expected a Para"),
        (lambda d: d.update(3), TypeError, r"expected a mapping or pairs .*, got int"),
    ],
)
def test_refusals_change_nothing(change, error, message):
    values = nn.ParameterDict({"a": tg.ones(1)})
    before = values["a"]
    with pytest.raises(error, match=message):
        change(values)
    assert list(values) == ["a"] and values["a"] is before


def test_dicts_are_modules():
    values = nn.ParameterDict({"w": tg.ones(2)})
    other = copy.deepcopy(values)
    assert list(other) == ["w"] and other["w"] is not values["w"]
    assert values == values and values != other and len({values, other}) == 2
    assert repr(nn.ParameterDict({"w": tg.ones(2, 1), "k": 3})) == (
        "ParameterDict(\n"
        "    (k): Object of type: int\n"
        "    (w): Parameter containing: [float32 of size 2x1]\n"
        ")"
    )
