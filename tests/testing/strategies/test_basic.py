"""Shapes, tensors, dims and indices, each on an op and against NumPy; and what they shrink to."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from drawing import is_drawn, smallest
from hypothesis import given

import tinygrad_edu as tg
from tinygrad_edu.errors import SettingError
from tinygrad_edu.testing.strategies import axes, broadcastable_tensors, indices, shapes, tensors

# --- shapes and tensors -------------------------------------------------------------------------


@given(shapes(min_side=0, max_side=4))
def test_shapes_reshape(shape):
    assert tg.zeros(shape).flatten().reshape(shape).shape == shape


@given(tensors())
def test_tensors_are_ready_for_gradients(x):
    assert x.dtype == tg.float64 and x.requires_grad and x.is_leaf and x.is_contiguous()
    values = x.detach().numpy()
    assert np.unique(values).size == values.size >= 1
    assert np.abs(2 * values - np.round(2 * values)).min() >= 1 / 8
    assert tg.gradcheck(lambda x: tg.round(x) + tg.relu(x) + tg.amax(x), x)


@given(tensors(ties=True, strided=True, empty=True))
def test_tensors_of_every_kind_sort_as_in_numpy(x):
    expected = np.sort(np.atleast_1d(x.detach().numpy())).reshape(x.shape)
    np.testing.assert_array_equal(tg.sort(x, dim=-1).values.detach().numpy(), expected)


@given(tensors(strided=True))
def test_a_copy_of_strided_memory_has_the_same_elements(x):
    assert type(x.array) is np.ndarray and x.array.flags.writeable
    assert x.contiguous().is_contiguous() and tg.equal(x.contiguous(), x)


@given(tensors(dtype=st.sampled_from([tg.float16, tg.float32, tg.int8, tg.uint8, tg.bool])))
def test_dtypes_are_kept_by_a_copy(x):
    assert x.requires_grad == x.is_floating_point()
    assert x.clone().dtype == x.dtype and tg.equal(x.clone(), x)


@given(tensors((2, 3), requires_grad=False, min_value=0.5, max_value=0.75))
def test_ranges_and_constants(x):
    assert x.shape == (2, 3) and not x.requires_grad
    assert ((x > 0.5) & (x <= 0.75)).all()


@pytest.mark.parametrize(
    "strategy, condition",
    [
        (tensors(ties=True), lambda x: bool((x == 0).any()) and x.numel() > 1),
        (tensors(ties=True), lambda x: tg.unique(x.detach()).numel() < x.numel()),
        (tensors(strided=True), lambda x: min(x.stride(), default=1) < 0),
        (tensors(strided=True), lambda x: x.stride() and not x.is_contiguous() and x.ndim == 3),
        (tensors(empty=True), lambda x: x.numel() == 0),
        (tensors(max_value=10), lambda x: bool((x > 9).any())),
        (tensors(dtype=tg.int64, min_value=-9), lambda x: bool((x < -8).any())),
        (tensors(5), lambda x: x.shape == (5,)),
    ],
)
def test_what_is_promised_is_drawn(strategy, condition):
    assert is_drawn(strategy, condition)


@pytest.mark.parametrize("option", [{}, {"ties": True}])
def test_what_is_not_asked_for_is_not_drawn(option):
    def other(x):
        return x.numel() == 0 or not x.is_contiguous()

    assert not is_drawn(tensors(**option), other, 200)


def test_tensors_shrink_to_small_shapes_and_round_numbers():
    assert smallest(tensors()).tolist() == 0.25
    assert smallest(tensors(), lambda x: x.ndim == 2).tolist() == [[0.25]]
    assert smallest(tensors(), lambda x: bool((x < -1).any())).tolist() == -1.25
    assert smallest(tensors(), lambda x: x.shape == (3,)).tolist() == [0.25, 0.125, 0.375]
    assert smallest(tensors(ties=True), lambda x: x.shape == (2,)).tolist() == [0.0, 0.0]
    assert smallest(tensors(strided=True), lambda x: x.ndim == 2).is_contiguous()


def test_a_range_without_numbers_is_refused():
    with pytest.raises(SettingError, match="expected a number above min_value = 2, got 1"):
        smallest(tensors(min_value=2, max_value=1))


# --- broadcasting -------------------------------------------------------------------------------


@given(broadcastable_tensors(empty=True))
def test_a_product_broadcasts_as_in_numpy(pair):
    a, b = pair
    expected = a.detach().numpy() * b.detach().numpy()
    np.testing.assert_array_equal((a * b).detach().numpy(), expected)


@given(broadcastable_tensors(3))
def test_broadcastable_tensors_have_no_ties_among_them(parts):
    assert np.unique(np.concatenate([p.detach().numpy().ravel() for p in parts])).size == sum(
        p.numel() for p in parts
    )


def test_broadcastable_tensors_take_the_options_of_tensors():
    a, b = smallest(broadcastable_tensors(dtype=tg.float32, ties=True, requires_grad=False))
    assert (a.tolist(), b.tolist(), a.dtype, a.requires_grad) == (0, 0, tg.float32, False)


# --- dims and indices ---------------------------------------------------------------------------


@given(st.data())
def test_sums_over_drawn_dims_are_numpys(data):
    x = data.draw(tensors(empty=True))
    dim = data.draw(axes(x, none=True))
    if x.ndim:  # NumPy knows no dim of a number
        np.testing.assert_array_equal(x.sum(dim).detach().numpy(), x.detach().numpy().sum(dim))
    else:
        assert x.sum(dim).shape == ()


def test_axes_are_all_of_them():
    wanted = {0, 1, -1, -2, None, (0,), (1,), (-1, -2), (0, 1), (1, 0)}
    for dim in wanted:
        assert is_drawn(axes((4, 4), none=True), lambda found, dim=dim: found == dim)
    for options in ({"several": False}, {}):
        assert type(smallest(axes(2, **options))) is int
    assert not is_drawn(axes(3, several=False), lambda dim: not isinstance(dim, int))


@given(st.data())
def test_reading_at_drawn_indices_is_numpys(data):
    x = data.draw(tensors(empty=True))
    index = data.draw(indices(x))
    np.testing.assert_array_equal(x[index].detach().numpy(), x.detach().numpy()[plain(index)])


@given(st.data())
def test_the_gradient_of_reading_counts_the_reads(data):
    x = data.draw(tensors())
    index = data.draw(indices(x.shape))
    x[index].sum().backward()
    counts = np.zeros(x.shape)
    np.add.at(counts, plain(index), 1)
    np.testing.assert_array_equal(x.grad.numpy(), counts)


def plain(index):
    if isinstance(index, tuple):
        return tuple(map(plain, index))
    return index.numpy() if isinstance(index, tg.Tensor) else index


@pytest.mark.parametrize(
    "condition",
    [
        lambda i: isinstance(i, tg.Tensor) and i.dtype == tg.bool and i.ndim == 2,
        lambda i: isinstance(i, tuple) and isinstance(i[-1], tg.Tensor) and len(i) == 2,
        lambda i: isinstance(i, tuple) and any(isinstance(p, slice) and p.step == 2 for p in i),
        lambda i: isinstance(i, tuple) and None in [p for p in i if p is None],
        lambda i: isinstance(i, tuple) and any(part is Ellipsis for part in i),
        lambda i: isinstance(i, tuple) and isinstance(i[0], tg.Tensor) and bool((i[0] < 0).any()),
    ],
)
def test_every_kind_of_index_is_drawn(condition):
    assert is_drawn(indices((5, 3)), condition)
