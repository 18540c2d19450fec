"""The course's pairs of functions: its documents' figures and tolerances, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_edu.nn.course import *


def lin(a, b, *shape):
    return np.linspace(a, b, num=int(np.prod(shape))).reshape(shape)


def check_backward(forward, backward, inputs, dout, tolerance):
    """Each gradient against the numerical one; and nothing is changed by the pair."""
    before = [x.copy() for x in (*inputs, dout)]
    out, cache = forward(*inputs)
    grads = backward(dout, cache)
    grads = grads if isinstance(grads, tuple) else (grads,)
    for array, copy in zip((*inputs, dout), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert out.shape == dout.shape and len(grads) == len(inputs)
    for x, grad in zip(inputs, grads, strict=True):
        assert type(grad) is np.ndarray and grad.dtype == x.dtype
        numerical = eval_numerical_gradient_array(lambda _: forward(*inputs)[0], x, dout)
        assert rel_error(numerical, grad) < tolerance
    return out, grads


def near(got, expected, tolerance=1e-7):
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


# --- affine, relu, losses -----------------------------------------------------------------------


def test_affine_forward():
    x, w, b = lin(-0.1, 0.5, 2, 4, 5, 6), lin(-0.2, 0.3, 120, 3), lin(-0.3, 0.1, 3)
    out, _ = affine_forward(x, w, b)
    expected = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    assert rel_error(out, np.array(expected)) < 1e-8


def test_affine_backward(draw):
    inputs = [draw.randn(10, 2, 3), draw.randn(6, 5), draw.randn(5)]
    check_backward(affine_forward, affine_backward, inputs, draw.randn(10, 5), 1e-9)


def test_relu_forward():
    x = lin(-0.5, 0.5, 3, 4)
    assert rel_error(relu_forward(x)[0], np.maximum(x, 0)) < 1e-7


def test_relu_backward(draw):
    check_backward(relu_forward, relu_backward, [draw.randn(10, 10)], draw.randn(10, 10), 1e-11)


def test_affine_relu(draw):
    inputs = [draw.randn(2, 3, 4), draw.randn(12, 10), draw.randn(10)]
    check_backward(affine_relu_forward, affine_relu_backward, inputs, draw.randn(2, 10), 1e-9)


def test_softmax_loss(draw):
    x, y = 0.001 * draw.randn(50, 10), draw.randint(10, size=50)
    loss, dx = softmax_loss(x, y)
    assert type(loss) is float and loss == pytest.approx(2.3025458445007376, abs=1e-12)
    numerical = eval_numerical_gradient(lambda x: softmax_loss(x, y)[0], x, verbose=False)
    assert rel_error(dx, numerical) < 1e-7


def test_svm_loss(draw):
    x, y = 0.001 * draw.randn(50, 10), draw.randint(10, size=50)
    loss, dx = svm_loss(x, y)
    margins = np.maximum(0, x - x[np.arange(50), y][:, None] + 1)
    assert loss == pytest.approx((margins.sum() - 50) / 50, abs=1e-12)
    numerical = eval_numerical_gradient(lambda x: svm_loss(x, y)[0], x, verbose=False)
    assert rel_error(dx, numerical) < 2e-9


def test_svm_loss_at_a_kink():
    """A margin met exactly adds nothing to the gradient; the numerical one sees half a slope."""
    x, y = np.array([[2.0, 1.0, -3.0]]), np.array([0])
    loss, dx = svm_loss(x, y)
    assert loss == 0 and not dx.any()
    numerical = eval_numerical_gradient(lambda x: svm_loss(x, y)[0], x, verbose=False)
    near(numerical, [[-0.5, 0.5, 0]])


@pytest.mark.parametrize("loss", [softmax_loss, svm_loss])
def test_losses_refuse_what_are_no_labels(loss):
    with pytest.raises(ValueError, match="argument 'y': expected class numbers of shape"):
        loss(np.zeros((2, 3)), np.array([0.5, 1.0]))
    with pytest.raises((ValueError, IndexError), match="3"):
        loss(np.zeros((2, 3)), np.array([0, 3]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_losses_take_labels_of_any_integer_dtype(dtype):
    expected, _ = softmax_loss(np.eye(3), np.arange(3))
    assert softmax_loss(np.eye(3), np.arange(3, dtype=dtype))[0] == expected


# --- dropout ------------------------------------------------------------------------------------


def test_dropout_forward(draw):
    x = draw.randn(500, 500) + 10
    figures = {0.25: (10.0141, 0.749784), 0.4: (9.9779, 0.600796), 0.7: (9.9878, 0.30074)}
    for p, (mean, zeros) in figures.items():
        out, _ = dropout_forward(x, {"mode": "train", "p": p})
        assert out.mean() == pytest.approx(mean, abs=5e-5)
        assert (out == 0).mean() == pytest.approx(zeros, abs=1e-9)
        tested, _ = dropout_forward(x, {"mode": "test", "p": p})
        np.testing.assert_array_equal(tested, x)


def test_dropout_backward(draw):
    param = {"mode": "train", "p": 0.2, "seed": 123}
    inputs, dout = [draw.randn(10, 10) + 10], draw.randn(10, 10)
    check_backward(lambda x: dropout_forward(x, param), dropout_backward, inputs, dout, 1e-9)


def test_dropout_refuses_what_is_no_probability_to_keep(draw):
    with pytest.raises(ValueError, match="argument 'p': expected a probability above 0, got 0"):
        dropout_forward(np.ones(2), {"mode": "train", "p": 0})
    with pytest.raises(ValueError, match="'mode' to be 'train' or 'test', got 'training'"):
        dropout_forward(np.ones(2), {"mode": "training", "p": 0.5})


# --- normalisation ------------------------------------------------------------------------------


def hidden_activations(draw, n):
    """Data through a random network of one hidden layer, as the course does."""
    x, w1, w2 = draw.randn(n, 50), draw.randn(50, 60), draw.randn(60, 3)
    return np.maximum(0, x @ w1) @ w2


def test_batchnorm_forward(draw):
    a = hidden_activations(draw, 200)
    near(a.mean(0), [-2.3814598, -13.18038246, 1.91780462])
    near(a.std(0), [27.18502186, 34.21455511, 37.68611762])
    out, _ = batchnorm_forward(a, np.ones(3), np.zeros(3), {"mode": "train"})
    near(out.mean(0), np.zeros(3))
    near(out.std(0), np.ones(3), 1e-6)
    gamma, beta = np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0])
    out, _ = batchnorm_forward(a, gamma, beta, {"mode": "train"})
    near(out.mean(0), [11, 12, 13])
    near(out.std(0), [1, 2, 3], 1e-6)


def test_batchnorm_forward_in_test_mode(draw):
    w1, w2 = draw.randn(50, 60), draw.randn(60, 3)
    bn_param = {"mode": "train"}

    def normalised():
        a = np.maximum(0, draw.randn(200, 50) @ w1) @ w2
        return batchnorm_forward(a, np.ones(3), np.zeros(3), bn_param)[0]

    for _ in range(50):
        normalised()
    bn_param["mode"] = "test"
    before = {name: np.copy(value) for name, value in bn_param.items()}
    out = normalised()
    assert abs(out.mean(0)).max() < 0.2 and abs(out.std(0) - 1).max() < 0.1
    for name, value in before.items():
        np.testing.assert_array_equal(bn_param[name], value)


def test_batchnorm_running_statistics():
    """running = momentum * running + (1 - momentum) * sample, with the biased variance."""
    bn_param = {"mode": "train", "momentum": 0.75}
    batchnorm_forward(np.array([[0.0], [2.0]]), np.ones(1), np.zeros(1), bn_param)
    assert bn_param["running_mean"].tolist() == [0.25] and bn_param["running_var"].tolist() == [
        0.25
    ]


def norm_data(draw):
    return [5 * draw.randn(4, 5) + 12, draw.randn(5), draw.randn(5)], draw.randn(4, 5)


@pytest.mark.parametrize("backward", [batchnorm_backward, batchnorm_backward_alt])
@pytest.mark.parametrize("mode", ["train", "test"])
def test_batchnorm_backward(draw, backward, mode):
    def forward(x, gamma, beta):
        running = {"running_mean": np.full(5, 11.0), "running_var": np.full(5, 20.0)}
        return batchnorm_forward(x, gamma, beta, {"mode": mode, **running})

    check_backward(forward, backward, *norm_data(draw), 1e-8)


def test_batchnorm_backward_alt_equals_the_graph_form(draw):
    x, gamma, beta = 5 * draw.randn(100, 500) + 12, draw.randn(500), draw.randn(500)
    dout = draw.randn(100, 500)
    _, cache = batchnorm_forward(x, gamma, beta, {"mode": "train"})
    graph, closed = batchnorm_backward(dout, cache), batchnorm_backward_alt(dout, cache)
    for one, other in zip(graph, closed, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)


def test_layernorm_forward(draw):
    a = hidden_activations(draw, 4)
    near(a.mean(1), [-59.06673243, -47.60782686, -43.31137368, -26.40991744])
    out, _ = layernorm_forward(a, np.ones(3), np.zeros(3), {})
    near(out.mean(1), np.zeros(4))
    near(out.std(1), np.ones(4), 1e-6)
    out, _ = layernorm_forward(a, np.full(3, 3.0), np.full(3, 5.0), {})
    near(out.mean(1), np.full(4, 5))
    near(out.std(1), np.full(4, 3), 1e-6)


def test_layernorm_backward(draw):
    check_backward(
        lambda x, gamma, beta: layernorm_forward(x, gamma, beta, {}),
        layernorm_backward, *norm_data(draw), 1e-8,
    )  # fmt: skip


def test_spatial_batchnorm_forward(draw):
    x = 4 * draw.randn(2, 3, 4, 5) + 10
    near(x.mean(axis=(0, 2, 3)), [9.33463814, 8.90909116, 9.11056338])
    near(x.std(axis=(0, 2, 3)), [3.61447857, 3.19347686, 3.5168142])
    out, _ = spatial_batchnorm_forward(x, np.ones(3), np.zeros(3), {"mode": "train"})
    near(out.mean((0, 2, 3)), np.zeros(3))
    near(out.std((0, 2, 3)), np.ones(3), 1e-5)
    gamma, beta = np.array([3.0, 4.0, 5.0]), np.array([6.0, 7.0, 8.0])
    out, _ = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
    near(out.mean((0, 2, 3)), beta)
    near(out.std((0, 2, 3)), gamma, 1e-5)


def test_spatial_batchnorm_backward(draw):
    inputs = [5 * draw.randn(2, 3, 4, 5) + 12, draw.randn(3), draw.randn(3)]
    check_backward(
        lambda x, gamma, beta: spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"}),
        spatial_batchnorm_backward, inputs, draw.randn(2, 3, 4, 5), 1e-6,
    )  # fmt: skip


def test_spatial_groupnorm_forward(draw):
    x = 4 * draw.randn(2, 6, 4, 5) + 10
    near(x.reshape(4, -1).mean(1), [9.72505327, 8.51114185, 8.9147544, 9.43448077])
    ones, zeros = np.ones((1, 6, 1, 1)), np.zeros((1, 6, 1, 1))
    out, _ = spatial_groupnorm_forward(x, ones, zeros, 2, {})
    near(out.reshape(4, -1).mean(1), np.zeros(4))
    near(out.reshape(4, -1).std(1), np.ones(4), 1e-5)


def test_spatial_groupnorm_backward(draw):
    x, dout = 5 * draw.randn(2, 6, 4, 5) + 12, draw.randn(2, 6, 4, 5)
    inputs = [x, draw.randn(1, 6, 1, 1), draw.randn(1, 6, 1, 1)]
    check_backward(
        lambda x, gamma, beta: spatial_groupnorm_forward(x, gamma, beta, 2, {}),
        spatial_groupnorm_backward, inputs, dout, 1e-6,
    )  # fmt: skip


# --- convolution and pooling --------------------------------------------------------------------

CONV = {
    "naive": (conv_forward_naive, conv_backward_naive),
    "fast": (conv_forward_fast, conv_backward_fast),
}
POOL = {
    "naive": (max_pool_forward_naive, max_pool_backward_naive),
    "fast": (max_pool_forward_fast, max_pool_backward_fast),
}
CONV_OUT = [
    -0.08759809, -0.10987781, -0.18387192, -0.2109216, 0.21027089, 0.21661097, 0.22847626,
    0.23004637, 0.50813986, 0.54309974, 0.64082444, 0.67101435, -0.98053589, -1.03143541,
    -1.19128892, -1.24695841, 0.69108355, 0.66880383, 0.59480972, 0.56776003, 2.36270298,
    2.36904306, 2.38090835, 2.38247847,
]  # fmt: skip
HALVES = {"pool_height": 2, "pool_width": 2, "stride": 2}


@pytest.mark.parametrize("form", CONV)
def test_conv_forward(form):
    forward, _ = CONV[form]
    x, w, b = lin(-0.1, 0.5, 2, 3, 4, 4), lin(-0.2, 0.3, 3, 3, 4, 4), lin(-0.1, 0.2, 3)
    out, _ = forward(x, w, b, {"stride": 2, "pad": 1})
    assert rel_error(out.ravel(), np.array(CONV_OUT)) < 1e-7


@pytest.mark.parametrize("form", CONV)
def test_conv_backward(draw, form):
    forward, backward = CONV[form]
    inputs = [draw.randn(4, 3, 5, 5), draw.randn(2, 3, 3, 3), draw.randn(2)]
    dout = draw.randn(4, 2, 5, 5)
    conv_param = {"stride": 1, "pad": 1}
    check_backward(lambda x, w, b: forward(x, w, b, conv_param), backward, inputs, dout, 1e-7)


@pytest.mark.slow
def test_conv_naive_agrees_with_fast(draw):
    x, w, b = draw.randn(100, 3, 31, 31), draw.randn(25, 3, 3, 3), draw.randn(25)
    dout = draw.randn(100, 25, 16, 16)
    results = []
    for forward, backward in CONV.values():
        out, cache = forward(x, w, b, {"stride": 2, "pad": 1})
        results.append((out, *backward(dout, cache)))
    for naive, fast in zip(*results, strict=True):
        np.testing.assert_allclose(naive, fast, rtol=0, atol=1e-10)


@pytest.mark.parametrize("form", POOL)
def test_max_pool_forward(form):
    forward, _ = POOL[form]
    out, _ = forward(lin(-0.3, 0.4, 2, 3, 4, 4), HALVES)
    expected = lin(-0.3, 0.4, 2, 3, 4, 4).reshape(2, 3, 2, 2, 2, 2).max((3, 5))
    np.testing.assert_array_equal(out, expected)
    assert out.ravel()[0] == pytest.approx(-0.26315789, abs=1e-8) and out.ravel()[-1] == 0.4


@pytest.mark.parametrize("form", POOL)
def test_max_pool_backward(draw, form):
    forward, backward = POOL[form]
    inputs, dout = [draw.randn(3, 2, 8, 8)], draw.randn(3, 2, 4, 4)
    check_backward(lambda x: forward(x, HALVES), backward, inputs, dout, 1e-10)


@pytest.mark.slow
def test_max_pool_naive_agrees_with_fast(draw):
    x, dout = draw.randn(100, 3, 32, 32), draw.randn(100, 3, 16, 16)
    (naive, kept), (fast, cache) = (forward(x, HALVES) for forward, _ in POOL.values())
    np.testing.assert_array_equal(naive, fast)
    np.testing.assert_array_equal(
        max_pool_backward_naive(dout, kept), max_pool_backward_fast(dout, cache)
    )


def test_naive_caches_are_those_of_the_course(draw):
    """What a student's own backward unpacks."""
    x, w, b = draw.randn(1, 2, 4, 4), draw.randn(2, 2, 2, 2), draw.randn(2)
    conv_param = {"stride": 2, "pad": 0}
    for given, cache in (
        ((x, w, b, conv_param), conv_forward_naive(x, w, b, conv_param)[1]),
        ((x, HALVES), max_pool_forward_naive(x, HALVES)[1]),
    ):
        assert len(cache) == len(given)
        assert all(kept is one for kept, one in zip(cache, given, strict=True))


