"""The layers that resample."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn

X = tg.arange(12.0).reshape(1, 1, 3, 4)


@pytest.mark.parametrize(
    "layer, settings",
    [
        (nn.Upsample(5), {"size": 5}),
        (nn.Upsample(scale_factor=2), {"scale_factor": 2}),
        (nn.Upsample(None, (1.5, 2), "bilinear"), {"scale_factor": (1.5, 2), "mode": "bilinear"}),
        (nn.UpsamplingNearest2d(scale_factor=3), {"scale_factor": 3}),
        (nn.UpsamplingNearest2d((5, 2)), {"size": (5, 2)}),
        (
            nn.UpsamplingBilinear2d(size=7),
            {"size": 7, "mode": "bilinear", "align_corners": True},
        ),
    ],
    ids=repr,
)
def test_a_layer_is_interpolate_with_its_settings(layer, settings):
    assert layer(X).tolist() == F.interpolate(X, **settings).tolist()
    assert isinstance(layer, nn.Upsample)


def test_scales_are_floats():
    assert (
        repr(nn.Upsample(scale_factor=(2, 3)))
        == "Upsample(scale_factor=(2.0, 3.0), mode='nearest')"
    )
    assert nn.UpsamplingBilinear2d(scale_factor=2).scale_factor == 2.0


def test_refuses():
    with pytest.raises(ValueError, match="interpolate: argument 'size': expected one of size and"):
        nn.Upsample()(X)
    with pytest.raises(tg.ShapeError, match="interpolate: argument 'input': expected 4 dimensions"):
        nn.UpsamplingBilinear2d(2)(X[0])
