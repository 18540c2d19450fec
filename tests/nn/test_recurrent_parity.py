"""Recurrent layers and cells in PyTorch: the same text, numbers, gradients and refusals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from tests.nn.libraries import (
    LIBRARIES,
    assert_refused_alike,
    assert_same,
    assert_same_start,
    assert_same_text_and_names,
    differentiated,
    make,
    with_same_weights,
)

pytestmark = pytest.mark.parity

N, T, D, H = 2, 5, 3, 4


def flat(value):
    """The tensors in a result, in order."""
    return [t for part in value for t in flat(part)] if isinstance(value, tuple) else [value]


def compare(modules, inputs):
    """Values, and the gradients of the input, the states and the parameters."""
    found = []
    for lib, module in zip(LIBRARIES, modules, strict=True):
        x, *states = leaves = [lib.tensor(x, requires_grad=True) for x in inputs]
        outputs = module(x, tuple(states) if len(states) == 2 else states[0] if states else None)
        found.append(differentiated(lib, flat(outputs), [*leaves, *module.parameters()]))
    assert_same(found)


LAYERS = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
    ("GRU", {}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": 2}),
]
OPTIONS = [
    dict(zip(("num_layers", "bias", "bidirectional", "batch_first"), values, strict=True))
    for values in product((1, 3), (True, False), (False, True), (False, True))
]


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: " ".join(map(str, o.values())))
@pytest.mark.parametrize("name, settings", LAYERS)
def test_layers(name, settings, options, batched, rng):
    modules = with_same_weights(lambda nn: getattr(nn, name)(D, H, **settings, **options))
    shape = (N, T, D) if options["batch_first"] else (T, N, D)
    x = rng.standard_normal(shape if batched else (T, D))
    compare(modules, [x])
    count = options["num_layers"] * (2 if options["bidirectional"] else 1)
    sizes = [settings.get("proj_size", H), H][: 2 if name == "LSTM" else 1]
    leading = (count, N) if batched else (count,)
    compare(modules, [x, *(rng.standard_normal((*leading, size)) for size in sizes)])


CELLS = [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu"}), ("GRUCell", {}), ("LSTMCell", {})]


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name, settings", CELLS)
def test_cells(name, settings, bias, batched, rng):
    modules = with_same_weights(lambda nn: getattr(nn, name)(D, H, bias, **settings))
    leading = (N,) if batched else ()
    x = rng.standard_normal((*leading, D))
    compare(modules, [x])
    states = [rng.standard_normal((*leading, H)) for _ in range(2 if name == "LSTMCell" else 1)]
    compare(modules, [x, *states])


TEXTS = [
    "RNN(3, 4)",
    "RNN(3, 4, 2, 'relu', False, True, 0.5, True)",
    "GRU(3, 4, num_layers=2, bidirectional=True)",
    "LSTM(3, 4, 2, False, True, 0.25, True, 2)",
    "LSTM(3, 4, proj_size=1)",
    "RNNCell(3, 4, False, 'relu')",
    "GRUCell(3, 4)",
    "LSTMCell(3, 4, bias=False)",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_names(text):
    assert_same_text_and_names(text)


@pytest.mark.parametrize("text", TEXTS[:5])
def test_all_weights(text):
    counts = [[len(weights) for weights in layer.all_weights] for layer in make(text)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("text", ["LSTM(20, 100)", "GRU(20, 100, 2)", "RNNCell(20, 400)"])
def test_parameters_start_in_the_same_distribution(text):
    assert_same_start(text)


def test_cells_in_a_row_are_the_layer(rng):
    """In both libraries: a program that unrolls the steps itself, and one that does not."""
    x = rng.standard_normal((T, N, D))
    for lib in LIBRARIES:
        layer, cell = lib.nn.LSTM(D, H), lib.nn.LSTMCell(D, H)
        cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
        state, shown = None, []
        for step in lib.tensor(x, dtype=lib.float32):
            state = cell(step, state)
            shown.append(state[0])
        output, (h, c) = layer(lib.tensor(x, dtype=lib.float32))
        together = lib.stack(shown).detach()
        np.testing.assert_allclose(together, output.detach(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(h[0].detach(), state[0].detach(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(c[0].detach(), state[1].detach(), rtol=1e-5, atol=1e-6)


REFUSALS = [
    lambda lib: lib.nn.RNN(3, 0),
    lambda lib: lib.nn.RNN(3, 4, 0),
    lambda lib: lib.nn.RNN(3, 4, nonlinearity="sigmoid"),
    lambda lib: lib.nn.LSTM(3, 4, bias=1),
    lambda lib: lib.nn.LSTM(3, 4, batch_first=None),
    lambda lib: lib.nn.LSTM(3, 4, 2, dropout=1.5),
    lambda lib: lib.nn.LSTM(3, 4, 2, dropout=True),
    lambda lib: lib.nn.LSTM(3, 4, proj_size=4),
    lambda lib: lib.nn.LSTM(3, 4, proj_size=-1),
    lambda lib: lib.nn.GRU(3, 4, proj_size=2),
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 2, 2, 3)),
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 2, 4)),
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(0, 2, 3)),
    lambda lib: lib.nn.GRU(3, 4)(lib.zeros(5, 2, 3), lib.zeros(2, 2, 4)),
    lambda lib: lib.nn.GRU(3, 4)(lib.zeros(5, 2, 3), lib.zeros(1, 4)),
    lambda lib: lib.nn.GRU(3, 4)(lib.zeros(5, 3), lib.zeros(1, 1, 4)),
    lambda lib: lib.nn.LSTMCell(3, 4)(lib.zeros(2, 2, 3)),
    lambda lib: lib.nn.LSTMCell(3, 4)(lib.zeros(2, 4)),
    lambda lib: lib.nn.GRUCell(3, 4)(lib.zeros(2, 3), lib.zeros(3, 4)),
    lambda lib: lib.nn.GRUCell(3, 4)(lib.zeros(2, 3), lib.zeros(2, 3)),
    lambda lib: lib.nn.GRUCell(3, 4)(lib.zeros(2, 3), lib.zeros(1, 2, 4)),
]


@pytest.mark.parametrize("call", REFUSALS)
def test_refusals_are_caught_by_the_same_except(call):
    assert_refused_alike(call)


def test_dropout_without_effect_warns_in_both():
    for lib in LIBRARIES:
        with pytest.warns(UserWarning, match="num_layers=1"):
            lib.nn.LSTM(3, 4, dropout=0.5)
