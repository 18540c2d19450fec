"""Rows of the ops that look at windows: convolution, pooling, padding, resampling, folding."""

from __future__ import annotations

import warnings
from functools import partial
from math import floor

import numpy as np
from op_table import case, row

from tinygrad_edu.kernels import reference as loops

# fmt: off

# --- convolution ------------------------------------------------------------------------------


def loop_conv1d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """One output after the other."""
    batch = x if x.ndim == 3 else x[None]
    reach = dilation * (w.shape[2] - 1)
    if padding == "same":
        start, stop = reach // 2, reach - reach // 2
    else:
        start = stop = 0 if padding == "valid" else padding
    batch = np.pad(batch, ((0, 0), (0, 0), (start, stop)))
    count = (batch.shape[2] - reach - 1) // stride + 1
    out = np.zeros((len(batch), len(w), count))
    for n, f, o in np.ndindex(out.shape):
        c = f // (len(w) // groups) * w.shape[1]
        window = batch[n, c : c + w.shape[1], o * stride : o * stride + reach + 1 : dilation]
        out[n, f, o] = (window * w[f]).sum() + (0 if b is None else b[f])
    return out if x.ndim == 3 else out[0]


def loop_conv_transpose2d(
    x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Each input element adds its multiple of a filter to a canvas, which is then cropped."""
    batch = x if x.ndim == 4 else x[None]
    (sh, sv), (ph, pv), (mh, mv), (dh, dv) = [
        np.broadcast_to(v, 2) for v in (stride, padding, output_padding, dilation)
    ]
    each, (kh, kv) = w.shape[1], w.shape[2:]
    (high, wide), (rh, rv) = batch.shape[2:], (dh * (kh - 1) + 1, dv * (kv - 1) + 1)
    canvas = np.zeros(
        (len(batch), each * groups, (high - 1) * sh + rh + mh, (wide - 1) * sv + rv + mv)
    )
    for n, c, i, j in np.ndindex(batch.shape):
        f = c // (batch.shape[1] // groups) * each
        place = np.s_[n, f : f + each, i * sh : i * sh + rh : dh, j * sv : j * sv + rv : dv]
        canvas[place] += batch[n, c, i, j] * w[c]
    out = canvas[:, :, ph : canvas.shape[2] - ph, pv : canvas.shape[3] - pv]
    out = out + (0 if b is None else b[:, None, None])
    return out if x.ndim == 4 else out[0]


def loop_conv_transpose1d(x, w, b=None, **how):
    """As a plane with one row."""
    rest = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1}
    groups = how.pop("groups", 1)
    how = {name: (least, how.get(name, least)) for name, least in rest.items()}
    out = loop_conv_transpose2d(x[..., None, :], w[:, :, None], b, groups=groups, **how)
    return out[..., 0, :]


def quietly(function, *inputs, **settings):
    """PyTorch warns that 'same' with an even kernel copies the input."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same'", UserWarning)
        return function(*inputs, **settings)


row("conv1d", [case((2, 2, 6), (3, 2, 3), (3,)),
               case((4, 7), (4, 2, 3), None, stride=2, padding=1, groups=2),
               case((1, 2, 7), (2, 2, 2), (2,), padding="same"),
               case((1, 1, 7), (1, 1, 4), (1,), padding="same", dilation=3),
               case((1, 1, 7), (1, 1, 3), None, padding="valid", dilation=2),
               case((0, 2, 6), (3, 2, 3), (3,))], loop_conv1d, call=quietly,
    bad=[case((2, 2, 6), (3, 1, 3), None), case((2, 2, 2), (3, 2, 3), None),
         case((2, 2, 6), (3, 2, 3), (2,)), case((2, 2, 6, 6), (3, 2, 3), None),
         case((2, 2, 6), (3, 2, 3), None, stride=(1, 1))])

TURNED = [
    case((2, 2, 3, 4), (2, 3, 3, 2), (3,)),
    case((4, 3, 3), (4, 1, 3, 3), None, stride=2, padding=1, output_padding=1, groups=2),
    case((1, 2, 3, 2), (2, 2, 2, 3), (2,), stride=(2, 1), padding=(0, 1), output_padding=(1, 0)),
    case((1, 2, 3, 3), (2, 1, 2, 2), (1,), dilation=3, output_padding=2, padding=1),
    case((1, 1, 2, 2), (1, 1, 2, 2), None, stride=3, output_padding=(2, 0)),
    case((0, 2, 3, 3), (2, 1, 2, 2), (1,)),
]
row("conv_transpose2d", TURNED, loop_conv_transpose2d,
    bad=[case((2, 2, 3, 4), (3, 2, 2, 2), None), case((2, 2, 3, 4), (2, 2, 2), None),
         case((2, 2, 3, 4), (2, 3, 2, 2), (2,)), case((3, 4), (2, 3, 2, 2), None),
         case((2, 2, 3, 4), (2, 3, 2, 2), None, output_padding=1),
         case((1, 1, 2, 2), (1, 1, 2, 2), None, padding=2),
         case((2, 3, 3, 4), (3, 3, 2, 2), None, groups=2)])
