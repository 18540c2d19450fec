"""The tensor as an object: what it is, its gradient, hooks, conversions, printing."""

from __future__ import annotations

import copy
import gc
import operator
import weakref

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from tensors import LIBRARIES, leaf, parity, torch

import tinygrad_edu as tg
from tinygrad_edu.errors import DimensionError, DTypeError, GraphError, ShapeError

every_library = pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)


def matrix(m):
    return m.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


# --- facts --------------------------------------------------------------------------------------


@every_library
def test_facts(m):
    x = matrix(m)
    assert (tuple(x.shape), tuple(x.size()), x.size(0), x.size(-1), x.size(dim=1)) == (
        (2, 3), (2, 3), 2, 3, 3,
    )  # fmt: skip
    assert (x.ndim, x.dim(), x.ndimension(), x.numel(), x.nelement()) == (2, 2, 2, 6, 6)
    assert (x.element_size(), x.itemsize, x.nbytes) == (4, 4, 24)
    assert x.stride() == (3, 1)
    assert (x.T.stride(), x.stride(-1), x[:, ::2].stride()) == ((1, 3), 1, (3, 2))
    assert m.ones(3, 1).expand(3, 4).stride() == (1, 0)
    assert m.tensor(1.0).stride() == ()
    assert x.is_contiguous()
    assert not x.T.is_contiguous()
    assert x.is_floating_point()
    assert not m.tensor(1).is_floating_point()
    assert x.data_ptr() == x.view(-1).data_ptr() != x.clone().data_ptr()
    assert x[1].data_ptr() == x.data_ptr() + 12
    assert len(x) == 2
    assert not x.is_cuda
    assert +x is x


@pytest.mark.parametrize("name", ["size", "stride"])
def test_a_dimension_that_is_not_there(name):
    for dim in (2, -3):
        with pytest.raises(DimensionError, match=f"{name}: argument 'dim': expected -2 to 1"):
            getattr(matrix(tg), name)(dim)
    with pytest.raises(IndexError):
        getattr(tg.tensor(1.0), name)(0)


@every_library
def test_devices(m):
    x = m.zeros(2, device="cpu")
    assert x.device == m.device("cpu")
    assert (str(x.device), x.device.type, repr(x.device)) == ("cpu", "cpu", "device(type='cpu')")
    assert x.device != "cpu"
    assert m.device(x.device) == m.device("cpu")
    assert hash(x.device) == hash(m.device("cpu"))
    assert not m.cuda.is_available()
    assert m.cuda.device_count() == 0


def test_there_is_no_other_device():
    for wish in ("cuda", "cuda:0", "mps", "cpuu"):
        for call in (tg.device, tg.ones(1).to, lambda d: tg.zeros(2, device=d)):
            with pytest.raises(ValueError, match=r"expected 'cpu'.*live on the CPU only"):
                call(wish)


# --- leaves and results -------------------------------------------------------------------------


@every_library
def test_leaves(m):
    x, w = m.ones(2), m.ones(2, requires_grad=True)
    for tensor in (x, w, x * 2, w.detach(), (w * 2).detach()):
        assert tensor.is_leaf
        assert tensor.grad_fn is None
    assert not (w * 2).is_leaf
    assert (w * 2).requires_grad
    assert not (w > 1).requires_grad
    assert x.requires_grad_() is x
    assert x.requires_grad
    x.requires_grad = False
    assert not x.requires_grad
    assert w.requires_grad_(False).requires_grad is False


@every_library
def test_integers_want_no_gradient(m):
    for make in (
        lambda: m.tensor([1, 2], requires_grad=True),
        lambda: m.tensor([1, 2]).requires_grad_(),
        lambda: m.zeros(2, dtype=m.bool, requires_grad=True),
        lambda: m.arange(3, requires_grad=True),
    ):
        with pytest.raises(RuntimeError, match="floating"):
            make()
    assert not m.tensor([1, 2]).requires_grad_(False).requires_grad


def test_the_error_for_integers_says_what_to_write():
    with pytest.raises(DTypeError, match=r"got int64; use a float: write 1\.0 in place of 1"):
        tg.tensor([1, 2], requires_grad=True)


@every_library
def test_results_cannot_stop_wanting_a_gradient(m):
    y = m.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad = False
    assert y.requires_grad


@every_library
def test_detach(m):
    x = m.ones(2, requires_grad=True)
    y = x * 2
    d = y.detach()
    assert not d.requires_grad
    assert d.data_ptr() == y.data_ptr() == y.data.data_ptr()
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match=r"views? in.place"):
        (x * 2)[0].detach_()


