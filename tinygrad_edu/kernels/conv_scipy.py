"""Convolution with scipy.signal, as a SciPy user would write it; good for large kernels.

`scipy.signal` correlates one plane with one kernel at stride 1, directly or by FFT. A layer is then
    out[n, f] = sum over c of correlate(x[n, c], w[f, c])
and its settings become array handling: padding is a border of zeros, stride keeps every s-th result
(the others are computed for nothing), dilation puts zeros between the kernel's entries, and groups
are separate convolutions of slices. The gradients are sums of the same kind, with the gradient g
spread out by the stride:
    dw[f, c] = sum over n of correlate(x[n, c], g[n, f])
    dx[n, c] = sum over f of convolve(g[n, f], w[f, c]), at full size.
An FFT turns a correlation into products of spectra, so its price hardly grows with the kernel,
while the direct sum takes KH * KW products per pixel; `choose_conv_method` estimates which is
quicker.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.kernels.windows import Array, Pair, Shape, transposed_filters

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"]

# Bytes of spectra held at a time by the FFT path.
_BLOCK_BYTES = 64 * 1024 * 1024


def conv2d(
    x: Array,
    w: Array,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    bias: Array | None = None,
) -> Array:
    """Return out (N, F, OH, OW), the windows of x (N, C, H, W) times the filters w, plus bias."""
    out = _correlate_groups(_pad(x, padding), _spread(w, dilation), groups)
    out = np.ascontiguousarray(out[:, :, :: stride[0], :: stride[1]])
    if bias is not None:
        out += bias[:, None, None]
    return out


def conv2d_weight_grad(
    x: Array,
    g: Array,
    weight_shape: Shape,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    """Return dw of `weight_shape` (F, C / groups, KH, KW) for g (N, F, OH, OW)."""
    planes, kernels = _pad(x, padding).swapaxes(0, 1), _spread(g, stride).swapaxes(0, 1)
    parts = zip(np.split(planes, groups), np.split(kernels, groups), strict=True)
    dw = [_correlate(u, v).swapaxes(0, 1) for u, v in parts]
    taps = [slice(0, d * (k - 1) + 1, d) for k, d in zip(weight_shape[2:], dilation, strict=True)]
    return np.ascontiguousarray(np.concatenate(dw)[:, :, taps[0], taps[1]])


def conv2d_input_grad(
    g: Array, w: Array, input_shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return dx of `input_shape` (N, C, H, W) for g (N, F, OH, OW): the transposed convolution."""
    kernels = transposed_filters(_spread(w, dilation), groups)
    planes = _pad(_spread(g, stride), (kernels.shape[2] - 1, kernels.shape[3] - 1))
    dx = _correlate_groups(planes, kernels, groups)
    n, c, height, width = input_shape
    (ph, pw), (reached_h, reached_w) = padding, dx.shape[2:]
    padded = np.zeros((n, c, height + 2 * ph, width + 2 * pw), dx.dtype)
    padded[:, :, :reached_h, :reached_w] = dx
    return np.ascontiguousarray(padded[:, :, ph : ph + height, pw : pw + width])


def _correlate_groups(planes: Array, kernels: Array, groups: int) -> Array:
    parts = zip(np.split(planes, groups, axis=1), np.split(kernels, groups), strict=True)
    return np.concatenate([_correlate(u, v) for u, v in parts], axis=1)


def _correlate(planes: Array, kernels: Array) -> Array:
    """Return out[a, b] = sum over k of planes[a, k] correlated with kernels[b, k], where it fits.

    planes (A, K, H, W) and kernels (B, K, h, w) give (A, B, H - h + 1, W - w + 1).
    """
    a, depth, *size = planes.shape
    shape = (a, len(kernels), *(n - k + 1 for n, k in zip(size, kernels.shape[2:], strict=True)))
    dtype = np.result_type(planes, kernels)
    if dtype.itemsize < 4 and dtype.kind in "fb":
        wanted = "float32, float64 or an integer dtype with backends.conv = 'scipy'"
        raise DTypeError(describe("conv2d", "input", wanted, dtype, "convert it first"))
    out = np.zeros(shape, dtype)
    if planes.size and kernels.size:
        if _by_fft(planes, kernels):
            _add_by_fft(out, planes, kernels)
        else:
            for i, j, k in np.ndindex(a, len(kernels), depth):
                out[i, j] += signal.correlate2d(planes[i, k], kernels[j, k], mode="valid")
    return out


def _by_fft(planes: Array, kernels: Array) -> bool:
    """Whether FFTs serve better: only for finite floats, as one NaN would spread over its plane."""
    if np.result_type(planes, kernels).kind != "f":
        return False
    if signal.choose_conv_method(planes[0, 0], kernels[0, 0], mode="valid") == "direct":
        return False
    return bool(np.isfinite(planes).all() and np.isfinite(kernels).all())


def _add_by_fft(out: Array, planes: Array, kernels: Array) -> None:
    flipped = kernels[:, :, ::-1, ::-1]
    spectrum_bytes = 2 * out.itemsize * planes.shape[2] * planes.shape[3]
    block = max(1, _BLOCK_BYTES // (spectrum_bytes * len(kernels)))
    for start in range(0, len(planes), block):
        rows = slice(start, start + block)
        for k in range(planes.shape[1]):
            out[rows] += signal.fftconvolve(
                planes[rows, k, None], flipped[None, :, k], mode="valid", axes=(2, 3)
            )


def _pad(x: Array, padding: Pair) -> Array:
    return np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))


def _spread(x: Array, step: Pair) -> Array:
    """Return x with step - 1 zeros between neighbours along H and W."""
    if step == (1, 1):
        return x
    n, c, h, w = x.shape
    out = np.zeros((n, c, (h - 1) * step[0] + 1, (w - 1) * step[1] + 1), x.dtype)
    out[:, :, :: step[0], :: step[1]] = x
    return out
