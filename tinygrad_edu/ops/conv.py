"""Convolution, and the two maps that belong to it.

Convolution is linear in the input x and in the weight w, so one trilinear form holds all of it:
T(x, w, g) = sum(conv(x, w) * g). Its partial derivatives are the three maps of this file,
    conv(x, w) = dT/dg,   input_grad(g, w) = dT/dx,   weight_grad(x, g) = dT/dw,
and the gradient rule of each of them consists of the other two. That gives every order.
"""

from __future__ import annotations

from typing import Any

from tinygrad_edu.backends import conv_kernels
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.kernels.windows import check_conv2d
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.ops.shape import reshape

__all__ = ["conv2d"]


@op(name="conv2d", dtype="equal")
def convolution(
    input: Any, weight: Any, bias: Any = None, /,
    stride: Any = (1, 1), padding: Any = (0, 0), dilation: Any = (1, 1), groups: int = 1,
) -> Any:  # fmt: skip
    """The map (x, w) -> conv(x, w) + bias on batches, settings as pairs: behind `conv2d`.

    Gradient: `conv_input_grad`, `conv_weight_grad`, and g summed over all but the filters.
    """
    out = conv_kernels().conv2d(input, weight, stride, padding, dilation, groups)
    if bias is not None:
        out += bias[:, None, None]
    return out


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
    `padding` and `dilation` are numbers or pairs; `padding` may be "valid" or "same".
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
    how = check_conv2d(input.shape, weight.shape, stride, padding, dilation, groups)
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ShapeError(
            f"conv2d: argument 'bias': expected shape {weight.shape[:1]}, one number per filter, "
            f"got {bias.shape}"
        )
    if input.ndim == 3:
        out = convolution(reshape(input, (1, *input.shape)), weight, bias, *how)
        return reshape(out, out.shape[1:])
    return convolution(input, weight, bias, *how)
