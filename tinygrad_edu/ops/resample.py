"""Images and signals in another size: interpolation, and pooling to a size that is given.

All of it is separable: along each dim, every new entry is a weighted sum of a few old ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import floor
from numbers import Integral, Real
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, SettingError, ShapeError, describe
from tinygrad_edu.kernels.checks import check_input
from tinygrad_edu.kernels.pool import adaptive_max_pool2d_indices, adaptive_windows
from tinygrad_edu.kernels.taps import Tap
from tinygrad_edu.op import composite, op
from tinygrad_edu.ops.pad import combine_along
from tinygrad_edu.ops.planes import from_planes, to_planes
from tinygrad_edu.ops.pool import gather_in_plane
from tinygrad_edu.ops.reduce import mean

__all__ = ["adaptive_avg_pool1d"]  # PyTorch has the others in nn.functional alone


@op(dtype=None)
def places_of_largest(input: Any, /, size: tuple) -> Any:
    """Where in its plane, as h * W + w, the largest element of each of `size` windows is.

    No gradient.
    """
    return adaptive_max_pool2d_indices(input, size)


@composite
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of each of `output_size` windows; also its place if `return_indices`.

    Shapes: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW); a size of None keeps that of the input.
    The windows are those of `adaptive_avg_pool2d`. A place is h * W + w.
    Gradient: g to the largest element of its window, the first of equal ones.
    Errors: ShapeError for an empty input or a negative size.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.adaptive_max_pool2d(tg.arange(6.0).reshape(1, 2, 3), 1)
    tensor([[[5.]]])
    """
    return _largest("adaptive_max_pool2d", 2, input, output_size, return_indices)


@composite
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of each of `output_size` windows of a signal, perhaps with its place.

    Shapes: (N, C, L) or (C, L) -> (N, C, OL). Windows, gradient and errors: as
    `adaptive_max_pool2d`.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([[1.0, 5.0, 2.0, 0.0]])
    >>> tg.nn.functional.adaptive_max_pool1d(x, 2, return_indices=True)
    (tensor([[5., 2.]]), tensor([[1, 2]]))
    """
    return _largest("adaptive_max_pool1d", 1, input, output_size, return_indices)


def _largest(name: str, dims: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    size = _output_size(name, dims, input, output_size, no_channels=False)
    planes, batched = to_planes(input, dims), input.ndim == dims + 2
    indices = places_of_largest(planes, (1,) * (2 - dims) + size)
    out = from_planes(gather_in_plane(planes, indices), dims, batched)
    return (out, from_planes(indices, dims, batched)) if return_indices else out


@composite
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """The mean of each of `output_size` windows that cover the image as evenly as integers can.

    Shapes: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW); a size of None keeps that of the input.
    Window o of OH takes the rows from floor(o H / OH) to ceil((o + 1) H / OH); windows may overlap.
    Gradient: g, divided by their number, to every element of its window.
    Errors: ShapeError for an empty input or a negative size, DTypeError for integers.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.adaptive_avg_pool2d(tg.arange(6.0).reshape(1, 2, 3), (1, 2))
    tensor([[[2., 3.]]])
    """
    return _adapted_mean("adaptive_avg_pool2d", 2, input, output_size)


@composite
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The mean of each of `output_size` windows that cover the signal as evenly as they can.

    Shapes: (N, C, L) or (C, L) -> (N, C, OL). Windows, gradient and errors: as
    `adaptive_avg_pool2d`.

    >>> import tinygrad_edu as tg
    >>> tg.adaptive_avg_pool1d(tg.tensor([[1.0, 5.0, 2.0, 0.0]]), 2)
    tensor([[3., 1.]])
    """
    return _adapted_mean("adaptive_avg_pool1d", 1, input, output_size)


def _adapted_mean(name: str, dims: int, input: Any, output_size: Any) -> Any:
    size = _output_size(name, dims, input, output_size, no_channels=True)
    _check_float(name, input)
    return _averaged(input, size)


def _averaged(input: Any, size: tuple) -> Any:
    """The means of windows over the last dims."""
    first = input.ndim - len(size)
    if set(size) == {1}:  # the commonest request, and one pass over the input answers it
        return mean(input, tuple(range(first, input.ndim)), keepdim=True)
    for dim, n in enumerate(size, start=first):
        input = combine_along(input, dim, n, _mean_taps(input.shape[dim], n))
    return input


def _mean_taps(n: int, count: int) -> tuple[Tap, ...]:
    spans = np.array(adaptive_windows(n, count)).reshape(-1, 2)
    lengths = spans[:, 1] - spans[:, 0]
    taps = []
    for k in range(max(lengths, default=0)):
        (to,) = np.nonzero(lengths > k)
        taps.append((to, spans[to, 0] + k, 1 / lengths[to]))
    return tuple(taps)


