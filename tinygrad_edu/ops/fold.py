"""Windows of images as columns of a matrix, and back: `unfold` and its adjoint `fold`."""

from __future__ import annotations

from math import prod
from typing import Any

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.kernels import fold as kernels
from tinygrad_edu.kernels.checks import check_input, check_windows, pair
from tinygrad_edu.kernels.windows import conv2d_output_size
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.planes import to_planes
from tinygrad_edu.ops.shape import reshape

__all__: list[str] = []  # PyTorch has both in nn.functional alone


@op(name="unfold", dtype=None)
def columns_of_windows(
    input: Any, /, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> Any:
    """The windows of a batch as columns: behind `unfold`.

    Gradient: `windows_of_columns`, which adds each entry at the place it was copied from.
    """
    return kernels.unfold(input, kernel_size, stride, padding, dilation)


@columns_of_windows.rule
def columns_of_windows_rule(g, input_shape, kernel_size, stride, padding, dilation):
    return windows_of_columns(g, input_shape, kernel_size, stride, padding, dilation)


@op(name="fold", dtype=None)
def windows_of_columns(
    input: Any, /, shape: tuple, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> Any:
    """Columns added up to a batch of `shape`: behind `fold`. Gradient: `columns_of_windows`."""
    return kernels.fold(input, shape, kernel_size, stride, padding, dilation)


@windows_of_columns.rule
def windows_of_columns_rule(g, kernel_size, stride, padding, dilation):
    return columns_of_windows(g, kernel_size, stride, padding, dilation)


@composite
def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """The windows of images as columns (im2col): a convolution is then a matrix product.

    Shapes: (N, C, H, W) -> (N, C KH KW, L), (C, H, W) -> (C KH KW, L), with L = OH OW windows, row
    by row, of the size `conv2d` has. A column lists channel after channel, each row by row.
    Gradient: `fold` of g.
    Errors: ShapeError if no window fits.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.unfold(tg.arange(6.0).reshape(1, 2, 3), 2)
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """
    check_input("unfold", input.shape)
    how = check_windows("unfold", input.shape[-2:], kernel_size, dilation, padding, stride)
    out = columns_of_windows(to_planes(input, 2), *how)
    return out if input.ndim == 4 else reshape(out, out.shape[1:])


@composite
def fold(
    input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
    stride: Any = 1,
) -> Any:  # fmt: skip
    """Images from columns (col2im): each entry is added at the place `unfold` would read it from.

    Shapes: (N, C KH KW, L) -> (N, C, H, W), (C KH KW, L) -> (C, H, W), with `output_size` (H, W).
    Gradient: `unfold` of g.
    Errors: ShapeError if there are not as many rows and columns as `unfold` makes of such images.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.fold(tg.ones(4, 2), (2, 3), 2)
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """
    plane = pair("fold", "output_size", output_size, 1)
    how = check_windows("fold", plane, kernel_size, dilation, padding, stride)
    kernel, stride, padding, dilation = how
    size = prod(conv2d_output_size(plane, kernel, stride, padding, dilation))
    rows = kernel[0] * kernel[1]
    filled = input.ndim in (2, 3) and input.shape[-2] > 0
    if not filled or input.shape[-1] != size or input.shape[-2] % rows:
        expected = f"(N, C * {rows}, {size}), or without N, for output_size {plane}"
        raise ShapeError(describe("fold", "input", expected, f"shape {input.shape}"))
    batch = input if input.ndim == 3 else reshape(input, (1, *input.shape))
    shape = (batch.shape[0], batch.shape[1] // rows, *plane)
    out = windows_of_columns(batch, shape, *how)
    return out if input.ndim == 3 else reshape(out, shape[1:])
