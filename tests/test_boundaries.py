"""What happens at the edges: kinks, ties, zeros, infinities, empty tensors, repeated inputs.

Each edge is an expression that reads alike here and in PyTorch, with the value and the gradient it
must have; where PyTorch is installed it must give the same numbers.
"""

from __future__ import annotations

from math import inf, nan
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DimensionError, GraphError, ShapeError

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


class Edge(NamedTuple):
    """f(library, x) of x has this value, and the gradient of its sum (None: not checked)."""

    f: object
    x: object
    value: object
    gradient: object
    dtype: str = "float64"


def cross_entropy(lib, *args, **settings):
    return lib.nn.functional.cross_entropy(*args, **settings)


def weights(lib, x):
    """The weights of two classes."""
    return lib.tensor([1.0, 3.0], dtype=x.dtype)


def largest(values):
    """The first of what `max(dim)` returns."""
    return values[0]


E4 = 1e4
HALF = 0.4998939  # exp(1e4 - logsumexp) in float32, which rounds logsumexp to 10000.6934
EDGES = {
    # kinks
    "relu at 0": Edge(lambda lib, x: lib.relu(x), [-1, 0, 2], [0, 0, 2], [0, 0, 1]),
    "relu of nan": Edge(lambda lib, x: lib.relu(x), [nan], [nan], [1]),
    "abs at 0": Edge(lambda lib, x: x.abs(), [-2, 0, 3], [2, 0, 3], [-1, 0, 1]),
    "sign at 0": Edge(lambda lib, x: x.sign(), [-2, 0, 3], [-1, 0, 1], [0, 0, 0]),
    "clamp at its bounds": Edge(
        lambda lib, x: x.clamp(-1, 1), [-2, -1, 0, 1, 2], [-1, -1, 0, 1, 1], [0, 1, 1, 1, 0]),
    "clamp with one bound": Edge(lambda lib, x: x.clamp(min=0), [-1, 0, 1], [0, 0, 1], [0, 1, 1]),
    "clamp with crossed bounds": Edge(
        lambda lib, x: x.clamp(2, 1), [0, 1.5, 3], [1, 1, 1], [0, 0, 0]),
    # ties
    "maximum tie": Edge(
        lambda lib, x: lib.maximum(x, lib.ones_like(x)), [0, 1, 2], [1, 1, 2], [0, 0.5, 1]),
    "maximum with itself": Edge(lambda lib, x: lib.maximum(x, x), [3], [3], [1]),
    "minimum tie": Edge(
        lambda lib, x: lib.minimum(x, lib.ones_like(x)), [0, 1, 2], [0, 1, 1], [1, 0.5, 0]),
    "max() shares": Edge(lambda lib, x: x.max(), [2, 5, 5, 1], 5, [0, 0.5, 0.5, 0]),
    "min() shares": Edge(lambda lib, x: x.min(), [2, 1, 1, 1], 1, [0, 1 / 3, 1 / 3, 1 / 3]),
    "amax shares": Edge(
        lambda lib, x: x.amax(1), [[5, 5], [2, 3]], [5, 3], [[0.5, 0.5], [0, 1]]),
    "amax over several dims shares": Edge(
        lambda lib, x: x.amax((0, 1)), [[5, 5], [2, 5]], 5, [[1 / 3, 1 / 3], [0, 1 / 3]]),
    "amin shares": Edge(lambda lib, x: x.amin(0), [1, 1], 1, [0.5, 0.5]),
    "max(dim) takes the first": Edge(
        lambda lib, x: largest(x.max(1)), [[5, 5], [3, 3]], [5, 3], [[1, 0], [1, 0]]),
    "min(dim) takes the first": Edge(lambda lib, x: largest(x.min(0)), [1, 2, 1], 1, [1, 0, 0]),
    "argmax takes the first": Edge(lambda lib, x: x.argmax(), [1, 7, 7], 1, None),
    "argmin takes the first": Edge(lambda lib, x: x.argmin(1), [[4, 0, 0]], [1], None),
    "nan wins in max": Edge(lambda lib, x: x.max(), [1, nan, 3], nan, None),
    "nan wins in amin": Edge(lambda lib, x: x.amin(0), [1, nan, 3], nan, None),
    "nan wins in max(dim)": Edge(lambda lib, x: x.max(0)[1], [1, nan, 3], 1, None),
    "nan wins in maximum": Edge(lambda lib, x: lib.maximum(x, 0 * x), [nan, 1], [nan, 1], None),
    # an infinite gradient stops where the gradient is 0
    "relu under a root": Edge(
        lambda lib, x: lib.relu(x).sqrt(), [-1, 0, 4], [0, 0, 2], [0, 0, 0.25]),
    "clamp under a root": Edge(
        lambda lib, x: x.clamp(min=0, max=1).sqrt(), [-1, 0, 2], [0, 0, 1], [0, inf, 0]),
    "maximum under a root": Edge(
        lambda lib, x: lib.maximum(x, lib.zeros_like(x)).sqrt(), [-1, 4], [0, 2], [0, 0.25]),
    "max under a root": Edge(lambda lib, x: x.max().sqrt(), [-1, 0], 0, [0, inf]),
    "where under a root": Edge(
        lambda lib, x: lib.where(x > 0, x, 0 * x.detach()).sqrt(), [-1, 4], [0, 2], [0, 0.25]),
    "sign times inf": Edge(lambda lib, x: x.sign() * inf, [2], [inf], [0]),
    "x ** 0 times inf": Edge(lambda lib, x: x**0 * inf, [2], [inf], [0]),
    # zeros and infinities
    "sqrt at 0": Edge(lambda lib, x: x.sqrt(), [0, 4], [0, 2], [inf, 0.25]),
    "sqrt below 0": Edge(lambda lib, x: x.sqrt(), [-1], [nan], [nan]),
    "log at 0": Edge(lambda lib, x: x.log(), [0, 1], [-inf, 0], [inf, 1]),
    "log below 0": Edge(lambda lib, x: x.log(), [-1], [nan], [-1]),
    "reciprocal of 0": Edge(lambda lib, x: x.reciprocal(), [0.0, 2], [inf, 0.5], [-inf, -0.25]),
    "division by 0": Edge(lambda lib, x: 1 / x, [0.0, -2], [inf, -0.5], [-inf, -0.25]),
    "0 / 0": Edge(lambda lib, x: x / x, [0.0, 3], [nan, 1], [nan, 0]),
    "inf - inf": Edge(lambda lib, x: x - x, [inf, 3], [nan, 0], [0, 0]),
    "exp overflows": Edge(lambda lib, x: x.exp(), [1e4, -1e4], [inf, 0], [inf, 0]),
    "0 ** 0": Edge(lambda lib, x: x**0, [0.0, 2], [1, 1], [0, 0]),
    "0 ** tensor 0": Edge(lambda lib, x: x ** (0 * x.detach()), [0.0, 2], [1, 1], [0, 0]),
    "0 ** exponent": Edge(lambda lib, x: 0.0**x, [0.0, 2, -1], [1, 0, inf], [0, 0, -inf]),
    "x ** 2 at 0": Edge(lambda lib, x: x**2, [0.0], [0], [0]),
    "x ** 0.5 at 0": Edge(lambda lib, x: x**0.5, [0.0, 4], [0, 2], [inf, 0.25]),
    "x ** x at 0": Edge(lambda lib, x: x**x, [0.0, 1], [1, 1], [0, 1]),
    "x ** -1 at 0": Edge(lambda lib, x: x**-1, [0.0, 2], [inf, 0.5], [-inf, -0.25]),
    "std of constants": Edge(lambda lib, x: x.std(), [3, 3, 3], 0, [0, 0, 0]),
    "std of rows, one constant": Edge(
        lambda lib, x: x.std(1), [[1, 1], [0, 2]], [0, 2**0.5],
        [[0, 0], [-(0.5**0.5), 0.5**0.5]]),
    "var of constants": Edge(lambda lib, x: x.var(), [3, 3, 3], 0, [0, 0, 0]),
    "sigmoid far out": Edge(
        lambda lib, x: x.sigmoid(), [-1e4, 0, 1e4], [0, 0.5, 1], [0, 0.25, 0], "float32"),
    "tanh far out": Edge(lambda lib, x: x.tanh(), [-1e4, 0, 1e4], [-1, 0, 1], [0, 1, 0], "float32"),
    # where
    "where takes one side": Edge(
        lambda lib, x: lib.where(x > 0, x * 2, x * 3), [-1, 0, 1], [-3, 0, 2], [3, 3, 2]),
    "where with a nan branch": Edge(
        lambda lib, x: lib.where(x > 0, x.sqrt(), 0 * x), [-1, 4], [0, 2], [nan, 0.25]),
    "the double where": Edge(
        lambda lib, x: lib.where(x > 0, lib.where(x > 0, x, 0 * x + 1).sqrt(), 0 * x),
        [-1, 4], [0, 2], [0, 0.25]),
    # the softmax family in float32
    "logsumexp at 1e4": Edge(
        lambda lib, x: x.logsumexp(0), [E4, E4], E4 + 0.69314718, [HALF, HALF], "float32"),
    "logsumexp at -1e4": Edge(
        lambda lib, x: x.logsumexp(0), [-E4, -E4], -E4 + 0.69314718, [HALF, HALF], "float32"),
    "logsumexp with -inf": Edge(
        lambda lib, x: x.logsumexp(0), [-inf, 0, 0], np.log(2), [0, 0.5, 0.5]),
    "logsumexp of -inf": Edge(lambda lib, x: x.logsumexp(0), [-inf, -inf], -inf, None),
    "logsumexp of inf": Edge(lambda lib, x: x.logsumexp(0), [inf, 0], inf, None),
    "softmax at 1e4": Edge(
        lambda lib, x: x.softmax(0), [-E4, 0, E4], [0, 0, 1], [0, 0, 0], "float32"),
    "softmax with -inf": Edge(lambda lib, x: x.softmax(0), [-inf, 0, 0], [0, 0.5, 0.5], [0, 0, 0]),
    "softmax of -inf": Edge(lambda lib, x: x.softmax(0), [-inf, -inf], [nan, nan], [nan, nan]),
    "log_softmax at 1e4": Edge(
        lambda lib, x: x.log_softmax(0), [-E4, E4], [-2 * E4, 0], [1, -1], "float32"),
    "log_softmax with -inf": Edge(
        lambda lib, x: x.log_softmax(0)[1], [-inf, 0], 0, [0, 0]),
    "cross entropy at 1e4": Edge(
        lambda lib, x: cross_entropy(lib, x, lib.tensor([0, 1])), [[-E4, E4], [-E4, E4]], E4,
        [[-0.5, 0.5], [0, 0]], "float32"),
    # contributions add
    "x * x": Edge(lambda lib, x: x * x, [3, -1], [9, 1], [6, -2]),
    "x @ x": Edge(lambda lib, x: x @ x, [[1, 2], [3, 4]], [[7, 10], [15, 22]], [[7, 11], [9, 13]]),
    "x / x": Edge(lambda lib, x: x / x, [3, -1], [1, 1], [0, 0]),
    "x - x": Edge(lambda lib, x: x - x, [3, -1], [0, 0], [0, 0]),
    "x ** x": Edge(lambda lib, x: x**x, [2], [4], [4 * (np.log(2) + 1)]),
    "a diamond": Edge(
        lambda lib, x: (x * 2) * (x + 1) + (x * 2), [1, 2], [6, 16], [8, 12]),
    "a tensor used five times": Edge(lambda lib, x: x + x + x + x * x, [2], [10], [7]),
    "cat with itself": Edge(lambda lib, x: lib.cat([x, x, x]), [1], [1, 1, 1], [3]),
    "repeated indices": Edge(
        lambda lib, x: x[[0, 0, 2, 0]], [1, 2, 3], [1, 1, 3, 1], [3, 0, 1]),
    "repeated index tensors": Edge(
        lambda lib, x: x[lib.tensor([1, 1]), lib.tensor([0, 0])], [[1, 2], [3, 4]], [3, 3],
        [[0, 0], [2, 0]]),
    "gather the same place": Edge(
        lambda lib, x: x.gather(0, lib.tensor([1, 1, 1])), [4, 5], [5, 5, 5], [0, 3]),
    "expand adds": Edge(lambda lib, x: x.expand(3, 2), [1, 2], [[1, 2]] * 3, [3, 3]),
    # nothing
    "sum of nothing": Edge(lambda lib, x: x.sum(), [], 0, []),
    "mean of nothing": Edge(lambda lib, x: x.mean(), [], nan, []),
    "var of nothing": Edge(lambda lib, x: x.var(), [], nan, []),
    "std of one": Edge(lambda lib, x: x.std(), [2], nan, [nan]),
    "product with nothing": Edge(
        lambda lib, x: x @ lib.zeros(0, 3, dtype=x.dtype), np.zeros((2, 0)), np.zeros((2, 3)),
        np.zeros((2, 0))),
    "softmax of nothing": Edge(
        lambda lib, x: x.softmax(1), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))),
    "log_softmax along nothing": Edge(
        lambda lib, x: x.log_softmax(1), np.zeros((2, 0)), np.zeros((2, 0)), np.zeros((2, 0))),
    "logsumexp of nothing": Edge(lambda lib, x: x.logsumexp(0), [], -inf, []),
    "all and any of nothing": Edge(
        lambda lib, x: lib.stack([x.all(), x.any()]), [], [True, False], None),
    "index of nothing": Edge(lambda lib, x: x[x > 9], [1, 2], [], [0, 0]),
    "cat with an empty vector": Edge(
        lambda lib, x: lib.cat([x, lib.zeros(0, dtype=x.dtype)]), [[1, 2]], [[1, 2]], [[1, 1]]),
    "argmax along a dim that is there": Edge(
        lambda lib, x: x.argmax(1), np.zeros((0, 3)), [], None),
    "relu of nothing": Edge(
        lambda lib, x: lib.relu(x), np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2))),
    # 0-d
    "0-d reductions": Edge(lambda lib, x: x.sum(0) + x.amax(-1) + x.softmax(0), 3, 7, 2),
    "0-d max(dim)": Edge(lambda lib, x: largest(x.max(0)), 3, 3, 1),
    # products, lengths, orders
    "prod with a zero": Edge(lambda lib, x: x.prod(), [2, 0, 3], 0, [0, 6, 0]),
    "prod with two zeros": Edge(lambda lib, x: x.prod(), [2, 0, 0], 0, [0, 0, 0]),
    "cumprod with a zero": Edge(lambda lib, x: x.cumprod(0), [2, 0, 3], [2, 0, 0], [1, 8, 0]),
    "norm at 0": Edge(lambda lib, x: x.norm(), [0, 0], 0, [0, 0]),
    "vector_norm of order 3 at 0": Edge(
        lambda lib, x: lib.linalg.vector_norm(x, 3), [0, 0], 0, [0, 0]),
    "nuclear norm of equal singular values": Edge(
        lambda lib, x: lib.linalg.matrix_norm(x, "nuc"), [[3, 0], [0, 3]], 6, [[1, 0], [0, 1]]),
    "sort is stable": Edge(
        lambda lib, x: x.sort(stable=True)[0] * lib.tensor([1, 2, 3, 4], dtype=x.dtype),
        [1, 0, 1, 0], [0, 0, 3, 4], [3, 1, 4, 2]),
    "the lower median": Edge(lambda lib, x: x.median(), [4, 1, 2, 3], 2, [0, 0, 1, 0]),
    "max-pool ties": Edge(
        lambda lib, x: lib.nn.functional.max_pool2d(x, 2), [[[5, 5], [5, 1]]], [[[5]]],
        [[[1, 0], [0, 0]]]),
    # activations and losses far out
    "logsigmoid at 1e4": Edge(
        lambda lib, x: lib.nn.functional.logsigmoid(x), [-E4, 0, E4], [-E4, -np.log(2), 0],
        [1, 0.5, 0], "float32"),
    "softplus at 1e4": Edge(
        lambda lib, x: lib.nn.functional.softplus(x), [-E4, 0, E4], [0, np.log(2), E4],
        [0, 0.5, 1], "float32"),
    "binary cross entropy with logits at 1e4": Edge(
        lambda lib, x: lib.nn.functional.binary_cross_entropy_with_logits(
            x, lib.tensor([1.0, 0.0, 1.0, 0.0]), reduction="none"),
        [-E4, -E4, E4, E4], [E4, 0, 0, E4], [-1, 0, 0, 1], "float32"),
    "kl_div with a target of 0": Edge(
        lambda lib, x: lib.nn.functional.kl_div(
            x, lib.tensor([0.0, 1.0], dtype=x.dtype), reduction="sum"),
        [-50, -1], 1, [0, -1]),
    # cross entropy
    "ignored labels count nothing": Edge(
        lambda lib, x: cross_entropy(lib, x, lib.tensor([0, -100])), [[0, 0], [5, -5]],
        np.log(2), [[-0.5, 0.5], [0, 0]]),
    "ignored labels hide infinities": Edge(
        lambda lib, x: lib.nn.functional.nll_loss(x, lib.tensor([0, 9]), ignore_index=9),
        [[-1, -2], [-inf, -inf]], 1, [[-1, 0], [0, 0]]),
    "all labels ignored": Edge(
        lambda lib, x: cross_entropy(lib, x, lib.tensor([-100])), [[1, 2]], nan, None),
    "weights divide by what counts": Edge(
        lambda lib, x: cross_entropy(lib, x, lib.tensor([0, 1]), weight=weights(lib, x)),
        [[0, 0], [0, 0]], np.log(2), [[-0.125, 0.125], [0.375, -0.375]]),
    "label smoothing": Edge(
        lambda lib, x: cross_entropy(lib, x, lib.tensor([0]), label_smoothing=0.5), [[0, 0]],
        np.log(2), [[-0.25, 0.25]]),
    "label smoothing with ignored labels and weights": Edge(
        lambda lib, x: cross_entropy(
            lib, x, lib.tensor([0, -100]), weight=weights(lib, x), label_smoothing=0.5),
        [[0, 0], [7, 1]], 1.5 * np.log(2), [[0, 0], [0, 0]]),
    "probabilities as targets": Edge(
        lambda lib, x: cross_entropy(lib, x, lib.tensor([[0.25, 0.75]], dtype=x.dtype)), [[0, 0]],
        np.log(2), [[0.25, -0.25]]),
    "probabilities with weights": Edge(
        lambda lib, x: cross_entropy(
            lib, x, lib.tensor([[0.5, 0.5]], dtype=x.dtype), weight=weights(lib, x)),
        [[0, 0]], 2 * np.log(2), [[0.5, -0.5]]),
    "one example without a batch": Edge(
        lambda lib, x: cross_entropy(lib, x, lib.tensor(1)), [0, 0], np.log(2), [0.5, -0.5]),
}  # fmt: skip


