"""The course's tools: numerical gradients, the relative error, and grids of pictures."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import ceil, sqrt
from typing import Any

import numpy as np

__all__ = [
    "eval_numerical_gradient", "eval_numerical_gradient_array", "grad_check_sparse",
    "print_mean_std", "rel_error", "visualize_grid",
]  # fmt: skip

Array = np.ndarray


def rel_error(x: Any, y: Any) -> float:
    """The largest |x - y| / max(1e-8, |x| + |y|); 0 for empty arrays.

    >>> from tinygrad_edu.nn.course import rel_error
    >>> rel_error(np.array([1.0, 0.0]), np.array([3.0, 0.0]))
    0.5
    """
    x, y = np.asarray(x), np.asarray(y)
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)), initial=0.0))


def eval_numerical_gradient(
    f: Callable[[Array], float], x: Array, verbose: bool = True, h: float = 0.00001
) -> Array:
    """The gradient of a scalar function at x, by central differences of step h.

    x is changed element by element and put back. With `verbose` every element is printed.

    >>> from tinygrad_edu.nn.course import eval_numerical_gradient
    >>> eval_numerical_gradient(lambda x: (x * x).sum(), np.array([3.0]), verbose=False).round(6)
    array([6.])
    """
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        above, below = _around(f, x, i, h)
        grad[i] = (above - below) / (2 * h)
        if verbose:
            print(i, grad[i])
    return grad


def eval_numerical_gradient_array(
    f: Callable[[Array], Array], x: Array, df: Any, h: float = 1e-5
) -> Array:
    """The gradient of sum(df * f(x)) with respect to x, by central differences of step h.

    `df` has the shape of f(x): it is the gradient that comes from above. x is changed element by
    element and put back.
    """
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        above, below = _around(lambda x: np.array(f(x)), x, i, h)
        grad[i] = np.sum((above - below) * df) / (2 * h)
    return grad


def grad_check_sparse(
    f: Callable[[Array], float], x: Array, analytic_grad: Array, num_checks: int = 10,
    h: float = 1e-5,
) -> float:  # fmt: skip
    """Compare a gradient with central differences at random elements; print each comparison.

    Returns the largest relative error (0 where both are 0). The elements come from `random`.
    """
    worst = 0.0
    for _ in range(num_checks):
        i = tuple([random.randrange(m) for m in x.shape])
        above, below = _around(f, x, i, h)
        numerical, analytic = (above - below) / (2 * h), analytic_grad[i]
        total = abs(numerical) + abs(analytic)
        error = abs(numerical - analytic) / total if total else 0.0
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")
        worst = max(worst, float(error))
    return worst


def _around(f: Callable[[Array], Any], x: Array, i: tuple, h: float) -> tuple[Any, Any]:
    """f with one element of x raised and lowered by h; x is put back whatever happens."""
    before = x[i]
    try:
        x[i] = before + h
        above = f(x)
        x[i] = before - h
        return above, f(x)
    finally:
        x[i] = before


def print_mean_std(x: Array, axis: int = 0) -> None:
    """Print the means and standard deviations of x along an axis."""
    print(f"  means: {x.mean(axis=axis)}")
    print(f"  stds:  {x.std(axis=axis)}\n")


def visualize_grid(Xs: Array, ubound: float = 255.0, padding: int = 1) -> Array:
    """Pictures side by side, each stretched to values from 0 to `ubound`: a picture to show.

    Shapes: Xs (N, H, W, C) -> about square, `padding` black pixels between the pictures. A picture
    of one colour is black.

    >>> from tinygrad_edu.nn.course import visualize_grid
    >>> visualize_grid(np.random.default_rng(0).random((5, 4, 4, 3))).shape
    (14, 14, 3)
    """
    n, height, width, channels = Xs.shape
    side = ceil(sqrt(n))
    grid = np.zeros((side * (height + padding), side * (width + padding), channels))
    for i, picture in enumerate(Xs):
        low, high = picture.min(), picture.max()
        row, column = (height + padding) * (i // side), (width + padding) * (i % side)
        stretched = ubound * (picture - low) / (high - low or 1)
        grid[row : row + height, column : column + width] = stretched
    return grid[: grid.shape[0] - padding, : grid.shape[1] - padding]
