"""The same modules in PyTorch: the same text, names, shapes, numbers and refusals."""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytestmark = pytest.mark.parity

LIBRARIES = (tg, torch)


def both(build):
    """The same text run with each library's `nn`."""
    return build(tg.nn), build(torch.nn)


def with_same_weights(build):
    """Two modules with PyTorch's weights, in float64."""
    ours, theirs = both(build)
    theirs.double()
    ours.double().load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


LAYERS = [
    "nn.Linear(3, 4)",
    "nn.Linear(3, 4, bias=False)",
    "nn.Identity(3)",
    "nn.Flatten()",
    "nn.Flatten(0, 2)",
    "nn.Conv2d(3, 8, 5)",
    "nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2))",
    "nn.Conv2d(4, 8, 3, 1, 1, dilation=2, groups=2, bias=False)",
    "nn.Conv2d(4, 8, [3, 3], padding=[1, 1])",
    "nn.Conv2d(3, 8, 3, padding='same')",
    "nn.Conv2d(3, 8, 3, padding='valid', stride=2)",
    "nn.MaxPool2d(2)",
    "nn.MaxPool2d((2, 3), stride=1, padding=1, ceil_mode=True)",
    "nn.AvgPool2d(2)",
    "nn.AvgPool2d(3, 2, 1, count_include_pad=False)",
    "nn.ReLU()",
    "nn.ReLU(inplace=True)",
    "nn.Sigmoid()",
    "nn.Tanh()",
    "nn.Softmax(dim=1)",
    "nn.Softmax()",
    "nn.LogSoftmax(dim=-1)",
    "nn.Dropout()",
    "nn.Dropout(p=0.25, inplace=True)",
    "nn.CrossEntropyLoss()",
    "nn.CrossEntropyLoss(ignore_index=3, reduction='sum')",
    "nn.MSELoss(reduction='none')",
    "nn.NLLLoss()",
    "nn.Sequential()",
    "nn.Sequential(nn.Sequential(), nn.ReLU())",
    "nn.Sequential(OrderedDict([('fc', nn.Linear(1, 2)), ('act', nn.ReLU())]))",
    "nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(), nn.Linear(2, 1)))[1:]",
    "nn.ModuleList()",
    "nn.ModuleList([nn.ReLU()])",
    "nn.ModuleList([nn.ReLU(), nn.Linear(1, 2), nn.Linear(1, 2), nn.Sequential(nn.ReLU())])",
    "nn.ModuleList([nn.Sequential(nn.Linear(1, 1), nn.ReLU())] * 3)",
    "nn.Module()",
    "nn.Sequential(nn.Linear(2, 2), nn.ReLU()) * 2",
    "nn.Sequential(nn.Linear(2, 2)) + nn.Sequential(nn.ReLU())",
    "nn.Sequential(nn.Linear(2, 2)).insert(0, nn.ReLU()).append(nn.Tanh())",
    "nn.ModuleDict({'b': nn.Linear(1, 2), 'a': nn.ModuleList([nn.ReLU()])})",
    "nn.ModuleDict()",
    "nn.ParameterList()",
    "nn.ParameterDict()",
]


def run(text, nn):
    return eval(text, {"nn": nn, "OrderedDict": OrderedDict})


@pytest.mark.parametrize("text", LAYERS)
def test_repr_and_state_dict(text):
    ours, theirs = both(lambda nn: run(text, nn))
    assert repr(ours) == repr(theirs)
    shapes = [[(key, tuple(t.shape)) for key, t in m.state_dict().items()] for m in (ours, theirs)]
    assert shapes[0] == shapes[1]
    assert ours.training is theirs.training is True


ARGUMENTS = ["Linear", "Conv2d", "Flatten", "ReLU", "Softmax", "LogSoftmax", "Dropout", "AvgPool2d"]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_constructors_take_the_same_arguments(name):
    ours, theirs = (
        [(p.name, p.default) for p in inspect.signature(getattr(lib.nn, name)).parameters.values()]
        for lib in LIBRARIES
    )
    assert ours == theirs


METHODS = [
    "register_forward_pre_hook", "register_forward_hook", "register_full_backward_pre_hook",
    "register_full_backward_hook", "load_state_dict", "set_submodule", "get_submodule", "type",
    "register_buffer", "register_parameter", "named_parameters", "zero_grad", "train", "cuda",
]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_the_same_arguments(name):
    ours, theirs = (
        [
            (p.name, p.kind, p.default)
            for p in inspect.signature(getattr(lib.nn.Module, name)).parameters.values()
        ]
        for lib in LIBRARIES
    )
    assert ours == theirs


