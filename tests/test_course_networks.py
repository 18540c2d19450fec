"""Networks of the courses: the figures that their documents print, through the engine.

Random numbers are NumPy's legacy stream, drawn in the order in which the documents draw them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.experiments.training import start_from


def lin(a, b, *shape):
    return np.linspace(a, b, num=int(np.prod(shape))).reshape(shape)


H = 1e-5


def numerical(loss, array, h=H):
    """Centred differences of `loss()` with respect to an array, which is changed and put back."""
    grad = np.zeros_like(array)
    for i in np.ndindex(array.shape):
        before = array[i]
        array[i] = before + h
        above = loss()
        array[i] = before - h
        below = loss()
        array[i] = before
        grad[i] = (above - below) / (2 * h)
    return grad


class Affine(nn.Module):
    """A layer as the courses have it: weights (in, out), x @ weight + bias."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(tg.tensor(weight))
        self.bias = nn.Parameter(tg.tensor(bias))

    def forward(self, x):
        return x.flatten(1) @ self.weight + self.bias


def regularized(net, scores, y, reg):
    """Softmax loss plus 1/2 reg W^2, on the weights only."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    return F.cross_entropy(scores, y) + 0.5 * reg * sum((w * w).sum() for w in weights)


def check_gradients(net, loss, tolerance):
    """Every parameter's gradient against the numerical one, by relative error.

    The loss is rounded to about 1e-16 of its size, so a difference quotient is uncertain by that,
    divided by h. In the documents this shows as 2e-5 for the smallest gradients of one network.
    """
    net.zero_grad()
    loss().backward()

    def value():
        with tg.no_grad():
            return loss().item()

    rounding = np.finfo(float).eps * abs(value()) / H
    for name, p in net.named_parameters():
        expected = numerical(value, p.array)
        assert_close = np.testing.assert_allclose
        assert_close(p.grad, expected, rtol=tolerance, atol=rounding, err_msg=name)


# --- fully connected networks (section 2) ---------------------------------------------------------


def two_layer_net():
    net = nn.Sequential(
        Affine(lin(-0.7, 0.3, 5, 50), lin(-0.1, 0.9, 50)),
        nn.ReLU(),
        Affine(lin(-0.3, 0.4, 50, 7), lin(-0.9, 0.1, 7)),
    )
    return net, tg.tensor(lin(-5.5, 4.5, 5, 3).T), tg.tensor([0, 5, 1])


def test_two_layer_net_scores():
    net, X, _ = two_layer_net()
    scores = net(X).detach().numpy()
    row = [11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096]
    np.testing.assert_allclose(scores[0], row, rtol=1e-8)
    assert scores[2, -1] == pytest.approx(16.2846319, abs=1e-7)


@pytest.mark.parametrize("reg, loss", [(0.0, 3.4702243556), (1.0, 26.5948426952)])
def test_two_layer_net_loss(reg, loss):
    net, X, y = two_layer_net()
    assert regularized(net, net(X), y, reg).item() == pytest.approx(loss, abs=1e-10)


@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_two_layer_net_gradients(reg):
    net, X, y = two_layer_net()
    check_gradients(net, lambda: regularized(net, net(X), y, reg), 1e-6)


def test_two_layer_net_older_form():
    draw = np.random.RandomState(0)
    first, second = nn.Linear(4, 10), nn.Linear(10, 3)  # weights (out, in), as in this form
    net = nn.Sequential(first, nn.ReLU(), second).double()
    with tg.no_grad():
        first.weight.copy_(0.1 * draw.randn(10, 4))
        second.weight.copy_(0.1 * draw.randn(3, 10))
        first.bias.zero_()
        second.bias.zero_()
    X, y = tg.tensor(10 * np.random.RandomState(1).randn(5, 4)), tg.tensor([0, 1, 2, 2, 1])
    scores = net(X)
    row = [-1.07260209, 0.05083871, -0.87253915]
    np.testing.assert_allclose(scores[0].detach(), row, rtol=1e-7)
    loss = regularized(net, scores, y, 0.05)
    assert loss.item() == pytest.approx(1.071696123862817, abs=1e-12)


def fully_connected_net(draw, dims, weight_scale, normalization):
    *hidden, last = (
        Affine(weight_scale * draw.randn(fan_in, fan_out), np.zeros(fan_out))
        for fan_in, fan_out in pairwise(dims)
    )
    layers: list[nn.Module] = []
    for affine in hidden:
        layers.append(affine)
        if normalization == "batchnorm":
            layers.append(nn.BatchNorm1d(len(affine.bias)).double())
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, last)


FULLY_CONNECTED = {
    None: [2.300479089768492, 7.052114776533016],
    "batchnorm": [2.2611955101340957, 6.996533220108303],
}


@pytest.mark.parametrize("normalization", FULLY_CONNECTED)
def test_fully_connected_net_initial_loss(normalization):
    """Two networks, built one after the other in the same stream."""
    draw = np.random.RandomState(231)
    X, y = tg.tensor(draw.randn(2, 15)), tg.tensor(draw.randint(10, size=2))
    losses = []
    for reg in (0, 3.14):
        net = fully_connected_net(draw, [15, 20, 30, 10], 5e-2, normalization)
        losses.append(regularized(net, net(X), y, reg).item())
    assert losses == pytest.approx(FULLY_CONNECTED[normalization], abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("reg", [0, 3.14])
@pytest.mark.parametrize("normalization", FULLY_CONNECTED)
def test_fully_connected_net_gradients(normalization, reg):
    draw = np.random.RandomState(231)
    # Two examples, normalised, are 1 and -1 wherever they are: there is nothing to derive.
    n = 4 if normalization == "batchnorm" else 2
    X, y = tg.tensor(draw.randn(n, 15)), tg.tensor(draw.randint(10, size=n))
    net = fully_connected_net(draw, [15, 20, 30, 10], 5e-2, normalization)
    check_gradients(net, lambda: regularized(net, net(X), y, reg), 1e-5)
    if normalization == "batchnorm":  # the norm takes the bias before it away again
        assert max(abs(net[k].bias.grad).max().item() for k in (0, 3)) < 1e-12


# --- a convolutional network and a linear classifier (section 2) ----------------------------------


def test_three_layer_conv_net_initial_loss():
    draw = np.random.RandomState(231)
    X, y = tg.tensor(draw.randn(50, 3, 32, 32)), tg.tensor(draw.randint(10, size=50))
    net = start_from(nn.models.ThreeLayerConvNet().double(), weight_scale=1e-3)
    with tg.no_grad():
        scores = net(X)
        loss = regularized(net, scores, y, 0).item()
        assert loss == pytest.approx(np.log(10), abs=1e-3)
        assert regularized(net, scores, y, 0.5).item() > loss + 0.1


@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_softmax_classifier_agrees_with_loops(reg):
    draw = np.random.RandomState(231)
    W, X, y = 0.1 * draw.randn(8, 4), draw.randn(30, 8), draw.randint(4, size=30)
    loss, gradient = 0.5 * reg * (W**2).sum(), reg * W
    for x, label in zip(X, y, strict=True):
        p = np.exp(x @ W) / np.exp(x @ W).sum()
        loss -= np.log(p[label]) / 30
        for k in range(4):
            gradient[:, k] += (p[k] - (k == label)) * x / 30
    net = Affine(W, np.zeros(4))
    ours = regularized(net, net(tg.tensor(X)), tg.tensor(y), reg)
    ours.backward()
    assert ours.item() == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(net.weight.grad, gradient, rtol=1e-10, atol=1e-14)


# --- layer objects (section 5) --------------------------------------------------------------------


class CrossEntropyOfProbabilities(nn.Module):
    """The second course's loss, which takes what a Softmax layer gives."""

    def forward(self, probabilities, y):
        return -probabilities[tg.arange(len(y)), y].log().mean()


