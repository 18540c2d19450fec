"""Recurrent layers and cells in PyTorch: the same text, numbers, gradients and refusals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytestmark = pytest.mark.parity

LIBRARIES = (tg, torch)
N, T, D, H = 2, 5, 3, 4


def with_same_weights(build):
    ours, theirs = build(tg.nn), build(torch.nn).double()
    ours.double().load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


def flat(value):
    """The tensors in a result, in order."""
    return [t for part in value for t in flat(part)] if isinstance(value, tuple) else [value]


def results_and_gradients(lib, module, inputs, rng):
    """What a module returns, and the gradients of its inputs and parameters."""
    leaves = [lib.tensor(x, requires_grad=True) for x in inputs]
    hx = () if len(leaves) == 1 else (leaves[1] if len(leaves) == 2 else tuple(leaves[1:]),)
    outputs = flat(module(leaves[0], *hx))
    loss = sum((y * lib.tensor(rng.standard_normal(tuple(y.shape)))).sum() for y in outputs)
    loss.backward()
    everything = [*leaves, *module.parameters()]
    return [y.detach() for y in outputs], [x.grad for x in everything]


def assert_same(modules, inputs):
    found = [
        results_and_gradients(lib, module, inputs, np.random.default_rng(1))
        for lib, module in zip(LIBRARIES, modules, strict=True)
    ]
    for tolerance, ours, theirs in zip((1e-9, 1e-7), *found, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.shape == tuple(other.shape)
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=1e-2 * tolerance)


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
    assert_same(modules, [x])
    count = options["num_layers"] * (2 if options["bidirectional"] else 1)
    sizes = [settings.get("proj_size", H), H][: 2 if name == "LSTM" else 1]
    leading = (count, N) if batched else (count,)
    assert_same(modules, [x, *(rng.standard_normal((*leading, size)) for size in sizes)])


CELLS = [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu"}), ("GRUCell", {}), ("LSTMCell", {})]


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name, settings", CELLS)
def test_cells(name, settings, bias, batched, rng):
    modules = with_same_weights(lambda nn: getattr(nn, name)(D, H, bias, **settings))
    leading = (N,) if batched else ()
    x = rng.standard_normal((*leading, D))
    assert_same(modules, [x])
    states = [rng.standard_normal((*leading, H)) for _ in range(2 if name == "LSTMCell" else 1)]
    assert_same(modules, [x, *states])


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
    ours, theirs = (eval(text, vars(lib.nn)) for lib in LIBRARIES)
    assert repr(ours) == repr(theirs)
    shapes = [[(k, tuple(v.shape)) for k, v in m.state_dict().items()] for m in (ours, theirs)]
    assert shapes[0] == shapes[1]
    if hasattr(theirs, "all_weights"):
        assert [len(w) for w in ours.all_weights] == [len(w) for w in theirs.all_weights]


@pytest.mark.parametrize("text", ["LSTM(20, 100)", "GRU(20, 100, 2)", "RNNCell(20, 400)"])
def test_parameters_start_in_the_same_distribution(text):
    for lib in LIBRARIES:
        lib.manual_seed(0)
    ours, theirs = (eval(text, vars(lib.nn)) for lib in LIBRARIES)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p, q = p.detach().numpy(), q.detach().numpy()
        assert p.dtype == q.dtype
        assert p.std() == pytest.approx(q.std(), rel=0.1)
        assert abs(p).max() == pytest.approx(abs(q).max(), rel=0.05)


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
    with pytest.raises((RuntimeError, TypeError, ValueError)) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(tg)


def test_dropout_without_effect_warns_in_both():
    for lib in LIBRARIES:
        with pytest.warns(UserWarning, match="num_layers=1"):
            lib.nn.LSTM(3, 4, dropout=0.5)
