"""Sequences of different lengths in one tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError, describe
from tinygrad_edu.ops.pad import pad
from tinygrad_edu.ops.parts import unbind
from tinygrad_edu.ops.rearrange import stack
from tinygrad_edu.tensor import Tensor

__all__ = ["pad_sequence", "unpad_sequence"]


def pad_sequence(
    sequences: Tensor | Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:  # fmt: skip
    """Sequences of different lengths, made equally long with `padding_value` and stacked.

    Shapes: sequences (L, ...) that differ in L alone; the result (Lmax, N, ...), or (N, Lmax, ...)
    with `batch_first`. The result has the dtype of the first. Gradient: to each sequence its part.
    Errors: ShapeError, DTypeError for what is no tensor, SettingError for another side.

    >>> import tinygrad_edu as tg
    >>> tg.nn.utils.rnn.pad_sequence([tg.ones(3), tg.ones(1)], batch_first=True)
    tensor([[1., 1., 1.],
            [1., 0., 0.]])
    """
    if padding_side not in ("left", "right"):
        expected = "'left' or 'right'"
        raise SettingError(describe("pad_sequence", "padding_side", expected, repr(padding_side)))
    parts = _sequences(sequences)
    longest = max(s.shape[0] for s in parts)
    padded = []
    for s in parts:
        missing = longest - s.shape[0]
        ends = [missing, 0] if padding_side == "left" else [0, missing]
        s = s.to(parts[0].dtype)
        padded.append(pad(s, [0, 0] * (s.ndim - 1) + ends, value=padding_value) if missing else s)
    return stack(padded, 0 if batch_first else 1)


def _sequences(sequences: Any) -> list[Tensor]:
    name = "pad_sequence"
    if not isinstance(sequences, Iterable):
        got = type(sequences).__name__
        raise DTypeError(describe(name, "sequences", "an iterable of Tensors", got))
    found = list(unbind(sequences)) if isinstance(sequences, Tensor) else list(sequences)
    if not found:
        raise ShapeError(describe(name, "sequences", "at least one", "none"))
    for s in found:
        if not isinstance(s, Tensor):
            raise DTypeError(describe(name, "sequences", "Tensors", f"a {type(s).__name__}"))
        if not s.ndim or s.shape[1:] != found[0].shape[1:]:
            expected = "shapes (L, ...) that differ in L alone"
            got = ", ".join(str(s.shape) for s in found)
            raise ShapeError(describe(name, "sequences", expected, got))
    return found


def unpad_sequence(
    padded_sequences: Tensor, lengths: Any, batch_first: bool = False
) -> list[Tensor]:
    """The sequences that `pad_sequence` padded on the right, each of its length again.

    Errors: ShapeError unless there is one length for each.

    >>> import tinygrad_edu as tg
    >>> tg.nn.utils.rnn.unpad_sequence(tg.tensor([[1.0, 2.0], [3.0, 0.0]]), tg.tensor([2, 1]))
    [tensor([1., 3.]), tensor([2.])]
    """
    parts = unbind(padded_sequences, 0 if batch_first else 1)
    sizes = lengths.tolist() if hasattr(lengths, "tolist") else list(lengths)
    if len(sizes) != len(parts):
        expected = f"a length for each of {len(parts)} sequences"
        raise ShapeError(describe("unpad_sequence", "lengths", expected, len(sizes)))
    return [part[: max(size, 0)] for part, size in zip(parts, sizes, strict=True)]