@pytest.mark.parametrize("form", CONV)
def test_image_filters_by_convolution(form):
    """Grey at the centre, and horizontal edges of the blue channel on a bias of 128."""
    rows, columns = np.mgrid[0:24, 0:30]
    red, green = 128 + 80 * np.sin(rows / 9), 255.0 * (rows > 12) + 0 * columns
    picture = np.stack([red, green, 100 + columns + 50 * np.cos(rows / 5)])
    filters = np.zeros((2, 3, 3, 3))
    filters[0, :, 1, 1] = 0.3, 0.6, 0.1
    filters[1, 2] = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
    out, _ = CONV[form][0](picture[None], filters, np.array([0.0, 128.0]), ONES)
    near(out[0, 0], 0.3 * picture[0] + 0.6 * picture[1] + 0.1 * picture[2], 1e-12)
    blue = picture[2]
    smoothed = blue[:, :-2] + 2 * blue[:, 1:-1] + blue[:, 2:]
    near(out[0, 1, 1:-1, 1:-1], smoothed[:-2] - smoothed[2:] + 128, 1e-10)


ONES = {"stride": 1, "pad": 1}


def test_conv_relu(draw):
    inputs = [draw.randn(2, 3, 8, 8), draw.randn(3, 3, 3, 3), draw.randn(3)]
    dout = draw.randn(2, 3, 8, 8)
    check_backward(
        lambda x, w, b: conv_relu_forward(x, w, b, ONES), conv_relu_backward, inputs, dout, 1e-7
    )