def check(lib, tensor, edge):
    x = tensor(edge.x).requires_grad_()
    y = edge.f(lib, x)
    tolerance = 1e-6 if edge.dtype == "float32" else 1e-12
    np.testing.assert_allclose(y.detach().numpy(), edge.value, rtol=tolerance, atol=tolerance)
    if edge.gradient is not None:
        y.sum().backward()
        expected = np.reshape(np.asarray(edge.gradient, edge.dtype), x.shape)
        np.testing.assert_allclose(x.grad.numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("edge", EDGES.values(), ids=EDGES)
def test_edge(edge):
    check(tg, lambda data: tg.tensor(data, dtype=edge.dtype), edge)


@pytest.mark.parity
@needs_torch
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@pytest.mark.parametrize("edge", EDGES.values(), ids=EDGES)
def test_edge_is_pytorchs(edge):
    check(torch, lambda data: torch.from_numpy(np.array(data, dtype=edge.dtype)), edge)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("label", [3, -1, 100])
def test_a_label_out_of_range_raises(label):
    scores = tg.zeros(2, 3, requires_grad=True)
    with pytest.raises(DimensionError, match=rf"expected class numbers 0 to 2, got {label}"):
        tg.nn.functional.cross_entropy(scores, tg.tensor([0, label]))
    assert scores.grad is None


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "argmax", "argmin"])
def test_no_extreme_of_nothing(name):
    with pytest.raises(DimensionError, match="expected at least one element"):
        getattr(tg.zeros(0), name)()
    with pytest.raises(DimensionError, match="expected at least one element"):
        getattr(tg.zeros(3, 0), name)(1)


