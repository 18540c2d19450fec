"""New tensors of random numbers, drawn from `generator` or from the default generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.errors import DTypeError, SettingError, ShapeError, describe
from tinygrad_edu.modes import Generator, numpy_generator
from tinygrad_edu.ops.create import _shape, finished
from tinygrad_edu.tensor import Tensor

__all__ = [
    "bernoulli", "multinomial", "normal", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm",
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

    Errors: SettingError for a negative standard deviation.

    >>> import tinygrad_edu as tg
    >>> tg.normal(5.0, 0.0, (2,))
    tensor([5., 5.])
    """
    mean, std = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
    if np.any(np.asarray(std) < 0):
        raise SettingError("normal: argument 'std': expected at least 0")
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


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Places drawn with the probabilities in `input`, which need not add up to 1.

    Shapes: (K) gives (num_samples), (N, K) gives (N, num_samples), int64.
    Errors: DTypeError for integers; ShapeError for more dimensions, or for more samples than there
    are places with a probability, if none may come twice; ValueError for what is no probability.
    Source: Efraimidis and Spirakis (2006), for drawing without replacement.

    >>> import tinygrad_edu as tg
    >>> tg.multinomial(tg.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 5.0]]), 1)
    tensor([[1],
            [2]])
    """
    weights = _probabilities(input, num_samples, replacement)
    if replacement:
        shape = (*input.shape[:-1], num_samples)
        sums = weights.reshape(-1, weights.shape[-1]).cumsum(-1)
        drawn = uniform_array(generator, (len(sums), num_samples), np.float64) * sums[:, -1:]
        drawn = np.minimum(drawn, np.nextafter(sums[:, -1:], 0))  # below the sum, if rounded up
        rows = [np.searchsorted(row, x, side="right") for row, x in zip(sums, drawn, strict=True)]
        return finished(np.array(rows, np.int64).reshape(shape), None, False)
    # The first to ring, of clocks that ring after times of exponential distributions.
    times = np.asarray(numpy_generator(generator).standard_exponential(input.shape))
    times = np.divide(times, weights, np.full(times.shape, np.inf), where=weights > 0)
    places = np.argsort(times, axis=-1, kind="stable")[..., :num_samples]
    return finished(np.ascontiguousarray(places), None, False)


def _probabilities(input: Tensor, num_samples: int, replacement: bool) -> np.ndarray:
    """The weights of `multinomial` in float64, the greatest of each row 1; checked."""
    if input.dtype.kind != "f":
        expected = "floating elements"
        raise DTypeError(describe("multinomial", "input", expected, input.dtype, "convert it"))
    if input.ndim not in (1, 2):
        raise ShapeError(describe("multinomial", "input", "shape (K) or (N, K)", input.shape))
    if num_samples < 1:
        raise ShapeError(describe("multinomial", "num_samples", "at least 1", num_samples))
    weights = input.array.astype(np.float64)
    if not ((weights >= 0) & (weights < np.inf)).all():
        expected = "finite numbers of at least 0"
        raise SettingError(describe("multinomial", "input", expected, "others"))
    possible = (weights > 0).sum(-1).min(initial=input.shape[-1])
    if possible < (1 if replacement else num_samples):
        expected = f"at least {1 if replacement else num_samples} probabilities above 0"
        got = f"a row with {possible}"
        mend = "replacement=True draws a place again" if possible else ""
        raise ShapeError(describe("multinomial", "input", expected, got, mend))
    return weights / weights.max(-1, keepdims=True)


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
