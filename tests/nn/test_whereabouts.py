"""Errors inside a network begin with the path of the module in which they arose."""

from __future__ import annotations

import copy
import pickle

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


class Block(nn.Module):
    def __init__(self, fail=None):
        super().__init__()
        self.fc1 = nn.Linear(4, 4)
        self.fail = fail

    def forward(self, x):
        if self.fail:
            raise self.fail
        return self.fc1(x)


class Encoder(nn.Module):
    def __init__(self, *blocks):
        super().__init__()
        self.layers = nn.ModuleList(blocks)

    def forward(self, x):
        for layer in self.layers:  # the list itself is never called
            x = layer(x)
        return x


class Net(nn.Module):
    def __init__(self, *blocks):
        super().__init__()
        self.encoder = Encoder(*blocks)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))

    def forward(self, x):
        return self.head(self.encoder(x))


def failure(call, *args):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call(*args)
    return caught.value


def test_a_shape_error_names_the_path_and_what_the_layer_expects():
    error = failure(Net(Block(), Block()), tg.ones(2, 5))
    assert type(error) is tg.ShapeError
    assert str(error) == "encoder.layers.0.fc1 (Linear): expected (N, 4), got (2, 5)"
    assert error.__notes__ == ["linear: expected input (..., 4) for weight (4, 4), got (2, 5)"]


def test_the_layer_alone_names_its_class():
    error = failure(nn.Linear(3072, 10), tg.ones(64, 3, 32, 32))
    assert str(error) == "Linear: expected (N, 3072), got (64, 3, 32, 32): flatten first?"


def test_inside_a_sequential():
    net = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(12, 2)), nn.ReLU())
    message = r"^0\.1 \(Linear\): expected \(N, 12\), got \(5, 3, 2, 2\): flatten first\?$"
    with pytest.raises(tg.ShapeError) as caught:
        net(tg.ones(5, 3, 2, 2))
    caught.match(message.removesuffix("$"))
    assert str(caught.value).endswith("flatten first?")


def test_by_keyword():
    error = failure(lambda: nn.Linear(3, 1)(input=tg.ones(2, 4)))
    assert str(error) == "Linear: expected (N, 3), got (2, 4)"


def test_an_error_that_is_not_of_the_input_keeps_its_text():
    layer = nn.Linear(3, 1)
    layer.bias = nn.Parameter(tg.ones(5))
    net = nn.Sequential(layer)
    original = str(failure(layer, tg.ones(2, 3)))
    assert original.startswith("linear: ")
    assert str(failure(net, tg.ones(2, 3))) == f"0 (Linear): {original}"


@pytest.mark.parametrize("kind", [tg.DTypeError, tg.GraphError, tg.DimensionError])
def test_all_errors_of_the_engine_name_the_path(kind):
    error = kind("op: the text")
    found = failure(Net(Block(), Block(error)), tg.ones(1, 4))
    assert found is error
    assert str(found) == "encoder.layers.1 (Block): op: the text"


def test_other_errors_get_a_note():
    error = KeyError("the text")
    found = failure(Net(Block(error)), tg.ones(1, 4))
    assert found is error and found.args == ("the text",)
    assert found.__notes__ == ["in encoder.layers.0 (Block)"]


def test_other_notes_stay():
    error = KeyError("the text")
    error.add_note("mine")
    assert failure(Net(Block(error)), tg.ones(1, 4)).__notes__ == [
        "mine", "in encoder.layers.0 (Block)",
    ]  # fmt: skip


def test_what_the_root_raises_stays_as_it_is():
    for error in (KeyError("the text"), tg.ShapeError("op: the text")):
        text = str(error)
        assert str(failure(Block(error), 1)) == text and not hasattr(error, "__notes__")


def test_errors_in_hooks_name_the_path():
    net = Net(Block())
    net.encoder.layers[0].fc1.register_forward_hook(lambda *a: 1 / 0)
    error = failure(net, tg.ones(1, 4))
    assert type(error) is ZeroDivisionError
    assert error.__notes__ == ["in encoder.layers.0.fc1 (Linear)"]
    net = Net(Block())
    net.register_forward_pre_hook(lambda *a: None)  # the path through modules with hooks
    assert str(failure(net, tg.ones(1, 3))).startswith("encoder.layers.0.fc1 (Linear): expected")


def test_a_module_that_is_no_part_of_the_others():
    class Outer(nn.Module):
        def forward(self, x):
            return nn.Sequential(nn.Linear(2, 1))(x)

    net = nn.Sequential(Outer())
    assert str(failure(net, tg.ones(1, 3))) == "0 (Linear): expected (N, 2), got (1, 3)"


def test_a_shared_module_has_its_first_path():
    fc = nn.Linear(4, 4)
    net = nn.Sequential(nn.Flatten(), fc, fc)
    assert str(failure(net, tg.ones(1, 3))).startswith("1 (Linear): ")


def test_without_init_the_original_error_comes_through():
    class Forgetful(nn.Module):
        def __init__(self):
            pass

        def forward(self, x):
            return nn.Linear(2, 1)(x)

    assert str(failure(Forgetful(), tg.ones(1, 3))) == "Linear: expected (N, 2), got (1, 3)"


def test_the_error_keeps_no_module_and_can_be_sent():
    net = Net(Block())
    error = failure(net, tg.ones(1, 3))
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert str(other) == str(error)
    assert not any(isinstance(x, nn.Module) for x in vars(vars(error)["_place"]).values())


def test_an_error_that_is_caught_inside_is_no_matter():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, x):
            try:
                return self.fc(x)
            except tg.ShapeError as error:
                return str(error)

    assert Careful()(tg.ones(1, 3)) == "Linear: expected (N, 2), got (1, 3)"