@every_library
def test_setting_data(m):
    x = m.ones(2, requires_grad=True)
    x.data = m.tensor([5.0, 6.0, 7.0])
    assert x.requires_grad
    (x * x).sum().backward()
    assert x.grad.tolist() == [10, 12, 14]
    for wrong in ([1.0], None, np.ones(2)):
        with pytest.raises((TypeError, RuntimeError)):
            x.data = wrong
    with pytest.raises(RuntimeError, match="float"):
        x.data = m.tensor([1, 2, 3])
    assert x.tolist() == [5, 6, 7]


def test_the_value_saved_before_data_is_set_is_the_one_that_counts():
    x = leaf([1.0, 2.0])
    loss = (x * x).sum()
    x.data = tg.zeros(2, dtype=tg.float64)
    loss.backward()
    assert x.grad.tolist() == [2, 4]


# --- .grad --------------------------------------------------------------------------------------


@every_library
def test_setting_grad(m):
    x = m.ones(2, requires_grad=True)
    assert x.grad is None
    g = m.tensor([3.0, 4.0])
    x.grad = g
    assert x.grad is g
    for wrong in (m.ones(3), m.ones(2, dtype=m.float64), 3.0, np.ones(2, np.float32), x):
        with pytest.raises((RuntimeError, TypeError), match="grad"):
            x.grad = wrong
    assert x.grad is g
    x.grad = None
    assert x.grad is None
    x.grad = g
    del x.grad
    assert x.grad is None
    plain = m.ones(2)
    plain.grad = g  # also without requires_grad
    assert plain.grad is g


def test_errors_of_setting_grad():
    x = leaf([1.0, 2.0])
    for wrong, error, message in [
        (tg.ones(3), ShapeError, r"grad: expected shape \(2,\), got \(3,\)"),
        (tg.ones(2), DTypeError, "grad: expected dtype float64, got float32"),
        (1.0, DTypeError, "grad: expected a Tensor or None, got float"),
        (x, GraphError, "cannot be its own gradient"),
    ]:
        with pytest.raises(error, match=message):
            x.grad = wrong


def test_the_gradient_of_a_result_is_not_kept_and_says_so():
    y = leaf([1.0, 2.0]) * 2
    with pytest.warns(UserWarning, match=r"not a leaf is not kept; call retain_grad\(\)"):
        assert y.grad is None
    y.retain_grad()
    assert y.grad is None  # no warning any more


@every_library
def test_retain_grad(m):
    x = m.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    assert not x.retains_grad
    x.retain_grad()  # a leaf keeps its gradient anyway
    assert not x.retains_grad
    (y * y).sum().backward(retain_graph=True)
    assert y.grad.tolist() == [4, 4]
    (y * 3).sum().backward()
    assert y.grad.tolist() == [7, 7]
    with pytest.raises(RuntimeError, match="retain_grad"):
        m.ones(2).retain_grad()


@every_library
def test_a_kept_gradient_on_the_way_to_named_inputs(m):
    x = m.tensor([2.0], requires_grad=True)
    y, beside = x * x, x.exp()
    z = y * 3
    for tensor in (y, z, beside):
        tensor.retain_grad()
    (found,) = m.autograd.grad([z, beside], [y], [m.ones(1)] * 2, retain_graph=True)
    assert (found.tolist(), y.grad.tolist(), z.grad.tolist()) == ([3], [3], [1])
    assert x.grad is None and beside.grad is None
    beside.sum().backward(inputs=[x])  # no rule of it ran
    x.grad = None
    z.backward(inputs=[x, y])
    assert (x.grad.tolist(), y.grad.tolist(), z.grad.tolist()) == ([12], [6], [2])


def test_a_graph_does_not_keep_a_tensor_that_retains_its_gradient():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.retain_grad()
    reference = weakref.ref(y)
    loss = y.sum()
    del y
    gc.collect()
    assert reference() is None
    loss.backward()
    assert x.grad.tolist() == [2, 2]


# --- hooks --------------------------------------------------------------------------------------


@every_library
def test_a_hook_sees_and_replaces_the_gradient(m):
    x = m.ones(2, requires_grad=True)
    y, seen = x * 2, []
    for tensor in (x, y):
        tensor.register_hook(lambda g: seen.append(g.tolist()))
        tensor.register_hook(lambda g: g * 10)
        tensor.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3).sum().backward()
    assert seen == [[3, 3], [30, 30], [60, 60], [600, 600]]
    assert x.grad.tolist() == [600, 600]


@every_library
def test_a_hook_sees_the_whole_gradient_once(m):
    x, seen = m.ones(2, requires_grad=True), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y * y).sum().backward()
    assert seen == [[7, 7]]


