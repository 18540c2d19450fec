"""The parts of which `op_table.py` is made: cases, families of cases, values, and the row of an op.

A row's tests are drawn from its family: the cases listed there, calls that must fail, and for some
families shapes that hypothesis draws. All values follow from the names of the op and the case.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.op import OPS
from tinygrad_edu.testing.strategies import axes, shapes

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

    cases: Sequence[Case]
    bad: Sequence[Case] = ()
    drawn: Callable[[int], st.SearchStrategy[Case]] | None = None  # of the least size of a dim

    def with_cases(self, *more: Case) -> Family:
        """The family with further cases."""
        return replace(self, cases=(*self.cases, *more))


@st.composite
def reductions(draw: st.DrawFn, least: int, one: bool = False) -> Case:
    """A reduction over no, one or several dims, counted from either end."""
    shape = draw(shapes(min_side=least))
    dims = axes(shape, several=not one, none=True) if shape else st.none()
    return case(shape, dim=draw(dims), keepdim=draw(st.booleans()))


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
    drawn=lambda least: shapes(min_side=least).map(case),
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
    (*MATRICES.cases, case((3,), (3,)), case((3,), (3, 4)), case((2, 3), (3,)),
     case((5, 2, 3), (3,))),
    (*MATRICES.bad, case((3,), (4,)), case((2, 3), ())),
    products,
)  # fmt: skip


# --- values -----------------------------------------------------------------------------------

# From where the numbers of an input are drawn. "real" keeps away from 0, where many ops have kinks.
DOMAINS: dict[str, Callable[[np.random.Generator, tuple], np.ndarray]] = {
    "real": lambda rng, shape: rng.uniform(0.1, 2, shape) * rng.choice([-1.0, 1.0], shape),
    "positive": lambda rng, shape: rng.uniform(0.2, 2, shape),
    "above one": lambda rng, shape: rng.uniform(1.2, 3, shape),
    "unit": lambda rng, shape: rng.uniform(-0.9, 0.9, shape),
    "middle": lambda rng, shape: rng.uniform(0.2, 0.8, shape),
    "probability": lambda rng, shape: rng.uniform(0.05, 0.95, shape),
    "bool": lambda rng, shape: rng.random(shape) < 0.5,
}


def plain(function: Callable, *inputs: Any, **settings: Any) -> Any:
    return function(*inputs, **settings)


def listed(function: Callable, *inputs: Any, **settings: Any) -> Any:
    """For functions of a list of tensors."""
    return function(inputs, **settings)


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
        """Call the op; the results as a list.

        Arrays among the settings go with arrays; with tensors they become tensors.
        """
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
    """Enter a row; `bad` are further calls that must fail, the rest is as in `Row`."""
    assert name not in ROWS, f"two rows for {name}"
    if isinstance(family, list):
        family = Family(family)
    family = replace(family, bad=(*family.bad, *known.pop("bad", ())))
    ROWS[name] = Row(name, family, reference, **known)
