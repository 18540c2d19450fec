"""The dropout layers."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

CHANNELS = [(nn.Dropout1d, (50, 40, 3)), (nn.Dropout1d, (2000, 3)), (nn.Dropout2d, (50, 40, 3, 3))]


def test_p_is_the_probability_of_dropping_and_the_mean_is_kept():
    tg.manual_seed(0)
    y = nn.Dropout(p=0.2)(tg.ones(100, 100)).array
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.8)}
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("make, shape", CHANNELS)
def test_whole_channels_are_dropped(make, shape):
    tg.manual_seed(0)
    y = make(p=0.2)(tg.ones(*shape)).array.reshape(2000, -1)
    assert (y == y[:, :1]).all() and set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.8)}
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("make, shape", [(nn.Dropout, (50,)), *CHANNELS])
def test_the_gradient_goes_through_the_same_mask(make, shape):
    tg.manual_seed(0)
    x = tg.ones(*shape, requires_grad=True)
    y = make()(x)
    y.sum().backward()
    assert 0 in x.grad.array and x.grad.tolist() == y.tolist()


@pytest.mark.parametrize("make, shape", [(nn.Dropout, (50,)), *CHANNELS])
def test_the_ends_and_evaluation(make, shape):
    x = tg.ones(*shape)
    assert make().eval()(x) is x and make(p=1).eval()(x) is x
    assert (make(p=0)(x) == 1).all() and (make(p=1)(x) == 0).all()


def test_follows_the_seed():
    layer = nn.Dropout()
    state = tg.get_rng_state()
    first = layer(tg.ones(50))
    assert layer(tg.ones(50)).tolist() != first.tolist()
    tg.set_rng_state(state)
    assert copy.deepcopy(layer)(tg.ones(50)).tolist() == first.tolist()


@pytest.mark.parametrize("make, shape", [(nn.Dropout, (50,)), *CHANNELS])
def test_in_place(make, shape):
    x = tg.ones(*shape)
    assert make(inplace=True)(x) is x and 0 in x.array


@pytest.mark.parametrize("make", [nn.Dropout, nn.Dropout1d, nn.Dropout2d])
@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_refuses_what_is_no_probability(make, p):
    message = rf"{make.__name__}: argument 'p': expected a probab.* got {p}"
    with pytest.raises(ValueError, match=message):
        make(p)
