"""The kinds of recurrent networks, and a single step of each as a cell.

A sequence of any length is one op (`tinygrad_edu.ops.recurrent`), and a cell is a sequence of one
step. What is different between the kinds stands in `KINDS`; parameters and checks are the same for
all of them, here and in the layers of `recurrent.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.ops import recurrent
from tinygrad_edu.ops.create import zeros
from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.shape import cat
from tinygrad_edu.tensor import Tensor

from . import init
from .layer import add_parameters, whole
from .module import Module

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class Kind(NamedTuple):
    """A kind of recurrence: how many gates it has, and the states of a sequence.

    `states(input, state, *weights)` are those before each step and after the last; the weights are
    those of `WEIGHTS`, None for what there is not.
    """

    gates: int
    states: Callable[..., Tensor]


WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def _sum(b_ih: Any, b_hh: Any) -> Any:
    """The two biases as one, where nothing stands between them."""
    return None if b_ih is None else b_ih + b_hh


def _tanh(x: Any, state: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: None) -> Any:
    return recurrent.rnn(linear(x, w_ih, _sum(b_ih, b_hh)), state, w_hh, "tanh")


def _relu(x: Any, state: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: None) -> Any:
    return recurrent.rnn(linear(x, w_ih, _sum(b_ih, b_hh)), state, w_hh, "relu")


def _gru(x: Any, state: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: None) -> Any:
    return recurrent.gru(linear(x, w_ih, b_ih), state, w_hh, b_hh)


def _lstm(x: Any, state: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any) -> Any:
    return recurrent.lstm(linear(x, w_ih, _sum(b_ih, b_hh)), state, w_hh, w_hr)


KINDS = {
    "RNN_TANH": Kind(1, _tanh),
    "RNN_RELU": Kind(1, _relu),
    "GRU": Kind(3, _gru),
    "LSTM": Kind(4, _lstm),
}


_STEPS = "(N, input_size), or (input_size,)"
_SEQUENCES = "(T, N, input_size), or (T, input_size)"


class Recurrence(Module):
    """What cells and layers share: parameters, and states in and out."""

    mode: str  # one of KINDS
    input_size: int
    hidden_size: int
    bias: bool
    proj_size: int = 0

    def _set_up(self, input_size: int, hidden_size: int, bias: bool, least: int) -> None:
        self.input_size = whole(self, "input_size", input_size, least)
        self.hidden_size = whole(self, "hidden_size", hidden_size, least)
        self.bias = bias

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _choose(self, nonlinearity: str) -> None:
        """Set the mode of a plain network. Errors: ValueError for another nonlinearity."""
        if nonlinearity not in ("tanh", "relu"):
            expected = "'tanh' or 'relu'"
            raise ValueError(describe(self._name, "nonlinearity", expected, repr(nonlinearity)))
        self.nonlinearity, self.mode = nonlinearity, f"RNN_{nonlinearity.upper()}"

    @property
    def _sizes(self) -> tuple[int, ...]:
        """The sizes of the tensors that make a state: hidden, and of an LSTM the cell."""
        shown = self.proj_size or self.hidden_size
        return (shown, self.hidden_size) if self.mode == "LSTM" else (shown,)

    def _add_weights(self, suffix: str, width: int, device: Any, dtype: Any) -> None:
        """Make the parameters of one layer and direction, whose input has `width` features."""
        rows, shown = KINDS[self.mode].gates * self.hidden_size, self._sizes[0]
        shapes: list[Any] = [(rows, width), (rows, shown), (rows,), (rows,)]
        if self.proj_size:
            shapes.append((shown, self.hidden_size))
        if not self.bias:
            shapes[2:4] = None, None
        names = [name + suffix for name in WEIGHTS]
        add_parameters(self, device, dtype, **dict(zip(names, shapes, strict=False)))

    def _weights(self, suffix: str) -> list[Any]:
        return [getattr(self, name + suffix, None) for name in WEIGHTS]

    def reset_parameters(self) -> None:
        """Draw all parameters anew, uniformly from +-1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def _check_input(self, input: Tensor, single: int) -> bool:
        """Whether the input, which has `single` dims without a batch, has one."""
        if getattr(input, "ndim", None) not in (single, single + 1):
            shapes = _STEPS if single == 1 else _SEQUENCES
            got = getattr(input, "shape", type(input).__name__)
            raise ShapeError(describe(self._name, "input", f"shape {shapes} without a batch", got))
        if input.shape[-1] != self.input_size:
            expected = f"a last dimension of {self.input_size}"
            raise ShapeError(describe(self._name, "input", expected, f"shape {input.shape}"))
        return input.ndim > single

    def _joined(self, hx: Any, leading: tuple[int, ...], batched: bool, input: Tensor) -> Tensor:
        """The states to start from, checked, as one tensor (..., N, size)."""
        sizes = self._sizes
        if hx is None:
            batch = () if batched else (1,)
            return zeros(*leading, *batch, sum(sizes), dtype=input.dtype)
        parts = hx if len(sizes) == 2 else (hx,)
        if not isinstance(parts, (tuple, list)) or len(parts) != len(sizes):
            raise TypeError(describe(self._name, "hx", "a pair (h_0, c_0)", type(hx).__name__))
        for i, (part, size) in enumerate(zip(parts, sizes, strict=True)):
            if (got := getattr(part, "shape", type(part).__name__)) != (*leading, size):
                argument = "hx" if len(sizes) == 1 else f"hx[{i}]"
                expected = f"shape {(*leading, size)} for input {input.shape}"
                raise ShapeError(describe(self._name, argument, expected, got))
        joined = parts[0] if len(parts) == 1 else cat(parts, -1)
        return joined if batched else joined.unsqueeze(-2)

    def _parted(self, states: Tensor, *index: Any) -> Any:
        """The state at an index, as users see it: of an LSTM a pair."""
        if self.mode != "LSTM":
            return states[index] if index else states
        shown = self._sizes[0]
        return states[(*index, ..., slice(shown))], states[(*index, ..., slice(shown, None))]


