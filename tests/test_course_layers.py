"""The layers of a deep-learning course, written as tensor expressions: the course's figures.

Each function below takes and returns tensors and is a few lines long; `tg.func.vjp` makes the
course's pair "forward with cache, backward" of it. Each test is named after a function of the
course, draws the course's numbers, and holds the course's figures to the course's tolerance.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from tensors import plain

import tinygrad_edu as tg
from tinygrad_edu.func import value_and_grad, vjp

# --- the course's tools -------------------------------------------------------------------------


def lin(a, b, *shape):
    return np.linspace(a, b, num=int(np.prod(shape))).reshape(shape)


def rel_error(x, y):
    x, y = plain(x), plain(y)
    return np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)))


def numerical(function, x, dout, h=1e-5):
    """The gradient of sum(dout * function(x)) by central differences, element by element."""
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        up = plain(function(tg.tensor(x))).copy()
        x[i] = old - h
        down = plain(function(tg.tensor(x))).copy()
        x[i] = old
        grad[i] = ((up - down) * dout).sum() / (2 * h)
    return grad


def check_backward(layer, arrays, dout, tolerance):
    """Forward with cache, backward, and each gradient against the numerical one."""
    out, backward = vjp(layer, *(tg.tensor(a) for a in arrays))
    assert out.shape == dout.shape
    found = backward(tg.tensor(dout))
    for k, grad in enumerate(found):
        others = [tg.tensor(a) for a in arrays]

        def moved(x, k=k, others=others):
            return layer(*others[:k], x, *others[k + 1 :])

        error = rel_error(grad, numerical(moved, arrays[k].copy(), dout))
        assert error < tolerance, f"input {k}: {error}"
    return out, found


@pytest.fixture
def seeded():
    """The course draws from NumPy's global stream after seed 231; it is put back afterwards."""
    state = np.random.get_state()
    np.random.seed(231)
    yield np.random
    np.random.set_state(state)


# --- affine and relu ----------------------------------------------------------------------------


def affine(x, w, b):
    return x.reshape(x.shape[0], -1) @ w + b


def affine_relu(x, w, b):
    return affine(x, w, b).relu()


def test_affine_forward():
    x, w, b = lin(-0.1, 0.5, 2, 4, 5, 6), lin(-0.2, 0.3, 120, 3), lin(-0.3, 0.1, 3)
    out, _ = vjp(affine, x, w, b)
    expected = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    assert rel_error(out, np.array(expected)) < 1e-8


def test_affine_backward(seeded):
    x, w, b = seeded.randn(10, 2, 3), seeded.randn(6, 5), seeded.randn(5)
    check_backward(affine, [x, w, b], seeded.randn(10, 5), 1e-9)


def test_relu_forward():
    x = lin(-0.5, 0.5, 3, 4)
    assert rel_error(tg.relu(tg.tensor(x)), np.maximum(x, 0)) < 1e-7


def test_relu_backward(seeded):
    x, dout = seeded.randn(10, 10), seeded.randn(10, 10)
    _, (dx,) = check_backward(tg.relu, [x], dout, 1e-11)
    np.testing.assert_array_equal(dx, dout * (x > 0))


def test_affine_relu_forward_and_backward(seeded):
    x, w, b = seeded.randn(2, 3, 4), seeded.randn(12, 10), seeded.randn(10)
    out, _ = check_backward(affine_relu, [x, w, b], seeded.randn(2, 10), 1e-9)
    assert rel_error(out, np.maximum(x.reshape(2, 12) @ w + b, 0)) < 1e-12


# --- losses -------------------------------------------------------------------------------------


def svm_loss(scores, y):
    """Multiclass hinge with margin 1: sum over the wrong classes, mean over the examples."""
    n = scores.shape[0]
    right = scores[np.arange(n), y].unsqueeze(1)
    margins = (scores - right + 1).clamp(min=0)
    return (margins.sum() - n) / n  # the right class adds a margin of 1 for each example


def loss_data(seeded):
    return 0.001 * seeded.randn(50, 10), seeded.randint(10, size=50)


def test_softmax_loss(seeded):
    x, y = loss_data(seeded)
    loss, dx = value_and_grad(lambda x: tg.nn.functional.cross_entropy(x, tg.tensor(y)))(x)
    assert abs(loss.item() - 2.3025458445007376) < 1e-12
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(dx, (p - np.eye(10)[y]) / 50, rtol=1e-10, atol=1e-16)
    by_hand = numerical(lambda x: tg.nn.functional.cross_entropy(x, tg.tensor(y)), x, 1.0)
    assert rel_error(dx, by_hand) < 1e-7


