"""Rows of the ops that read and write by index, order elements, and cut matrices."""

from __future__ import annotations

import functools

import numpy as np
from op_cases import ALONG, DOMAINS, case, row

try:
    import torch
except ImportError:
    torch = None

DOMAINS["counts"] = lambda rng, shape: rng.integers(0, 4, shape)
MASK = np.array([[True, False, True], [False, True, True]])
VECTOR = np.array([2, 0, 2, 1])
GRID = np.array([[0, 2], [3, 0], [3, 1]])  # for dim 1 of (3, 4); meets in no row but by choice
MEETING = np.array([[1, 1, 1], [0, 0, 0]])


# fmt: off

# --- slices -----------------------------------------------------------------------------------


def loop_index_add(x, axis, index, source, alpha=1):
    out = np.moveaxis(np.atleast_1d(x).copy(), axis, 0)
    parts = np.moveaxis(np.atleast_1d(source), axis, 0)
    for i, place in enumerate(np.atleast_1d(index)):
        out[place] += alpha * parts[i]
    return np.moveaxis(out, 0, axis).reshape(x.shape)


def index_added(function, x, source, index, **how):
    """The function takes the index between its two tensors."""
    dim = how.pop("dim", None)
    return function(x, how.pop("axis", dim), index, source, **how)


SLICES = [case((3, 2), dim=0, index=VECTOR), case((2, 3, 2), dim=-2, index=VECTOR),
          case((3,), dim=0, index=np.array(1)), case((), dim=0, index=np.array([0])),
          case((3, 2), dim=0, index=np.array([], np.int64)), case((3, 0), dim=0, index=VECTOR)]
BAD_SLICES = [case((3, 2), dim=1, index=VECTOR), case((3, 2), dim=0, index=np.array([-1])),
              case((3, 2), dim=0, index=np.array([[0]])), case((3, 2), dim=2, index=VECTOR),
              case((3, 2), dim=0, index=np.array([0.0])), case((), dim=0, index=VECTOR)]

row("index_select", SLICES,
    lambda x, axis, index: np.take(x, np.atleast_1d(index), axis) if x.ndim else x, bad=BAD_SLICES)
row("scatter_slices", [case((4, 2), shape=(3, 2), dim=0, index=VECTOR),
                       case((2, 4, 2), shape=(2, 3, 2), dim=-2, index=VECTOR),
                       case((1,), shape=(), dim=0, index=np.array([0])),
                       case((0, 2), shape=(3, 2), dim=0, index=np.array([], np.int64))],
    lambda x, shape, axis, index: loop_index_add(np.zeros(shape), axis, index, x), torch=None)
row("index_add", [case((3, 2), (4, 2), dim=0, index=VECTOR),
                  case((2, 3, 2), (2, 4, 2), dim=-2, index=VECTOR, alpha=0.5),
                  case((3,), (1,), dim=0, index=np.array(1), alpha=2),
                  case((), (), dim=0, index=np.array([0])),
                  case((3, 2), (0, 2), dim=0, index=np.array([], np.int64))],
    loop_index_add, call=index_added,
    bad=[case((3, 2), (4, 3), dim=0, index=VECTOR), case((3, 2), (3, 2), dim=0, index=VECTOR),
         case((3, 2), (4, 2), dim=0, index=VECTOR + 1)])


# --- elements ---------------------------------------------------------------------------------


def loop_scatter(x, axis, index, src, add=False):
    """One element of the index after the other, as the definition says."""
    out, index = np.atleast_1d(x).copy(), np.atleast_1d(index)
    src = np.broadcast_to(src, index.shape) if not np.ndim(src) else np.atleast_1d(src)
    for place in np.ndindex(index.shape):
        to = list(place)
        to[axis] = index[place]
        out[tuple(to)] = src[place] + (out[tuple(to)] if add else 0)
    return out.reshape(x.shape)


def scattered(function, x, src, index, dim=None, axis=None):
    """PyTorch differentiates only a source of the index's shape: so ours alone gets all of it."""
    if not str(getattr(function, "__module__", "")).startswith("tinygrad_edu") and np.ndim(src):
        src = src[tuple(map(slice, index.shape))].reshape(index.shape)
    elif torch and isinstance(src, torch.Tensor) and index.ndim:
        src = src.item()
    return function(x, axis if dim is None else dim, index, src)


