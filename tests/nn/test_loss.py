"""Losses as modules: the functions of the same names, with settings and a buffer of weights."""

from __future__ import annotations

import math

import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn

SCORES = tg.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0], [2.0, 2.0, 2.0]])
LABELS = tg.tensor([1, 0, 2])
WEIGHT = tg.tensor([1.0, 2.0, 0.5])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"reduction": "sum"},
        {"reduction": "none"},
        {"weight": WEIGHT},
        {"ignore_index": 1},
        {"label_smoothing": 0.1},
        {"weight": WEIGHT, "ignore_index": 2, "reduction": "sum", "label_smoothing": 0.2},
    ],
    ids=str,
)
def test_cross_entropy_is_the_function_with_its_settings(settings):
    loss = nn.CrossEntropyLoss(**settings)(SCORES, LABELS)
    assert loss.tolist() == F.cross_entropy(SCORES, LABELS, **settings).tolist()


def test_cross_entropy_by_hand():
    loss = nn.CrossEntropyLoss()(tg.zeros(5, 10), tg.zeros(5, dtype=tg.int64))
    assert loss.item() == pytest.approx(math.log(10), rel=1e-6)
    certain = nn.CrossEntropyLoss()(tg.tensor([[1e4, 0.0]]), tg.tensor([1]))
    assert certain.item() == 1e4


@pytest.mark.parametrize("settings", [{}, {"weight": WEIGHT}, {"ignore_index": 0}], ids=str)
def test_cross_entropy_is_log_softmax_and_nll(settings):
    whole = nn.CrossEntropyLoss(**settings)(SCORES, LABELS)
    parts = nn.NLLLoss(**settings)(nn.LogSoftmax(dim=1)(SCORES), LABELS)
    assert whole.item() == pytest.approx(parts.item(), rel=1e-6)


def test_mse():
    a, b = tg.tensor([1.0, 2.0, 3.0]), tg.tensor([1.0, 4.0, 0.0])
    assert nn.MSELoss()(a, b).item() == pytest.approx(13 / 3)
    assert nn.MSELoss(reduction="sum")(a, b).item() == 13
    assert nn.MSELoss(reduction="none")(a, b).tolist() == [0, 4, 9]


@pytest.mark.parametrize("kind", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_class_weights_are_a_buffer(kind):
    loss = kind(WEIGHT)
    assert list(loss.state_dict()) == ["weight"] and list(loss.parameters()) == []
    assert loss.double().weight.dtype == tg.float64
    assert list(kind().state_dict()) == []


def test_losses_refuse():
    with pytest.raises(tg.DimensionError, match=r"expected class numbers 0 to 2, got 3"):
        nn.CrossEntropyLoss()(SCORES, tg.tensor([1, 3, 0]))
    with pytest.raises(ValueError, match=r"argument 'reduction': expected 'mean', 'sum' or 'none'"):
        nn.MSELoss(reduction="max")(SCORES, SCORES)
    with pytest.raises(TypeError):
        nn.CrossEntropyLoss(None, True)  # PyTorch's deprecated size_average is not taken