@pytest.mark.slow
def test_conv_relu_pool(draw):
    inputs = [draw.randn(2, 3, 16, 16), draw.randn(3, 3, 3, 3), draw.randn(3)]
    dout = draw.randn(2, 3, 8, 8)
    check_backward(
        lambda x, w, b: conv_relu_pool_forward(x, w, b, ONES, HALVES),
        conv_relu_pool_backward, inputs, dout, 1e-7,
    )  # fmt: skip


def blocks_in_steps(x, w, b, gamma, beta, layer, norm):
    out, _ = layer(x, w, b)
    out, _ = norm(out, gamma, beta, {"mode": "train"})
    return relu_forward(out)[0]


def test_conv_bn_relu(draw):
    inputs = [draw.randn(2, 3, 5, 5), draw.randn(4, 3, 3, 3), draw.randn(4)]
    inputs += [draw.randn(4), draw.randn(4)]
    bn_param = {"mode": "train"}
    out, cache = conv_bn_relu_forward(*inputs, ONES, bn_param)
    steps = blocks_in_steps(
        *inputs, lambda x, w, b: conv_forward_fast(x, w, b, ONES), spatial_batchnorm_forward
    )
    np.testing.assert_allclose(out, steps, atol=1e-12)
    assert bn_param["running_mean"].shape == (4,)
    dout = draw.randn(*out.shape)
    grads = conv_bn_relu_backward(dout, cache)
    for x, grad in zip(inputs, grads, strict=True):
        numerical = eval_numerical_gradient_array(
            lambda _: conv_bn_relu_forward(*inputs, ONES, {"mode": "train"})[0], x, dout
        )
        # The bias before a batch norm has no effect: there is only rounding to compare.
        np.testing.assert_allclose(grad, numerical, rtol=1e-5, atol=1e-8)


