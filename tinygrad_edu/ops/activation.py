"""Activations that look at more than one element: the softmax family."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.kernels import softmax as kernels
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops import dims
from tinygrad_edu.ops.convert import convert
from tinygrad_edu.ops.pointwise import exp
from tinygrad_edu.ops.quiet import quiet
from tinygrad_edu.ops.reduce import sum

__all__ = ["log_softmax", "softmax"]


@op(name="softmax", dtype="float")
@quiet
def normalized_exp(input: Any, /, dim: int) -> Any:
    """exp(x) / sum(exp(x)) along `dim`: behind `softmax`. Gradient: out (g - sum(g out))."""
    axis = dims.one(dim, input.ndim)
    if input.ndim == 0:
        return np.ones_like(input)
    return kernels.softmax(input, axis)


@normalized_exp.rule
def normalized_exp_rule(g, out, dim):
    return out * (g - sum(g * out, dim, True))


@normalized_exp.fused
def normalized_exp_fused(g, out, dim):
    return kernels.softmax_gradient(g, out, dim) if out.ndim else g * 0


@op(name="log_softmax", dtype="float")
@quiet
def normalized_log(input: Any, /, dim: int) -> Any:
    """x - logsumexp(x) along `dim`: behind `log_softmax`. Gradient: g - exp(out) sum(g)."""
    axis = dims.one(dim, input.ndim)
    if input.ndim == 0:
        return np.zeros_like(input)
    return kernels.log_softmax(input, axis)


@normalized_log.rule
def normalized_log_rule(g, out, dim):
    return g - exp(out) * sum(g, dim, True)


@normalized_log.fused
def normalized_log_fused(g, out, dim):
    return kernels.log_softmax_gradient(g, out, dim) if out.ndim else g * 0


@composite(method="softmax")
def softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along `dim`: probabilities that add up to 1, without overflow.

    Without `dim` the last one is taken for 2-d input, as PyTorch's implicit choice is.
    Gradient: out (g - sum(g out)).

    >>> import tinygrad_edu as tg
    >>> tg.softmax(tg.tensor([0.0, 0.0, 1e4]), dim=0)
    tensor([0., 0., 1.])
    """
    return normalized_exp(_as_type(input, dtype), _implicit(dim, input))


@composite(method="log_softmax")
def log_softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The logarithm of softmax along `dim`, exact where softmax itself rounds to 0 or 1.

    Gradient: g - exp(out) sum(g).

    >>> import tinygrad_edu as tg
    >>> tg.log_softmax(tg.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return normalized_log(_as_type(input, dtype), _implicit(dim, input))


def _as_type(input: Any, dtype: Any) -> Any:
    return input if dtype is None else convert(input, dtype)


def _implicit(dim: int | None, input: Any) -> int:
    """PyTorch's choice where no dim is named: 0 for 0, 1 and 3 dimensions, else 1."""
    if dim is None:
        return 0 if input.ndim in (0, 1, 3) else 1
    return dim