@every_library
def test_hooks_are_removed(m):
    x, seen = m.ones(2, requires_grad=True), []
    first, second = (x.register_hook(lambda g, i=i: seen.append(i)) for i in range(2))
    first.remove()
    first.remove()
    (x * 1).sum().backward()
    second.remove()
    (x * 1).sum().backward()
    with x.register_hook(lambda g: seen.append(2)):
        (x * 1).sum().backward()
    (x * 1).sum().backward()
    assert seen == [1, 2]


def test_a_hook_that_removes_itself():
    x, seen = leaf([1.0]), []
    handle = x.register_hook(lambda g: (seen.append(1), handle.remove())[0])
    for _ in range(2):
        (x * 2).sum().backward()
    assert seen == [1]


@every_library
def test_hooks_in_a_pass_that_is_recorded(m):
    x = m.tensor([2.0, 3.0], requires_grad=True)
    y = x * x
    y.register_hook(lambda g: g * y)  # dy = 3 y^2 . y, so dL/dx = 3 x^4 . x^2 . 2 x
    (g,) = m.autograd.grad((y**3).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.detach(), 6 * np.array([2.0, 3.0]) ** 7, rtol=1e-6)
    (gg,) = m.autograd.grad(g.sum(), x)
    assert gg.shape == x.shape


@every_library
def test_hooks_run_for_autograd_grad_too(m):
    x = m.ones(2, requires_grad=True)
    x.register_hook(lambda g: g * 5)
    (g,) = m.autograd.grad((x * 2).sum(), x)
    assert g.tolist() == [10, 10]
    assert x.grad is None


@every_library
def test_a_hook_and_a_retained_gradient(m):
    x = m.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert y.grad.tolist() == [10, 10]
    assert x.grad.tolist() == [20, 20]


@every_library
def test_a_hook_needs_a_tensor_that_requires_a_gradient(m):
    with pytest.raises(RuntimeError, match=r"require.* gradient"):
        m.ones(2).register_hook(print)


def test_what_a_hook_does_to_its_argument_stays_there():
    x, w = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    y = x + w
    y.register_hook(lambda g: [g.zero_(), None][1])
    y.sum().backward()
    assert x.grad.tolist() == w.grad.tolist() == [1, 1]


# --- to Python ----------------------------------------------------------------------------------


@every_library
def test_conversions_to_python(m):
    assert matrix(m).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert (m.tensor(2).tolist(), m.zeros(0, 3).tolist(), m.zeros(2, 0).tolist()) == (
        2,
        [],
        [[], []],
    )
    assert [type(m.tensor(v).item()) for v in (1, 1.0, True)] == [int, float, bool]
    assert (m.tensor([[2.5]]).item(), float(m.tensor([2])), int(m.tensor(-2.7))) == (2.5, 2.0, -2)
    assert type(float(m.tensor([2]))) is float
    assert complex(m.tensor(2.0)) == 2
    assert bool(m.tensor([[3]]))
    assert not m.tensor(0.0)
    assert m.tensor(float("nan"))
    x = m.tensor([1.5], requires_grad=True)
    assert (x.item(), x.tolist()) == (1.5, [1.5])


@every_library
def test_what_is_no_single_number(m):
    for x in (matrix(m), m.zeros(0)):
        for convert in (lambda x: x.item(), float, int, bool, operator.index):
            with pytest.raises((RuntimeError, ValueError, TypeError)):
                convert(x)
    with pytest.raises(TypeError):
        operator.index(m.tensor(1.0))
    with pytest.raises(ValueError, match="NaN"):
        int(m.tensor(float("nan")))


def test_the_truth_of_many_elements():
    for x in (matrix(tg), tg.zeros(0)):
        with pytest.raises(ShapeError, match=r"truth value.*ambiguous; use \.any\(\) or \.all\(\)"):
            assert x
    with pytest.raises(ShapeError, match=r"item: expected a tensor of one element, got.*\(2, 3\)"):
        float(matrix(tg))


@every_library
def test_integers_are_indices(m):
    assert list(range(m.tensor(3))) == [0, 1, 2]
    assert "abc"[m.tensor([1])] == "b"
    assert operator.index(m.tensor(True)) == 1
    assert [0] * m.tensor(2).item() == [0, 0]