# Calls that read alike in both libraries and that both refuse.
REFUSED = {
    "batch norm of one value in training": lambda lib: lib.nn.functional.batch_norm(
        lib.ones(1, 3), lib.zeros(3), lib.ones(3), training=True),
    "dropout above 1": lambda lib: lib.nn.functional.dropout(lib.ones(2), 1.5),
    "dropout below 0": lambda lib: lib.nn.functional.dropout(lib.ones(2), -0.1),
    "a probability above 1": lambda lib: lib.nn.functional.binary_cross_entropy(
        lib.tensor([1.5]), lib.ones(1)),
    "a reduction of another name": lambda lib: lib.nn.functional.mse_loss(
        lib.ones(1), lib.ones(1), reduction="all"),
    "an optimizer without parameters": lambda lib: lib.optim.SGD([], lr=0.1),
    "a matrix that is singular": lambda lib: lib.linalg.inv(lib.zeros(2, 2)),
    "backward twice": lambda lib: [
        y.backward() for y in [lib.ones(2, requires_grad=True).exp().sum()] * 2],
    "a negative step": lambda lib: lib.ones(3)[::-1],
    "a gradient of integers": lambda lib: lib.tensor([1, 2], requires_grad=True),
}  # fmt: skip


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused(call):
    with pytest.raises((ValueError, RuntimeError)):
        call(tg)


