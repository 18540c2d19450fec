"""Activations, losses and distances beside PyTorch's: arguments, text, and what its own samples
(`test_module_parity.py`) leave out."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytestmark = pytest.mark.parity

LIBRARIES = (tg, torch)
NAMES = [*tg.nn.activation.__all__, *tg.nn.distance.__all__, *tg.nn.loss.__all__]
ARGUMENTS = {"Threshold": "(0.1, 20)"}
OLD = {"size_average", "reduce"}  # refused here
NOT_THERE = {*OLD, "args", "kwargs", "min_value", "max_value"}  # Hardtanh's are old names, too


def parameters(kind):
    return list(inspect.signature(kind).parameters.values())


@pytest.mark.parametrize("name", NAMES)
def test_constructors_take_the_same_arguments(name):
    ours, theirs = (parameters(getattr(lib.nn, name)) for lib in LIBRARIES)
    assert {p.name: p.default for p in ours} == {
        p.name: p.default for p in theirs if p.name not in NOT_THERE
    }
    by_place = [p.name for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
    places = [p.name for p in theirs if p.kind is p.POSITIONAL_OR_KEYWORD]
    before = next((i for i, place in enumerate(places) if place in NOT_THERE), len(places))
    assert by_place == places[:before]


@pytest.mark.parametrize("name", NAMES)
def test_calls_take_the_same_arguments(name):
    ours, theirs = (
        [p.name for p in parameters(getattr(lib.nn, name).forward)] for lib in LIBRARIES
    )
    assert ours == (["self", "input", "target"] if name == "PoissonNLLLoss" else theirs)


@pytest.mark.parametrize("name", NAMES)
def test_text(name):
    text = f"nn.{name}{ARGUMENTS.get(name, '()')}"
    assert repr(eval(text, {"nn": tg.nn})) == repr(eval(text, {"nn": torch.nn}))


TEXTS = [
    "nn.Threshold(0.1, 20, inplace=True)", "nn.Softshrink(0.25)", "nn.GELU('tanh')",
    "nn.Hardtanh(-2, 2, True)", "nn.LeakyReLU(0.2, inplace=True)", "nn.ReLU6(True)",
    "nn.Softplus(2, 10)", "nn.Softmax(dim=1)", "nn.GLU(1)", "nn.PReLU(3)", "nn.CELU(0.5, True)",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_text_of_settings(text):
    assert repr(eval(text, {"nn": tg.nn})) == repr(eval(text, {"nn": torch.nn}))


CALLS = [
    ("nn.Hardsigmoid()", (8,)),
    ("nn.CELU(0.5)", (8,)),
    ("nn.CosineSimilarity()", (4, 3), (4, 3)),
    ("nn.CosineSimilarity(dim=-1, eps=1.0)", (2, 3), (2, 3)),
    ("nn.PairwiseDistance()", (4, 3), (4, 3)),
    ("nn.PairwiseDistance(p=1.0, eps=0.1, keepdim=True)", (3,), (4, 3)),
    ("nn.TripletMarginLoss()", (4, 3), (4, 3), (4, 3)),
    ("nn.TripletMarginLoss(0.5, 1.0, swap=True, reduction='none')", (4, 3), (4, 3), (4, 3)),
    ("nn.CosineEmbeddingLoss(0.1, reduction='sum')", (4, 3), (4, 3), [1, -1, -1, 1]),
]


@pytest.mark.parametrize("text, shapes", [(text, shapes) for text, *shapes in CALLS], ids=str)
def test_numbers_and_gradients(text, shapes, rng):
    values = [rng.standard_normal(s) if isinstance(s, tuple) else np.array(s) for s in shapes]
    direction, found = None, []
    for lib in LIBRARIES:
        inputs = [lib.tensor(v, requires_grad=v.dtype.kind == "f") for v in values]
        out = eval(text, {"nn": lib.nn})(*inputs)
        direction = rng.standard_normal(tuple(out.shape)) if direction is None else direction
        out.backward(lib.tensor(direction))
        found.append([out.detach(), *(x.grad for x in inputs if x.requires_grad)])
    for one, other in zip(*found, strict=True):
        # PyTorch rounds the slope of hardsigmoid to float32.
        np.testing.assert_allclose(one, other, rtol=1e-7 if "Hardsigmoid" in text else 1e-12)


def tells_its_arguments(function):
    return inspect.isfunction(function) and "args" not in inspect.signature(function).parameters


FUNCTIONS = [
    name
    for name in tg.nn.functional.__all__
    if tells_its_arguments(getattr(torch.nn.functional, name))
]
# Named here and not there, or the other way round, each on the page of differences or below.
MORE = {"generator"}  # of random functions: an addition
LESS = {*OLD, "_stacklevel", "out"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_the_same_arguments(name):
    ours, theirs = (parameters(getattr(lib.nn.functional, name)) for lib in LIBRARIES)
    assert {p.name: p.default for p in ours if p.name not in MORE} == {
        p.name: p.default for p in theirs if p.name not in LESS
    }
    by_place = [p.name for p in ours if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    places = [p.name for p in theirs if p.kind is p.POSITIONAL_OR_KEYWORD]
    old = next((i for i, place in enumerate(places) if place in OLD), len(places))
    assert by_place == [place for place in places[:old] if place not in LESS]