row("conv_transpose1d", [case((2, 2, 4), (2, 3, 3), (3,)),
                         case((4, 4), (4, 1, 3), None, stride=2, padding=1, output_padding=1,
                              groups=2),
                         case((1, 2, 3), (2, 1, 2), (1,), dilation=3, output_padding=2)],
    loop_conv_transpose1d,
    bad=[case((2, 2, 4), (3, 2, 2), None), case((2, 2, 4), (2, 3, 2), (2,)),
         case((2, 2, 4), (2, 3, 2), None, output_padding=1)])


# --- pooling ----------------------------------------------------------------------------------


def rows_of_one(pool):
    """Pooling of signals as the loops pool planes with one row."""

    def pooled(x, kernel_size, stride=None, padding=0, ceil_mode=False, return_indices=False,
               **more):
        planes = x.reshape((*(1,) * (3 - x.ndim), *x.shape[:-1], 1, x.shape[-1]))
        steps = [(1, kernel_size), (1, stride or kernel_size), (0, padding)]
        if pool is loops.max_pool2d:
            found = pool(planes, *steps, (1, more.get("dilation", 1)), ceil_mode)
        else:
            found = (pool(planes, *steps, ceil_mode, more.get("count_include_pad", True), None),)
        found = [y.reshape((*x.shape[:-1], y.shape[-1])) for y in found]
        return found if return_indices else found[0]

    return pooled


SIGNALS = [case((2, 3, 5), kernel_size=2), case((3, 7), kernel_size=3, stride=2, padding=1),
           case((1, 2, 6), kernel_size=4, ceil_mode=True), case((0, 2, 4), kernel_size=2)]
BAD_SIGNALS = [case((2, 3, 4), kernel_size=5), case((4,), kernel_size=2),
               case((2, 3, 4), kernel_size=2, padding=2), case((2, 3, 4), kernel_size=(2, 2))]
row("max_pool1d", [*SIGNALS, case((2, 7), kernel_size=2, stride=1, dilation=3),
                   case((1, 2, 7), kernel_size=3, stride=2, padding=1, return_indices=True)],
    rows_of_one(loops.max_pool2d), bad=BAD_SIGNALS, torch="nn.functional.max_pool1d")
row("avg_pool1d", [*SIGNALS, case((2, 7), kernel_size=3, padding=1, count_include_pad=False)],
    rows_of_one(loops.avg_pool2d), bad=BAD_SIGNALS)


