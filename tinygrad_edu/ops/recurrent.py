"""Recurrent layers: a whole sequence as one op, whose rule goes backward through time.

The input has been multiplied by its weights, for all steps in one product. So a step is one product
of the hidden state with the weights, and a few operations on the gates. Backward, too: whatever
does not depend on later steps is computed for all of them at once, and the gradient of the weights
is one product at the end. The rules run on what the kernels kept of the gates; while recording
they compute the gates anew, so that these are differentiated as well.

Shape letters: T steps, N batch, H hidden size. The states (T + 1, N, H) are those before each step
and after the last; of an LSTM (T + 1, N, P + H): the hidden part, of P = H numbers unless it is
projected, and then the cell. The weights of the gates stand one below the other: (gates H, P).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import op
from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.pointwise import sigmoid, tanh
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.shape import cat
from tinygrad_edu.tensor import Tensor

__all__: list[str] = []  # PyTorch has these networks as layers alone


def _from(state: np.ndarray, input: np.ndarray) -> np.ndarray:
    """Room for the states of a sequence, which starts from `state`."""
    states = np.empty((len(input) + 1, *state.shape), input.dtype)
    states[0] = state
    return states


def _logistic(x: np.ndarray) -> None:
    """sigmoid(x), written over x."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    np.reciprocal(x, out=x)


def _parts(x: Any, count: int) -> list[Any]:
    """The gates, which stand side by side."""
    H = x.shape[-1] // count
    return [x[..., k * H : (k + 1) * H] for k in range(count)]


def _products(left: Any, right: Any) -> Any:
    """The sum of left^T right over all steps and examples."""
    return left.reshape(-1, left.shape[-1]).mT @ right.reshape(-1, right.shape[-1])


def _joined(parts: list[Any], dim: int = -1) -> Any:
    """`cat`, for arrays without the cost of a call: a short sequence consists of little else."""
    return cat(parts, dim) if isinstance(parts[0], Tensor) else np.concatenate(parts, dim)


def _in_order(newest_first: list[Any]) -> Any:
    """(N, K) of every step as (T, N, K), from the first step on."""
    return _joined(newest_first[::-1], 0).reshape(len(newest_first), *newest_first[0].shape)


# --- the plain one ------------------------------------------------------------------------------


@op(dtype="equal")
def rnn(input: Any, state: Any, weight: Any, /, nonlinearity: str) -> Any:
    """h' = tanh(input + weight h), or relu: the states of an Elman network. Behind `nn.RNN`.

    Shapes: input (T, N, H), state (N, H), weight (H, H), result (T + 1, N, H).
    Gradient: through time. Source: Elman (1990).
    """
    states = _from(state, input)
    for x, before, after in zip(input, states, states[1:], strict=False):
        np.matmul(before, weight.T, out=after)
        after += x
        if nonlinearity == "tanh":
            np.tanh(after, out=after)
        else:
            np.maximum(after, 0, out=after)
    return states


@rnn.rule
def rnn_rule(g, weight, out, nonlinearity, need):
    after = out[1:]
    factors = 1 - after * after if nonlinearity == "tanh" else after > 0
    slopes, h = [], g[-1]
    for t in reversed(range(len(factors))):
        slopes.append(h * factors[t])
        h = g[t] + slopes[-1] @ weight
    slope = _in_order(slopes)
    return (
        slope if need[0] else None,
        h if need[1] else None,
        _products(slope, out[:-1]) if need[2] else None,
    )


# --- gated recurrent unit -----------------------------------------------------------------------


@op(dtype="equal", extras=("gates",))
@quiet
def gru(input: Any, state: Any, weight: Any, bias: Any = None, /) -> Any:
    """h' = n + z (h - n): the states of gated recurrent units. Behind `nn.GRU`.

    With x_r, x_z, x_n the parts of the input and h_r, h_z, h_n those of weight h + bias:
    r = sigmoid(x_r + h_r), z = sigmoid(x_z + h_z), n = tanh(x_n + r h_n).

    Shapes: input (T, N, 3 H), state (N, H), weight (3 H, H), bias (3 H,), result (T + 1, N, H).
    Gradient: through time. Source: Cho et al. (2014).
    """
    H = weight.shape[1]
    states = _from(state, input)
    gates = np.empty((*input.shape[:2], 4 * H), input.dtype)  # r, z, n, h_n
    for x, before, after, gate in zip(input, states, states[1:], gates, strict=False):
        hidden = np.matmul(before, weight.T, out=gate[:, H:])
        if bias is not None:
            hidden += bias
        gate[:, : 2 * H] = hidden[:, : 2 * H]
        gate[:, : 2 * H] += x[:, : 2 * H]
        _logistic(gate[:, : 2 * H])
        r, z, n, h_n = _parts(gate, 4)
        np.multiply(r, h_n, out=n)
        n += x[:, 2 * H :]
        np.tanh(n, out=n)
        np.subtract(before, n, out=after)
        after *= z
        after += n
    return states, gates


