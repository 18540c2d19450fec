"""Embedding."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import DimensionError, SettingError

TABLE = tg.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 10.0]])


def test_rows_are_looked_up_and_repeated_ones_add_in_the_gradient():
    layer = nn.Embedding.from_pretrained(TABLE, freeze=False)
    out = layer(tg.tensor([[0, 2], [0, 0]]))
    assert out.tolist() == [[[3, 4], [0, 10]], [[3, 4], [3, 4]]]
    out.sum().backward()
    assert layer.weight.grad.tolist() == [[3, 3], [0, 0], [1, 1]]


@pytest.mark.parametrize("padding_idx", [1, -2])
def test_the_padding_row_starts_as_zeros_and_is_not_learned(padding_idx):
    tg.manual_seed(0)
    layer = nn.Embedding(3, 2, padding_idx=padding_idx)
    assert layer.padding_idx == 1 and layer.weight[1].tolist() == [0, 0]
    layer(tg.tensor([0, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0]]
    with tg.no_grad():
        layer.weight[1] = tg.tensor([5.0, 6.0])
    assert layer(tg.tensor(1)).tolist() == [5, 6]


def test_starts_standard_normal():
    tg.manual_seed(0)
    table = nn.Embedding(200, 50).weight.array
    assert abs(table.mean()) < 0.03 and table.std() == pytest.approx(1, rel=0.03)


def test_pretrained_shares_memory_and_is_frozen():
    table = TABLE.clone()
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad and np.shares_memory(layer.weight.array, table.array)
    assert (layer.num_embeddings, layer.embedding_dim) == (3, 2)


def test_max_norm_shortens_what_is_read():
    layer = nn.Embedding.from_pretrained(TABLE.clone(), max_norm=2.0)
    layer(tg.tensor([0, 1]))
    np.testing.assert_allclose(layer.weight.array, [[1.2, 1.6], [1, 0], [0, 10]], rtol=1e-6)
    assert repr(layer) == "Embedding(3, 2, max_norm=2.0)"


@pytest.mark.parametrize(
    "make, error, message",
    [
        (
            lambda: nn.Embedding(3, 2, padding_idx=3),
            DimensionError,
            "'padding_idx': expected -3",
        ),
        (lambda: nn.Embedding(-1, 2), ValueError, "'num_embeddings': expected an integer of at le"),
        (
            lambda: nn.Embedding(3, 2, sparse=True),
            SettingError,
            "'sparse': expected False, got",
        ),
        (
            lambda: nn.Embedding(2, 2, _weight=TABLE),
            tg.ShapeError,
            r"'_weight': expected shape",
        ),
        (lambda: nn.Embedding(3, 2)(tg.tensor([3])), DimensionError, "expected 0 to 2, got 3 to 3"),
    ],
)
def test_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_pretrained_wants_a_table():
    with pytest.raises(tg.ShapeError, match=r"'embeddings': expected shape \(V, D\), got"):
        nn.Embedding.from_pretrained(tg.ones(2))