def network(nn):
    class Block(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.scale = nn.Parameter(0.5 * (tg if nn is tg.nn else torch).ones(channels, 1, 1))
            self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.register_buffer("shift", (tg if nn is tg.nn else torch).ones(1))
            self.unused = None

        def forward(self, x):
            return x + self.scale * self.conv(x).relu() - self.shift

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.blocks = nn.ModuleList([Block(4), Block(4)])
            self.pool = nn.MaxPool2d(2)
            self.mean = nn.AvgPool2d(2, padding=1)
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 5))
            self.tied = self.head[1]

        def forward(self, x):
            x = self.stem(x).sigmoid()
            for block in self.blocks:
                x = block(x)
            return self.head(self.mean(self.pool(x)))

    return Net()


@pytest.mark.parametrize(
    "names",
    [
        lambda m: [n for n, _ in m.named_modules()],
        lambda m: [n for n, _ in m.named_modules(remove_duplicate=False)],
        lambda m: [n for n, _ in m.named_modules(prefix="net")],
        lambda m: [n for n, _ in m.named_children()],
        lambda m: [n for n, _ in m.named_parameters()],
        lambda m: [n for n, _ in m.named_parameters(remove_duplicate=False)],
        lambda m: [n for n, _ in m.blocks[0].named_parameters("block", recurse=False)],
        lambda m: [n for n, _ in m.named_buffers()],
        lambda m: [(k, tuple(t.shape)) for k, t in m.state_dict().items()],
        lambda m: list(m.state_dict(prefix="net.")),
        lambda m: [type(c).__name__ for c in m.head[1:3]],
        lambda m: sum(p.numel() for p in m.parameters()),
        repr,
    ],
)
def test_a_nested_network_has_the_same_names(names):
    ours, theirs = both(network)
    assert names(ours) == names(theirs)
    assert names(copy.deepcopy(ours)) == names(theirs)


def test_a_nested_network_gives_the_same_numbers_and_gradients(rng):
    ours, theirs = with_same_weights(network)
    x, labels = rng.standard_normal((3, 3, 16, 16)), np.array([4, 0, 2])
    losses = []
    for lib, net in ((tg, ours), (torch, theirs)):
        loss = lib.nn.CrossEntropyLoss()(net(lib.tensor(x)), lib.tensor(labels))
        loss.backward()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-13)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-10, atol=1e-13, err_msg=name)


FORWARD = [
    ("nn.Linear(6, 4)", (3, 5, 6)),
    ("nn.Linear(6, 4, bias=False)", (6,)),
    ("nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2)", (2, 4, 9, 8)),
    ("nn.Conv2d(4, 6, 3, padding='same', dilation=2)", (2, 4, 9, 8)),
    ("nn.Conv2d(4, 6, 3)", (4, 9, 8)),
    ("nn.MaxPool2d(3, 2, 1, 2, ceil_mode=True)", (2, 4, 9, 8)),
    ("nn.AvgPool2d(3, 2, 1, True, False)", (2, 4, 9, 8)),
    ("nn.AvgPool2d((2, 3), divisor_override=5)", (4, 9, 8)),
    ("nn.Softmax(dim=-2)", (3, 4, 5)),
    ("nn.LogSoftmax(dim=0)", (3, 4)),
    ("nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Sigmoid(), nn.Tanh())", (4, 6)),
]


@pytest.mark.parametrize("text, shape", FORWARD, ids=[text for text, _ in FORWARD])
def test_layers_give_the_same_numbers_and_gradients(text, shape, rng):
    modules = with_same_weights(lambda nn: run(text, nn))
    x, direction = rng.standard_normal(shape), None
    found = []
    for lib, module in zip(LIBRARIES, modules, strict=True):
        t = lib.tensor(x, requires_grad=True)
        y = module(t)
        direction = rng.standard_normal(tuple(y.shape)) if direction is None else direction
        y.backward(lib.tensor(direction))
        found.append([y.detach(), t.grad, *(p.grad for p in module.parameters())])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


LOSSES = [
    "nn.CrossEntropyLoss()",
    "nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1)",
    "nn.CrossEntropyLoss(ignore_index=1, reduction='sum')",
    "nn.CrossEntropyLoss(weight, reduction='none')",
    "nn.NLLLoss(weight, ignore_index=2)",
]


@pytest.mark.parametrize("text", LOSSES)
def test_losses_give_the_same_numbers_and_gradients(text, rng):
    scores, labels, weight = rng.standard_normal((6, 4)), rng.integers(4, size=6), rng.random(4)
    found = []
    for lib in LIBRARIES:
        loss = eval(text, {"nn": lib.nn, "weight": lib.tensor(weight)})
        t = lib.tensor(scores, requires_grad=True)
        value = loss(t, lib.tensor(labels))
        value.sum().backward()
        found.append([value.detach(), t.grad])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse_gives_the_same_numbers(reduction, rng):
    a, b = rng.standard_normal((2, 3, 4))
    ours, theirs = (
        lib.nn.MSELoss(reduction=reduction)(lib.tensor(a), lib.tensor(b)) for lib in LIBRARIES
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)