@pytest.mark.parity
@needs_torch
@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused_by_pytorch_with_an_error_that_is_raised_here(call):
    """Code that catches PyTorch's error catches ours."""
    with pytest.raises((ValueError, RuntimeError)) as caught:
        call(torch)
    kind = next(k for k in caught.type.__mro__ if k.__module__ == "builtins")
    with pytest.raises(kind):
        call(tg)


def test_the_truth_of_several_elements_is_ambiguous():
    with pytest.raises(ShapeError, match=r"use \.any\(\) or \.all\(\)"):
        bool(tg.zeros(2) == 0)


def test_a_clamp_needs_a_bound():
    with pytest.raises(TypeError, match="clamp: expected at least one of 'min' and 'max'"):
        tg.zeros(2).clamp()


# --- integers and bools ---------------------------------------------------------------------------


def test_integer_inputs():
    x = tg.arange(4)
    assert (x * x).tolist() == [0, 1, 4, 9]
    assert (x.relu(), x.abs(), x.clamp(1, 2), x.max())[2].tolist() == [1, 1, 2, 2]
    assert (x / 2).tolist() == [0, 0.5, 1, 1.5]
    assert x.sum().dtype == tg.int64
    assert not (x * 2).requires_grad
    weights = tg.ones(4, requires_grad=True)
    (weights * x).sum().backward()
    assert weights.grad.tolist() == [0, 1, 2, 3]