def adaptive_parts(n, count):
    return [(floor(o * n / count), -(-(o + 1) * n // count)) for o in range(count)]


def loop_adaptive(reduce, x, output_size, return_indices=False):
    """One window after the other; the place of the largest by looking through the window."""
    sizes = output_size if isinstance(output_size, tuple) else (output_size, output_size)
    sizes = [n if m is None else m for n, m in zip(x.shape[-2:], sizes, strict=True)]
    out = np.zeros((*x.shape[:-2], *sizes))
    places = np.zeros(out.shape, np.int64)
    number = np.broadcast_to(np.arange(x.shape[-2] * x.shape[-1]).reshape(x.shape[-2:]), x.shape)
    for i, (top, bottom) in enumerate(adaptive_parts(x.shape[-2], sizes[0])):
        for j, (left, right) in enumerate(adaptive_parts(x.shape[-1], sizes[1])):
            part = np.s_[..., top:bottom, left:right]
            out[..., i, j] = value = reduce(x[part], (-2, -1))
            largest = x[part] == value[..., None, None]
            number_of = np.where(largest, number[part], x.size)
            places[..., i, j] = number_of.min((-2, -1), initial=x.size)
    return (out, places) if return_indices else out


ADAPTED = [case((2, 3, 4, 5), output_size=2), case((3, 5, 7), output_size=(3, None)),
           case((1, 2, 2, 3), output_size=(5, 4)), case((1, 2, 4, 6), output_size=1),
           case((0, 2, 4, 4), output_size=2)]
BAD_ADAPTED = [case((4, 4), output_size=2), case((2, 3, 4, 4), output_size=(2, 2, 2)),
               case((2, 3, 4, 4), output_size=-1), case((2, 3, 4, 4), output_size=1.5)]
row("adaptive_avg_pool2d", ADAPTED, partial(loop_adaptive, np.mean), bad=BAD_ADAPTED,
    integers=False)  # PyTorch takes them if there are none
row("adaptive_max_pool2d", [*ADAPTED, case((2, 3, 4, 5), output_size=(3, 2), return_indices=True)],
    partial(loop_adaptive, np.max), bad=BAD_ADAPTED)


def of_signals(pool):
    """Adaptive pooling of signals as that of planes with one row."""

    def pooled(x, output_size, return_indices=False):
        size = output_size[0] if isinstance(output_size, tuple) else output_size
        out = pool(x[..., None, :], (1, size), return_indices)
        return tuple(y[..., 0, :] for y in out) if return_indices else out[..., 0, :]

    return pooled


ADAPTED_SIGNALS = [case((2, 3, 5), output_size=2), case((3, 7), output_size=(3,)),
                   case((1, 2, 3), output_size=5), case((1, 2, 4), output_size=1),
                   case((0, 2, 4), output_size=2)]
BAD_SIZES = [case((4,), output_size=2), case((2, 3, 4), output_size=(2, 2)),
             case((2, 3, 4), output_size=-1), case((2, 3, 4), output_size=1.5),
             case((2, 3, 4), output_size=None)]
row("adaptive_avg_pool1d", ADAPTED_SIGNALS, of_signals(partial(loop_adaptive, np.mean)),
    bad=BAD_SIZES, integers=False)
row("adaptive_max_pool1d",
    [*ADAPTED_SIGNALS, case((2, 3, 5), output_size=3, return_indices=True)],
    of_signals(partial(loop_adaptive, np.max)), bad=BAD_SIZES,
    torch="nn.functional.adaptive_max_pool1d")
row("places_of_largest", [case((2, 2, 5, 4), size=(2, 3))],
    lambda x, size: loop_adaptive(np.max, x, size, True)[1], torch=None, gradient=False)


# --- padding and resampling -------------------------------------------------------------------


def numpy_pad(x, pad, mode="constant", value=None):
    """Padding by NumPy, and cropping by a slice."""
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[-2::-2], pad[::-2], strict=True))
    name = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    given = {"constant_values": value or 0} if mode == "constant" else {}
    crop = [slice(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(x.shape, pairs, strict=True)]
    widths = np.reshape([(max(0, a), max(0, b)) for a, b in pairs], (-1, 2)).astype(int)
    if not x.ndim:
        return x
    if mode in ("constant", "circular"):
        return np.pad(x[tuple(crop)], widths, name[mode], **given)
    larger = np.pad(x, widths, name[mode])
    kept = [slice(max(0, -a), n - max(0, -b))
            for n, (a, b) in zip(larger.shape, pairs, strict=True)]
    return larger[tuple(kept)]


PADS = [(mode, shape, pad) for mode in ("reflect", "replicate", "circular") for shape, pad in [
    ((2, 4), (2, 3)), ((1, 2, 4), (3, 0)), ((1, 2, 3, 4), (1, 2, 2, 0)),
    ((2, 3, 4), (-1, 2, 1, -2)),
    ((1, 2, 3, 3, 4), (1, 1, 2, 0, 0, 1)), ((0, 2, 3), (1, 1)),
]]
row("pad", [case((2, 3), pad=(1, 2)), case((2, 3, 4), pad=(1, 0, 0, 2), value=1.5),
            case((2, 3), pad=(-1, 2, 1, -1)), case((2, 3), pad=()), case((), pad=()),
            case((2, 0), pad=(1, 1)), case((4,), pad=(-1, -2)),
            *(case(shape, pad=pad, mode=mode) for mode, shape, pad in PADS)], numpy_pad,
    bad=[case((2, 3), pad=(1,)), case((2, 3), pad=(1, 1, 1, 1, 1, 1)), case((2, 3), pad=(-2, -2)),
         case((2, 3), pad=(3, 0), mode="reflect"), case((2, 3), pad=(0, 4), mode="circular"),
         case((2, 3), pad=(-2, -1), mode="replicate"), case((3,), pad=(1, 1), mode="replicate"),
         case((2, 3), pad=(1, 1), mode="edge"), case((2, 3), pad=(1, 1), mode="reflect", value=1.0),
         case((2, 3), pad=(1.0, 1)), case((2, 0), pad=(1, 1), mode="replicate")])
row("pad_constant", [case((2, 3), ends=((1, 0), (-1, 2)), value=0.5), case((), ends=())],
    lambda x, ends, value=0: numpy_pad(x, sum(ends[::-1], ()), value=value), torch=None)

TAPS = ((np.array([0, 0, 2]), np.array([1, 2, 0]), np.array([0.5, 2.0, -1.0])),
        (np.array([3, 1]), np.array([2, 2]), None))


def loop_taps(x, axis, size, taps):
    out = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]))
    source, target = np.moveaxis(x, axis, 0), np.moveaxis(out, axis, 0)
    for to, place, weight in taps:
        for j in range(len(to)):
            target[to[j]] += source[place[j]] * (1 if weight is None else weight[j])
    return out


