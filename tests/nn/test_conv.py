"""Conv2d."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.kernels import reference

SETTINGS = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)},
    {"padding": "same"},
    {"padding": "same", "dilation": 2},
    {"padding": "valid"},
    {"groups": 2, "padding": 1},
    {"groups": 4, "bias": False},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_equals_the_plain_loops(settings, rng):
    layer = nn.Conv2d(4, 8, 3, **settings).double()
    x = rng.standard_normal((2, 4, 7, 8))
    pads = {"same": layer.dilation, "valid": (0, 0)}
    padding = pads.get(layer.padding, layer.padding) if isinstance(layer.padding, str) else None
    out = reference.conv2d(
        x, layer.weight.array, layer.stride, padding or layer.padding, layer.dilation, layer.groups
    )
    if layer.bias is not None:
        out = out + layer.bias.array[:, None, None]
    np.testing.assert_allclose(layer(tg.tensor(x)).detach(), out, rtol=1e-12, atol=1e-12)


def test_shapes_of_parameters():
    layer = nn.Conv2d(4, 6, (3, 5), groups=2)
    assert layer.weight.shape == (6, 2, 3, 5) and layer.bias.shape == (6,)
    assert nn.Conv2d(4, 6, 3, bias=False).bias is None
    assert nn.Conv2d(1, 1, 1, dtype=tg.float64).weight.dtype == tg.float64


def test_an_image_without_batch():
    assert nn.Conv2d(3, 5, 3)(tg.zeros(3, 8, 8)).shape == (5, 6, 6)


def test_starts_uniform_within_one_over_root_fan_in():
    tg.manual_seed(0)
    layer = nn.Conv2d(8, 200, 5, groups=2)  # fan_in is 4 * 25
    for p in layer.parameters():
        assert 0.095 < abs(p.array).max() <= 0.1
        assert p.array.std() == pytest.approx(0.1 / 3**0.5, rel=0.1)


@pytest.mark.parametrize(
    "args, settings, message",
    [
        ((0, 4, 3), {}, r"'in_channels': expected an integer of at least 1, got 0"),
        ((4, 2.5, 3), {}, r"'out_channels': expected an integer of at least 1, got 2.5"),
        ((4, 4, 3), {"groups": 0}, r"'groups': expected an integer of at least 1, got 0"),
        ((3, 4, 3), {"groups": 2}, r"'in_channels': expected a multiple of groups=2, got 3"),
        ((4, 3, 3), {"groups": 2}, r"'out_channels': expected a multiple of groups=2, got 3"),
        ((4, 4, 0), {}, r"'kernel_size': expected 1 or more"),
        ((4, 4, (3, 3, 3)), {}, r"'kernel_size': expected an int or a pair of ints"),
        ((4, 4, 3), {"stride": 0}, r"'stride': expected 1 or more"),
        ((4, 4, 3), {"padding": -1}, r"'padding': expected 0 or more"),
        ((4, 4, 3), {"dilation": 0}, r"'dilation': expected 1 or more"),
        ((4, 4, 3), {"padding": "full"}, r"'padding': expected ints, 'same' or 'valid', got"),
        ((4, 4, 3), {"padding": "same", "stride": 2}, r"'padding': expected ints if the stride is"),
        ((4, 4, 3), {"padding_mode": "reflect"}, r"'padding_mode': expected 'zeros', got 'refl"),
    ],
)
def test_refuses_settings(args, settings, message):
    with pytest.raises(ValueError, match=f"Conv2d: argument {message}"):
        nn.Conv2d(*args, **settings)


def test_refuses_inputs():
    with pytest.raises(tg.ShapeError, match=r"conv2d: argument 'input': expected 3 channels"):
        nn.Conv2d(3, 4, 3)(tg.zeros(2, 4, 8, 8))
