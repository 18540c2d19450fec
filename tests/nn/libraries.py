"""The same layer made by both libraries, and whether it is the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")

LIBRARIES = (tg, torch)


def make(text: str) -> list[Any]:
    """What an expression of layers gives in each library."""
    return [eval(text, vars(lib.nn)) for lib in LIBRARIES]


def with_same_weights(build: Callable) -> tuple[Any, Any]:
    """Two layers in float64 with the same weights, none of them 0 or 1 by its start."""
    ours, theirs = (build(lib.nn).double() for lib in LIBRARIES)
    rng = np.random.default_rng(3)
    state = {
        key: value.numpy() + 0.1 * rng.standard_normal(value.shape)
        for key, value in theirs.state_dict().items()
    }
    ours.load_state_dict(state)
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    return ours, theirs


def differentiated(lib: Any, outputs: Sequence, leaves: Sequence) -> tuple[list, list]:
    """The outputs, and the gradients that a random projection of them gives the leaves."""
    rng = np.random.default_rng(1)
    seeds = [lib.tensor(rng.standard_normal(tuple(y.shape))) for y in outputs]
    sum((y * seed).sum() for y, seed in zip(outputs, seeds, strict=True)).backward()
    return [y.detach() for y in outputs], [x.grad for x in leaves]


def assert_same(found: Sequence[tuple[list, list]]) -> None:
    """Compare values and gradients, shapes included."""
    for tolerance, ours, theirs in zip((1e-9, 1e-7), *found, strict=True):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert one.shape == tuple(other.shape)
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=1e-2 * tolerance)


def assert_same_text_and_names(text: str) -> None:
    ours, theirs = make(text)
    assert repr(ours) == repr(theirs)
    shapes = [[(k, tuple(v.shape)) for k, v in m.state_dict().items()] for m in (ours, theirs)]
    assert shapes[0] == shapes[1]


def assert_same_start(text: str) -> None:
    """Compare how new parameters are distributed."""
    for lib in LIBRARIES:
        lib.manual_seed(0)
    ours, theirs = make(text)
    pairs = zip(ours.named_parameters(), theirs.named_parameters(), strict=True)
    for (name, p), (wanted, q) in pairs:
        p, q = p.detach().numpy(), q.detach().numpy()
        assert (name, p.shape, p.dtype) == (wanted, q.shape, q.dtype)
        assert p.mean() == pytest.approx(q.mean(), abs=0.02)
        assert p.std() == pytest.approx(q.std(), rel=0.2)


def assert_refused_alike(call: Callable) -> None:
    """A call that PyTorch refuses is refused by an error that the same `except` catches."""
    with pytest.raises((RuntimeError, TypeError, ValueError)) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(tg)
