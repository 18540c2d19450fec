"""Pooling on arrays: whole-array operations against loops, and both against PyTorch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tinygrad_edu import threads
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.kernels import pool, reference
from tinygrad_edu.kernels.checks import check_pool
from tinygrad_edu.kernels.windows import pool2d_output_size

BOTH = pytest.mark.parametrize("kernels", [reference, pool])
TWO = ((2, 2), (2, 2), (0, 0), (1, 1), False)  # 2 x 2 windows side by side


class Case(NamedTuple):
    x: np.ndarray
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    g: np.ndarray

    @property
    def max_settings(self) -> tuple:
        return self.kernel, self.stride, self.padding, self.dilation, self.ceil_mode

    @property
    def avg_settings(self) -> tuple:
        settings = self.kernel, self.stride, self.padding, self.ceil_mode
        return (*settings, self.count_include_pad, self.divisor_override)


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def cases(draw: st.DrawFn, most_dilation: int = 3) -> Case:
    """Small planes of a few values (so with many ties), some of them NaN or -inf."""
    kernel, stride, dilation = draw(pairs(1, 4)), draw(pairs(1, 4)), draw(pairs(1, most_dilation))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    shape = (draw(st.integers(0, 2)), draw(st.integers(1, 2)), *draw(pairs(1, 8)))
    ceil_mode = draw(st.booleans())
    try:
        check_pool("pool", shape, kernel, stride, padding, dilation, ceil_mode)
    except ShapeError:
        assume(False)
    size = pool2d_output_size(shape[2:], kernel, stride, padding, dilation, ceil_mode)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-2, 3, shape).astype(float)
    x[rng.random(shape) < draw(st.sampled_from([0, 0, 0.3]))] = np.nan
    x[rng.random(shape) < draw(st.sampled_from([0, 0, 0.6]))] = -np.inf
    divisor = draw(st.sampled_from([None, None, 3, -2]))
    g = rng.standard_normal((*shape[:2], *size))
    arguments = kernel, stride, padding, dilation, ceil_mode, draw(st.booleans()), divisor, g
    return Case(x, *arguments)


def finite(case: Case) -> np.ndarray:
    return np.nan_to_num(case.x, neginf=-7.5) + 0.25


# --- max pooling ----------------------------------------------------------------------------------


@given(cases())
def test_max_pool_agrees_with_the_loops(case):
    out, indices = pool.max_pool2d(case.x, *case.max_settings)
    expected, places = reference.max_pool2d(case.x, *case.max_settings)
    assert out.dtype == expected.dtype and indices.dtype == np.int64
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(indices, places)
    np.testing.assert_array_equal(pool.max_pool2d_values(case.x, *case.max_settings), out)


@given(cases())
def test_scatter_and_gather_agree_with_the_loops_and_are_adjoint(case):
    _, indices = pool.max_pool2d(case.x, *case.max_settings)
    x, g = finite(case), case.g
    gathered, scattered = (
        pool.max_pool2d_gather(x, indices),
        pool.max_pool2d_scatter(g, indices, x.shape),
    )
    np.testing.assert_array_equal(gathered, reference.max_pool2d_gather(x, indices))
    expected = reference.max_pool2d_scatter(g, indices, x.shape)
    np.testing.assert_allclose(scattered, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.vdot(gathered, g), np.vdot(x, scattered), rtol=1e-10, atol=1e-10)


ORDERS = st.sampled_from([(0, 1, 2, 3), (0, 2, 3, 1)])


@given(
    cases(), ORDERS, ORDERS, st.booleans(), st.sampled_from([0.0, np.inf, np.nan]),
    st.sampled_from([1, 2]),
)  # fmt: skip
def test_the_gradient_goes_to_the_winners(case, order_of_x, order_of_g, two, extreme, parts):
    """Whatever the memory order and the threads, and also where the gradient is inf or nan."""
    settings, g, x = case.max_settings, case.g, case.x
    if two:
        assume(min(x.shape[2:]) > 1)
        settings = (*TWO[:4], case.ceil_mode)
        size = pool2d_output_size(x.shape[2:], *settings)
        g = np.random.default_rng(0).standard_normal((*x.shape[:2], *size))
    g[..., :1] += extreme
    x, g = laid(x, order_of_x), laid(g, order_of_g)
    out, indices = reference.max_pool2d(x, *settings)
    expected = reference.max_pool2d_scatter(g, indices, x.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "_LEAST", 1)
        patch.setattr(threads, "_count", parts)
        found = pool.max_pool2d_input_grad(g, x, out, *settings[:4])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def laid(x: np.ndarray, order: tuple) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


@given(cases())
def test_the_gathered_entries_are_the_maxima(case):
    out, indices = pool.max_pool2d(case.x, *case.max_settings)
    np.testing.assert_array_equal(pool.max_pool2d_gather(case.x, indices), out)


@pytest.mark.parity
@given(cases())
def test_max_pool_equals_pytorch(case):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    x = torch.from_numpy(case.x).requires_grad_()
    expected, places = torch.nn.functional.max_pool2d(x, *case.max_settings, return_indices=True)
    out, indices = pool.max_pool2d(case.x, *case.max_settings)
    np.testing.assert_array_equal(out, expected.detach().numpy())
    np.testing.assert_array_equal(indices, places.numpy())
    expected.backward(torch.from_numpy(case.g))
    dx = pool.max_pool2d_scatter(case.g, indices, case.x.shape)
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=0, atol=1e-12)


@BOTH
def test_the_first_of_equals_wins(kernels):
    x = np.zeros((1, 1, 4, 4))
    _, indices = kernels.max_pool2d(x, *TWO)
    assert indices.tolist() == [[[[0, 2], [8, 10]]]]


@BOTH
def test_overlapping_windows_add(kernels):
    x = np.array([[[[0.0, 5.0, 0.0]]]])
    out, indices = kernels.max_pool2d(x, (1, 2), (1, 1), (0, 0), (1, 1), False)
    assert out.tolist() == [[[[5.0, 5.0]]]]
    assert kernels.max_pool2d_scatter(out, indices, x.shape).tolist() == [[[[0.0, 10.0, 0.0]]]]


@BOTH
def test_nan_wins_and_the_last_is_pointed_at(kernels):
    x = np.array([[[[np.nan, 9.0, np.nan, 1.0]]]])
    out, indices = kernels.max_pool2d(x, (1, 4), (1, 4), (0, 0), (1, 1), False)
    assert np.isnan(out).all() and indices.item() == 2


@BOTH
@pytest.mark.parametrize("low", [-3.0, -np.inf])
def test_padding_never_wins(kernels, low):
    x = np.full((1, 1, 2, 2), low)
    out, indices = kernels.max_pool2d(x, (2, 2), (2, 2), (1, 1), (1, 1), False)
    assert (out == low).all()
    assert indices.tolist() == [[[[0, 1], [2, 3]]]]


@BOTH
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, bool, np.float16])
def test_max_pool_keeps_every_dtype(kernels, dtype, rng):
    x = rng.integers(0, 2, (1, 2, 5, 5)).astype(dtype)
    out, indices = kernels.max_pool2d(x, (3, 3), (2, 2), (1, 1), (1, 1), False)
    expected, places = reference.max_pool2d(x.astype(float), (3, 3), (2, 2), (1, 1), (1, 1), False)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(indices, places)


def test_windows_of_more_than_255_entries(rng):
    x = rng.standard_normal((2, 1, 20, 40))
    settings = ((18, 17), (2, 23), (0, 0), (1, 1), False)
    for got, expected in zip(
        pool.max_pool2d(x, *settings), reference.max_pool2d(x, *settings), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


# --- average pooling ------------------------------------------------------------------------------


@given(cases(most_dilation=1))
def test_avg_pool_agrees_with_the_loops(case):
    x = finite(case)
    out = pool.avg_pool2d(x, *case.avg_settings)
    expected = reference.avg_pool2d(x, *case.avg_settings)
    assert out.dtype == expected.dtype and out.shape == expected.shape == case.g.shape
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)
    dx = pool.avg_pool2d_input_grad(case.g, x.shape, *case.avg_settings)
    expected = reference.avg_pool2d_input_grad(case.g, x.shape, *case.avg_settings)
    assert dx.dtype == expected.dtype and dx.shape == expected.shape == x.shape
    np.testing.assert_allclose(dx, expected, rtol=0, atol=1e-12)


@BOTH
@given(case=cases(most_dilation=1))
def test_avg_pool_gradient_is_the_adjoint(kernels, case):
    x = finite(case)
    out = kernels.avg_pool2d(x, *case.avg_settings)
    dx = kernels.avg_pool2d_input_grad(case.g, x.shape, *case.avg_settings)
    np.testing.assert_allclose(np.vdot(out, case.g), np.vdot(x, dx), rtol=1e-10, atol=1e-10)


@pytest.mark.parity
@given(cases(most_dilation=1))
def test_avg_pool_equals_pytorch(case):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    x = torch.from_numpy(finite(case)).requires_grad_()
    expected = torch.nn.functional.avg_pool2d(x, *case.avg_settings)
    out = pool.avg_pool2d(finite(case), *case.avg_settings)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=0, atol=1e-12)
    expected.backward(torch.from_numpy(case.g))
    dx = pool.avg_pool2d_input_grad(case.g, case.x.shape, *case.avg_settings)
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=0, atol=1e-12)


@BOTH
def test_what_an_average_counts(kernels):
    """3 wide windows at stride 2 over ones: padded at the left, over the end at the right."""
    x = np.ones((1, 1, 1, 5))
    window = ((1, 3), (1, 3), (0, 1), True)  # over -1..1, 2..4, and 5 (the padding) is no start
    assert kernels.avg_pool2d(x, *window, True, None).tolist() == [[[[2 / 3, 1.0]]]]
    assert kernels.avg_pool2d(x, *window, False, None).tolist() == [[[[1.0, 1.0]]]]
    assert kernels.avg_pool2d(x, *window, False, 2).tolist() == [[[[1.0, 1.5]]]]
    window = ((1, 4), (1, 3), (0, 0), True)  # over 0..3 and 3..6, of which 5 and 6 do not count
    assert kernels.avg_pool2d(x, *window, True, None).tolist() == [[[[1.0, 1.0]]]]


# --- what arrays may look like --------------------------------------------------------------------


def results(kernels, x, g) -> list[np.ndarray]:
    """All kernels on one input, with 3 x 3 windows at stride 2 and a border of 1."""
    window = ((3, 3), (2, 2), (1, 1))
    out, indices = kernels.max_pool2d(x, *window, (1, 1), False)
    return [
        out,
        indices,
        kernels.max_pool2d_gather(x, indices),
        kernels.max_pool2d_scatter(g, indices, x.shape),
        kernels.avg_pool2d(x, *window, False, True, None),
        kernels.avg_pool2d_input_grad(g, x.shape, *window, False, True, None),
    ]


def assert_same(got, expected):
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 if a.dtype == np.float32 else 1e-12)


@BOTH
def test_float32_stays_float32(kernels, rng):
    x, g = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((2, 3, 3, 3))
    got = results(kernels, x.astype(np.float32), g.astype(np.float32))
    assert [a.dtype for a in got] == [np.float32, np.int64, *[np.float32] * 4]
    for a, b in zip(got, results(reference, x, g), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@BOTH
@pytest.mark.parametrize("n, c", [(0, 3), (2, 0)])
def test_zero_size_batch_and_channels(kernels, n, c):
    got = results(kernels, np.ones((n, c, 6, 5)), np.ones((n, c, 3, 3)))
    large, small = (n, c, 6, 5), (n, c, 3, 3)
    assert [a.shape for a in got] == [small, small, small, large, small, large]


@BOTH
@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1, ::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1, ::-1],
        lambda a: np.ascontiguousarray(a.T).T,
        lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=3)[::2, :, :, ::3],
    ],
    ids=["reversed", "transposed", "every second"],
)
def test_memory_order_does_not_matter(kernels, view, rng):
    x, g = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((2, 3, 3, 3))
    assert_same(results(kernels, view(x), view(g)), results(reference, x, g))


@BOTH
def test_broadcast_gradients(kernels):
    x, g = np.arange(60.0).reshape(1, 2, 6, 5), np.broadcast_to(2.0, (1, 2, 3, 3))
    assert_same(results(kernels, x, g), results(reference, x, g.copy()))


@BOTH
def test_inputs_are_neither_written_nor_returned(kernels, rng):
    x, g = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((2, 3, 3, 3))
    kept = x.copy(), g.copy()
    x.flags.writeable = g.flags.writeable = False
    one = ((1, 1), (1, 1), (0, 0))
    got = [
        *results(kernels, x, g),
        kernels.max_pool2d(x, *one, (1, 1), False)[0],
        kernels.avg_pool2d(x, *one, False, True, None),
        kernels.avg_pool2d_input_grad(x, x.shape, *one, False, True, None),
    ]
    assert np.array_equal(x, kept[0]) and np.array_equal(g, kept[1])
    assert not any(np.shares_memory(a, b) for a in got for b in (x, g))
    np.testing.assert_array_equal(got[-3], x)


# --- the course's numbers -------------------------------------------------------------------------


@BOTH
def test_course_max_pool_forward(kernels):
    x = np.linspace(-0.3, 0.4, num=2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    out, _ = kernels.max_pool2d(x, *TWO)
    expected = [
        -0.26315789, -0.24842105, -0.20421053, -0.18947368, -0.14526316, -0.13052632,
        -0.08631579, -0.07157895, -0.02736842, -0.01263158, 0.03157895, 0.04631579,
        0.09052632, 0.10526316, 0.14947368, 0.16421053, 0.20842105, 0.22315789,
        0.26736842, 0.28210526, 0.32631579, 0.34105263, 0.38526316, 0.4,
    ]  # fmt: skip
    assert out.shape == (2, 3, 2, 2)
    np.testing.assert_allclose(out.ravel(), expected, rtol=1e-7, atol=5e-9)
    np.testing.assert_array_equal(out, x[:, :, 1::2, 1::2])


def test_course_max_pool_naive_against_fast():
    random = np.random.RandomState(231)
    x, g = random.randn(100, 3, 32, 32), random.randn(100, 3, 16, 16)
    out, indices = pool.max_pool2d(x, *TWO)
    expected, places = reference.max_pool2d(x, *TWO)
    assert np.array_equal(out, expected) and np.array_equal(indices, places)
    dx = pool.max_pool2d_scatter(g, indices, x.shape)
    assert np.array_equal(dx, reference.max_pool2d_scatter(g, places, x.shape))


# --- requests -------------------------------------------------------------------------------------


def test_settings_come_back_as_pairs():
    got = check_pool("max_pool2d", (3, 8, 8), 2)
    assert got == ((2, 2), (2, 2), (0, 0), (1, 1))
    got = check_pool("max_pool2d", (1, 3, 8, 8), (2, 3), (), [1, 0], np.int64(2), True)
    assert got == ((2, 3), (2, 3), (1, 0), (2, 2))
    assert all(type(i) is int for p in got for i in p)


X = (2, 3, 5, 6)
REFUSED = [
    ((5, 6), {}, ShapeError, r"'input': expected 4 dimensions .*, got shape \(5, 6\)"),
    ((2, 3, 5, 0), {}, ShapeError, r"'input': .*H and W not 0, got shape \(2, 3, 5, 0\)"),
    (X, {"kernel_size": 0}, ShapeError, r"'kernel_size': expected 1 or more .*, got 0"),
    (X, {"kernel_size": (2, 2, 2)}, ShapeError, r"'kernel_size': .*, got 3 of them"),
    (X, {"kernel_size": 2.0}, DTypeError, r"'kernel_size': expected an int or a pair .* got 2.0"),
    (X, {"kernel_size": (6, 2)}, ShapeError, r"fits into an input of 5 x 6.*got 6 x 2 .* empty"),
    (X, {"kernel_size": (9, 2), "ceil_mode": True, "stride": 2}, ShapeError, r"got 9 x 2 with"),
    (X, {"stride": 0}, ShapeError, r"'stride': expected 1 or more along each axis, got 0"),
    (X, {"stride": True}, DTypeError, r"'stride': expected an int or a pair of ints .*, got True"),
    (X, {"padding": -1}, ShapeError, r"'padding': expected 0 or more along each axis, got -1"),
    (X, {"padding": 2}, ShapeError, r"'padding': expected at most half of the kernel size 2 x 2"),
]
MAX_ONLY = [
    (X, {"padding": 2, "dilation": 3}, ShapeError, r"'padding': expected at most half"),
    (X, {"dilation": 0}, ShapeError, r"'dilation': expected 1 or more along each axis, got 0"),
    (X, {"dilation": 5}, ShapeError, r"got 2 x 2 with dilation \(5, 5\), which leaves the output"),
]
AVG_ONLY = [
    (X, {"divisor_override": 0}, ShapeError, r"'divisor_override': expected an int other than 0"),
    (X, {"divisor_override": 1.5}, DTypeError, r"'divisor_override': .* or None, got 1.5"),
]


@pytest.mark.parametrize("x, settings, error, message", REFUSED + MAX_ONLY + AVG_ONLY)
def test_bad_requests_are_named(x, settings, error, message):
    with pytest.raises(error, match=rf"^layer: argument .*{message}"):
        check_pool("layer", x, **{"kernel_size": 2} | settings)


@pytest.mark.parity
@pytest.mark.parametrize(
    "name, x, settings",
    [("max_pool2d", *row[:2]) for row in REFUSED + MAX_ONLY]
    + [("avg_pool2d", *row[:2]) for row in REFUSED + AVG_ONLY],
)
def test_pytorch_refuses_them_too(name, x, settings):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    with pytest.raises((RuntimeError, TypeError, IndexError)):
        getattr(torch.nn.functional, name)(torch.zeros(x), **{"kernel_size": 2} | settings)


def test_a_window_that_meets_no_input_is_refused():
    """PyTorch returns -inf and an index beyond the plane here."""
    with pytest.raises(ShapeError, match=r"'dilation': expected windows that meet .* 1 x 1, got"):
        check_pool("max_pool2d", (1, 1, 1, 1), 2, padding=1, dilation=2)
    with pytest.raises(ShapeError, match="steps from the padding over all of it"):
        check_pool("max_pool2d", (1, 1, 9, 2), (1, 3), 4, (0, 1), (1, 3), ceil_mode=True)


@pytest.mark.parity
@given(
    pairs(1, 8), pairs(1, 5), pairs(1, 4), pairs(0, 3), pairs(1, 3), st.booleans()
)  # fmt: skip
@example((5, 5), (2, 2), (3, 3), (1, 1), (1, 1), True)
def test_sizes_and_limits_are_those_of_pytorch(size, kernel, stride, padding, dilation, ceil_mode):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    settings = kernel, stride, padding, dilation, ceil_mode
    try:
        expected = torch.nn.functional.max_pool2d(torch.zeros(1, *size), *settings).shape[1:]
    except RuntimeError:
        with pytest.raises(ShapeError, match=r"at most half|leaves the output empty"):
            check_pool("max_pool2d", (1, *size), *settings)
    else:
        assert pool2d_output_size(size, *settings) == tuple(expected)
