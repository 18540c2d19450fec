"""Where learning starts: functions that fill a tensor in place, and return it.

Nothing is recorded, so parameters may be filled. The schemes keep the variance of activations or
of gradients alike from layer to layer; `fan_in` is the number of inputs of one output, `fan_out`
the number of outputs that one input feeds.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError, describe
from tinygrad_edu.modes import Generator, no_grad
from tinygrad_edu.ops.create import eye
from tinygrad_edu.ops.inplace import check_float
from tinygrad_edu.ops.random import normal_array, uniform_array
from tinygrad_edu.tensor import Tensor

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_",
    "normal_", "ones_", "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_",
    "xavier_uniform_", "zeros_",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Tensor])

_GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0, "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3,
    "relu": math.sqrt(2), "selu": 3 / 4,
}  # fmt: skip


def _filler(function: F) -> F:
    """Check that a tensor is filled, and do not record it."""

    @functools.wraps(function)
    def checked(tensor: Any, *args: Any, **kwargs: Any) -> Tensor:
        if not isinstance(tensor, Tensor):
            got = type(tensor).__name__
            raise DTypeError(describe(function.__name__, "tensor", "a Tensor", got))
        with no_grad():
            return function(tensor, *args, **kwargs)

    return checked  # type: ignore[return-value]


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """The factor by which a layer's weights grow to make up for the nonlinearity behind it.

    `param` is the negative slope of leaky_relu (0.01 if not given).
    Errors: ValueError for an unknown name, or a slope that is no number.

    >>> import tinygrad_edu as tg
    >>> tg.nn.init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(describe("calculate_gain", "param", "a number", repr(param)))
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        expected = f"one of {known}"
        raise ValueError(describe("calculate_gain", "nonlinearity", expected, repr(nonlinearity)))
    return _GAINS[nonlinearity]


@_filler
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with uniform numbers in [a, b). Errors: ValueError if a > b.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.init.uniform_(tg.empty(100), -1, 1)
    >>> bool((w >= -1).all() and (w < 1).all())
    True
    """
    return tensor.uniform_(a, b, generator=generator)


@_filler
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with normal numbers of this mean and deviation. Errors: ValueError if std < 0."""
    return tensor.normal_(mean, std, generator=generator)


@_filler
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Fill with normal numbers of this mean and deviation, of which only those in [a, b] count.

    `a` and `b` are values, not multiples of std; a mean far outside them warns. Exact in the tails.
    Errors: SettingError if a > b, or unless std is positive.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.init.trunc_normal_(tg.empty(100), std=0.02, a=-0.04, b=0.04)
    >>> bool((w.abs() <= 0.04).all())
    True
    """
    from scipy.special import log_ndtr, ndtri_exp

    check_float("trunc_normal_", tensor)
    if a > b:
        raise SettingError(f"trunc_normal_: expected a <= b, got {a} and {b}")
    if not std > 0:
        raise SettingError(describe("trunc_normal_", "std", "more than 0", std))
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            f"trunc_normal_: mean {mean} is more than 2 std from [{a}, {b}], so all numbers come "
            "from the tail; a and b are values, not multiples of std",
            stacklevel=3,
        )
    low, high = (a - mean) / std, (b - mean) / std
    # The left tail is mirrored for the right one, whose probabilities would all round to 1.
    side = -1 if low > 0 else 1
    bounds = log_ndtr(sorted((side * low, side * high)))
    drawn = uniform_array(generator, tensor.shape, np.float64)
    chances = np.logaddexp(bounds[0] + np.log1p(-drawn), bounds[1] + np.log(drawn))
    numbers = side * ndtri_exp(chances)
    return tensor.copy_(np.clip(numbers * std + mean, a, b))


@_filler
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number.

    >>> import tinygrad_edu as tg
    >>> tg.nn.init.constant_(tg.empty(2), 3)
    tensor([3., 3.])
    """
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