@composite
def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:  # fmt: skip
    """The input in another size, its values read off between the old elements.

    Shapes: (N, C, L), (N, C, H, W) or (N, C, D, H, W); the dims after C become `size`, or their
    sizes times `scale_factor`, rounded down. `mode` is "nearest", "nearest-exact" or "area" for
    any of them, "linear" for 3 dims, "bilinear" or "bicubic" for 4, "trilinear" for 5.
    With `align_corners` the centers of the corner elements stay where they are, else the outer
    edges. `recompute_scale_factor` takes the ratio of the sizes in place of `scale_factor`.
    `antialias` (for "bilinear" and "bicubic") lets every old element count where the size is
    reduced, as Pillow does, in place of the few that lie nearest.
    Gradient: the adjoint: each g, with its weights, to the elements it was read from.
    Errors: ShapeError for sizes that do not fit, SettingError for settings that exclude each other,
    an unknown mode, DTypeError for integers (uint8 is taken by "nearest").

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([[[0.0, 1.0]]])
    >>> tg.nn.functional.interpolate(x, size=4, mode="linear", align_corners=True)
    tensor([[[0.0000, 0.3333, 0.6667, 1.0000]]])
    """
    sizes, ratios = _new_sizes(input.shape, size, scale_factor, recompute_scale_factor)
    _check_mode(input.shape, mode, align_corners, antialias)
    _check_float("interpolate", input, bytes_too=mode in ("nearest", "nearest-exact"))
    if mode == "area":
        return _averaged(input, sizes)
    # PyTorch finds the places in the precision of the numbers, and a nearest one may hang on it.
    real = np.float64 if input.dtype == np.float64 else np.float32
    for dim, (n, ratio) in enumerate(zip(sizes, ratios, strict=True), start=2):
        step = _step(input.shape[dim], n, ratio, bool(align_corners), real)
        make_taps = _SMOOTH[mode] if antialias else _MODES[mode]
        taps = make_taps(np.arange(n).astype(real), input.shape[dim], step, bool(align_corners))
        input = combine_along(input, dim, n, taps)
    return input


def _step(n: int, count: int, ratio: float | None, align_corners: bool, real: Any) -> Any:
    """How far apart two new elements lie, in old ones."""
    if align_corners:
        return real(n - 1) / real(count - 1) if count > 1 else real(0)
    return real(n) / real(count) if ratio is None else real(1 / ratio)


def _nearest(o: Any, n: int, step: Any, align_corners: bool, shift: float = 0.0) -> tuple[Tap, ...]:
    places = np.floor((o + o.dtype.type(shift)) * step).astype(np.int64)
    return ((np.arange(len(o)), np.minimum(places, n - 1), None),)


def _nearest_exact(o: Any, n: int, step: Any, align_corners: bool) -> tuple[Tap, ...]:
    return _nearest(o, n, step, align_corners, 0.5)


def _linear(o: Any, n: int, step: Any, align_corners: bool) -> tuple[Tap, ...]:
    if len(o) == n:
        step = o.dtype.type(1)
    places = np.maximum(_centers(o, step, align_corners), 0)
    first = np.minimum(places.astype(np.int64), n - 1)
    part = np.clip(places - first, 0, 1)
    to = np.arange(len(o))
    return ((to, first, 1 - part), (to, np.minimum(first + 1, n - 1), part))


def _cubic(o: Any, n: int, step: Any, align_corners: bool) -> tuple[Tap, ...]:
    places = _centers(o, step, align_corners)
    first = np.floor(places)
    taps = []
    for k in (-1, 0, 1, 2):
        entries = np.clip(first.astype(np.int64) + k, 0, n - 1)
        taps.append((np.arange(len(o)), entries, _keys(np.abs(places - first - k))))
    return tuple(taps)