@every_library
def test_iteration(m):
    assert [row.tolist() for row in matrix(m)] == [[1, 2, 3], [4, 5, 6]]
    _, b = matrix(m)
    assert b[2].item() == 6
    assert [v.tolist() for v in reversed(m.tensor([1, 2]))] == [2, 1]
    assert list(m.zeros(0, 2)) == []
    x = m.tensor([1.0, 2.0], requires_grad=True)
    first, second = x * x
    (first * second).backward()
    assert x.grad.tolist() == [8, 4]
    for function in (len, list):
        with pytest.raises(TypeError, match="0-d tensor"):
            function(m.tensor(1.0))


@every_library
def test_containment(m):
    x = matrix(m)
    assert 1.0 in x
    assert 9 not in x
    assert m.tensor(4) in x
    for wrong in ("a", None, [1.0], (1, 2)):
        with pytest.raises(RuntimeError, match=f"{type(wrong).__name__}"):
            wrong in x


@every_library
def test_equality_and_hash(m):
    x, y = matrix(m), matrix(m)
    assert (x == y).all()
    assert (x == y).dtype == m.bool
    for other in (None, "a", [1, 2], {}):  # no numbers: Python compares
        assert operator.eq(x, other) is False
        assert operator.ne(x, other) is True
    assert len({x, y, x}) == 2
    assert {x: 1}[x] == 1
    assert hash(x) == hash(x)


@every_library
def test_formats(m):
    assert f"{m.tensor(1.23456):.2f} {m.tensor(3):>4d}|{m.tensor(True)}" == "1.23    3|True"
    assert f"{m.tensor(2.5)} {m.tensor(1.5, requires_grad=True)}" == "2.5 1.5"
    assert f"{m.tensor([1.5])}" == str(m.tensor([1.5])) == "tensor([1.5000])"
    assert f"{m.tensor(12345.0):.1e}" == "1.2e+04"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{m.tensor([1.5]):.2f}"


# --- to(...) ------------------------------------------------------------------------------------


@every_library
def test_the_forms_of_to(m):
    x = matrix(m)
    assert x.to(m.float64).dtype == m.float64
    assert x.to("cpu").dtype == m.float32
    assert x.to("cpu", m.int64).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert x.to(m.device("cpu")) is x
    assert x.to(m.zeros(1, dtype=m.int32)).dtype == m.int32
    assert x.to(dtype=m.bool).dtype == m.bool
    assert x.to(device="cpu", dtype=m.float16).dtype == m.float16
    assert x.to(m.float32) is x
    assert x.to() is x
    assert x.float() is x
    assert x.cpu() is x
    copied = x.to(m.float32, copy=True)
    assert copied.data_ptr() != x.data_ptr()
    assert m.tensor([1.7, -1.7]).to(m.int64).tolist() == [1, -1]
    names = ("float", "double", "half", "long", "int", "short", "bool")
    kinds = (m.float32, m.float64, m.float16, m.int64, m.int32, m.int16, m.bool)
    assert [getattr(x, name)().dtype for name in names] == list(kinds)


@every_library
def test_gradients_through_to(m):
    x = m.ones(2, requires_grad=True)
    y = x.double() * 3
    y.sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (m.float32, [3, 3])
    assert not x.long().requires_grad
    z = x.to(m.float32, copy=True)
    assert z.requires_grad
    assert not z.is_leaf


def test_to_refuses_what_is_no_dtype():
    x = tg.ones(2)
    with pytest.raises(ValueError, match="float99"):
        x.to("float99")
    with pytest.raises((TypeError, ValueError)):
        x.to(np.complex64)
    assert x.to("float64").dtype == x.to(np.float64).dtype == x.to(float).dtype == tg.float64


# --- copies -------------------------------------------------------------------------------------


@every_library
def test_deepcopy(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    twice = copy.deepcopy({"a": x, "b": [x]})
    y = twice["a"]
    assert twice["b"][0] is y
    assert type(y) is type(x)
    assert y.requires_grad
    assert y.is_leaf
    assert y.tolist() == [1, 2]
    assert y.grad.tolist() == [2, 4]
    assert y.data_ptr() != x.data_ptr()
    assert y.grad.data_ptr() != x.grad.data_ptr()
    (y * 3).sum().backward()
    assert y.grad.tolist() == [5, 7]
    assert x.grad.tolist() == [2, 4]
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x * 2)
    plain = copy.deepcopy(m.tensor([1, 2]))
    assert (plain.tolist(), plain.requires_grad) == ([1, 2], False)


