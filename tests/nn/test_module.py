"""Modules are called, switched, converted and shown as one."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim


class Scale(nn.Module):
    """At the top of the file, so that it can be pickled."""

    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = nn.Parameter(tg.tensor([factor]))
        self.register_buffer("count", tg.tensor([3]))
        self.register_buffer("shift", tg.tensor([0.5]), persistent=False)

    def forward(self, x, *, twice=False):
        y = x * self.factor + self.shift
        return y * 2 if twice else y


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
        self.scale = Scale()

    def forward(self, x):
        return self.scale(self.body(x))


def test_call_runs_forward_with_all_arguments():
    scale = Scale()
    assert scale(tg.ones(1)).tolist() == [2.5]
    assert scale(tg.ones(1), twice=True).tolist() == [5]


def test_without_forward_it_cannot_be_called():
    with pytest.raises(NotImplementedError, match=r"ModuleList cannot be called: it does not defi"):
        nn.ModuleList()(tg.ones(1))


def test_gradients_reach_all_parameters():
    net = Net().eval()
    net(tg.ones(4, 2)).sum().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in net.parameters())


# --- modes and gradients --------------------------------------------------------------------------


def test_train_and_eval_reach_every_part():
    net = Net()
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net
    assert all(m.training for m in net.modules())
    net.body.eval()
    assert net.training and not net.body[1].training
    with pytest.raises(ValueError, match=r"train: argument 'mode': expected a bool, got 1"):
        net.train(1)


def test_requires_grad_freezes():
    net = Net()
    assert net.body.requires_grad_(False) is net.body
    assert [p.requires_grad for p in net.parameters()] == [False, False, True]
    net(tg.ones(1, 2)).sum().backward()
    assert [p.grad is None for p in net.parameters()] == [True, True, False]


def test_zero_grad():
    net = Net()
    net(tg.ones(1, 2)).sum().backward()
    grads = [p.grad for p in net.parameters()]
    net.zero_grad(set_to_none=False)
    for p, grad in zip(net.parameters(), grads, strict=True):
        assert p.grad is grad and not grad.array.any()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.zero_grad(set_to_none=False)  # nothing to set to zero


def test_zero_grad_cuts_a_recorded_gradient_off_its_graph():
    scale = Scale()
    (scale(tg.ones(1)) ** 3).sum().backward(create_graph=True)
    assert scale.factor.grad.requires_grad
    scale.zero_grad(set_to_none=False)
    assert not scale.factor.grad.requires_grad
    assert scale.factor.grad.tolist() == [0]


def test_apply_visits_children_first():
    seen = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "Dropout", "Sequential", "Scale", "Net"]


# --- conversion -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert, dtype",
    [
        (lambda m: m.double(), tg.float64),
        (lambda m: m.half(), tg.float16),
        (lambda m: m.double().float(), tg.float32),
        (lambda m: m.to(tg.float64), tg.float64),
        (lambda m: m.to(dtype=tg.float64), tg.float64),
        (lambda m: m.to("cpu", tg.float64), tg.float64),
        (lambda m: m.to(tg.device("cpu"), tg.float64, True), tg.float64),
        (lambda m: m.to(device="cpu", dtype=tg.float64, non_blocking=True), tg.float64),
        (lambda m: m.to(tg.ones(1, dtype=tg.float64)), tg.float64),
        (lambda m: m.to("cpu"), tg.float32),
        (lambda m: m.cpu(), tg.float32),
    ],
)
def test_conversion_changes_floats_in_place(convert, dtype):
    net = Net()
    parameters = list(net.parameters())
    net(tg.ones(1, 2)).sum().backward()
    assert convert(net) is net
    assert all(p is q for p, q in zip(net.parameters(), parameters, strict=True))
    assert {p.dtype for p in parameters} == {p.grad.dtype for p in parameters} == {dtype}
    assert all(p.requires_grad and p.is_leaf for p in parameters)
    assert net.scale.shift.dtype == dtype
    assert net.scale.count.dtype == tg.int64
    net(tg.ones(1, 2, dtype=dtype)).sum().backward()
    assert all(p.grad.dtype == dtype for p in parameters)


def test_type_converts_whole_numbers_too():
    net = Net()
    assert net.type(tg.float64) is net
    assert {t.dtype for t in net.state_dict().values()} == {np.dtype("float64")}


def test_there_is_no_gpu():
    with pytest.raises(ValueError, match=r"cuda: expected 'cpu', got 'cuda'; .*cuda.is_availabl"):
        Net().cuda()


def test_conversion_keeps_what_is_shared():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    net.double()
    assert net[1].weight is net[0].weight
    assert net[0].weight.dtype == tg.float64


def test_conversion_refuses():
    with pytest.raises(TypeError, match=r"to: argument 'dtype': expected a floating dtype, got"):
        Net().to(tg.int64)
    with pytest.raises(ValueError, match=r"device: expected 'cpu', got 'cuda:0'"):
        Net().to("cuda:0")


# --- copies and text ------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole_and_apart(copied):
    net = Net().eval()
    net.tied = net.body[0]
    other = copied(net)
    x = tg.randn(4, 2)
    assert (other(x) == net(x)).all()
    assert other.tied is other.body[0] and not other.training
    assert list(other.state_dict()) == list(net.state_dict())
    assert [name for name, _ in other.named_buffers()] == ["scale.count", "scale.shift"]
    with tg.no_grad():
        other.scale.factor += 1
        other.body[0].weight.zero_()
    assert net.scale.factor.item() == 2 and bool((net.body[0].weight != 0).any())
    other.new = nn.Identity()
    assert not hasattr(net, "new")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_network_and_its_optimizer_are_copied_together(copied):
    def step(net, optimizer):
        optimizer.zero_grad()
        net(tg.ones(4, 2)).pow(2).sum().backward()
        optimizer.step()
        return [p.tolist() for p in net.parameters()]

    net = Net().eval()
    pair = net, optim.Adam(net.parameters(), lr=0.1)
    step(*pair)
    other = copied(pair)
    assert step(*other) == step(*pair)
    assert step(*other) == step(*pair)


def test_repr_nests():
    class Settings(nn.Module):
        def extra_repr(self):
            return "a=1\nb=2"

    net = Net()
    net.settings = Settings()
    net.nothing = nn.Module()
    assert repr(net) == (
        "Net(\n"
        "  (body): Sequential(\n"
        "    (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "    (1): Dropout(p=0.5, inplace=False)\n"
        "  )\n"
        "  (scale): Scale()\n"
        "  (settings): Settings(\n"
        "    a=1\n"
        "    b=2\n"
        "  )\n"
        "  (nothing): Module()\n"
        ")"
    )