# --- initialisation -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["nn.Linear(300, 400)", "nn.Conv2d(12, 64, 5, groups=2)"])
def test_layers_start_in_the_same_distribution(text):
    tg.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = both(lambda nn: run(text, nn))
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p, q = p.detach().numpy(), q.detach().numpy()
        assert p.dtype == q.dtype
        assert p.std() == pytest.approx(q.std(), rel=0.15)
        assert abs(p).max() == pytest.approx(abs(q).max(), rel=0.05)


NONLINEARITIES = [
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "sigmoid", "tanh", "relu", "selu", "leaky_relu",
]  # fmt: skip


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_gains(name):
    assert tg.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)


@pytest.mark.parametrize("slope", [0, 1, 0.2, -3.0])
def test_gain_of_a_slope(slope):
    ours, theirs = (lib.nn.init.calculate_gain("leaky_relu", slope) for lib in LIBRARIES)
    assert ours == theirs


@pytest.mark.parametrize(
    "text",
    [
        "xavier_uniform_(w, gain=2.0)",
        "xavier_normal_(w)",
        "kaiming_uniform_(w, a=0.3, mode='fan_out')",
        "kaiming_normal_(w, nonlinearity='relu')",
        "uniform_(w, -3.0, 1.0)",
        "normal_(w, 2.0, 0.1)",
    ],
)
def test_initialisers_fill_with_the_same_distribution(text):
    found = []
    for lib in LIBRARIES:
        lib.manual_seed(0)
        w = eval(text, vars(lib.nn.init) | {"w": lib.empty(200, 60, 5)}).numpy()
        found.append([w.mean(), w.std(), w.min(), w.max()])
    np.testing.assert_allclose(found[0][:2], found[1][:2], rtol=0.02, atol=0.002)
    np.testing.assert_allclose(found[0][2:], found[1][2:], rtol=0.2)


# --- refusals -------------------------------------------------------------------------------------


def assign_tensor(lib):
    lib.nn.Linear(1, 1).weight = lib.ones(1, 1)


def assign_number_to_module(lib):
    net = lib.nn.Sequential(lib.nn.ReLU())
    setattr(net, "0", 3)


def forgotten_init(lib):
    class Net(lib.nn.Module):
        def __init__(self):
            self.fc = lib.nn.Linear(1, 1)

    Net()


REFUSALS = [
    assign_tensor,
    assign_number_to_module,
    forgotten_init,
    lambda lib: lib.nn.Module()(1),
    lambda lib: lib.nn.Linear(1, 1).train(3),
    lambda lib: lib.nn.Linear(1, 1).to(lib.int64),
    lambda lib: lib.nn.Linear(1, 1).get_submodule("a"),
    lambda lib: lib.nn.Linear(1, 1).get_parameter("a"),
    lambda lib: lib.nn.Linear(1, 1).register_buffer("weight", lib.ones(1)),
    lambda lib: lib.nn.Linear(1, 1).register_buffer("a.b", lib.ones(1)),
    lambda lib: lib.nn.Linear(1, 1).register_buffer("a", 3),
    lambda lib: lib.nn.Linear(1, 1).register_parameter("a", lib.ones(1)),
    lambda lib: lib.nn.Linear(1, 1).add_module("", lib.nn.ReLU()),
    lambda lib: lib.nn.Linear(1, 1).add_module("a", 3),
    lambda lib: lib.nn.Linear(1, 1).load_state_dict({}),
    lambda lib: lib.nn.Linear(1, 1).load_state_dict({"weight": lib.ones(2, 2)}, strict=False),
    lambda lib: lib.nn.Linear(1, 1).load_state_dict([1]),
    lambda lib: lib.nn.Sequential(3),
    lambda lib: lib.nn.Sequential(lib.nn.ReLU())[1],
    lambda lib: lib.nn.ModuleList([lib.nn.ReLU()])[-2],
    lambda lib: lib.nn.ModuleList().extend(3),
    lambda lib: lib.nn.Conv2d(3, 4, 3, groups=2),
    lambda lib: lib.nn.Conv2d(4, 4, 3, groups=0),
    lambda lib: lib.nn.Conv2d(4, 4, 3, padding="full"),
    lambda lib: lib.nn.Conv2d(4, 4, 3, padding="same", stride=2),
    lambda lib: lib.nn.Conv2d(4, 4, 3, padding_mode="mirror"),
    lambda lib: lib.nn.Dropout(1.5),
    lambda lib: lib.nn.init.calculate_gain("gelu"),
    lambda lib: lib.nn.init.kaiming_uniform_(lib.ones(3)),
    lambda lib: lib.nn.init.kaiming_uniform_(lib.ones(3, 3), mode="fan"),
    lambda lib: lib.nn.init.eye_(lib.ones(3)),
    lambda lib: lib.nn.Linear(3, 2)(lib.ones(4)),
]


@pytest.mark.parametrize("call", REFUSALS)
def test_refusals_are_caught_by_the_same_except(call):
    with pytest.raises(
        (AttributeError, LookupError, RuntimeError, TypeError, ValueError)
    ) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(tg)
