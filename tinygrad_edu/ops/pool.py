"""Pooling: the largest or the mean element of each window, and the adjoints of both."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.kernels import pool as kernels
from tinygrad_edu.kernels.windows import check_pool2d
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.shape import reshape
from tinygrad_edu.tensor import Tensor

__all__ = ["avg_pool2d", "max_pool2d"]


@op(name="max_pool2d", dtype=None)
def largest_of_windows(
    input: Any, /, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Any:
    """The largest element of each window of a batch: behind `max_pool2d`.

    Gradient: g, added at the place it was read from.
    """
    return kernels.max_pool2d_values(input, kernel_size, stride, padding, dilation, ceil_mode)


@largest_of_windows.rule
def largest_of_windows_rule(g, input, out, input_shape, kernel_size, stride, padding, dilation):
    # Looked up only now: a forward pass without gradients never needs the places.
    indices = places_in_plane(input, out, kernel_size, stride, padding, dilation)
    return scatter_in_plane(g, indices, input_shape)


@op(dtype=None)
def places_in_plane(
    input: Any, other: Any, /, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> Any:
    """Where in its plane, as h * W + w, each largest element `other` of `input` is. No gradient."""
    return kernels.max_pool2d_indices(input, other, kernel_size, stride, padding, dilation)


@op(dtype=None)
def scatter_in_plane(input: Any, /, indices: Any, shape: tuple) -> Any:
    """Planes of zeros to which `input` is added at flat places h * W + w.

    Gradient: g at those places.
    """
    return kernels.max_pool2d_scatter(input, _plain(indices), shape)


@scatter_in_plane.rule
def scatter_in_plane_rule(g, indices):
    return gather_in_plane(g, indices)


@op(dtype=None)
def gather_in_plane(input: Any, /, indices: Any) -> Any:
    """The elements at flat places h * W + w of each plane. Gradient: g, added at those places."""
    return kernels.max_pool2d_gather(input, _plain(indices))


@gather_in_plane.rule
def gather_in_plane_rule(g, indices, input_shape):
    return scatter_in_plane(g, indices, input_shape)


@composite
def max_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window.

    Shapes: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW), with
    OH = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1 (rounded up in `ceil_mode`).
    `stride` is the kernel size if not given; the padding never wins.
    Gradient: g to the largest element of its window, the first of equal ones.
    Errors: ShapeError if no window fits or the padding is more than half the kernel.

    >>> import tinygrad_edu as tg
    >>> tg.max_pool2d(tg.arange(4.0).reshape(1, 1, 2, 2), 2)
    tensor([[[[3.]]]])
    """
    how = check_pool2d("max_pool2d", input.shape, kernel_size, stride, padding, dilation, ceil_mode)
    out = largest_of_windows(_batch(input), *how, ceil_mode)
    return _unbatched(out, input)


@op(name="avg_pool2d", dtype=None)
def mean_of_windows(
    input: Any, /, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    """The mean of each window of a batch: behind `avg_pool2d`. Gradient: its adjoint."""
    return kernels.avg_pool2d(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@mean_of_windows.rule
def mean_of_windows_rule(
    g, input_shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
):
    return spread_over_windows(
        g, input_shape, kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip


@op(dtype=None)
def spread_over_windows(
    input: Any, /, shape: tuple, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    """The adjoint of `mean_of_windows`: each number shared evenly by the elements of its window.

    Gradient: the means of the windows of g.
    """
    return kernels.avg_pool2d_input_grad(
        input, shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@spread_over_windows.rule
def spread_over_windows_rule(
    g, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
):
    return mean_of_windows(
        g, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@composite
def avg_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Any:  # fmt: skip
    """The mean of each window.

    Shapes: as `max_pool2d`. The padding counts as zeros, or with `count_include_pad=False` not at
    all; `divisor_override` divides the sum by another number.
    Gradient: g, divided in the same way, to every element of its window.
    Errors: ShapeError if no window fits or the padding is more than half the kernel.

    >>> import tinygrad_edu as tg
    >>> tg.avg_pool2d(tg.arange(4.0).reshape(1, 1, 2, 2), 2)
    tensor([[[[1.5000]]]])
    """
    kernel_size, stride, padding, _ = check_pool2d(
        "avg_pool2d", input.shape, kernel_size, stride, padding, 1, ceil_mode, divisor_override
    )
    out = mean_of_windows(
        _batch(input), kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip
    return _unbatched(out, input)


def _plain(indices: Any) -> Any:
    return indices.array if isinstance(indices, Tensor) else indices


def _batch(input: Any) -> Any:
    return reshape(input, (1, *input.shape)) if input.ndim == 3 else input


def _unbatched(out: Any, input: Any) -> Any:
    return reshape(out, out.shape[1:]) if input.ndim == 3 else out
