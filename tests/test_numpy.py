"""Tensors beside NumPy arrays, other libraries' arrays, and pickled."""

from __future__ import annotations

import copy
import io
import pickle

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tensors import LIBRARIES, leaf, parity, torch

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError

every_library = pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
A = np.array([[1.0, 2.0], [3.0, 4.0]])

# --- operators ----------------------------------------------------------------------------------

OPERATORS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: a / b, "**": lambda a, b: a**b, "@": lambda a, b: a @ b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip


@pytest.mark.parametrize("sign", OPERATORS)
def test_an_array_and_a_tensor_give_a_tensor(sign):
    act, b = OPERATORS[sign], np.array([[2.0, 0.5], [1.0, 3.0]])
    for left, right in ((A, leaf(b)), (leaf(A), b), (A, tg.tensor(b)), (tg.tensor(A), b)):
        result = act(left, right)
        assert type(result) is tg.Tensor
        np.testing.assert_array_equal(result.detach(), act(A, b))
        wants = any(isinstance(x, tg.Tensor) and x.requires_grad for x in (left, right))
        assert result.requires_grad == (wants and result.dtype != tg.bool)


def test_gradients_through_an_array_on_the_left():
    x = leaf(A)
    (np.full((2, 2), 3.0) * x + (A - x) / np.array([1.0, 2.0]) + A @ x).sum().backward()
    np.testing.assert_allclose(x.grad, 3 - np.array([1, 0.5]) + A.sum(0)[:, None])


def test_an_array_broadcasts_against_a_tensor():
    x = leaf([1.0, 2.0])
    y = np.ones((3, 1)) * x
    assert y.shape == (3, 2)
    y.sum().backward()
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "**"])
@pytest.mark.parametrize(
    "number", [np.float64(2), np.float32(2), np.int64(2), np.array(2.0), 2.0, 2]
)
def test_a_number_does_not_change_the_dtype(sign, number):
    """np.float64 is what indexing an array gives; it must not make a float32 network double."""
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for result in (OPERATORS[sign](number, x), OPERATORS[sign](x, number)):
        assert result.dtype == tg.float32
        result.sum().backward()
        assert x.grad.dtype == tg.float32


def test_a_number_on_the_left_compares():
    x = tg.tensor([1.0, 2.0, 3.0])
    assert (np.float64(2) < x).tolist() == [False, False, True]
    assert (np.float64(2) == x).tolist() == [False, True, False]


@every_library
def test_sums_of_the_language(m):
    x = m.tensor([1.0, 2.0, 3.0], requires_grad=True)
    sum([x, x]).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    assert max(x).item() == 3
    assert [v.item() for v in sorted(x, reverse=True)] == [3, 2, 1]


# --- functions of NumPy -------------------------------------------------------------------------

UFUNCS = ["exp", "log", "sqrt", "tanh", "absolute", "negative", "maximum", "isnan", "hypot", "sign"]


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_ufunc_names_the_function_to_use(name, requires_grad):
    x = tg.tensor(A, requires_grad=requires_grad)
    ufunc = getattr(np, name)
    with pytest.raises(DTypeError, match=rf"np\.{name} .*use tg\.{name} .*detach\(\)\.numpy\(\)"):
        ufunc(x) if ufunc.nin == 1 else ufunc(A, x)


