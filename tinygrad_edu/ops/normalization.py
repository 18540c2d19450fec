"""Norms of layers: bring values to mean 0 and variance 1, then scale and shift them.

All but rms_norm are one op, `normalize_affine`, over other dims: over the batch and the pixels of
each channel (batch), the pixels of each channel alone (instance), a group of channels (group), or
the last dims (layer).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.errors import DTypeError, GraphError, SettingError, ShapeError, describe
from tinygrad_edu.kernels import norm as kernels
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.functions import rsqrt
from tinygrad_edu.ops.reduce import mean, variance
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]

Moments = tuple[np.ndarray, np.ndarray, np.ndarray]


@op(dtype="equal", extras=("centre", "scale"))
def normalize_affine(
    input: Any, weight: Any = None, bias: Any = None, /,
    dim: Any = (), eps: float = 0.0, moments: Moments | None = None,
) -> Any:  # fmt: skip
    """The input with mean 0 and variance 1 over `dim`, scaled and shifted: behind the norms.

    (input - mean) / sqrt(variance + eps) * weight + bias. `moments` are input - mean (which is
    written to), that mean and the biased variance, if the caller has them.
    Gradient: (h - mean(h) - hat mean(h hat)) / sqrt(variance + eps), where hat is the input with
    mean 0 and variance 1, and h = g weight; g hat; g.
    """
    centred, centre, spread = kernels.moments(input, dim) if moments is None else moments
    scale = np.true_divide(1, np.sqrt(spread + eps))
    return kernels.scaled(centred, scale, weight, bias, dim), centre, scale


@normalize_affine.rule
def normalize_affine_rule(g, input, weight, dim, eps, need):
    scale = rsqrt(variance(input, dim, 0, True) + eps)
    hat = (input - mean(input, dim, True)) * scale
    gi = None
    if need[0]:
        h = g if weight is None else g * weight
        gi = (h - mean(h, dim, True) - hat * mean(h * hat, dim, True)) * scale
    return gi, g * hat if need[1] else None, g if need[2] else None


@normalize_affine.fused
def normalize_affine_fused(g, input, weight, centre, scale, dim, need):
    return kernels.gradients(g, input, weight, centre, scale, dim, need)


# --- checks and the affine part -----------------------------------------------------------------


def _check(input: Any, shape: tuple, dtyped: bool = True, **parameters: Any) -> None:
    """Every parameter that is there has this shape, and the input's dtype, or any of floats."""
    if input.dtype.kind != "f":
        raise DTypeError(f"expected floating-point elements, got {input.dtype}; use .float()")
    for name, value in parameters.items():
        if value is None:
            continue
        if value.shape != shape:
            raise ShapeError(
                f"argument {name!r}: expected shape {shape} for input {input.shape}, got "
                f"{value.shape}"
            )
        if value.dtype != input.dtype if dtyped else value.dtype.kind != "f":
            wanted = f"the input's {input.dtype}" if dtyped else "floats"
            raise DTypeError(f"argument {name!r}: expected {wanted}, got {value.dtype}")


def _channels(input: Any, least: int) -> int:
    if input.ndim < least:
        raise ShapeError(
            f"argument 'input': expected at least {least} dimensions (N, C, ...), got shape "
            f"{input.shape}"
        )
    return input.shape[1]


def _affine(x: Any, weight: Any, bias: Any, shape: tuple) -> Any:
    """x weight + bias, with the parameters reshaped."""
    x = x if weight is None else x * _shaped(weight, shape)
    return x if bias is None else x + _shaped(bias, shape)


def _shaped(parameter: Any, shape: tuple) -> Any:
    as_it_is = parameter is None or len(shape) == 1
    return parameter if as_it_is else reshape(parameter, shape)


# --- norms of channels --------------------------------------------------------------------------


