"""Parameters: tensors that know that they are to be learned."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


def test_is_a_tensor_that_requires_a_gradient():
    p = nn.Parameter(tg.ones(2))
    assert isinstance(p, tg.Tensor)
    assert p.requires_grad and p.is_leaf
    assert not nn.Parameter(tg.ones(2), requires_grad=False).requires_grad


def test_shares_the_memory_of_its_data():
    data = tg.zeros(3)
    p = nn.Parameter(data)
    data[0] = 5
    assert p.tolist() == [5, 0, 0]
    assert not data.requires_grad


def test_of_a_tensor_with_a_graph_is_a_leaf():
    x = tg.ones(2, requires_grad=True)
    p = nn.Parameter(x * 2)
    assert p.is_leaf
    (p * p).sum().backward()
    assert x.grad is None
    assert p.grad.tolist() == [4, 4]


def test_without_data_is_empty():
    assert nn.Parameter().shape == (0,)
    assert nn.Parameter().dtype == tg.get_default_dtype()


def test_operations_and_detach_give_plain_tensors():
    p = nn.Parameter(tg.ones(2, 2))
    for made in (p * 2, p @ p, p.sum(), p[0], p.detach(), p.clone()):
        assert type(made) is tg.Tensor


def test_in_place_writes_keep_it_a_parameter():
    p = nn.Parameter(tg.ones(2))
    before = p
    with tg.no_grad():
        p += 1
    assert p is before and isinstance(p, nn.Parameter) and p.is_leaf
    assert p.tolist() == [2, 2]


def test_repr():
    assert repr(nn.Parameter(tg.tensor([1.5]))) == (
        "Parameter containing:\ntensor([1.5000], requires_grad=True)"
    )
    frozen = nn.Parameter(tg.tensor([1.0], dtype=tg.float64), requires_grad=False)
    assert repr(frozen) == "Parameter containing:\ntensor([1.], dtype=float64)"


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_are_parameters_of_their_own(copied, requires_grad):
    p = nn.Parameter(tg.tensor([1.0, 2.0]), requires_grad)
    q = copied(p)
    assert type(q) is nn.Parameter and q.requires_grad is requires_grad
    with tg.no_grad():
        q[0] = 7
    assert p.tolist() == [1, 2]


def test_deepcopy_leaves_the_gradient_behind_and_keeps_what_is_shared():
    p = nn.Parameter(tg.ones(2))
    p.sum().backward()
    q, r = copy.deepcopy([p, p])
    assert q is r and q.grad is None


@pytest.mark.parametrize("data", [[1.0], np.zeros(2), 3.0])
def test_refuses_what_is_no_tensor(data):
    with pytest.raises(tg.DTypeError, match=r"Parameter: argument 'data': expected a Tensor, got"):
        nn.Parameter(data)


def test_refuses_integers_unless_frozen():
    with pytest.raises(tg.DTypeError, match=r"only floating-point tensors have gradients"):
        nn.Parameter(tg.tensor([1]))
    assert nn.Parameter(tg.tensor([1]), requires_grad=False).dtype == tg.int64
