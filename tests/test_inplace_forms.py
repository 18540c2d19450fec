"""Every op with a form `name_`: the form does what the op does, in place, for every row's cases."""

from __future__ import annotations

import numpy as np
import pytest
from op_table import ROWS, Case, Row

import tinygrad_edu as tg
from tinygrad_edu.op import OPS

FORMS = [name for name, call in OPS.items() if hasattr(call, "op") and call.op.inplace]


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
