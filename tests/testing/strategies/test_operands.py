"""Operands of products, convolutions and losses, each on its op and against a reference."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import smallest
from hypothesis import given
from scipy.special import rel_entr

import tinygrad_edu as tg
from tinygrad_edu.kernels import reference
from tinygrad_edu.nn import functional as F
from tinygrad_edu.testing.strategies import (
    conv_operands,
    labels,
    matmul_operands,
    probabilities,
    tensors,
)


@given(matmul_operands(empty=True))
def test_products_are_numpys(operands):
    a, b = operands
    expected = np.matmul(a.detach().numpy(), b.detach().numpy())
    np.testing.assert_allclose((a @ b).detach().numpy(), expected, rtol=1e-14)


@given(matmul_operands())
def test_products_have_right_gradients(operands):
    assert tg.gradcheck(tg.matmul, operands)


def test_vectors_matrices_and_batches_are_drawn():
    for dims in (1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (2, 4):
        a, b = smallest(matmul_operands(), lambda p, dims=dims: (p[0].ndim, p[1].ndim) == dims)
        assert a.numel() == b.numel() == 1


@given(conv_operands())
def test_convolutions_are_those_of_the_loops(operands):
    x, w, b, settings = operands
    got = tg.conv2d(x, w, b, **settings)
    assert got.numel() > 0
    order = ("stride", "padding", "dilation", "groups")
    x, w = x.detach().numpy(), w.detach().numpy()
    expected = reference.conv2d(x, w, *(settings[name] for name in order))
    if b is not None:
        expected = expected + b.detach().numpy()[:, None, None]
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


@given(conv_operands(1, dtype=tg.float32))
def test_a_convolution_of_lines_is_one_of_flat_images(operands):
    x, w, b, settings = operands
    flat = {
        name: (fill, *settings[name])
        for name, fill in (("stride", 1), ("padding", 0), ("dilation", 1))
    }
    images = tg.conv2d(x.unsqueeze(2), w.unsqueeze(2), b, groups=settings["groups"], **flat)
    lines = tg.conv1d(x, w, b, **settings)
    assert lines.dtype == tg.float32 and tg.allclose(lines, images.squeeze(2), atol=1e-5)


@pytest.mark.parametrize("name, value", [("stride", 2), ("padding", 2), ("dilation", 2)])
def test_convolutions_shrink_to_one_element(name, value):
    x, w, b, settings = smallest(conv_operands(), lambda o: value in o.settings[name])
    assert x.tolist() == [[[[0.25]]]] and w.tolist() == [[[[0.125]]]] and b is None
    assert sorted(settings[name]) != [value, value] and settings["groups"] == 1


@given(probabilities())
def test_the_divergence_from_itself_is_zero(p):
    assert p.requires_grad and ((p > 0) & (p <= 1)).all()
    assert tg.allclose(p.sum(-1), tg.ones_like(p.sum(-1)))
    assert abs(F.kl_div(p.log(), p, reduction="sum").item()) < 1e-12


@given(probabilities((2, 3)), probabilities((2, 3), requires_grad=False))
def test_divergences_are_scipys(p, q):
    expected = rel_entr(q.numpy(), p.detach().numpy()).sum()
    assert F.kl_div(p.log(), q, reduction="sum").item() == pytest.approx(expected, abs=1e-12)


def test_probabilities_along_another_dim_shrink_to_equal_ones():
    assert smallest(probabilities((4, 2), dim=0)).tolist() == [[0.25, 0.25]] * 4


@given(tensors((4, 3)), labels(4, classes=3, ignore_index=-100))
def test_cross_entropy_is_minus_the_log_of_the_labels_probability(scores, target):
    losses = F.cross_entropy(scores, target, reduction="none")
    logs = tg.log_softmax(scores, 1).detach().numpy()
    expected = [0 if k == -100 else -logs[n, k] for n, k in enumerate(target.tolist())]
    np.testing.assert_allclose(losses.detach().numpy(), expected, rtol=1e-12)


def test_labels_are_class_numbers():
    assert smallest(labels()).tolist() == [0]
    assert smallest(labels(), lambda y: 2 in y.tolist()).dtype == tg.int64
    ignored = smallest(labels((2, 1), ignore_index=7), lambda y: 7 in y.flatten().tolist())
    assert ignored.shape == (2, 1)