INDEX = np.array([[0, 2], [3, 0]])
SCATTERS = [case((3, 4), (2, 2), dim=1, index=INDEX),
            case((4, 3), (2, 3), dim=-2, index=INDEX[:, :1]),
            case((3, 4), (3, 4), dim=0, index=np.array([[0], [1]])),
            case((2,), (1,), dim=0, index=np.array(1)), case((), (), dim=0, index=np.array(0)),
            case((), (1,), dim=0, index=np.array([0])),
            case((3, 4), (2, 2), dim=1, index=np.zeros((2, 0), np.int64))]
BAD_SCATTERS = [case((3, 4), (2, 2), dim=1, index=INDEX + 1),
                case((3, 4), (2, 1), dim=1, index=INDEX), case((1, 4), (2, 2), dim=1, index=INDEX),
                case((3, 4), (2, 2), dim=1, index=INDEX[0]),
                case((3, 4), (2, 2), dim=2, index=INDEX), case((3, 4), (2,), dim=1, index=INDEX)]
row("scatter", [*SCATTERS, case((3, 4), 0.5, dim=1, index=INDEX)],
    loop_scatter, call=scattered, bad=BAD_SCATTERS)
row("put_along", [case((3, 4), (2, 2), dim=1, index=INDEX),
                  case((2, 3), (2, 3), dim=0, index=MEETING),
                  case((), (), dim=0, index=np.array(0))],
    lambda x, src, axis, index: loop_scatter(x, axis, index, src), torch=None)
row("scatter_add", [*SCATTERS, case((2, 3), (2, 3), dim=0, index=MEETING)],
    functools.partial(loop_scatter, add=True), call=scattered, bad=BAD_SCATTERS)
row("scatter_along", [case((2, 2), shape=(3, 4), dim=1, index=INDEX),
                      case((2, 3), shape=(2, 3), dim=0, index=MEETING),
                      case((2,), shape=(), dim=0, index=np.array([0, 0]))],
    lambda x, shape, axis, index: loop_scatter(np.zeros(shape), axis, index, x, add=True),
    torch=None)


def numpy_take_along(x, indices, axis=None):
    if axis is None:
        return np.ravel(x)[np.ravel(indices)]
    return np.take_along_axis(x, indices, axis)


row("take_along_dim", [case((3, 4), indices=GRID, dim=1), case((3, 4), indices=GRID),
                       case((1, 4), indices=GRID, dim=-1), case((3, 4), indices=GRID[:1], dim=1)],
    numpy_take_along, bad=[case((3, 4), indices=VECTOR, dim=1), case((3, 4), indices=GRID, dim=2)])


# --- masks ------------------------------------------------------------------------------------

row("masked_fill", [case((2, 3), 0.5, mask=MASK), case((3,), (), mask=MASK),
                    case((2, 3), (), mask=MASK[0]), case((), 2, mask=np.array(True)),
                    case((0, 3), 1.0, mask=MASK[0])],
    lambda x, mask, value: np.where(mask, value, x),
    call=lambda f, x, value, mask: f(x, mask, value),
    bad=[case((2, 3), 0.5, mask=np.ones((2, 3))), case((2, 4), 0.5, mask=MASK),
         case((2, 3), (2,), mask=MASK)])
row("masked_select", [case((2, 3), mask=MASK), case((3,), mask=MASK), case((2, 3), mask=MASK[0]),
                      case((), mask=np.array(True)), case((), mask=MASK),
                      case((2, 3), mask=MASK & False)],
    lambda x, mask: (lambda a, b: a[b])(*np.broadcast_arrays(x, mask)),
    bad=[case((2, 3), mask=np.ones((2, 3))), case((2, 4), mask=MASK)])


# --- order ------------------------------------------------------------------------------------


def numpy_argsort(x, axis=-1, descending=False, stable=False):
    if not x.ndim:
        return np.array(0)
    return np.argsort(-x if descending else x, axis, kind="stable")


def numpy_sort(x, axis=-1, descending=False, stable=False):
    order = numpy_argsort(x, axis, descending)
    return np.take_along_axis(x, order, axis) if x.ndim else x, order


def numpy_topk(x, k, axis=-1, largest=True, sorted=True):
    values, order = numpy_sort(x, axis, largest)
    if not x.ndim:
        return values, order
    return np.take(values, np.arange(k), axis), np.take(order, np.arange(k), axis)


