"""New tensors of random numbers, drawn from `generator` or from the default generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.modes import Generator, numpy_generator
from tinygrad_edu.ops.create import _shape, finished
from tinygrad_edu.tensor import Tensor

__all__ = [
    "bernoulli", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm",
]  # fmt: skip


def uniform_array(generator: Generator | None, shape: tuple, dtype: Any) -> np.ndarray:
    """Uniform numbers in [0, 1)."""
    kind = np.dtype(dtype or dtypes.get_default_dtype())
    drawn = np.float64 if kind == np.float64 else np.float32
    return np.asarray(numpy_generator(generator).random(shape, dtype=drawn)).astype(
        kind, copy=False
    )


def normal_array(generator: Generator | None, shape: tuple, dtype: Any) -> np.ndarray:
    """Numbers of the standard normal distribution."""
    kind = np.dtype(dtype or dtypes.get_default_dtype())
    drawn = np.float64 if kind == np.float64 else np.float32
    numbers = numpy_generator(generator).standard_normal(shape, dtype=drawn)
    return np.asarray(numbers).astype(kind, copy=False)


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1).

    >>> import tinygrad_edu as tg
    >>> bool((tg.rand(100) < 1).all())
    True
    """
    return finished(uniform_array(generator, _shape("rand", size), dtype), device, requires_grad)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers of the standard normal distribution.

    >>> import tinygrad_edu as tg
    >>> tg.randn(2, 3).shape
    (2, 3)
    """
    return finished(normal_array(generator, _shape("randn", size), dtype), device, requires_grad)


def randint(
    low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None,
    dtype: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Integers from `low` (0 if left out) to `high` - 1, each alike likely, as int64.

    Errors: ShapeError if there is no such integer.

    >>> import tinygrad_edu as tg
    >>> tg.randint(10, (3,)).dtype, bool((tg.randint(2, 4, (50,)) >= 2).all())
    (dtype('int64'), True)
    """
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise ShapeError(f"randint: expected low < high, got {low} and {high}")
    drawn = numpy_generator(generator).integers(low, high, _shape("randint", (size,)))
    return finished(np.asarray(drawn, dtype=dtype or np.int64), device, requires_grad)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """The integers 0 to n - 1 in random order, as int64.

    >>> import tinygrad_edu as tg
    >>> sorted(tg.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    return finished(
        numpy_generator(generator).permutation(n).astype(dtype or np.int64), device, False
    )


def normal(mean: Any, std: Any, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Normal numbers with these means and standard deviations (numbers or tensors).

    Errors: ValueError for a negative standard deviation.

    >>> import tinygrad_edu as tg
    >>> tg.normal(5.0, 0.0, (2,))
    tensor([5., 5.])
    """
    mean, std = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
    if np.any(np.asarray(std) < 0):
        raise ValueError("normal: argument 'std': expected at least 0")
    shape = np.broadcast_shapes(np.shape(mean), np.shape(std)) if size is None else tuple(size)
    dtype = dtypes.float_type(dtypes.result_type(mean, std))
    return finished(normal_array(generator, shape, dtype) * std + mean, None, False)


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element of `input` names, else 0.

    >>> import tinygrad_edu as tg
    >>> tg.bernoulli(tg.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    drawn = uniform_array(generator, input.shape, np.float64)
    return finished((drawn < input.array).astype(input.dtype), None, False)


def rand_like(
    input: Any, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1) in the shape and dtype of `input`.

    >>> import tinygrad_edu as tg
    >>> tg.rand_like(tg.ones(2, 3)).shape
    (2, 3)
    """
    return rand(
        input.shape, generator=generator, dtype=dtype or input.dtype, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


def randn_like(
    input: Any, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Standard normal numbers in the shape and dtype of `input`.

    >>> import tinygrad_edu as tg
    >>> tg.randn_like(tg.ones(2, 3)).shape
    (2, 3)
    """
    return randn(
        input.shape, generator=generator, dtype=dtype or input.dtype, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


def randint_like(
    input: Any, low: int, high: int | None = None, *, generator: Generator | None = None,
    dtype: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Random integers in the shape and dtype of `input`.

    >>> import tinygrad_edu as tg
    >>> tg.randint_like(tg.tensor([1, 2]), 7, 8)
    tensor([7, 7])
    """
    bounds = (0, low) if high is None else (low, high)
    return randint(
        *bounds, tuple(input.shape), generator=generator, dtype=dtype or input.dtype,
        device=device, requires_grad=requires_grad,
    )  # fmt: skip
