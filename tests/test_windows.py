"""What the ops on windows promise beyond the generic tests: adjoints, NaN, ties, messages."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.kernels.taps import add_taps, turned

RNG = np.random.default_rng(0)


def randn(*shape):
    return tg.from_numpy(RNG.standard_normal(shape))


# --- adjoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    [{}, {"stride": 2}, {"stride": 3, "padding": 1}, {"dilation": 2, "padding": 2}, {"groups": 2}],
    ids=str,
)
def test_conv_transpose_is_the_adjoint_of_conv(how):
    x, w = randn(2, 4, 9, 9), randn(6, 4 // how.get("groups", 1), 3, 3)
    y = F.conv2d(x, w, **how)
    g = randn(*y.shape)
    free = 9 + 2 * how.get("padding", 0) - how.get("dilation", 1) * 2 - 1
    back = F.conv_transpose2d(g, w, **how, output_padding=free % how.get("stride", 1))
    assert back.shape == x.shape
    assert (y * g).sum().item() == pytest.approx((x * back).sum().item())


def test_fold_adds_where_unfold_reads():
    x = randn(2, 3, 5, 6)
    how = {"kernel_size": (2, 3), "stride": (1, 2), "padding": 1}
    columns = F.unfold(x, **how)
    g = randn(*columns.shape)
    back = F.fold(g, (5, 6), **how)
    assert (columns * g).sum().item() == pytest.approx((x * back).sum().item())
    visits = F.fold(F.unfold(tg.ones(1, 1, 5, 6), **how), (5, 6), **how)
    np.testing.assert_allclose(F.fold(columns, (5, 6), **how).numpy(), (x * visits).numpy())


def test_a_convolution_is_a_matrix_product_of_columns():
    x, w = randn(2, 3, 6, 5), randn(4, 3, 3, 2)
    product = w.reshape(4, -1) @ F.unfold(x, (3, 2), padding=1)
    expected = F.conv2d(x, w, padding=1)
    np.testing.assert_allclose(product.reshape(*expected.shape).numpy(), expected.numpy())


def test_turned_taps_are_the_transposed_matrix():
    to = np.array([0, 0, 1, 3, 3, 3, 4])
    taps = ((to, np.array([1, 4, 0, 2, 3, 1, 0]), RNG.standard_normal(7)),)
    columns = [add_taps(e, 0, 5, taps) for e in np.eye(6)]
    # The places read are not neighbours where they repeat, so they go one by one.
    single = tuple([tuple([part[j : j + 1] for part in taps[0]]) for j in range(7)])
    rows = [add_taps(e, 0, 6, turned(single)) for e in np.eye(5)]
    np.testing.assert_allclose(np.transpose(columns), rows)


# --- convolution --------------------------------------------------------------------------------


def test_same_padding_of_an_even_kernel_stands_at_the_end():
    x = tg.tensor([[1.0, 2.0, 3.0]])
    out = F.conv1d(x, tg.tensor([[[1.0, 10.0]]]), padding="same")
    assert out.tolist() == [[21.0, 32.0, 3.0]]


@pytest.mark.parametrize("kernel", [(2, 2), (4, 3), (1, 6)])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_keeps_the_size(kernel, dilation):
    out = F.conv2d(randn(1, 2, 3, 1), randn(1, 2, *kernel), padding="same", dilation=dilation)
    assert out.shape == (1, 1, 3, 1)


def test_signals_give_what_planes_with_one_row_give():
    x, w, b = randn(2, 3, 8), randn(4, 3, 3), randn(4)
    planes = F.conv2d(x[:, :, None], w[:, :, None], b, stride=(1, 2), padding=(0, 1))
    np.testing.assert_array_equal(F.conv1d(x, w, b, 2, 1).numpy(), planes[:, :, 0].numpy())
    assert F.conv1d(x[0], w, b).shape == (4, 6)


# --- pooling ------------------------------------------------------------------------------------


def test_indices_say_where_the_largest_elements_were():
    x = randn(2, 3, 5, 7).requires_grad_()
    for out, places in (
        F.max_pool2d(x, 3, 2, 1, return_indices=True),
        F.adaptive_max_pool2d(x, (3, 2), return_indices=True),
    ):
        assert str(places.dtype) == "int64"
        assert not places.requires_grad
        read = x.reshape(2, 3, -1).gather(2, places.reshape(2, 3, -1))
        np.testing.assert_array_equal(read.detach().numpy(), out.detach().numpy().reshape(2, 3, -1))


def test_the_first_of_equal_ones_and_the_last_nan_win():
    x = tg.ones(1, 2, 4)
    assert F.adaptive_max_pool2d(x, 1, return_indices=True)[1].item() == 0
    x[0, 0, 1] = x[0, 1, 2] = float("nan")
    out, place = F.adaptive_max_pool2d(x, 1, return_indices=True)
    assert np.isnan(out.item())
    assert place.item() == 6


@pytest.mark.parametrize("pool", [F.adaptive_avg_pool2d, F.adaptive_max_pool2d])
def test_adaptive_pooling_to_nothing(pool):
    x = tg.ones(1, 2, 4, 4, requires_grad=True)
    pool(x, (3, 0)).sum().backward()
    assert pool(x, (3, 0)).shape == (1, 2, 3, 0)
    assert not x.grad.any()


def test_means_of_integers_are_cut_towards_zero():
    x = tg.tensor([[-3, -4, 3, 4]])
    assert F.avg_pool1d(x, 2).tolist() == [[-3, 3]]
    assert str(F.avg_pool1d(x, 2).dtype) == "int64"
    assert F.avg_pool2d(x[None], (1, 2), divisor_override=-4).tolist() == [[[1, -1]]]


# --- padding and resampling ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["int64", "bool", "uint8", "float32"])
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_padding_keeps_the_dtype(kind, mode):
    x = np.array([[1, 0, 1]], kind)
    assert F.pad(tg.from_numpy(x), (1, 2), mode).dtype == x.dtype


def test_nearest_takes_bytes():
    x = tg.from_numpy(np.array([[[7, 200]]], np.uint8))
    assert F.interpolate(x, 4).tolist() == [[[7, 7, 200, 200]]]


def test_a_nan_spreads_no_further_than_its_windows():
    x = tg.zeros(1, 1, 8)
    x[0, 0, 3] = float("nan")
    assert np.flatnonzero(np.isnan(F.interpolate(x, 16).numpy())).tolist() == [6, 7]
    assert np.flatnonzero(np.isnan(F.pad(x, (2, 2), "reflect").numpy())).tolist() == [5]


def test_corners_stay_with_align_corners():
    x = randn(1, 1, 3, 4)
    out = F.interpolate(x, (7, 9), mode="bilinear", align_corners=True)
    for place in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert out[0, 0][place].item() == pytest.approx(x[0, 0][place].item())


# --- messages -----------------------------------------------------------------------------------

X = tg.ones(1, 2, 4, 4)
REFUSED = [
    (
        lambda: F.conv1d(X, tg.ones(1, 2, 3)),
        ShapeError,
        r"conv1d: .*'input': expected 3 dim.*\(N, C, L\)",
    ),
    (
        lambda: F.conv1d(X[0], tg.ones(1, 4, 3), stride=(1, 1)),
        ShapeError,
        r"'stride': expected an int",
    ),
    (
        lambda: F.conv2d(X, tg.ones(1, 2, 2, 2), padding="same", stride=2),
        ShapeError,
        r"'same' with stride",
    ),
    (
        lambda: F.conv_transpose2d(X, tg.ones(3, 1, 2, 2)),
        ShapeError,
        r"expected 3 channels .*got 2 channels",
    ),
    (
        lambda: F.conv_transpose2d(X, tg.ones(2, 1, 2, 2), output_padding=1),
        ShapeError,
        r"'output_padding': expected less than the stride",
    ),
    (
        lambda: F.conv_transpose2d(X, tg.ones(2, 1, 2, 2), padding=3),
        ShapeError,
        r"something is left",
    ),
    (
        lambda: F.conv_transpose2d(X, tg.ones(2, 1, 2, 2), tg.ones(2)),
        ShapeError,
        r"'bias': .*\(1,\).*got \(2,\)",
    ),
    (
        lambda: F.conv_transpose1d(X, tg.ones(2, 1, 2)),
        ShapeError,
        r"conv_transpose1d: argument 'input'",
    ),
    (lambda: F.max_pool1d(X, 2), ShapeError, r"max_pool1d: .*'input': .*got shape \(1, 2, 4, 4\)"),
    (
        lambda: F.max_pool2d(X[:, :0], 2),
        ShapeError,
        r"with C, H and W not 0, got shape \(1, 0, 4, 4\)",
    ),
    (
        lambda: F.adaptive_avg_pool2d(X.long(), 2),
        DTypeError,
        r"expected floating .*got int64; convert",
    ),
    (lambda: F.adaptive_max_pool2d(X, (1, 2, 3)), ShapeError, r"'output_size': .*got \(1, 2, 3\)"),
    (lambda: F.unfold(X, 5), ShapeError, r"unfold: .*a window that fits into 4 x 4 .*got 5 x 5"),
    (
        lambda: F.fold(tg.ones(4, 8), 4, 2),
        ShapeError,
        r"fold: .*expected \(N, C \* 4, 9\).*\(4, 8\)",
    ),
    (lambda: F.pad(X, (1, 2, 3)), ShapeError, r"pad: .*expected pairs .*got \(1, 2, 3\)"),
    (
        lambda: F.pad(X[0], (4, 0), "reflect"),
        ShapeError,
        r"expected at most 3 .*mode 'reflect', got 4",
    ),
    (
        lambda: F.pad(X, (1, 1), "mirror"),
        ValueError,
        r"'mode': expected 'constant', .*got 'mirror'",
    ),
    (lambda: F.pad(X, (0.5, 1)), DTypeError, r"expected a tuple of ints, got \(0.5, 1\)"),
    (lambda: F.interpolate(X), ValueError, r"expected one of size and scale_factor, got neither"),
    (
        lambda: F.interpolate(X, 2, mode="linear"),
        ShapeError,
        r"expected 3 dimensions for mode 'linear'",
    ),
    (
        lambda: F.interpolate(X, 2, align_corners=True),
        ValueError,
        r"'align_corners': expected None",
    ),
    (lambda: F.interpolate(X.long(), 2), DTypeError, r"interpolate: argument 'input': .*got int64"),
    (
        lambda: F.interpolate(X, 2, antialias=True),
        ValueError,
        r"False for mode 'nearest', got True; use",
    ),
]


@pytest.mark.parametrize("call, error, message", REFUSED)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_result_of_a_convolution_can_be_viewed_in_another_shape():
    """Its memory runs channels last, which the usual `x.view(len(x), -1)` need not know."""
    x, w = randn(2, 3, 5, 5).requires_grad_(), randn(4, 3, 3, 3).requires_grad_()
    out = tg.conv2d(x, w)
    flat = out.view(2, -1)
    assert flat.data_ptr() == out.data_ptr()
    np.testing.assert_array_equal(flat.detach(), out.detach().reshape(2, -1))
    flat.mul_(2.0)
    np.testing.assert_array_equal(flat.detach(), out.detach().reshape(2, -1))
    (flat * flat).sum().backward()
    grads = x.grad.numpy().copy(), w.grad.numpy().copy()
    x.grad = w.grad = None
    ((tg.conv2d(x, w) * 2) ** 2).sum().backward()
    for g, expected in zip(grads, (x.grad, w.grad), strict=True):
        np.testing.assert_allclose(g, expected, rtol=1e-12, atol=1e-12)


def test_the_order_that_a_user_chose_is_left_alone():
    turned = tg.zeros(2, 5, 5, 3).permute(0, 3, 1, 2)
    with pytest.raises(ShapeError, match=r"without a copy; use reshape\(\)"):
        turned.view(2, -1)
