"""Images and signals as batches of planes, which is all that the kernels know.

A signal (N, C, L) is a batch of planes with one row, an unbatched input a batch of one.
"""

from __future__ import annotations

from typing import Any

from tinygrad_edu.ops.shape import reshape


def to_planes(input: Any, dims: int) -> Any:
    """`input`, with or without N and with one or two dims after C, as (N, C, H, W)."""
    if input.ndim == 4 and dims == 2:
        return input
    leading, space = input.shape[:-dims], input.shape[-dims:]
    return reshape(input, ((1,) * (2 - len(leading)) + leading + (1,) * (2 - dims) + space))


def from_planes(out: Any, dims: int, batched: bool) -> Any:
    """A result (N, C, H, W) in the form in which `to_planes` found its input."""
    if batched and dims == 2:
        return out
    return reshape(out, out.shape[0 if batched else 1 : 2] + out.shape[4 - dims :])
