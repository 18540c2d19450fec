"""The convolutions."""

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
        (
            (4, 4, 3),
            {"padding_mode": "mirror"},
            r"'padding_mode': expected 'zeros' or 'reflect' or",
        ),
    ],
)
def test_refuses_settings(args, settings, message):
    with pytest.raises(ValueError, match=f"Conv2d: argument {message}"):
        nn.Conv2d(*args, **settings)


# --- borders, signals, transposed -----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [1, (0, 2), "same", "valid"])
def test_other_borders_are_padded_first(mode, padding, rng):
    layer = nn.Conv2d(2, 3, (3, 4), padding=padding, padding_mode=mode).double()
    x = rng.standard_normal((2, 2, 6, 7))
    ends = {"same": ((1, 1), (1, 2)), "valid": ((0, 0), (0, 0)), 1: ((1, 1), (1, 1))}
    ends = ends.get(padding, ((0, 0), (2, 2)))
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    larger = np.pad(x, ((0, 0), (0, 0), *ends), names[mode])
    out = reference.conv2d(larger, layer.weight.array, (1, 1), (0, 0), (1, 1), 1)
    out = out + layer.bias.array[:, None, None]
    np.testing.assert_allclose(layer(tg.tensor(x)).detach(), out, rtol=1e-12, atol=1e-12)


def test_the_transposed_convolution_is_the_adjoint(rng):
    """<conv(x), g> = <x, conv_transpose(g)> with the same weight."""
    down = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False).double()
    up = nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, groups=2, bias=False).double()
    assert up.weight.shape == down.weight.shape == (6, 2, 3, 3)
    up.weight = down.weight
    x = tg.tensor(rng.standard_normal((2, 4, 8, 8)))
    y = down(x)
    g = tg.tensor(rng.standard_normal(y.shape))
    back = up(g, output_size=x.shape)
    assert back.shape == x.shape and up(g, output_size=[8, 8]).tolist() == back.tolist()
    np.testing.assert_allclose((y * g).sum().item(), (x * back).sum().item(), rtol=1e-12)


def test_signals():
    layer = nn.Conv1d(4, 6, 5, stride=2, groups=2)
    assert layer.weight.shape == (6, 2, 5) and layer.kernel_size == (5,) and layer.stride == (2,)
    assert layer(tg.zeros(3, 4, 20)).shape == (3, 6, 8) and layer(tg.zeros(4, 20)).shape == (6, 8)
    back = nn.ConvTranspose1d(6, 4, 5, stride=2, output_padding=1)
    assert back(tg.zeros(3, 6, 8)).shape == (3, 4, 20)


def test_transposed_starts_uniform_within_one_over_root_of_its_windows():
    tg.manual_seed(0)
    layer = nn.ConvTranspose1d(200, 8, 25, groups=2)  # 4 filters of 25 each
    for p in layer.parameters():
        assert 0.08 < abs(p.array).max() <= 0.1


@pytest.mark.parametrize(
    "output_size, message",
    [
        (
            [6],
            r"expected sizes from \(7,\) to \(8,\) for an input of shape \(1, 1, 3\), got \(6,\)",
        ),
        ([9], r"expected sizes from \(7,\) to \(8,\)"),
        ([1, 8], r"expected 1 sizes, or 3, got \(1, 8\)"),
    ],
)
def test_refuses_sizes_that_no_stride_gives(output_size, message):
    layer = nn.ConvTranspose1d(1, 1, 3, stride=2)
    with pytest.raises(ValueError, match=rf"ConvTranspose1d: argument 'output_size': {message}"):
        layer(tg.zeros(1, 1, 3), output_size)


def test_transposed_refuses_other_borders():
    with pytest.raises(
        ValueError, match=r"ConvTranspose2d: .*'padding_mode': expected 'zeros', got"
    ):
        nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect")


def test_refuses_inputs():
    with pytest.raises(tg.ShapeError, match=r"conv2d: argument 'input': expected 3 channels"):
        nn.Conv2d(3, 4, 3)(tg.zeros(2, 4, 8, 8))