ORDERS = ALONG.with_cases(case((3, 4)), case((2, 5), descending=True), case((4,), dim=-1),
                          case((0, 3)))
row("argsort", ORDERS, numpy_argsort, gradient=False, integers=False)
row("sort", ORDERS, numpy_sort, integers=False)
row("topk", [case((5,), 2), case((2, 5), 3, largest=False), case((4, 2), 2, dim=0), case((2, 3), 0),
             case((), 1), case((2, 3), 3, sorted=False)],
    numpy_topk, integers=False, bad=[case((5,), 6), case((5,), -1), case((2, 3), 1, dim=2)])
row("extreme_places", [case((40,), k=3, dim=0, largest=True),
                       case((20, 2), k=2, dim=0, largest=False),
                       case((2, 3), k=2, dim=-1, largest=True), case((), k=1, dim=0, largest=True)],
    lambda x, k, axis, largest: numpy_topk(x, k, axis, largest)[1], torch=None, gradient=False)
row("unique", [case((2, 3)), case((6,), return_inverse=True),
               case((2, 3), return_inverse=True, return_counts=True),
               case((4, 2), return_counts=True),
               case((4, 1), dim=0, return_inverse=True, return_counts=True), case((2, 4), dim=-1),
               case((0,), return_counts=True), case(())],
    lambda x, sorted=True, **how: np.unique(x, **how), domain="counts", gradient=False,
    bad=[case((2, 3), dim=2)])
row("nonzero", [case((2, 3)), case((2, 3), as_tuple=True), case((0, 3)), case(()),
                case((), as_tuple=True)],
    lambda x, as_tuple=False: np.nonzero(np.atleast_1d(x)) if as_tuple else np.argwhere(x),
    domain="counts", gradient=False)
row("nonzero_rows", [case((2, 3)), case((4,))], np.argwhere, domain="counts", torch="nonzero",
    gradient=False)
row("bincount", [case((5,), (5,)), case((5,), (5,), minlength=9)],
    np.bincount, domain=("counts", "real"), torch=None,
    bad=[case((2, 3)), case((5,), (4,)), case((3,), minlength=-1), case(np.array([-1]))])
row("occurrences", [case((5,)), case((5,), minlength=9), case((0,))],
    np.bincount, domain="counts", torch="bincount", gradient=False)
row("one_hot", [case((4,)), case((2, 3), 5), case((), num_classes=4), case((0,), num_classes=2)],
    lambda x, num_classes=-1: np.eye(x.max() + 1 if num_classes == -1 else num_classes)[x],
    domain="counts", gradient=False,
    bad=[case((4,), 1), case((0,)), case(np.array([-1])), case(np.array([0], np.int32))])


# --- diagonals --------------------------------------------------------------------------------

TRIANGLES = [case((3, 4)), case((3, 3), diagonal=1), case((4, 2), diagonal=-2), case((2, 3, 3)),
             case((0, 3)), case((2, 2), diagonal=5)]
row("tril", TRIANGLES, lambda x, diagonal=0: np.tril(x, diagonal), bad=[case((3,))])
row("triu", TRIANGLES, lambda x, diagonal=0: np.triu(x, diagonal), bad=[case((3,))])
row("diagonal", [case((3, 4)), case((3, 4), offset=2), case((3, 4), offset=-1),
                 case((2, 2), offset=3), case((2, 3, 4), offset=1, dim1=-1, dim2=0),
                 case((2, 3, 3), dim1=1, dim2=2), case((0, 3))],
    lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    bad=[case((3,)), case((3, 4), dim1=1), case((3, 4), dim2=2)])


def loop_embed(x, shape, offset=0, dim1=0, dim2=1):
    out = np.zeros(shape)
    planes = np.moveaxis(out, (dim1, dim2), (-2, -1))
    for i in range(x.shape[-1]):
        planes[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return out


row("scatter_diagonal", [case((3,), shape=(3, 4)), case((2,), shape=(3, 4), offset=-1),
                         case((3, 2), shape=(4, 3, 2), offset=1, dim1=-1, dim2=0),
                         case((0,), shape=(2, 2), offset=3)],
    loop_embed, torch=None)
row("diag", [case((3,)), case((2,), diagonal=-1), case((3, 4)), case((3, 4), diagonal=1),
             case((0,))],
    lambda x, diagonal=0: np.diag(x, diagonal), bad=[case(()), case((2, 3, 4))])
