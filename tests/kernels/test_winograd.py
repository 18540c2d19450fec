"""Winograd's convolution against the loops, where it is used, and what it does to inf and nan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import threads
from tinygrad_edu.kernels import conv_im2col, reference, winograd
from tinygrad_edu.kernels.columns import Plan

PLAIN = ((1, 1), (1, 1), (1, 1), 1)
LARGE = ((4, 64, 16, 16), (64, 64, 3, 3))  # shapes that are worth it
LAYOUTS = {
    "planes": lambda a: a,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "reversed": lambda a: a[::-1, ::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1, ::-1],
    "every second": lambda a: np.repeat(a, 2, axis=3)[..., ::2],
}


@pytest.fixture(autouse=True)
def _keep_settings():
    before = tg.backends.winograd, tg.get_num_threads()
    yield
    tg.backends.winograd = before[0]
    tg.set_num_threads(before[1])


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """The names of the functions of this kernel that were called."""
    seen: list[str] = []
    for name in ("conv2d", "conv2d_weight_grad"):
        function = getattr(winograd, name)
        monkeypatch.setattr(winograd, name, _noted(seen, name, function))
    return seen


def _noted(seen, name, function):
    def wrapper(*args):
        seen.append(name)
        return function(*args)

    return wrapper


def plan_of(x, w, settings=PLAIN, dtype=np.float32) -> Plan:
    return Plan.of(x, w, *settings, np.dtype(dtype))


def drawn(rng, x=LARGE[0], w=LARGE[1], settings=PLAIN, dtype=np.float32):
    """Return x, w and g of these shapes."""
    out = (x[0], w[0], *plan_of(x, w, settings).size)
    return [rng.standard_normal(shape).astype(dtype) for shape in (x, w, out)]


def all_three(kernels, x, w, g, settings=PLAIN):
    return (
        kernels.conv2d(x, w, *settings),
        kernels.conv2d_input_grad(g, w, x.shape, *settings),
        kernels.conv2d_weight_grad(x, g, w.shape, *settings),
    )


def in_double(x, w, g, settings=PLAIN):
    return all_three(conv_im2col, *(a.astype(np.float64) for a in (x, w, g)), settings)


# --- the numbers ----------------------------------------------------------------------------------


def test_the_product_of_polynomials_at_the_top_of_the_file(rng):
    g, h = rng.standard_normal(3), rng.standard_normal(4)
    product = winograd.BT.T @ ((winograd.G @ g) * (winograd.AT.T @ h))
    np.testing.assert_allclose(product, np.convolve(g, h), rtol=0, atol=1e-12)


def test_the_convolution_at_the_top_of_the_file(rng):
    w, d = rng.standard_normal((5, 3, 3)), rng.standard_normal((5, 6, 6))
    places = (winograd.G @ w @ winograd.G.T) * (winograd.BT @ d @ winograd.BT.T)
    y = winograd.AT @ places.sum(0) @ winograd.AT.T
    expected = reference.conv2d(d[None], w[None], (1, 1), (0, 0), (1, 1), 1)[0, 0]
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@st.composite
def problems(draw: st.DrawFn):
    n, c, f = draw(st.integers(0, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    size, padding = (draw(st.tuples(st.integers(least, most), st.integers(least, most)))
                     for least, most in ((1, 13), (0, 3)))  # fmt: skip
    assume(min(size[0] + 2 * padding[0], size[1] + 2 * padding[1]) >= 3)
    settings = ((1, 1), padding, (1, 1), 1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays = drawn(rng, (n, c, *size), (f, c, 3, 3), settings)
    return [LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](a) for a in arrays], settings


@given(problems(), st.sampled_from([1, 5, 128]), st.integers(1, 3), st.booleans())
def test_it_agrees_with_the_loops(problem, patches, parts, biased):
    (x, w, g), settings = problem
    bias = np.arange(len(w), dtype=np.float32) if biased else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_PATCHES", patches)
        patch.setattr(winograd, "_LEAST_GAIN", 0)
        patch.setattr(threads, "_LEAST", 1)
        tg.set_num_threads(parts)
        got = [
            conv_im2col.conv2d(x, w, *settings, bias),
            *all_three(conv_im2col, x, w, g, settings)[1:],
        ]
    out, *gradients = all_three(reference, *(a.astype(np.float64) for a in (x, w, g)), settings)
    out = out if bias is None else out + bias[:, None, None]
    for a, b in zip(got, [out, *gradients], strict=True):
        assert a.shape == b.shape and a.dtype == np.float32 and a.flags.writeable
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-4)


@pytest.mark.parametrize("c", [64, 256])
def test_errors_stay_small(rng, calls, c):
    x, w, g = drawn(rng, (4, c, 16, 16), (c, c, 3, 3))
    found, exact = all_three(conv_im2col, x, w, g), in_double(x, w, g)
    assert calls == ["conv2d", "conv2d", "conv2d_weight_grad"]
    for a, b in zip(found, exact, strict=True):
        assert np.abs(a - b).max() < 2e-5 * np.abs(b).max()


def test_the_same_bits_every_time(rng, monkeypatch, calls):
    monkeypatch.setattr(threads, "_LEAST", 1)
    tg.set_num_threads(3)
    x, w, g = drawn(rng, (7, *LARGE[0][1:]))
    first = all_three(conv_im2col, x, w, g)
    for _ in range(10):
        for a, b in zip(all_three(conv_im2col, x, w, g), first, strict=True):
            assert np.array_equal(a, b)
    assert len(calls) == 33


def test_the_arrays_are_not_written(rng):
    arrays = drawn(rng)
    kept = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    all_three(conv_im2col, *arrays)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, kept, strict=True))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e30])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_is_not_finite_stays_where_it_belongs(rng, calls, which, value):
    arrays = drawn(rng)
    arrays[which][1, 2, 1, 2] = value
    with np.errstate(invalid="ignore", over="ignore"):
        found = all_three(conv_im2col, *arrays)
        assert calls == ["conv2d", "conv2d", "conv2d_weight_grad"]
        with tg.backends.using(winograd=False):
            expected = all_three(conv_im2col, *arrays)
    if np.isfinite(value):
        exact = in_double(*arrays)
        for a, b in zip(found, exact, strict=True):
            assert np.abs(a - b).max() <= 2e-5 * np.abs(b).max()
        return
    touched = [i for i, a in enumerate(expected) if not np.isfinite(a).all()]
    assert len(touched) == 2
    for i in touched:
        assert np.array_equal(found[i], expected[i], equal_nan=True)


def test_what_overflows_only_here_is_left_to_im2col(rng, calls):
    """Sums of patches reach 100 times their entries, beyond the largest float32."""
    x, w, _ = drawn(rng)
    x, w = np.sign(x) * np.float32(2e37), w * np.float32(1e-3)
    found = conv_im2col.conv2d(x, w, *PLAIN)
    assert calls == ["conv2d"] and np.isfinite(found).all()
    with tg.backends.using(winograd=False):
        assert np.array_equal(found, conv_im2col.conv2d(x, w, *PLAIN))


# --- where it is used -----------------------------------------------------------------------------

TOO_SMALL = {
    "few channels": ((8, 8, 16, 16), (8, 8, 3, 3)),
    "few patches": ((1, 64, 8, 8), (64, 64, 3, 3)),
    "much beyond the map": ((64, 64, 5, 5), (64, 64, 3, 3)),
    "no images": ((0, 64, 16, 16), (64, 64, 3, 3)),
}


@pytest.mark.parametrize("x, w", TOO_SMALL.values(), ids=TOO_SMALL.keys())
def test_what_is_small_is_left_to_im2col(x, w):
    assert not winograd.pays(plan_of(x, w), x[0])


OTHER_WINDOWS = {
    "stride": (LARGE[1], ((1, 2), (1, 1), (1, 1), 1)),
    "dilation": (LARGE[1], ((1, 1), (1, 1), (2, 1), 1)),
    "groups": ((64, 32, 3, 3), ((1, 1), (1, 1), (1, 1), 2)),
    "kernel": ((64, 64, 3, 2), PLAIN),
}


@pytest.mark.parametrize("w, settings", OTHER_WINDOWS.values(), ids=OTHER_WINDOWS.keys())
def test_other_windows_are_left_to_im2col(rng, calls, w, settings):
    all_three(conv_im2col, *drawn(rng, LARGE[0], w, settings), settings)
    assert not calls


@pytest.mark.parametrize("dtypes", [(np.float64,) * 2, (np.float32, np.float64)])
def test_float64_is_never_computed_so(rng, calls, dtypes):
    x, w, g = drawn(rng)
    all_three(conv_im2col, x.astype(dtypes[0]), w.astype(dtypes[1]), g.astype(np.float64))
    assert not calls


def test_the_switch(rng, calls):
    arrays = drawn(rng)
    tg.backends.winograd = False
    plain = all_three(conv_im2col, *arrays)
    assert not calls
    tg.backends.winograd = True
    for a, b in zip(all_three(conv_im2col, *arrays), plain, strict=True):
        assert not np.array_equal(a, b)
    assert len(calls) == 3


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_layers_use_it_forward_and_backward(rng, calls, padding):
    settings = (PLAIN[0], (padding, padding), *PLAIN[2:])
    x, w, g = drawn(rng, (3, 64, 30, 30), settings=settings)
    bias = rng.standard_normal(len(w)).astype(np.float32)
    grads = []
    for dtype in (np.float32, np.float64):
        ins = [tg.tensor(a.astype(dtype), requires_grad=True) for a in (x, w, bias)]
        out = tg.nn.functional.conv2d(*ins, padding=padding)
        out.backward(tg.tensor(g.astype(dtype)))
        grads.append([out.detach().numpy(), *(t.grad.numpy() for t in ins)])
    assert calls == ["conv2d", "conv2d", "conv2d_weight_grad"]
    for a, b in zip(*grads, strict=True):
        assert np.abs(a - b).max() < 2e-5 * np.abs(b).max()


@pytest.mark.parity
@pytest.mark.parametrize("padding", [0, 1])
def test_transposed_layers_equal_pytorch(rng, calls, padding):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    x, w, _ = drawn(rng, (3, 64, 30, 30))
    ours = [tg.tensor(a, requires_grad=True) for a in (x, w)]
    theirs = [torch.from_numpy(a).requires_grad_() for a in (x, w)]
    out = tg.nn.functional.conv_transpose2d(*ours, padding=padding)
    expected = torch.nn.functional.conv_transpose2d(*theirs, padding=padding)
    out.square().sum().backward()
    expected.square().sum().backward()
    assert calls == ["conv2d", "conv2d", "conv2d_weight_grad"]
    pairs = [
        (out.detach(), expected.detach()),
        *((a.grad, b.grad) for a, b in zip(ours, theirs, strict=True)),
    ]
    for a, b in pairs:
        assert np.abs(a.numpy() - b.numpy()).max() < 2e-5 * np.abs(b.numpy()).max()
