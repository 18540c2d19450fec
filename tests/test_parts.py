"""Parts of one tensor share one gradient: the same numbers as if each had its own."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops import parts


@pytest.fixture
def shared(monkeypatch):
    monkeypatch.setattr(parts, "SHARED", 0)


WAYS = {
    "split": lambda x: x.split([1, 3, 2], 1),
    "chunk": lambda x: x.chunk(3, dim=-1),
    "unbind": lambda x: x.unbind(0),
}
USES = {
    "all": lambda p: sum((i + 1) * (y * y).sum() for i, y in enumerate(p)),
    "one": lambda p: (p[-1] ** 2).sum(),
    "one twice": lambda p: (p[0] * p[0].exp()).sum() + p[1].sum(),
    "none of the first": lambda p: (p[1] * 3).sum() + (p[2] ** 3).sum(),
    "parts of parts": lambda p: sum((i + 2) * (y[..., 0] ** 2).sum() for i, y in enumerate(p)),
}


def start(seed: int = 0) -> tg.Tensor:
    x = np.random.default_rng(seed).standard_normal((4, 6))
    return tg.from_numpy(x).requires_grad_()


def loss_of(x, way, use):
    return USES[use](WAYS[way](x * x + 1)) + (x * 0.5).sum()


def gradient(way, use):
    x = start()
    loss_of(x, way, use).backward()
    return x.grad.numpy()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("way", WAYS)
def test_the_same_gradient(way, use, monkeypatch):
    expected = gradient(way, use)
    monkeypatch.setattr(parts, "SHARED", 0)
    assert WAYS[way](start())[0].node.parents[0].op is parts.all_of.op
    np.testing.assert_allclose(gradient(way, use), expected, rtol=1e-14)
    assert tg.gradcheck(lambda x: loss_of(x, way, use), (start(),))
    assert tg.gradgradcheck(lambda x: loss_of(x, way, use), (start(),))


@pytest.mark.parametrize("way", WAYS)
def test_large_ones_share_without_being_asked(way):
    x = tg.ones(64, 6 * 3000, requires_grad=True)
    cut = {"split": x.split(6000, 1), "chunk": x.chunk(3, 1), "unbind": x.unbind(0)}
    first, *rest = cut[way]
    assert first.node.parents[0] is rest[0].node.parents[0]
    (first.sum() + rest[-1].sum() * 2).backward()
    assert sorted(set(x.grad.numpy().reshape(-1).tolist())) == [0, 1, 2]


@pytest.mark.parametrize("way", WAYS)
def test_two_passes(way, shared):
    """Nothing is left behind in the nodes, by a pass that failed either."""
    x = start()
    pieces = WAYS[way](x * 2)
    loss = USES["all"](pieces)
    failing = True

    def fail(g):
        if failing:
            raise RuntimeError("stop")

    pieces[0].register_hook(fail)
    with pytest.raises(RuntimeError, match="stop"):
        loss.backward(retain_graph=True)
    failing = False
    loss.backward(retain_graph=True)
    once = x.grad.numpy().copy()
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * once, rtol=1e-14)
    expected = start()
    USES["all"](tuple(p * 1 for p in WAYS[way](expected * 2))).backward()
    np.testing.assert_allclose(once, expected.grad.numpy(), rtol=1e-14)


@pytest.mark.parametrize("way", WAYS)
def test_gradients_of_the_parts_themselves(way, shared):
    x = start()
    pieces = WAYS[way](x * 3)
    loss = USES["all"](pieces)
    for i, g in enumerate(tg.autograd.grad(loss, pieces, retain_graph=True)):
        np.testing.assert_allclose(g.numpy(), 2 * (i + 1) * pieces[i].detach().numpy())
    pieces[1].retain_grad()
    loss.backward()
    np.testing.assert_allclose(pieces[1].grad.numpy(), 4 * pieces[1].detach().numpy())


@pytest.mark.parametrize("way", WAYS)
def test_writes_to_a_part_are_recorded(way, monkeypatch):
    def run():
        x = start()
        y = x * x
        pieces = WAYS[way](y)
        pieces[1].mul_(x.sum())
        (USES["all"](pieces) + (y**3).sum()).backward()
        return x.grad.numpy()

    expected = run()
    monkeypatch.setattr(parts, "SHARED", 0)
    np.testing.assert_allclose(run(), expected, rtol=1e-13)


@pytest.mark.parametrize("way", WAYS)
def test_recorded_parts_have_gradients_of_their_own(way, shared):
    x = start()
    assert tg.locate_wrong_gradient(lambda: loss_of(x, way, "all"))
    assert tg.locate_wrong_gradient(loss_of(x, way, "all"))
    with tg.autograd.detect_anomaly():
        np.testing.assert_allclose(gradient(way, "all"), gradient(way, "all"))
