"""Dropout: elements or whole channels set to 0 at random, while a network learns."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinygrad_edu.errors import SettingError, ShapeError, describe
from tinygrad_edu.modes import Generator, numpy_generator
from tinygrad_edu.op import composite, op

__all__ = ["dropout"]  # PyTorch has the others in nn.functional alone


def _mask(shape: tuple, dtype: Any, p: float, generator: Generator | None) -> np.ndarray:
    """0 with probability p, else 1 / (1 - p)."""
    kept = numpy_generator(generator).random(shape, dtype=np.float32) >= p
    return kept * dtype.type(0 if p == 1 else 1 / (1 - p))


def _check_probability(name: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise SettingError(describe(name, "p", "a probability of dropping, 0 to 1", p))


@op(name="dropout", dtype="float", extras=("mask",))
def drop(input: Any, /, p: float, generator: Generator | None) -> Any:
    """Elements set to 0 at random, the others scaled by 1 / (1 - p): behind `dropout`.

    Gradient: g through the same mask.
    """
    mask = _mask(input.shape, input.dtype, p, generator)
    return input * mask, mask


@drop.rule
def drop_rule(g, mask):
    return g * mask


@composite
def dropout(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False,
    *, generator: Generator | None = None,
) -> Any:  # fmt: skip
    """Set each element to 0 with probability `p` and scale the others by 1 / (1 - p).

    Outside training the input itself is returned. Gradient: g through the same mask.
    Errors: SettingError if p is not a probability. Source: Srivastava et al. (2014).

    >>> import tinygrad_edu as tg
    >>> tg.dropout(tg.ones(3), p=0.5, training=False)
    tensor([1., 1., 1.])
    """
    _check_probability("dropout", p)
    if not training or p == 0:
        return input
    out = drop(input, p, generator)
    return input.copy_(out) if inplace else out


# --- channels -------------------------------------------------------------------------------------


@composite
def dropout1d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False,
    *, generator: Generator | None = None,
) -> Any:  # fmt: skip
    """Set whole channels of signals to 0 with probability `p`, scale the others by 1 / (1 - p).

    Shapes: (N, C, L) or (C, L). Outside training the input itself is returned.
    Gradient: g through the same mask. Errors: SettingError if p is not a probability, ShapeError.
    Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.dropout1d(tg.ones(1, 2, 3), p=1.0)
    tensor([[[0., 0., 0.],
             [0., 0., 0.]]])
    """
    _check_probability("dropout1d", p)
    if input.ndim not in (2, 3):
        got = f"shape {input.shape}"
        raise ShapeError(describe("dropout1d", "input", "(N, C, L) or (C, L)", got))
    shape = (*input.shape[:-1], 1)
    return _drop_channels(input, shape, p if training else 0, inplace, generator)


@composite
def dropout2d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False,
    *, generator: Generator | None = None,
) -> Any:  # fmt: skip
    """Set whole channels to 0 with probability `p` and scale the others by 1 / (1 - p).

    Shapes: (N, C, H, W). As in PyTorch (N, C, L) is taken too, with a warning, and so is any
    other shape (N, C, ...). Outside training the input itself is returned.
    Gradient: g through the same mask. Errors: SettingError if p is not a probability, ShapeError.
    Source: Tompson et al. (2015).

    >>> import tinygrad_edu as tg
    >>> out = tg.nn.functional.dropout2d(tg.ones(1, 8, 2, 2))
    >>> sorted(set(out.mean((2, 3)).flatten().tolist())) in ([0.0], [0.0, 2.0], [2.0])
    True
    """
    _check_probability("dropout2d", p)
    if input.ndim < 2:
        got = f"shape {input.shape}"
        raise ShapeError(describe("dropout2d", "input", "shape (N, C, H, W)", got))
    if input.ndim != 4:
        warnings.warn(
            f"dropout2d: expected shape (N, C, H, W), got {input.shape}; its first two dimensions "
            "are taken for the batch and the channels",
            stacklevel=3,
        )
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _drop_channels(input, shape, p if training else 0, inplace, generator)


def _drop_channels(
    input: Any, shape: tuple, p: float, inplace: bool, generator: Generator | None
) -> Any:
    """The input times a mask of `shape`, which has size 1 where elements share their fate."""
    if p == 0:
        return input
    mask = _mask(shape, input.dtype, p, generator)
    return input.mul_(mask) if inplace else input * mask
