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

from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.modes import Generator, no_grad
from tinygrad_edu.ops.create import eye
from tinygrad_edu.tensor import Tensor

__all__ = [
    "calculate_gain", "constant_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_",
    "ones_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
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
