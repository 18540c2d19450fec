"""The registry of op cases: one row per name in `OPS`, from which all generic tests are made.

    row("exp", ONE, np.exp)
    row("log", ONE, np.log, domain="positive")
    row("t", [case((2, 3)), case((3,))], lambda x: x.T, bad=[case((2, 3, 4))])

A row names the op, its cases (a family such as ONE, PAIR or REDUCTION, or a list), and a function
of NumPy or SciPy that computes the same. `case(*shapes, **settings)` has a shape for each tensor
input, and in place of a shape a number or None is handed on as it is. The function is called with
arrays, and with `axis` and `keepdims` for `dim` and `keepdim`. PyTorch's function is the one of the
same name if there is one; `torch` names another, or None. What else a row can say is in
`op_cases.py`, the tests are in `test_ops.py`. A new row needs no new test.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import scipy.special
from op_cases import (
    ALONG,
    MATRICES,
    ONE,
    PAIR,
    PLACE,
    PRODUCT,
    REDUCTION,
    ROWS,
    Case,
    Family,
    Row,
    along,
    broadcast,
    case,
    listed,
    row,
)

import tinygrad_edu as tg
from tinygrad_edu.kernels import reference as loops
from tinygrad_edu.op import OPS
from tinygrad_edu.ops.convert import cast
from tinygrad_edu.ops.labels import targets_of

__all__ = ["ROWS", "Case", "Row"]

# fmt: off
# A row is read as a line of a table: by hand it is two lines, by the formatter ten.

# --- pointwise ----------------------------------------------------------------------------------

row("mul", PAIR, np.multiply)
row("maximum", PAIR, np.maximum)
row("minimum", PAIR, np.minimum)
row("neg", ONE, np.negative)
row("exp", ONE, np.exp)
row("log", ONE, np.log, domain="positive")
row("sqrt", ONE, np.sqrt, domain="positive")
row("square", ONE, np.square)
row("reciprocal", ONE, np.reciprocal)
row("abs", ONE, np.abs)
row("sign", ONE, np.sign)
row("tanh", ONE, np.tanh)
row("sigmoid", ONE, scipy.special.expit)
row("relu", ONE, lambda x: np.where(x > 0, x, 0))
row("pow", PAIR.with_cases(*[case((2, 3), n) for n in (0, 1, 2, 3, -1, 0.5, 2.0)], case(2, (3,))),
    np.power, domain="positive")
CLAMPS = [case((2, 3), min=-0.5, max=0.75), case((2, 3), min=0.3), case((4,), None, 0.5),
          case((2, 3), (3,), (2, 1)), case((2, 3), (3,)), case((), -0.5)]
row("clamp", Family(CLAMPS, [case((2, 3), (4,)), case((2, 3))], broadcast(3)),
    lambda x, min=None, max=None: np.clip(x, min, max))
WHERES = [case((2, 3), (2, 3), (2, 3)), case((2, 1), (3,), ()), case((3,), (3,), 0.5),
          case((3,), 2.0, (3,))]
row("where", Family(WHERES, [case((2, 3), (4,), ())], broadcast(3)), np.where,
    domain=("bool", "real", "real"))
row("keep", [case((2, 3), (2, 3)), case((2, 1), (3,)), case((), ()), case((0,), (0,))],
    lambda x, mask: np.where(mask, x, 0), domain=("real", "bool"), bad=[case((2, 3), (4,))],
    torch=None)
row("eq", PAIR, np.equal, gradient=False)
row("ne", PAIR, np.not_equal, gradient=False)
row("lt", PAIR, np.less, gradient=False)
row("le", PAIR, np.less_equal, gradient=False)
row("gt", PAIR, np.greater, gradient=False)
row("ge", PAIR, np.greater_equal, gradient=False)

# --- reductions ---------------------------------------------------------------------------------


def numpy_var(x, axis=None, correction=None, unbiased=True, keepdims=False):
    ddof = int(unbiased) if correction is None else correction
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)


def numpy_std(x, **settings):
    return np.sqrt(numpy_var(x, **settings))


def numpy_extreme(reduce, place):
    """As PyTorch: along an axis also the places."""

    def both(x, axis=None, keepdims=False):
        if axis is None:
            return reduce(x, keepdims=keepdims)
        return reduce(x, axis, keepdims=keepdims), place(x, axis, keepdims=keepdims)

    return both


def numpy_softmax(x, axis):
    return scipy.special.softmax(x, axis if x.ndim else None)


def numpy_log_softmax(x, axis):
    return scipy.special.log_softmax(x, axis if x.ndim else None)


SPREAD = Family(
    [case((2, 3)), case((2, 3), dim=0), case((4, 3), dim=1, correction=0, keepdim=True),
     case((2, 3, 2), dim=(0, 2), unbiased=False), case((5,), correction=2)], REDUCTION.bad)
SPREAD_OP = [case((2, 3), dim=None, correction=1, keepdim=False),
             case((4, 3, 2), dim=(0, -1), correction=0, keepdim=True)]
EXTREME = Family(PLACE.cases[:-1], PLACE.bad)
LOGSUMEXP = Family([case((2, 3), dim=1), case((2, 3, 2), dim=(0, -1), keepdim=True),
                    case((), dim=0)], PLACE.bad, along)

row("sum", REDUCTION, np.sum)
row("mean", REDUCTION, np.mean, empty=False)
row("var", SPREAD, numpy_var)
row("std", SPREAD, numpy_std)
row("variance", SPREAD_OP, numpy_var, torch=None)
row("deviation", SPREAD_OP, numpy_std, torch=None)
row("amax", REDUCTION, np.max, empty=False)
row("amin", REDUCTION, np.min, empty=False)
row("max", EXTREME, numpy_extreme(np.max, np.argmax))
row("min", EXTREME, numpy_extreme(np.min, np.argmin))
row("one_of_each", [case((2, 3), dim=1, index=np.array([[2], [0]]), keepdim=False),
                    case((2, 3), dim=0, index=np.array([[1, 0, 1]]), keepdim=True),
                    case((), dim=0, index=np.array(0), keepdim=False)],
    lambda x, axis, index, keepdims: x if not x.ndim else
    np.take_along_axis(x, index, axis).sum(axis, keepdims=keepdims), torch=None)
row("argmax", PLACE, np.argmax, gradient=False, empty=False)
row("argmin", PLACE, np.argmin, gradient=False, empty=False)
row("all", REDUCTION, np.all, gradient=False)
row("any", REDUCTION, np.any, gradient=False)
row("logsumexp", LOGSUMEXP, scipy.special.logsumexp, empty=False)
row("softmax", ALONG, numpy_softmax, empty=False)
row("normalized_exp", ALONG, numpy_softmax, empty=False, torch="softmax")
row("log_softmax", ALONG, numpy_log_softmax, empty=False)
row("normalized_log", ALONG, numpy_log_softmax, empty=False, torch="log_softmax")

# --- shapes -------------------------------------------------------------------------------------

RESHAPES = Family([case((2, 3), shape=(3, 2)), case((2, 3, 2), shape=(-1, 4)),
                   case((), shape=(1, 1)), case((0, 3), shape=(3, 0))],
                  [case((2, 3), shape=(4, 2)), case((2, 3), shape=(-1, 4))])
JOINS = Family([case((2, 3), (4, 3), dim=0), case((2, 3), (2, 1), (2, 0), dim=-1),
                case((3,), dim=0)],
               [case((2, 3), (4, 2), dim=0), case((2, 3), (2, 3), dim=2),
                case((2, 3), (3,), dim=0), case((), (), dim=0)])


def numpy_reshape(x, shape):
    return x.reshape(shape)


def numpy_flatten(x, start_dim=0, end_dim=-1):
    return x.reshape((*x.shape[:start_dim], -1, *(x.shape[end_dim + 1 :] if end_dim + 1 else ())))


def numpy_squeeze(x, axis=None):
    """As PyTorch: what has not size 1 stays."""
    chosen = range(x.ndim) if axis is None or not x.ndim else np.atleast_1d(axis) % x.ndim
    return x.squeeze(tuple(i for i in chosen if x.shape[i] == 1))


def numpy_expand(x, size):
    missing = len(size) - x.ndim
    return np.broadcast_to(x, [x.shape[i - missing] if n < 0 else n for i, n in enumerate(size)])


row("reshape", RESHAPES, numpy_reshape)
row("view", RESHAPES, numpy_reshape, contiguous=True, torch=None)
row("seen_as", RESHAPES, numpy_reshape, contiguous=True, torch=None)
row("view_as", [case((2, 3), other=np.ones((3, 2)))], lambda x, other: x.reshape(other.shape),
    bad=[case((2, 3), other=np.ones(4))], contiguous=True, torch="Tensor.view_as")
row("flatten", [case((2, 3, 2)), case((2, 3, 2), start_dim=1), case((2, 3, 2), end_dim=-2),
                case(())], numpy_flatten,
    bad=[case((2, 3), start_dim=1, end_dim=0), case((2, 3), start_dim=2)])
row("transpose", [case((2, 3, 4), dim0=0, dim1=-1), case((2, 3), dim0=1, dim1=0),
                  case((), dim0=0, dim1=-1)],
    lambda x, dim0, dim1: x.swapaxes(dim0, dim1) if x.ndim else x,
    bad=[case((2, 3), dim0=0, dim1=2)])
row("t", [case((2, 3)), case((3,)), case(())], np.transpose, bad=[case((2, 3, 4))])
row("T", [case((2, 3)), case((2, 3, 4)), case(())], np.transpose, torch=None)
row("mT", [case((2, 3)), case((2, 3, 4))], lambda x: x.swapaxes(-1, -2), bad=[case((3,))],
    torch=None)
row("permute", [case((2, 3, 4), dims=(2, 0, 1)), case((2, 3, 4), dims=(0, -1, 1)),
                case((), dims=())], lambda x, dims: x.transpose(dims),
    bad=[case((2, 3), dims=(0,)), case((2, 3), dims=(0, 0))])
row("squeeze", [case((1, 3, 1)), case((1, 3, 1), dim=0), case((1, 3, 1), dim=1),
                case((1, 3, 1), dim=(0, -1)), case((), dim=0)], numpy_squeeze,
    bad=[case((2, 3), dim=2)])
row("unsqueeze", [case((2, 3), dim=0), case((2, 3), dim=-1), case((), dim=0), case((0,), dim=1)],
    np.expand_dims, bad=[case((2, 3), dim=3)])
row("expand", [case((2, 1), size=(2, 3)), case((3,), size=(2, 3)), case((), size=(2,)),
               case((1, 0), size=(2, 0)), case((2, 1), size=(4, -1, 3))], numpy_expand,
    bad=[case((2, 3), size=(2, 4)), case((2, 3), size=(3,))],
    call=lambda f, x, size: f(x, size), torch="Tensor.expand")
row("expand_as", [case((2, 1), other=np.ones((2, 3)))],
    lambda x, other: np.broadcast_to(x, other.shape), bad=[case((2, 3), other=np.ones(2))],
    torch="Tensor.expand_as")
row("cat", JOINS, np.concatenate, call=listed)
row("join", JOINS, lambda *x, axis: np.concatenate(x, axis), torch=None)
PILES = [case((2, 3), (2, 3), dim=0), case((2, 3), (2, 3), dim=-1), case((), (), (), dim=0)]
row("pile", PILES, lambda *x, axis: np.stack(x, axis), torch=None)
row("stack", PILES, np.stack, call=listed,
    bad=[case((2, 3), (2, 2), dim=0), case((2, 3), (2, 3), dim=3)])

# --- conversions and copies ---------------------------------------------------------------------


def numpy_to(dtype):
    return lambda x: x.astype(dtype)


row("clone", ONE, np.copy)
row("contiguous", ONE, np.copy, torch="Tensor.contiguous")
row("cpu", ONE, np.copy, torch="Tensor.cpu")
row("cast", [case((2, 3), dtype=np.float64)], lambda x, dtype: x.astype(dtype), torch=None,
    same_dtype=False)
row("to", [case((2, 3), dtype=np.float64), case((2, 3))], lambda x, dtype=None: x.astype(dtype),
    torch=None, same_dtype=False)
row("type_as", [case((2, 3), other=np.ones(2))], lambda x, other: x.astype(other.dtype),
    torch="Tensor.type_as", same_dtype=False)
for _name in ("bool", "double", "float", "half", "int", "long", "short"):
    row(f"to_{_name}", ONE, numpy_to(getattr(tg, _name)), torch=f"Tensor.{_name}",
        gradient=_name == "double", same_dtype=False)

# --- indexing -----------------------------------------------------------------------------------

MASK = np.array([[True, False, True], [False, True, True]])
ONCE = [0, -1, slice(None), (slice(None), 1), (Ellipsis, slice(0, 3, 2)), None, (0, None),
        (MASK,), (np.array([0, 1]), np.array([2, 0])), (np.array([], np.int64),)]
INDICES = [*ONCE, (np.array([1, 0, 1]),), (slice(None), np.array([[2, 2], [0, 1]]))]
VIEW_STEPS = ((OPS["getitem"].op, ((slice(None), 1),)),)


def read(index):
    """The shape of what is read at an index of a (2, 3) tensor."""
    return np.ones((2, 3))[index].shape


def added_at(g, shape, index):
    """The adjoint of reading at an index, one read element after the other."""
    out = np.zeros(shape)
    places = np.arange(out.size).reshape(shape)[index]
    for place, value in zip(np.ravel(places), np.ravel(g), strict=True):
        out.ravel()[place] += value
    return out


def replaced_at(x, value, index):
    out = x.copy()
    out[index] = value
    return out


def numpy_gather(x, axis, index):
    """As PyTorch: an index smaller than the input reads from its first rows."""
    if not x.ndim:
        return x
    axis %= x.ndim
    return np.take_along_axis(
        x[tuple(slice(None if i == axis else n) for i, n in enumerate(index.shape))], index, axis)


row("getitem", [case((2, 3), index=i) for i in INDICES], lambda x, index: x[index], torch=None,
    bad=[case((2, 3), index=2), case((2, 3), index=(0, 0, 0)),
         case((2, 3), index=(np.array([5]),))])
row("scatter_index", [case(read(i), shape=(2, 3), index=i) for i in INDICES], added_at,
    torch=None, bad=[case((4,), shape=(2, 3), index=0)])
row("setitem", [case((2, 3), read(i), index=i) for i in ONCE]
    + [case((2, 3), (), index=0), case((2, 3), (3,), index=(MASK.any(1),))], replaced_at,
    torch=None, bad=[case((2, 3), (4,), index=0)])
row("overwrite", [case((2, 3), (2,), steps=VIEW_STEPS)],
    lambda x, value, steps: replaced_at(x, value, steps[0][1][0]), torch=None)
row("assign", [case((2, 3), (2, 3)), case((2, 3), (3,)), case((2, 3), ())],
    lambda x, value: np.broadcast_to(value, x.shape), torch=None, bad=[case((2, 3), (4,))])
row("gather", [case((3, 4), dim=1, index=np.array([[0, 0], [3, 1], [1, 1]])),
               case((3, 4), dim=0, index=np.array([[2, 0, 2]])),
               case((2, 3), dim=-1, index=np.zeros((2, 0), np.int64)),
               case((), dim=0, index=np.array(0))], numpy_gather,
    bad=[case((3, 4), dim=1, index=np.array([[4]])), case((3, 4), dim=1, index=np.array([0])),
         case((3, 4), dim=2, index=np.array([[0]]))])

# --- products -----------------------------------------------------------------------------------

EQUATIONS = [case((2, 3), (3, 4), equation="ij,jk->ik"), case((3, 3), equation="ii->i"),
             case((2, 3), (2, 3), equation="ij,ij->"), case((2, 3, 4), (4,), equation="abc,c->ba"),
             case((2, 2, 2), (2,), (3,), equation="iij,j,k->k"), case((2, 3), equation="ij->i"),
             case((0, 3), (3,), equation="ij,j->i")]
LINEAR = Family([case((2, 3), (4, 3), (4,)), case((3,), (4, 3), None),
                 case((5, 2, 3), (4, 3), (4,)), case((0, 3), (4, 3), (4,)),
                 case((2, 0), (4, 0), (4,)), case((5, 2, 3), (0, 3), (0,))],
                [case((2, 3), (3, 4), (4,)), case((2, 3), (4, 3), (3,)),
                 case((2, 3), (4,), None)])

row("matmul", PRODUCT, np.matmul)
row("matrix_product", MATRICES, np.matmul, torch="matmul")
row("mm", [case((2, 3), (3, 4)), case((0, 3), (3, 2))], np.matmul,
    bad=[case((2, 3), (4, 5)), case((3,), (3, 2))])
row("bmm", [case((2, 3, 4), (2, 4, 5)), case((0, 3, 4), (0, 4, 5))], np.matmul,
    bad=[case((2, 3, 4), (1, 4, 5)), case((2, 3), (3, 4)), case((2, 3, 4), (2, 3, 4))])
row("mv", [case((2, 3), (3,)), case((0, 3), (3,))], np.matmul,
    bad=[case((2, 3), (2,)), case((2, 3), (3, 4))])
row("dot", [case((3,), (3,)), case((0,), (0,))], np.dot,
    bad=[case((3,), (4,)), case((2, 3), (3,))])
row("outer", [case((2,), (3,)), case((2,), (0,))], np.outer, bad=[case((2, 3), (3,))])
row("linear", LINEAR, lambda x, w, b: x @ w.T + (0 if b is None else b))
# PyTorch's einsum gives int64 where there is but a sum.
row("einsum", [*EQUATIONS, case((2, 3), (4, 3), equation="...a,ba->...b"),
               case((5, 2, 3), (3, 4), equation="...ij,jk"), case((2, 3), equation="ba")],
    np.einsum, call=lambda f, *x, equation: f(equation, *x), integers=False,
    bad=[case((2, 3), equation="i->i"), case((2, 3), (4,), equation="ij,j->i"),
         case((2, 3), equation="ij,j->i")])
row("contract", EQUATIONS, lambda *x, equation: np.einsum(equation, *x), torch=None,
    bad=[case((2, 3), (4,), equation="ij,j->i")])

# --- convolution and pooling --------------------------------------------------------------------

PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
UNEVEN = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 1}
GROUPS = {"stride": (2, 2), "padding": (1, 1), "dilation": (1, 1), "groups": 2}
WINDOWS = {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 1), "dilation": (1, 1)}
EDGES = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)}
MEANS = {"ceil_mode": True, "count_include_pad": False, "divisor_override": None}
POOLS = [case((2, 3, 4, 4), kernel_size=2), case((3, 5, 5), kernel_size=3, stride=2, padding=1),
         case((1, 2, 5, 5), kernel_size=2, ceil_mode=True), case((0, 2, 4, 4), kernel_size=2)]
BAD_POOLS = [case((2, 3, 4, 4), kernel_size=5), case((4, 4), kernel_size=2),
             case((2, 3, 4, 4), kernel_size=2, padding=2)]
PLACES = np.array([[[[0, 1, 2], [5, 5, 11]], [[4, 0, 3], [8, 9, 9]]]])  # of planes of 3 x 4


def pair(value):
    return tuple(map(int, np.broadcast_to(value, 2)))


def loop_conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    batch = x if x.ndim == 4 else x[None]
    out = loops.conv2d(batch, w, pair(stride), pair(padding), pair(dilation), groups)
    out = out + (0 if b is None else b[:, None, None])
    return out if x.ndim == 4 else out[0]


def loop_max(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, place=False):
    windows = [pair(kernel_size), pair(stride or kernel_size), pair(padding), pair(dilation)]
    batch = x if x.ndim == 4 else x[None]
    out = loops.max_pool2d(batch, *windows, ceil_mode)[int(place)]
    return out if x.ndim == 4 else out[0]


def loop_mean(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
              divisor_override=None):
    windows = [pair(kernel_size), pair(stride or kernel_size), pair(padding)]
    batch = x if x.ndim == 4 else x[None]
    out = loops.avg_pool2d(batch, *windows, ceil_mode, count_include_pad, divisor_override)
    return out if x.ndim == 4 else out[0]


def with_largest(function, x, **how):
    """For a function that takes, beside its input, the largest elements of the windows."""
    plain = x.detach().numpy() if isinstance(x, tg.Tensor) else x
    return function(x, loop_max(plain, **how) if isinstance(plain, np.ndarray) else x, **how)


row("conv2d", [case((2, 2, 5, 4), (3, 2, 3, 2), (3,)),
               case((2, 5, 5), (4, 1, 3, 3), None, **GROUPS),
               case((1, 2, 5, 5), (2, 2, 3, 3), (2,), stride=2, padding=1),
               case((2, 2, 5, 6), (3, 2, 3, 2), None, **UNEVEN),
               case((0, 2, 5, 4), (3, 2, 3, 2), (3,))], loop_conv2d,
    bad=[case((2, 2, 5, 4), (3, 1, 3, 2), None), case((2, 2, 2, 2), (3, 2, 3, 3), None),
         case((2, 2, 5, 4), (3, 2, 3, 2), (2,)), case((5, 4), (3, 2, 3, 2), None)])
row("convolution", [case((2, 2, 5, 4), (3, 2, 3, 2), (3,), **PLAIN),
                    case((2, 2, 5, 6), (3, 2, 3, 2), None, **UNEVEN)], loop_conv2d, torch=None)
row("conv_input_grad", [case((2, 3, 3, 3), (3, 2, 3, 2), shape=(2, 2, 5, 4), **PLAIN),
                        case((2, 4, 3, 3), (4, 1, 3, 3), shape=(2, 2, 5, 5), **GROUPS)],
    lambda g, w, shape, **how: loops.conv2d_input_grad(g, w, shape, *how.values()), torch=None)
row("conv_weight_grad", [case((2, 2, 5, 4), (2, 3, 3, 3), shape=(3, 2, 3, 2), **PLAIN),
                         case((2, 2, 5, 5), (2, 4, 3, 3), shape=(4, 1, 3, 3), **GROUPS)],
    lambda x, g, shape, **how: loops.conv2d_weight_grad(x, g, shape, *how.values()), torch=None)
row("max_pool2d", [*POOLS, case((2, 2, 5, 5), kernel_size=2, stride=1, dilation=2)], loop_max,
    bad=BAD_POOLS)
SIDE_BY_SIDE = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
row("largest_of_windows", [case((2, 2, 4, 5), **WINDOWS, ceil_mode=False),
                           case((2, 2, 4, 5), **SIDE_BY_SIDE, ceil_mode=False),
                           case((2, 2, 3, 4), **SIDE_BY_SIDE, ceil_mode=True)],
    loop_max, torch=None)
row("places_in_plane", [case((2, 2, 4, 5), **WINDOWS)],
    lambda x, out, **how: loop_max(x, **how, place=True), call=with_largest, gradient=False,
    torch=None)
row("scatter_in_plane", [case((1, 2, 2, 3), indices=PLACES, shape=(1, 2, 3, 4))],
    lambda g, indices, shape: loops.max_pool2d_scatter(g, indices, shape), torch=None)
row("gather_in_plane", [case((1, 2, 3, 4), indices=PLACES)], loops.max_pool2d_gather, torch=None)
row("avg_pool2d", [*POOLS, case((2, 2, 4, 4), kernel_size=3, stride=2, padding=1, **MEANS),
                   case((1, 1, 4, 4), kernel_size=2, divisor_override=3)], loop_mean,
    bad=BAD_POOLS)
row("mean_of_windows", [case((2, 2, 5, 5), **EDGES, **MEANS)], loop_mean, torch=None)
row("spread_over_windows", [case((2, 2, 3, 3), shape=(2, 2, 5, 5), **EDGES, **MEANS)],
    lambda g, shape, **how: loops.avg_pool2d_input_grad(g, shape, *how.values()), torch=None)

# --- random -------------------------------------------------------------------------------------


def seeded(function, *inputs, **settings):
    return function(*inputs, **settings, generator=tg.Generator().manual_seed(5))


def numpy_dropout(x, p, generator, training=True):
    if not training:
        return x
    kept = generator.numpy.random(x.shape, dtype=np.float32) >= p
    return x * kept / (1 - p)


row("dropout", [case((4, 5), p=0.5), case((3,), p=0.0), case((4, 5), p=0.25, training=False)],
    numpy_dropout, call=seeded, torch=None, bad=[case((2,), p=1.5)])
row("drop", [case((4, 5), p=0.5), case((), p=0.25)], numpy_dropout, call=seeded, torch=None)

# --- losses -------------------------------------------------------------------------------------

LABELS = np.array([2, 0, 1, 2])
PIXELS = np.array([[[0, 2], [1, -100]]])
WEIGHT = np.array([0.5, 1.0, 2.0])
CHANCES = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
CLASSES = [case((4, 3), target=LABELS), case((4, 3), target=LABELS, reduction="sum"),
           case((4, 3), target=LABELS, reduction="none", weight=WEIGHT),
           case((4, 3), target=LABELS, weight=WEIGHT, ignore_index=2),
           case((1, 3, 2, 2), target=PIXELS), case((3,), target=np.array(1))]
BAD_CLASSES = [case((4, 3), target=LABELS + 1), case((4, 2), target=LABELS),
               case((3, 3), target=LABELS), case((4, 3), target=LABELS, weight=WEIGHT[:2])]


def numpy_mse(x, y, reduction="mean", weight=None):
    if weight is not None:
        return np.average((x - y) ** 2, weights=weight)
    return {"mean": np.mean, "sum": np.sum, "none": np.copy}[reduction]((x - y) ** 2)


def loop_nll(logp, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """One target after the other, as the definition says; smoothed, all classes count a little."""
    logp, target = (logp, target) if logp.ndim > 1 else (logp[None], target[None])
    weight = np.ones(logp.shape[1]) if weight is None else weight
    losses, total = np.zeros(target.shape), 0.0
    for place in np.ndindex(target.shape):
        k = target[place]
        if k != ignore_index:
            column = logp[(place[0], slice(None), *place[1:])]
            losses[place] = -weight[k] * column[k] * (1 - label_smoothing)
            losses[place] -= weight @ column * label_smoothing / len(weight)
            total += weight[k]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total}[reduction]


def loop_cross_entropy(x, target, label_smoothing=0.0, **how):
    logp = scipy.special.log_softmax(x, 1 if x.ndim > 1 else 0)
    if target.dtype.kind == "f":
        N, K = x.shape
        return -(logp * (target * (1 - label_smoothing) + label_smoothing / K)).sum() / N
    return loop_nll(logp, target, label_smoothing=label_smoothing, **how)


def hard(function, x, target, weight=None, **how):
    """The ops behind the losses take what they need to know of the targets as one value."""
    if not hasattr(function, "op"):
        return function(x, target, weight=weight, **how)
    weight = weight if weight is None else cast(weight, x.dtype)
    if not hasattr(x, "dtype"):
        return function(x, None)  # which is an error, whatever the targets are
    given = {"ignore_index": -100, "reduction": "mean", **how}
    return function(x, targets_of("hard", x, target, weight, **given))


SQUARES = [case((2, 3), (2, 3), reduction=way) for way in ("mean", "sum", "none")]
row("squared_error", [*SQUARES, case((2, 1), (3,), reduction="mean"),
                      case((), (), reduction="none")], numpy_mse, torch=None)
row("mse_loss", [case((2, 3), (2, 3)), case((2, 3), (2, 3), reduction="sum"),
                 case((2, 3), (2, 3), reduction="none"), case((), ()),
                 case((3,), (3,), weight=WEIGHT)], numpy_mse,
    bad=[case((2, 3), (2, 3), reduction="all"), case((2, 3), (2, 3), weight=WEIGHT)])
SMOOTHED = [case((4, 3), target=LABELS, label_smoothing=0.2),
            case((4, 3), target=LABELS, weight=WEIGHT, ignore_index=2, label_smoothing=0.2),
            case((1, 3, 2, 2), target=PIXELS, reduction="none", label_smoothing=0.5),
            case((2, 33), target=np.array([1, 32]), reduction="sum", label_smoothing=0.1)]
row("nll_loss", CLASSES, loop_nll, bad=BAD_CLASSES)
row("picked_loss", CLASSES, loop_nll, call=hard, torch=None)
row("class_loss", [*CLASSES, *SMOOTHED], loop_cross_entropy, call=hard, torch=None)
row("cross_entropy", [*CLASSES, *SMOOTHED, case((2, 3), target=CHANCES),
                      case((2, 3), target=CHANCES, label_smoothing=0.1)], loop_cross_entropy,
    bad=[*BAD_CLASSES, case((4, 3), target=LABELS, label_smoothing=2)])

# --- the rows of the other families -------------------------------------------------------------

for _path in sorted(Path(__file__).parent.glob("rows_*.py")):
    importlib.import_module(_path.stem)
