"""`F` is one door to the ops."""

from __future__ import annotations

import inspect

import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.op import OPS


@pytest.mark.parametrize("name", F.__all__)
def test_every_name_is_an_op_with_a_docstring(name):
    function = getattr(F, name)
    assert inspect.getdoc(function)
    assert name == "relu" or function is OPS[name]


def test_it_is_reached_in_both_ways():
    assert tg.nn.functional is F


def test_relu_is_the_op_unless_in_place():
    x = tg.tensor([-1.0, 0.0, 3.0], requires_grad=True)
    y = F.relu(x)
    assert y.tolist() == tg.relu(x).tolist() == [0, 0, 3]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 1]