def _keys(x: Any, a: float = -0.75) -> Any:
    """The cubic convolution kernel of Keys (1981) at distances up to 2."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, far)


def _triangle(x: Any) -> Any:
    return np.maximum(1 - x, 0)


def _smooth(kernel: Callable[[Any], Any], reach: int) -> Callable[..., tuple[Tap, ...]]:
    """Taps whose weights are `kernel`, made as wide as a new element is, and summing to 1."""

    def make_taps(o: Any, n: int, step: Any, align_corners: bool) -> tuple[Tap, ...]:
        width = max(float(step), 1.0)
        centers = _centers(o.astype(np.float64), step, False)  # PyTorch's corners move only `step`
        first = np.ceil(centers - reach * width).astype(np.int64)
        entries = first[:, None] + np.arange(int(2 * reach * width) + 1)  # (len(o), taps)
        distances = np.abs(entries - centers[:, None]) / width
        weights = kernel(distances) * (distances <= reach) * (entries >= 0) * (entries < n)
        weights /= weights.sum(1, keepdims=True)
        columns = zip(np.clip(entries, 0, n - 1).T, weights.T, strict=True)
        return tuple([(np.arange(len(o)), places, weight) for places, weight in columns])

    return make_taps


def _centers(o: Any, step: Any, align_corners: bool) -> Any:
    half = o.dtype.type(0.5)
    return o * step if align_corners else (o + half) * step - half


_MODES: dict[str, Callable[..., tuple[Tap, ...]]] = {
    "nearest": _nearest, "nearest-exact": _nearest_exact, "linear": _linear,
    "bilinear": _linear, "trilinear": _linear, "bicubic": _cubic,
}  # fmt: skip
_SMOOTH = {
    "bilinear": _smooth(_triangle, 1), "bicubic": _smooth(partial(_keys, a=-0.5), 2),
}  # fmt: skip
_DIMS = {"linear": (3,), "bilinear": (4,), "bicubic": (4,), "trilinear": (5,)}
_FOLLOWS_CORNERS = tuple(_DIMS)


def _new_sizes(
    shape: tuple, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple, tuple]:
    """The sizes after C, and the scale of each dim where it was given and counts."""
    if len(shape) not in (3, 4, 5) or 0 in shape[1:]:
        expected = "(N, C, L), (N, C, H, W) or (N, C, D, H, W), none but N of size 0"
        raise ShapeError(describe("interpolate", "input", expected, f"shape {shape}"))
    if (size is None) == (scale_factor is None):
        got = "neither" if size is None else f"{size!r} and scale_factor {scale_factor!r}"
        raise SettingError(describe("interpolate", "size", "one of size and scale_factor", got))
    if size is not None and recompute:
        expected = "None or False with a size"
        raise SettingError(describe("interpolate", "recompute_scale_factor", expected, recompute))
    count = len(shape) - 2
    ratios: tuple = (None,) * count
    if size is not None:
        found = _each("size", size, count, Integral, shape)
        sizes = tuple(map(int, found))
    else:
        found = _each("scale_factor", scale_factor, count, Real, shape)
        sizes = tuple([floor(n * float(r)) for n, r in zip(shape[2:], found, strict=True)])
        ratios = ratios if recompute else tuple(map(float, found))
    if min(sizes) < 1:
        argument, got = ("size", size) if size is not None else ("scale_factor", scale_factor)
        expected = f"what gives sizes of 1 or more for shape {shape}"
        raise ShapeError(describe("interpolate", argument, expected, got))
    return sizes, ratios


def _each(argument: str, value: Any, count: int, kind: type, shape: tuple) -> tuple:
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if not all(isinstance(v, kind) and not isinstance(v, bool) for v in values):
        expected = "numbers" if kind is Real else "integers"
        raise DTypeError(describe("interpolate", argument, expected, repr(value)))
    if len(values) != count:
        expected = f"one number or {count} for shape {shape}"
        raise ShapeError(describe("interpolate", argument, expected, value))
    return values


def _check_mode(shape: tuple, mode: str, align_corners: Any, antialias: bool) -> None:
    if mode not in (*_MODES, "area"):
        expected = f"one of {', '.join(map(repr, (*_MODES, 'area')))}"
        raise SettingError(describe("interpolate", "mode", expected, repr(mode)))
    if len(shape) not in _DIMS.get(mode, (3, 4, 5)):
        expected = f"{_DIMS[mode][0]} dimensions for mode {mode!r}"
        raise ShapeError(describe("interpolate", "input", expected, f"shape {shape}"))
    if align_corners is not None and mode not in _FOLLOWS_CORNERS:
        expected = f"None for mode {mode!r}"
        raise SettingError(describe("interpolate", "align_corners", expected, align_corners))
    if antialias and mode not in _SMOOTH:
        expected, mend = f"False for mode {mode!r}", "use 'bilinear' or 'bicubic'"
        raise SettingError(describe("interpolate", "antialias", expected, antialias, mend))


def _check_float(name: str, input: Any, bytes_too: bool = False) -> None:
    if input.dtype.kind != "f" and not (bytes_too and input.dtype == np.uint8):
        mend = "convert it with .float()"
        raise DTypeError(describe(name, "input", "floating point numbers", input.dtype, mend))


def _output_size(name: str, dims: int, input: Any, size: Any, no_channels: bool) -> tuple:
    """The sizes that `output_size` stands for, one for each dim."""
    check_input(name, input.shape, dims, no_channels=no_channels)
    sizes = tuple(size) if isinstance(size, (tuple, list)) else (size,) * dims
    form = "an int" if dims == 1 else "an int or a pair of ints or None"
    fits = len(sizes) == dims
    if fits and dims == 2:
        given = zip(sizes, input.shape[-2:], strict=True)
        sizes = tuple([old if n is None else n for n, old in given])
    if fits and not all(isinstance(n, Integral) and not isinstance(n, bool) for n in sizes):
        raise DTypeError(describe(name, "output_size", form, size))
    if not fits or min(sizes) < 0:
        expected = f"{form}, 0 or more, for shape {input.shape}"
        raise ShapeError(describe(name, "output_size", expected, size))
    return tuple(map(int, sizes))
