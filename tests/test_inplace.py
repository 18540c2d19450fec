"""Writes in place: the forms, what is recorded for views and bases, what is refused."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from tensors import LIBRARIES, leaf, parity, plain, torch

import tinygrad_edu as tg
from tinygrad_edu.errors import DimensionError, DTypeError, GraphError, ShapeError

# --- random programs of views and writes --------------------------------------------------------
# A program is a list of steps (name, a, b, k): the named line below is run with t and o, the a-th
# and b-th of the tensors there are, and the number k. What it returns becomes a tensor of its own.

VIEWS = {
    "t[i]": lambda m, t, o, k: t[k % len(t)],
    "t[:, i]": lambda m, t, o, k: t[:, k % t.shape[1]],
    "t[i:]": lambda m, t, o, k: t[k % 2 :],
    "t[::2]": lambda m, t, o, k: t[..., :: 1 + k % 2],
    "t[None]": lambda m, t, o, k: t[..., None] if k % 2 else t[None],
    "t[...]": lambda m, t, o, k: t[...],
    "t[tensor]": lambda m, t, o, k: t[m.tensor(0)],
    "transpose": lambda m, t, o, k: t.transpose(0, -1),
    "permute": lambda m, t, o, k: t.permute(*range(k % 2, t.ndim), *range(k % 2)),
    "transpose last": lambda m, t, o, k: t.transpose(-2, -1),
    "reshape": lambda m, t, o, k: t.reshape(-1),  # a copy if t is not contiguous
    "reshape to": lambda m, t, o, k: t.reshape(3, -1),
    "view": lambda m, t, o, k: t.view(-1),
    "flatten": lambda m, t, o, k: t.flatten(k % 2),
    "squeeze": lambda m, t, o, k: t.squeeze(),
    "unsqueeze": lambda m, t, o, k: t.unsqueeze(k % 2),
    "expand": lambda m, t, o, k: t.expand(1 + k % 2, *t.shape),
    "view_as": lambda m, t, o, k: t.view_as(t),
    "contiguous": lambda m, t, o, k: t.contiguous(),
}


def ends(t):
    """The first place and the last; one place is named once."""
    return [0, -1][: min(t.shape)]


RESULTS = {
    "t * 1.5": lambda m, t, o, k: t * 1.5,
    "t * o": lambda m, t, o, k: t * o,
    "t + o": lambda m, t, o, k: t + o,
    "tanh": lambda m, t, o, k: t.tanh(),
    "sum": lambda m, t, o, k: t.sum(0) * 0.5,
    "t[list]": lambda m, t, o, k: t[[0, 0] if k % 2 else [0]],
    "clone": lambda m, t, o, k: t.clone(),
    "cat": lambda m, t, o, k: m.stack([t, o], k % 2),
}
WRITES = {
    "mul_ number": lambda m, t, o, k: t.mul_(1.5),
    "add_": lambda m, t, o, k: t.add_(o),
    "mul_": lambda m, t, o, k: t.mul_(o),
    "tanh_": lambda m, t, o, k: t.tanh_(),
    "sigmoid_": lambda m, t, o, k: t.sigmoid_(),
    "relu_": lambda m, t, o, k: t.relu_(),
    "clamp_": lambda m, t, o, k: t.clamp_(-0.61, max=0.73),
    "copy_": lambda m, t, o, k: t.copy_(o),
    "copy_ itself": lambda m, t, o, k: t.copy_(t.transpose(0, -1)),
    "zero_": lambda m, t, o, k: t.zero_(),
    "fill_": lambda m, t, o, k: t.fill_(0.5 if k % 2 else o.sum()),
    "t[i] = o": lambda m, t, o, k: t.__setitem__(k % 2, o),
    "t[:, i] = o": lambda m, t, o, k: t.__setitem__((slice(None), k % 2), o),
    "t[...] = o": lambda m, t, o, k: t.__setitem__(..., o),
    "t[i:] = number": lambda m, t, o, k: t.__setitem__((..., slice(1, None)), 0.25 * k),
    "t[list] = o": lambda m, t, o, k: t.__setitem__(ends(t), o),
    "t[list, list] = o": lambda m, t, o, k: t.__setitem__((ends(t), ends(t)[::-1]), o),
    "t[mask] = number": lambda m, t, o, k: t.__setitem__(t > 0.4123456, 0.3),
    "t[tensor] = o": lambda m, t, o, k: t.__setitem__(m.tensor(0), o),
}


def augmented(operator):
    def write(m, t, o, k):
        values = {"t": t, "o": o}
        exec(f"t {operator}", {}, values)
        assert values["t"] is t

    return write


WRITES |= {o: augmented(o) for o in ("+= o", "-= o", "*= o", "/= 2.0", "**= 2", "-= t", "*= t")}


def without_grad(write):
    def run(m, t, o, k):
        with m.no_grad():
            write(m, t, o, k)

    return run


CONSTANT = {
    "no_grad mul_": without_grad(lambda m, t, o, k: t.mul_(1.25)),
    "no_grad set": without_grad(lambda m, t, o, k: t.__setitem__(0, 0.7)),
    "detach": lambda m, t, o, k: t.detach(),
    "detached clone": lambda m, t, o, k: t.clone().detach(),
}
SMOOTH = {**VIEWS, **RESULTS, **WRITES}
ALL = {**SMOOTH, **CONSTANT}
numbers = st.integers(0, 99)


def programs(steps):
    step = st.tuples(st.sampled_from(sorted(steps)), numbers, numbers, numbers)
    return st.lists(step, min_size=1, max_size=14)


REFUSED = (RuntimeError, IndexError, TypeError, ValueError)


def start(m, move=(0, 0)):
    """Two leaves, a buffer that wants no gradient, and something that was computed."""
    x = np.array([[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]]) + move[0]
    w = np.array([0.5, -0.25, 0.75]) + move[1]
    x, w = (m.tensor(a, dtype=m.float64, requires_grad=True) for a in (x, w))
    return [x, w, m.zeros(2, 3, dtype=m.float64), x * 1.0]


def run(m, tensors, step):
    """Run one step; return the error if there was one."""
    name, a, b, k = step
    try:
        made = ALL[name](m, tensors[a % len(tensors)], tensors[b % len(tensors)], k)
    except REFUSED as error:
        return error
    if name not in WRITES and made is not None:
        tensors.append(made)
    return None


def is_overlapping(tensors, step):
    """Whether a step writes to memory that it reads as another tensor."""
    name, a, b, _ = step
    t, o = tensors[a % len(tensors)], tensors[b % len(tensors)]
    apart = t is o or not np.shares_memory(t.array, o.array)
    return name == "copy_ itself" or (name in WRITES and not apart)


def loss_of(tensors):
    total = 0
    for i, t in enumerate(tensors):
        if t.requires_grad:
            total = total + (t * t * (0.1 + i)).sum()
    return total


def backward_of(tensors):
    """Walk back from the loss; return the error if a saved value was overwritten."""
    try:
        loss_of(tensors).backward()
    except RuntimeError as error:
        return error
    return None


@parity
@pytest.mark.filterwarnings("ignore:Use of .* on expanded tensors is deprecated")
@settings(max_examples=300)
@given(programs(ALL))
def test_random_programs_as_pytorch(program):
    ours, theirs = start(tg), start(torch)
    for step in program:
        if is_overlapping(ours, step):
            return  # PyTorch does not define what comes out
        mine, other = run(tg, ours, step), run(torch, theirs, step)
        if mine is not None and other is None:
            # Here an expanded tensor is never written; PyTorch writes where elements do not meet.
            assert "memory that cannot be written" in str(mine), (step, mine)
            return
        if mine is None and other is not None:
            return  # what PyTorch alone refuses has a meaning here, which the next test checks
        for t, u in zip(ours, theirs, strict=True):
            assert t.shape == tuple(u.shape)
            assert t.requires_grad == u.requires_grad, step
            np.testing.assert_allclose(plain(t), plain(u), rtol=1e-9, atol=1e-12)
    mine, other = (backward_of(tensors) for tensors in (ours, theirs))
    assert mine is None or other is not None, mine
    if other is None:
        for t, u in zip(ours[:2], theirs[:2], strict=True):
            assert (t.grad is None) == (u.grad is None)
            if t.grad is not None:
                np.testing.assert_allclose(t.grad, u.grad.numpy(), rtol=1e-9, atol=1e-9)


@settings(max_examples=300)
@given(programs(SMOOTH), st.integers(0, 2**32 - 1))
def test_gradients_of_random_programs_are_the_numerical_ones(program, seed):
    """Whatever was written where: backward gives the slope, or says that it cannot."""

    def loss(h):
        tensors = start(tg, (h * dx, h * dw))
        for step in program:
            run(tg, tensors, step)
        return loss_of(tensors), tensors

    rng = np.random.default_rng(seed)
    dx, dw = rng.standard_normal((2, 3)), rng.standard_normal(3)
    value, (x, w, *_) = loss(0.0)
    try:
        value.backward()
    except GraphError:
        return
    slope = sum((t.grad.numpy() * d).sum() for t, d in ((x, dx), (w, dw)) if t.grad is not None)
    h = 1e-6
    numerical = (loss(h)[0].item() - loss(-h)[0].item()) / (2 * h)
    scale = max(1, abs(slope), abs(numerical))
    assert abs(slope - numerical) <= 1e-5 * scale + 1e-9 * abs(value.item())


@settings(max_examples=60)
@given(programs(SMOOTH), st.integers(0, 2**32 - 1))
def test_second_gradients_of_random_programs(program, seed):
    """Along a random direction the slope of the gradient is that of the recorded gradient."""
    rng = np.random.default_rng(seed)
    dx, dw = rng.standard_normal((2, 3)), rng.standard_normal(3)

    def slope(h):
        tensors = start(tg, (h * dx, h * dw))
        for step in program:
            run(tg, tensors, step)
        inputs = tensors[:2]
        try:
            grads = tg.autograd.grad(
                loss_of(tensors), inputs, create_graph=True, materialize_grads=True
            )
        except GraphError:
            return None, None
        total = sum((g * tg.tensor(d)).sum() for g, d in zip(grads, (dx, dw), strict=True))
        if not total.requires_grad:
            return total.item(), 0.0
        second = tg.autograd.grad(total, inputs, materialize_grads=True)
        along = sum((g.numpy() * d).sum() for g, d in zip(second, (dx, dw), strict=True))
        return total.item(), along

    value, second = slope(0.0)
    if value is None:
        return
    h = 1e-5
    numerical = (slope(h)[0] - slope(-h)[0]) / (2 * h)
    scale = max(1, abs(second), abs(numerical))
    assert abs(second - numerical) <= 1e-4 * scale + 1e-8 * abs(value)


# --- the forms ----------------------------------------------------------------------------------


def test_operators_write_into_the_tensor():
    x = tg.tensor([1.0, 2.0])
    same, array = x, x.array
    x += 1
    x -= tg.tensor([0.5, 0.5])
    x *= np.array([2.0, 2.0], np.float32)
    x /= 3
    x **= 2
    assert x is same
    assert x.array is array
    np.testing.assert_allclose(x, [1.0, 25 / 9], rtol=1e-6)


def test_a_form_of_a_user_does_not_appear_on_tensors():
    @tg.op(inplace=True)
    def shifted(input, /):
        return input + 1

    assert not hasattr(tg.ones(1), "shifted_")


def test_direct_and_general_route_agree():
    """Like operands are added in the memory itself; everything else by way of a result."""
    for other in (2.0, np.full(3, 2.0), np.full((), 2.0), np.float32(2), tg.full((1,), 2.0)):
        for dtype in (tg.float32, tg.float64):
            x = tg.tensor([1.0, 2.0, 3.0], dtype=dtype)
            assert x.add_(other).tolist() == [3, 4, 5]
            assert x.dtype == dtype
    x = tg.tensor([1.0, 2.0, 3.0, 4.0])
    x[1:].add_(x[:-1])  # overlapping memory
    assert x.tolist() == [1, 3, 5, 7]


# --- views and bases ----------------------------------------------------------------------------


def test_a_view_is_written_and_the_base_knows():
    x = leaf([1.0, 2.0, 3.0])
    base = x * 1
    base[1:].mul_(10)
    base.sum().backward()
    assert base.tolist() == [1, 20, 30]
    assert x.grad.tolist() == [1, 10, 10]


def test_the_base_is_written_and_an_older_view_knows():
    x = leaf([1.0, 2.0, 3.0])
    base = x * 1
    view = base[1:]
    base.mul_(10)
    view.sum().backward()
    assert view.tolist() == [20, 30]
    assert x.grad.tolist() == [0, 10, 10]


def test_views_of_one_base_know_of_each_other():
    x = leaf(np.arange(6.0).reshape(2, 3))
    base = x * 1
    rows, column, flat = base[0], base.T[1], base.view(6)
    rows *= 2
    column += rows[1]
    flat[4] *= 100
    (base.sum() + flat.sum()).backward()
    # base[0] = 2 x[0]; then 2 x01 is added to column 1; then base[1,1] is multiplied by 100
    assert base.tolist() == [[0, 4, 4], [3, 600, 5]]
    assert x.grad.tolist() == [[4, 2 * (4 + 200), 4], [2, 200, 2]]


def test_a_chain_of_views():
    x = leaf(np.arange(24.0).reshape(2, 3, 4))
    base = x * 1
    view = base.transpose(0, 2)[1:].unsqueeze(0)[:, :, 1].squeeze(0)
    view.zero_()
    (base * 2).sum().backward()
    inside = np.zeros((2, 3, 4), bool)
    inside.transpose(2, 1, 0)[1:, 1] = True
    np.testing.assert_array_equal(x.grad, np.where(inside, 0, 2))
    np.testing.assert_array_equal(plain(base), np.where(inside, 0, plain(x)))


def test_a_base_whose_memory_is_not_in_row_major_order():
    """The gradient arrives in another order than the base was viewed in."""
    x = leaf(np.arange(6.0).reshape(2, 3))
    base = x.T * 1  # column-major
    assert not base.is_contiguous()
    flat = base.T.view(-1)
    flat[:2] *= 5
    (base * tg.arange(6.0, dtype=tg.float64).reshape(3, 2)).sum().backward()
    assert x.grad.tolist() == [[0, 10, 4], [1, 3, 5]]


def test_reshape_of_what_is_not_contiguous_is_a_copy():
    x = leaf(np.arange(6.0).reshape(2, 3))
    base = x * 1
    copy = base.T.reshape(-1)
    copy.zero_()
    base.sum().backward()
    assert x.grad.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_single_elements_and_rows_are_views():
    x = tg.zeros(2, 3)
    x[0, 1].add_(5)
    for row in x:
        row += 1
    x[tg.tensor(1)][np.int64(0)] = 7
    element = x[1, 2]
    element *= 3
    assert x.tolist() == [[1, 6, 1], [7, 1, 3]]


def test_a_buffer_takes_gradients_from_what_is_written_into_it():
    w = leaf(2.0)
    buffer = tg.zeros(3, dtype=tg.float64)
    buffer[0] = w
    buffer[1] = buffer[0].clone() * w
    buffer[2:] += buffer[1].clone() * w
    buffer.sum().backward()
    assert buffer.tolist() == [2, 4, 8]
    assert w.grad.item() == 1 + 2 * 2 + 3 * 4
    assert not buffer.is_leaf
    assert buffer.grad_fn is not None


def test_a_view_made_before_the_buffer_was_written():
    w, buffer = leaf([1.0, 2.0]), tg.zeros(2, 2, dtype=tg.float64)
    row, flat = buffer[1], buffer.view(-1)
    buffer[1] = w
    assert row.requires_grad
    (row * row).sum().backward()
    assert w.grad.tolist() == [2, 4]
    w.grad = None
    (flat * tg.arange(4)).sum().backward()
    assert w.grad.tolist() == [2, 3]


def test_a_view_that_is_written_with_something_recorded_makes_its_base_recorded():
    w, base = leaf([1.0, 2.0]), tg.zeros(3, dtype=tg.float64)
    base[1:].copy_(w)
    assert base.requires_grad
    (base * base).sum().backward()
    assert w.grad.tolist() == [2, 4]


def test_what_was_overwritten_gets_no_gradient():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = x * 1
    y.copy_(w)
    y.sqrt().sum().backward()
    assert x.grad.tolist() == [0, 0]
    np.testing.assert_allclose(w.grad, 0.5 / np.sqrt([3, 4]))


@pytest.mark.parametrize("write", [lambda y, w: y.copy_(w), lambda y, w: y.fill_(w[0])])
def test_an_infinite_gradient_does_not_pass_what_was_overwritten(write):
    x, w = leaf([1.0, 2.0]), leaf([0.0, 0.0])
    y = x * 1
    write(y, w)
    y.sqrt().sum().backward()
    assert x.grad.tolist() == [0, 0]
    assert np.isinf(w.grad.array[0])
    x.grad = None
    for part in (lambda y: y, lambda y: y[...], lambda y: y.view(2, 1)):
        y = x * 1
        part(y)[:] = 0.0
        y.sqrt().sum().backward()
        assert x.grad.tolist() == [0, 0]


@pytest.mark.parametrize(
    "same",
    [
        lambda x: x.squeeze(), lambda x: x.reshape(2, 3), lambda x: x.view(2, 3), lambda x: x[:],
        lambda x: x.flatten(1), lambda x: x.permute(0, 1), lambda x: x.expand(2, 3),
        lambda x: x.transpose(0, 0), lambda x: x.view_as(x), lambda x: x[...],
    ],
)  # fmt: skip
def test_a_view_of_everything(same):
    x = leaf(A[:2, :3])
    base = x * 1
    view = same(base)
    base.mul_(2)
    view.add_(x)
    (view * base).sum().backward()
    assert np.shares_memory(view.array, base.array)
    np.testing.assert_array_equal(x.grad, 18 * A[:2, :3])


def test_dead_views_are_forgotten():
    base = leaf(np.zeros(4)) * 1
    views = [base[:2] for _ in range(3)]
    for _ in range(1000):
        base[1:]
    assert len(base.alias) < 70
    base.add_(1)
    assert all(view.tolist() == [1, 1] for view in views)


# --- indices and values -------------------------------------------------------------------------

A = np.arange(12.0).reshape(3, 4)
MASK = A % 5 > 2
PLACES = {
    "int": 1,
    "negative": -1,
    "slice": slice(1, None),
    "step": (slice(None), slice(0, None, 2)),
    "ellipsis": (..., 1),
    "None": (None, 1),
    "all": ...,
    "element": (2, 3),
    "list": [0, 2],
    "repeated": [1, 1],
    "lists": ([0, 2], [1, 3]),
    "grid": ([[0], [2]], [1, 3]),
    "mask": MASK,
    "row mask": np.array([True, False, True]),
    "mask and slice": (slice(None), np.array([True, False, True, True])),
    "list and slice": ([0, 2], slice(1, 3)),
    "empty": [],
    "nothing": slice(0, 0),
}


def tensored(m, index):
    """The index with tensors of a library in place of lists and arrays."""
    if isinstance(index, tuple):
        return tuple(tensored(m, part) for part in index)
    if isinstance(index, (list, np.ndarray)):
        return m.tensor(index, dtype=m.bool if np.asarray(index).dtype == bool else m.int64)
    return index


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", ["number", "one", "fitting", "last dim", "spare dim"])
def test_setitem_as_numpy(m, place, value):
    """One test for both libraries: PyTorch must pass it where it is installed."""
    index, expected = PLACES[place], A.copy()
    spot = A[index]
    shape = {
        "number": None, "one": (), "fitting": spot.shape, "last dim": spot.shape[-1:],
        "spare dim": (1, *spot.shape),
    }[value]  # fmt: skip
    if value == "spare dim" and m is not tg and 0 in spot.shape:
        return  # PyTorch refuses the spare dim if there is nothing to write
    new = 7.5 if shape is None else np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    if place == "repeated" and np.ndim(new) > 1:
        new = np.broadcast_to(new[..., :1, :], shape)  # which of two values stays is not defined
    expected[index] = new[0] if value == "spare dim" else new
    x = m.tensor(A, dtype=m.float64, requires_grad=True)
    v = m.tensor(np.array(new), dtype=m.float64, requires_grad=True)
    for way in (index, tensored(m, index)):
        y = x * 1
        y[way] = 7.5 if shape is None else v
        np.testing.assert_array_equal(plain(y), expected)
    x.grad = v.grad = None
    (y * y).sum().backward()
    untouched = np.ones_like(A)
    untouched[index] = 0
    np.testing.assert_array_equal(plain(x.grad), 2 * A * untouched)
    if shape is not None:
        count = max(1, np.size(spot)) / max(1, np.size(new)) if np.size(spot) else 0
        np.testing.assert_allclose(plain(v.grad), 2 * new * count)


def test_values_of_other_kinds():
    x = tg.zeros(2, 3)
    x[0] = [1, 2, 3]
    x[1] = (True, 0, np.float64(2.5))
    x[0, 0] = tg.tensor(9)
    x[:, 2] = np.array([7, 8])
    assert x.tolist() == [[9, 2, 7], [1, 0, 8]]
    assert x.dtype == tg.float32
    for bad, kind in ((None, "NoneType"), ("3", "str"), (1j, "complex"), (object(), "object")):
        with pytest.raises(DTypeError, match=f"setitem: argument 'value'.*got {kind}"):
            x[0] = bad
    assert x.tolist() == [[9, 2, 7], [1, 0, 8]]


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_floats_into_integers_lose_their_fraction(m):
    x = m.zeros(4, dtype=m.int64)
    x[0] = 1.9
    x[1] = m.tensor(-2.9)
    x[2] = True
    x[3:].copy_(m.tensor([3.7]))
    assert x.tolist() == [1, -2, 1, 3]


def test_a_value_of_another_float_dtype():
    x, w = tg.zeros(3, requires_grad=True), leaf([1.0, 2.0])
    y = x * 1
    y[1:] = w
    y.sum().backward()
    assert y.dtype == tg.float32
    assert w.grad.dtype == tg.float64
    assert w.grad.tolist() == [1, 1]


def test_errors_of_setitem_change_nothing():
    x = leaf(A)
    y = x * 1
    version = y._version
    for index, value, error, message in [
        (5, 1.0, DimensionError, "setitem: index 5 is out of bounds"),
        (([0, 9],), 1.0, DimensionError, "setitem: index 9 is out of bounds"),
        ((0, 0, 0), 1.0, DimensionError, "setitem: too many indices"),
        (0, tg.ones(3), ShapeError, "setitem"),
        (slice(None, None, -1), 1.0, DimensionError, "positive step, got step -1; use flip"),
        ([0.5], 1.0, DTypeError, "index: expected integers"),
        (np.ones(3, bool)[:2], 1.0, DimensionError, "setitem: boolean index did not match"),
    ]:
        with pytest.raises(error, match=message):
            y[index] = value
    assert y._version == version
    assert y.tolist() == A.tolist()
    y.sum().backward()
    assert x.grad.tolist() == np.ones((3, 4)).tolist()


# --- dtypes and shapes --------------------------------------------------------------------------


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
@pytest.mark.parametrize(
    "dtype, value",
    [("int64", 1.5), ("int64", "float"), ("bool", 1), ("bool", "int"), ("uint8", 0.5)],
)
def test_a_result_of_a_higher_kind_is_refused(m, dtype, value):
    x = m.ones(2, dtype=getattr(m, dtype))
    other = {"float": m.ones(2), "int": m.ones(2, dtype=m.int64)}.get(value, value)
    with pytest.raises(RuntimeError, match=r"cannot be stored|can't be cast"):
        x.add_(other)
    with pytest.raises(RuntimeError, match=r"cannot be stored|can't be cast"):
        x /= 2
    assert x.tolist() == m.ones(2, dtype=getattr(m, dtype)).tolist()


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_a_result_of_another_width_is_stored(m):
    x = m.ones(2, dtype=m.float32)
    x.add_(m.ones(2, dtype=m.float64))
    x *= m.tensor([2, 3])
    n = m.ones(2, dtype=m.int8)
    n += m.tensor([2, 3])
    assert (x.tolist(), n.tolist()) == ([4, 6], [3, 4])
    assert (x.dtype, n.dtype) == (m.float32, m.int8)


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_gradients_pass_between_widths(m):
    x = m.ones(2, dtype=m.float32, requires_grad=True)
    w = m.tensor([2.0, 3.0], dtype=m.float64, requires_grad=True)
    y = x * 1
    y *= w
    y.sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (m.float32, m.float64)
    assert (x.grad.tolist(), w.grad.tolist()) == ([2, 3], [1, 1])


def test_a_result_of_a_larger_shape_is_refused():
    x = tg.ones(3)
    with pytest.raises(ShapeError, match=r"add_: expected.*shape \(3,\), got \(2, 3\)"):
        x += tg.ones(2, 3)
    with pytest.raises(ShapeError, match=r"copy_: argument 'src'.*\(3,\), got \(1, 3\)"):
        x.copy_(tg.ones(1, 3))
    with pytest.raises(ShapeError, match="copy_"):
        x.copy_(tg.ones(2))
    with pytest.raises(
        ShapeError, match=r"fill_: argument 'value': expected a number, got.*\(1,\)"
    ):
        x.fill_(tg.ones(1))
    assert x.tolist() == [1, 1, 1]
    assert x._version == 0


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_copy_broadcasts_and_converts(m):
    x, w = m.zeros(2, 3), m.tensor([1.0, 2.0, 3.0], dtype=m.float64, requires_grad=True)
    assert x.copy_(w) is x
    assert x.dtype == m.float32
    (x * m.tensor([[1.0], [10.0]])).sum().backward()
    assert x.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert w.grad.dtype == m.float64
    assert w.grad.tolist() == [11, 11, 11]


def test_copy_takes_arrays_and_numbers():
    x = tg.zeros(2)
    assert x.copy_(np.array([1, 2])).tolist() == [1, 2]
    assert x.copy_(3).tolist() == [3, 3]
    assert x.copy_([4.5, 5]).tolist() == [4.5, 5]
    with pytest.raises(DTypeError, match=r"copy_: argument 'src'.*got str"):
        x.copy_("ab")


# --- leaves, constants, memory that cannot be written -------------------------------------------


def writes(x, w):
    """Every kind of write to x."""
    return [
        lambda: x.add_(1), lambda: x.copy_(w), lambda: x.fill_(2.0), lambda: x.zero_(),
        lambda: x.normal_(), lambda: x.uniform_(), lambda: x.__setitem__(0, 1.0),
        lambda: x.__iadd__(w), lambda: x.relu_(),
    ]  # fmt: skip


def test_a_leaf_is_not_written_while_operations_are_recorded():
    x = leaf([1.0, 2.0])
    for write in writes(x, tg.ones(2)):
        with pytest.raises(GraphError, match=r"_?: a leaf that requires.*with no_grad\(\)"):
            write()
    assert x.tolist() == [1, 2]
    assert x._version == 0
    with tg.no_grad():
        for write in writes(x, tg.ones(2)):
            write()
    assert x.is_leaf
    assert x.requires_grad
    assert x._version == 9


def test_a_view_of_a_leaf_is_not_written_either():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    for view in (x[0], x.T[0], x.view(4)[:2], x.detach().requires_grad_()[0]):
        for write in writes(view, tg.ones(2)):
            with pytest.raises(GraphError, match="a view of a leaf that requires a gradient"):
                write()
    with tg.no_grad():
        x[0] = 9.0
        x.view(4)[3:].zero_()
    assert x.tolist() == [[9, 9], [3, 0]]
    base = tg.zeros(3)
    part = base[:2].requires_grad_()
    with pytest.raises(GraphError, match=r"add_: a leaf that requires a gradient"):
        part += 1


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_a_view_made_in_no_grad_is_not_written_outside(m):
    x = m.ones(3, requires_grad=True) * 1
    with m.no_grad():
        view = x[:2]
    with pytest.raises(RuntimeError, match="no_grad"):
        view *= 2
    with m.no_grad():
        view *= 2
    assert x.tolist() == [2, 2, 1]


def test_expanded_memory_is_not_written():
    x = tg.zeros(3).expand(2, 3)
    for target in (x, x[0], x.T, tg.from_numpy(np.broadcast_to(np.zeros(3), (2, 3)))):
        for write in writes(target, tg.ones(())):
            with pytest.raises(GraphError, match=r"cannot be written.*clone\(\)"):
                write()
    x.clone().add_(1)
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.raises(GraphError, match="read-only"):
        tg.from_numpy(array).add_(1)


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_expanded_without_repetition_is_written(m):
    x = m.zeros(2, 3)
    x.expand(2, 3).add_(1)
    x.expand(1, 1, 2, -1)[0, 0, 1] = 5
    assert x.tolist() == [[1, 1, 1], [5, 5, 5]]


def test_a_leaf_that_wants_no_gradient_becomes_a_result():
    x, w = tg.ones(2, dtype=tg.float64), leaf([2.0, 3.0])
    assert x.is_leaf
    x *= w
    assert not x.is_leaf
    assert x.requires_grad
    x.sum().backward()
    assert w.grad.tolist() == [1, 1]


def test_a_tensor_in_a_setting_is_recorded():
    x, low = tg.tensor([-2.0, 0.5], dtype=tg.float64), leaf([0.0, 0.0])
    x.clamp_(min=low)
    x.sum().backward()
    assert low.grad.tolist() == [1, 0]


@pytest.mark.parametrize("write", ["mul_", "add_", "copy_", "div_"])
def test_a_tensor_written_with_itself(write):
    x = leaf([2.0, 3.0])
    y = x * 1
    getattr(y, write)(y)
    y.sum().backward()
    slope = {"mul_": [4, 6], "add_": [2, 2], "copy_": [1, 1], "div_": [0, 0]}[write]
    assert x.grad.tolist() == slope


def test_recording_starts_and_stops_with_the_mode():
    x = leaf([1.0, 2.0])
    y = x * 1
    with tg.no_grad():
        y.mul_(5)
    y.mul_(2)
    y.sum().backward()
    assert y.tolist() == [10, 20]
    assert x.grad.tolist() == [2, 2]  # what happened in no_grad is a constant to the graph


# --- retained gradients and hooks ---------------------------------------------------------------


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_a_retained_gradient_is_that_of_the_newest_value(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y.retain_grad()
    y.mul_(3)
    (y * 5).sum().backward()
    assert y.grad.tolist() == [5, 5]
    assert x.grad.tolist() == [15, 15]
    assert y.retains_grad


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_a_hook_stays_with_the_value_it_was_registered_on(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    y, seen = x * 1, []
    y.register_hook(lambda g: seen.append(("before", g.tolist())))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after", g.tolist())))
    (y * 5).sum().backward()
    assert seen == [("after", [5, 5]), ("before", [15, 15])]


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_a_base_retains_its_gradient_when_a_view_is_written(m):
    x = m.tensor([1.0, 2.0, 3.0], requires_grad=True)
    base = x * 1
    base.retain_grad()
    base[:2].mul_(7)
    (base * base).sum().backward()
    assert base.grad.tolist() == [14, 28, 6]
    assert x.grad.tolist() == [98, 196, 6]


# --- random numbers -----------------------------------------------------------------------------


def test_random_writes_draw_from_the_generator():
    g = tg.Generator().manual_seed(5)
    state = g.get_state()
    x = tg.empty(1000).normal_(3, 2, generator=g)
    g.set_state(state)
    assert tg.empty(1000).normal_(3, 2, generator=g).tolist() == x.tolist()
    assert abs(x.mean().item() - 3) < 0.3
    assert abs(x.std().item() - 2) < 0.2
    u = tg.empty(1000, dtype=tg.float64).uniform_(-1, 4, generator=g)
    assert u.dtype == tg.float64
    assert -1 <= u.min().item() < -0.9
    assert 3.9 < u.max().item() < 4
    tg.manual_seed(0)
    first = tg.empty(3).uniform_()
    tg.manual_seed(0)
    assert tg.rand(3).tolist() == first.tolist()


def test_random_writes_check_their_arguments():
    x = tg.zeros(3)
    with pytest.raises(ValueError, match="normal_: argument 'std': expected at least 0, got -1"):
        x.normal_(0, -1)
    with pytest.raises(ValueError, match="uniform_: expected a <= b, got 2 and 1"):
        x.uniform_(2, 1)
    for name in ("normal_", "uniform_"):
        with pytest.raises(DTypeError, match=f"{name}: expected a tensor of floats, got int64"):
            getattr(tg.zeros(3, dtype=tg.int64), name)()
    assert x.tolist() == [0, 0, 0]


def test_random_writes_into_a_view_of_a_result():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 1
    y[1:].normal_()
    y.sum().backward()
    assert x.grad.tolist() == [1, 0, 0]


# --- data, detach -------------------------------------------------------------------------------


def test_detached_tensors_share_memory_and_are_written_freely():
    x = leaf([1.0, 2.0])
    for alias in (x.detach(), x.data):
        assert not alias.requires_grad
        alias += 1
    assert x.tolist() == [3, 4]
    assert x._version == 2
    assert x.is_leaf


def test_setting_data_leaves_the_views_behind():
    x = tg.zeros(3)
    view = x[:2]
    x.data = tg.ones(3)
    view += 5
    x += leaf([1.0, 2.0, 3.0])
    assert view.tolist() == [5, 5]
    assert not view.requires_grad
    assert x.tolist() == [2, 3, 4]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_writes_in_any_order_through_any_alias(order):
    """Three writes to disjoint places commute, through whichever alias they go."""
    x, w = leaf([1.0, 2.0, 3.0]), leaf([4.0, 5.0, 6.0])
    base = x * 1
    head, tail = base[:1], base.flatten()[1:]
    steps = [
        lambda: head.mul_(w[0]),
        lambda: tail[:1].mul_(w[1]),
        lambda: base.__setitem__(2, base[2].clone() * w[2]),
    ]
    for i in order:
        steps[i]()
    base.sum().backward()
    assert x.grad.tolist() == [4, 5, 6]
    assert w.grad.tolist() == [1, 2, 3]
