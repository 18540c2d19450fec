"""Rows of scans, statistics and norms; what a row says is told in `op_table.py`."""

from __future__ import annotations

import numpy as np
import scipy.spatial.distance
from op_cases import ALONG, ONE, PLACE, REDUCTION, Family, case, row

# fmt: off

INF = float("inf")

# --- scans --------------------------------------------------------------------------------------


def numpy_scan(accumulate):
    return lambda x, axis: accumulate(x, axis) if x.ndim else x


def loop_recurrence(x, factor, axis):
    """One number after the other, as the definition says."""
    out = np.moveaxis(x.copy(), axis, 0)
    for i in range(1, len(out)):
        out[i] = out[i] + np.moveaxis(factor, axis, 0)[i] * out[i - 1]
    return np.moveaxis(out, 0, axis)


for _name, _accumulate in {"cumsum": np.cumsum, "cumprod": np.cumprod}.items():
    row(_name, ALONG, numpy_scan(_accumulate))
row("running_sum", ALONG, numpy_scan(np.cumsum), torch=None)
row("running_product", ALONG, numpy_scan(np.cumprod), torch=None)
row("recurrence", [case((4,), (4,), dim=0), case((3, 4), (3, 4), dim=1),
                   case((3, 4, 2), (3, 4, 2), dim=-2), case((2, 0), (2, 0), dim=1)],
    loop_recurrence, torch=None, bad=[case((2, 3), (2, 3), dim=2)])
row("prod", PLACE, np.prod)
row("product", [case((2, 3), dim=None, keepdim=True), case((2, 3), dim=-1, keepdim=False)],
    np.prod, torch=None, bad=[case((2, 3), dim=2, keepdim=False)])
row("diff", [case((2, 5)), case((2, 5), n=2), case((4, 2), dim=0), case((2, 3), n=5),
             case((3,), n=0), case((2, 3), prepend=np.ones((2, 1)), append=np.zeros((2, 2))),
             case((3, 2), n=2, dim=0, append=np.ones((1, 2))), case((2, 0))],
    lambda x, n=1, axis=-1, prepend=None, append=None: np.diff(
        x, min(n, x.shape[axis]), axis,
        **{k: v for k, v in {"prepend": prepend, "append": append}.items() if v is not None}),
    bad=[case(()), case((2, 3), dim=2), case((2,), n=-1), case((2, 3), prepend=np.ones((3, 1)))])

# --- statistics ---------------------------------------------------------------------------------


def numpy_with_mean(spread):
    def both(x, axis=None, unbiased=True, keepdims=False, correction=None):
        ddof = int(unbiased) if correction is None else correction
        return spread(x, axis=axis, ddof=ddof, keepdims=keepdims), x.mean(axis, keepdims=keepdims)

    return both