FUNCTIONS = {
    "where": lambda x: np.where([True, False], x, 0),
    "concatenate": lambda x: np.concatenate([A, x]),
    "sum": lambda x: np.sum(x),
    "mean": lambda x: np.mean(x, axis=0),
    "stack": lambda x: np.stack((x, x)),
    "clip": lambda x: np.clip(x, 0, 1),
    "einsum": lambda x: np.einsum("ij->i", x),
    "dot": lambda x: np.dot(A, x),
    "norm": lambda x: np.linalg.norm(x),
    "expand_dims": lambda x: np.expand_dims(x, 0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_works_on_constants_and_refuses_to_lose_a_gradient(name):
    expected = FUNCTIONS[name](A)
    result = FUNCTIONS[name](tg.tensor(A))
    assert not isinstance(result, tg.Tensor)
    np.testing.assert_array_equal(result, expected)
    with pytest.raises(DTypeError, match=rf"np\.{name} .*lose the gradient; use tg\.{name} "):
        FUNCTIONS[name](leaf(A))


def test_functions_that_ask_for_facts_only():
    x = leaf(A)
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((2, 2), 2, 4)
    assert np.zeros_like(x).tolist() == [[0, 0], [0, 0]]
    assert np.full_like(x, 7).dtype == np.float64


def test_writing_into_an_array_is_refused():
    x, a = tg.tensor(A), A.copy()
    with pytest.raises(DTypeError, match=r"np\.add cannot write a tensor into an array.*numpy\(\)"):
        a += x
    with pytest.raises(DTypeError, match=r"np\.multiply cannot write"):
        np.multiply(a, x, out=a)
    with pytest.raises(DTypeError, match=r"np\.add does not know tensors"):
        np.add.reduce(x)
    with pytest.raises(DTypeError, match=r"np\.add does not know tensors"):
        np.add(a, x, where=[True, False])
    with pytest.raises(DTypeError, match=r"np\.divmod does not know tensors"):
        divmod(a, x)
    np.testing.assert_array_equal(a, A)


# --- to arrays ----------------------------------------------------------------------------------


@every_library
def test_numpy_shares_memory(m):
    x = m.tensor([1.0, 2.0])
    a = x.numpy()
    assert type(a) is np.ndarray
    a[0] = 5
    x[1] = 6
    assert (x.tolist(), a.tolist()) == ([5, 6], [5, 6])
    w = m.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"detach\(\)\.numpy\(\)"):
        w.numpy()
    assert w.detach().numpy().tolist() == w.numpy(force=True).tolist() == [1, 2]


def test_asarray():
    x = tg.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.array)
    assert not np.shares_memory(np.array(x), x.array)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.array(x, copy=False) is x.array
    with pytest.raises(ValueError, match="without a copy"):
        np.array(x, dtype=np.float64, copy=False)
    for call in (np.asarray, np.array, lambda x: np.array([x, x]), lambda x: A.__setitem__(0, x)):
        with pytest.raises(GraphError, match=r"use detach\(\)\.numpy\(\)"):
            call(leaf([1.0, 2.0]))


def test_lists_of_tensors_become_arrays():
    rows = [tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])]
    assert np.array(rows).tolist() == [[1, 2], [3, 4]]
    assert np.array([row.sum() for row in rows]).tolist() == [3, 7]


def test_arrays_are_indexed_and_filled_by_tensors():
    a = np.arange(6).reshape(2, 3)
    assert a[tg.tensor(1)].tolist() == [3, 4, 5]
    assert a[:, tg.tensor([2, 0])].tolist() == [[2, 0], [5, 3]]
    assert a[tg.tensor(a) > 3].tolist() == [4, 5]
    a[0] = tg.tensor([7, 8, 9])
    a[1, 1] = tg.tensor(0)
    assert a.tolist() == [[7, 8, 9], [3, 0, 5]]


def test_tensors_in_assertions_of_numpy():
    np.testing.assert_allclose(tg.tensor(A), A)
    np.testing.assert_array_equal(tg.tensor(A), tg.tensor(A))
    assert np.allclose(tg.tensor(A), A + 1e-12)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(tg.tensor(A), A + 1)


def test_tensors_are_saved_by_numpy():
    file = io.BytesIO()
    np.save(file, tg.tensor(A))
    file.seek(0)
    np.testing.assert_array_equal(np.load(file), A)


# --- from arrays --------------------------------------------------------------------------------


@every_library
def test_from_numpy_shares_memory(m):
    a = np.array([1.0, 2.0])
    x = m.from_numpy(a)
    a[0] = 5
    x.add_(1)
    assert (a.tolist(), x.tolist()) == ([6, 3], [6, 3])
    assert x.dtype == m.float64


@every_library
def test_tensor_copies(m):
    a = np.array([1.0, 2.0], np.float32)
    x, shared = m.tensor(a), m.as_tensor(a)
    a[0] = 5
    assert (x.tolist(), shared.tolist()) == ([1, 2], [5, 2])
    assert m.as_tensor(x) is x


@every_library
def test_dtypes_of_data(m):
    for data, dtype in [
        (1.5, m.float32), (1, m.int64), (True, m.bool), ([1, 2.5], m.float32), ([], m.float32),
        ([True, 2], m.int64), (np.float64(1), m.float64), (np.ones(2), m.float64),
        (np.ones(2, np.float16), m.float16), (np.int32(3), m.int32), ([np.ones(2)], m.float64),
        (np.array([True]), m.bool),
    ]:  # fmt: skip
        if isinstance(data, list) and any(isinstance(x, np.ndarray) for x in data) and m is not tg:
            continue  # PyTorch warns that this is slow
        assert m.tensor(data).dtype == dtype, data
    assert m.tensor([1, 2], dtype=m.float64).dtype == m.float64
    assert m.tensor(2.9, dtype=m.int64).item() == 2


