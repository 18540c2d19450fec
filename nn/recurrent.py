"""Recurrent layers: the steps of `cell.py`, along sequences, on top of each other, both ways."""

from __future__ import annotations

import warnings
from typing import Any

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.ops.dropout import dropout
from tinygrad_edu.ops.rearrange import flip, stack
from tinygrad_edu.ops.shape import cat
from tinygrad_edu.tensor import Tensor

from .cell import KINDS, Recurrence
from .layer import whole
from .parameter import Parameter

__all__ = ["GRU", "LSTM", "RNN"]


class _Layers(Recurrence):
    """A recurrent network: layers on top of each other, each in one direction or in both."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        for argument, value in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(value, bool):
                raise TypeError(describe(self._name, argument, "a bool", repr(value)))
        self._set_up(input_size, hidden_size, bias, 1)
        self.num_layers = whole(self, "num_layers", num_layers, 1)
        self.batch_first, self.bidirectional = batch_first, bidirectional
        self.dropout = self._probability(dropout)
        self.proj_size = whole(self, "proj_size", proj_size, 0)
        if proj_size and (self.mode != "LSTM" or proj_size >= hidden_size):
            expected = "less than hidden_size" if self.mode == "LSTM" else "0: only LSTM has one"
            raise ValueError(describe(self._name, "proj_size", expected, proj_size))
        width = self.input_size
        for layer in self._suffixes():
            for suffix in layer:
                self._add_weights(suffix, width, device, dtype)
            width = len(layer) * self._sizes[0]
        self.reset_parameters()

    def _probability(self, dropout: Any) -> float:
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            expected = "a probability of dropping, 0 to 1"
            raise ValueError(describe(self._name, "dropout", expected, dropout))
        if dropout and self.num_layers == 1:
            warnings.warn(
                f"{self._name}: dropout={dropout} has no effect with num_layers=1: it stands "
                "between the layers, not behind the last one",
                stacklevel=3,
            )
        return float(dropout)

    def _suffixes(self) -> list[list[str]]:
        """For every layer how the names of its parameters end, in each direction."""
        ends = ("", "_reverse") if self.bidirectional else ("",)
        return [[f"_l{k}{end}" for end in ends] for k in range(self.num_layers)]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, a list for each layer and direction."""
        found = [self._weights(suffix) for layer in self._suffixes() for suffix in layer]
        return [[p for p in weights if p is not None] for weights in found]

    def flatten_parameters(self) -> None:
        """Do nothing: there is no GPU that wants the parameters side by side."""

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        """The hidden states of the last layer at every step, and the last state of every layer."""
        batched = self._check_input(input, 2)
        x = input if batched else input.unsqueeze(1)
        x = x.transpose(0, 1) if batched and self.batch_first else x
        if not len(x):
            raise ShapeError(describe(self._name, "input", "at least one step", input.shape))
        suffixes = self._suffixes()
        count = len(suffixes) * len(suffixes[0])
        leading = (count, x.shape[1]) if batched else (count,)
        before = self._joined(hx, leading, batched, input)
        last: list[Tensor] = []
        for k, layer in enumerate(suffixes):
            if k and self.dropout:
                x = dropout(x, self.dropout, self.training)
            x = self._layer(x, layer, before, last)
        if batched:
            return x.transpose(0, 1) if self.batch_first else x, self._parted(stack(last))
        return x[:, 0], self._parted(stack(last), slice(None), 0)

    def _layer(self, x: Tensor, layer: list[str], before: Tensor, last: list[Tensor]) -> Tensor:
        """The hidden states of one layer at every step; its last states are added to `last`."""
        outputs = []
        for suffix in layer:
            backward = suffix.endswith("_reverse")
            read, start = flip(x, (0,)) if backward else x, before[len(last)]
            states = KINDS[self.mode].states(read, start, *self._weights(suffix))
            shown = states[1:, :, : self._sizes[0]]
            outputs.append(flip(shown, (0,)) if backward else shown)
            last.append(states[-1])
        return outputs[0] if len(outputs) == 1 else cat(outputs, -1)

    def extra_repr(self) -> str:
        """The settings that are not the default."""
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
            "bidirectional": False,
        }  # fmt: skip
        others = [f"{k}={getattr(self, k)}" for k, v in defaults.items() if getattr(self, k) != v]
        return ", ".join([str(self.input_size), str(self.hidden_size), *others])


class RNN(_Layers):
    """A plain recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh) at every step.

    Shapes: input (T, N, input_size), or (N, T, input_size) if `batch_first`, or (T, input_size);
    h_0 (num_layers D, N, H), D = 2 directions if `bidirectional`. Returns the output (T, N, D H)
    of the last layer and h_n as h_0. The parameters `weight_ih_l0` (H, input_size), `weight_hh_l0`
    (H, H), `bias_ih_l0`, `bias_hh_l0` (H,), `weight_ih_l1` (H, D H), ..., for the way back with
    `_reverse` behind the name, are drawn uniformly from +-1 / sqrt(H).
    `nonlinearity` is "tanh" or "relu", `dropout` the probability of dropping between layers.
    Errors: ValueError for settings that make no sense, ShapeError if an argument does not fit.
    Source: Elman (1990).

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.RNN(3, 4, num_layers=2, batch_first=True); layer
    RNN(3, 4, num_layers=2, batch_first=True)
    >>> output, h = layer(tg.ones(5, 7, 3)); output.shape, h.shape
    ((5, 7, 4), (2, 5, 4))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self._choose(nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            proj_size, device, dtype,
        )  # fmt: skip


class GRU(_Layers):
    """A network of gated recurrent units: h' = (1 - z) n + z h at every step.

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr) and z = sigmoid(W_iz x + b_iz + W_hz h + b_hz) say
    how much of h is used and kept; n = tanh(W_in x + b_in + r (W_hn h + b_hn)) is new.
    Shapes and errors as of `RNN`, but there are 3 H rows in all parameters: r, z and n one below
    the other. Source: Cho et al. (2014).

    >>> import tinygrad_edu as tg
    >>> output, h = tg.nn.GRU(3, 4, bidirectional=True)(tg.ones(7, 5, 3)); output.shape, h.shape
    ((7, 5, 8), (2, 5, 4))
    """

    mode = "GRU"


class LSTM(_Layers):
    """A network of long short-term memories: c' = f c + i g, h' = o tanh(c') at every step.

    i, f and o = sigmoid(W_i. x + b_i. + W_h. h + b_h.) and g = tanh(W_ig x + b_ig + W_hg h + b_hg).
    Shapes and errors as of `RNN`, but there are 4 H rows in all parameters, i, f, g and o one below
    the other, and a state is a pair (h, c). With `proj_size` P what is shown is h' = W_hr (o
    tanh(c')) of size P, with `weight_hr_l0` (P, H), ...; c keeps the size H.
    Source: Hochreiter and Schmidhuber (1997), Sak et al. (2014).

    >>> import tinygrad_edu as tg
    >>> output, (h, c) = tg.nn.LSTM(3, 4, proj_size=2)(tg.ones(7, 5, 3))
    >>> output.shape, h.shape, c.shape
    ((7, 5, 2), (1, 5, 2), (1, 5, 4))
    """

    mode = "LSTM"
