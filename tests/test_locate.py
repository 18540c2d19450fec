"""locate_wrong_gradient: the first wrong rule of a graph is found, and no right one is blamed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from op_table import ROWS
from tensors import leaf
from test_ops import leaves

import tinygrad_edu as tg
from tinygrad_edu import nn, testing
from tinygrad_edu.errors import DTypeError, GraphError


@tg.op
def blend(input, other, /, share=0.25):
    return input * share + other * other * (1 - share)


@blend.rule
def blend_rule(g, other, share):
    return g * share, g * other * (1 - share)  # the factor 2 is missing


@tg.op
def bent(input, /):
    return np.maximum(input, 0) * 3


@bent.rule
def bent_rule(g, input):
    return g * tg.where(input > 0, 2.0, 0.0)


@tg.op
def total(input, /):
    return input.sum()


@total.rule
def total_rule(g, input):
    return g * input[:1]


def graph(dtype=tg.float32) -> tuple:
    rng = np.random.default_rng(0)
    W, v = leaf(rng.standard_normal((3, 4)), dtype), leaf(rng.standard_normal((5, 3)), dtype)
    x = tg.tensor(rng.standard_normal((5, 4)), dtype=dtype)

    def program():
        return bent(blend((x @ W.T).tanh(), v.exp()) - 1).mean()

    return program, W


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_the_first_wrong_rule_is_found(dtype, recorded):
    program, W = graph(dtype)
    found = tg.locate_wrong_gradient(program if recorded else program())
    assert not found
    assert not found.ok
    assert found.op == "blend"
    assert found.checked == 5  # permute, matmul, tanh, exp and blend
    assert found.skipped == []
    assert {m.input for m in found.result.mismatches} == {1}
    text = str(found)
    assert "the rule of blend is wrong, op 5 of 8: (5, 3), (5, 3) -> (5, 3)" in text
    assert "its result goes into sub" in text
    assert re.search(r"argument 'other', element \(\d, \d\): .*relative 0.5", text)
    assert W.grad is None


def test_the_line_and_the_module_are_named():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Module()
            self.part.forward = lambda x: bent(x)

        def forward(self, x):
            return self.part(x)

    net = Net()
    with tg.detect_anomaly(check_nan=False):
        loss = net(leaf([1.0, -1.0])).sum()
    found = tg.locate_wrong_gradient(loss)
    assert found.place.file == __file__
    assert found.place.code == "self.part.forward = lambda x: bent(x)"
    assert found.place.module == "part (Module)"
    assert f"at {__file__}:{found.place.line}, in <lambda>: self.part" in str(found)
    assert tg.locate_wrong_gradient(net(leaf([1.0])).sum()).place is None


def test_a_rule_that_raises_or_returns_an_impossible_shape():
    @tg.op
    def broken(input, /):
        return input * 2

    @broken.rule
    def broken_rule(g, input):
        raise KeyError("lost")

    found = tg.locate_wrong_gradient(broken(leaf([1.0])).sum())
    assert "the rule of broken is wrong" in str(found)
    assert "it raised KeyError: 'lost'" in str(found)

    @tg.op
    def longer(input, /):
        return input * 2

    @longer.rule
    def longer_rule(g, input):
        return tg.cat([g, g])

    found = tg.locate_wrong_gradient(longer(leaf([1.0, 2.0])).sum())
    assert "longer returned shape (4,) for an input of shape (2,)" in str(found)


def test_a_kink_does_not_hide_a_mistake():
    x = leaf([0.0, 0.0, 1e-9])
    assert tg.locate_wrong_gradient(lambda: x.relu().sum())
    assert tg.locate_wrong_gradient(lambda: x.abs().sum())
    assert tg.locate_wrong_gradient(lambda: tg.max_pool2d(x.reshape(1, 1, 1, 3), (1, 3)).sum())
    assert tg.locate_wrong_gradient(lambda: bent(x).sum()).op == "bent"


def test_small_and_infinite_numbers_raise_no_alarm():
    x = leaf([1e-9, 1e-7, 0.0])
    assert tg.locate_wrong_gradient(lambda: (1 / (x + 1e-9)).log().sum())
    mask = tg.tensor([True, False, False])
    assert tg.locate_wrong_gradient(lambda: x.masked_fill(mask, -np.inf).softmax(0).log().sum())


@pytest.mark.parametrize("recorded", [True, False])
def test_networks_are_right(recorded):
    tg.manual_seed(0)
    images, labels = tg.rand(6, 1, 8, 8), tg.arange(6)
    convnet = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.GELU(), nn.Dropout(0.5), nn.Flatten(),
        nn.Linear(16, 6),
    )  # fmt: skip
    encoder, lstm = nn.TransformerEncoderLayer(8, 2, 16), nn.LSTM(4, 3, 2)
    cross_entropy = nn.functional.cross_entropy
    for program in (
        lambda: cross_entropy(convnet(images), labels, label_smoothing=0.1),
        lambda: encoder(images[:, 0]).square().mean(),
        lambda: lstm(images[0].reshape(4, 4, 4))[0].square().mean(),
    ):
        found = tg.locate_wrong_gradient(program if recorded else program())
        assert found, str(found)
        assert found.checked > 5
        assert not (recorded and found.skipped)
        assert ("ops were not checked" in str(found)) is bool(found.skipped)


def test_hooks_and_views_stand_in_nobodys_way():
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda module, grads, outs: None)
    x = leaf([[1.0, 2.0]], tg.float32)

    def program():
        y = layer(x * 1)
        y[0, 0] = 3.0
        return y.view(2).sum()

    assert tg.locate_wrong_gradient(program)


def test_a_graph_that_backward_released():
    program, _ = graph()
    loss = program()
    loss.backward()
    found = tg.locate_wrong_gradient(loss)
    assert "give a function that computes the loss" in str(found)
    assert "blend" in found.skipped
    with tg.detect_anomaly(check_nan=False):
        loss = program()
    loss.backward()
    assert tg.locate_wrong_gradient(loss).op == "blend"


def test_shapes_of_rules_that_name_little():
    assert tg.locate_wrong_gradient(total(leaf([2.0, 3.0]))).op == "total"
    assert testing.locate_wrong_gradient is tg.locate_wrong_gradient


def test_detect_anomaly_sees_nothing_of_the_check():
    with tg.detect_anomaly():
        assert tg.locate_wrong_gradient(lambda: leaf([0.0, 4.0]).sqrt().sum())


def test_bad_arguments():
    with pytest.raises(GraphError, match="'loss': expected a tensor with a graph, got one without"):
        tg.locate_wrong_gradient(tg.ones(2))
    with pytest.raises(DTypeError, match="'loss': expected a Tensor, got a int"):
        tg.locate_wrong_gradient(lambda: 3)


@pytest.mark.slow
@pytest.mark.parametrize("recorded", [True, False])
def test_no_op_of_the_engine_is_blamed(recorded):
    for row in [row for row in ROWS.values() if row.gradient]:
        for one in row.family.cases[:2]:
            values = row.values(one)

            def program(row=row, one=one, values=values):
                inputs = leaves(values)
                outs = [y for y in row.run(inputs, one.settings) if y.grad_fn is not None]
                return sum(y.sum() for y in outs)

            loss = program()
            if isinstance(loss, tg.Tensor):
                found = tg.locate_wrong_gradient(program if recorded else loss)
                assert found, f"{row.name} {one}: {found}"