row("combine_along", [case((2, 3, 2), dim=1, size=4, taps=TAPS),
                      case((3,), dim=0, size=5, taps=TAPS),
                      case((0, 3), dim=1, size=4, taps=TAPS)], loop_taps, torch=None)


def cubic(t, smooth=False):
    """The kernel of Keys with a = -3/4 or (smooth) -1/2, as its two pieces are printed."""
    t = abs(t)
    if smooth and t <= 1:
        return 1.5 * t**3 - 2.5 * t**2 + 1
    if smooth:
        return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0
    if t <= 1:
        return 1.25 * t**3 - 2.25 * t**2 + 1
    return -0.75 * t**3 + 3.75 * t**2 - 6 * t + 3 if t < 2 else 0.0


def resampled(x, size=None, scale_factor=None, mode="nearest", align_corners=None,
              recompute_scale_factor=None, antialias=False):
    """The weights of each new entry along each dim, as a matrix."""
    count = x.ndim - 2
    ratios = np.broadcast_to(scale_factor, count) if size is None else [None] * count
    sizes = np.broadcast_to(size, count) if ratios[0] is None else [
        floor(n * r) for n, r in zip(x.shape[2:], ratios, strict=True)]
    for axis, (m, ratio) in enumerate(zip(sizes, ratios, strict=True), start=2):
        n = x.shape[axis]
        step = n / m if ratio is None or recompute_scale_factor else 1 / ratio
        if mode in ("linear", "bilinear", "trilinear") and n == m:
            step = 1
        weights = matrix(mode, n, int(m), step, align_corners, antialias)
        x = np.moveaxis(np.tensordot(weights, x, (1, axis)), 0, axis)
    return x


def matrix(mode, n, m, step, align_corners, antialias):
    out = np.zeros((m, n))
    for o in range(m):
        if mode == "area":
            start, stop = adaptive_parts(n, m)[o]
            out[o, start:stop] = 1 / (stop - start)
        elif mode in ("nearest", "nearest-exact"):
            out[o, min(n - 1, floor((o + (mode != "nearest") / 2) * step))] = 1
        elif antialias:
            width, at = max(step, 1), (o + 0.5) * step - 0.5
            for k in range(n):
                away = (at - k) / width
                out[o, k] = cubic(away, smooth=True) if mode == "bicubic" else max(0, 1 - abs(away))
            out[o] /= out[o].sum()
        else:
            at = o * (n - 1) / max(1, m - 1) if align_corners else (o + 0.5) * step - 0.5
            for k in range(-3, n + 3):
                near = cubic(at - k) if mode == "bicubic" else max(0, 1 - abs(at - k))
                out[o, min(max(k, 0), n - 1)] += near
    return out


