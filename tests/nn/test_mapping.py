"""ModuleDict: modules by name."""

from __future__ import annotations

import copy
from collections import OrderedDict

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


def test_it_is_a_dict_of_modules():
    relu, tanh = nn.ReLU(), nn.Tanh()
    modules = nn.ModuleDict({"b": relu, "a": tanh})
    assert len(modules) == 2 and list(modules) == list(modules.keys()) == ["b", "a"]
    assert list(modules.values()) == [relu, tanh]
    assert list(modules.items()) == [("b", relu), ("a", tanh)]
    assert "a" in modules and "c" not in modules and "training" not in modules
    assert modules["a"] is tanh is modules.a
    modules["c"] = modules["b"] = nn.Identity()
    assert list(modules) == ["b", "a", "c"]
    assert modules.pop("a") is tanh
    del modules["b"]
    assert list(modules) == ["c"]
    modules.clear()
    assert len(modules) == 0 and list(modules.children()) == []


@pytest.mark.parametrize(
    "items", [{"x": nn.ReLU()}, [("x", nn.ReLU())], OrderedDict(x=nn.ReLU()),
              nn.ModuleDict({"x": nn.ReLU()})],
)  # fmt: skip
def test_what_it_is_made_of(items):
    modules = nn.ModuleDict(items)
    modules.update(items)
    assert list(modules) == ["x"] and isinstance(modules["x"], nn.ReLU)
    assert len(nn.ModuleDict()) == 0


def test_its_modules_are_registered():
    modules = nn.ModuleDict({"fc": nn.Linear(2, 1), "act": nn.ReLU()})
    assert list(modules.state_dict()) == ["fc.weight", "fc.bias"]
    other = copy.deepcopy(modules)
    assert list(other) == ["fc", "act"] and other["fc"] is not modules["fc"]
    assert modules == modules and modules != other and len({modules, other}) == 2
    assert modules.double()["fc"].weight.dtype == tg.float64


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda m: m["d"], KeyError, r"ModuleDict has no 'd'; it has \['a'\]"),
        (lambda m: m.pop("d"), KeyError, r"ModuleDict has no 'd'"),
        (lambda m: m.__delitem__("training"), KeyError, r"ModuleDict has no 'training'"),
        (lambda m: m.__setitem__("b", 3), TypeError, r"expected a Module or None, got int"),
        (lambda m: m.__setitem__("x.y", nn.ReLU()), KeyError, r"expected a name without"),
        (lambda m: m.__setitem__("keys", nn.ReLU()), KeyError, r"already has an attribute 'keys'"),
        (lambda m: m.__setitem__(1, nn.ReLU()), TypeError, r"name: expected a str, got int"),
        (lambda m: m.update(3), TypeError, r"'items': expected a mapping or pairs .*, got int"),
        (lambda m: m.update([("b", nn.ReLU()), 3]), TypeError, r"expected pairs .*, got int"),
        (lambda m: m.update([("b", 1, 2)]), ValueError, r"expected pairs .*, got 3 values"),
    ],
)
def test_refusals_change_nothing(change, error, message):
    modules = nn.ModuleDict({"a": nn.ReLU()})
    with pytest.raises(error, match=message):
        change(modules)
    assert list(modules) == ["a"]
