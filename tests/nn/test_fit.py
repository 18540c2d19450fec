"""What is said of an input that does not fit a layer."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn.fit import misfit


def layer(*takes, **settings):
    """A layer that takes these shapes."""
    made = nn.Module()
    made._takes = takes
    vars(made).update(settings)
    return made


CONV = layer("N, channels, H, W", "channels, H, W", channels=3)
GRAY = layer("N, channels, H, W", channels=1)
NORM = layer("N, channels, H, W", channels=3)
FLAT = layer("N, features", "*, features", features=12)
LAYER_NORM = layer("*, shape", shape=(3, 4))
GROUPS = layer("N, channels, *", channels=4)
LINES = layer("N, channels", "N, channels, L", channels=5)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (CONV, (7, 3, 8, 8)), (CONV, (3, 8, 8)), (FLAT, (12,)), (FLAT, (2, 12)), (FLAT, (2, 5, 12)),
        (GROUPS, (2, 4)), (GROUPS, (2, 4, 7, 7)), (LAYER_NORM, (3, 4)), (LAYER_NORM, (7, 3, 4)),
        (LINES, (2, 5)), (LINES, (2, 5, 9)),
        (layer(), (1, 2, 3)),
    ],
)  # fmt: skip
def test_what_fits(layer, shape):
    assert misfit(layer, (tg.ones(shape),), {}) == ""


@pytest.mark.parametrize(
    "layer, shape, words",
    [
        (FLAT, (7, 3, 2, 2), "expected (N, 12), got (7, 3, 2, 2): flatten first?"),
        (FLAT, (3, 2, 2), "expected (N, 12), got (3, 2, 2): flatten first?"),
        (FLAT, (7, 3, 2, 3), "expected (N, 12), got (7, 3, 2, 3)"),
        (FLAT, (12, 7), "expected (N, 12), got (12, 7): transpose it?"),
        (FLAT, (7, 11), "expected (N, 12), got (7, 11)"),
        (FLAT, (11,), "expected (N, 12), got (11,)"),
        (FLAT, (), "expected (N, 12), got ()"),
        (CONV, (7, 8, 8, 3), "expected (N, 3, H, W), got (7, 8, 8, 3): channels last? "
                             "permute(0, 3, 1, 2)"),
        (CONV, (7, 4, 8, 8), "expected (N, 3, H, W), got (7, 4, 8, 8)"),
        (CONV, (7, 192), "expected (N, 3, H, W), got (7, 192): unflatten first?"),
        (NORM, (3, 8, 8), "expected (N, 3, H, W), got (3, 8, 8): missing batch dim? unsqueeze(0)"),
        (GRAY, (7, 8, 8), "expected (N, 1, H, W), got (7, 8, 8): missing channel dim? "
                          "unsqueeze(1)"),
        (LINES, (2, 9, 5), "expected (N, 5), got (2, 9, 5)"),
        (LAYER_NORM, (7, 3, 5), "expected (*, 3, 4), got (7, 3, 5)"),
        (GROUPS, (2, 3, 4), "expected (N, 4, *), got (2, 3, 4)"),
        (GROUPS, (4,), "expected (N, 4, *), got (4,)"),
        (LAYER_NORM, (4,), "expected (*, 3, 4), got (4,)"),
        (layer("features", features=2), (3,), "expected (2,), got (3,)"),
    ],
)  # fmt: skip
def test_what_does_not_fit(layer, shape, words):
    assert misfit(layer, (tg.ones(shape),), {}) == words
    assert misfit(layer, (), {"input": tg.ones(shape)}) == words


def test_what_has_no_shape():
    assert misfit(FLAT, (), {}) == misfit(FLAT, ([1, 2],), {}) == ""


LAYERS = [
    (nn.Conv1d(3, 1, 1), (7, 2, 9), "Conv1d: expected (N, 3, L), got (7, 2, 9)"),
    (nn.Conv2d(3, 1, 1), (7, 8, 8, 3), "Conv2d: expected (N, 3, H, W), got (7, 8, 8, 3): channels "
                                       "last? permute(0, 3, 1, 2)"),
    (nn.ConvTranspose1d(3, 1, 1), (9,), "ConvTranspose1d: expected (N, 3, L), got (9,)"),
    (nn.ConvTranspose2d(3, 1, 1), (7, 48), "ConvTranspose2d: expected (N, 3, H, W), got (7, 48): "
                                           "unflatten first?"),
    (nn.BatchNorm1d(3), (7, 4), "BatchNorm1d: expected (N, 3), got (7, 4)"),
    (nn.BatchNorm2d(3), (3, 8, 8), "BatchNorm2d: expected (N, 3, H, W), got (3, 8, 8): missing "
                                   "batch dim? unsqueeze(0)"),
    (nn.InstanceNorm1d(3, affine=True), (2, 4, 5), "InstanceNorm1d: expected (N, 3, L), got "
                                                   "(2, 4, 5)"),
    (nn.InstanceNorm2d(3), (2, 4), "InstanceNorm2d: expected (N, 3, H, W), got (2, 4): unflatten "
                                   "first?"),
    (nn.GroupNorm(2, 4), (2, 3, 4), "GroupNorm: expected (N, 4, *), got (2, 3, 4)"),
    (nn.LayerNorm((3, 4)), (7, 3, 5), "LayerNorm: expected (*, 3, 4), got (7, 3, 5)"),
    (nn.RMSNorm(5), (2, 4), "RMSNorm: expected (*, 5), got (2, 4)"),
]  # fmt: skip


@pytest.mark.parametrize("layer, shape, words", LAYERS, ids=lambda x: type(x).__name__)
def test_layers_say_what_they_take(layer, shape, words):
    with pytest.raises(tg.ShapeError) as caught:
        layer(tg.ones(shape))
    assert str(caught.value) == words


def test_another_fault_keeps_its_words():
    with pytest.raises(tg.ShapeError, match=r"^conv2d: "):
        nn.Conv2d(3, 1, 5)(tg.ones(2, 3, 4, 4))  # the kernel is too large
    with pytest.raises(tg.ShapeError, match=r"^0 \(LSTM\): argument 'input': expected a last dim"):
        nn.Sequential(nn.LSTM(3, 4))(tg.ones(2, 2))


def test_the_mends_work():
    x = tg.ones(7, 8, 8, 3)
    assert nn.Conv2d(3, 4, 3)(x.permute(0, 3, 1, 2)).shape == (7, 4, 6, 6)
    assert nn.Conv2d(1, 4, 3)(tg.ones(7, 8, 8).unsqueeze(1)).shape == (7, 4, 6, 6)