SIZED = [
    case((1, 2, 3), size=5), case((1, 2, 3, 4), size=(2, 7)), case((2, 1, 3, 4), scale_factor=2),
    case((1, 1, 3, 4), scale_factor=(1.7, 0.6), mode="nearest-exact"),
    case((1, 1, 2, 2, 3), size=4),
    case((1, 2, 5), size=8, mode="linear"), case((1, 2, 5), scale_factor=0.5, mode="linear"),
    case((1, 2, 3, 4), size=(7, 2), mode="bilinear"), case((1, 2, 3, 4), size=1, mode="bilinear"),
    case((1, 2, 3, 4), size=(7, 1), mode="bilinear", align_corners=True),
    case((1, 1, 3, 4), scale_factor=1.7, mode="bilinear"),
    case((1, 1, 3, 4), size=(3, 6), mode="bilinear"),
    case((1, 1, 3, 4), scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
    case((1, 1, 4, 4), size=(3, 6), mode="bicubic"),
    case((1, 1, 4, 3), size=6, mode="bicubic", align_corners=True),
    case((1, 1, 2, 3, 2), size=(3, 2, 4), mode="trilinear"),
    case((1, 2, 5, 7), size=(2, 9), mode="bilinear", antialias=True),
    case((1, 1, 9, 4), size=(2, 3), mode="bicubic", antialias=True),
    case((1, 2, 5, 7), size=(3, 9), mode="area"),
    case((0, 2, 3, 4), size=2, mode="bilinear"),
]
row("interpolate", SIZED, resampled, integers=False,
    bad=[case((2, 3), size=2), case((1, 1, 3, 3)), case((1, 1, 3, 3), size=2, scale_factor=2),
         case((1, 1, 3, 3), size=(2,)), case((1, 1, 3, 3), scale_factor=(2,)),
         case((1, 1, 3, 3), size=0), case((1, 1, 3, 3), scale_factor=0.1),
         case((1, 1, 3, 3), size=2.0), case((1, 0, 3, 3), size=2),
         case((1, 1, 3, 3), size=2, mode="linear"), case((1, 1, 3, 3), size=2, mode="cubic"),
         case((1, 1, 3, 3), size=2, align_corners=True),
         case((1, 1, 3, 3), size=2, mode="nearest", antialias=True),
         case((1, 1, 3, 3), size=2, recompute_scale_factor=True)])


# --- folding ----------------------------------------------------------------------------------


def loop_unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Each entry of each column read from its place, or 0 beyond the border."""
    batch = x if x.ndim == 4 else x[None]
    places, rows, count = window_places(batch.shape[2:], kernel_size, dilation, padding, stride)
    out = np.zeros((len(batch), batch.shape[1], rows, count))
    for k, column, h, w in places:
        out[:, :, k, column] = batch[:, :, h, w]
    out = out.reshape(len(batch), batch.shape[1] * rows, count)
    return out if x.ndim == 4 else out[0]


def loop_fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    batch = x if x.ndim == 3 else x[None]
    plane = tuple(map(int, np.broadcast_to(output_size, 2)))
    places, rows, count = window_places(plane, kernel_size, dilation, padding, stride)
    columns = batch.reshape(len(batch), batch.shape[1] // rows, rows, count)
    out = np.zeros((*columns.shape[:2], *plane))
    for k, column, h, w in places:
        out[:, :, h, w] += columns[:, :, k, column]
    return out if x.ndim == 3 else out[0]


def window_places(plane, *settings):
    """(k, column, h, w) for each entry inside the plane; how many entries; how many columns."""
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = [np.broadcast_to(s, 2) for s in settings]
    corners = [(top, left) for top in range(-ph, plane[0] + ph - dh * (kh - 1), sh)
               for left in range(-pw, plane[1] + pw - dw * (kw - 1), sw)]
    found = [
        (i * kw + j, column, top + i * dh, left + j * dw)
        for column, (top, left) in enumerate(corners) for i, j in np.ndindex(kh, kw)
        if 0 <= top + i * dh < plane[0] and 0 <= left + j * dw < plane[1]
    ]
    return found, kh * kw, len(corners)


GRID = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 0), "stride": (1, 2)}
row("unfold", [case((2, 2, 4, 5), kernel_size=2), case((2, 4, 5), **GRID),
               case((1, 2, 4, 5), **GRID),
               case((0, 2, 4, 5), kernel_size=3), case((1, 1, 3, 3), kernel_size=1)], loop_unfold,
    torch="nn.functional.unfold",
    bad=[case((2, 2, 3, 3), kernel_size=4), case((3, 3), kernel_size=2),
         case((2, 2, 3, 3), kernel_size=(2, 2, 2))])
row("fold", [case((2, 8, 12), output_size=(4, 5), kernel_size=2),
             case((12, 8), output_size=(4, 5), **GRID), case((1, 6, 8), output_size=(4, 5), **GRID),
             case((0, 4, 4), output_size=3, kernel_size=2)],
    loop_fold, bad=[case((2, 8, 11), output_size=(4, 5), kernel_size=2),
                    case((2, 7, 12), output_size=(4, 5), kernel_size=2),
                    case((8,), output_size=3, kernel_size=2),
                    case((1, 4, 1), output_size=1, kernel_size=2)])
SPREAD_GRID = {"kernel_size": (2, 3), "stride": (1, 2), "padding": (1, 0), "dilation": (2, 1)}
row("columns_of_windows", [case((1, 2, 4, 5), **SPREAD_GRID)],
    lambda x, kernel_size, stride, padding, dilation:
        loop_unfold(x, kernel_size, dilation, padding, stride), torch=None)
row("windows_of_columns", [case((1, 12, 8), shape=(1, 2, 4, 5), **SPREAD_GRID)],
    lambda x, shape, kernel_size, stride, padding, dilation:
        loop_fold(x, shape[2:], kernel_size, dilation, padding, stride), torch=None)