def test_what_is_no_data():
    for data, error, message in [
        ([[1], [1, 2]], ShapeError, "tensor: argument 'data'.*inhomogeneous"),
        ("a", DTypeError, "tensor: argument 'data': expected numbers or bools, got <U1"),
        (None, DTypeError, "got object"),
        ([1j], DTypeError, "got complex128"),
    ]:
        with pytest.raises(error, match=message):
            tg.tensor(data)
    with pytest.raises(DTypeError, match=r"from_numpy: expected an np\.ndarray, got list"):
        tg.from_numpy([1.0])
    with pytest.raises(DTypeError, match="from_numpy: expected numbers or bools"):
        tg.from_numpy(np.array(["a"]))


@given(
    npst.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
        npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        elements=st.integers(0, 1),
    ),
    st.integers(0, 3),
)
def test_any_array_there_and_back(array, kind):
    array = (array, array.T, array[..., ::-1] if array.ndim else array, array[None][0, ...])[kind]
    for x in (tg.tensor(array), tg.from_numpy(array), tg.as_tensor(array)):
        back = x.numpy()
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        np.testing.assert_array_equal(back, array)
        np.testing.assert_array_equal((x * 1).numpy(), array)


def test_data_is_laid_out_in_row_major_order():
    assert tg.tensor(A.T).is_contiguous()
    assert tg.tensor(A[:, ::-1]).is_contiguous()
    assert not tg.from_numpy(A.T).is_contiguous()


# --- DLPack -------------------------------------------------------------------------------------


def test_dlpack_with_numpy():
    x = tg.tensor([1.0, 2.0])
    a = np.from_dlpack(x)
    assert np.shares_memory(a, x.array)
    y = tg.from_dlpack(np.arange(3.0))
    assert (y.tolist(), y.dtype) == ([0, 1, 2], tg.float64)
    again = tg.from_dlpack(x)
    again += 1
    assert x.tolist() == [2, 3]


def test_dlpack_does_not_export_a_graph():
    for x in (leaf([1.0, 2.0]), leaf([1.0, 2.0]) * 2):
        with pytest.raises(
            BufferError, match=r"requires a gradient cannot be exported; detach\(\)"
        ):
            np.from_dlpack(x)
        np.from_dlpack(x.detach())


@parity
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", "bool"])
def test_dlpack_with_pytorch(dtype):
    ours = tg.tensor([[1, 0], [1, 1]], dtype=getattr(tg, dtype))
    theirs = torch.from_dlpack(ours)
    assert str(theirs.dtype) == f"torch.{dtype}"
    assert theirs.tolist() == ours.tolist()
    assert theirs.data_ptr() == ours.data_ptr()
    theirs[0, 0] = 0
    assert ours[0, 0].item() == 0
    back = tg.from_dlpack(theirs.T)
    assert back.data_ptr() == ours.data_ptr()
    assert back.tolist() == theirs.T.tolist()
    assert back.stride() == theirs.T.stride()


# --- pickle and copy ----------------------------------------------------------------------------


@every_library
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickle(m, protocol):
    w = m.tensor([[1.0, 2.0]], requires_grad=True)
    x = m.tensor([1, 2, 3])
    back, plain, strided = pickle.loads(pickle.dumps([w, x, w.detach().T], protocol))
    assert (back.tolist(), back.requires_grad, back.dtype) == ([[1, 2]], True, m.float32)
    assert back.is_leaf
    assert (plain.tolist(), plain.requires_grad, plain.dtype) == ([1, 2, 3], False, m.int64)
    assert strided.tolist() == [[1], [2]]
    (back * 3).sum().backward()
    assert back.grad.tolist() == [[3, 3]]


def test_pickle_keeps_the_class():
    p = tg.nn.Parameter(tg.ones(2))
    for back in (pickle.loads(pickle.dumps(p)), copy.deepcopy(p), copy.copy(p)):
        assert type(back) is tg.nn.Parameter
        assert back.requires_grad
        assert back.tolist() == [1, 1]


def test_generators_are_pickled_and_copied():
    g = tg.Generator().manual_seed(4)
    tg.rand(3, generator=g)
    for other in (pickle.loads(pickle.dumps(g)), copy.deepcopy(g)):
        state = g.get_state()
        assert tg.rand(5, generator=other).tolist() == tg.rand(5, generator=g).tolist()
        g.set_state(state)
