"""Helpers of the engine's tests: leaves, and PyTorch where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

try:
    import torch
except ImportError:
    torch = None

LIBRARIES = [tg] if torch is None else [tg, torch]


def parity(test: Any) -> Any:
    """Mark a test that compares with PyTorch."""
    skip = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
    return pytest.mark.parity(skip(test))


def leaf(data: Any, dtype: Any = tg.float64) -> tg.Tensor:
    """A tensor that requires a gradient."""
    return tg.tensor(data, dtype=dtype, requires_grad=True)


def plain(x: Any) -> np.ndarray:
    """The elements of a tensor of either library, whether it has a graph or not, or an array."""
    return np.asarray(x.detach() if hasattr(x, "detach") else x)
