"""Models of plain arrays, trained as modules are."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn.array_model import ArrayModel


class ByHand:
    """Least squares with a gradient that a student might have written."""

    def __init__(self, w=None):
        self.params = {"w": np.zeros((3, 1)) if w is None else w}
        self.grads = None

    def loss(self, X, y=None):
        scores = X @ self.params["w"]
        if y is None:
            return scores
        error = scores - y
        grads = {"w": 2 * X.T @ error / len(X)}
        return float((error**2).mean()), grads if self.grads is None else self.grads


def test_it_shares_the_arrays_and_takes_the_gradients(rng):
    X, y = tg.tensor(rng.standard_normal((20, 3))), tg.tensor(rng.standard_normal((20, 1)))
    by_hand = ByHand()
    model = ArrayModel(by_hand)
    loss = model.backward(X, y)
    assert loss == by_hand.loss(X.numpy(), y.numpy())[0]
    np.testing.assert_array_equal(model.w.grad, by_hand.loss(X.numpy(), y.numpy())[1]["w"])
    nn.optim.SGD(model.parameters(), lr=0.1).step()
    assert by_hand.params["w"].any()
    assert model(X).shape == (20, 1) and not model(X).requires_grad
    assert list(model.state_dict()) == ["w"]


@pytest.mark.parametrize(
    "model, message",
    [
        (object(), "a Module, or an object with a dict `params` and a method `loss`, got a object"),
        (ByHand([1.0]), r"params\['w'\].*: expected floats, got list"),
        (ByHand(np.arange(3)), "expected floats, got int64"),
    ],
)
def test_it_refuses_what_is_no_such_model(model, message):
    with pytest.raises(TypeError, match=message):
        ArrayModel(model)


@pytest.mark.parametrize(
    "grads, got", [({}, "none"), ({"w": np.zeros(3)}, r"shape \(3,\)"), ({"w": None}, "shape")]
)
def test_it_refuses_a_gradient_of_another_shape(grads, got):
    by_hand = ByHand()
    by_hand.grads = grads
    with pytest.raises(ValueError, match=f"gradient of 'w' of shape \\(3, 1\\), got {got}"):
        ArrayModel(by_hand).backward(tg.ones(2, 3), tg.ones(2, 1))