@composite
def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Each channel with mean 0 and variance 1 over the batch, scaled by weight, shifted by bias.

    Shapes: input (N, C, ...), all else (C,) or None. In training the statistics are the batch's,
    with the biased variance, and the running ones move towards them in place: `momentum` is the
    share of the new value, and the variance that is kept is the unbiased one. Otherwise the
    running statistics are used, as constants.
    An empty batch moves nothing.
    Gradient: through the batch's statistics in training.
    Errors: SettingError for a single value per channel in training, or an `eps` that is negative
    (in training, not positive); ShapeError, DTypeError.
    Source: Ioffe and Szegedy (2015).

    >>> import tinygrad_edu as tg
    >>> mean, var = tg.zeros(1), tg.ones(1)
    >>> tg.nn.functional.batch_norm(tg.tensor([[1.0], [3.0]]), mean, var, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    >>> mean, var
    (tensor([0.2000]), tensor([1.1000]))
    """
    if eps < 0 or (training and not eps):
        expected = "more than 0 in training" if training else "0 or more"
        raise SettingError(describe("batch_norm", "eps", expected, eps))
    dim = (0, *range(2, input.ndim))
    return _channel_norm(
        "batch_norm", input, dim, running_mean, running_var, weight, bias, training, momentum, eps
    )


@composite
def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
    bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Each channel of each example with mean 0 and variance 1, scaled and shifted per channel.

    Shapes: input (N, C, ...), all else (C,) or None. Running statistics are those of `batch_norm`,
    averaged over the examples; `use_input_stats=False` uses them, as constants.
    Gradient: through the statistics of the input, if they are used.
    Errors: SettingError for a single value per channel, ShapeError, DTypeError.
    Source: Ulyanov, Vedaldi and Lempitsky (2016).

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.instance_norm(tg.tensor([[[1.0, 3.0]], [[5.0, 9.0]]]))
    tensor([[[-1.0000,  1.0000]],
    <BLANKLINE>
            [[-1.0000,  1.0000]]])
    """
    dim = tuple(range(2, max(input.ndim, 3)))
    return _channel_norm(
        "instance_norm", input, dim, running_mean, running_var, weight, bias, use_input_stats,
        momentum, eps,
    )  # fmt: skip


def _channel_norm(
    name: str, input: Any, dim: tuple, running_mean: Any, running_var: Any, weight: Any,
    bias: Any, own: bool, momentum: float, eps: float,
) -> Any:  # fmt: skip
    """Standardize by the input's own statistics over `dim`, or by the running ones."""
    C = _channels(input, 3 if dim[0] else 2)
    running = {"running_mean": running_mean, "running_var": running_var}
    _check(input, (C,), weight=weight, bias=bias)
    _check(input, (C,), dtyped=False, **running)
    shape = (-1,) + (1,) * (input.ndim - 2)
    if own:
        n = math.prod(input.shape[i] for i in dim)
        if n == 1:
            raise SettingError(
                f"{name}: expected more than one value per channel in training, got input "
                f"{input.shape}; call .eval(), or take a larger batch"
            )
        _check_movable(name, running)
        moments = kernels.moments(_array(input), dim)
        weight, bias = _shaped(weight, shape), _shaped(bias, shape)
        out = normalize_affine(input, weight, bias, dim, eps, moments)
        if 0 not in input.shape:
            _move(running, moments, momentum, n)
        return out
    if running_mean is None or running_var is None:
        raise SettingError(
            f"{name}: expected running_mean and running_var where the input's own statistics are "
            "not used, got None"
        )
    centre, spread = (_array(x).reshape(shape) for x in (running_mean, running_var))
    scale = np.true_divide(1, np.sqrt(spread + eps)).astype(input.dtype, copy=False)
    out = (input - centre.astype(input.dtype, copy=False)) * scale
    return _affine(out, weight, bias, shape)


def _array(x: Any) -> np.ndarray:
    return x.array if isinstance(x, Tensor) else x


def _check_movable(name: str, running: dict) -> None:
    """Before anything is moved, so that a refused call changes nothing."""
    for argument, old in running.items():
        if isinstance(old, Tensor) and old.requires_grad:
            raise GraphError(
                f"{name}: argument {argument!r}: expected a tensor that needs no gradient, because "
                "it is written in place; detach() it"
            )
        if old is not None and not _array(old).flags.writeable:
            raise GraphError(
                f"{name}: argument {argument!r}: expected memory that can be written; clone() it"
            )


def _move(running: dict, moments: Moments, momentum: float, n: int) -> None:
    """Move the running statistics towards those of the input, in place, unrecorded."""
    _, centre, spread = moments
    for old, new in zip(running.values(), (centre, spread * (n / max(n - 1, 1))), strict=True):
        if old is not None:
            array = _array(old)
            new = new.reshape(-1, array.size)
            change = momentum * ((new[0] if len(new) == 1 else np.mean(new, axis=0)) - array)
            array += change.astype(array.dtype, copy=False)
            storage.wrote(array)


@composite
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Each group of channels of each example with mean 0 and variance 1, then scaled and shifted.

    Shapes: input (N, C, ...), weight and bias (C,) or None. `num_groups` divides C.
    Gradient: through the statistics. Errors: ShapeError, DTypeError. Source: Wu and He (2018).

    >>> import tinygrad_edu as tg
    >>> tg.group_norm(tg.tensor([[1.0, 3.0, 5.0, 9.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    C = _channels(input, 2)
    if num_groups < 1 or C % num_groups:
        raise ShapeError(
            f"argument 'num_groups': expected a divisor of {C} channels of input {input.shape}, "
            f"got {num_groups}"
        )
    _check(input, (C,), weight=weight, bias=bias)
    each, space = C // num_groups, input.shape[2:]
    shape = (num_groups, each, *(1,) * len(space))
    groups = reshape(input, (input.shape[0], num_groups, each, *space))
    dim = tuple(range(2, groups.ndim))
    out = normalize_affine(groups, _shaped(weight, shape), _shaped(bias, shape), dim, eps)
    return reshape(out, input.shape)


# --- norms of the last dims ---------------------------------------------------------------------


@composite
def layer_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None,
    eps: float = 1e-5,
) -> Any:  # fmt: skip
    """The last dims, of the shape `normalized_shape`, with mean 0 and variance 1.

    Shapes: input (..., *normalized_shape), weight and bias normalized_shape or None.
    Gradient: through the statistics. Errors: ShapeError, DTypeError.
    Source: Ba, Kiros and Hinton (2016).

    >>> import tinygrad_edu as tg
    >>> tg.layer_norm(tg.tensor([[1.0, 3.0], [5.0, 9.0]]), (2,))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """
    shape = _last(input, normalized_shape)
    _check(input, shape, weight=weight, bias=bias)
    dim = tuple(range(input.ndim - len(shape), input.ndim))
    return normalize_affine(input, weight, bias, dim, eps)


@composite
def rms_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None
) -> Any:
    """The last dims divided by the root of their mean square, then scaled.

    Shapes: input (..., *normalized_shape), weight normalized_shape or None. `eps`, added to the
    mean square, is by default the smallest step from 1 of the dtype.
    Gradient: through the mean square. Errors: ShapeError, DTypeError.
    Source: Zhang and Sennrich (2019).

    >>> import tinygrad_edu as tg
    >>> tg.rms_norm(tg.tensor([1.0, 7.0]), (2,))
    tensor([0.2000, 1.4000])
    """
    shape = _last(input, normalized_shape)
    _check(input, shape, weight=weight)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    dim = tuple(range(input.ndim - len(shape), input.ndim))
    return _affine(input * rsqrt(mean(input * input, dim, True) + eps), weight, None, shape)


def _last(input: Any, normalized_shape: int | Sequence[int]) -> tuple:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise ShapeError(
            f"argument 'input': expected a shape that ends in normalized_shape {shape} (at least "
            f"one dim), got {input.shape}"
        )
    return shape
