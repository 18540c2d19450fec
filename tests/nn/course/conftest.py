"""The course's random numbers."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def draw():
    """NumPy's global stream after the course's seed; it is put back afterwards."""
    state = np.random.get_state()
    np.random.seed(231)
    yield np.random
    np.random.set_state(state)
