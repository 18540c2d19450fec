"""The doctor's report: what it says, for whom, and what it asks for."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.testing import Diagnosis, diagnose, diagnose_gradient


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, 2 * x.T @ dout, dout.sum(0)


@pytest.fixture
def inputs() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.standard_normal(shape) for shape in ((4, 3), (3, 2), (2,))]


@pytest.fixture
def found(inputs) -> Diagnosis:
    return diagnose(forward, backward, *inputs)


def test_names_the_wrong_gradient_and_the_cause(found):
    assert not found.ok
    assert not found
    assert found.wrong == ["dw"]
    assert found.causes == {"dw": "factor"}


def test_explains_in_sentences(found):
    text = found.explain("dw")
    assert text.startswith("dw is wrong. All 6 elements are wrong. The worst is dw[")
    assert "Every element is 2 times what it should be." in text
    assert found.explain("dx") == "dx is right: it agrees with the numerical gradient."
    with pytest.raises(KeyError, match="no gradient 'dq'; there are dx, dw and db"):
        found.explain("dq")


def test_prints_for_a_terminal(found):
    text = str(found)
    assert text.startswith("backward: 1 of 3 gradients is wrong\n  dx: right")
    assert "How close is close enough" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_draws_a_heat_map_for_each_gradient(found):
    axes = found.plot()
    assert [ax.get_title() for ax in axes] == ["dx: right", "dw: factor", "db: right"]
    assert found.plot(axes[0]) is axes[0]


def test_gradient_of_a_scalar_function():
    x = np.array([[1.0, 2.0, 3.0]])
    assert diagnose_gradient(lambda x: (x**3).sum(), x, 3 * x * x)
    assert diagnose_gradient(lambda w: (w**3).sum(), x, x * x).causes == {"dw": "factor"}
    with pytest.raises(ShapeError, match="expected a function that returns one number"):
        diagnose_gradient(lambda x: x, x, x)


def test_integers_are_labels_and_labels_are_keywords(inputs):
    with pytest.raises(DTypeError, match="'x': expected an array of floating point, got int64"):
        diagnose(forward, backward, np.arange(12).reshape(4, 3), *inputs[1:])


def test_forward_must_return_a_cache():
    with pytest.raises(ValueError, match=r"expected a function returning \(out, cache\)"):
        diagnose(lambda x: x, lambda dout, cache: dout, np.ones(3))