@pytest.fixture
def layer_objects():
    draw = np.random.RandomState(0)
    first = Affine(1e-4 * draw.rand(4, 10), 1e-4 * draw.rand(10))
    second = Affine(1e-4 * draw.rand(10, 3), 1e-4 * draw.rand(3))
    net = nn.Sequential(first, nn.ReLU(), second, nn.Softmax(dim=1))
    draw = np.random.RandomState(0)
    X, y = 10 * draw.randn(10, 4), draw.randint(3, size=10)
    return net, CrossEntropyOfProbabilities(), tg.tensor(X), tg.tensor(y)


def test_layer_objects_probabilities(layer_objects):
    net, _, X, _ = layer_objects
    row = net(X)[0].detach()
    np.testing.assert_allclose(row, [0.33333514, 0.33333826, 0.33332661], atol=1e-8)


def test_layer_objects_loss_and_gradient(layer_objects):
    net, criterion, X, y = layer_objects
    loss = criterion(net(X), y)
    loss.backward()
    assert loss.item() == pytest.approx(1.098612723362578, abs=1e-12)
    expected = [-0.1666649, 0.13333828, 0.03332662]
    np.testing.assert_allclose(net[2].bias.grad, expected, atol=1e-8)


def test_layer_objects_training(layer_objects):
    net, criterion, X, y = layer_objects
    optimizer = optim.SGD(net.parameters(), lr=0.1, weight_decay=1e-5)
    for _ in range(1000):
        optimizer.zero_grad()
        loss = criterion(net(X), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
    assert (net(X).argmax(dim=1) == y).all()


# --- derivations on paper (section 6) -------------------------------------------------------------


def test_tied_autoencoder_adds_the_gradients_of_two_paths(rng):
    W, x = rng.standard_normal((3, 5)), rng.standard_normal((5, 1))
    e = W.T @ W @ x - x
    encoder_path, decoder_path = W @ e @ x.T, W @ x @ e.T

    encoder, decoder = (tg.tensor(W, requires_grad=True) for _ in range(2))
    (0.5 * ((decoder.T @ (encoder @ x) - x) ** 2).sum()).backward()
    np.testing.assert_allclose(encoder.grad, encoder_path, rtol=1e-12)
    np.testing.assert_allclose(decoder.grad, decoder_path, rtol=1e-12)

    tied = tg.tensor(W, requires_grad=True)
    (0.5 * ((tied.T @ (tied @ x) - x) ** 2).sum()).backward()
    np.testing.assert_allclose(tied.grad, encoder_path + decoder_path, rtol=1e-12)


def test_swish_network(rng):
    W1, b1, W2, b2 = (tg.tensor(rng.standard_normal(s)) for s in [(4, 3), (4,), (5, 4), (5,)])
    parameters = [p.requires_grad_() for p in (W1, b1, W2, b2)]
    x, label = tg.tensor(rng.standard_normal(3)), 2
    z1 = W1 @ x + b1
    h = z1 * z1.sigmoid()
    z2 = W2 @ h + b2
    z2.retain_grad()
    F.cross_entropy(z2, tg.tensor(label)).backward()

    # The same on paper.
    z, s = z1.detach().numpy(), z1.sigmoid().detach().numpy()
    p = np.exp(z2.detach().numpy()) / np.exp(z2.detach().numpy()).sum()
    dz2 = p - np.eye(5)[label]
    dz1 = (W2.detach().numpy().T @ dz2) * (s + z * s * (1 - s))
    paper = [np.outer(dz1, x.numpy()), dz1, np.outer(dz2, z * s), dz2]
    np.testing.assert_allclose(z2.grad, dz2, rtol=1e-12)
    for parameter, expected in zip(parameters, paper, strict=True):
        np.testing.assert_allclose(parameter.grad, expected, rtol=1e-10)


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: F.cross_entropy(z, y),
        lambda z, y: F.nll_loss(F.log_softmax(z, dim=1), y),
        lambda z, y: -(F.softmax(z, dim=1)[tg.arange(len(y)), y]).log().mean(),
    ],
    ids=["joint", "log_softmax", "softmax"],
)
def test_softmax_and_cross_entropy_have_a_simple_joint_gradient(loss, rng):
    z = tg.tensor(rng.standard_normal((6, 4)), requires_grad=True)
    y = rng.integers(4, size=6)
    loss(z, tg.tensor(y)).backward()
    p = np.exp(z.array) / np.exp(z.array).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(z.grad, (p - np.eye(4)[y]) / 6, rtol=1e-12, atol=1e-15)


def test_hinge_loss_has_kinks_and_the_checker_says_so():
    """A margin met exactly: the slope is 0 on one side, and 1 on the other."""
    y = tg.tensor([0])

    def loss(scores):
        return (
            F.multi_margin_loss(scores, y, reduction="sum") * 3
        )  # over the classes, as the course

    z = tg.tensor([[2.0, 1.0, -3.0]], dtype=tg.float64, requires_grad=True)
    result = tg.gradcheck(loss, z)
    assert result and {kink.element for kink in result.kinks} == {(0, 0), (0, 1)}
    assert "a kink: the slope is 0 to the left and 1 to the right" in str(result)
    away = tg.tensor([[2.0, 1.5, -3.0]], dtype=tg.float64, requires_grad=True)
    assert tg.gradcheck(loss, away) and not tg.gradcheck(loss, away).kinks
