"""Rows of the recurrent networks: the equations of a step, one step after the other."""

from __future__ import annotations

import numpy as np
from op_table import case, row
from scipy.special import expit

# fmt: off


def numpy_rnn(x, h, w, nonlinearity):
    states = [h]
    for step in x:
        h = step + h @ w.T
        h = np.tanh(h) if nonlinearity == "tanh" else np.where(h > 0, h, 0)
        states.append(h)
    return np.stack(states)


def numpy_gru(x, h, w, b=None):
    states = [h]
    for step in x:
        (x_r, x_z, x_n), (h_r, h_z, h_n) = (
            np.split(part, 3, -1) for part in (step, h @ w.T + (0 if b is None else b))
        )
        z = expit(x_z + h_z)
        h = (1 - z) * np.tanh(x_n + expit(x_r + h_r) * h_n) + z * h
        states.append(h)
    return np.stack(states)


def numpy_lstm(x, state, w, projection=None):
    h, c = state[:, : w.shape[1]], state[:, w.shape[1] :]
    states = [state]
    for step in x:
        i, f, g, o = np.split(step + h @ w.T, 4, -1)
        c = expit(f) * c + expit(i) * np.tanh(g)
        h = expit(o) * np.tanh(c)
        h = h if projection is None else h @ projection.T
        states.append(np.concatenate([h, c], -1))
    return np.stack(states)


row("rnn", [case((3, 2, 2), (2, 2), (2, 2), nonlinearity="tanh"),
            case((2, 1, 3), (1, 3), (3, 3), nonlinearity="relu"),
            case((1, 2, 2), (2, 2), (2, 2), nonlinearity="tanh"),
            case((2, 0, 2), (0, 2), (2, 2), nonlinearity="tanh")], numpy_rnn, torch=None)
row("gru", [case((3, 2, 6), (2, 2), (6, 2), (6,)), case((2, 2, 6), (2, 2), (6, 2), None),
            case((1, 1, 9), (1, 3), (9, 3), (9,)), case((2, 0, 6), (0, 2), (6, 2), (6,))],
    numpy_gru, torch=None)
row("lstm", [case((3, 2, 8), (2, 4), (8, 2), None), case((2, 2, 12), (2, 5), (12, 2), (2, 3)),
             case((1, 1, 4), (1, 2), (4, 1), None), case((2, 0, 8), (0, 4), (8, 2), None)],
    numpy_lstm, torch=None)