def lower_median(x, axis=None, keepdims=False):
    """As PyTorch: the lower one of two; along an axis also its place."""
    if axis is None:
        return np.sort(x.ravel())[(x.size - 1) // 2]
    rows = np.atleast_1d(x)
    place = np.take(np.argsort(rows, axis), [(rows.shape[axis] - 1) // 2], axis)
    both = np.take_along_axis(rows, place, axis), place
    if not x.ndim:
        return [y.reshape(()) for y in both]
    return both if keepdims else [y.squeeze(axis) for y in both]


WITH_MEAN = [case((2, 3)), case((2, 3), dim=0), case((4, 3), dim=1, correction=0, keepdim=True),
             case((2, 3, 2), dim=(0, 2), unbiased=False)]
MEDIANS = Family([*PLACE.cases, case((3, 4), dim=1), case((2, 5), dim=-1), case((), dim=0)],
                 PLACE.bad, PLACE.drawn)

row("var_mean", WITH_MEAN, numpy_with_mean(np.var), bad=REDUCTION.bad)
row("std_mean", WITH_MEAN, numpy_with_mean(np.std), bad=REDUCTION.bad)
row("median", MEDIANS, lower_median, empty=False, bad=[case((2, 0), dim=1)])
row("middle", Family([case((2, 3)), case((3, 4)), case(())], (), ONE.drawn), lower_median,
    empty=False, torch="median")
row("place_of_median", [case((3, 4), dim=1), case((2, 5), dim=0, keepdim=True)],
    lambda x, axis, keepdims=False: lower_median(x, axis, keepdims)[1], gradient=False, torch=None,
    bad=[case((2, 3), dim=2), case((2, 0), dim=1)])
row("nansum", REDUCTION, np.nansum)
row("nanmean", REDUCTION, np.nanmean, empty=False)
row("count_nonzero", [case((2, 3)), case((2, 3), dim=0), case((2, 3, 2), dim=(0, -1)), case(())],
    np.count_nonzero, gradient=False, bad=REDUCTION.bad)

# --- norms --------------------------------------------------------------------------------------


def numpy_vector_norm(x, ord=2, axis=None, keepdims=False):
    if not x.ndim:
        x = x.reshape(1)
        return np.linalg.vector_norm(x, ord=ord)
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def numpy_norm(x, p="fro", axis=None, keepdims=False):
    if p == "nuc":
        return np.linalg.norm(x, p, axis, keepdims)
    return numpy_vector_norm(x, 2 if p == "fro" else p, axis, keepdims)


def numpy_matrix_norm(x, ord="fro", axis=(-2, -1), keepdims=False):
    return np.linalg.norm(x, ord, axis, keepdims)


def numpy_cdist(x, y, p=2.0, compute_mode=None):
    metric = {"metric": "chebyshev"} if p == INF else {"metric": "minkowski", "p": p}
    if p == 0:
        return (x[:, None] != y[None]).sum(-1).astype(x.dtype)
    pairs = [(x, y)] if x.ndim == 2 else zip(x, y, strict=True)
    out = np.array([scipy.spatial.distance.cdist(a, b, **metric) for a, b in pairs])
    return out[0] if x.ndim == 2 else out


ORDERS = [1, 2, 3, 4.0, 0.5, 1.5, 2.5, -1, -2.5, INF, -INF]
NORMS = Family(
    [case((2, 3)), case(()), case((2, 3, 2), dim=(0, -1), keepdim=True),
     *(case((3, 4), ord=p, dim=1) for p in ORDERS), case((2, 3, 2), ord=3, dim=(0, 2)),
     case((2, 3), ord=INF, keepdim=True), case((0, 3), dim=0)],
    [case((2, 3), dim=2), case((2, 3), dim=(0, 0)), case((2, 0), ord=INF, dim=1),
     case((2, 0), ord=-1, dim=1), case((2, 3), ord="two")])
OLD = [case(c.shapes[0], **{"p" if k == "ord" else k: v for k, v in c.settings.items()})
       for c in NORMS.cases]
MATRIX_NORMS = [case((3, 2), ord=p) for p in ("fro", 1, -1, INF, -INF)]
CLOUDS = [case((3, 2), (4, 2), p=p) for p in (2.0, 1.0, 0.5, 3.0, INF, 0.0)]

row("p_norm", [case((3, 4), ord=p, dim=None, keepdim=False) for p in (1, 2, 3.5, INF, 0)],
    numpy_vector_norm, torch=None, bad=[case((2, 0), ord=INF, dim=1, keepdim=False)])
row("vector_norm", NORMS, numpy_vector_norm, torch="linalg.vector_norm")
row("norm", [*OLD, case((2, 3), p="nuc"), case((2, 3, 2), p="nuc", dim=(2, 0), keepdim=True)],
    numpy_norm, bad=[case((2, 3), dim=2), case((2, 3), p="two"), case((3,), p="nuc"),
                     case((2, 3, 2), p="nuc"), case((2, 3), p="nuc", dim=1)])
row("matrix_norm", [*MATRIX_NORMS, case((2, 3, 4), ord=1, dim=(2, 0)),
                    case((2, 3, 4), ord=INF, keepdim=True), case((2, 3), ord=2),
                    case((2, 3, 2), ord=-2, dim=(0, 2), keepdim=True), case((2, 3), ord="nuc"),
                    case((2, 2, 3), ord="nuc", dim=(0, 2))], numpy_matrix_norm,
    torch="linalg.matrix_norm", integers=False,
    bad=[case((3,)), case((2, 3), ord="nucleus"), case((2, 3), ord=3), case((2, 3), dim=(0, 0)),
         case((2, 3), dim=1)])
row("linalg_norm", [case((2, 3)), case((2, 3, 2)), case((3,), ord=3), case((2, 3), ord=1),
                    case((2, 3), ord=1, dim=1), case((2, 3, 2), dim=(0, 1), keepdim=True),
                    case((2, 3, 2), ord=-INF, dim=(0, 1)), case((3, 2), ord=2),
                    case((2, 3, 2), ord="nuc", dim=(0, 1))],
    lambda x, ord=None, axis=None, keepdims=False: numpy_vector_norm(x, 2, axis, keepdims)
    if ord is None else np.linalg.norm(x, ord, axis, keepdims), torch="linalg.norm",
    bad=[case((2, 3, 2), ord=1), case((2, 3), dim=2), case((2, 3), ord="nuclear"),
         case((3,), ord="nuc")])
row("euclidean", [case((3, 2), (4, 2), products=False), case((3, 2), (4, 2), products=True),
                  case((2, 3, 2), (4, 2), products=True)],
    lambda x, y, products: np.sqrt(((x[..., :, None, :] - y[..., None, :, :]) ** 2).sum(-1)),
    torch=None)
row("cdist", [*CLOUDS, case((2, 3, 2), (2, 5, 2)), case((30, 2), (3, 2)), case((0, 2), (3, 2)),
              case((3, 2), (4, 2), compute_mode="use_mm_for_euclid_dist")], numpy_cdist,
    bad=[case((3, 2), (4, 3)), case((2,), (3, 2)), case((3, 2), (4, 2), p=-1.0),
         case((3, 2), (4, 2), compute_mode="fast")])