@every_library
def test_a_shallow_copy_shares_memory(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    y = copy.copy(x)
    assert y is not x
    assert y.requires_grad
    with m.no_grad():
        y[0] = 9
    assert x.tolist() == [9, 2]


def test_nothing_can_be_hung_onto_a_tensor():
    with pytest.raises(AttributeError):
        tg.ones(1).comment = "x"


def test_the_constructor_makes_floats():
    assert tg.Tensor([1, 2]).dtype == tg.float32
    assert tg.Tensor().shape == (0,)
    assert tg.Tensor([1, 2], requires_grad=True).requires_grad


# --- printing -----------------------------------------------------------------------------------

PRINTED = {
    "tensor(1.5000)": 1.5,
    "tensor(3)": 3,
    "tensor(True)": True,
    "tensor([1., 2.])": [1.0, 2.0],
    "tensor([-1.0000,  0.5000])": [-1.0, 0.5],
    "tensor([1.0000e+00, 2.0000e+03])": [1.0, 2000.0],
    "tensor([1.0000e-05, 1.0000e+00])": [1e-5, 1.0],
    "tensor([inf, nan, 1.])": [np.inf, np.nan, 1.0],
    "tensor([  -inf, 0.5000])": [-np.inf, 0.5],
    "tensor([ True, False])": [True, False],
    "tensor([[ 1, -2],\n        [30,  4]])": [[1, -2], [30, 4]],
    "tensor([])": [],
    "tensor([], size=(2, 0))": [[], []],
    "tensor([[[0.]],\n\n        [[1.]]])": [[[0.0]], [[1.0]]],
    "tensor([0., -0.])": [0.0, -0.0],
}


@pytest.mark.parametrize("text", PRINTED)
def test_printed(text):
    assert repr(tg.tensor(PRINTED[text])) == text
    if torch is not None:
        assert repr(torch.tensor(PRINTED[text])) == text


def test_notes_behind_the_elements():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<MulBackward0>)"
    assert repr(leaf(1.0)) == "tensor(1., dtype=float64, requires_grad=True)"
    assert repr(tg.zeros(0, dtype=tg.int64)) == "tensor([], dtype=int64)"
    assert repr(tg.zeros(2, dtype=tg.int32)) == "tensor([0, 0], dtype=int32)"
    assert repr(tg.nn.Parameter(tg.ones(1))) == (
        "Parameter containing:\ntensor([1.], requires_grad=True)"
    )
    assert str(x) == repr(x)


def same_text(array, note=""):
    """Both libraries print the same; but a dtype is NumPy's here."""
    ours, theirs = repr(tg.tensor(array)), repr(torch.tensor(array))
    if "dtype=" in theirs:
        ours, theirs = (text[: text.rindex(",")] for text in (ours, theirs))
    assert ours == theirs


VALUES = st.one_of(
    st.floats(-10, 10), st.integers(-1000, 1000).map(float), st.floats(width=16),
    st.sampled_from([0.0, -0.0, 1e-5, 1e8, 123456.0, np.inf, -np.inf, np.nan, 0.1, -3.0]),
)  # fmt: skip


@parity
@settings(max_examples=200)
@given(st.data(), npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12))
def test_floats_are_printed_as_in_pytorch(data, shape):
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    pool = np.array(data.draw(st.lists(VALUES, min_size=1, max_size=6)))
    picks = np.random.default_rng(len(shape)).integers(len(pool), size=shape)
    with np.errstate(over="ignore"):
        same_text(np.asarray(pool[picks], dtype))


@parity
@settings(max_examples=100)
@given(
    npst.arrays(
        st.sampled_from([np.int64, np.int32, np.uint8, np.bool_]),
        npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_integers_and_bools_are_printed_as_in_pytorch(array):
    same_text(array)


LARGE = [
    (1001,), (1000,), (2000, 2), (2, 2000), (7, 200), (30, 40), (8, 9, 20), (3, 400), (1, 1, 1200),
    (10, 10, 11),
]  # fmt: skip


@parity
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_long_tensors_are_cut_in_the_middle_as_in_pytorch(shape):
    size = int(np.prod(shape))
    for array in (np.arange(size), np.linspace(-1, 1, size), np.exp(np.linspace(-20, 20, size))):
        same_text(array.reshape(shape))
    x, y = (m.ones(*shape, requires_grad=True) * 2 for m in (tg, torch))
    assert repr(x) == repr(y)


def test_long_tensors_are_cut_in_the_middle():
    assert repr(tg.arange(2000)) == "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"
    assert repr(tg.zeros(40, 50)).splitlines()[3] == "        ...,"
    assert len(repr(tg.zeros(1000, 1000, 10))) < 4000


def test_printing_leaves_the_printing_of_numpy_alone():
    before = np.get_printoptions()
    with np.printoptions(precision=2, threshold=3, linewidth=20):
        assert repr(tg.linspace(0, 1, 4)) == "tensor([0.0000, 0.3333, 0.6667, 1.0000])"
    assert np.get_printoptions() == before
