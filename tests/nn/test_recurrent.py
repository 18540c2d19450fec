"""Recurrent layers and cells."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

LAYERS = {
    "tanh": lambda **settings: nn.RNN(2, 2, **settings),
    "relu": lambda **settings: nn.RNN(2, 2, nonlinearity="relu", **settings),
    "gru": lambda **settings: nn.GRU(2, 2, **settings),
    "lstm": lambda **settings: nn.LSTM(2, 2, **settings),
    "projected": lambda **settings: nn.LSTM(2, 2, proj_size=1, **settings),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def test_a_plain_step_by_hand():
    cell = nn.RNNCell(1, 1).double()
    values = {"weight_ih": [[0.5]], "weight_hh": [[-2.0]], "bias_ih": [0.25], "bias_hh": [0.125]}
    cell.load_state_dict({k: np.array(v) for k, v in values.items()})
    h = cell(tg.tensor([[3.0]], dtype=tg.float64), tg.tensor([[0.5]], dtype=tg.float64))
    assert h.item() == pytest.approx(math.tanh(0.5 * 3 - 2 * 0.5 + 0.375), rel=1e-15)


def test_a_forget_gate_that_is_open_keeps_the_cell():
    """With f = 1, i = 0 and o = 1 the cell goes on as it is, over any number of steps."""
    layer = nn.LSTM(1, 1)
    with tg.no_grad():
        for p in layer.parameters():
            p.zero_()
        layer.bias_ih_l0.copy_(tg.tensor([-100.0, 100.0, 0.0, 100.0]))
    c = tg.tensor([[[0.75]]])
    output, (h, last) = layer(tg.randn(50, 1, 1), (tg.zeros(1, 1, 1), c))
    assert last.item() == 0.75
    assert output[-1].item() == h.item() == pytest.approx(math.tanh(0.75))


@every_layer
def test_first_and_second_gradients(make, rng):
    """Of both directions, in the input, the states and all parameters."""
    layer = make(bidirectional=True)
    names, sizes = [name for name, _ in layer.named_parameters()], layer._sizes
    shapes = [(2, 1, 2), *((2, 1, size) for size in sizes), *(p.shape for p in layer.parameters())]
    inputs = [tg.tensor(rng.standard_normal(s), requires_grad=True) for s in shapes]

    def run(x, *rest):
        states, weights = rest[: len(sizes)], rest[len(sizes) :]
        vars(layer).update(zip(names, weights, strict=True))
        output, last = layer(x, states if len(sizes) == 2 else states[0])
        return output, *_pair(last)

    assert tg.gradcheck(run, inputs)
    assert tg.gradgradcheck(run, inputs)


def _pair(state):
    return state if isinstance(state, tuple) else (state,)


@every_layer
def test_without_states_it_starts_from_zeros(make):
    layer = make(num_layers=2)
    x = tg.randn(3, 5, 2)
    zeros = tuple(tg.zeros(2, 5, size) for size in layer._sizes)
    given = layer(x, zeros if len(zeros) == 2 else zeros[0])[0]
    assert layer(x)[0].tolist() == given.tolist()


@every_layer
def test_a_sequence_in_two_pieces_is_the_sequence(make):
    layer = make(num_layers=2)
    x = tg.randn(6, 3, 2)
    whole, last = layer(x)
    first, between = layer(x[:4])
    second, end = layer(x[4:], between)
    np.testing.assert_allclose(tg.cat([first, second]).detach(), whole.detach(), rtol=1e-5)
    for a, b in zip(_pair(end), _pair(last), strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-5, atol=1e-7)


@every_layer
def test_the_way_back_is_the_way_forth_of_the_reversed_sequence(make):
    both = make(bidirectional=True)
    alone = make()
    ends = "_reverse"
    back = {k.removesuffix(ends): v for k, v in both.state_dict().items() if k.endswith(ends)}
    alone.load_state_dict(back)
    x = tg.randn(4, 3, 2)
    shown = both._sizes[0]
    expected = tg.flip(alone(tg.flip(x, (0,)))[0], (0,))
    np.testing.assert_allclose(both(x)[0][..., shown:].detach(), expected.detach(), rtol=1e-6)


@every_layer
def test_an_empty_batch(make):
    output, last = make()(tg.zeros(3, 0, 2, requires_grad=True))
    assert output.shape[:2] == (3, 0) and _pair(last)[0].shape[:2] == (1, 0)
    output.sum().backward()


@every_layer
def test_copies_are_independent(make):
    layer = make()
    other = copy.deepcopy(layer)
    with tg.no_grad():
        other.weight_hh_l0.zero_()
    assert layer.weight_hh_l0.abs().sum().item() > 0
    assert layer.flatten_parameters() is None


def test_large_gates_do_not_overflow():
    layer = nn.GRU(1, 1)
    x = tg.full((2, 1, 1), 1e4, requires_grad=True)
    for sign in (1, -1):
        output, _ = layer(sign * x)
        output.sum().backward()
        assert bool(output.isfinite().all()) and bool(x.grad.isfinite().all())


# --- dropout ------------------------------------------------------------------------------------


def test_dropout_stands_between_the_layers():
    """Behind an identity every hidden number is one that was dropped, or scaled by 1 / (1 - p)."""
    tg.manual_seed(0)
    layer = nn.RNN(1, 1, num_layers=2, nonlinearity="relu", dropout=0.25, bias=False)
    with tg.no_grad():
        for name, p in layer.named_parameters():
            p.fill_(1.0 if "ih" in name else 0.0)
    x = tg.ones(50, 80, 1)
    output, last = layer(x)
    values, counts = np.unique(output.detach().numpy(), return_counts=True)
    assert values.tolist() == pytest.approx([0, 4 / 3])
    assert counts[0] / 4000 == pytest.approx(0.25, abs=0.03)
    assert last[0].tolist() == tg.ones(80, 1).tolist()  # nothing is dropped before or inside
    assert layer.eval()(x)[0].tolist() == x.tolist()


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.RNN(0, 4), r"RNN: argument 'input_size': expected an integer of at least 1"),
        (lambda: nn.LSTM(3, 2.5), r"LSTM: argument 'hidden_size': expected an integer of at least"),
        (lambda: nn.GRU(3, 4, 0), r"GRU: argument 'num_layers': expected an integer of at least 1"),
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), r"'nonlinearity': expected 'tanh' or 'relu'"),
        (lambda: nn.RNNCell(3, 4, nonlinearity=1), r"'nonlinearity': expected 'tanh' or 'relu'"),
        (lambda: nn.LSTM(3, 4, 2, dropout=2), r"LSTM: argument 'dropout': expected a probability"),
        (lambda: nn.LSTM(3, 4, proj_size=4), r"'proj_size': expected less than hidden_size, got 4"),
        (lambda: nn.GRU(3, 4, proj_size=2), r"'proj_size': expected 0: only LSTM has one, got 2"),
        (lambda: nn.LSTMCell(-1, 4), r"LSTMCell: argument 'input_size': expected an integer of at"),
    ],
)
def test_settings_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_settings_of_another_kind():
    with pytest.raises(TypeError, match=r"RNN: argument 'bias': expected a bool, got 2"):
        nn.RNN(3, 4, 1, "tanh", 2)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: nn.LSTM(3, 4)(tg.zeros(3)),
            r"LSTM: argument 'input': expected shape \(T, N, input_size\), or \(T, input_size\) "
            r"without a batch, got \(3,\)",
        ),
        (
            lambda: nn.GRUCell(3, 4)(tg.zeros(1, 2, 3)),
            r"GRUCell: argument 'input': expected shape \(N, input_size\), or \(input_size,\)",
        ),
        (lambda: nn.GRU(3, 4)([1, 2]), r"GRU: argument 'input': expected shape .*, got list"),
        (
            lambda: nn.GRU(3, 4)(tg.zeros(5, 2, 6)),
            r"GRU: argument 'input': expected a last dimension of 3, got shape \(5, 2, 6\)",
        ),
        (
            lambda: nn.GRU(3, 4, batch_first=True)(tg.zeros(2, 0, 3)),
            r"GRU: argument 'input': expected at least one step, got \(2, 0, 3\)",
        ),
        (
            lambda: nn.GRU(3, 4)(tg.zeros(5, 2, 3), tg.zeros(1, 3, 4)),
            r"GRU: argument 'hx': expected shape \(1, 2, 4\) for input \(5, 2, 3\), got \(1, 3, 4",
        ),
        (
            lambda: nn.LSTM(3, 4)(tg.zeros(5, 3), (tg.zeros(1, 4), tg.zeros(1, 1, 4))),
            r"LSTM: argument 'hx\[1\]': expected shape \(1, 4\) for input \(5, 3\)",
        ),
    ],
)
def test_arguments_that_do_not_fit(call, message):
    with pytest.raises(tg.ShapeError, match=message):
        call()


@pytest.mark.parametrize("hx", [tg.zeros(1, 2, 4), (tg.zeros(1, 2, 4),)])
def test_a_state_that_is_no_pair(hx):
    with pytest.raises(TypeError, match=r"LSTM: argument 'hx': expected a pair \(h_0, c_0\), got"):
        nn.LSTM(3, 4)(tg.zeros(5, 2, 3), hx)


def test_another_dtype():
    with pytest.raises(tg.DTypeError, match="expected inputs of one dtype"):
        nn.LSTM(3, 4)(tg.zeros(5, 2, 3, dtype=tg.float64))
