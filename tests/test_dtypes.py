"""Element types: PyTorch's promotion for every pair of operands, and what keeps a dtype."""

from __future__ import annotations

import operator
from itertools import product

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

NAMES = ["float32", "float64", "int64", "int32", "uint8", "bool"]
OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "**": operator.pow, "<": operator.lt, "==": operator.eq,
}  # fmt: skip
KINDS = ("tensor", "0-d", "number")
OPERANDS = [(kind, name) for kind in KINDS[:2] for name in NAMES] + [
    ("number", name) for name in ("float64", "int64", "bool")
]


def operand(kind: str, name: str, library):
    """A tensor of that library with dimensions or without, or a Python number."""
    values = np.array([1, 2, 3]).astype(name) if kind == "tensor" else np.array(2).astype(name)
    if kind == "number":
        return values.item()
    return library.from_numpy(values) if library is tg else torch.from_numpy(values)


def name_of(dtype) -> str:
    return str(dtype).removeprefix("torch.")


# --- promotion ----------------------------------------------------------------------------------


@pytest.mark.parity
@needs_torch
@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("first", OPERANDS, ids="-".join)
def test_operators_promote_as_torch(symbol, first):
    apply = OPERATORS[symbol]
    for second in OPERANDS:
        if first[0] == second[0] == "number":
            continue
        pair = f"{first} {symbol} {second}"
        try:
            expected = apply(operand(*first, torch), operand(*second, torch))
        except RuntimeError:
            # PyTorch subtracts no bool at all; here a bool beside a number counts as 0 or 1.
            assert "bool" in (first[1], second[1]) and symbol in ("-", "**"), pair
            expected = None
        if symbol in ("-", "**") and first[1] == second[1] == "bool":
            with pytest.raises(DTypeError, match=r"^(sub|pow): "):
                apply(operand(*first, tg), operand(*second, tg))
            continue
        if expected is None:
            continue
        got = apply(operand(*first, tg), operand(*second, tg))
        assert name_of(got.dtype) == name_of(expected.dtype), pair
        assert got.tolist() == pytest.approx(expected.tolist()), pair


@pytest.mark.parity
@needs_torch
def test_result_type_is_torchs():
    for first, second in product(OPERANDS, OPERANDS):
        got = tg.result_type(operand(*first, tg), operand(*second, tg))
        expected = torch.result_type(operand(*first, torch), operand(*second, torch))
        assert name_of(got) == name_of(expected), f"{first}, {second}"


# What `tensor` is given: expressions that read alike in both libraries.
DATA = {
    "a float": lambda lib: 1.5,
    "an int and a float": lambda lib: [2**62, 1.5],
    "a bool and an int": lambda lib: [True, 2],
    "the least integer": lambda lib: [-(2**63)],
    "nothing": lambda lib: [[], []],
    "a range": lambda lib: range(3),
    "a float32 tensor and a float": lambda lib: [lib.tensor(1.0), 1.0],
    "a float and a float64 tensor": lambda lib: [1.0, lib.tensor(1.0, dtype=lib.float64)],
    "a float16 tensor and an int": lambda lib: [lib.tensor(1.0, dtype=lib.float16), 2],
    "tensors of two kinds": lambda lib: [lib.tensor(1), lib.tensor(2.5)],
    "tensors of one element": lambda lib: [[lib.tensor([1.0])], [lib.tensor([[2.0]])]],
    "tensors of several elements": lambda lib: [lib.tensor([1.0, 2.0])],
    "an int32 tensor and an int": lambda lib: [lib.tensor(1, dtype=lib.int32), 2],
    "int32 tensors": lambda lib: [lib.tensor(1, dtype=lib.int32)] * 2,
    "int32 and a float": lambda lib: [np.int32(1), 1.5],
    "float32 and a float": lambda lib: [np.float32(1), 2.0],
    "float64 and a float": lambda lib: [np.float64(1), 2.0],
    "a list and an array": lambda lib: [[1.0, 2.0], np.ones(2)],
    "arrays of two widths": lambda lib: [np.ones(2, np.float32), np.ones(2)],
    "an int that is too large": lambda lib: 2**63,
    "ints that are too large": lambda lib: [1, 2**63],
    "an int that is much too large": lambda lib: [1, 2**64],
    "a large int as a float": lambda lib: [1.0, 2**64],
}


