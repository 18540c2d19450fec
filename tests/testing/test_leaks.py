"""Graphs that outlive a block are found, and only those."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing.leaks import no_graph_leak


def leaf() -> tg.Tensor:
    return tg.ones(2, requires_grad=True)


def leak(code) -> str:
    """Run `code` with a list to keep things in; what is said of what it keeps."""
    kept = []

    def run():
        with no_graph_leak():
            code(kept)

    with pytest.raises(AssertionError) as caught:
        run()
    return str(caught.value)


def test_a_training_loop_that_keeps_losses_leaks():
    def train(losses):
        for _ in range(3):
            losses.append((leaf() * 2).sum())

    text = leak(train)
    assert text.startswith("6 nodes of a graph still alive, the youngest <SumBackward0>")
    assert "tensors at the ends are in a list of 3. Keep loss.item()" in text


def test_a_sum_of_losses_leaks():
    def train(kept):
        total = 0.0
        for _ in range(3):
            total += leaf().sum()
        kept.append(total)

    assert leak(train).startswith("6 nodes of a graph still alive, the youngest <AddBackward0>")


def test_a_graph_after_backward_is_still_a_graph():
    """Its values are gone, its nodes are not."""

    def train(kept):
        kept.append(leaf().sum())
        kept[0].backward()

    assert leak(train).startswith("1 node of a graph still alive, the youngest <SumBackward0>")


def test_what_was_there_before_and_leaves_may_stay():
    before = leaf() * 2
    kept = []
    with no_graph_leak():
        kept += [leaf(), before.detach() * 2, (before * 2).sum().item()]
    assert before.requires_grad


def test_an_error_inside_passes():
    def fail():
        with no_graph_leak():
            kept.append(leaf() * 2)
            raise KeyError

    kept = []
    with pytest.raises(KeyError):
        fail()
