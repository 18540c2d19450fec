"""Sequential and ModuleList: modules by number."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

ROWS = [lambda *m: nn.Sequential(*m), lambda *m: nn.ModuleList(m)]


def parts(n=4):
    return [nn.Linear(2, 2) for _ in range(n)]


def names(row):
    return [name for name, _ in row.named_children()]


@pytest.mark.parametrize("build", ROWS)
def test_reading(build):
    modules = parts()
    row = build(*modules)
    assert len(row) == 4 and list(row) == modules and names(row) == ["0", "1", "2", "3"]
    assert row[0] is modules[0] and row[-1] is modules[3]
    assert modules[2] in row and nn.ReLU() not in row
    for part in (row[1:3], row[::2], row[-2:]):
        assert type(part) is type(row)
    assert list(row[1:3]) == modules[1:3] and list(row[::2]) == modules[::2]
    assert len(row[4:]) == 0


@pytest.mark.parametrize("build", ROWS)
@pytest.mark.parametrize("place", [4, -5])
def test_no_such_place(build, place):
    row = build(*parts())
    with pytest.raises(IndexError, match=rf"expected a place among 4 modules, got {place}"):
        row[place]
    with pytest.raises(IndexError, match=r"expected a place among 4 modules"):
        row[place] = nn.ReLU()
    with pytest.raises(IndexError, match=r"expected a place among 4 modules"):
        del row[place]
    with pytest.raises(TypeError):
        row["0"]


@pytest.mark.parametrize("build", ROWS)
def test_writing(build):
    modules = parts()
    row = build(*modules)
    relu, tanh, last = nn.ReLU(), nn.Tanh(), nn.Identity()
    row[-1] = relu
    assert list(row) == [*modules[:3], relu]
    assert row.append(tanh) is row
    assert list(row) == [*modules[:3], relu, tanh]
    assert row.extend([last]) is row and row[5] is last
    row.insert(1, last)
    assert list(row) == [modules[0], last, *modules[1:3], relu, tanh, last]
    assert row.pop(1) is last and row.pop(-1) is last
    del row[1:3]
    assert list(row) == [modules[0], relu, tanh] and names(row) == ["0", "1", "2"]
    del row[0]
    assert list(row) == [relu, tanh] and names(row) == ["0", "1"]
    row += [last]
    assert list(row) == [relu, tanh, last]
    assert list(row + [relu]) == [relu, tanh, last, relu] and len(row) == 3
    assert type(row + []) is type(row)


@pytest.mark.parametrize("build", ROWS)
def test_the_same_module_twice_counts_twice(build):
    relu = nn.ReLU()
    row = build(relu, relu)
    assert len(row) == 2 and list(row) == [relu, relu] and len(list(row.children())) == 1


@pytest.mark.parametrize("build", ROWS)
def test_refusals_change_nothing(build):
    modules = parts(2)
    row = build(*modules)
    for change, message in [
        (lambda: row.append(3), r"expected a Module or None, got int"),
        (lambda: row.extend([nn.ReLU(), 3]), r"argument 'modules': expected Modules, got a int"),
        (lambda: row.extend(3), r"argument 'modules': expected an iterable of modules, got int"),
        (lambda: row.insert(0, 3), r"insert: argument 'module': expected a Module, got int"),
    ]:
        with pytest.raises(TypeError, match=message):
            change()
        assert list(row) == modules and names(row) == ["0", "1"]
    for place in (3, -3):
        with pytest.raises(IndexError, match=rf"a place among 2 modules, or 2, got {place}"):
            row.insert(place, nn.ReLU())
        assert list(row) == modules


def test_sequential_times():
    modules = parts(2)
    row = nn.Sequential(*modules)
    assert list(row * 2) == list(2 * row) == modules * 2 and list(row) == modules
    assert len(list((row * 3).parameters())) == 4  # the same ones
    kept = row
    row *= 2
    assert row is kept and list(row) == modules * 2 and names(row) == ["0", "1"]
    assert list(row.state_dict())[-1] == "3.bias"
    row *= 1
    assert list(row) == modules * 2
    with pytest.raises(ValueError, match=r"argument 'count': expected a positive int, got 0"):
        row * 0
    with pytest.raises(TypeError, match=r"argument 'count': expected a positive int, got float"):
        row * 1.5
    with pytest.raises(ValueError, match=r"argument 'count': expected a positive int, got -1"):
        row *= -1
    assert list(row) == modules * 2


def test_sequential_calls_in_order():
    class Add(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.n = n

        def forward(self, x):
            return 10 * x + self.n

    assert nn.Sequential(Add(1), Add(2), nn.Sequential(Add(3)))(0) == 123
    assert nn.Sequential()(7) == 7


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict([("fc", nn.Linear(2, 3)), ("act", nn.ReLU())]))
    assert names(net) == ["fc", "act"] and net.fc is net[0]
    assert list(net.state_dict()) == ["fc.weight", "fc.bias"]
    assert names(net[1:]) == ["act"]
    net[1] = nn.Tanh()
    assert names(net) == ["fc", "act"] and isinstance(net.act, nn.Tanh)
    assert names(nn.Sequential({"a": nn.ReLU()})) == ["a"]


def test_sequential_refuses():
    with pytest.raises(TypeError, match=r"expected Modules, got a list; write Sequential\(\*modul"):
        nn.Sequential([nn.Linear(1, 1)])
    with pytest.raises(TypeError, match=r"argument 'args': expected Modules, got a function"):
        nn.Sequential(nn.ReLU(), lambda x: x)
    with pytest.raises(KeyError, match=r"expected a name without"):
        nn.Sequential({"a.b": nn.ReLU()})


def test_a_module_list_in_a_module_is_trained():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(2))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    net = Net()
    assert list(net.state_dict()) == ["layers.0.weight", "layers.1.weight"]
    net(tg.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_module_list_repr_draws_equal_neighbours_together():
    row = nn.ModuleList([nn.ReLU(), nn.Linear(1, 2), nn.Linear(1, 2), nn.ReLU()])
    assert repr(row) == (
        "ModuleList(\n"
        "  (0): ReLU()\n"
        "  (1-2): 2 x Linear(in_features=1, out_features=2, bias=True)\n"
        "  (3): ReLU()\n"
        ")"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"
