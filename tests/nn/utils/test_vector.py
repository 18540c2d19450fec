"""All parameters as one vector, and back."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

utils = nn.utils


def network():
    return nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))


def test_there_and_back():
    net, other = network(), network()
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (11,)
    utils.vector_to_parameters(vector, other.parameters())
    for p, q in zip(net.parameters(), other.parameters(), strict=True):
        assert p.tolist() == q.tolist() and q.is_leaf and q.requires_grad
    x = tg.randn(4, 3)
    assert net(x).tolist() == other(x).tolist()


def test_gradients_flow_through_the_vector():
    net = network()
    (utils.parameters_to_vector(net.parameters()) ** 2).sum().backward()
    for p in net.parameters():
        assert p.grad.tolist() == (2 * p).tolist()


def test_parameters_share_the_memory_of_the_vector():
    p, vector = nn.Parameter(tg.zeros(1, 2)), tg.tensor([5.0, 6.0])
    utils.vector_to_parameters(vector, [p])
    vector[0] = 9
    assert p.tolist() == [[9, 6]]


@pytest.mark.parametrize(
    "vector, error, message",
    [
        (tg.ones(10), tg.ShapeError, r"'vec': expected 11 elements, got shape \(10,\)"),
        (tg.ones(12), tg.ShapeError, r"'vec': expected 11 elements, got shape \(12,\)"),
        ([1.0] * 11, tg.DTypeError, r"'vec': expected a Tensor, got list"),
        (tg.arange(11), tg.DTypeError, r"'vec': expected floats for what requires gradients"),
    ],
)
def test_refusals_change_nothing(vector, error, message):
    net = network()
    before = utils.parameters_to_vector(net.parameters()).tolist()
    with pytest.raises(error, match=message):
        utils.vector_to_parameters(vector, net.parameters())
    assert utils.parameters_to_vector(net.parameters()).tolist() == before


def test_no_parameters():
    with pytest.raises(ValueError, match="cat"):
        utils.parameters_to_vector([])
