"""Writing by index in place, and writing to the parts of a tensor: what is recorded of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinygrad_edu as tg

GRID = tg.tensor([[0, 2], [1, 0]])  # for dim 1 of (2, 3)
ROWS = tg.tensor([1, 1, 0])
MASK = tg.tensor([[True, False, True], [False, True, False]])


def values(*shape, seed=0):
    return tg.from_numpy(np.random.default_rng(seed).uniform(0.5, 2, shape))


# --- forms in place -----------------------------------------------------------------------------

FORMS = {
    "scatter": ((1, GRID), (2, 2)),
    "scatter_add": ((1, GRID), (2, 2)),
    "index_add": ((0, ROWS), (3, 3)),
    "masked_fill": ((MASK,), ()),
}


@pytest.mark.parametrize("name", FORMS)
def test_in_place_is_the_same_as_out_of_place(name):
    """Values, and the gradients of the target and of the source, also of second order."""
    places, shape = FORMS[name]

    def out_of_place(x, source):
        y = x * x
        return getattr(y, name)(*places, source * source) * y.sum()

    def in_place(x, source):
        y = x * x
        total = y.sum()
        result = getattr(y, f"{name}_")(*places, source * source)
        assert result is y
        return y * total

    x, source = values(2, 3), values(*shape, seed=1)
    np.testing.assert_array_equal(in_place(x, source).numpy(), out_of_place(x, source).numpy())
    inputs = [v.clone().requires_grad_() for v in (x, source)]
    tg.gradcheck(in_place, inputs, raise_exception=True)
    tg.gradgradcheck(in_place, inputs, raise_exception=True)


@pytest.mark.parametrize("name", FORMS)
def test_a_leaf_that_wants_a_gradient_is_not_written(name):
    places, shape = FORMS[name]
    x = values(2, 3).requires_grad_()
    before = x.detach().numpy().copy()
    with pytest.raises(tg.GraphError, match=rf"^{name}_: a leaf that requires a gradient"):
        getattr(x, f"{name}_")(*places, values(*shape))
    np.testing.assert_array_equal(x.detach().numpy(), before)
    with tg.no_grad():
        getattr(x, f"{name}_")(*places, values(*shape))
    assert (x.detach().numpy() != before).any()


def test_numbers_in_place():
    x = tg.zeros(2, 3)
    assert x.scatter_(1, GRID, 2.0) is x
    np.testing.assert_array_equal(x.numpy(), [[2, 0, 2], [2, 2, 0]])
    x.masked_fill_(MASK, -1)
    np.testing.assert_array_equal(x.numpy(), [[-1, 0, -1], [2, -1, 0]])
    x.index_add_(0, ROWS, tg.ones(3, 3), alpha=2)
    np.testing.assert_array_equal(x.numpy(), [[1, 2, 1], [6, 3, 4]])
    np.testing.assert_array_equal(tg.eye(2).tril_(-1).numpy(), [[0, 0], [0, 0]])


def test_a_mask_larger_than_the_target_is_refused_in_place():
    x = tg.zeros(3)
    with pytest.raises(tg.ShapeError, match=r"masked_fill_: expected .*\(3,\), got \(2, 3\)"):
        x.masked_fill_(MASK, 1.0)
    np.testing.assert_array_equal(x.numpy(), [0, 0, 0])


def test_of_two_values_for_one_place_the_last_is_kept_and_alone_has_a_gradient():
    x, source = tg.zeros(2), tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x.scatter(0, tg.tensor([1, 1, 0]), source)
    y.backward(tg.tensor([10.0, 20.0]))
    np.testing.assert_array_equal(y.detach().numpy(), [3, 2])
    np.testing.assert_array_equal(source.grad.numpy(), [0, 20, 10])


def test_an_index_written_after_forward_is_noticed():
    x, index = tg.ones(3, requires_grad=True), tg.tensor([0, 2])
    y = x.index_select(0, index)
    index += 0
    with pytest.raises(tg.GraphError, match=r"index_select needs its argument 'index'"):
        y.sum().backward()


# --- parts --------------------------------------------------------------------------------------

PARTS = {
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(0, -1),
    "split": lambda x: x.split([1, 2], dim=1)[1],
    "chunk": lambda x: x.chunk(2, dim=1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "movedim": lambda x: x.movedim(0, 1)[1:],
    "diagonal": lambda x: x.diagonal(1),
    "unflatten": lambda x: x.unflatten(1, (3, 1))[0],
    "ravel": lambda x: x.ravel()[2:5],
}


@pytest.mark.parametrize("name", PARTS)
def test_a_write_to_a_part_is_a_write_to_the_whole(name):
    part = PARTS[name]
    x = tg.zeros(2, 3)
    assert np.shares_memory(part(x).numpy(), x.numpy())
    part(x).fill_(1.0)
    assert x.sum().item() == part(x).numel() > 0


@pytest.mark.parametrize("name", PARTS)
def test_a_write_to_a_part_is_recorded(name):
    part = PARTS[name]

    def function(x, factor):
        y = x * x
        part(y).mul_(factor)
        return y * y

    inputs = [values(2, 3).requires_grad_(), values(seed=1).requires_grad_()]
    tg.gradcheck(function, inputs, raise_exception=True)


@pytest.mark.parametrize(
    "copy",
    [
        lambda x: x.flip(0), lambda x: x.roll(0), lambda x: x.repeat(1, 1), lambda x: x.tile(1),
        lambda x: x.index_select(0, tg.tensor([0, 1])), lambda x: x[:, :2].diag(),
        lambda x: x.tril(5), lambda x: x.repeat_interleave(1, 0), lambda x: x[:, 0].ravel(),
    ],
)  # fmt: skip
def test_copies_share_no_memory(copy):
    x = tg.zeros(2, 3)
    assert not np.shares_memory(copy(x).numpy(), x.numpy())


# --- order --------------------------------------------------------------------------------------


@pytest.mark.parametrize("descending", [False, True])
def test_sorting_is_stable_and_nan_is_the_largest(descending):
    x = tg.tensor([1.0, float("nan"), 0.0, 1.0, 0.0, float("inf")])
    values, indices = x.sort(descending=descending)
    expected = [1, 5, 0, 3, 2, 4] if descending else [2, 4, 0, 3, 5, 1]
    assert indices.tolist() == expected == x.argsort(descending=descending).tolist()
    np.testing.assert_array_equal(values.numpy(), x.numpy()[expected])
    assert x.topk(2, largest=descending).indices.tolist() == expected[:2]


def test_every_nan_is_unique():
    assert len(tg.unique(tg.tensor([float("nan"), 1.0, float("nan")]))) == 3


def test_one_condition_alone_gives_places():
    rows, columns = tg.where(MASK)
    assert rows.tolist() == [0, 0, 1]
    assert columns.tolist() == [0, 2, 1]


# --- refused ------------------------------------------------------------------------------------

x = tg.zeros(2, 3)
REFUSED = {
    "gather: argument 'index': expected a tensor of int64 or int32, got float32":
        lambda: x.gather(1, x),
    "gather: argument 'index': expected 0 to 2, got 3 to 3": lambda: x.gather(1, GRID * 0 + 3),
    "index_select: argument 'index': expected 0 to 1, got -1 to -1":
        lambda: x.index_select(0, tg.tensor([-1])),
    "scatter: argument 'src': expected the input's dtype float32, got float64":
        lambda: x.scatter(1, GRID, values(2, 2)),
    "scatter: argument 'src': expected at least the shape of the index, (2, 2), got (2, 1)":
        lambda: x.scatter(1, GRID, tg.ones(2, 1)),
    "scatter: argument 'src': expected a Tensor or a number, got NoneType":
        lambda: x.scatter(1, GRID),
    "index_add: argument 'source': expected shape (3, 3)":
        lambda: x.index_add(0, ROWS, tg.ones(2, 3)),
    "masked_fill: argument 'mask': expected a bool tensor, got float32":
        lambda: x.masked_fill(x, 1.0),
    "masked_fill: argument 'value': expected a real number, got complex128":
        lambda: x.masked_fill(MASK, 1j),
    "split: argument 'split_size_or_sections': expected sizes that add up to 3":
        lambda: x.split([1, 1], dim=1),
    "narrow: expected start and length within size 3": lambda: x.narrow(1, 2, 2),
    "narrow: argument 'start': expected an integer, got bool":
        lambda: x.narrow(1, tg.tensor(True), 1),
    "topk: argument 'k': expected 0 to 3, got 4": lambda: x.topk(4),
    "one_hot: argument 'input': expected int64, got float32":
        lambda: tg.nn.functional.one_hot(x),
    "bincount: argument 'input': expected integers, got float32": lambda: tg.bincount(x),
    "meshgrid: expected tensors of one dtype, got float32 and int64":
        lambda: tg.meshgrid(x[0], ROWS),
    "diagonal: argument 'dim2': expected another dim than 'dim1'":
        lambda: x.diagonal(0, 1, 1),
    "repeat: argument 'repeats': expected a number for each dim of shape (2, 3), got (2,)":
        lambda: x.repeat(2),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message):
    with pytest.raises((ValueError, TypeError), match="^" + re.escape(message)):
        REFUSED[message]()
    assert not x.numpy().any()


# --- subscripts ---------------------------------------------------------------------------------

CUBE = np.arange(24.0).reshape(2, 3, 4)
# An integer beside arrays is taken first: it moves no dim of the result, as it would in NumPy.
MIXED = [
    ((1, slice(None), [0, 2]), CUBE[1][:, [0, 2]]),
    ((Ellipsis, [0, 2], None, -1), CUBE[..., -1][:, [0, 2], None]),
    ((0, None, [0, 2]), CUBE[0][None, [0, 2]]),
    ((-1, slice(0, 2), True), CUBE[-1][0:2, True]),
]


@pytest.mark.parametrize("index, expected", MIXED)
def test_integers_beside_arrays(index, expected):
    x = tg.from_numpy(CUBE)
    np.testing.assert_array_equal(x[index].numpy(), expected)

    def written(x, value):
        y = x * 1
        y[index] = value * value
        return (y * y)[index] + y.sum()

    value = values(*expected.shape).requires_grad_()
    tg.gradcheck(written, [x.clone().requires_grad_(), value], raise_exception=True)


@pytest.mark.parametrize("index", [[1, 0, 1, -1], [[0, 0], [-2, 1]], []], ids=repr)
def test_rows_read_twice_get_the_sum(index):
    x = values(2, 3).requires_grad_()
    weights = values(*np.shape(index), 3, seed=1)
    (x[index] * weights).sum().backward()
    expected = np.zeros((2, 3))
    for place, weight in zip(np.ravel(index), weights.numpy().reshape(-1, 3), strict=True):
        expected[int(place)] += weight
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-15)
