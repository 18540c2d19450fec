"""Strategies of hypothesis: shapes, tensors, operands that fit together, and networks.

    from hypothesis import given
    from tinygrad_edu.testing.strategies import tensors

    @given(tensors())
    def test_relu_twice_is_relu(x):
        assert tg.equal(tg.relu(tg.relu(x)), tg.relu(x))

Examples shrink to the smallest shape that fails and to the roundest numbers. By default tensors are
what gradients can be compared for: float64, requiring a gradient, all elements different and away
from the places where functions have kinks (see `values.py`). Needs hypothesis.
"""

from tinygrad_edu.testing.strategies.basic import *
from tinygrad_edu.testing.strategies.modules import *
from tinygrad_edu.testing.strategies.operands import *
