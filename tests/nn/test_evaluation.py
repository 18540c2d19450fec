"""Predictions, the accuracy, and where numbers stop being finite."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.datasets import DataLoader, TensorDataset
from tinygrad_edu.nn.evaluation import Means, accuracy, evaluating, first_not_finite, pair, predict


def test_accuracy():
    scores = tg.tensor([[1.0, 2, 0], [5, 5, 1], [0, 0, 1]])
    assert accuracy(scores, tg.tensor([1, 0, 1])).tolist() == [True, True, False]
    with pytest.raises(ValueError, match=r"accuracy: .*expected scores \(N, K\).*got \(3, 3\) and"):
        accuracy(scores, tg.tensor([[1], [0], [1]]))


def test_means_weigh_every_example_alike():
    means = Means()
    means.add(3, 1.0, np.array([1.0, 0.0, 0.0]))
    means.add(1, 5.0, np.array([1.0]))
    means.add(4, 2.0, 0.5)  # a metric may give a mean
    assert means.so_far(["loss", "accuracy"]) == {"loss": 2.0, "accuracy": 0.5}
    assert means.so_far(["loss"]) == {"loss": 2.0}


def test_pair():
    x, y = tg.zeros(2), tg.ones(2)
    assert pair([x, y]) == (x, y)
    assert pair(x) == pair([x]) == (x, x)
    with pytest.raises(TypeError, match=r"expected \(input, target\) or a tensor, got dict"):
        pair({"x": x})
    with pytest.raises(TypeError, match="got tuple"):
        pair((x, y, y))


def test_evaluating_puts_every_mode_back_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.Dropout()).train()
    model[1].eval()

    def fail():
        with evaluating(model):
            assert not any(m.training for m in model.modules()) and not tg.is_grad_enabled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [m.training for m in model.modules()] == [True, True, False] and tg.is_grad_enabled()


def test_predict():
    model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.9)).train()
    x, y = tg.randn(30, 2, generator=tg.Generator().manual_seed(0)), tg.arange(30)
    outputs, targets = predict(model, DataLoader(TensorDataset(x, y), batch_size=7))
    assert model.training and not outputs.requires_grad
    np.testing.assert_array_equal(targets, y)
    np.testing.assert_allclose(outputs, model.eval()(x).detach(), rtol=1e-6)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.encoder(x).log())


def test_first_not_finite_names_a_parameter_or_buffer():
    net = Net()
    assert first_not_finite(nn.Linear(2, 3), tg.ones(4, 2)) is None
    with tg.no_grad():
        net.encoder[1].running_var[0] = np.inf
    assert first_not_finite(net, tg.ones(4, 2)) == (
        "the parameter encoder.1.running_var is not finite"
    )
    with tg.no_grad():
        net.head.weight[0, 0] = np.nan
    assert first_not_finite(net, tg.ones(4, 2)) == "the parameter head.weight is not finite"


def test_first_not_finite_names_a_layer_and_changes_nothing():
    net = Net()
    x = tg.tensor([[1.0, 2.0], [np.inf, 0.0]])
    before = {name: t.array.copy() for name, t in net.state_dict().items()}
    random = tg.get_rng_state()
    assert first_not_finite(net, x) == (
        "the output of encoder.0 (Linear) is the first that is not finite"
    )
    finite = tg.tensor([[1.0, 2.0], [3.0, 0.5]])
    assert first_not_finite(net, finite) == (  # log of what is below 0, between the layers
        "the output of head (Linear) is the first that is not finite"
    )
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(tensor, before[name])
    after = tg.get_rng_state()
    np.testing.assert_equal(
        after.array if isinstance(after, tg.Tensor) else after,
        random.array if isinstance(random, tg.Tensor) else random,
    )
    assert not net.head._module_hooks.after
