"""In-place writes: `x += y`, `x.exp_()`, `x[i] = v`, as PyTorch records them.

A write computes the new value out of place, with the op that has the same name, copies it into the
memory, and gives the tensor the node of the new value (`rebase`). A value that a rule saved before
is protected by the version check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.arguments import explain
from tinygrad_edu.errors import DTypeError, GraphError, SettingError, ShapeError
from tinygrad_edu.hints import warn_of_kept_graphs
from tinygrad_edu.modes import Generator, is_grad_enabled, no_grad
from tinygrad_edu.op import op
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.indexing import getitem, integers_first, is_basic, plain_index
from tinygrad_edu.ops.random import normal_array, uniform_array
from tinygrad_edu.ops.rebase import rebase
from tinygrad_edu.tensor import Tensor, make
from tinygrad_edu.views import View

_KIND_ORDER = "biuf"


def write(name: str, target: Tensor, function: Callable, *args: Any, **settings: Any) -> Tensor:
    """Replace the elements of `target` by those of `function(target, ...)`, recording it."""
    recorded = _is_recorded(name, target, (*args, *settings.values()))
    _check_writeable(name, target)
    if not recorded:
        if not _wrote_directly(target, function, args, settings):
            with no_grad():
                value = function(target, *args, **settings).array
            _check_fits(name, target, value)
            _store(target, ..., value)
        return target
    if name == "add_" and target.array.size == 1:
        warn_of_kept_graphs((target, *args))
    # The rule may want the old value, so it gets a copy of it.
    again = any(x is target for x in (*args, *settings.values()))
    made = getattr(function, "op", None)  # a composition of several ops has none
    saved = again or made is None or made.inputs[0] in made.fields
    before = make(target.array.copy() if saved else target.array, target.node)
    args = tuple([before if x is target else x for x in args])
    settings = {name: before if x is target else x for name, x in settings.items()}
    result = function(before, *args, **settings)
    _check_fits(name, target, result.array)
    _store(target, ..., result.array)
    rebase(target, result.node)
    return target


def _wrote_directly(target: Tensor, function: Any, args: tuple, settings: dict) -> bool:
    """Let NumPy compute in the memory itself, if all is alike: ten times faster on a million."""
    array, kernel = target.array, getattr(getattr(function, "op", None), "kernel", None)
    operands = [x.array if isinstance(x, Tensor) else x for x in args]
    if settings or array.dtype.kind != "f" or not isinstance(kernel, np.ufunc):
        return False
    if kernel.nin != 1 + len(operands) or not all(
        type(x) in (int, float)
        or (isinstance(x, np.ndarray) and x.dtype == array.dtype and x.shape == array.shape)
        for x in operands
    ):
        return False
    kernel(array, *operands, out=array)
    storage.wrote(array)
    return True


def place(name: str, target: Tensor, call: Any, value: Any, *index: Any) -> Tensor:
    """Write `value` (a tensor or an array) straight to an index of `target`, recording it.

    `call` is the op that describes the write; its rule needs no values.
    """
    recorded = _is_recorded(name, target, (value,))
    _check_writeable(name, target)
    array = value.array if isinstance(value, Tensor) else value
    node = None
    if recorded:
        arrays = (target.array, array)
        node = call.op.node(target.array, (target, value), arrays, index, ())
    try:
        _store(target, index[0] if index else ..., array)
    except (ValueError, IndexError, TypeError) as error:
        raise explain(call.op, error, (target.array, array)) from error
    if node is not None:
        rebase(target, node)
    return target


def _is_recorded(name: str, target: Tensor, values: Iterable[Any]) -> bool:
    """Whether a write is recorded; an error where it must not be."""
    if not is_grad_enabled():
        return False
    view = target.alias if isinstance(target.alias, View) else None
    base = target if view is None else view.base
    for tensor, words in ((target, "a leaf"), (base, "a view of a leaf")):
        if tensor.node is not None and tensor.is_leaf:
            raise GraphError(
                f"{name}: {words} that requires a gradient cannot be written in place while "
                "operations are recorded; write inside `with no_grad():`, or use the out-of-place "
                "form"
            )
    recorded = any(isinstance(x, Tensor) and x.node is not None for x in (target, base, *values))
    if recorded and view is not None and not view.recorded:
        raise GraphError(
            f"{name}: this view was made inside no_grad() and is written outside, so it is not "
            "clear whether the write is to be recorded; make the view outside, write it inside, "
            "or detach() it"
        )
    return recorded


def _check_writeable(name: str, target: Tensor) -> None:
    if not target.array.flags.writeable:
        raise GraphError(
            f"{name}: this tensor looks at memory that cannot be written (it was expanded, or made "
            "from a read-only array); clone() it first"
        )


def _check_fits(name: str, target: Tensor, value: np.ndarray) -> None:
    if value.shape != target.shape:
        raise ShapeError(
            f"{name}: expected a result of the tensor's shape {target.shape}, got {value.shape}"
        )
    kinds = [
        _KIND_ORDER.index("i" if d.kind == "u" else d.kind) for d in (value.dtype, target.dtype)
    ]
    if kinds[0] > kinds[1]:
        raise DTypeError(
            f"{name}: a result of {value.dtype} cannot be stored in a tensor of {target.dtype}"
        )


def _store(target: Tensor, index: Any, value: np.ndarray) -> None:
    target.array[index] = value
    storage.wrote(target.array)


@op(dtype=None)
def setitem(input: Any, value: Any, /, index: Any) -> Any:
    """`input` with the elements at an index replaced by `value`, which broadcasts to them.

    Gradient: g elsewhere for `input`, g at the index for `value`.
    """
    out = input.copy()
    out[index] = value
    return out


@setitem.rule
def setitem_rule(g, index, need):
    gi = None
    if need[0]:
        mask = np.zeros(g.shape, bool)
        mask[index] = True
        gi = where(mask, 0.0, g)
    return gi, getitem(g, index) if need[1] else None


def _set(self: Tensor, index: Any, value: Any) -> None:
    first, index = integers_first(plain_index(index), self.ndim)
    target = self if first is None else getitem(self, first)
    value = _converted("setitem", "value", value, self.dtype)
    place("setitem", target, setitem, _without_spare_dims(value, target.array, index), index)


def _converted(name: str, argument: str, value: Any, dtype: np.dtype) -> Any:
    """A value to be written, as a tensor or array of this dtype; floats lose what is no integer."""
    if isinstance(value, Tensor):
        return value.to(dtype)
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"{name}: argument {argument!r}: expected a Tensor, an array or a number, got "
            f"{type(value).__name__}"
        )
    return array.astype(dtype, copy=False)


def _without_spare_dims(value: Any, array: np.ndarray, index: Any) -> Any:
    """NumPy and PyTorch let a value have more leading dims of size 1 than its place."""
    if value.ndim and value.shape[0] == 1:
        spot = array if is_basic(index) else np.broadcast_to(np.int8(0), array.shape)
        try:
            ndim = np.ndim(spot[index])
        except IndexError:
            return value  # the write itself explains it
        while value.ndim > ndim and value.shape[0] == 1:
            value = value[0]
    return value


Tensor.__setitem__ = _set  # type: ignore[method-assign]


# --- the forms `name_` --------------------------------------------------------------------------


@op(name="copy_", dtype=None)
def assign(input: Any, value: Any, /) -> Any:
    """`value`, broadcast to the shape of `input`, in its place. Gradient: g for `value`."""
    return np.broadcast_to(value, input.shape)


@assign.rule
def assign_rule(g, need):
    return where(True, 0.0, g) if need[0] else None, g


def copy_(self: Tensor, src: Any) -> Tensor:
    """Take over the elements of `src`, which broadcasts; gradients flow to `src`."""
    value = _converted("copy_", "src", src, self.dtype)
    if value.ndim > self.ndim:
        raise ShapeError(
            f"copy_: argument 'src': expected a shape that broadcasts to {self.shape}, got "
            f"{value.shape}"
        )
    return place("copy_", self, assign, value)


def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to a number."""
    value = _converted("fill_", "value", value, self.dtype)
    if value.ndim:
        raise ShapeError(f"fill_: argument 'value': expected a number, got shape {value.shape}")
    return place("fill_", self, assign, value)


