"""`nn.utils` and `nn.init` beside PyTorch's."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytestmark = pytest.mark.parity

LIBRARIES = (tg, torch)
UTILS = [
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
    "parameters_to_vector", "vector_to_parameters",
]  # fmt: skip


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value if value is None else value.detach().numpy()


def same(build):
    """Whether both libraries give the same, and of the same dtype."""
    ours, theirs = (plain(build(lib)) for lib in LIBRARIES)
    np.testing.assert_equal(str(getattr(ours, "dtype", "")), str(getattr(theirs, "dtype", "")))
    pairs = [[v] if isinstance(v, np.ndarray) else v for v in (ours, theirs)]
    for one, other in zip(*pairs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def clipped(call, dtype="float64", grads=([1.0, -3.0], [[2.0, 0.5]], 4.0)):
    """What a call returns, and the gradients after it."""

    def build(lib):
        params = []
        for grad in grads:
            p = lib.zeros(np.shape(grad), dtype=getattr(lib, dtype), requires_grad=True)
            p.grad = lib.tensor(grad, dtype=getattr(lib, dtype))
            params.append(p)
        total = call(lib, params)
        return [p.grad for p in params] + ([] if total is None else [total])

    return build


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", [2.0, 1, 3, float("inf"), "inf", float("-inf"), -1, 0])
@pytest.mark.parametrize("max_norm", [0.5, 100.0, -1.0])
def test_clip_grad_norm(dtype, order, max_norm):
    same(clipped(lambda lib, p: lib.nn.utils.clip_grad_norm_(p, max_norm, order), dtype))


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan")])
def test_clip_grad_norm_of_what_is_not_finite(bad):
    same(clipped(lambda lib, p: lib.nn.utils.clip_grad_norm_(p, 1.0), grads=([1.0, bad], 2.0)))


@pytest.mark.parametrize("size", [1e-20, 1e25])
def test_clip_grad_norm_beyond_the_squares_of_float32(size):
    grads = ([size] * 1000, size)
    same(clipped(lambda lib, p: lib.nn.utils.clip_grad_norm_(p, 1.0), "float32", grads))


@pytest.mark.parametrize("bound", [0.75, 100, -1.0])
def test_clip_grad_value(bound):
    same(clipped(lambda lib, p: lib.nn.utils.clip_grad_value_(p, bound)))


def test_clip_grads_with_norm():
    def call(lib, p):
        lib.nn.utils.clip_grads_with_norm_(p, 1.0, lib.tensor(3.0, dtype=lib.float64))

    same(clipped(call))


def test_total_norm_of_different_dtypes():
    same(
        lambda lib: lib.nn.utils.get_total_norm(
            [lib.tensor([3.0, 4.0]), lib.tensor(1.0, dtype=lib.float64)]
        )
    )
    same(lambda lib: lib.nn.utils.get_total_norm([]))


def parts(lib):
    return [lib.arange(2.0 * n).reshape(n, 2) for n in (3, 1, 2)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_pad_sequence(batch_first, side):
    same(lambda lib: lib.nn.utils.rnn.pad_sequence(parts(lib), batch_first, 7.0, side))


@pytest.mark.parametrize("batch_first", [True, False])
def test_unpad_sequence(batch_first):
    def build(lib):
        padded = lib.nn.utils.rnn.pad_sequence(parts(lib), batch_first)
        return lib.nn.utils.rnn.unpad_sequence(padded, lib.tensor([3, 1, 2]), batch_first)

    same(build)


@pytest.mark.parametrize("name", [*UTILS, "rnn.pad_sequence", "rnn.unpad_sequence"])
def test_utils_take_the_same_arguments(name):
    def arguments(lib):
        *place, last = name.split(".")
        utils = lib.nn.utils.rnn if place else lib.nn.utils
        parameters = inspect.signature(getattr(utils, last)).parameters.values()
        return [(p.name, p.default, p.kind) for p in parameters]

    assert arguments(tg) == arguments(torch)


# --- initialisation -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", tg.nn.init.__all__)
def test_initialisers_take_the_same_arguments(name):
    ours, theirs = (
        [
            (p.name, p.default)
            for p in inspect.signature(getattr(lib.nn.init, name)).parameters.values()
        ]
        for lib in LIBRARIES
    )
    assert ours == theirs


def test_all_initialisers_of_pytorch_are_there():
    fillers = {name for name in vars(torch.nn.init) if name.endswith("_") and name[0] != "_"}
    assert fillers | {"calculate_gain"} == set(tg.nn.init.__all__)


EXACT = [
    "dirac_(w(4, 3, 3))", "dirac_(w(2, 3, 4))", "dirac_(w(6, 2, 3, 3), 3)", "dirac_(w(5, 5, 2, 2))",
    "dirac_(w(2, 2, 3, 3, 3))", "dirac_(w(0, 2, 3))", "eye_(w(3, 2))", "constant_(w(2), 0.5)",
    "ones_(w(2))", "zeros_(w(2))", "sparse_(w(5, 2), 1.0)", "trunc_normal_(w(3), a=2, b=2)",
    "orthogonal_(w(0, 2))", "orthogonal_(w(2, 2), gain=0).abs()",
]  # fmt: skip


@pytest.mark.parametrize("text", EXACT)
def test_initialisers_without_randomness(text):
    same(lambda lib: eval(text, vars(lib.nn.init) | {"w": lib.empty}))


RANDOM = [
    "trunc_normal_(w(200, 300))", "trunc_normal_(w(200, 300), 1.0, 0.5, 0.5, 3.0)",
    "trunc_normal_(w(200, 300), -1.0, 2.0, -1.0, 1.0)", "orthogonal_(w(300, 200))",
    "orthogonal_(w(200, 30, 5), 2.0)", "sparse_(w(200, 300), 0.4, 2.0)",
]  # fmt: skip


@pytest.mark.parametrize("text", RANDOM)
def test_initialisers_have_the_same_moments(text):
    found = []
    for lib in LIBRARIES:
        lib.manual_seed(0)
        w = eval(text, vars(lib.nn.init) | {"w": lib.empty}).numpy()
        found.append([w.mean(), w.std(), (w**4).mean() ** 0.25, (w == 0).mean()])
    np.testing.assert_allclose(*found, rtol=0.02, atol=0.015)


REFUSED = [
    "trunc_normal_(w(2), a=2, b=-2)", "trunc_normal_(w(2).long())", "dirac_(w(3, 2))",
    "dirac_(w(3, 2, 2), 2)", "orthogonal_(w(3))", "orthogonal_(w(2, 2).long())",
    "sparse_(w(3, 4, 5), 0.1)", "eye_(w(2))", "xavier_uniform_(w(3))", "xavier_normal_(w(3))",
    "kaiming_uniform_(w(2, 2), mode='x')", "kaiming_normal_(w(2, 2), nonlinearity='x')",
    "calculate_gain('foo')", "calculate_gain('leaky_relu', 'a')", "uniform_(w(2), 1, 0)",
    "normal_(w(2), 0, -1)", "uniform_(w(2).long())", "xavier_uniform_(w(3, 3), gain=-1.0)",
    "xavier_normal_(w(3, 3), gain=-1.0)", "constant_(w(2), 1j)",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_initialisers_refuse_the_same(text):
    with pytest.raises((ValueError, RuntimeError, TypeError)) as theirs:
        eval(text, vars(torch.nn.init) | {"w": torch.empty})
    kind = TypeError if theirs.type is NotImplementedError else theirs.type
    with pytest.raises(kind):
        eval(text, vars(tg.nn.init) | {"w": tg.empty})


@pytest.mark.parametrize(
    "text",
    ["trunc_normal_(w(2), mean=10.0)", "kaiming_uniform_(w(0, 3))", "kaiming_normal_(w(3, 0))",
     "trunc_normal_(w(2))", "xavier_uniform_(w(0, 3))", "orthogonal_(w(0, 3))"],
)  # fmt: skip
def test_initialisers_warn_of_the_same(text):
    counts = []
    for lib in LIBRARIES:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            eval(text, vars(lib.nn.init) | {"w": lib.empty})
        counts.append(len(caught))
    assert counts[0] == counts[1]