@_filler
def eye_(tensor: Tensor) -> Tensor:
    """Fill with ones on the diagonal, zeros elsewhere: a linear layer that changes nothing.

    Errors: ShapeError unless there are two dims.

    >>> import tinygrad_edu as tg
    >>> tg.nn.init.eye_(tg.empty(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if tensor.ndim != 2:
        raise ShapeError(describe("eye_", "tensor", "two dimensions", f"shape {tensor.shape}"))
    return tensor.copy_(eye(*tensor.shape, dtype=tensor.dtype))


@_filler
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight so that it passes its input channels on unchanged.

    Shapes: (out, in / groups, ...) with one to three dims of the window, in whose middle stands
    the 1; outputs beyond the number of inputs are 0, in each of the groups.
    Errors: ShapeError for another number of dims, or if the groups do not divide the outputs.

    >>> import tinygrad_edu as tg
    >>> tg.nn.init.dirac_(tg.empty(2, 2, 3))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]],
            [[0., 0., 0.],
             [0., 1., 0.]]])
    """
    shape = tensor.shape
    if len(shape) not in (3, 4, 5):
        expected = "3, 4 or 5 dimensions (out, in, window)"
        raise ShapeError(describe("dirac_", "tensor", expected, f"shape {shape}"))
    if groups < 1 or shape[0] % groups:
        raise ShapeError(describe("dirac_", "groups", f"a divisor of {shape[0]} outputs", groups))
    middle: Any = [size // 2 for size in shape[2:]]
    filled = np.zeros(shape, tensor.dtype)
    grouped = filled.reshape(groups, shape[0] // groups, *shape[1:])
    for channel in range(min(grouped.shape[1:3])):
        grouped[:, channel, channel, *middle] = 1
    return tensor.copy_(filled)


@_filler
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with a matrix of orthonormal rows or columns, whichever are fewer, times `gain`.

    Dims after the second are flattened into it. The matrix is uniform among all such.
    Errors: ShapeError below two dims. Source: Saxe, McClelland and Ganguli (2014).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.init.orthogonal_(tg.empty(2, 3, dtype=tg.float64))
    >>> tg.allclose(w @ w.T, tg.eye(2, dtype=tg.float64))
    True
    """
    if tensor.ndim < 2:
        expected = "at least two dimensions"
        raise ShapeError(describe("orthogonal_", "tensor", expected, f"shape {tensor.shape}"))
    check_float("orthogonal_", tensor)
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    drawn = normal_array(generator, (rows, tensor.numel() // rows), np.float64)
    wide = drawn.shape[0] < drawn.shape[1]
    q, r = np.linalg.qr(drawn.T if wide else drawn)
    q *= np.where(np.diag(r) < 0, -gain, gain)  # qr alone would prefer some signs
    return tensor.copy_((q.T if wide else q).reshape(tensor.shape))


@_filler
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Fill with normal numbers, a fraction `sparsity` of each column with zeros (rounded up).

    Errors: ShapeError unless there are two dims, SettingError for a sparsity outside [0, 1].
    Source: Martens (2010).

    >>> import tinygrad_edu as tg
    >>> (tg.nn.init.sparse_(tg.empty(10, 2), 0.3) == 0).sum(0)
    tensor([3, 3])
    """
    if tensor.ndim != 2:
        got = f"shape {tensor.shape}"
        raise ShapeError(describe("sparse_", "tensor", "two dimensions", got))
    if not 0 <= sparsity <= 1:
        raise SettingError(describe("sparse_", "sparsity", "a fraction from 0 to 1", sparsity))
    tensor.normal_(0, std, generator=generator)
    order = np.argsort(uniform_array(generator, tensor.shape, np.float64), axis=0)
    zeros = order < math.ceil(sparsity * tensor.shape[0])
    return tensor.masked_fill_(zeros, 0.0)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, ...). Errors: ShapeError below two dims."""
    if tensor.ndim < 2:
        raise ShapeError(
            "fan_in and fan_out: expected a weight of at least 2 dimensions (out, in, ...), got "
            f"shape {tensor.shape}; use uniform_ or normal_ for biases"
        )
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


@_filler
def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill uniformly within +-gain sqrt(6 / (fan_in + fan_out)).

    Errors: ShapeError below two dims. Source: Glorot and Bengio (2010).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.init.xavier_uniform_(tg.empty(3, 3))
    >>> bool((w.abs() <= 1).all())
    True
    """
    bound = gain * math.sqrt(6 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return tensor.uniform_(-bound, bound, generator=generator)


@_filler
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of standard deviation gain sqrt(2 / (fan_in + fan_out)).

    Errors: ShapeError below two dims. Source: Glorot and Bengio (2010).
    """
    std = gain * math.sqrt(2 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return tensor.normal_(0, std, generator=generator)


@_filler
def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Fill uniformly within +-gain sqrt(3 / fan).

    `mode` is "fan_in" (keeps the variance forward) or "fan_out" (backward), `a` the negative
    slope of leaky_relu. Errors: ValueError for another mode or nonlinearity, ShapeError below
    two dims. Source: He et al. (2015).

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.init.kaiming_uniform_(tg.empty(5, 6), nonlinearity="relu")
    >>> bool((w.abs() <= 1).all())
    True
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3) * std
    return tensor.uniform_(-bound, bound, generator=generator)


@_filler
def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Fill with normal numbers of standard deviation gain / sqrt(fan).

    Arguments, errors and source as `kaiming_uniform_`.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    return tensor.normal_(0, std, generator=generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("there is nothing to fill in a tensor without elements", stacklevel=4)
        return None
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(describe("kaiming", "mode", "'fan_in' or 'fan_out'", repr(mode)))
    fan = _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)