def test_svm_loss(seeded):
    x, y = loss_data(seeded)
    loss, dx = value_and_grad(lambda x: svm_loss(x, y))(x)
    margins = np.maximum(0, x - x[np.arange(50), y][:, None] + 1)
    margins[np.arange(50), y] = 0
    assert abs(loss.item() - margins.sum() / 50) < 1e-12
    expected = (margins > 0) / 50
    expected[np.arange(50), y] = -expected.sum(1)
    np.testing.assert_allclose(dx, expected, rtol=1e-12)
    assert rel_error(dx, numerical(lambda x: svm_loss(x, y), x, 1.0)) < 1e-7


# --- dropout ------------------------------------------------------------------------------------


def dropout(x, mask):
    """Inverted dropout: the mask holds 0 or 1/p, where p is the probability to keep."""
    return x * mask


def test_dropout_forward(seeded):
    x = seeded.randn(500, 500) + 10
    figures = {0.25: (10.0141, 0.749784), 0.4: (9.9779, 0.600796), 0.7: (9.9878, 0.30074)}
    for p, (mean, zeros) in figures.items():
        mask = (seeded.rand(*x.shape) < p) / p
        out = dropout(tg.tensor(x), mask)
        assert abs(out.mean().item() - mean) <= 5e-5
        assert abs((out == 0).double().mean().item() - zeros) < 1e-9


def test_dropout_backward(seeded):
    x, dout = seeded.randn(10, 10) + 10, seeded.randn(10, 10)
    seeded.seed(123)
    mask = (seeded.rand(*x.shape) < 0.2) / 0.2
    _, (dx,) = check_backward(lambda x: dropout(x, mask), [x], dout, 1e-9)
    np.testing.assert_array_equal(dx, dout * mask)


# --- normalisation ------------------------------------------------------------------------------


def normalised(x, dim, eps=1e-5):
    centred = x - x.mean(dim, keepdim=True)
    return centred / ((centred * centred).mean(dim, keepdim=True) + eps).sqrt()


def batchnorm(x, gamma, beta):
    return gamma * normalised(x, 0) + beta


def layernorm(x, gamma, beta):
    return gamma * normalised(x, 1) + beta


def spatial_batchnorm(x, gamma, beta):
    return gamma.reshape(1, -1, 1, 1) * normalised(x, (0, 2, 3)) + beta.reshape(1, -1, 1, 1)


def spatial_groupnorm(x, gamma, beta, groups):
    grouped = x.reshape(x.shape[0], groups, -1)
    return gamma * normalised(grouped, 2).reshape(x.shape) + beta


def hidden_activations(draw, n):
    """Data through a random network of one hidden layer, as the course does."""
    x, w1, w2 = draw.randn(n, 50), draw.randn(50, 60), draw.randn(60, 3)
    return np.maximum(0, x @ w1) @ w2


def near(got, expected, tolerance=1e-7):
    np.testing.assert_allclose(plain(got), expected, rtol=tolerance, atol=tolerance)


def test_batchnorm_forward(seeded):
    a = hidden_activations(seeded, 200)
    near(a.mean(0), [-2.3814598, -13.18038246, 1.91780462])
    near(a.std(0), [27.18502186, 34.21455511, 37.68611762])
    out = batchnorm(tg.tensor(a), np.ones(3), np.zeros(3))
    near(out.mean(0), np.zeros(3))
    near(out.std(0, correction=0), np.ones(3), 1e-6)
    out = batchnorm(tg.tensor(a), np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0]))
    near(out.mean(0), [11, 12, 13])
    near(out.std(0, correction=0), [1, 2, 3], 1e-6)


def test_batchnorm_forward_in_test_mode(seeded):
    """running = momentum * running + (1 - momentum) * sample, with the biased variance."""
    w1, w2 = seeded.randn(50, 60), seeded.randn(60, 3)
    mean, variance = tg.zeros(3, dtype=tg.float64), tg.zeros(3, dtype=tg.float64)

    def activations():
        return tg.tensor(np.maximum(0, seeded.randn(200, 50) @ w1) @ w2)

    for _ in range(50):
        a = activations()
        mean.mul_(0.9).add_(0.1 * a.mean(0))
        variance.mul_(0.9).add_(0.1 * a.var(0, correction=0))
    out = (activations() - mean) / (variance + 1e-5).sqrt()
    assert abs(out.mean(0)).max().item() < 0.2
    assert abs(out.std(0) - 1).max().item() < 0.1


def batchnorm_data(draw):
    return [5 * draw.randn(4, 5) + 12, draw.randn(5), draw.randn(5)], draw.randn(4, 5)


def test_batchnorm_backward(seeded):
    arrays, dout = batchnorm_data(seeded)
    check_backward(batchnorm, arrays, dout, 1e-8)


@tg.op
def fast_batchnorm(input, gamma, beta, /):
    """Batch normalisation as one operation, with the closed form of its gradient."""
    centred = input - input.mean(0)
    return gamma * centred / np.sqrt((centred * centred).mean(0) + 1e-5) + beta


