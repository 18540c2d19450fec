"""The doctor gives no alarm about correct pairs, however they are written and whatever they get."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from student_faults import LAYERS, PAIRS, POOL, STYLES, draw, pair

from tinygrad_edu.nn import course
from tinygrad_edu.testing import diagnose

CONV = {"stride": 2, "pad": 1}
KINKS = np.array([[-1.0, 0.0, 2.0], [0.0, 3.0, -2.0]])

# Of the library's own course functions, whose caches are closures.
COURSE: dict[str, tuple[tuple, dict[str, Any]]] = {
    "affine": (((2, 3, 2), (6, 4), (4,)), {}),
    "relu": (((3, 4),), {}),
    "dropout": (((4, 5),), {"dropout_param": {"mode": "train", "p": 0.6, "seed": 1}}),
    "batchnorm": (((5, 3), (3,), (3,)), {"bn_param": {"mode": "train"}}),
    "layernorm": (((3, 5), (5,), (5,)), {"ln_param": {}}),
    "conv": (((2, 2, 5, 4), (3, 2, 3, 2), (3,)), {"conv_param": CONV}),
    "max_pool": (((2, 2, 4, 4),), {"pool_param": POOL}),
    "affine_relu": (((3, 4), (4, 5), (5,)), {}),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_students(name):
    shapes, params = PAIRS[name]
    found = diagnose(*pair(name), *draw(*shapes), **params)
    assert found.ok, str(found)


@pytest.mark.parametrize("name", STYLES)
def test_other_styles(name):
    shapes, params = PAIRS[name]
    found = diagnose(*pair(name), *draw(*shapes), **params)
    assert found.ok, str(found)


@pytest.mark.parametrize("name", COURSE)
def test_functions_of_the_course(name):
    shapes, params = COURSE[name]
    ending = "_fast" if name in ("conv", "max_pool") else ""
    forward = getattr(course, f"{name}_forward{ending}")
    backward = getattr(course, f"{name}_backward{ending}")
    found = diagnose(forward, backward, *draw(*shapes), **params)
    assert found.ok, str(found)


@pytest.mark.parametrize("name", ["batchnorm", "dropout"])
def test_modes_of_test(name):
    shapes, params = PAIRS[name]
    ((key, value),) = params.items()
    found = diagnose(*pair(name), *draw(*shapes), **{key: {**value, "mode": "test"}})
    assert found.ok, str(found)


@pytest.mark.parametrize("name", ["absolute", "masked_relu", "clip", "absolute_loss"])
def test_kinks(name):
    params = {"low": -1.0, "high": 2.0} if name == "clip" else {}
    found = diagnose(*pair(name), KINKS, **params)
    assert found.ok, str(found)
    assert "at a kink" in str(found)


def test_ties_in_pooling_chosen_or_shared():
    x = np.round(draw((2, 2, 4, 4))[0])
    assert diagnose(*pair("max_pool"), x, pool_param=POOL)
    assert diagnose(*pair("reshaped_pool"), x)


@pytest.mark.parametrize("name", ["affine", "batchnorm", "softmax_loss", "conv", "layernorm"])
def test_single_precision(name):
    shapes, params = PAIRS[name]
    inputs = [x.astype(np.float32) for x in draw(*shapes)]
    found = diagnose(*pair(name), *inputs, **params)
    assert found.ok, str(found)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("name", ["affine", "relu", "layernorm", "autoencoder", "linear_svm"])
def test_inputs_of_any_size(name, scale):
    shapes, params = PAIRS[name]
    first, *others = draw(*shapes)
    found = diagnose(*pair(name), scale * first, *others, **params)
    assert found.ok, str(found)


def test_far_from_zero():
    x, gamma, beta = draw((6, 4), (4,), (4,))
    params = {"bn_param": {"mode": "train"}}
    found = diagnose(*pair("batchnorm"), 5 * x + 1e4, gamma, beta, **params)
    assert found.ok, str(found)


def test_constant_parameters_as_they_are_initialised():
    x = draw((6, 4))[0]
    params = {"bn_param": {"mode": "train"}}
    found = diagnose(*pair("batchnorm"), x, np.ones(4), np.zeros(4), **params)
    assert found.ok, str(found)


def test_empty_and_zero_dimensional_inputs():
    assert diagnose(*pair("relu"), np.zeros((0, 3)))
    assert diagnose(*pair("square_affine"), np.zeros((0, 3)), *draw((3, 2)))
    assert diagnose(*pair("swish"), 0.7)


def test_more_elements_than_are_examined():
    x = draw((60, 40))[0]
    found = diagnose(*pair("masked_relu"), x)
    assert found.ok, str(found)
    assert "dx: 300 of 2400 elements were examined." in str(found)


def test_nothing_of_the_caller_changes():
    x, w, b = draw((4, 3), (3, 2), (2,))
    kept = [a.copy() for a in (x, w, b)]
    place = np.random.get_state()[1].copy()
    rng = np.random.default_rng(5)
    before = rng.bit_generator.state
    diagnose(*pair("affine"), x, w, b)
    diagnose(*pair("given_dropout"), x, rng=rng, p=0.5)
    diagnose(*pair("dropout"), x, dropout_param={"p": 0.5, "mode": "train"})
    assert all(np.array_equal(a, c) for a, c in zip((x, w, b), kept, strict=True))
    assert (np.random.get_state()[1] == place).all()
    assert rng.bit_generator.state == before
