"""The borders."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

NAMES = {"Zero": "constant", "Reflection": "reflect", "Replication": "edge", "Circular": "wrap"}
WIDTHS = [2, (1, 0), [0, 2]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("padding", WIDTHS, ids=str)
def test_signals(name, padding, rng):
    x = rng.standard_normal((2, 3, 4))
    ends = (padding, padding) if isinstance(padding, int) else tuple(padding)
    larger = np.pad(x, ((0, 0), (0, 0), ends), NAMES[name])
    assert getattr(nn, f"{name}Pad1d")(padding)(tg.tensor(x)).tolist() == larger.tolist()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("padding", [1, (1, 0, 2, 1)], ids=str)
def test_images(name, padding, rng):
    x = rng.standard_normal((3, 4, 5))
    left, right, top, bottom = (padding,) * 4 if isinstance(padding, int) else padding
    larger = np.pad(x, ((0, 0), (top, bottom), (left, right)), NAMES[name])
    assert getattr(nn, f"{name}Pad2d")(padding)(tg.tensor(x)).tolist() == larger.tolist()


def test_a_number_on_all_sides():
    assert nn.ConstantPad2d(1, 7)(tg.zeros(1, 1)).tolist() == [[7, 7, 7], [7, 0, 7], [7, 7, 7]]
    assert isinstance(nn.ZeroPad2d(1), nn.ConstantPad2d) and nn.ZeroPad2d(1).value == 0


@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (nn.ReflectionPad1d(3), (2, 3), r"'pad': expected at most 2 for a dim of 3"),
        (nn.CircularPad2d(5), (1, 4, 4), r"'pad': expected at most 4 for a dim of 4"),
        (nn.ReplicationPad2d(1), (4, 4), r"'pad': expected for mode 'replicate' pairs for all"),
        (nn.ZeroPad1d((1, 2, 3)), (4,), r"'pad': expected pairs \(before, after\)"),
    ],
    ids=str,
)
def test_refuses(layer, shape, message):
    with pytest.raises(tg.ShapeError, match=f"pad: argument {message}"):
        layer(tg.zeros(*shape))
