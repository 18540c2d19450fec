"""State dicts: what is kept, and that loading takes all or nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


class Net(nn.Module):
    def __init__(self, hidden=3):
        super().__init__()
        self.fc = nn.Linear(2, hidden)
        self.register_buffer("steps", tg.tensor([4]))
        self.register_buffer("cache", tg.zeros(1), persistent=False)
        self.out = nn.Sequential(nn.ReLU(), nn.Linear(hidden, 1, bias=False))


KEYS = ["steps", "fc.weight", "fc.bias", "out.1.weight"]


def values(module):
    return {key: tensor.tolist() for key, tensor in module.state_dict().items()}


def test_keys_in_order_and_what_is_kept():
    state = Net().state_dict()
    assert list(state) == KEYS
    assert not any(isinstance(t, nn.Parameter) or t.requires_grad for t in state.values())


def test_the_tensors_share_the_module_s_memory():
    net = Net()
    state = net.state_dict()
    with tg.no_grad():
        net.fc.bias.fill_(7)
    assert state["fc.bias"].tolist() == [7, 7, 7]
    assert net.state_dict(keep_vars=True)["fc.bias"] is net.fc.bias


def test_prefix_and_destination():
    found = {"before": 1}
    assert nn.Linear(1, 1).state_dict(prefix="a.b.", destination=found) is found
    assert list(found) == ["before", "a.b.weight", "a.b.bias"]


def test_shared_parameters_are_listed_twice():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    assert list(net.state_dict()) == ["0.weight", "1.weight"]
    other = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    other.load_state_dict(net.state_dict())
    assert other[1].weight.tolist() == other[0].weight.tolist() == net[0].weight.tolist()


def test_round_trip_fills_the_same_tensors():
    source, target = Net(), Net()
    with tg.no_grad():
        source.steps += 5
    kept = {name: id(t) for name, t in target.named_parameters()}
    result = target.load_state_dict(source.state_dict())
    assert values(target) == values(source)
    assert {name: id(t) for name, t in target.named_parameters()} == kept
    assert all(p.requires_grad and p.is_leaf for p in target.parameters())
    assert result == ([], []) and result.missing_keys == result.unexpected_keys == []
    assert repr(result) == str(result) == "<All keys matched successfully>"
    with tg.no_grad():
        target.fc.weight.zero_()
    assert bool((source.fc.weight != 0).any())  # a copy was taken


def test_arrays_load_and_are_converted():
    net = Net()
    state = {key: np.full(t.shape, 2.0, np.float64) for key, t in net.state_dict().items()}
    net.load_state_dict(state)
    assert values(net)["fc.bias"] == [2, 2, 2] and net.fc.bias.dtype == tg.float32
    assert net.steps.tolist() == [2] and net.steps.dtype == tg.int64


def test_loading_is_seen_by_the_check_of_saved_values():
    layer = nn.Linear(2, 1)
    y = layer(tg.ones(1, 2, requires_grad=True))
    layer.load_state_dict(nn.Linear(2, 1).state_dict())
    with pytest.raises(tg.GraphError, match=r"linear needs its argument 'weight'"):
        y.sum().backward()


def broken():
    state = Net(hidden=4).state_dict()
    del state["fc.bias"], state["steps"]
    state["extra"] = state["more.weight"] = tg.ones(1)
    return state


def test_strict_failure_lists_everything_and_changes_nothing():
    net = Net()
    before = copy.deepcopy(values(net))
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(broken())
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net; nothing was changed:\n"
        '\tMissing key(s) in state_dict: "steps", "fc.bias"\n'
        '\tUnexpected key(s) in state_dict: "extra", "more.weight"\n'
        "\tsize mismatch for fc.weight: expected shape (3, 2), got (4, 2)\n"
        "\tsize mismatch for out.1.weight: expected shape (1, 3), got (1, 4)\n"
        "\t(strict=False loads the keys that are on both sides)"
    )
    assert values(net) == before


def test_missing_alone_fails_when_strict():
    state = Net().state_dict()
    del state["fc.bias"]
    net = Net()
    before = copy.deepcopy(values(net))
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "fc.bias"'):
        net.load_state_dict(state)
    assert values(net) == before


def test_not_strict_loads_what_is_on_both_sides():
    source = Net()
    state = source.state_dict()
    del state["fc.bias"]
    state["extra"] = tg.ones(1)
    net = Net()
    bias = net.fc.bias.tolist()
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["fc.bias"] and result.unexpected_keys == ["extra"]
    assert repr(result) == "LoadResult(missing_keys=['fc.bias'], unexpected_keys=['extra'])"
    assert net.fc.weight.tolist() == source.fc.weight.tolist() and net.fc.bias.tolist() == bias


def test_not_strict_still_refuses_shapes():
    net = Net()
    before = copy.deepcopy(values(net))
    with pytest.raises(RuntimeError, match=r"size mismatch for fc.weight: expected shape \(3, 2\)"):
        net.load_state_dict(broken(), strict=False)
    assert values(net) == before


@pytest.mark.parametrize(
    "value, got",
    [("text", "str"), ([1.0, 2.0, 3.0], "list"), (np.array(["a"] * 3), "<U1 elements")],
)
def test_values_that_are_no_tensors(value, got):
    net = Net()
    before = copy.deepcopy(values(net))
    message = f"wrong type for fc.bias: expected a Tensor or an array of numbers, got {got}"
    with pytest.raises(RuntimeError, match=message):
        net.load_state_dict({**Net().state_dict(), "fc.bias": value})
    assert values(net) == before


def test_memory_that_cannot_be_written():
    net = Net()
    net.fc.bias = nn.Parameter(tg.from_numpy(np.broadcast_to(np.float32(1), (3,))))
    before = copy.deepcopy(values(net))
    with pytest.raises(RuntimeError, match=r"read-only memory for fc.bias"):
        net.load_state_dict(Net().state_dict())
    assert values(net) == before


def test_what_is_no_mapping():
    with pytest.raises(TypeError, match=r"argument 'state_dict': expected a mapping, got Linear"):
        nn.Linear(1, 1).load_state_dict(nn.Linear(1, 1))


# --- assign ---------------------------------------------------------------------------------------


def test_assign_takes_the_tensors_themselves():
    source, net = Net().double(), Net()
    net.fc.bias.requires_grad_(False)
    state = source.state_dict()
    net.load_state_dict(state, assign=True)
    assert net.steps is state["steps"]
    assert net.fc.weight.dtype == tg.float64 and isinstance(net.fc.weight, nn.Parameter)
    assert net.fc.weight.requires_grad and not net.fc.bias.requires_grad
    assert [name for name, _ in net.named_parameters()] == ["fc.weight", "fc.bias", "out.1.weight"]
    with tg.no_grad():
        source.fc.weight.fill_(7)
    assert net.fc.weight.tolist() == source.fc.weight.tolist()  # the memory is shared


def test_assign_takes_parameters_and_arrays():
    net, weight = Net(), nn.Parameter(tg.ones(3, 2), requires_grad=False)
    net.load_state_dict(
        {"fc.weight": weight, "fc.bias": np.ones(3), "steps": np.array([1])}, False, assign=True
    )
    assert net.fc.weight is weight and weight.requires_grad
    assert net.fc.bias.dtype == tg.float64 and net.steps.tolist() == [1]


def test_assign_may_tie_and_untie():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    shared = nn.Parameter(tg.ones(2, 2))
    net.load_state_dict({"0.weight": shared, "1.weight": shared}, assign=True)
    assert net[0].weight is net[1].weight is shared
    net.load_state_dict({"0.weight": tg.ones(2, 2), "1.weight": tg.zeros(2, 2)}, assign=True)
    assert net[0].weight.tolist() != net[1].weight.tolist()


def test_assign_refuses_all_or_nothing():
    net = Net()
    before = dict(net.named_parameters())
    state = Net().state_dict()
    state["out.1.weight"] = tg.ones(1, 3).long()
    with pytest.raises(RuntimeError, match=r"out.1.weight: expected a floating dtype, got int64"):
        net.load_state_dict(state, assign=True)
    state["out.1.weight"] = tg.ones(1, 4)
    with pytest.raises(RuntimeError, match=r"size mismatch for out.1.weight"):
        net.load_state_dict(state, assign=True)
    assert all(p is before[name] for name, p in net.named_parameters())