def fill_diagonal_(self: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Set the main diagonal to a number; with `wrap` it starts anew below a tall matrix.

    Errors: ShapeError for fewer than two dims, and for unequal sizes of more than two.
    """
    if self.ndim < 2 or (self.ndim > 2 and len(set(self.shape)) > 1):
        expected = "a matrix, or more dims of equal size"
        raise ShapeError(f"fill_diagonal_: expected {expected}, got shape {self.shape}")
    diagonal = np.zeros(self.shape, bool)
    np.fill_diagonal(diagonal, True, wrap)
    return self.masked_fill_(make(diagonal, None), fill_value)


def zero_(self: Tensor) -> Tensor:
    """Set every element to 0."""
    return place("zero_", self, assign, np.zeros((), self.dtype))


def check_float(name: str, target: Tensor) -> None:
    if target.dtype.kind != "f":
        raise DTypeError(f"{name}: expected a tensor of floats, got {target.dtype}")


def normal_(
    self: Tensor, mean: float = 0, std: float = 1, *, generator: Generator | None = None
) -> Tensor:
    """Fill with normal numbers of this mean and standard deviation."""
    if std < 0:
        raise SettingError(f"normal_: argument 'std': expected at least 0, got {std}")
    check_float("normal_", self)
    drawn = normal_array(generator, self.shape, self.dtype) * std + mean
    return place("normal_", self, assign, drawn.astype(self.dtype, copy=False))


def uniform_(
    self: Tensor, a: float = 0, b: float = 1, *, generator: Generator | None = None
) -> Tensor:
    """Fill with uniform numbers in [a, b)."""
    if a > b:
        raise SettingError(f"uniform_: expected a <= b, got {a} and {b}")
    check_float("uniform_", self)
    drawn = uniform_array(generator, self.shape, self.dtype) * (b - a) + a
    return place("uniform_", self, assign, drawn.astype(self.dtype, copy=False))


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 at the probability `p`, a number or a tensor of one for each element, else 0."""
    chance = np.asarray(p.array if isinstance(p, Tensor) else p)
    if not np.all((chance >= 0) & (chance <= 1)):
        raise SettingError(f"bernoulli_: argument 'p': expected probabilities, 0 to 1, got {p}")
    drawn = uniform_array(generator, self.shape, np.float64) < chance
    return place("bernoulli_", self, assign, drawn.astype(self.dtype))


for _method in (copy_, fill_, fill_diagonal_, zero_, normal_, uniform_, bernoulli_):
    setattr(Tensor, _method.__name__, _method)


def _inplace_form(name: str, call: Callable) -> Callable:
    def form(self: Tensor, *args: Any, **settings: Any) -> Tensor:
        return write(name, self, call, *args, **settings)

    form.__name__ = form.__qualname__ = name
    form.__doc__ = f"The in-place form of `{name[:-1]}`."
    return form


_AUGMENTED = {
    "add": "iadd", "sub": "isub", "mul": "imul", "div": "itruediv", "pow": "ipow",
    "floor_divide": "ifloordiv", "remainder": "imod", "bitwise_and": "iand",
    "bitwise_or": "ior", "bitwise_xor": "ixor",
}  # fmt: skip


def attach_inplace_forms() -> None:
    """Give Tensor the form `name_` of every method that asked for it, and `+=` and its kin."""
    for name, call in list(vars(Tensor).items()):
        if getattr(call, "inplace", False) and not name.startswith("_"):
            form = _inplace_form(f"{name}_", call)
            setattr(Tensor, f"{name}_", form)
            if name in _AUGMENTED:
                setattr(Tensor, f"__{_AUGMENTED[name]}__", form)