class _Cell(Recurrence):
    """One step of a recurrent network."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._set_up(input_size, hidden_size, bias, 0)
        self._add_weights("", self.input_size, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """The state after this step, from the one before; without it from zeros."""
        batched = self._check_input(input, 1)
        before = self._joined(hx, input.shape[:-1], batched, input)
        step = (input if batched else input.unsqueeze(0)).unsqueeze(0)
        states = KINDS[self.mode].states(step, before, *self._weights(""))
        return self._parted(states, 1) if batched else self._parted(states, 1, 0)

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of a plain recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    Shapes: input (N, input_size), hx and result (N, hidden_size), or all without N; the parameters
    weight_ih (H, input_size), weight_hh (H, H), bias_ih and bias_hh (H,) are drawn uniformly from
    +-1 / sqrt(H). `nonlinearity` is "tanh" or "relu".
    Errors: ValueError for another nonlinearity, ShapeError if an argument does not fit.

    >>> import tinygrad_edu as tg
    >>> cell = tg.nn.RNNCell(3, 4); cell
    RNNCell(3, 4)
    >>> h = cell(tg.ones(5, 3)); cell(tg.ones(5, 3), h).shape
    (5, 4)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self._choose(nonlinearity)
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        other = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + other


class GRUCell(_Cell):
    """One step of a gated recurrent unit; the equations are those of `GRU`.

    Shapes: input (N, input_size), hx and result (N, hidden_size), or all without N; the parameters
    weight_ih (3 H, input_size), weight_hh (3 H, H), bias_ih and bias_hh (3 H,) hold r, z and n one
    below the other and are drawn uniformly from +-1 / sqrt(H).
    Errors: ShapeError if an argument does not fit.

    >>> import tinygrad_edu as tg
    >>> tg.nn.GRUCell(3, 4)(tg.ones(5, 3)).shape
    (5, 4)
    """

    mode = "GRU"


class LSTMCell(_Cell):
    """One step of a long short-term memory; the equations are those of `LSTM`.

    Shapes: input (N, input_size), hx and result pairs (h, c) of (N, hidden_size), or all without N;
    the parameters weight_ih (4 H, input_size), weight_hh (4 H, H), bias_ih and bias_hh (4 H,) hold
    i, f, g and o one below the other and are drawn uniformly from +-1 / sqrt(H).
    Errors: ShapeError if an argument does not fit, TypeError if hx is no pair.

    >>> import tinygrad_edu as tg
    >>> cell = tg.nn.LSTMCell(3, 4)
    >>> h, c = cell(tg.ones(5, 3)); h, c = cell(tg.ones(5, 3), (h, c)); h.shape, c.shape
    ((5, 4), (5, 4))
    """

    mode = "LSTM"
