"""Pooling: the largest or the mean element of each window, and the adjoints of both."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.kernels import pool as kernels
from tinygrad_edu.kernels.checks import check_pool
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.planes import from_planes, to_planes
from tinygrad_edu.tensor import Tensor

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"]


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


@largest_of_windows.fused
def largest_of_windows_fused(g, input, out, kernel_size, stride, padding, dilation):
    return kernels.max_pool2d_input_grad(g, input, out, kernel_size, stride, padding, dilation)


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
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window; with `return_indices` also its place h * W + w.

    Shapes: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW), with
    OH = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1 (rounded up in `ceil_mode`).
    `stride` is the kernel size if not given; the padding never wins.
    Gradient: g to the largest element of its window, the first of equal ones.
    Errors: ShapeError if no window fits or the padding is more than half the kernel.

    >>> import tinygrad_edu as tg
    >>> tg.max_pool2d(tg.arange(4.0).reshape(1, 1, 2, 2), 2)
    tensor([[[[3.]]]])
    """
    how = (kernel_size, stride, padding, dilation, ceil_mode)
    return _largest("max_pool2d", 2, input, *how, return_indices)


@composite
def max_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of a signal; with `return_indices` also its place.

    Shapes: (N, C, L) or (C, L) -> (N, C, OL). Settings, gradient and errors: as `max_pool2d`.

    >>> import tinygrad_edu as tg
    >>> tg.max_pool1d(tg.tensor([[1.0, 5.0, 2.0, 0.0]]), 2, return_indices=True)
    (tensor([[5., 2.]]), tensor([[1, 2]]))
    """
    how = (kernel_size, stride, padding, dilation, ceil_mode)
    return _largest("max_pool1d", 1, input, *how, return_indices)


def _largest(
    name: str, dims: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool, return_indices: bool,
) -> Any:  # fmt: skip
    how = check_pool(
        name, input.shape, kernel_size, stride, padding, dilation, ceil_mode, dims=dims
    )
    planes, batched = to_planes(input, dims), input.ndim == dims + 2
    largest = largest_of_windows(planes, *how, ceil_mode)
    out = from_planes(largest, dims, batched)
    if not return_indices:
        return out
    return out, from_planes(places_in_plane(planes, largest, *how), dims, batched)


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
    all; `divisor_override` divides the sum by another number. Integers stay integers: the quotient
    is cut towards 0.
    Gradient: g, divided in the same way, to every element of its window.
    Errors: ShapeError if no window fits or the padding is more than half the kernel.

    >>> import tinygrad_edu as tg
    >>> tg.avg_pool2d(tg.arange(4.0).reshape(1, 1, 2, 2), 2)
    tensor([[[[1.5000]]]])
    """
    how = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _mean("avg_pool2d", 2, input, *how)


@composite
def avg_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """The mean of each window of a signal.

    Shapes: (N, C, L) or (C, L) -> (N, C, OL). Settings, gradient and errors: as `avg_pool2d`.

    >>> import tinygrad_edu as tg
    >>> tg.avg_pool1d(tg.tensor([[1.0, 5.0, 2.0, 0.0]]), 2)
    tensor([[3., 1.]])
    """
    how = (kernel_size, stride, padding, ceil_mode, count_include_pad, None)
    return _mean("avg_pool1d", 1, input, *how)


def _mean(
    name: str, dims: int, input: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    kernel_size, stride, padding, _ = check_pool(
        name, input.shape, kernel_size, stride, padding, 1, ceil_mode, divisor_override, dims=dims
    )
    out = mean_of_windows(
        to_planes(input, dims), kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip
    return from_planes(out, dims, input.ndim == dims + 2)


def _plain(indices: Any) -> Any:
    return indices.array if isinstance(indices, Tensor) else indices
