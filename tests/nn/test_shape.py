"""The layers that only arrange."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


def test_identity_takes_anything():
    x = tg.ones(2)
    assert nn.Identity(3, unused=True)(x) is x


@pytest.mark.parametrize(
    "layer, shape, result",
    [
        (nn.Flatten(), (2, 3, 4), (2, 12)),
        (nn.Flatten(0, 1), (2, 3, 4), (6, 4)),
        (nn.Flatten(0), (2, 3, 4), (24,)),
        (nn.Flatten(), (0, 3, 4), (0, 12)),
        (nn.Unflatten(1, (3, 4)), (2, 12), (2, 3, 4)),
        (nn.Unflatten(-1, [2, -1]), (2, 12), (2, 2, 6)),
        (nn.Unfold((2, 3)), (2, 3, 5, 6), (2, 18, 16)),
        (nn.Unfold(2, stride=2), (3, 4, 4), (12, 4)),
        (nn.Fold((4, 4), 2, stride=2), (2, 12, 4), (2, 3, 4, 4)),
    ],
    ids=str,
)
def test_shapes(layer, shape, result):
    assert layer(tg.zeros(*shape)).shape == result


def test_folding_back_counts_the_windows_of_each_pixel(rng):
    x = tg.tensor(rng.standard_normal((2, 3, 4, 4)))
    settings = {"kernel_size": 3, "padding": 1, "stride": 1, "dilation": 1}
    unfold, fold = nn.Unfold(**settings), nn.Fold((4, 4), **settings)
    windows = fold(unfold(tg.ones(2, 3, 4, 4).double()))
    assert windows[0, 0].tolist() == [[4, 6, 6, 4], [6, 9, 9, 6], [6, 9, 9, 6], [4, 6, 6, 4]]
    assert tg.allclose(fold(unfold(x)), x * windows)


@pytest.mark.parametrize("sizes", [6, (2, 1.5), "ab"])
def test_unflatten_wants_ints(sizes):
    with pytest.raises(TypeError, match=r"Unflatten: argument 'unflattened_size': expected a tu"):
        nn.Unflatten(1, sizes)


def test_unflatten_wants_sizes_that_multiply_to_the_dim():
    with pytest.raises(tg.ShapeError, match="unflatten"):
        nn.Unflatten(1, (2, 2))(tg.zeros(3, 6))
