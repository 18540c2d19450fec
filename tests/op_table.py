"""The registry of op cases: one row per name in `OPS`, from which all generic tests are made.

    row("exp", ONE, np.exp)
    row("log", ONE, np.log, domain="positive")
    row("gather", [case((3, 4), dim=1, index=np.array([[0], [3], [1]]))], take_along)

A row names the op, its cases (a family such as ONE, PAIR or REDUCTION, or a list), and a function
of NumPy or SciPy that computes the same. `case(*shapes, **settings)` has a shape for each tensor
input, and in place of a shape a number or None is handed on as it is. The function is called with
arrays, and with `axis` and `keepdims` for `dim` and `keepdim`. PyTorch's function is the one of the
same name if there is one; `torch` names another, or None. The tests themselves are in `test_ops.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import scipy.special

import tinygrad_edu as tg
from tinygrad_edu.kernels import reference as loops
from tinygrad_edu.op import OPS

# --- cases ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Case:
    """A call: the shapes of the tensor inputs, and the settings."""

    shapes: tuple
    settings: dict[str, Any]

    def __repr__(self) -> str:
        shapes = [",".join(map(str, s)) or "()" if isinstance(s, tuple) else s for s in self.shapes]
        settings = [f"{k}={_short(v)}" for k, v in self.settings.items()]
        return " ".join(map(str, [*shapes, *settings]))


def _short(value: Any) -> str:
    return "array" if isinstance(value, np.ndarray) else str(value).replace(" ", "")[:30]


def case(*shapes: Any, **settings: Any) -> Case:
    return Case(shapes, settings)


@dataclass(frozen=True, eq=False)
class Family:
    """Cases that several ops share, calls that must fail, and cases drawn at random."""

    cases: tuple[Case, ...]
    bad: tuple[Case, ...] = ()
    drawn: Callable[[int], st.SearchStrategy[Case]] | None = None  # of the least size of a dim


def shapes(least: int) -> st.SearchStrategy:
    return npst.array_shapes(min_dims=0, max_dims=3, min_side=least, max_side=3)


@st.composite
def reductions(draw: st.DrawFn, least: int, one: bool = False) -> Case:
    """A reduction over no, one or several dims, counted from either end."""
    shape = draw(shapes(least))
    places = range(len(shape))
    dims = [None, *places, *(i - len(shape) for i in places)]
    if not one:
        dims += [pair for n in (2, 3) for pair in combinations(places, n)]
    return case(shape, dim=draw(st.sampled_from(dims)), keepdim=draw(st.booleans()))


def along(least: int) -> st.SearchStrategy[Case]:
    """An op along one dim that is always named."""
    return reductions(least, one=True).map(
        lambda c: case(*c.shapes, dim=0 if c.settings["dim"] is None else c.settings["dim"])
    )


def broadcast(count: int) -> Callable[[int], st.SearchStrategy[Case]]:
    return lambda least: npst.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=3, min_side=least, max_side=3
    ).map(lambda drawn: case(*drawn.input_shapes))


def products(least: int) -> st.SearchStrategy[Case]:
    return npst.mutually_broadcastable_shapes(
        signature="(n?,k),(k,m?)->(n?,m?)", max_dims=2, min_side=least, max_side=3
    ).map(lambda drawn: case(*drawn.input_shapes))


ONE = Family(
    (case((2, 3)), case(()), case((0, 3))),
    drawn=lambda least: shapes(least).map(case),
)
PAIR = Family(
    (case((2, 3), (2, 3)), case((2, 1), (1, 3)), case((), (2,)), case((2, 3), 1.5),
     case(0.75, (2, 3)), case((2, 0), (1,))),
    (case((2, 3), (4,)), case((2, 3), (3, 2))),
    broadcast(2),
)  # fmt: skip
REDUCTION = Family(
    (case((2, 3)), case((2, 3), dim=0), case((2, 3, 2), dim=(0, -1), keepdim=True), case(()),
     case((2, 3, 2), dim=(1,))),
    (case((2, 3), dim=2), case((2, 3), dim=(0, 0))),
    reductions,
)  # fmt: skip
PLACE = Family(
    (case((2, 3)), case((2, 3), dim=1), case((2, 3, 2), dim=-2, keepdim=True), case(())),
    (case((2, 3), dim=2),),
    lambda least: reductions(least, one=True),
)
ALONG = Family(
    (case((2, 3), dim=1), case((2, 3, 2), dim=0), case((2, 3, 2), dim=-2), case((), dim=0)),
    (case((2, 3), dim=2),),
    along,
)
MATRICES = Family(
    (case((2, 3), (3, 4)), case((5, 2, 3), (3, 4)), case((5, 1, 2, 3), (2, 3, 4)),
     case((0, 3), (3, 2)), case((2, 0), (0, 3))),
    (case((2, 3), (4, 5)), case((2, 3, 4), (3, 4, 5))),
)  # fmt: skip
PRODUCT = Family(
    (*MATRICES.cases, case((3,), (3,)), case((3,), (3, 4)), case((2, 3), (3,)), case((5, 2, 3), (3,))),
    (*MATRICES.bad, case((3,), (4,)), case((2, 3), ())),
    products,
)


# --- values -----------------------------------------------------------------------------------

# From where the numbers of an input are drawn. "real" keeps away from 0, where many ops have kinks.
DOMAINS: dict[str, Callable[[np.random.Generator, tuple], np.ndarray]] = {
    "real": lambda rng, shape: rng.uniform(0.1, 2, shape) * rng.choice([-1.0, 1.0], shape),
    "positive": lambda rng, shape: rng.uniform(0.2, 2, shape),
    "unit": lambda rng, shape: rng.uniform(-0.9, 0.9, shape),
    "probability": lambda rng, shape: rng.uniform(0.05, 0.95, shape),
    "bool": lambda rng, shape: rng.random(shape) < 0.5,
}


def plain(function: Callable, *inputs: Any, **settings: Any) -> Any:
    return function(*inputs, **settings)


def listed(function: Callable, *inputs: Any, **settings: Any) -> Any:
    """For functions of a list of tensors."""
    return function(inputs, **settings)


def numbers(x: Any) -> np.ndarray:
    return x.detach().numpy() if isinstance(x, tg.Tensor) else np.asarray(x)


# --- rows -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Row:
    """What the generic tests know of an op."""

    name: str
    family: Family
    reference: Callable
    domain: str | tuple[str, ...] = "real"  # of all inputs, or of each
    torch: str | None = ""  # dotted name in `torch`; "" for the op's own name
    call: Callable = field(default=plain)  # how the function takes inputs and settings
    gradient: bool = True  # whether the op has one
    same_dtype: bool = True  # whether floats in give floats of the same dtype out
    empty: bool = True  # whether drawn shapes may have no elements
    contiguous: bool = False  # whether only row-major memory is taken
    integers: bool = True  # whether PyTorch's dtypes for integers are kept

    @property
    def function(self) -> Callable:
        return OPS[self.name]

    @property
    def title(self) -> str:
        """The name that messages give the op."""
        return getattr(self.function, "op", self).name

    def values(self, one: Case, dtype: Any = np.float64) -> list:
        """The inputs as arrays (numbers and None stay): the same for the same row and case."""
        rng = np.random.default_rng(zlib.crc32(f"{self.name} {one!r}".encode()))
        found: list = []
        for i, shape in enumerate(one.shapes):
            if not isinstance(shape, tuple):
                found.append(shape)
                continue
            domain = self.domain if isinstance(self.domain, str) else self.domain[i]
            drawn = np.asarray(DOMAINS[domain](rng, shape))
            found.append(drawn.astype(dtype) if drawn.dtype.kind == "f" else drawn)
        return found

    def run(self, inputs: list, settings: dict) -> list:
        """Call the op; the results as a list. Arrays among the settings go with arrays, tensors
        with tensors."""
        if any(isinstance(x, tg.Tensor) for x in inputs):
            settings = {
                k: tg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()
            }
        return _list(self.call(self.function, *inputs, **settings))

    def expected(self, inputs: list, settings: dict) -> list[np.ndarray]:
        """What the reference gives."""
        names = {"dim": "axis", "keepdim": "keepdims"}
        settings = {names.get(k, k): v for k, v in settings.items()}
        return [np.asarray(y) for y in _list(self.call(self.reference, *inputs, **settings))]


def _list(result: Any) -> list:
    return list(result) if isinstance(result, (tuple, list)) else [result]


ROWS: dict[str, Row] = {}


def row(name: str, family: Family | list[Case], reference: Callable, **known: Any) -> None:
    assert name not in ROWS, f"two rows for {name}"
    bad = tuple(known.pop("bad", ()))
    if isinstance(family, list):
        family = Family(tuple(family), bad)
    elif bad:
        family = Family(family.cases, family.bad + bad, family.drawn)
    ROWS[name] = Row(name, family, reference, **known)


# --- pointwise --------------------------------------------------------------------------------

row("add", PAIR, np.add)
row("sub", PAIR, np.subtract)
row("mul", PAIR, np.multiply)
row("div", PAIR, np.divide)
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
row("pow", Family(
    (*PAIR.cases, *(case((2, 3), n) for n in (0, 1, 2, 3, -1, 0.5, 2.0)), case(2, (3,))),
    PAIR.bad, PAIR.drawn), np.power, domain="positive")  # fmt: skip
row("clamp", Family(
    (case((2, 3), min=-0.5, max=0.75), case((2, 3), min=0.3), case((4,), None, 0.5),
     case((2, 3), (3,), (2, 1)), case((2, 3), (3,)), case((), -0.5)),
    (case((2, 3), (4,)), case((2, 3))), broadcast(3)),
    lambda x, min=None, max=None: np.clip(x, min, max))  # fmt: skip
row("where", Family(
    (case((2, 3), (2, 3), (2, 3)), case((2, 1), (3,), ()), case((3,), (3,), 0.5),
     case((3,), 2.0, (3,))), (case((2, 3), (4,), ()),), broadcast(3)),
    np.where, domain=("bool", "real", "real"))  # fmt: skip
for _name, _function in {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
}.items():  # fmt: skip
    row(_name, PAIR, _function, gradient=False)


# --- reductions -------------------------------------------------------------------------------

SPREAD = Family(
    (case((2, 3)), case((2, 3), dim=0), case((4, 3), dim=1, correction=0, keepdim=True),
     case((2, 3, 2), dim=(0, 2), unbiased=False), case((5,), correction=2)),
    REDUCTION.bad,
)  # fmt: skip
SPREAD_OP = [
    case((2, 3), dim=None, correction=1, keepdim=False),
    case((4, 3, 2), dim=(0, -1), correction=0, keepdim=True),
]


def numpy_var(x, axis=None, correction=None, unbiased=True, keepdims=False):
    ddof = int(unbiased) if correction is None else correction
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)


def numpy_extreme(reduce, place):
    """As PyTorch: along an axis also the places."""

    def both(x, axis=None, keepdims=False):
        if axis is None:
            return reduce(x, keepdims=keepdims)
        return reduce(x, axis, keepdims=keepdims), place(x, axis, keepdims=keepdims)

    return both


row("sum", REDUCTION, np.sum)
row("mean", REDUCTION, np.mean, empty=False)
row("var", SPREAD, numpy_var)
row("std", SPREAD, lambda *x, **s: np.sqrt(numpy_var(*x, **s)))
row("variance", SPREAD_OP, numpy_var, torch=None)
row("deviation", SPREAD_OP, lambda *x, **s: np.sqrt(numpy_var(*x, **s)), torch=None)
row("amax", REDUCTION, np.max, empty=False)
row("amin", REDUCTION, np.min, empty=False)
row("max", Family(PLACE.cases[:-1], PLACE.bad), numpy_extreme(np.max, np.argmax))
row("min", Family(PLACE.cases[:-1], PLACE.bad), numpy_extreme(np.min, np.argmin))
row("argmax", PLACE, np.argmax, gradient=False, empty=False)
row("argmin", PLACE, np.argmin, gradient=False, empty=False)
row("all", REDUCTION, np.all, gradient=False)
row("any", REDUCTION, np.any, gradient=False)
row("logsumexp", Family(
    (case((2, 3), dim=1), case((2, 3, 2), dim=(0, -1), keepdim=True), case((), dim=0)),
    (case((2, 3), dim=2),), along), scipy.special.logsumexp, empty=False)  # fmt: skip
for _name in ("softmax", "normalized_exp"):
    row(_name, ALONG, lambda x, axis: scipy.special.softmax(x, axis if x.ndim else None),
        empty=False, torch="softmax")  # fmt: skip
for _name in ("log_softmax", "normalized_log"):
    row(_name, ALONG, lambda x, axis: scipy.special.log_softmax(x, axis if x.ndim else None),
        empty=False, torch="log_softmax")  # fmt: skip


# --- shapes -----------------------------------------------------------------------------------

RESHAPES = [case((2, 3), shape=(3, 2)), case((2, 3, 2), shape=(-1, 4)), case((), shape=(1, 1)),
            case((0, 3), shape=(3, 0))]  # fmt: skip
BAD_RESHAPES = [case((2, 3), shape=(4, 2)), case((2, 3), shape=(-1, 4))]
EXPANSIONS = [case((2, 1), shape=(2, 3)), case((3,), shape=(2, 3)), case((), shape=(2,)),
              case((1, 0), shape=(2, 0))]  # fmt: skip


def numpy_reshape(x, shape):
    return x.reshape(shape)


row("reshape", RESHAPES, numpy_reshape, bad=BAD_RESHAPES)
row("view", RESHAPES, numpy_reshape, bad=BAD_RESHAPES, contiguous=True, torch=None)
row("view_as", [case((2, 3), other=np.ones((3, 2)))], lambda x, other: x.reshape(other.shape),
    bad=[case((2, 3), other=np.ones(4))], contiguous=True, torch="Tensor.view_as")  # fmt: skip
row("flatten", [case((2, 3, 2)), case((2, 3, 2), start_dim=1), case((2, 3, 2), end_dim=-2), case(())],
    lambda x, start_dim=0, end_dim=-1:
        x.reshape((*x.shape[:start_dim], -1, *(x.shape[end_dim + 1:] if end_dim + 1 else ()))),
    bad=[case((2, 3), start_dim=1, end_dim=0), case((2, 3), start_dim=2)])  # fmt: skip
row("transpose", [case((2, 3, 4), dim0=0, dim1=-1), case((2, 3), dim0=1, dim1=0),
                  case((), dim0=0, dim1=-1)],
    lambda x, dim0, dim1: x.swapaxes(dim0, dim1) if x.ndim else x,
    bad=[case((2, 3), dim0=0, dim1=2)])  # fmt: skip
row("t", [case((2, 3)), case((3,)), case(())], lambda x: x.T, bad=[case((2, 3, 4))])
row("permute", [case((2, 3, 4), dims=(2, 0, 1)), case((2, 3, 4), dims=(0, -1, 1)), case((), dims=())],
    lambda x, dims: x.transpose(dims), bad=[case((2, 3), dims=(0,)), case((2, 3), dims=(0, 0))])  # fmt: skip
row("squeeze", [case((1, 3, 1)), case((1, 3, 1), dim=0), case((1, 3, 1), dim=1),
                case((1, 3, 1), dim=(0, -1)), case((), dim=0)],
    lambda x, axis=None: x.reshape([
        n for i, n in enumerate(x.shape)
        if n != 1 or (axis is not None and not {i, i - x.ndim} & set(np.atleast_1d(axis)))]),
    bad=[case((2, 3), dim=2)])  # fmt: skip
row("unsqueeze", [case((2, 3), dim=0), case((2, 3), dim=-1), case((), dim=0), case((0,), dim=1)],
    np.expand_dims, bad=[case((2, 3), dim=3)])  # fmt: skip
row("expand", [case(*c.shapes, size=c.settings["shape"]) for c in EXPANSIONS]
    + [case((2, 1), size=(4, -1, 3))],
    lambda x, size: np.broadcast_to(x, (*size[:-2], 2, 3) if -1 in size else size),
    bad=[case((2, 3), size=(2, 4)), case((2, 3), size=(3,))], torch="Tensor.expand",
    call=lambda f, x, size: f(x, size))  # fmt: skip
row("expand_as", [case((2, 1), other=np.ones((2, 3)))],
    lambda x, other: np.broadcast_to(x, other.shape), torch="Tensor.expand_as",
    bad=[case((2, 3), other=np.ones(2))])  # fmt: skip
JOINS = Family(
    (case((2, 3), (4, 3), dim=0), case((2, 3), (2, 1), (2, 0), dim=-1), case((3,), dim=0)),
    (case((2, 3), (4, 2), dim=0), case((2, 3), (2, 3), dim=2), case((2, 3), (3,), dim=0),
     case((), (), dim=0)),
)  # fmt: skip
row("cat", JOINS, np.concatenate, call=listed)
row("join", JOINS, lambda *x, axis: np.concatenate(x, axis), torch=None)
row("stack", [case((2, 3), (2, 3), dim=0), case((2, 3), (2, 3), dim=-1), case((), (), (), dim=0)],
    np.stack, call=listed, bad=[case((2, 3), (2, 2), dim=0), case((2, 3), (2, 3), dim=3)])  # fmt: skip


# --- conversions and copies -------------------------------------------------------------------

row("clone", ONE, np.copy)
row("contiguous", ONE, np.copy, torch="Tensor.contiguous")
row("cpu", ONE, np.copy, torch="Tensor.cpu")
row("cast", [case((2, 3), dtype=np.float64)], lambda x, dtype: x.astype(dtype), torch=None,
    same_dtype=False)  # fmt: skip
row("to", [case((2, 3), dtype=np.float64), case((2, 3))], lambda x, dtype=None: x.astype(dtype),
    torch=None, same_dtype=False)  # fmt: skip
row("type_as", [case((2, 3), other=np.ones(2))], lambda x, other: x.astype(other.dtype),
    torch="Tensor.type_as", same_dtype=False)  # fmt: skip
for _name in ("bool", "double", "float", "half", "int", "long", "short"):
    row(f"to_{_name}", ONE, lambda x, dtype=getattr(tg, _name): x.astype(dtype),
        torch=f"Tensor.{_name}", gradient=_name == "double", same_dtype=False)  # fmt: skip


# --- indexing ---------------------------------------------------------------------------------

MASK = np.array([[True, False, True], [False, True, True]])
ONCE = [0, -1, slice(None), (slice(None), 1), (Ellipsis, slice(0, 3, 2)), None, (0, None),
        (MASK,), (np.array([0, 1]), np.array([2, 0])), (np.array([], np.int64),)]  # fmt: skip
INDICES = [*ONCE, (np.array([1, 0, 1]),), (slice(None), np.array([[2, 2], [0, 1]]))]


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


def replaced_in_view(x, value, steps):
    out = x.copy()
    out[steps[0][1][0]] = value
    return out


VIEW_STEPS = ((OPS["getitem"].op, ((slice(None), 1),)),)  # type: ignore[attr-defined]
row("getitem", [case((2, 3), index=i) for i in INDICES], lambda x, index: x[index], torch=None,
    bad=[case((2, 3), index=2), case((2, 3), index=(0, 0, 0)), case((2, 3), index=(np.array([5]),))])  # fmt: skip
row("scatter_index", [case(np.ones((2, 3))[i].shape, shape=(2, 3), index=i) for i in INDICES],
    added_at, torch=None, bad=[case((4,), shape=(2, 3), index=0)])  # fmt: skip
row("setitem", [case((2, 3), np.ones((2, 3))[i].shape, index=i) for i in ONCE]
    + [case((2, 3), (), index=0), case((2, 3), (3,), index=(MASK.any(1),))],
    replaced_at, torch=None, bad=[case((2, 3), (4,), index=0)])  # fmt: skip
row("overwrite", [case((2, 3), (2,), steps=VIEW_STEPS)], replaced_in_view, torch=None)
row("assign", [case((2, 3), (2, 3)), case((2, 3), (3,)), case((2, 3), ())],
    lambda x, value: np.broadcast_to(value, x.shape), torch=None, bad=[case((2, 3), (4,))])  # fmt: skip
row("gather", [case((3, 4), dim=1, index=np.array([[0, 0], [3, 1], [1, 1]])),
               case((3, 4), dim=0, index=np.array([[2, 0, 2]])),
               case((2, 3), dim=-1, index=np.zeros((2, 0), np.int64)),
               case((), dim=0, index=np.array(0))],
    lambda x, axis, index: np.take_along_axis(x[: len(index)] if axis == 1 else x[:, :index.shape[1]]
        if axis == 0 else x, index, axis) if x.ndim else x,
    bad=[case((3, 4), dim=1, index=np.array([[4]])), case((3, 4), dim=1, index=np.array([0])),
         case((3, 4), dim=2, index=np.array([[0]]))])  # fmt: skip


# --- products ---------------------------------------------------------------------------------

MATRIX = Family((case((2, 3), (3, 4)), case((0, 3), (3, 2))), (case((2, 3), (4, 5)), case((3,), (3, 2))))
EQUATIONS = [case((2, 3), (3, 4), equation="ij,jk->ik"), case((3, 3), equation="ii->i"),
             case((2, 3), (2, 3), equation="ij,ij->"), case((2, 3, 4), (4,), equation="abc,c->ba"),
             case((2, 2, 2), (2,), (3,), equation="iij,j,k->k"), case((2, 3), equation="ij->i"),
             case((0, 3), (3,), equation="ij,j->i")]  # fmt: skip
LINEAR = Family(
    (case((2, 3), (4, 3), (4,)), case((3,), (4, 3), None), case((5, 2, 3), (4, 3), (4,)),
     case((0, 3), (4, 3), (4,))),
    (case((2, 3), (3, 4), (4,)), case((2, 3), (4, 3), (3,)), case((2, 3), (4,), None)),
)  # fmt: skip
row("matmul", PRODUCT, np.matmul)
row("matrix_product", MATRICES, np.matmul, torch="matmul")
row("mm", MATRIX, np.matmul)
row("bmm", [case((2, 3, 4), (2, 4, 5)), case((0, 3, 4), (0, 4, 5))], np.matmul,
    bad=[case((2, 3, 4), (1, 4, 5)), case((2, 3), (3, 4)), case((2, 3, 4), (2, 3, 4))])  # fmt: skip
row("mv", [case((2, 3), (3,)), case((0, 3), (3,))], np.matmul,
    bad=[case((2, 3), (2,)), case((2, 3), (3, 4))])  # fmt: skip
row("dot", [case((3,), (3,)), case((0,), (0,))], np.dot,
    bad=[case((3,), (4,)), case((2, 3), (3,))])  # fmt: skip
row("outer", [case((2,), (3,)), case((2,), (0,))], np.outer, bad=[case((2, 3), (3,))])
row("linear", LINEAR, lambda x, w, b: x @ w.T + (0 if b is None else b))
# PyTorch's einsum gives int64 where there is but a sum, and its pooling divides integers.
row("einsum", [*EQUATIONS, case((2, 3), (4, 3), equation="...a,ba->...b"),
               case((5, 2, 3), (3, 4), equation="...ij,jk"), case((2, 3), equation="ba")],
    np.einsum, call=lambda f, *x, equation: f(equation, *x), integers=False,
    bad=[case((2, 3), equation="i->i"), case((2, 3), (4,), equation="ij,j->i"),
         case((2, 3), equation="ij,j->i")])  # fmt: skip
row("contract", EQUATIONS, np.einsum, torch=None,
    call=lambda f, *x, equation: f(equation, *x) if f is np.einsum else f(*x, equation=equation),
    bad=[case((2, 3), (4,), equation="ij,j->i")])  # fmt: skip


# --- convolution and pooling ------------------------------------------------------------------

PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
UNEVEN = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 1}
GROUPS = {"stride": (2, 2), "padding": (1, 1), "dilation": (1, 1), "groups": 2}


def loop_conv2d(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    pairs = [np.broadcast_to(s, 2) for s in (stride, padding, dilation)]
    batch = x if x.ndim == 4 else x[None]
    out = loops.conv2d(batch, w, *[(int(h), int(v)) for h, v in pairs], groups)
    out = out + (0 if b is None else b[:, None, None])
    return out if x.ndim == 4 else out[0]


row("conv2d", [case((2, 2, 5, 4), (3, 2, 3, 2), (3,)), case((2, 5, 5), (4, 1, 3, 3), None, **GROUPS),
               case((1, 2, 5, 5), (2, 2, 3, 3), (2,), stride=2, padding=1),
               case((2, 2, 5, 6), (3, 2, 3, 2), None, **UNEVEN), case((0, 2, 5, 4), (3, 2, 3, 2), (3,))],
    loop_conv2d, bad=[case((2, 2, 5, 4), (3, 1, 3, 2), None), case((2, 2, 2, 2), (3, 2, 3, 3), None),
                      case((2, 2, 5, 4), (3, 2, 3, 2), (2,)), case((5, 4), (3, 2, 3, 2), None)])  # fmt: skip
row("convolution", [case((2, 2, 5, 4), (3, 2, 3, 2), (3,), **PLAIN),
                    case((2, 2, 5, 6), (3, 2, 3, 2), None, **UNEVEN)], loop_conv2d, torch=None)  # fmt: skip
row("conv_input_grad", [case((2, 3, 3, 3), (3, 2, 3, 2), shape=(2, 2, 5, 4), **PLAIN),
                        case((2, 4, 3, 3), (4, 1, 3, 3), shape=(2, 2, 5, 5), **GROUPS)],
    lambda g, w, shape, **how: loops.conv2d_input_grad(g, w, shape, *how.values()), torch=None)  # fmt: skip
row("conv_weight_grad", [case((2, 2, 5, 4), (2, 3, 3, 3), shape=(3, 2, 3, 2), **PLAIN),
                         case((2, 2, 5, 5), (2, 4, 3, 3), shape=(4, 1, 3, 3), **GROUPS)],
    lambda x, g, shape, **how: loops.conv2d_weight_grad(x, g, shape, *how.values()), torch=None)  # fmt: skip

WINDOWS = {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 1)}
EDGES = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)}
MEANS = {"ceil_mode": True, "count_include_pad": False, "divisor_override": None}
POOLS = [case((2, 3, 4, 4), kernel_size=2), case((3, 5, 5), kernel_size=3, stride=2, padding=1),
         case((1, 2, 5, 5), kernel_size=2, ceil_mode=True), case((0, 2, 4, 4), kernel_size=2)]  # fmt: skip
BAD_POOLS = [case((2, 3, 4, 4), kernel_size=5), case((4, 4), kernel_size=2),
             case((2, 3, 4, 4), kernel_size=2, padding=2)]  # fmt: skip
PLANE_INDICES = np.array([[[[0, 1, 2], [5, 5, 11]], [[4, 0, 3], [8, 9, 9]]]])  # of planes of 3 x 4


def loop_pool(kernel, last):
    """A pooling loop with the defaults that users see."""

    def pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **known):
        stride = kernel_size if stride is None else stride
        pairs = [tuple(map(int, np.broadcast_to(s, 2))) for s in (kernel_size, stride, padding)]
        more = [known.get(name, default) for name, default in last.items()]
        if kernel is loops.max_pool2d:
            more = [tuple(map(int, np.broadcast_to(dilation, 2))), ceil_mode]
            return kernel(x if x.ndim == 4 else x[None], *pairs, *more)[0][0 if x.ndim == 3 else ...]
        return kernel(x if x.ndim == 4 else x[None], *pairs, ceil_mode, *more)[
            0 if x.ndim == 3 else ...
        ]

    return pool


loop_max = loop_pool(loops.max_pool2d, {})
loop_mean = loop_pool(loops.avg_pool2d, {"count_include_pad": True, "divisor_override": None})


row("max_pool2d", [*POOLS, case((2, 2, 5, 5), kernel_size=2, stride=1, dilation=2)], loop_max,
    bad=BAD_POOLS)  # fmt: skip
row("largest_of_windows", [case((2, 2, 4, 5), **WINDOWS, dilation=(1, 1), ceil_mode=False)], loop_max,
    torch=None)  # fmt: skip
row("places_in_plane", [case((2, 2, 4, 5), **WINDOWS, dilation=(1, 1))],
    lambda x, out, **how: loops.max_pool2d(x, *how.values(), False)[1], torch=None, gradient=False,
    call=lambda f, x, **how: f(x, loop_max(numbers(x), **how) if hasattr(x, "shape") else x, **how))  # fmt: skip
row("scatter_in_plane", [case((1, 2, 2, 3), indices=PLANE_INDICES, shape=(1, 2, 3, 4))],
    lambda g, indices, shape: loops.max_pool2d_scatter(g, indices, shape), torch=None)  # fmt: skip
row("gather_in_plane", [case((1, 2, 3, 4), indices=PLANE_INDICES)], loops.max_pool2d_gather, torch=None)
row("avg_pool2d", [*POOLS, case((2, 2, 4, 4), kernel_size=3, stride=2, padding=1, **MEANS),
                   case((1, 1, 4, 4), kernel_size=2, divisor_override=3)], loop_mean, bad=BAD_POOLS,
    integers=False)  # fmt: skip
row("mean_of_windows", [case((2, 2, 5, 5), **EDGES, **MEANS)], loop_mean, torch=None)
row("spread_over_windows", [case((2, 2, 3, 3), shape=(2, 2, 5, 5), **EDGES, **MEANS)],
    lambda g, shape, **how: loops.avg_pool2d_input_grad(g, shape, *how.values()), torch=None)  # fmt: skip


# --- random -----------------------------------------------------------------------------------


def seeded(function, *inputs, **settings):
    return function(*inputs, **settings, generator=tg.Generator().manual_seed(5))


def numpy_dropout(x, p, generator, training=True):
    if not training:
        return x
    kept = generator.numpy.random(x.shape, dtype=np.float32) >= p
    return x * kept / (1 - p)


row("dropout", [case((4, 5), p=0.5), case((3,), p=0.0), case((4, 5), p=0.25, training=False)],
    numpy_dropout, call=seeded, torch=None, bad=[case((2,), p=1.5)])  # fmt: skip
row("drop", [case((4, 5), p=0.5), case((), p=0.25)], numpy_dropout, call=seeded, torch=None)


# --- losses -----------------------------------------------------------------------------------

LABELS = np.array([2, 0, 1, 2])
PIXELS = np.array([[[0, 2], [1, -100]]])
WEIGHT = np.array([0.5, 1.0, 2.0])
CHANCES = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
CLASSES = [
    case((4, 3), target=LABELS), case((4, 3), target=LABELS, reduction="sum"),
    case((4, 3), target=LABELS, reduction="none", weight=WEIGHT), case((3,), target=np.array(1)),
    case((4, 3), target=LABELS, weight=WEIGHT, ignore_index=2), case((1, 3, 2, 2), target=PIXELS),
]  # fmt: skip
BAD_CLASSES = [case((4, 3), target=LABELS + 1), case((4, 2), target=LABELS), case((3, 3), target=LABELS),
               case((4, 3), target=LABELS, weight=WEIGHT[:2])]  # fmt: skip


def loop_nll(logp, target, weight=None, ignore_index=-100, reduction="mean"):
    """One target after the other, as the definition says."""
    logp = logp if logp.ndim > 1 else logp[None]
    axes, target = logp.shape[1], np.reshape(target, (len(logp), *logp.shape[2:]))
    weight = np.ones(axes) if weight is None else weight
    losses, total = np.zeros(target.shape), 0.0
    for place in np.ndindex(target.shape):
        k = target[place]
        if k != ignore_index:
            losses[place] = -weight[k] * logp[(place[0], k, *place[1:])]
            total += weight[k]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total}[reduction]


def loop_cross_entropy(x, target, label_smoothing=0.0, **how):
    logp = scipy.special.log_softmax(x, 1 if x.ndim > 1 else 0)
    if target.dtype.kind == "f":
        K = x.shape[1]
        return -(logp * (target * (1 - label_smoothing) + label_smoothing / K)).sum() / len(x)
    if not label_smoothing:
        return loop_nll(logp, target, **how)
    K = x.shape[1]
    smooth = np.full((len(x), K), label_smoothing / K)
    smooth[np.arange(len(x)), target] += 1 - label_smoothing
    return -(smooth * logp).sum() / len(x)


row("mse_loss", [case((2, 3), (2, 3)), case((2, 3), (2, 3), reduction="sum"),
                 case((2, 3), (2, 3), reduction="none"), case((), ())],
    lambda x, y, reduction="mean": {"mean": np.mean, "sum": np.sum, "none": np.copy}[reduction](
        (x - y) ** 2), bad=[case((2, 3), (2, 3), reduction="all")])  # fmt: skip
row("nll_loss", CLASSES, loop_nll, bad=BAD_CLASSES)
row("cross_entropy", [*CLASSES, case((4, 3), target=LABELS, label_smoothing=0.2),
                      case((2, 3), target=CHANCES), case((2, 3), target=CHANCES, label_smoothing=0.1)],
    loop_cross_entropy, bad=[*BAD_CLASSES, case((4, 3), target=LABELS, label_smoothing=2)])  # fmt: skip
