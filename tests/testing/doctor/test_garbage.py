"""Whatever backward returns, the doctor reports it, and does not explain the unexplainable."""

from __future__ import annotations

import numpy as np
import pytest
from student_faults import PAIRS, draw, pair

from tinygrad_edu.testing import diagnose

GARBAGE = {
    "noise of one kind": (
        lambda g: np.random.default_rng(5).standard_normal(g.shape),
        {"unknown", "upstream-ignored"},
    ),
    "another shape": (lambda g: np.ones((*g.shape, 2)), {"shape"}),
    "an element missing": (lambda g: g.ravel()[:-1], {"shape"}),
    "not a number": (lambda g: np.full(g.shape, np.nan), {"precision"}),
    "one infinity": (lambda g: np.where(g == g.max(), np.inf, g), {"precision"}),
    "nothing": (lambda g: None, {"shape"}),
    "squares": (lambda g: g**2, {"unknown"}),
    "complex": (lambda g: 1j * g, {"shape"}),
    "their sum": (lambda g: float(g.sum()), {"sum-axis"}),
    "much too large": (lambda g: 1e200 * g, {"factor"}),
    "zeros": (np.zeros_like, {"missing-path"}),
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("name", ["affine", "relu", "layernorm", "attention"])
def test_garbage_is_reported(name, garbage):
    change, causes = GARBAGE[garbage]
    forward, backward = pair(name)

    def wrong(dout, cache):
        found = backward(dout, cache)
        found = list(found.values()) if isinstance(found, dict) else found
        return change(found) if isinstance(found, np.ndarray) else [change(g) for g in found]

    shapes, params = PAIRS[name]
    found = diagnose(forward, wrong, *draw(*shapes), **params)
    assert len(found.wrong) == len(shapes)
    assert set(found.causes.values()) <= causes, str(found)