def test_affine_bn_relu(draw):
    inputs = [draw.randn(6, 4), draw.randn(4, 5), draw.randn(5), draw.randn(5), draw.randn(5)]
    out, cache = affine_bn_relu_forward(*inputs, {"mode": "train"})
    np.testing.assert_allclose(out, blocks_in_steps(*inputs, affine_forward, batchnorm_forward))
    dout = draw.randn(6, 5)
    for x, grad in zip(inputs, affine_bn_relu_backward(dout, cache), strict=True):
        numerical = eval_numerical_gradient_array(
            lambda _: affine_bn_relu_forward(*inputs, {"mode": "train"})[0], x, dout
        )
        np.testing.assert_allclose(grad, numerical, rtol=1e-5, atol=1e-8)


def test_layers_keep_float32(draw):
    x, w, b = (a.astype(np.float32) for a in (draw.randn(4, 6), draw.randn(6, 5), draw.randn(5)))
    gamma, beta = np.ones(5, np.float32), np.zeros(5, np.float32)
    for mode in ("train", "test"):
        out, cache = affine_bn_relu_forward(x, w, b, gamma, beta, {"mode": mode})
        assert out.dtype == np.float32
        assert {grad.dtype for grad in affine_bn_relu_backward(out, cache)} == {np.dtype("f4")}
    out, _ = dropout_forward(x, {"mode": "train", "p": 0.5})
    assert out.dtype == np.float32


def test_a_cache_can_be_used_twice(draw):
    out, cache = affine_relu_forward(draw.randn(2, 3), draw.randn(3, 4), draw.randn(4))
    first, second = affine_relu_backward(out, cache), affine_relu_backward(out, cache)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