@pytest.mark.parity
@needs_torch
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy.ndarrays")
@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_data_become_torchs_dtype(data):
    try:
        expected = torch.tensor(data(torch))
    except (ValueError, RuntimeError) as error:
        with pytest.raises(type(error), match="tensor: argument 'data'"):
            tg.tensor(data(tg))
        return
    found = tg.tensor(data(tg))
    assert name_of(found.dtype) == name_of(expected.dtype)
    np.testing.assert_array_equal(found, expected)


def test_numbers_that_a_dtype_cannot_hold():
    for data, dtype in (([300], tg.uint8), ([1, 2**63], None), (2**40, tg.int32)):
        with pytest.raises(tg.RangeError, match="tensor: argument 'data': "):
            tg.tensor(data, dtype=dtype)
    with pytest.raises(tg.ShapeError, match=r"got shape \(2,\); use tg.stack"):
        tg.tensor([tg.ones(2), tg.ones(2)])


@pytest.mark.parametrize(
    "first, second, expected",
    [
        (tg.ones(2), 2.0, "float32"),
        (tg.ones(2), tg.ones((), dtype=tg.float64), "float32"),
        (tg.ones(2), tg.ones(2, dtype=tg.float64), "float64"),
        (tg.ones(()), tg.ones((), dtype=tg.float64), "float64"),
        (tg.arange(2), 2.0, "float32"),
        (tg.arange(2), tg.ones(()), "float32"),
        (tg.arange(2, dtype=tg.uint8), 300, "uint8"),
        (tg.arange(2, dtype=tg.uint8), tg.arange(2, dtype=tg.int8), "int16"),
        (tg.arange(2) > 0, 2, "int64"),
        (tg.arange(2) > 0, 2.0, "float32"),
        (tg.ones(2), np.float64(2), "float32"),
        (tg.ones(2), np.ones(2), "float64"),
    ],
)
def test_result_type(first, second, expected):
    assert tg.result_type(first, second) == np.dtype(expected)
    assert tg.result_type(second, first) == np.dtype(expected)


def test_default_dtype_decides_for_floats_from_integers():
    tg.set_default_dtype(tg.float64)
    try:
        assert (tg.arange(3) / 2).dtype == (tg.arange(3) * 0.5).dtype == tg.float64
        assert tg.exp(tg.arange(3)).dtype == tg.tensor(0.5).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)
    assert (tg.arange(3) / 2).dtype == tg.float32
    with pytest.raises(DTypeError, match="set_default_dtype: expected a floating dtype, got int64"):
        tg.set_default_dtype(tg.int64)


def test_promotion_is_recorded():
    """The gradient comes back in the dtype of each operand."""
    x = tg.ones(2, requires_grad=True)
    y = tg.full((2,), 3.0, dtype=tg.float64, requires_grad=True)
    out = x * y
    assert out.dtype == tg.float64
    out.sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (tg.float32, tg.float64)
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0, 3.0], [1.0, 1.0])


def test_float32_stays_float32_in_a_whole_step():
    x = tg.rand(4, 3)
    w = tg.rand(3, 2, requires_grad=True)
    loss = (2.0 * tg.tanh(x @ w) ** 2 / 3 + 1).mean() * np.float64(0.5)
    assert loss.dtype == tg.float32
    (g,) = tg.autograd.grad(loss, w, create_graph=True)
    (h,) = tg.autograd.grad((g * g).sum(), w)
    assert g.dtype == h.dtype == tg.float32


# --- conversions --------------------------------------------------------------------------------


def test_conversion_keeps_the_graph_between_floats():
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    y = x.double()
    (y * y).sum().backward()
    assert x.grad.dtype == tg.float32
    assert x.grad.tolist() == [3.0, 5.0]
    half = x.half()
    assert half.dtype == tg.float16
    assert half.requires_grad


