"""Convolution on arrays: three implementations, one meaning."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinygrad_edu import threads
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.kernels import columns, conv_im2col, conv_lines, conv_scipy, reference
from tinygrad_edu.kernels.checks import check_conv
from tinygrad_edu.kernels.windows import Axis, conv2d_output_size

FAST = pytest.mark.parametrize("kernels", [conv_im2col, conv_scipy])
ALL = pytest.mark.parametrize("kernels", [reference, conv_im2col, conv_scipy])
PLAIN = ((1, 1), (0, 0), (1, 1), 1)


class Case(NamedTuple):
    x: np.ndarray
    w: np.ndarray
    g: np.ndarray
    settings: tuple


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    groups, channels, filters = (draw(st.integers(1, 3)) for _ in range(3))
    n, kernel, stride = draw(st.integers(0, 3)), draw(pairs(1, 3)), draw(pairs(1, 3))
    padding, dilation = draw(pairs(0, 3)), draw(pairs(1, 3))
    size = draw(pairs(1, 7))
    out_size = conv2d_output_size(size, kernel, stride, padding, dilation)
    assume(min(out_size) >= 1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Case(
        rng.standard_normal((n, groups * channels, *size)),
        rng.standard_normal((groups * filters, channels, *kernel)),
        rng.standard_normal((n, groups * filters, *out_size)),
        (stride, padding, dilation, groups),
    )


def all_three(kernels, case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, w, g, settings = case
    return (
        kernels.conv2d(x, w, *settings),
        kernels.conv2d_input_grad(g, w, x.shape, *settings),
        kernels.conv2d_weight_grad(x, g, w.shape, *settings),
    )


def random_case(rng, x=(2, 4, 9, 8), w=(6, 2, 3, 2), settings=((2, 1), (1, 1), (1, 2), 2)) -> Case:
    size = conv2d_output_size(x[2:], w[2:], *settings[:3])
    arrays = (rng.standard_normal(shape) for shape in (x, w, (x[0], w[0], *size)))
    return Case(*arrays, settings)


def assert_same(got, expected, rtol=0.0, atol=1e-10):
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def rel_error(a, b) -> float:
    return float(np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))))


# --- the meaning ----------------------------------------------------------------------------------


@given(cases())
def test_the_loops_compute_the_definition(case):
    """out[n, f, i, j] = sum of x[n, c, i s - p + k d, j s - p + m d] * w[f, c, k, m]."""
    x, w, _, ((sh, sw), (ph, pw), (dh, dw), groups) = case
    out = reference.conv2d(x, w, *case.settings)
    assert out.shape == case.g.shape
    share = len(w) // groups
    for n, f, i, j in np.ndindex(out.shape):
        total = 0.0
        for c, k, m in np.ndindex(w.shape[1:]):
            h, v = i * sh - ph + k * dh, j * sw - pw + m * dw
            if 0 <= h < x.shape[2] and 0 <= v < x.shape[3]:
                total += x[n, f // share * w.shape[1] + c, h, v] * w[f, c, k, m]
        assert abs(out[n, f, i, j] - total) < 1e-12


@FAST
@given(case=cases())
def test_fast_kernels_agree_with_the_loops(kernels, case):
    assert_same(all_three(kernels, case), all_three(reference, case))


@ALL
@given(case=cases())
def test_the_gradients_are_the_adjoints(kernels, case):
    """<conv(x, w), g> = <x, input gradient> = <w, weight gradient>."""
    out, dx, dw = all_three(kernels, case)
    value = np.vdot(out, case.g)
    scale = 1e-12 * (1 + np.abs(out).sum())
    assert abs(np.vdot(case.x, dx) - value) < scale
    assert abs(np.vdot(case.w, dw) - value) < scale


@given(cases(), st.sampled_from([1, 300, 2000]), st.integers(1, 3), st.booleans())
def test_im2col_cuts_tiles_and_threads_anywhere(case, tile_bytes, parts, last):
    """Whatever the tile, the number of threads, and the order of the memory."""
    laid = VIEWS["channels last"] if last else np.ascontiguousarray
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_TILE_BYTES", tile_bytes)
        patch.setattr(threads, "_LEAST", 1)
        patch.setattr(threads, "_count", parts)
        got = all_three(conv_im2col, case._replace(x=laid(case.x), g=laid(case.g)))
    assert_same(got, all_three(reference, case))


@given(cases(), st.sampled_from([1, 300, 2**21]), st.booleans())
def test_lines_agree_with_the_loops(case, tile_bytes, biased):
    (_, across), padding, dilation, _ = case.settings
    settings = ((1, across), padding, dilation, 1)
    rng, (f, _, *kernel) = np.random.default_rng(0), case.w.shape
    w = (f, case.x.shape[1], *kernel)
    case = random_case(rng, case.x.shape, w, settings)
    bias = np.arange(float(f)) if biased else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_TILE_BYTES", tile_bytes)
        plan = columns.Plan.of(case.x.shape, w, *settings, case.x.dtype)._replace(wide=1)
        out = conv_lines.conv2d(case.x, case.w, plan, bias)
        dw = conv_lines.conv2d_weight_grad(case.x, case.g, plan)
    expected, _, expected_dw = all_three(reference, case)
    expected = expected if bias is None else expected + bias[:, None, None]
    assert_same([out, dw], [expected, expected_dw])


LAYERS = {
    "few filters": ((2, 8, 9, 9), (6, 8, 3, 3), ((1, 1), (1, 1), (1, 1), 1), True),
    "steps across": ((2, 8, 9, 9), (6, 8, 3, 3), ((1, 2), (1, 1), (2, 2), 1), True),
    "steps down": ((2, 8, 9, 9), (6, 8, 3, 3), ((2, 1), (1, 1), (1, 1), 1), False),
    "many filters": ((2, 8, 9, 9), (40, 8, 3, 3), ((1, 1), (1, 1), (1, 1), 1), False),
    "few channels": ((2, 3, 9, 9), (6, 3, 9, 9), ((1, 1), (4, 4), (1, 1), 1), False),
    "groups": ((2, 16, 9, 9), (6, 8, 3, 3), ((1, 1), (1, 1), (1, 1), 2), False),
    "one row": ((2, 8, 9, 9), (6, 8, 1, 3), ((1, 1), (0, 1), (1, 1), 1), False),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("x, w, settings, lines", LAYERS.values(), ids=LAYERS.keys())
def test_few_filters_go_by_lines(monkeypatch, rng, x, w, settings, lines, dtype):
    calls = []
    for name in ("conv2d", "conv2d_weight_grad"):
        monkeypatch.setattr(conv_lines, name, noted(calls, getattr(conv_lines, name)))
    case = random_case(rng, x, w, settings)
    case = Case(*(a.astype(dtype) for a in case[:3]), settings)
    conv_im2col.conv2d(case.x, case.w, *settings)
    conv_im2col.conv2d_weight_grad(case.x, case.g, case.w.shape, *settings)
    assert len(calls) == (2 if lines and dtype != np.float16 else 0)


def noted(calls: list, function):
    def wrapper(*args):
        calls.append(function)
        return function(*args)

    return wrapper


@given(cases())
def test_im2col_writes_columns_back_where_it_could_convolve_too(case):
    x, w, g, settings = case
    expected = reference.conv2d_input_grad(g, w, x.shape, *settings)
    assert_same([conv_im2col._col2im(g, w, x.shape, *settings)], [expected])


@pytest.mark.parametrize("method", ["direct", "fft"])
@given(case=cases())
def test_scipy_agrees_by_either_method(method, case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv_scipy.signal, "choose_conv_method", lambda *a, **k: method)
        patch.setattr(conv_scipy, "_BLOCK_BYTES", 1)
        assert_same(all_three(conv_scipy, case), all_three(reference, case))


def test_scipy_uses_ffts_for_large_kernels(rng, monkeypatch):
    calls = []
    fftconvolve = conv_scipy.signal.fftconvolve

    def counted(*args, **settings):
        calls.append(1)
        return fftconvolve(*args, **settings)

    monkeypatch.setattr(conv_scipy.signal, "fftconvolve", counted)
    case = random_case(rng, (2, 2, 64, 64), (3, 2, 15, 15), ((1, 1), (7, 7), (1, 1), 1))
    got = all_three(conv_scipy, case)
    assert calls
    assert_same(got, all_three(conv_im2col, case), atol=1e-10)


@pytest.mark.parity
@given(case=cases())
def test_conv2d_equals_pytorch(case):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    assume(len(case.x))
    x, w = (torch.from_numpy(a).requires_grad_() for a in (case.x, case.w))
    stride, padding, dilation, groups = case.settings
    out = torch.nn.functional.conv2d(x, w, None, stride, padding, dilation, groups)
    out.backward(torch.from_numpy(case.g))
    expected = [t.detach().numpy() for t in (out, x.grad, w.grad)]
    assert_same(all_three(conv_im2col, case), expected)


# --- what arrays may look like --------------------------------------------------------------------


@ALL
def test_float32_stays_float32(kernels, rng):
    case = random_case(rng)
    single = Case(*(a.astype(np.float32) for a in case[:3]), case.settings)
    for a, b in zip(all_three(kernels, single), all_three(reference, case), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@ALL
def test_mixed_dtypes_promote(kernels, rng):
    x, w, g, settings = random_case(rng)
    got = all_three(kernels, Case(x, w.astype(np.float32), g, settings))
    assert_same(got, all_three(reference, Case(x, w.astype(np.float32), g, settings)))
    assert all(a.dtype == np.float64 for a in got)


@ALL
def test_integers_are_exact(kernels, rng):
    case = random_case(rng)
    whole = Case(*((10 * a).astype(np.int64) for a in case[:3]), case.settings)
    assert_same(all_three(kernels, whole), all_three(reference, whole), atol=0)


def test_scipy_names_the_dtypes_it_cannot_do(rng):
    x, w, _, settings = random_case(rng)
    with pytest.raises(DTypeError, match=r"float32.*got float16; convert it first"):
        conv_scipy.conv2d(x.astype(np.float16), w.astype(np.float16), *settings)


@ALL
@pytest.mark.parametrize("settings", [PLAIN, ((2, 2), (1, 1), (1, 1), 1)])
def test_zero_size_batch_and_channels(kernels, settings):
    for n, c in [(0, 2), (2, 0), (0, 0)]:
        x, w = np.ones((n, c, 5, 4)), np.ones((3, c, 1, 1))
        out = kernels.conv2d(x, w, *settings)
        assert out.shape == (n, 3, *conv2d_output_size((5, 4), (1, 1), *settings[:3]))
        assert not out.any()
        assert kernels.conv2d_input_grad(out, w, x.shape, *settings).shape == x.shape
        dw = kernels.conv2d_weight_grad(x, out, w.shape, *settings)
        assert dw.shape == w.shape and not dw.any()


VIEWS = {
    "reversed": lambda a: a[::-1, ::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1, ::-1],
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "every second": lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=3)[::2, :, :, ::3],
    "Fortran": np.asfortranarray,
}


@ALL
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
@pytest.mark.parametrize("shape", [(6, 2, 3, 2), (6, 4, 1, 1)], ids=["3x2", "1x1"])
def test_memory_order_does_not_matter(kernels, view, shape, rng):
    settings = PLAIN if shape[2] == 1 else ((2, 1), (1, 1), (1, 2), 2)
    case = random_case(rng, w=shape, settings=settings)
    viewed = Case(*map(view, case[:3]), settings)
    assert all(np.array_equal(a, b) for a, b in zip(viewed[:3], case[:3], strict=True))
    got = all_three(kernels, viewed)
    assert_same(got, all_three(reference, case))
    assert all(is_dense(a) and a.flags.writeable for a in got)


def is_dense(a: np.ndarray) -> bool:
    """Whether memory runs without gaps, over (N, C, H, W) or channels last."""
    return a.flags.c_contiguous or a.transpose(0, 2, 3, 1).flags.c_contiguous


@ALL
def test_broadcast_gradients(kernels):
    """The gradient of a sum: one number in memory, seen everywhere."""
    x, w = np.arange(32.0).reshape(1, 2, 4, 4), np.arange(16.0).reshape(2, 2, 2, 2)
    g = np.broadcast_to(1.0, (1, 2, 3, 3))
    case = Case(x, w, g, PLAIN)
    assert_same(all_three(kernels, case), all_three(reference, case._replace(g=g.copy())))


@ALL
@pytest.mark.parametrize("shape", [(6, 2, 3, 2), (6, 4, 1, 1)], ids=["3x2", "1x1"])
def test_inputs_are_neither_written_nor_returned(kernels, shape, rng):
    settings = PLAIN if shape[2] == 1 else ((2, 1), (1, 1), (1, 2), 2)
    case = random_case(rng, w=shape, settings=settings)
    kept = [a.copy() for a in case[:3]]
    for a in case[:3]:
        a.flags.writeable = False
    results = all_three(kernels, case)
    for a, b in zip(case[:3], kept, strict=True):
        assert np.array_equal(a, b)
        assert not any(np.shares_memory(a, result) for result in results)


@ALL
def test_a_nan_stays_in_its_windows(kernels, rng):
    x = rng.standard_normal((2, 2, 40, 40))
    w = rng.standard_normal((2, 2, 9, 9))
    x[0, 1, 20, 3] = np.nan
    out = kernels.conv2d(x, w, *PLAIN)
    expected = np.zeros(out.shape, bool)
    expected[0, :, 12:21, :4] = True
    assert np.array_equal(np.isnan(out), expected)


@ALL
def test_input_gradient_where_the_stride_never_reached(kernels):
    """At stride 5, planes of 2 to 6 give one output each; what it never saw gets zero."""
    w, g = np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1))
    for size in [(2, 6), (5, 5), (6, 3)]:
        assert conv2d_output_size(size, (2, 2), (5, 5), (0, 0), (1, 1)) == (1, 1)
        dx = kernels.conv2d_input_grad(g, w, (1, 1, *size), (5, 5), (0, 0), (1, 1), 1)
        expected = np.zeros((1, 1, *size))
        expected[:, :, :2, :2] = 1
        assert_same([dx], [expected])


@ALL
def test_padding_wider_than_the_kernel(kernels, rng):
    case = random_case(rng, (2, 3, 4, 4), (2, 3, 2, 1), ((1, 1), (3, 4), (1, 1), 1))
    assert_same(all_three(kernels, case), all_three(reference, case))


# --- the course's numbers -------------------------------------------------------------------------


@ALL
def test_course_conv_forward_naive(kernels):
    x = np.linspace(-0.1, 0.5, num=2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    w = np.linspace(-0.2, 0.3, num=3 * 3 * 4 * 4).reshape(3, 3, 4, 4)
    b = np.linspace(-0.1, 0.2, num=3)
    out = kernels.conv2d(x, w, (2, 2), (1, 1), (1, 1), 1) + b[:, None, None]
    expected = [
        -0.08759809, -0.10987781, -0.18387192, -0.2109216, 0.21027089, 0.21661097, 0.22847626,
        0.23004637, 0.50813986, 0.54309974, 0.64082444, 0.67101435, -0.98053589, -1.03143541,
        -1.19128892, -1.24695841, 0.69108355, 0.66880383, 0.59480972, 0.56776003, 2.36270298,
        2.36904306, 2.38090835, 2.38247847,
    ]  # fmt: skip
    assert rel_error(out.ravel(), np.array(expected)) < 1e-7


@ALL
def test_course_conv_backward_naive(kernels):
    random = np.random.RandomState(231)
    x, w = random.randn(4, 3, 5, 5), random.randn(2, 3, 3, 3)
    random.randn(2)
    g = random.randn(4, 2, 5, 5)
    settings = ((1, 1), (1, 1), (1, 1), 1)
    dx = kernels.conv2d_input_grad(g, w, x.shape, *settings)
    dw = kernels.conv2d_weight_grad(x, g, w.shape, *settings)
    for array, gradient in ((x, dx), (w, dw)):
        numerical = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            value = array[index]
            array[index] = value + 1e-5
            plus = kernels.conv2d(x, w, *settings)
            array[index] = value - 1e-5
            minus = kernels.conv2d(x, w, *settings)
            array[index] = value
            numerical[index] = np.sum((plus - minus) * g) / 2e-5
        assert rel_error(gradient, numerical) < 1e-7


@pytest.mark.slow
@FAST
def test_course_naive_against_fast(kernels):
    random = np.random.RandomState(231)
    x, w = random.randn(100, 3, 31, 31), random.randn(25, 3, 3, 3)
    random.randn(25)
    g = random.randn(100, 25, 16, 16)
    case = Case(x, w, g, ((2, 2), (1, 1), (1, 1), 1))
    assert_same(all_three(kernels, case), naive_of_the_course(case), atol=1e-10)


_naive: list[tuple[np.ndarray, ...]] = []


def naive_of_the_course(case: Case) -> tuple[np.ndarray, ...]:
    """The loops take seconds here, so once is enough."""
    if not _naive:
        _naive.append(all_three(reference, case))
    return _naive[0]


# --- requests -------------------------------------------------------------------------------------


def test_settings_come_back_as_pairs():
    assert check_conv((2, 3, 5, 5), (4, 3, 3, 3)) == ((1, 1), (0, 0), (1, 1), 1)
    got = check_conv((4, 5, 6), (4, 2, 2, 2), [2], (1, 0), np.int64(2), np.int32(2))
    assert got == ((2, 2), (1, 0), (2, 2), 2)
    assert all(type(i) is int for p in got[:3] for i in p) and type(got[3]) is int


def test_padding_by_name():
    assert check_conv((1, 1, 5, 5), (1, 1, 3, 3), padding="valid")[1] == (0, 0)
    assert check_conv((1, 1, 5, 5), (1, 1, 3, 5), padding="same", dilation=(2, 1))[1] == (2, 2)
    assert check_conv((1, 1, 5, 5), (1, 1, 2, 3), padding="same", dilation=(2, 1))[1] == (1, 1)
    assert check_conv((1, 1, 1, 1), (1, 1, 2, 5), padding="same")[1] == (0, 2)


X, W = (2, 4, 5, 6), (6, 4, 3, 3)
REFUSED = [
    ((5, 6), W, {}, ShapeError, r"'input': expected 4 dimensions .*, got shape \(5, 6\)"),
    ((2, 4, 0, 6), W, {}, ShapeError, r"'input': .*H and W not 0, got shape \(2, 4, 0, 6\)"),
    (X, (6, 4, 3), {}, ShapeError, r"'weight': expected 4 dimensions .*, got shape \(6, 4, 3\)"),
    (X, (0, 4, 3, 3), {}, ShapeError, r"'weight': .*with a filter.*got shape \(0, 4, 3, 3\)"),
    (X, (6, 4, 0, 3), {}, ShapeError, r"'weight': .*kernel not empty, got shape \(6, 4, 0, 3\)"),
    (X, (6, 3, 3, 3), {}, ShapeError, r"'input': expected 3 channels .*, got 4 channels in shape"),
    (
        X,
        W,
        {"groups": 2},
        ShapeError,
        r"expected 8 channels for weight .* groups=2, got 4 channels",
    ),
    (X, (5, 2, 3, 3), {"groups": 2}, ShapeError, r"divisible by groups=2, got 5 in shape"),
    (X, W, {"groups": 0}, ShapeError, r"'groups': expected 1 or more, got 0"),
    (X, W, {"groups": 1.0}, DTypeError, r"'groups': expected an int, got 1.0"),
    (X, W, {"groups": (1, 1)}, DTypeError, r"'groups': expected an int, got \(1, 1\)"),
    (X, W, {"stride": 0}, ShapeError, r"'stride': expected 1 or more along each axis, got 0"),
    (X, W, {"stride": (1, -2)}, ShapeError, r"'stride': expected 1 or more .*, got \(1, -2\)"),
    (X, W, {"stride": (1, 1, 1)}, ShapeError, r"'stride': .*pair of ints \(h, w\), got 3 of them"),
    (X, W, {"stride": ()}, ShapeError, r"'stride': .*pair of ints \(h, w\), got 0 of them"),
    (X, W, {"stride": 1.5}, DTypeError, r"'stride': expected an int or a pair .*, got 1.5"),
    (X, W, {"stride": True}, DTypeError, r"'stride': expected an int or a pair .*, got True"),
    (X, W, {"padding": -1}, ShapeError, r"'padding': expected 0 or more .*, got -1"),
    (X, W, {"padding": "some"}, ShapeError, r"'padding': expected ints, 'same' or 'valid', got"),
    (X, W, {"padding": "same", "stride": 2}, ShapeError, r"got 'same' with stride \(2, 2\)"),
    (X, W, {"dilation": 0}, ShapeError, r"'dilation': expected 1 or more .*, got 0"),
    (X, (6, 4, 6, 3), {}, ShapeError, r"'weight': .*fits into an input of 5 x 6.*, got 6 x 3"),
    (X, W, {"dilation": (1, 3)}, ShapeError, r"got 3 x 3 with dilation \(1, 3\); use a smaller"),
]


@pytest.mark.parametrize("x, w, settings, error, message", REFUSED)
def test_bad_requests_are_named(x, w, settings, error, message):
    with pytest.raises(error, match=rf"^layer: argument .*{message}"):
        check_conv(x, w, **settings, op="layer")


@pytest.mark.parity
@pytest.mark.parametrize("x, w, settings", [row[:3] for row in REFUSED])
def test_pytorch_refuses_them_too(x, w, settings):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    with pytest.raises((RuntimeError, TypeError)):
        torch.nn.functional.conv2d(torch.zeros(x), torch.zeros(w), **settings)


@pytest.mark.parity
@given(st.data())
def test_sizes_and_limits_are_those_of_pytorch(data):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    size, kernel, stride = data.draw(pairs(1, 6)), data.draw(pairs(1, 4)), data.draw(pairs(1, 4))
    padding, dilation = data.draw(pairs(0, 3)), data.draw(pairs(1, 3))
    x, w = torch.zeros(1, 1, *size), torch.zeros(1, 1, *kernel)
    try:
        expected = tuple(
            torch.nn.functional.conv2d(x, w, None, stride, padding, dilation).shape[2:]
        )
    except RuntimeError:
        with pytest.raises(ShapeError, match="fits into"):
            check_conv(x.shape, w.shape, stride, padding, dilation)
    else:
        settings = check_conv(x.shape, w.shape, stride, padding, dilation)
        assert conv2d_output_size(size, kernel, *settings[:3]) == expected


@given(st.data())
def test_taps_visit_what_the_windows_see(data):
    """All taps together pair each window with each input position it sees, once."""
    small = st.integers(1, 4)
    size, padding = data.draw(st.integers(1, 8)), data.draw(st.integers(0, 4))
    axis = Axis(size, data.draw(small), data.draw(small), padding, data.draw(small))
    count, start = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 3))
    visited = [
        (k, place, start + o)
        for k, inside, outside in axis.taps(count, start)
        for place, o in zip(range(size)[inside], range(count)[outside], strict=True)
    ]
    expected = [
        (k, place, o)
        for k in range(axis.kernel)
        for o in range(start, start + count)
        if 0 <= (place := o * axis.stride - padding + k * axis.dilation) < size
    ]
    assert visited == expected
