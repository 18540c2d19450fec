"""The pooling layers."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn

IMAGES = tg.arange(2.0 * 3 * 8 * 8).reshape(2, 3, 8, 8).sub(190).abs().sub(70).abs()
SIGNALS = IMAGES.reshape(2, 3, 64)

SETTINGS = {
    ("MaxPool", F.max_pool1d, F.max_pool2d): [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        {"kernel_size": 2, "dilation": 2},
    ],
    ("AvgPool", F.avg_pool1d, F.avg_pool2d): [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": False},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    ],
    ("AdaptiveAvgPool", F.adaptive_avg_pool1d, F.adaptive_avg_pool2d): [{"output_size": 3}],
    ("AdaptiveMaxPool", F.adaptive_max_pool1d, F.adaptive_max_pool2d): [{"output_size": 3}],
}
CASES = [
    (getattr(nn, f"{name}{dims}d"), function, x, settings)
    for (name, *functions), choices in SETTINGS.items()
    for dims, function, x in zip((1, 2), functions, (SIGNALS, IMAGES), strict=True)
    for settings in choices
]
CASES += [
    (nn.MaxPool2d, F.max_pool2d, IMAGES, {"kernel_size": (2, 3), "stride": (1, 2)}),
    (nn.AvgPool2d, F.avg_pool2d, IMAGES, {"kernel_size": (2, 3), "divisor_override": 5}),
    (nn.AdaptiveAvgPool2d, F.adaptive_avg_pool2d, IMAGES, {"output_size": (None, 2)}),
]


@pytest.mark.parametrize("make, function, x, settings", CASES)
def test_a_layer_is_the_function_with_its_settings(make, function, x, settings):
    layer = make(**settings)
    for t in (x, x[0]):
        assert layer(t).tolist() == function(t, **settings).tolist()
    assert list(layer.state_dict()) == []


def test_by_hand():
    x = tg.tensor([[[[1.0, 2.0], [4.0, 3.0]]]], requires_grad=True)
    y = nn.MaxPool2d(2)(x)
    y.backward(tg.ones(1, 1, 1, 1))
    assert y.item() == 4 and x.grad.tolist() == [[[[0, 0], [1, 0]]]]
    assert nn.AvgPool2d(2)(x).item() == nn.AdaptiveAvgPool2d(1)(x).item() == 2.5


@pytest.mark.parametrize("layer", [nn.MaxPool1d(4), nn.AdaptiveMaxPool1d(1)], ids=repr)
def test_of_equal_ones_the_first_gets_the_gradient(layer):
    x = tg.tensor([[1.0, 5.0, 5.0, 0.0]], requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [[0, 1, 0, 0]]


@pytest.mark.parametrize(
    "layer",
    [nn.MaxPool2d(2, return_indices=True), nn.AdaptiveMaxPool2d(4, return_indices=True)],
    ids=repr,
)
def test_the_places_point_at_the_largest(layer):
    values, places = layer(IMAGES)
    assert places.dtype == tg.int64
    found = tg.gather(IMAGES.flatten(2), 2, places.flatten(2)).reshape(*values.shape)
    assert found.tolist() == values.tolist()


def test_a_stride_that_is_not_given_is_the_kernel_size():
    assert nn.MaxPool2d((2, 3)).stride == (2, 3) and nn.AvgPool2d(3).stride == 3
    assert nn.AvgPool1d(3).stride == (3,) and nn.AvgPool1d(3, 1).stride == (1,)


@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (nn.MaxPool2d(2, padding=2), (1, 1, 4, 4), "max_pool2d: argument 'padding': expected at m"),
        (nn.AvgPool2d(2), (3,), "avg_pool2d: argument 'input': expected 4 dimensions"),
        (nn.MaxPool1d(5), (1, 1, 4), "max_pool1d: argument 'kernel_size': expected a window that"),
        (nn.AdaptiveAvgPool1d(-1), (1, 4), "adaptive_avg_pool1d: argument 'output_size': expected"),
    ],
    ids=str,
)
def test_refuses(layer, shape, message):
    with pytest.raises(tg.ShapeError, match=message):
        layer(tg.zeros(*shape))