@pytest.mark.parametrize("name", ["long", "int", "short", "bool"])
def test_conversion_to_integers_and_bools_cuts_the_graph(name):
    x = tg.tensor([1.5, 0.0], requires_grad=True)
    y = getattr(x, name)()
    assert y.dtype == getattr(tg, name)
    assert not y.requires_grad
    assert y.tolist() == [1, 0]


def test_forms_of_to():
    x = tg.ones(2)
    assert x.to(tg.float64).dtype == x.to(dtype="float64").dtype == tg.float64
    assert x.to("cpu", tg.float64).dtype == x.to(tg.ones(1, dtype=tg.float64)).dtype == tg.float64
    assert x.to("cpu") is x
    assert x.to(tg.float32) is x
    assert x.to(tg.device("cpu")) is x
    for copied in (x.to(tg.float32, copy=True), x.to("cpu", tg.float32, False, True)):
        assert copied is not x
        assert not np.shares_memory(copied.numpy(), x.numpy())
    with pytest.raises(ValueError, match="expected 'cpu', got 'cuda'"):
        x.to("cuda")
    with pytest.raises(
        DTypeError, match="to: expected a float, integer or bool dtype, got complex"
    ):
        x.to(np.complex64)


@pytest.mark.parametrize("text", ["float32", "int64", "bool"])
def test_dtypes_are_numpys(text):
    assert tg.zeros(1, dtype=text).dtype == getattr(tg, text) == np.dtype(text)


# --- what a dtype forbids -----------------------------------------------------------------------


def test_products_refuse_mixed_dtypes():
    x, y = tg.ones(2, 2), tg.ones(2, 2, dtype=tg.float64)
    for call in (lambda: x @ y, lambda: tg.mm(x, y), lambda: tg.einsum("ij,jk", x, y)):
        with pytest.raises(DTypeError, match=r"got float32 and float64; .*\.to\(dtype\)"):
            call()


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_means_refuse_integers(name):
    with pytest.raises(DTypeError, match=f"{name}: expected floating-point elements, got int64"):
        getattr(tg, name)(tg.arange(3))
    if name == "mean":
        assert tg.mean(tg.arange(3), dtype=tg.float64).item() == 1.0


def test_integers_have_no_gradient():
    with pytest.raises(DTypeError, match=r"got int64; use a float: write 1\.0 in place of 1"):
        tg.tensor([1, 2], requires_grad=True)


def test_bools_are_not_subtracted():
    with pytest.raises(DTypeError, match=r"sub: .*expected numbers, got bool"):
        tg.tensor([True]) - tg.tensor([False])


def test_sums_of_small_integers_are_int64():
    assert tg.ones(300, dtype=tg.uint8).sum().item() == 300
    assert (tg.arange(4) > 1).sum().dtype == tg.int64


def test_integer_to_a_negative_integer_power():
    with pytest.raises(ValueError, match="pow: Integers to negative integer powers"):
        tg.tensor([2]) ** -1


# --- half precision -----------------------------------------------------------------------------


HALF = {
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(),
    "var": lambda x: x.var(),
    "std": lambda x: x.std(),
    "mse_loss": lambda x: tg.nn.functional.mse_loss(x, x.detach() - 8),
    "the bias of a layer": lambda x: tg.nn.functional.linear(
        tg.ones(len(x), 1, dtype=x.dtype), tg.ones(2, 1, dtype=x.dtype), x[0]
    ),
}


@pytest.mark.parametrize("name", HALF)
def test_half_precision_is_added_up_in_float32(name):
    """In float16 numbers near 65504 are 32 apart, and beyond it there is none."""
    drawn = np.random.default_rng(0).uniform(19, 20, (3000, 2)).astype(np.float16)
    found = []
    for dtype in (tg.float16, tg.float64):
        x = tg.tensor(drawn, dtype=dtype, requires_grad=True)
        y = HALF[name](x)
        y.backward(tg.ones_like(y))
        assert y.dtype == x.grad.dtype == dtype
        found.append((y.detach().double().numpy(), x.grad.double().numpy()))
    for got, exact in zip(*found, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-2, atol=2e-3)
