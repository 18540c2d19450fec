"""Networks are drawn with inputs that they take; their gradients and states hold."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import is_drawn, smallest
from hypothesis import given

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.testing.strategies import networks


@given(networks())
def test_gradients_of_drawn_networks_are_right(network):
    module, x = network
    assert tg.gradcheck(module, x, atol=1e-4)


@given(networks(images=True, kinks=True, max_layers=4))
def test_a_state_carries_a_network_over(network):
    """Training changes nothing but numbers: a network with the same state gives the same."""
    module, x = network
    before = {name: value.clone() for name, value in module.state_dict().items()}
    first = module(x)
    first.sum().backward()
    assert x.grad.shape == x.shape
    with tg.no_grad():
        for parameter in module.parameters():
            assert parameter.grad.shape == parameter.shape
            parameter.add_(1.0)
    module.load_state_dict(before)
    assert tg.equal(module(x), first)


def test_networks_shrink_to_one_layer():
    network = smallest(networks())
    assert [type(layer) for layer in network.module] == [nn.Tanh]
    assert network.input.tolist() == [[0.25], [0.125]]


@pytest.mark.parametrize("layer", ["Linear", "LayerNorm", "BatchNorm1d", "GELU"])
def test_every_kind_of_layer_is_drawn(layer):
    assert is_drawn(networks(), lambda n: type(n.module[-1]).__name__ == layer)


@pytest.mark.parametrize("layer", ["Conv2d", "BatchNorm2d", "AvgPool2d", "MaxPool2d", "Flatten"])
def test_every_kind_of_layer_of_images_is_drawn(layer):
    strategy = networks(images=True, kinks=True)
    assert is_drawn(strategy, lambda n: type(n.module[0]).__name__ == layer)


def test_drawing_leaves_the_generators_alone():
    state, legacy = tg.get_rng_state(), np.random.get_state()[1].copy()
    strategy = networks(dtype=tg.float32)
    assert is_drawn(strategy, lambda n: n.input.dtype == tg.float32 and len(n.module) == 3)
    assert tg.get_rng_state() == state
    assert (np.random.get_state()[1] == legacy).all()