@gru.rule
def gru_rule(g, input, weight, bias, out, need):
    x_r, x_z, x_n = _parts(input, 3)
    h_r, h_z, h_n = _parts(linear(out[:-1], weight, bias), 3)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return _gru_gradients(g, weight, out, (r, z, tanh(x_n + r * h_n), h_n), need)


@gru.fused
def gru_fused(g, weight, out, gates, need):
    return _gru_gradients(g, weight, out, _parts(gates, 4), need)


def _gru_gradients(g: Any, weight: Any, out: Any, gates: Any, need: tuple) -> tuple:
    r, z, n, h_n = gates
    by_n = (1 - z) * (1 - n * n)
    by_z = (out[:-1] - n) * z * (1 - z)
    by_r = by_n * h_n * r * (1 - r)
    factors = _joined([by_r, by_z, by_n * r])
    arrived, slopes, h = [], [], g[-1]
    for t in reversed(range(len(factors))):
        arrived.append(h)
        slopes.append(_joined([h, h, h]) * factors[t])
        h = g[t] + h * z[t] + slopes[-1] @ weight
    slope = _in_order(slopes)
    H = weight.shape[1]
    return (
        _joined([slope[..., : 2 * H], _in_order(arrived) * by_n]) if need[0] else None,
        h if need[1] else None,
        _products(slope, out[:-1]) if need[2] else None,
        slope if need[3] else None,
    )


# --- long short-term memory ---------------------------------------------------------------------


@op(dtype="equal", extras=("gates",))
@quiet
def lstm(input: Any, state: Any, weight: Any, projection: Any = None, /) -> Any:
    """c' = f c + i n, h' = o tanh(c'): the states of long short-term memories. Behind `nn.LSTM`.

    With i, f, n, o the parts of input + weight h, behind tanh for n and sigmoid for the others.
    With a projection h' = projection (o tanh(c')).

    Shapes: input (T, N, 4 H), state (N, P + H), weight (4 H, P), projection (P, H), result
    (T + 1, N, P + H).
    Gradient: through time. Source: Hochreiter and Schmidhuber (1997), Gers et al. (2000).
    """
    H, P = weight.shape[0] // 4, weight.shape[1]
    states = _from(state, input)
    gates = np.empty((*input.shape[:2], 5 * H), input.dtype)  # i, f, n, o, tanh(c')
    for x, before, after, gate in zip(input, states, states[1:], gates, strict=False):
        i, f, n, o, s = _parts(gate, 5)
        four, c = gate[:, : 4 * H], after[:, P:]
        np.matmul(before[:, :P], weight.T, out=four)
        four += x
        np.tanh(n, out=s)
        _logistic(four)  # n as well: one stroke over all is faster than two around it
        n[:] = s
        np.multiply(f, before[:, P:], out=c)
        s *= i
        c += s
        np.tanh(c, out=s)
        if projection is None:
            np.multiply(o, s, out=after[:, :P])
        else:
            np.matmul(o * s, projection.T, out=after[:, :P])
    return states, gates


@lstm.rule
def lstm_rule(g, input, weight, projection, out, need):
    P = weight.shape[1]
    i, f, n, o = _parts(input + linear(out[:-1, :, :P], weight), 4)
    gates = sigmoid(i), sigmoid(f), tanh(n), sigmoid(o), tanh(out[1:, :, P:])
    return _lstm_gradients(g, weight, projection, out, gates, need)


@lstm.fused
def lstm_fused(g, weight, projection, out, gates, need):
    return _lstm_gradients(g, weight, projection, out, _parts(gates, 5), need)


def _lstm_gradients(
    g: Any, weight: Any, projection: Any, out: Any, gates: Any, need: tuple
) -> tuple:
    P = weight.shape[1]
    i, f, n, o, s = gates
    by_f = out[:-1, :, P:] * f * (1 - f)
    factors = _joined([n * i * (1 - i), by_f, i * (1 - n * n), s * o * (1 - o)])
    to_cell = o * (1 - s * s)
    shown, slopes, h, c = [], [], g[-1, :, :P], g[-1, :, P:]
    for t in reversed(range(len(factors))):
        shown.append(h)
        h = h if projection is None else h @ projection
        c = c + h * to_cell[t]
        slopes.append(_joined([c, c, c, h]) * factors[t])
        h = g[t, :, :P] + slopes[-1] @ weight
        c = g[t, :, P:] + c * f[t]
    slope = _in_order(slopes)
    return (
        slope if need[0] else None,
        _joined([h, c]) if need[1] else None,
        _products(slope, out[:-1, :, :P]) if need[2] else None,
        _products(_in_order(shown), o * s) if need[3] else None,
    )
