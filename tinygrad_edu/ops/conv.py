"""Convolution, and the two maps that belong to it.

Convolution is linear in the input x and in the weight w, so one trilinear form holds all of it:
T(x, w, g) = sum(conv(x, w) * g). Its partial derivatives are the three maps of this file,
    conv(x, w) = dT/dg,   input_grad(g, w) = dT/dx,   weight_grad(x, g) = dT/dw,
and the gradient rule of each of them consists of the other two. That gives every order.
"""

from __future__ import annotations

from typing import Any

from tinygrad_edu.backends import conv_kernels
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.kernels.channels import channel_sums
from tinygrad_edu.kernels.checks import check_conv, check_conv_transpose, transposed_size
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.pad import pad_constant
from tinygrad_edu.ops.planes import from_planes, to_planes
from tinygrad_edu.ops.reduce import sum

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


@op(name="conv2d", dtype="equal")
def convolution(
    input: Any, weight: Any, bias: Any = None, /,
    stride: Any = (1, 1), padding: Any = (0, 0), dilation: Any = (1, 1), groups: int = 1,
) -> Any:  # fmt: skip
    """The map (x, w) -> conv(x, w) + bias on batches, settings as pairs: behind `conv2d`.

    Gradient: `conv_input_grad`, `conv_weight_grad`, and g summed over all but the filters.
    """
    return conv_kernels().conv2d(input, weight, stride, padding, dilation, groups, bias)


@convolution.rule
def convolution_rule(
    g, input, weight, input_shape, weight_shape, stride, padding, dilation, groups, need
):
    how = (stride, padding, dilation, groups)
    return (
        conv_input_grad(g, weight, input_shape, *how) if need[0] else None,
        conv_weight_grad(input, g, weight_shape, *how) if need[1] else None,
        sum(g, (0, 2, 3)) if need[2] else None,
    )


@convolution.fused
def convolution_fused(
    g, input, weight, input_shape, weight_shape, stride, padding, dilation, groups, need
):
    how, kernels = (stride, padding, dilation, groups), conv_kernels()
    return (
        kernels.conv2d_input_grad(g, weight, input_shape, *how) if need[0] else None,
        kernels.conv2d_weight_grad(input, g, weight_shape, *how) if need[1] else None,
        channel_sums(g) if need[2] else None,
    )