def test_bool_inputs():
    mask = tg.tensor([True, False, True])
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x * mask).sum().backward()
    assert x.grad.tolist() == [1, 0, 1]
    assert mask.sum().item() == 2
    assert mask.any() and not mask.all()
    assert x[mask].tolist() == [1, 3]


def test_comparisons_have_no_graph():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for result in (x > 1, x == x, x.argmax(), x.all()):
        assert not result.requires_grad
        with pytest.raises(GraphError, match="does not require a gradient"):
            tg.autograd.grad(result, x)


# --- nothing is said aloud ----------------------------------------------------------------------


def test_nan_and_inf_come_without_a_warning():
    """Warnings are errors here, and NumPy's own settings of the caller stay as they are."""
    before = np.geterr()
    x = tg.tensor([inf, 0.0, -1.0, nan], requires_grad=True)
    y = (x - x) + x / 0 + x.log() + x.sqrt() + (x * 1e300).exp() + x**-0.5 + x**x
    y = y + x.softmax(0) + x.log_softmax(0) + x.logsumexp(0) + x.var() + tg.zeros(0).mean()
    y.sum().backward()
    (g,) = tg.autograd.grad((x**x).sum(), x, create_graph=True)
    g.sum().backward()
    assert np.isnan(y.detach().numpy()).all()
    assert np.geterr() == before
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.ones(1) / np.zeros(1)
