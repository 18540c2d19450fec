"""How much faster the course's layers are than the loops they replace, on the documents' shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.worker import median_time
from tinygrad_edu.nn import course

CONV = {"stride": 2, "pad": 1}
POOL = {"pool_height": 2, "pool_width": 2, "stride": 2}


def inputs(images: int) -> dict[str, tuple]:
    """What the functions are called with."""
    rng = np.random.default_rng(0)
    x, filters = rng.standard_normal((images, 3, 31, 31)), rng.standard_normal((25, 3, 3, 3))
    return {
        "conv": (x, filters, np.ones(25), CONV),
        "max_pool": (rng.standard_normal((images, 3, 32, 32)), POOL),
    }


def steps(name: str, given: tuple, how: str) -> Iterator[tuple[str, Callable[[], Any], np.ndarray]]:
    """The forward and the backward of a layer, `how` "naive" or "fast", and a result of each."""
    forward = getattr(course, f"{name}_forward_{how}")
    backward = getattr(course, f"{name}_backward_{how}")
    out, cache = forward(*given)
    dout = np.random.default_rng(1).standard_normal(out.shape)
    grads = backward(dout, cache)
    yield f"{name} forward", lambda: forward(*given), out
    yield f"{name} backward", lambda: backward(dout, cache), grads[0] if name == "conv" else grads


def measure(images: int = 100, seconds: float = 0.5) -> dict[str, Any]:
    """Seconds by loops and fast: {"conv forward": {"naive": ..., "fast": ...}, ...}."""
    results: dict[str, Any] = {}
    for name, given in inputs(images).items():
        both = zip(steps(name, given, "naive"), steps(name, given, "fast"), strict=True)
        for (title, naive, expected), (_, fast, found) in both:
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
            times = median_time(naive, 0.0)[0], median_time(fast, seconds)[0]
            results[title] = dict(zip(("naive", "fast"), times, strict=True))
    return results
