"""The course's networks as modules."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn import models

COUNTS = {  # parameters for (3, 32, 32) and 10 classes, by hand
    "softmax": 30730,
    "two-layer": 3072 * 100 + 100 + 100 * 10 + 10,
    "fully-connected": 3072 * 100 + 100 + 3 * (100 * 100 + 100) + 1010,
    "three-layer-convnet": 32 * 3 * 49 + 32 + 32 * 256 * 100 + 100 + 1010,
    "barebones-convnet": 32 * 75 + 32 + 16 * 32 * 9 + 16 + 16 * 1024 * 10 + 10,
    "conv-blocks": 16 * 75 + 16 + 32 * 16 * 9 + 32 + 64 * 32 * 9 + 64 + 2 * 112 + 64 * 16 * 10 + 10,
}


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8)], ids=str)
def test_every_model_gives_scores_and_learns(name, shape, rng):
    tg.manual_seed(0)
    model = models.MODELS[name](input_shape=shape)
    if shape == (3, 32, 32):
        assert sum(p.numel() for p in model.parameters()) == COUNTS[name]
    x, y = tg.tensor(rng.standard_normal((8, *shape), dtype="f4")), tg.arange(8)
    optimizer = nn.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(20):
        scores = model(x)
        assert scores.shape == (8, 10)
        loss = nn.functional.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_number_of_classes():
    assert models.TwoLayerNet(num_classes=3, input_shape=(1, 4, 4))(tg.zeros(2, 1, 4, 4)).shape == (
        2, 3,
    )  # fmt: skip


@pytest.mark.parametrize("normalization, kind", [("batchnorm", "BatchNorm1d"),
                                                 ("layernorm", "LayerNorm")])  # fmt: skip
def test_fully_connected_net_options(normalization, kind):
    net = models.FullyConnectedNet([5, 4], (1, 3, 3), 2, normalization, dropout=0.25)
    block = ["Linear", kind, "ReLU", "Dropout"]
    assert [type(layer).__name__ for layer in net] == ["Flatten", *block, *block, "Linear"]
    assert net[4].p == 0.25
    assert len(models.FullyConnectedNet([], (1, 3, 3), 2)) == 2
    with pytest.raises(ValueError, match="expected None, 'batchnorm' or 'layernorm', got 'group'"):
        models.FullyConnectedNet(normalization="group")