@fast_batchnorm.rule
def fast_batchnorm_rule(g, input, gamma):
    n = input.shape[0]
    centred = input - input.sum(axis=0) / n
    scale = ((centred * centred).sum(axis=0) / n + 1e-5) ** -0.5
    x = centred * scale
    dbeta, dgamma = g.sum(axis=0), (g * x).sum(axis=0)
    return gamma * scale / n * (n * g - dbeta - x * dgamma), dgamma, dbeta


def test_batchnorm_backward_alt(seeded):
    """The closed form, as an op of one's own, equals the graph form."""
    check_backward(fast_batchnorm, *batchnorm_data(seeded), 1e-8)
    arrays = [5 * seeded.randn(100, 500) + 12, seeded.randn(500), seeded.randn(500)]
    dout = tg.tensor(seeded.randn(100, 500))
    graph, closed = vjp(batchnorm, *arrays)[1], vjp(fast_batchnorm, *arrays)[1]
    for one, other in zip(graph(dout), closed(dout), strict=True):
        assert rel_error(one, other) < 1e-9
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)


def test_batchnorm_second_gradient(seeded):
    """Both forms have the same second gradient: what a gradient penalty needs."""
    (x, gamma, beta), dout = batchnorm_data(seeded)

    def penalty(layer):
        def f(x):
            return (vjp(layer, x, gamma, beta)[1](dout)[0] ** 2).sum()

        return value_and_grad(f)(x)

    (a, da), (b, db) = penalty(batchnorm), penalty(fast_batchnorm)
    near(a, plain(b), 1e-10)
    near(da, plain(db), 1e-10)


def test_layernorm_forward(seeded):
    a = hidden_activations(seeded, 4)
    near(a.mean(1), [-59.06673243, -47.60782686, -43.31137368, -26.40991744])
    out = layernorm(tg.tensor(a), np.ones(3), np.zeros(3))
    near(out.mean(1), np.zeros(4))
    near(out.std(1, correction=0), np.ones(4), 1e-6)
    out = layernorm(tg.tensor(a), np.full(3, 3.0), np.full(3, 5.0))
    near(out.mean(1), np.full(4, 5))
    near(out.std(1, correction=0), np.full(4, 3), 1e-6)


def test_layernorm_backward(seeded):
    check_backward(layernorm, *batchnorm_data(seeded), 1e-8)


def test_spatial_batchnorm_forward(seeded):
    x = 4 * seeded.randn(2, 3, 4, 5) + 10
    near(x.mean(axis=(0, 2, 3)), [9.33463814, 8.90909116, 9.11056338])
    near(x.std(axis=(0, 2, 3)), [3.61447857, 3.19347686, 3.5168142])
    out = spatial_batchnorm(tg.tensor(x), tg.ones(3), tg.zeros(3))
    assert out.shape == x.shape
    near(out.mean((0, 2, 3)), np.zeros(3))
    near(out.std((0, 2, 3), correction=0), np.ones(3), 1e-5)
    out = spatial_batchnorm(tg.tensor(x), tg.tensor([3.0, 4.0, 5.0]), tg.tensor([6.0, 7.0, 8.0]))
    near(out.mean((0, 2, 3)), [6, 7, 8])
    near(out.std((0, 2, 3), correction=0), [3, 4, 5], 1e-5)


def test_spatial_batchnorm_backward(seeded):
    x = 5 * seeded.randn(2, 3, 4, 5) + 12
    arrays = [x, seeded.randn(3), seeded.randn(3)]
    check_backward(spatial_batchnorm, arrays, seeded.randn(2, 3, 4, 5), 1e-6)


def test_spatial_groupnorm_forward(seeded):
    x = 4 * seeded.randn(2, 6, 4, 5) + 10
    groups = x.reshape(4, -1)
    near(groups.mean(1), [9.72505327, 8.51114185, 8.9147544, 9.43448077])
    ones, zeros = tg.ones(1, 6, 1, 1), tg.zeros(1, 6, 1, 1)
    out = spatial_groupnorm(tg.tensor(x), ones, zeros, 2)
    assert out.shape == x.shape
    near(out.reshape(4, -1).mean(1), np.zeros(4))
    near(out.reshape(4, -1).std(1, correction=0), np.ones(4), 1e-5)


def test_spatial_groupnorm_backward(seeded):
    x = 5 * seeded.randn(2, 6, 4, 5) + 12
    arrays = [x, seeded.randn(1, 6, 1, 1), seeded.randn(1, 6, 1, 1)]
    dout = seeded.randn(2, 6, 4, 5)
    check_backward(lambda x, g, b: spatial_groupnorm(x, g, b, 2), arrays, dout, 1e-6)


