"""The norms: whose statistics they use, when these move, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn

BATCHES = [tg.tensor([[1.0, 0.0], [3.0, 4.0], [5.0, 8.0]]), tg.tensor([[0.0, 1.0], [1.0, 1.0]])]


def kept(layer):
    return [buffer.tolist() for buffer in layer.buffers()]


# --- running statistics ---------------------------------------------------------------------------


def test_momentum_is_the_share_of_the_new_value_and_the_variance_unbiased():
    layer = nn.BatchNorm1d(2)
    layer(BATCHES[0])
    mean, var, count = kept(layer)
    np.testing.assert_allclose(mean, [0.3, 0.4], rtol=1e-6)
    np.testing.assert_allclose(var, [0.9 + 0.1 * 4, 0.9 + 0.1 * 16], rtol=1e-6)
    assert count == 1


def test_without_momentum_the_running_statistics_are_the_mean_of_all_batches():
    layer = nn.BatchNorm1d(2, momentum=None)
    for x in BATCHES:
        layer(x)
    mean, var, count = kept(layer)
    np.testing.assert_allclose(mean, [(3 + 0.5) / 2, (4 + 1) / 2], rtol=1e-6)
    np.testing.assert_allclose(var, [(4 + 0.5) / 2, (16 + 0) / 2], rtol=1e-6)
    assert count == 2


def test_evaluation_before_training_uses_the_initial_statistics():
    layer = nn.BatchNorm1d(2, eps=0).eval()
    assert layer(BATCHES[0]).tolist() == BATCHES[0].tolist()
    assert kept(layer) == [[0, 0], [1, 1], 0]


def test_evaluation_uses_and_keeps_the_running_statistics():
    layer = nn.BatchNorm1d(2, eps=1e-12)
    layer(BATCHES[0])
    before = kept(layer)
    y = layer.eval()(BATCHES[1])
    mean, var, _ = before
    np.testing.assert_allclose(
        y.detach(), (BATCHES[1].array - mean) / np.sqrt(var), rtol=1e-5, atol=1e-6
    )
    assert kept(layer) == before


def test_without_running_statistics_evaluation_uses_the_batch():
    layer = nn.BatchNorm1d(2, track_running_stats=False)
    assert layer(BATCHES[0]).tolist() == layer.eval()(BATCHES[0]).tolist()
    assert kept(layer) == [] and list(layer.state_dict()) == ["weight", "bias"]


def test_statistics_move_in_place_and_are_reset():
    layer = nn.BatchNorm2d(2)
    buffers = list(layer.buffers())
    layer(tg.randn(4, 2, 3, 3))
    assert all(a is b for a, b in zip(buffers, layer.buffers(), strict=True))
    assert layer.num_batches_tracked.item() == 1
    layer.reset_running_stats()
    assert kept(layer) == [[0, 0], [1, 1], 0]
    nn.BatchNorm2d(2, track_running_stats=False).reset_running_stats()


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(2), nn.BatchNorm1d(2, momentum=None)], ids=repr)
def test_a_batch_of_one_is_refused_in_training_and_changes_nothing(layer):
    before = kept(layer)
    with pytest.raises(ValueError, match=r"batch_norm: expected more than one value per channel"):
        layer(tg.ones(1, 2))
    assert kept(layer) == before
    assert layer.eval()(tg.ones(1, 2)).shape == (1, 2)


def test_the_last_batch_of_a_loader():
    """Five examples in batches of two: a last one of one, which drop_last leaves out."""
    data = datasets.TensorDataset(tg.randn(5, 2))
    layer = nn.BatchNorm1d(2)
    *batches, last = [x for (x,) in datasets.DataLoader(data, batch_size=2)]
    for x in batches:
        layer(x)
    with pytest.raises(ValueError, match=r"more than one value per channel.*take a larger batch"):
        layer(last)
    assert layer.num_batches_tracked.item() == 2
    for (x,) in datasets.DataLoader(data, batch_size=2, drop_last=True):
        layer(x)
    assert layer.num_batches_tracked.item() == 4
    images = nn.BatchNorm2d(2)
    assert images(tg.randn(1, 2, 3, 3)).shape == (1, 2, 3, 3)  # nine values per channel


def test_conversion_keeps_the_count_whole():
    layer = nn.BatchNorm1d(2).double()
    assert [b.dtype for b in layer.buffers()] == [tg.float64, tg.float64, tg.int64]
    assert nn.BatchNorm1d(2, dtype=tg.float64).running_var.dtype == tg.float64


def test_instances_without_batch():
    x = tg.randn(3, 4, 5)
    layer = nn.InstanceNorm2d(3, affine=True)
    assert layer(x).tolist() == layer(x.unsqueeze(0))[0].tolist()
    with pytest.warns(UserWarning, match=r"InstanceNorm2d: num_features is 7 and the inp"):
        nn.InstanceNorm2d(7)(x)


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.BatchNorm1d(3), (4, 3)),
        (nn.BatchNorm2d(2), (2, 2, 2, 3)),
        (nn.InstanceNorm1d(2, affine=True), (2, 2, 4)),
        (nn.GroupNorm(2, 4), (2, 4, 2)),
        (nn.LayerNorm((2, 3)), (2, 2, 3)),
        (nn.RMSNorm(3), (2, 3)),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_gradients(layer, shape, rng):
    layer.double()
    x = tg.tensor(rng.standard_normal(shape), requires_grad=True)
    assert tg.gradcheck(lambda x, *_: layer(x), (x, *layer.parameters()))
    assert tg.gradgradcheck(lambda x, *_: layer(x), (x, *layer.parameters()))


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (nn.BatchNorm1d(3), (2, 3, 4, 4), r"^BatchNorm1d: expected \(N, 3\), got \(2, 3, 4, 4\)"),
        (nn.BatchNorm2d(3), (2, 3, 4), r"^BatchNorm2d: expected \(N, 3, H, W\), got \(2, 3, 4\)"),
        (nn.BatchNorm2d(3), (2, 4, 5, 5), r"^BatchNorm2d: expected \(N, 3, H, W\), got \(2, 4"),
        (nn.InstanceNorm2d(3), (2, 3), r"^InstanceNorm2d: expected \(N, 3, H, W\), got \(2, 3\)"),
        (nn.InstanceNorm1d(3, affine=True), (2, 4, 5), r"^InstanceNorm1d: expected \(N, 3, L\)"),
        (nn.InstanceNorm1d(3, affine=True), (4, 5), r"^InstanceNorm1d: expected \(N, 3, L\), got"),
        (nn.GroupNorm(2, 4), (1, 5), r"group_norm: argument 'num_groups': expected a divisor of 5"),
        (nn.LayerNorm((3, 4)), (3, 5), r"ends in normalized_shape \(3, 4\)"),
        (nn.RMSNorm(4), (3, 5), r"ends in normalized_shape \(4,\)"),
    ],
    ids=str,
)
def test_refuses_inputs(layer, shape, message):
    with pytest.raises(tg.ShapeError, match=message):
        layer(tg.ones(*shape))


def test_without_rewording_the_forms_and_the_channels_are_named():
    message = r"BatchNorm1d: .*'input': expected \(N, num_features\) or \(N, num_features, L\), got"
    with pytest.raises(tg.ShapeError, match=rf"{message} \(2, 4\) with num_features 3"):
        nn.BatchNorm1d(3).forward(tg.ones(2, 4))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.BatchNorm1d(-1), r"BatchNorm1d: argument 'num_features': expected an integer"),
        (lambda: nn.GroupNorm(0, 4), r"'num_groups': expected an integer of at least 1, got 0"),
        (lambda: nn.GroupNorm(3, 4), r"'num_channels': expected a multiple of num_groups=3, got 4"),
    ],
)
def test_refuses_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()