@op(dtype="equal")
def conv_input_grad(
    input: Any, weight: Any, /, shape: tuple, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """The map (g, w) -> dT/dx, where `shape` is that of x: a transposed convolution.

    Gradient: `convolution`, `conv_weight_grad`.
    """
    return conv_kernels().conv2d_input_grad(input, weight, shape, stride, padding, dilation, groups)


@conv_input_grad.rule
def conv_input_grad_rule(g, input, weight, weight_shape, stride, padding, dilation, groups, need):
    how = (stride, padding, dilation, groups)
    return (
        convolution(g, weight, None, *how) if need[0] else None,
        conv_weight_grad(g, input, weight_shape, *how) if need[1] else None,
    )


@op(dtype="equal")
def conv_weight_grad(
    input: Any, other: Any, /, shape: tuple, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """The map (x, g) -> dT/dw, where `shape` is that of w.

    Gradient: `conv_input_grad`, `convolution`.
    """
    return conv_kernels().conv2d_weight_grad(input, other, shape, stride, padding, dilation, groups)


@conv_weight_grad.rule
def conv_weight_grad_rule(g, input, other, input_shape, stride, padding, dilation, groups, need):
    how = (stride, padding, dilation, groups)
    return (
        conv_input_grad(other, g, input_shape, *how) if need[0] else None,
        convolution(input, g, None, *how) if need[1] else None,
    )


@composite
def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Cross-correlation of images with filters (what deep learning calls convolution).

    Shapes: input (N, C, H, W) or (C, H, W), weight (F, C / groups, KH, KW), bias (F,) ->
    (N, F, OH, OW) with OH = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1. `stride`,
    `padding` and `dilation` are numbers or pairs; `padding` may be "valid" (none) or "same" (the
    result is as large as the input; an even kernel gets one more zero at the end).
    `tg.backends.conv` chooses the implementation.
    Gradient: the transposed convolution of g with the weight; the correlation of the input with
    g; g summed over images and pixels.
    Errors: ShapeError if the shapes do not fit, DTypeError if the dtypes differ.
    Source: Dumoulin and Visin (2016), A guide to convolution arithmetic.

    >>> import tinygrad_edu as tg
    >>> tg.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@composite
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Cross-correlation of signals with filters: `conv2d` of planes with one row.

    Shapes: input (N, C, L) or (C, L), weight (F, C / groups, K), bias (F,) -> (N, F, OL).
    Settings, gradient and errors: as `conv2d`.

    >>> import tinygrad_edu as tg
    >>> tg.conv1d(tg.arange(4.0).reshape(1, 1, 4), tg.tensor([[[-1.0, 1.0]]]), padding="same")
    tensor([[[ 1.,  1.,  1., -3.]]])
    """
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def _convolve(
    name: str, dims: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    dilation: Any, groups: int,
) -> Any:  # fmt: skip
    how = check_conv(
        input.shape, weight.shape, stride, padding, dilation, groups, dims=dims, op=name
    )
    _check_bias(name, bias, weight.shape[0])
    planes, filters = to_planes(input, dims), to_planes(weight, dims)
    if padding == "same":
        spare = [d * (k - 1) % 2 for k, d in zip(filters.shape[2:], how[2], strict=True)]
        if any(spare):
            planes = pad_constant(planes, ((0, 0), (0, 0), (0, spare[0]), (0, spare[1])))
    return from_planes(convolution(planes, filters, bias, *how), dims, input.ndim == dims + 2)


@composite
def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """The transposed convolution: each pixel adds its multiple of a filter to the result.

    It is the gradient of `conv2d` with respect to its input, and enlarges where that reduces.
    Shapes: input (N, C, H, W) or (C, H, W), weight (C, F / groups, KH, KW), bias (F,) ->
    (N, F, OH, OW), OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.
    `padding` takes rows off both ends of the result, `output_padding` adds some at the last end.
    Gradient: the convolution of g with the weight; the correlation of g with the input; g summed
    over images and pixels.
    Errors: ShapeError if the shapes do not fit, or if `output_padding` is not less than the
    stride or the dilation; DTypeError if the dtypes differ.
    Source: Dumoulin and Visin (2016), A guide to convolution arithmetic.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([[[[1.0, 2.0]]]])
    >>> tg.conv_transpose2d(x, tg.ones(1, 1, 2, 2), stride=2)
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """
    how = (stride, padding, output_padding, groups, dilation)
    return _convolve_back("conv_transpose2d", 2, input, weight, bias, *how)


@composite
def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """The transposed convolution of signals: `conv_transpose2d` of planes with one row.

    Shapes: input (N, C, L) or (C, L), weight (C, F / groups, K), bias (F,) -> (N, F, OL).
    Settings, gradient and errors: as `conv_transpose2d`.

    >>> import tinygrad_edu as tg
    >>> tg.conv_transpose1d(tg.tensor([[[1.0, 2.0]]]), tg.tensor([[[3.0, 4.0]]]))
    tensor([[[ 3., 10.,  8.]]])
    """
    how = (stride, padding, output_padding, groups, dilation)
    return _convolve_back("conv_transpose1d", 1, input, weight, bias, *how)


def _convolve_back(
    name: str, dims: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    output_padding: Any, groups: int, dilation: Any,
) -> Any:  # fmt: skip
    stride, padding, more, dilation, groups = check_conv_transpose(
        name, dims, input.shape, weight.shape, stride, padding, output_padding, groups, dilation
    )
    filters = weight.shape[1] * groups
    _check_bias(name, bias, filters)
    planes, weight = to_planes(input, dims), to_planes(weight, dims)
    # Rows that no window of a convolution would reach are no part of its gradient: crop and pad.
    late = any(m >= s for m, s in zip(more, stride, strict=True))
    crop, added = (padding, more) if late else ((0, 0), (0, 0))
    if late:
        padding = more = (0, 0)
    size = transposed_size(planes.shape[2:], weight.shape[2:], stride, padding, more, dilation)
    shape = (planes.shape[0], filters, *size)
    out = conv_input_grad(planes, weight, shape, stride, padding, dilation, groups)
    if late:
        ends = [(-p, m - p) for p, m in zip(crop, added, strict=True)]
        out = pad_constant(out, ((0, 0), (0, 0), *ends))
    out = out if bias is None else out + bias[:, None, None]
    return from_planes(out, dims, input.ndim == dims + 2)


def _check_bias(name: str, bias: Any, filters: int) -> None:
    if bias is not None and bias.shape != (filters,):
        expected = f"shape {(filters,)}, one number per filter"
        raise ShapeError(describe(name, "bias", expected, bias.shape))