# --- convolution and pooling --------------------------------------------------------------------


def conv(stride, pad):
    return lambda x, w, b: tg.nn.functional.conv2d(x, w, b, stride=stride, padding=pad)


def pool(size, stride):
    return lambda x: tg.nn.functional.max_pool2d(x, size, stride)


@pytest.fixture(params=["im2col", "scipy", "reference"])
def backend(request):
    """Each implementation of convolution: the loops of the course's naive form, and the fast."""
    before = tg.backends.conv
    tg.backends.conv = request.param
    yield request.param
    tg.backends.conv = before


CONV_OUT = [
    -0.08759809, -0.10987781, -0.18387192, -0.2109216, 0.21027089, 0.21661097, 0.22847626,
    0.23004637, 0.50813986, 0.54309974, 0.64082444, 0.67101435, -0.98053589, -1.03143541,
    -1.19128892, -1.24695841, 0.69108355, 0.66880383, 0.59480972, 0.56776003, 2.36270298,
    2.36904306, 2.38090835, 2.38247847,
]  # fmt: skip


def test_conv_forward(backend):
    x, w, b = lin(-0.1, 0.5, 2, 3, 4, 4), lin(-0.2, 0.3, 3, 3, 4, 4), lin(-0.1, 0.2, 3)
    out, _ = vjp(conv(stride=2, pad=1), x, w, b)
    assert out.shape == (2, 3, 2, 2)
    # The course prints eight decimals; the smallest number then has a relative error of 6e-8.
    assert rel_error(plain(out).ravel(), np.array(CONV_OUT)) < 1e-7


def test_conv_backward(seeded, backend):
    arrays = [seeded.randn(4, 3, 5, 5), seeded.randn(2, 3, 3, 3), seeded.randn(2)]
    check_backward(conv(stride=1, pad=1), arrays, seeded.randn(4, 2, 5, 5), 1e-7)


def test_max_pool_forward():
    out = pool(2, 2)(tg.tensor(lin(-0.3, 0.4, 2, 3, 4, 4)))
    expected = lin(-0.3, 0.4, 2, 3, 4, 4).reshape(2, 3, 2, 2, 2, 2).max((3, 5))
    np.testing.assert_array_equal(out, expected)
    assert abs(plain(out).ravel()[0] - -0.26315789) < 1e-8
    assert plain(out).ravel()[-1] == 0.4


def test_max_pool_backward(seeded):
    x, dout = seeded.randn(3, 2, 8, 8), seeded.randn(3, 2, 4, 4)
    _, (dx,) = check_backward(pool(2, 2), [x], dout, 1e-10)
    assert (plain(dx) != 0).sum() == dout.size


def block_data(draw, size):
    return [draw.randn(2, 3, 16, 16), draw.randn(3, 3, 3, 3), draw.randn(3)], draw.randn(
        2, 3, size, size
    )


@pytest.mark.slow
def test_conv_relu_pool_forward_and_backward(seeded):
    arrays, dout = block_data(seeded, 8)
    check_backward(lambda x, w, b: pool(2, 2)(conv(1, 1)(x, w, b).relu()), arrays, dout, 1e-7)


@pytest.mark.slow
def test_conv_relu_forward_and_backward(seeded):
    x, w, b = seeded.randn(2, 3, 8, 8), seeded.randn(3, 3, 3, 3), seeded.randn(3)
    dout = seeded.randn(2, 3, 8, 8)
    check_backward(lambda x, w, b: conv(1, 1)(x, w, b).relu(), [x, w, b], dout, 1e-7)


def test_image_filters_by_convolution(backend):
    """A grey picture and its horizontal edges, by two filters of 3x3 over three channels."""
    rows, columns = np.mgrid[0:60, 0:80]
    red, green = 128 + 80 * np.sin(rows / 9), 255.0 * (rows > 30) + 0 * columns
    picture = np.stack([red, green, 100 + columns + 50 * np.cos(rows / 5)])
    filters = np.zeros((2, 3, 3, 3))
    filters[0, :, 1, 1] = 0.3, 0.6, 0.1
    filters[1, 2] = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
    bias = np.array([0.0, 128.0])
    out = conv(1, 1)(tg.tensor(picture[None]), tg.tensor(filters), tg.tensor(bias))
    grey, edges = plain(out)[0]
    near(grey, 0.3 * picture[0] + 0.6 * picture[1] + 0.1 * picture[2], 1e-12)
    expected = scipy.signal.correlate2d(picture[2], filters[1, 2], mode="same") + 128
    near(edges, expected, 1e-10)
    inside = scipy.ndimage.correlate(picture[2], filters[1, 2])[1:-1, 1:-1]
    near(edges[1:-1, 1:-1] - 128, inside, 1e-10)
    assert np.ptp(edges[1:-1, 1:-1]) > 20
