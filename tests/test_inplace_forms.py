"""Every op with a form `name_`: the form does what the op does, in place, for every row's cases."""

from __future__ import annotations

import numpy as np
import pytest
from op_table import ROWS, Case, Row

import tinygrad_edu as tg
from tinygrad_edu.op import OPS

try:
    import torch
except ImportError:
    torch = None

FORMS = [name for name, call in OPS.items() if getattr(call, "inplace", False)]


def fits(row: Row, one: Case) -> bool:
    """Whether the result can be stored in the first input."""
    values = row.values(one)
    if not isinstance(values[0], np.ndarray):
        return False
    (out,) = row.run([tg.from_numpy(x) if isinstance(x, np.ndarray) else x for x in values],
                     one.settings)  # fmt: skip
    return out.shape == values[0].shape and out.dtype.kind <= values[0].dtype.kind


CASES = [
    pytest.param(ROWS[name], one, id=f"{name}_-{one!r}")
    for name in FORMS
    for one in ROWS[name].family.cases
    if fits(ROWS[name], one)
]
every_case = pytest.mark.parametrize("row, one", CASES)


def test_every_form_is_tested():
    assert {param.values[0].name for param in CASES} == set(FORMS)


def tensors(row: Row, one: Case) -> list:
    """The inputs; the first one, if it can, is a leaf that requires a gradient."""
    inputs = [tg.tensor(x) if isinstance(x, np.ndarray) else x for x in row.values(one)]
    if inputs[0].is_floating_point():
        inputs[0].requires_grad_()
    return inputs


def in_place(row: Row, inputs: list, settings: dict) -> tg.Tensor:
    """Call the form as the row calls the op."""

    def form(target, *others, **known):
        return getattr(target, f"{row.name}_")(*others, **known)

    settings = {k: tg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    return row.call(form, *inputs, **settings)


@every_case
def test_same_values_and_gradients_as_out_of_place(row, one):
    first, *others = tensors(row, one)
    leaf = first.detach().clone()
    target = first.clone()
    array = target.array
    assert in_place(row, [target, *others], one.settings) is target
    assert target.array is array
    if first.requires_grad:
        leaf.requires_grad_()
    (expected,) = row.run([leaf, *others], one.settings)
    np.testing.assert_array_equal(target.detach(), expected.detach())
    assert target.requires_grad == expected.requires_grad
    if target.requires_grad:
        target.sum().backward()
        expected.sum().backward()
        np.testing.assert_allclose(first.grad, leaf.grad, rtol=1e-12)


@every_case
def test_a_leaf_is_written_without_recording(row, one):
    first, *others = tensors(row, one)
    with tg.no_grad():
        (expected,) = row.run([first.detach().clone(), *others], one.settings)
        before = first._version
        in_place(row, [first, *others], one.settings)
    np.testing.assert_array_equal(first.detach(), expected)
    assert first._version == before + 1
    assert first.is_leaf


@pytest.mark.parity
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@every_case
def test_pytorchs_form_does_the_same(row, one):
    if any(isinstance(x, float) for x in one.shapes) and row.name in TENSORS_ONLY:
        pytest.skip("PyTorch takes no number here")
    found, grad = written(row, one, tg.tensor)
    expected, wanted = written(row, one, torch.tensor)
    assert str(found.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), 1e-9, 1e-12)
    if grad is not None:
        np.testing.assert_allclose(grad.numpy(), wanted.numpy(), 1e-9, 1e-12)


TENSORS_ONLY = {"atan2", "logical_and", "logical_or", "logical_xor"}
WITHOUT_GRADIENT = {"floor_divide", "asinh", "acosh", "atanh"}  # the forms, in PyTorch


def written(row: Row, one: Case, tensor) -> tuple:
    """What a library's form leaves in the tensor, and the gradient of the leaf before it."""
    inputs = [tensor(x) if isinstance(x, np.ndarray) else x for x in row.values(one)]
    settings = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in one.settings.items()}
    first = inputs[0].requires_grad_(inputs[0].is_floating_point())
    target = first.clone()
    assert in_place(row, [target, *inputs[1:]], settings) is target
    if not target.requires_grad or row.name in WITHOUT_GRADIENT:
        return target, None
    target.sum().backward()
    return target, first.grad


def test_methods_of_two_names_have_two_forms():
    x = tg.tensor([4.0, -9.0])
    assert x.clone().absolute_().tolist() == [4, 9]
    assert x.clone().clip_(max=2).tolist() == [2, -9]
    assert x.clone().subtract_(1, alpha=2).tolist() == [2, -11]
    assert x.clone().divide_(2, rounding_mode="floor").tolist() == [2, -5]


def test_bernoulli():
    x = tg.ones(1000, dtype=tg.int64)
    generator = tg.Generator().manual_seed(0)
    assert x.bernoulli_(0.25, generator=generator) is x
    assert set(x.tolist()) == {0, 1} and 200 < x.sum().item() < 300
    assert tg.zeros(3).bernoulli_(tg.tensor([0.0, 1.0, 0.0])).tolist() == [0, 1, 0]
    with pytest.raises(RuntimeError, match=r"bernoulli_: .*expected probabilities, 0 to 1, got 2"):
        x.bernoulli_(2)
