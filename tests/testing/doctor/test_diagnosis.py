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
    assert found.explain("dx").startswith("dx: right (off by at most ")
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


def test_one_gradient_has_a_short_title():
    text = str(diagnose(lambda x: (x * x, x), lambda dout, x: 2 * dout * x, np.ones(3)))
    assert text.startswith("<lambda>: the gradient is right\n")


def test_settings_are_keywords_wherever_they_stand(inputs):
    def scaled(X, w, scale=1.0):
        return scale * X @ w, (X, w, scale)

    def scaled_backward(dout, cache):
        X, _, scale = cache
        return scale * X.T @ dout

    x, w, _ = inputs
    assert diagnose(scaled, scaled_backward, w, X=x, scale=3.0).ok
    assert diagnose(scaled, lambda d, c: c[0].T @ d, w, X=x, scale=2.5).causes == {"dw": "factor"}


def test_gradients_in_a_dictionary_go_by_name(inputs):
    def named(dout, cache):
        x, w = cache
        return {"dw": x.T @ dout, "b": dout.sum(0), "x": 3 * dout @ w.T}

    found = diagnose(forward, named, *inputs)
    assert found.causes == {"dx": "factor"}
    found = diagnose(forward, lambda dout, cache: {"b": dout.sum(0)}, *inputs)
    assert found.causes == {"dx": "shape", "dw": "shape"}
    assert "None for it, or no gradient of that name" in found.explain("dx")


@pytest.mark.parametrize(
    ("gradients", "text"),
    [
        (lambda dx, dw, db: (dx, dw), "Backward returns 2 gradients for 3 inputs"),
        (lambda dx, dw, db: (None, dw, db), "Backward returns None for it"),
        (lambda dx, dw, db: ("dx", dw, db), "Backward returns a str, not an array."),
        (lambda dx, dw, db: ([[1.0], [2.0, 3.0]], dw, db), "Backward returns a list, not an array"),
        (lambda dx, dw, db: (dx[:2], dw, db), "It has shape (2, 3), and x has (4, 3)."),
        (lambda dx, dw, db: (0.0, dw, db), "It has shape (), and x has (4, 3)."),
    ],
)
def test_what_is_no_gradient_is_part_of_the_report(inputs, gradients, text):
    def partial(dout, cache):
        x, w = cache
        return gradients(dout @ w.T, x.T @ dout, dout.sum(0))

    found = diagnose(forward, partial, *inputs)
    assert found.causes["dx"] == "shape"
    assert text in found.explain("dx")
    assert "dx: shape" in [ax.get_title() for ax in found.plot()]


def test_what_the_functions_raise_is_passed_on(inputs):
    def broken(dout, cache):
        raise ZeroDivisionError("of the student's")

    with pytest.raises(ZeroDivisionError, match="of the student's"):
        diagnose(forward, broken, *inputs)


def test_too_many_inputs(inputs):
    with pytest.raises(TypeError, match=r"expected at most 3 \(x, w, b\), got 4"):
        diagnose(forward, backward, *inputs, np.ones(2))


def test_a_loss_without_backward_returns_one_number(inputs):
    with pytest.raises(ValueError, match="expected one loss, as there is no backward"):
        diagnose(forward, None, *inputs)


def test_where_forward_gives_nan_nothing_is_compared():
    x = np.array([-1.0, 1.0, 2.0])
    found = diagnose(lambda x: (np.sqrt(x), x), lambda dout, x: dout / (2 * np.sqrt(x)), x)
    assert "dx: not examined: forward gives NaN or infinity" in str(found)
    assert "dx: 0 of 3 elements were examined." in str(found)


def test_overflow_of_backward_alone():
    x = np.array([-800.0, 0.5, 800.0])

    def unstable(dout, x):
        return dout * np.exp(x) / (1 + np.exp(x)) ** 2

    found = diagnose(lambda x: (0.5 * np.tanh(x / 2), x), unstable, x)
    assert found.causes == {"dx": "precision"}
    assert "NaN or infinite" in found.explain("dx")


def test_the_line_of_forward_is_quoted():
    def branching(x):
        left = np.sin(x)
        right = np.exp(x)
        return left * right, (left, right)

    def one_branch(dout, cache):
        _, right = cache
        return dout * np.sin(np.log(right)) * right

    found = diagnose(branching, one_branch, np.array([0.3, 0.5, 0.9]))
    assert found.causes == {"dx": "missing-path"}
    assert "`left = np.sin(x)`" in found.explain("dx")
    zeros = np.zeros(3)
    assert type(zeros) is np.ndarray  # NumPy is as it was
