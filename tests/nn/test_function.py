"""Functions as modules: what activations, losses and distances have in common."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn
from tinygrad_edu.nn.function import Activation, FunctionModule, Loss

WEIGHT = tg.tensor([1.0, 2.0, 0.5])


class Power(Activation, function=lambda input, exponent, scale: input**exponent * scale):
    exponent: float
    scale: float = 2.0


def test_settings_are_the_constructor_s_arguments():
    layer = Power(3, scale=4.0)
    assert (layer.exponent, layer.scale) == (3, 4.0)
    assert layer(tg.tensor([2.0])).tolist() == [32]
    assert repr(layer) == "Power(exponent=3, scale=4.0)"
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'exponent'"):
        Power()
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'slope'"):
        nn.LeakyReLU(slope=0.1)


def test_a_setting_may_be_changed_later():
    layer = nn.LeakyReLU(0.5)
    layer.negative_slope = 0.25
    assert layer(tg.tensor([-4.0])).tolist() == [-1]
    assert nn.LeakyReLU().negative_slope == 0.01


def test_modules_are_compared_by_identity():
    assert nn.ReLU() != nn.ReLU()
    assert len({nn.ReLU(), nn.ReLU()}) == 2


def test_a_subclass_has_a_constructor_of_its_own():
    class Scaled(nn.LeakyReLU):
        factor: float

        def __init__(self, factor):
            super().__init__(negative_slope=0.5)
            self.factor = nn.Parameter(tg.tensor(factor))

        def forward(self, input):
            return super().forward(input) * self.factor

    layer = Scaled(3.0)
    assert layer(tg.tensor([-2.0, 1.0])).tolist() == [-3, 3]
    assert [name for name, _ in layer.named_parameters()] == ["factor"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_and_pickles(again):
    loss = again(nn.CrossEntropyLoss(WEIGHT, ignore_index=1))
    assert loss.ignore_index == 1 and loss.weight.tolist() == WEIGHT.tolist()
    assert list(loss.state_dict()) == ["weight"]
    assert again(nn.ELU(2.0)).alpha == 2.0


# --- losses -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss, nn.BCELoss])
def test_weights_are_a_buffer(kind):
    loss = kind(weight=WEIGHT)
    assert list(loss.state_dict()) == ["weight"] and not list(loss.parameters())
    assert loss.double().weight.dtype == tg.float64
    assert list(kind().state_dict()) == [] and kind().weight is None
    with pytest.raises(TypeError, match=r"weight is registered as a buffer: expected a Tensor"):
        kind(weight=np.ones(3))


def test_both_weights_of_scores_are_buffers():
    loss = nn.BCEWithLogitsLoss(pos_weight=WEIGHT, weight=WEIGHT)
    assert list(loss.state_dict()) == ["weight", "pos_weight"]
    assert list(nn.BCEWithLogitsLoss(pos_weight=WEIGHT).state_dict()) == ["pos_weight"]


@pytest.mark.parametrize("name", nn.loss.__all__)
def test_what_stands_behind_size_average_is_given_by_name(name):
    kind = getattr(nn, name)
    first = [None] * kind.__init__.__code__.co_argcount  # one more than there are, with self
    with pytest.raises(TypeError, match="positional argument"):
        kind(*first)
    with pytest.raises(TypeError, match="unexpected keyword argument 'size_average'"):
        kind(size_average=False)


@pytest.mark.parametrize("name", nn.loss.__all__)
def test_an_unknown_reduction_is_refused(name):
    loss = getattr(nn, name)(reduction="all")
    x, labels = tg.ones(2, 3), tg.tensor([0, 1])
    inputs = {
        nn.CrossEntropyLoss: (x, labels), nn.NLLLoss: (x, labels), nn.MultiMarginLoss: (x, labels),
        nn.GaussianNLLLoss: (x, x, x), nn.MarginRankingLoss: (x, x, x),
        nn.TripletMarginLoss: (x, x, x), nn.CosineEmbeddingLoss: (x, x, tg.ones(2)),
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"argument 'reduction': expected 'mean'.*got 'all'"):
        loss(*inputs.get(type(loss), (x, x)))


def test_huber_refuses_what_is_no_number():
    with pytest.raises(TypeError, match=r"HuberLoss: argument 'delta': expected a number, got 1j"):
        nn.HuberLoss(delta=1j)


def test_inputs_by_name():
    a, b, c = tg.zeros(1, 2), tg.ones(1, 2), tg.full((1, 2), 3.0)
    assert nn.MSELoss()(target=a, input=b).item() == 1
    assert nn.TripletMarginLoss()(a, negative=c, positive=b).item() == 0
    assert nn.GaussianNLLLoss(eps=0)(input=a, target=b, var=1.0).item() == 0.5
    ranked = nn.MarginRankingLoss()(input1=a, input2=b, target=tg.ones(1, 2))
    assert ranked.item() == 1


# --- activations --------------------------------------------------------------------------------

INPLACE = [
    name
    for name in nn.activation.__all__
    if "inplace" in getattr(nn, name).__init__.__code__.co_varnames
]


def test_what_overwrites():
    assert INPLACE == [
        "CELU", "ELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "Mish", "ReLU",
        "ReLU6", "SELU", "SiLU", "Threshold",
    ]  # fmt: skip


@pytest.mark.parametrize("name", INPLACE)
def test_inplace(name):
    settings = {"threshold": 0.5, "value": -1.0} if name == "Threshold" else {}
    layer, other = (getattr(nn, name)(**settings, inplace=flag) for flag in (True, False))
    x = tg.tensor([-2.0, 0.25, 7.0], dtype=tg.float64, requires_grad=True)
    expected = other(x)
    (wanted,) = tg.autograd.grad(expected.sum(), x)
    y = x.clone()
    assert layer(y) is y and y.tolist() == expected.tolist()
    y.sum().backward()
    assert x.grad.tolist() == wanted.tolist()
    assert repr(layer).endswith("inplace=True)") and "inplace" not in repr(other)


def test_prelu_learns_its_slopes():
    layer = nn.PReLU(3, init=0.5, dtype=tg.float64)
    x = tg.tensor([[-1.0, -2.0, 3.0]], dtype=tg.float64)
    y = layer(x)
    y.sum().backward()
    assert y.tolist() == [[-0.5, -1, 3]] and layer.weight.grad.tolist() == [-1, -2, 0]
    assert list(layer.state_dict()) == ["weight"]
    with pytest.raises(ValueError, match=r"PReLU: argument 'num_parameters': expected an integer"):
        nn.PReLU(0)
    with pytest.raises(tg.ShapeError, match=r"prelu: argument 'weight': expected 1 or 2 slopes"):
        layer(tg.ones(1, 2, dtype=tg.float64))


def test_softmax_over_channels():
    x = tg.arange(24.0).reshape(2, 3, 2, 2)
    assert nn.Softmax2d()(x).tolist() == F.softmax(x, 1).tolist()
    assert nn.Softmax2d()(x[0]).tolist() == F.softmax(x[0], 0).tolist()
    with pytest.raises(tg.ShapeError, match=r"Softmax2d.*expected 3 or 4 dimensions, got \(2,\)"):
        nn.Softmax2d()(tg.ones(2))


def test_distances():
    a, b = tg.tensor([[3.0, 0.0], [0.0, 1.0]]), tg.tensor([[0.0, 4.0], [0.0, 2.0]])
    assert nn.PairwiseDistance(eps=0)(a, b).tolist() == [5, 1]
    assert nn.PairwiseDistance(1, eps=0, keepdim=True)(x1=a, x2=b).tolist() == [[7], [1]]
    assert nn.CosineSimilarity()(a, b).tolist() == [0, 1]
    assert nn.CosineSimilarity(dim=0)(a, b).tolist() == pytest.approx([0, 1 / 5**0.5])


def test_the_bases_are_modules():
    assert issubclass(Loss, FunctionModule) and issubclass(FunctionModule, nn.Module)
    assert isinstance(nn.ReLU(), Activation) and nn.ReLU().training
