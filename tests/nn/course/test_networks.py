"""The course's networks through their own classes: the documents' figures."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_edu.nn.course import *
from tinygrad_edu.nn.course import layer_objects as objects
from tinygrad_edu.nn.course import neural_net


def lin(a, b, *shape):
    return np.linspace(a, b, num=int(np.prod(shape))).reshape(shape)


H = 1e-5


def check_gradients(model, X, y, tolerance):
    """Every gradient against the numerical one.

    The loss is rounded to about 1e-16 of its size, so a difference quotient is uncertain by that,
    divided by h: in the documents this shows as 2e-5 for the smallest gradients of one network.
    """
    loss, grads = model.loss(X, y)
    assert set(grads) == set(model.params)
    for name, array in model.params.items():
        numerical = eval_numerical_gradient(lambda _: model.loss(X, y)[0], array, False, H)
        rounding = 4 * np.finfo(float).eps * abs(loss) / H
        np.testing.assert_allclose(
            grads[name], numerical, rtol=tolerance, atol=rounding, err_msg=name
        )


# --- two layers -----------------------------------------------------------------------------------


@pytest.fixture
def two_layers():
    model = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7)
    shapes = {name: array.shape for name, array in model.params.items()}
    model.params["W1"], model.params["b1"] = lin(-0.7, 0.3, 5, 50), lin(-0.1, 0.9, 50)
    model.params["W2"], model.params["b2"] = lin(-0.3, 0.4, 50, 7), lin(-0.9, 0.1, 7)
    assert shapes == {name: array.shape for name, array in model.params.items()}
    return model, lin(-5.5, 4.5, 5, 3).T, np.array([0, 5, 1])


def test_two_layer_net_initialisation(draw):
    model = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7, weight_scale=1e-3)
    assert (
        abs(model.params["W1"].std() - 1e-3) < 1e-4 and abs(model.params["W2"].std() - 1e-3) < 1e-4
    )
    assert not model.params["b1"].any() and not model.params["b2"].any()


def test_two_layer_net_scores(two_layers):
    model, X, _ = two_layers
    scores = model.loss(X)
    row = [11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096]
    np.testing.assert_allclose(scores[0], row, rtol=1e-8)
    assert scores[2, -1] == pytest.approx(16.2846319, abs=1e-7)


@pytest.mark.parametrize("reg, expected", [(0.0, 3.4702243556), (1.0, 26.5948426952)])
def test_two_layer_net_loss(two_layers, reg, expected):
    model, X, y = two_layers
    model.reg = reg
    loss, _ = model.loss(X, y)
    assert type(loss) is float and loss == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_two_layer_net_gradients(two_layers, reg):
    model, X, y = two_layers
    model.reg = reg
    check_gradients(model, X, y, 1e-6)


def test_two_layer_net_older_form():
    state = np.random.get_state()
    try:
        np.random.seed(0)
        net = neural_net.TwoLayerNet(4, 10, 3, std=1e-1)
        np.random.seed(1)
        X, y = 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])
        np.testing.assert_allclose(
            net.loss(X)[0], [-1.07260209, 0.05083871, -0.87253915], rtol=1e-7
        )
        loss, grads = net.loss(X, y, reg=0.05)
        assert loss == pytest.approx(1.071696123862817, abs=1e-12)
        for name, array in net.params.items():
            numerical = eval_numerical_gradient(lambda _: net.loss(X, y, 0.05)[0], array, False)
            assert rel_error(numerical, grads[name]) < 1e-8
        stats = net.train(X, y, X, y, learning_rate=1e-1, reg=5e-6, num_iters=100, batch_size=5)
        assert len(stats["loss_history"]) == 100 and stats["loss_history"][-1] < 0.02
        assert len(stats["val_acc_history"]) == 100 and stats["val_acc_history"][-1] == 1
        np.testing.assert_array_equal(net.predict(X), y)
    finally:
        np.random.set_state(state)


# --- fully connected networks ---------------------------------------------------------------------


FIGURES = {
    None: [2.300479089768492, 7.052114776533016],
    "batchnorm": [2.2611955101340957, 6.996533220108303],
}


@pytest.mark.parametrize("normalization", FIGURES)
def test_fully_connected_net_initial_loss(draw, normalization):
    X, y = draw.randn(2, 15), draw.randint(10, size=2)
    losses = []
    for reg in (0, 3.14):
        model = FullyConnectedNet(
            [20, 30], 15, 10, normalization=normalization, reg=reg, weight_scale=5e-2,
            dtype=np.float64,
        )  # fmt: skip
        losses.append(model.loss(X, y)[0])
    assert losses == pytest.approx(FIGURES[normalization], abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "normalization, reg", [(None, 0), (None, 3.14), ("batchnorm", 3.14), ("layernorm", 0)]
)
def test_fully_connected_net_gradients(draw, normalization, reg):
    X, y = draw.randn(2, 15), draw.randint(10, size=2)
    model = FullyConnectedNet(
        [20, 30], 15, 10, normalization=normalization, reg=reg, weight_scale=5e-2, dtype=np.float64
    )
    if normalization == "batchnorm":
        # Two examples put x_hat at 1 or -1, wherever they are: the course's own check then shows
        # relative errors of 1e-4. Four do not.
        X, y = draw.randn(4, 15), draw.randint(10, size=4)
    check_gradients(model, X, y, 1e-5)
    _, grads = model.loss(X, y)
    if normalization == "batchnorm":  # the norm takes the bias before it away again
        assert max(abs(grads["b1"]).max(), abs(grads["b2"]).max()) < 1e-12


def test_fully_connected_net_with_dropout(draw):
    """A seed gives the same masks in every call, so that the loss has a gradient to check."""
    X, y = draw.randn(2, 15), draw.randint(10, size=2)
    model = FullyConnectedNet(
        [20, 30], 15, 10, dropout_keep_ratio=0.75, weight_scale=5e-2, dtype=np.float64, seed=123
    )
    check_gradients(model, X, y, 1e-5)
    whole = FullyConnectedNet([20, 30], 15, 10, dtype=np.float64)
    whole.params = model.params
    np.testing.assert_array_equal(model.loss(X), whole.loss(X))  # no dropout in test mode
    assert model.loss(X, y)[0] != whole.loss(X, y)[0]


def test_fully_connected_net_batchnorm_uses_running_statistics_in_test_mode(draw):
    model = FullyConnectedNet([8], 5, 3, normalization="batchnorm", dtype=np.float64)
    X, y = 3 + draw.randn(50, 5), draw.randint(3, size=50)
    for _ in range(200):
        model.loss(X, y)
    one, all_of_them = model.loss(X[:1]), model.loss(X)
    np.testing.assert_allclose(one[0], all_of_them[0], rtol=1e-10)


def test_fully_connected_net_keeps_float32(draw):
    model = FullyConnectedNet([8], 5, 3, normalization="layernorm")
    _, grads = model.loss(draw.randn(4, 5), draw.randint(3, size=4))
    assert {a.dtype for a in (*model.params.values(), *grads.values())} == {np.dtype("f4")}


def test_fully_connected_net_refuses_an_unknown_norm():
    with pytest.raises(ValueError, match=r"'normalization': expected None, .*, got 'groupnorm'"):
        FullyConnectedNet([5], normalization="groupnorm")


# --- a convolutional network ----------------------------------------------------------------------


def test_three_layer_conv_net_initial_loss(draw):
    X, y = draw.randn(50, 3, 32, 32), draw.randint(10, size=50)
    model = ThreeLayerConvNet()
    loss, _ = model.loss(X, y)
    assert loss == pytest.approx(np.log(10), abs=1e-3)
    model.reg = 0.5
    assert model.loss(X, y)[0] > loss + 0.1


@pytest.mark.slow
def test_three_layer_conv_net_gradients(draw):
    X, y = draw.randn(2, 3, 8, 8), draw.randint(10, size=2)
    model = ThreeLayerConvNet(
        (3, 8, 8), num_filters=3, filter_size=3, hidden_dim=7, weight_scale=0.1, reg=0.3,
        dtype=np.float64,
    )  # fmt: skip
    check_gradients(model, X, y, 1e-5)


# --- what the networks share ----------------------------------------------------------------------


def test_networks_are_saved_and_loaded(draw, tmp_path):
    model, other = TwoLayerNet(4, 5, 3), TwoLayerNet(4, 5, 3)
    model.save(tmp_path / "best_two_layer_net.npy")
    other.load(tmp_path / "best_two_layer_net.npy")
    for name, array in model.params.items():
        np.testing.assert_array_equal(other.params[name], array)
    smaller = TwoLayerNet(4, 2, 3)
    before = smaller.params
    with pytest.raises(ValueError, match=r"expected parameters .*\(4, 2\).*, got .*\(4, 5\)"):
        smaller.load(tmp_path / "best_two_layer_net.npy")
    assert smaller.params is before


# --- linear classifiers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "naive, vectorized",
    [(softmax_loss_naive, softmax_loss_vectorized), (svm_loss_naive, svm_loss_vectorized)],
    ids=["softmax", "svm"],
)
def test_linear_classifier_losses(draw, naive, vectorized):
    W, X, y = 0.1 * draw.randn(8, 4), draw.randn(30, 8), draw.randint(4, size=30)
    for reg in (0.0, 0.7):
        loss, grad = naive(W, X, y, reg)
        again, gradient = vectorized(W, X, y, reg)
        assert again == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(gradient, grad, rtol=1e-10, atol=1e-14)
        numerical = eval_numerical_gradient(lambda W: naive(W, X, y, reg)[0], W, verbose=False)  # noqa: B023
        assert rel_error(numerical, grad) < 1e-6


@pytest.mark.parametrize("cls", [Softmax, LinearSVM])
def test_linear_classifier_learns_and_is_saved(draw, tmp_path, cls):
    y = np.repeat(np.arange(5), 20)
    X = np.eye(5)[y] + 0.1 * draw.randn(100, 5)
    model = cls()
    with pytest.raises(ValueError, match=f"{cls.__name__} has no weights yet"):
        model.predict(X)
    losses = model.train(X, y, learning_rate=0.5, reg=1e-4, num_iters=150, batch_size=50)
    assert len(losses) == 150 and losses[-1] < 0.5 * losses[0]
    assert (model.predict(X) == y).mean() == 1
    model.save(tmp_path / "softmax.npy")
    other = cls()
    other.load(tmp_path / "softmax.npy")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


# --- layer objects --------------------------------------------------------------------------------


@pytest.fixture
def layer_objects():
    state = np.random.get_state()
    np.random.seed(0)
    net = objects.Sequential(
        [objects.Linear(4, 10), objects.ReLU(), objects.Linear(10, 3), objects.Softmax()]
    )
    np.random.seed(0)
    X, y = 10 * np.random.randn(10, 4), np.random.randint(3, size=10)
    np.random.set_state(state)
    return net, X, y


def test_layer_objects_probabilities(layer_objects):
    net, X, _ = layer_objects
    np.testing.assert_allclose(net(X)[0], [0.33333514, 0.33333826, 0.33332661], atol=1e-8)


def test_layer_objects_loss_and_gradients(layer_objects):
    net, X, y = layer_objects
    criterion = objects.CrossEntropyLoss()
    assert criterion.forward(net(X), y) == pytest.approx(1.098612723362578, abs=1e-12)
    net.backward(criterion.backward())
    last = net.modules[2]
    np.testing.assert_allclose(last.grads[1], [-0.1666649, 0.13333828, 0.03332662], atol=1e-8)
    for module in net.modules:
        for array, grad in zip(module.parameters, module.grads, strict=True):
            # A small step: the weights are so near 0 that a larger one would cross kinks of ReLU.
            numerical = eval_numerical_gradient(
                lambda _: criterion(net(X), y), array, verbose=False, h=1e-8
            )
            np.testing.assert_allclose(grad, numerical, rtol=1e-3, atol=4e-8)


def test_layer_objects_training(layer_objects):
    net, X, y = layer_objects
    criterion, optimizer = objects.CrossEntropyLoss(), objects.SGD(net, lr=0.1, weight_decay=1e-5)
    for _ in range(1000):
        loss = criterion.forward(net(X), y)
        optimizer.zero_grad()
        net.backward(criterion.backward())
        optimizer.step()
    assert loss < 0.01
    np.testing.assert_array_equal(net.predict(X), y)


def test_layer_objects_say_what_was_forgotten(layer_objects):
    net, X, _ = layer_objects
    with pytest.raises(RuntimeError, match="Softmax: backward came before forward"):
        net.backward(np.ones((10, 3)))
    net(X)
    with pytest.raises(RuntimeError, match="SGD: step came before backward"):
        objects.SGD(net).step()
