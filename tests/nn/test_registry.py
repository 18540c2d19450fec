"""What a module registers, and how it is found."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
from source import ROOT

import tinygrad_edu as tg
from tinygrad_edu import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.scale = nn.Parameter(tg.ones(3))
        self.register_buffer("mean", tg.zeros(3))
        self.register_buffer("cache", tg.zeros(1), persistent=False)

    def forward(self, x):
        return self.fc(x) * self.scale - self.mean


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Block()
        self.second = Block()
        self.head = nn.Linear(3, 1, bias=False)


def test_names_come_in_order_own_ones_first():
    assert [name for name, _ in Net().named_parameters()] == [
        "first.scale", "first.fc.weight", "first.fc.bias",
        "second.scale", "second.fc.weight", "second.fc.bias", "head.weight",
    ]  # fmt: skip
    assert [name for name, _ in Net().named_buffers()] == [
        "first.mean", "first.cache", "second.mean", "second.cache",
    ]  # fmt: skip
    assert [name for name, _ in Net().named_modules()] == [
        "", "first", "first.fc", "second", "second.fc", "head",
    ]  # fmt: skip
    assert [name for name, _ in Net().named_children()] == ["first", "second", "head"]


def test_without_names():
    net = Net()
    assert [id(p) for p in net.parameters()] == [id(p) for _, p in net.named_parameters()]
    assert [id(b) for b in net.buffers()] == [id(b) for _, b in net.named_buffers()]
    assert list(net.modules()) == [m for _, m in net.named_modules()]
    assert list(net.children()) == [net.first, net.second, net.head]


def test_recurse_and_prefix():
    block = Block()
    assert [name for name, _ in block.named_parameters(recurse=False)] == ["scale"]
    assert list(block.parameters(recurse=False)) == [block.scale]
    assert [name for name, _ in block.named_parameters("net")] == [
        "net.scale", "net.fc.weight", "net.fc.bias",
    ]  # fmt: skip
    assert [name for name, _ in block.named_modules(prefix="net")] == ["net", "net.fc"]
    assert [name for name, _ in block.named_buffers("b", recurse=False)] == ["b.mean", "b.cache"]


def test_what_is_shared_comes_once_unless_asked():
    net = Net()
    net.second.fc = net.first.fc
    net.head.weight = net.second.scale
    names = [name for name, _ in net.named_parameters()]
    assert names == ["first.scale", "first.fc.weight", "first.fc.bias", "second.scale"]
    everything = [name for name, _ in net.named_parameters(remove_duplicate=False)]
    assert everything == [
        "first.scale", "first.fc.weight", "first.fc.bias",
        "second.scale", "second.fc.weight", "second.fc.bias", "head.weight",
    ]  # fmt: skip
    assert [name for name, _ in net.named_modules()] == ["", "first", "first.fc", "second", "head"]
    assert len(list(net.named_modules(remove_duplicate=False))) == 6
    net.other = net.head
    assert [name for name, _ in net.named_children()] == ["first", "second", "head"]


def test_paths_lead_to_the_parts():
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("first.fc") is net.first.fc
    assert net.get_parameter("first.fc.bias") is net.first.fc.bias
    assert net.get_buffer("second.mean") is net.second.mean
    assert net.first.get_parameter("scale") is net.first.scale


@pytest.mark.parametrize(
    "get, target, message",
    [
        ("get_submodule", "first.conv", r"'first.conv': expected a module named 'conv' in Block, "
                                        r"got nothing"),
        ("get_submodule", "first.scale", r"expected a module named 'scale' in Block, got a Para"),
        ("get_parameter", "first.mean", r"expected a parameter named 'mean' in Block, got a Tens"),
        ("get_parameter", "third.fc.bias", r"expected a module named 'third' in Net, got nothing"),
        ("get_parameter", "head.bias", r"expected a parameter named 'bias' in Linear, got a NoneT"),
        ("get_buffer", "first.scale", r"expected a buffer named 'scale' in Block, got a Parameter"),
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(get, target, message):
    with pytest.raises(AttributeError, match=message):
        getattr(Net(), get)(target)


def test_a_module_is_put_at_a_path():
    net, new = Net(), nn.Linear(2, 3)
    net.set_submodule("first.fc", new)
    net.set_submodule("second.extra", new)
    assert net.first.fc is net.second.extra is new
    assert [name for name, _ in net.first.named_parameters()] == ["scale", "fc.weight", "fc.bias"]
    net.set_submodule("first.fc", nn.Identity(), strict=True)
    assert list(net.first.fc.parameters()) == []


@pytest.mark.parametrize(
    "target, strict, module, error, message",
    [
        ("third.fc", False, nn.ReLU(), AttributeError, r"expected a module named 'third' in Net"),
        ("first.fc.weight", False, nn.ReLU(), AttributeError, r"named 'weight' in Linear, got a P"),
        ("first.forward", False, nn.ReLU(), AttributeError, r"'forward' in Block, got a method"),
        ("first.new", True, nn.ReLU(), AttributeError, r"module named 'new' in Block, got nothing"),
        ("", False, nn.ReLU(), ValueError, r"argument 'target': expected a path, got ''"),
        ("first", False, 3, ValueError, r"argument 'module': expected a Module, got int"),
        ("first", False, None, ValueError, r"argument 'module': expected a Module, got NoneType"),
    ],
)
def test_no_module_is_put_there(target, strict, module, error, message):
    net = Net()
    before = list(net.named_modules())
    with pytest.raises(error, match=message):
        net.set_submodule(target, module, strict)
    assert list(net.named_modules()) == before


# --- attributes that are not there ----------------------------------------------------------------


def test_a_missing_attribute_is_told_with_the_nearest_name():
    with pytest.raises(AttributeError) as caught:
        Net().fist
    assert str(caught.value) == "'Net' object has no attribute 'fist'"
    # What Python's own traceback needs to say "Did you mean: 'first'?": registered names are real
    # attributes, so it finds them.
    assert isinstance(caught.value.obj, Net) and caught.value.name == "fist"
    script = "from tinygrad_edu import nn\nnet = nn.Module()\nnet.first = nn.ReLU()\nnet.fist"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "'Module' object has no attribute 'fist'. Did you mean: 'first'?" in done.stderr


def test_names_in_dir():
    names = dir(nn.Sequential(nn.Linear(1, 1)))
    assert "forward" in names and "training" in names and "0" not in names
    assert {"weight", "bias", "in_features"}.issubset(dir(nn.Linear(1, 1)))


# --- assignment -----------------------------------------------------------------------------------


def test_assigning_again_keeps_the_place():
    block = Block()
    block.scale = nn.Parameter(tg.zeros(3))
    block.fc = nn.Linear(2, 3, bias=False)
    block.mean = tg.ones(3)
    assert [name for name, _ in block.named_parameters()] == ["scale", "fc.weight"]
    assert block.get_buffer("mean").tolist() == [1, 1, 1]
    assert list(block.state_dict()) == ["scale", "mean", "fc.weight"]
    block.mean = tg.ones(3)
    assert [name for name, _ in block.named_buffers()] == ["mean", "cache"]
    net = Net()
    net.first, net.second.fc.weight = Block(), nn.Parameter(tg.ones(3, 2))
    assert [name for name, _ in net.named_parameters()] == [
        name for name, _ in Net().named_parameters()
    ]
    net.register_module("second", Block())
    assert [name for name, _ in net.named_children()] == ["first", "second", "head"]


def test_none_empties_a_place_and_keeps_it():
    block = Block()
    block.scale = block.mean = block.fc = None
    assert list(block.parameters()) == []
    assert [name for name, _ in block.named_buffers()] == ["cache"]
    assert list(block.children()) == []
    block.scale = nn.Parameter(tg.ones(1))
    assert [name for name, _ in block.named_parameters()] == ["scale"]


def test_deletion_forgets():
    block = Block()
    del block.scale, block.fc, block.mean, block.cache
    assert not hasattr(block, "scale")
    assert list(block.state_dict()) == [] and list(block.children()) == []
    with pytest.raises(AttributeError):
        del block.scale


def test_a_plain_attribute_becomes_registered():
    module = nn.Module()
    module.w = 3
    module.w = nn.Parameter(tg.ones(1))
    module.part = tg.ones(1)
    module.part = nn.Identity()
    assert [name for name, _ in module.named_parameters()] == ["w"]
    assert [name for name, _ in module.named_children()] == ["part"]


def test_a_plain_tensor_is_not_registered():
    module = nn.Module()
    module.t = tg.ones(2)
    assert list(module.state_dict()) == []


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("scale", tg.ones(3), r"Block.scale is registered as a parameter: expected a Parameter or "
                              r"None, got Tensor; wrap it in nn.Parameter"),
        ("scale", nn.Identity(), r"Block.scale is registered as a parameter: .*got Identity"),
        ("fc", len, r"Block.fc is registered as a module: expected a Module or None, got builtin"),
        ("fc", [nn.Identity()], r"Block.fc is registered as a module: .* got list"),
        ("mean", 3.0, r"Block.mean is registered as a buffer: expected a Tensor or None, got"),
        ("cache", "x", r"Block.cache is registered as a transient buffer: expected a Tensor or No"),
    ],
)  # fmt: skip
def test_a_registered_name_refuses_other_things(name, value, message):
    block = Block()
    before = getattr(block, name)
    with pytest.raises(TypeError, match=message):
        setattr(block, name, value)
    assert getattr(block, name) is before


@pytest.mark.parametrize("value", [nn.Parameter(tg.ones(1)), nn.Linear(1, 1)])
def test_forgotten_init_is_told(value):
    class Forgetful(nn.Module):
        def __init__(self):
            self.size = [3, 4]
            self.part = value

    with pytest.raises(AttributeError, match=r"Forgetful: Module.__init__\(\) was not called; "
                                             r"write super\(\).__init__\(\)"):  # fmt: skip
        Forgetful()


def test_forgotten_init_is_told_where_nothing_was_assigned():
    class Forgetful(nn.Module):
        def __init__(self):
            self.size = 3

    for use in (nn.Module.parameters, nn.Module.state_dict, nn.Module.eval, repr):
        with pytest.raises(AttributeError, match=r"Forgetful: Module.__init__\(\) was not called"):
            list(use(Forgetful()))


# --- register_* -----------------------------------------------------------------------------------


def test_register_by_name():
    module = nn.Module()
    module.register_parameter("w", nn.Parameter(tg.ones(2)))
    module.register_parameter("b", None)
    module.register_buffer("mean", None)
    module.register_module("part", nn.Identity())
    module.add_module("0", nn.Identity())
    assert module.b is None and module.mean is None
    assert [name for name, _ in module.named_parameters()] == ["w"]
    assert [name for name, _ in module.named_children()] == ["part", "0"]
    module.b = nn.Parameter(tg.ones(1))
    module.mean = tg.ones(1)
    assert list(module.state_dict()) == ["w", "b", "mean"]


def test_a_buffer_registered_anew_may_change_its_persistence():
    module = nn.Module()
    module.register_buffer("mean", tg.zeros(1), persistent=False)
    assert list(module.state_dict()) == []
    module.register_buffer("mean", tg.zeros(1))
    assert list(module.state_dict()) == ["mean"]


@pytest.mark.parametrize("register", ["register_parameter", "register_buffer", "add_module"])
@pytest.mark.parametrize(
    "name, error, message",
    [
        ("a.b", KeyError, r"expected a name without"),
        ("", KeyError, r"expected a name without"),
        ("forward", KeyError, r"Linear already has an attribute 'forward'"),
        (3, TypeError, r"name: expected a str, got int"),
    ],
)
def test_register_refuses_names(register, name, error, message):
    module = nn.Linear(1, 1)
    before = dict(vars(module)), list(module.state_dict())
    with pytest.raises(error, match=message):
        getattr(module, register)(name, None)
    assert (dict(vars(module)), list(module.state_dict())) == before


def test_register_refuses_a_name_of_another_kind():
    block = Block()
    with pytest.raises(KeyError, match=r"Block already has an attribute 'fc'"):
        block.register_buffer("fc", tg.ones(1))
    with pytest.raises(KeyError, match=r"Block already has an attribute 'mean'"):
        block.register_parameter("mean", nn.Parameter())
    with pytest.raises(KeyError, match=r"Block already has an attribute 'scale'"):
        block.add_module("scale", nn.Identity())


@pytest.mark.parametrize(
    "register, value, message",
    [
        ("register_parameter", tg.ones(1), r"expected a Parameter or None, got Tensor; wrap it"),
        ("register_buffer", 3.0, r"argument 'tensor': expected a Tensor or None, got"),
        ("add_module", len, r"argument 'module': expected a Module or None, got builtin_function"),
    ],
)
def test_register_refuses_values(register, value, message):
    with pytest.raises(TypeError, match=message):
        getattr(nn.Module(), register)("x", value)


def test_register_parameter_refuses_one_that_an_operation_made():
    p = nn.Parameter(tg.zeros(1), requires_grad=False)
    p += tg.ones(1, requires_grad=True)
    with pytest.raises(tg.GraphError, match=r"register_parameter: .* expected a leaf"):
        nn.Module().register_parameter("p", p)


# --- modules that are hidden ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    [
        [nn.Linear(1, 1)],
        (nn.Linear(1, 1), "relu"),
        {"fc": nn.Linear(1, 1)},
        [None, [nn.Linear(1, 1)]],
        [("fc", nn.Linear(1, 1))],
        {nn.Linear(1, 1)},
        [{"fc": nn.Linear(1, 1)}],
        {"a": {"fc": nn.Linear(1, 1)}},
    ],
    ids=repr,
)
def test_a_plain_container_of_modules_warns(hidden):
    module = nn.Module()
    with pytest.warns(UserWarning, match=r"Module.layers is a plain .* use nn.ModuleList"):
        module.layers = hidden
    assert module.layers is hidden


def test_other_containers_do_not_warn():
    module = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    module.sizes = [3, 4]
    module.settings = {"lr": 0.1, "shape": (2, 3)}
    module.learned = list(module.parameters())
    module.by_hand = [module[0], module[1]]  # registered already


def test_a_shallow_copy_registers_for_itself():
    block = Block()
    other = copy.copy(block)
    other.extra = nn.Linear(1, 1)
    assert [name for name, _ in block.named_children()] == ["fc"]
    assert [name for name, _ in other.named_children()] == ["fc", "extra"]
    assert other.fc is block.fc
