"""Which requests for windows make sense: the arguments of convolution and pooling, checked.

Each function returns the settings as the kernels take them, pairs along H and W. A signal (N, C, L)
is a plane with one row, so what is given for one dim is filled up with what leaves H alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.kernels.windows import Axis, Pair, Shape, conv2d_output_size

__all__ = [
    "check_conv", "check_conv_transpose", "check_input", "check_pool", "check_windows", "pair",
    "steps", "transposed_size",
]  # fmt: skip


def pair(op: str, argument: str, value: Any, least: int) -> Pair:
    """Return `value`, an int or a sequence of one or two ints, as (along H, along W)."""
    along_h, along_w = steps(op, argument, value, least, 2)
    return along_h, along_w


def steps(op: str, argument: str, value: Any, least: int, dims: int) -> Shape:
    """Return `value`, an int or a sequence of one or `dims` ints, as `dims` ints.

    Raises DTypeError for anything but ints and ShapeError for a wrong count or one below `least`.
    """
    items = tuple(value) if isinstance(value, tuple | list) else (value,)
    expected = "an int or a pair of ints (h, w)" if dims == 2 else "an int"
    if not all(map(_is_int, items)):
        raise DTypeError(describe(op, argument, expected, repr(value)))
    if len(items) not in (1, dims):
        raise _wrong(op, argument, expected, f"{len(items)} of them: {value!r}")
    if min(items) < least:
        raise _wrong(op, argument, f"{least} or more along each axis", repr(value))
    return tuple(map(int, items)) if len(items) == dims else (int(items[0]),) * dims


def check_conv(
    x_shape: Sequence[int],
    w_shape: Sequence[int],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    *,
    dims: int = 2,
    op: str = "conv2d",
) -> tuple[Pair, Pair, Pair, int]:
    """Return (stride, padding, dilation, groups) as the conv kernels take them, or raise.

    `x_shape` is (N, C, H, W) or, unbatched, (C, H, W); `w_shape` is (F, C / groups, KH, KW); with
    `dims=1` there is no H and no KH, and the settings along H are those of a plane with one row.
    `padding` may be "valid" (none) or "same" (output as large as input; stride 1 only), which for
    an even kernel takes one more zero at the end than the number returned.
    Rules and limits are those of `torch.nn.functional.conv2d`; a bad request raises ShapeError, a
    setting that is no int DTypeError. `op` is the name that stands in the message.
    """
    check_input(op, x_shape, dims, no_channels=True)
    _check_weight(op, w_shape, "(F, C / groups, {})", dims)
    kernel = tuple(w_shape[2:])
    stride = steps(op, "stride", stride, 1, dims)
    dilation = steps(op, "dilation", dilation, 1, dims)
    named = padding if isinstance(padding, str) else None
    if named is not None:
        padding = _padding_by_name(op, named, kernel, stride, dilation)
    padding = steps(op, "padding", padding, 0, dims)
    _check_groups(op, groups)
    _check_channels(op, x_shape, w_shape, groups)
    sweeps = map(Axis, x_shape[-dims:], kernel, stride, padding, dilation)
    if named != "same" and any(axis.count() < 1 for axis in sweeps):
        fits = f"a kernel that fits into an input of {_by(x_shape[-dims:])} with padding {padding}"
        got = f"{_by(kernel)} with dilation {dilation}"
        raise _wrong(op, "weight", fits, got, "use a smaller kernel or more padding")
    return _in_plane(stride, 1), _in_plane(padding, 0), _in_plane(dilation, 1), int(groups)


def check_conv_transpose(
    op: str,
    dims: int,
    x_shape: Sequence[int],
    w_shape: Sequence[int],
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> tuple[Pair, Pair, Pair, Pair, int]:
    """Return (stride, padding, output_padding, dilation, groups) as pairs, or raise.

    `w_shape` is (C, F / groups, KH, KW); otherwise as `check_conv`.
    """
    check_input(op, x_shape, dims, no_channels=True)
    _check_weight(op, w_shape, "(C, F / groups, {})", dims)
    stride = steps(op, "stride", stride, 1, dims)
    dilation = steps(op, "dilation", dilation, 1, dims)
    padding = steps(op, "padding", padding, 0, dims)
    more = steps(op, "output_padding", output_padding, 0, dims)
    _check_groups(op, groups)
    if w_shape[1] == 0 or w_shape[0] % groups:
        expected = f"a number of channels divisible by groups={groups}, and filters"
        raise _wrong(op, "weight", expected, f"shape {tuple(w_shape)}")
    if x_shape[-dims - 1] != w_shape[0]:
        got = f"{x_shape[-dims - 1]} channels in shape {tuple(x_shape)}"
        raise _wrong(op, "input", f"{w_shape[0]} channels for weight {tuple(w_shape)}", got)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        expected = f"less than the stride {stride} or the dilation {dilation}"
        raise _wrong(op, "output_padding", expected, f"{more}")
    size = transposed_size(x_shape[-dims:], w_shape[2:], stride, padding, more, dilation)
    if min(size) < 1:
        expected = f"less for an input of {_by(x_shape[-dims:])}, so that something is left"
        raise _wrong(op, "padding", expected, f"{padding}")
    pairs = _in_plane(stride, 1), _in_plane(padding, 0), _in_plane(more, 0), _in_plane(dilation, 1)
    return *pairs, int(groups)


def transposed_size(
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Shape,
    padding: Shape,
    more: Shape,
    dilation: Shape,
) -> Shape:
    """Return the spatial size of a transposed convolution of an input of `size`."""
    each = zip(size, kernel, stride, padding, more, dilation, strict=True)
    return tuple([(n - 1) * s - 2 * p + d * (k - 1) + m + 1 for n, k, s, p, m, d in each])


def check_pool(
    op: str,
    x_shape: Sequence[int],
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    divisor_override: Any = None,
    *,
    dims: int = 2,
) -> tuple[Pair, Pair, Pair, Pair]:
    """Return (kernel_size, stride, padding, dilation) as the pooling kernels take them, or raise.

    `x_shape` is (N, C, H, W) or, unbatched, (C, H, W); with `dims=1` there is no H. A stride of
    None (or empty) is the kernel size. Rules and limits are those of
    `torch.nn.functional.max_pool2d` and `avg_pool2d`; a bad request raises ShapeError, a setting
    that is no int DTypeError. One thing is refused that PyTorch lets through: a dilated window
    that steps over the whole input, whose "maximum" would be -inf at an index outside the plane.
    """
    check_input(op, x_shape, dims)
    kernel = steps(op, "kernel_size", kernel_size, 1, dims)
    unset = stride is None or (isinstance(stride, tuple | list) and not stride)
    stride = kernel if unset else steps(op, "stride", stride, 1, dims)
    padding = steps(op, "padding", padding, 0, dims)
    dilation = steps(op, "dilation", dilation, 1, dims)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        half = f"at most half of the kernel size {_by(kernel)}"
        raise _wrong(op, "padding", half, f"{padding}")
    if divisor_override is not None:
        _check_divisor(op, divisor_override)
    sweeps = list(map(Axis, x_shape[-dims:], kernel, stride, padding, dilation))
    if any(axis.count(ceil_mode) < 1 for axis in sweeps):
        fits = f"a window that fits into an input of {_by(x_shape[-dims:])} with padding {padding}"
        got = f"{_by(kernel)} with dilation {dilation}, which leaves the output empty"
        raise _wrong(op, "kernel_size", fits, got, "use a smaller one")
    # Only the first window can step over the input: where a later one fits, that is too large.
    if any(-axis.padding % axis.dilation >= axis.size for axis in sweeps):
        meets = f"windows that meet the input of {_by(x_shape[-dims:])}"
        got = f"{dilation}, which steps from the padding over all of it"
        raise _wrong(op, "dilation", meets, got, "use a smaller dilation or no padding")
    return _in_plane(kernel, 1), _in_plane(stride, 1), _in_plane(padding, 0), _in_plane(dilation, 1)


def check_windows(
    op: str, plane: Sequence[int], kernel: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Pair, Pair, Pair, Pair]:
    """Return (kernel, stride, padding, dilation) of the windows of a plane (H, W), or raise."""
    kernel = pair(op, "kernel_size", kernel, 1)
    dilation = pair(op, "dilation", dilation, 1)
    padding = pair(op, "padding", padding, 0)
    stride = pair(op, "stride", stride, 1)
    if min(conv2d_output_size(plane, kernel, stride, padding, dilation)) < 1:
        fits = f"a window that fits into {_by(plane)} with padding {padding}"
        raise _wrong(op, "kernel_size", fits, f"{_by(kernel)} with dilation {dilation}")
    return kernel, stride, padding, dilation


def check_input(
    op: str, x_shape: Sequence[int], dims: int = 2, *, no_channels: bool = False
) -> None:
    """Raise ShapeError unless the shape is (N, C, H, W) or (C, H, W); (N, C, L) with `dims=1`.

    None but N may be 0, and C if `no_channels`.
    """
    filled = x_shape[-dims if no_channels else -dims - 1 :]
    if len(x_shape) not in (dims + 1, dims + 2) or 0 in filled:
        form, sizes = ("(N, C, H, W)", "H and W") if dims == 2 else ("(N, C, L)", "L")
        sizes = sizes if no_channels else f"C, {sizes}"
        expected = f"{dims + 2} dimensions {form}, or {dims + 1} without N, with {sizes} not 0"
        raise _wrong(op, "input", expected, f"shape {tuple(x_shape)}")


def _check_weight(op: str, w_shape: Sequence[int], form: str, dims: int) -> None:
    if len(w_shape) != dims + 2 or 0 in (w_shape[0], *w_shape[2:]):
        form = form.format({1: "K", 2: "KH, KW"}[dims])
        expected = f"{dims + 2} dimensions {form}, with a filter and a kernel not empty"
        raise _wrong(op, "weight", expected, f"shape {tuple(w_shape)}")


def _check_groups(op: str, groups: Any) -> None:
    if not _is_int(groups):
        raise DTypeError(describe(op, "groups", "an int", repr(groups)))
    if groups < 1:
        raise _wrong(op, "groups", "1 or more", str(groups))


def _check_channels(op: str, x_shape: Sequence[int], w_shape: Sequence[int], groups: int) -> None:
    channels = x_shape[1 - len(w_shape)]
    if channels != w_shape[1] * groups:
        expected = f"{w_shape[1] * groups} channels for weight {tuple(w_shape)} and groups={groups}"
        got = f"{channels} channels in shape {tuple(x_shape)}"
        raise _wrong(op, "input", expected, got, "the weight's second size is C / groups")
    if w_shape[0] % groups:
        expected = f"a number of filters divisible by groups={groups}"
        raise _wrong(op, "weight", expected, f"{w_shape[0]} in shape {tuple(w_shape)}")


def _padding_by_name(op: str, name: str, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    if name == "valid":
        return (0,) * len(kernel)
    if name != "same":
        raise _wrong(op, "padding", "ints, 'same' or 'valid'", repr(name))
    if max(stride) > 1:
        raise _wrong(op, "padding", "ints if the stride is not 1", f"'same' with stride {stride}")
    return tuple([d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)])


def _check_divisor(op: str, divisor: Any) -> None:
    if not _is_int(divisor):
        raise DTypeError(describe(op, "divisor_override", "an int or None", repr(divisor)))
    if divisor == 0:
        raise _wrong(op, "divisor_override", "an int other than 0", "0")


def _in_plane(steps: Shape, rest: int) -> Pair:
    """Return the steps of one or two dims as a pair; along a row of height 1 it is `rest`."""
    return (rest, steps[0]) if len(steps) == 1 else (steps[0], steps[1])


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _wrong(op: str, argument: str, expected: str, got: str, mend: str = "") -> ShapeError:
    return ShapeError(describe(op, argument, expected, got, mend))


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(str(n) for n in sizes)
