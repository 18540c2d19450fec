"""In-place writes: `x += y`, `x.exp_()`, `x[i] = v`, as PyTorch records them.

A write computes the new value out of place, with the op that has the same name, copies it into the
memory, and gives the tensor the node of the new value. If the tensor is a view, its base gets a new
node too (`overwrite`: the base with the view's elements replaced), and then all other views of
that base are led to it again. A value that a rule saved before is protected by the version check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError
from tinygrad_edu.modes import Generator, is_grad_enabled, no_grad
from tinygrad_edu.op import OPS, op
from tinygrad_edu.ops.choose import where
from tinygrad_edu.ops.indexing import getitem, is_basic, plain_index
from tinygrad_edu.ops.random import normal_array, uniform_array
from tinygrad_edu.tensor import Tensor, make
from tinygrad_edu.views import View

_KIND_ORDER = "biuf"


def write(name: str, target: Tensor, function: Callable, *args: Any, **settings: Any) -> Tensor:
    """Replace the elements of `target` by those of `function(target, ...)`, recording it."""
    sources = [target, *(x for x in args if isinstance(x, Tensor))]
    recorded = is_grad_enabled() and any(x.node is not None for x in sources)
    _refuse_leaf(name, target)
    if recorded:
        before = make(target.array.copy(), target.node)
        args = tuple([before if x is target else x for x in args])
        result = function(before, *args, **settings)
    else:
        with no_grad():
            result = function(target, *args, **settings)
    _store(name, target, result.array)
    if recorded:
        _rebase(target, result.node)
    return target


def _refuse_leaf(name: str, target: Tensor) -> None:
    if not is_grad_enabled():
        return
    base = target.alias.base if isinstance(target.alias, View) else target
    if base.node is not None and base.is_leaf:
        view = "a view of " if base is not target else ""
        raise GraphError(
            f"{name}: {view}a leaf that requires a gradient cannot be written in place while "
            "operations are recorded; write inside `with no_grad():`, or use the out-of-place form"
        )


def _store(name: str, target: Tensor, value: np.ndarray) -> None:
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
    if not target.array.flags.writeable:
        raise GraphError(
            f"{name}: this tensor looks at memory that cannot be written (it was expanded, or made "
            "from a read-only array); clone() it first"
        )
    np.copyto(target.array, value, casting="unsafe")
    storage.wrote(target.array)


def _rebase(target: Tensor, node: Any) -> None:
    """Give `target` the node of its new value, and its base and their views theirs."""
    if not isinstance(target.alias, View):
        base, base.node = target, node  # type: ignore[assignment]
    else:
        base, steps = target.alias.base, target.alias.steps
        inputs = (base, make(target.array, node))
        arrays = (base.array, target.array)
        base.node = overwrite.op.node(base.array, inputs, arrays, (steps,), ())
    for reference in base.alias or ():
        view = reference()
        if view is not None:
            view.node = _follow(make(base.array, base.node), view.alias.steps).node


def _follow(source: Any, steps: tuple) -> Any:
    """The view of `source` (array or tensor) that the steps lead to."""
    for step, settings in steps:
        source = step.apply((source,), settings)
    return source


@op(dtype=None)
def overwrite(input: Any, value: Any, /, steps: tuple) -> Any:
    """`input` with the elements of one of its views replaced by `value`.

    Gradient: g outside the view for `input`, g inside it for `value`.
    """
    return np.where(_inside(input.shape, steps), 0, input) + _placed(value, input.shape, steps)


@overwrite.rule
def overwrite_rule(g, steps, need):
    outside = where(_inside(g.shape, steps), 0.0, g) if need[0] else None
    return outside, _follow(g, steps) if need[1] else None


def _places(shape: tuple, steps: tuple) -> np.ndarray:
    """The numbers of the elements that the view looks at."""
    return _follow(np.arange(int(np.prod(shape, dtype=int))).reshape(shape), steps)


def _inside(shape: tuple, steps: tuple) -> np.ndarray:
    mask = np.zeros(int(np.prod(shape, dtype=int)), bool)
    mask[_places(shape, steps)] = True
    return mask.reshape(shape)


def _placed(value: np.ndarray, shape: tuple, steps: tuple) -> np.ndarray:
    out = np.zeros(int(np.prod(shape, dtype=int)), value.dtype)
    out[_places(shape, steps)] = value
    return out.reshape(shape)


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
    if need[0]:
        mask = np.zeros(g.shape, bool)
        mask[index] = True
    return where(mask, 0.0, g) if need[0] else None, getitem(g, index) if need[1] else None


def _set(self: Tensor, index: Any, value: Any) -> None:
    index = plain_index(index)
    kind = getattr(
        value, "dtype", np.asarray(value).dtype if np.isscalar(value) else self.dtype
    ).kind
    if kind == "f" and self.dtype.kind != "f":
        if isinstance(value, (Tensor, np.ndarray)):
            value = (
                value.astype(self.dtype) if isinstance(value, np.ndarray) else value.to(self.dtype)
            )  # type: ignore[attr-defined]
        else:
            value = int(value)
    if not isinstance(value, (Tensor, np.ndarray)):
        value = np.asarray(value, dtype=self.dtype)
    value = _fitting(value, self.array[index].shape if is_basic(index) else None)
    write("setitem", self, setitem, value, index=index)


def _fitting(value: Any, shape: tuple | None) -> Any:
    """NumPy and PyTorch let a value have leading dims of size 1 more than its place."""
    while shape is not None and value.ndim > len(shape) and value.shape[0] == 1:
        value = value[0]
    return value


Tensor.__setitem__ = _set  # type: ignore[attr-defined]


# --- the forms `name_` --------------------------------------------------------------------------


@op(name="copy_", dtype=None)
def assign(input: Any, value: Any, /) -> Any:
    """`value`, broadcast to the shape of `input`, in its place. Gradient: g for `value`."""
    return np.broadcast_to(value, input.shape)


@assign.rule
def assign_rule(g):
    return g * 0, g


def copy_(self: Tensor, src: Any) -> Tensor:
    """Take over the elements of `src`, which broadcasts; gradients flow to `src`."""
    src = src if isinstance(src, Tensor) else make(np.asarray(src, dtype=self.dtype), None)
    return write("copy_", self, assign, src.to(self.dtype))  # type: ignore[attr-defined]


def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to a number."""
    value = value if isinstance(value, Tensor) else make(np.asarray(value, dtype=self.dtype), None)
    if value.ndim:
        raise ShapeError(f"fill_: argument 'value': expected a number, got shape {value.shape}")
    return write("fill_", self, assign, value.to(self.dtype))  # type: ignore[attr-defined]


def zero_(self: Tensor) -> Tensor:
    """Set every element to 0."""
    return fill_(self, 0)


def _random(name: str, target: Tensor, array: np.ndarray) -> Tensor:
    return write(name, target, assign, make(array.astype(target.dtype, copy=False), None))


def normal_(
    self: Tensor, mean: float = 0, std: float = 1, *, generator: Generator | None = None
) -> Tensor:
    """Fill with normal numbers of this mean and standard deviation."""
    if std < 0:
        raise ValueError(f"normal_: argument 'std': expected at least 0, got {std}")
    drawn = normal_array(generator, self.shape, self.dtype) * std + mean
    return _random("normal_", self, drawn)


def uniform_(
    self: Tensor, a: float = 0, b: float = 1, *, generator: Generator | None = None
) -> Tensor:
    """Fill with uniform numbers in [a, b)."""
    if a > b:
        raise ValueError(f"uniform_: expected a <= b, got {a} and {b}")
    return _random("uniform_", self, uniform_array(generator, self.shape, self.dtype) * (b - a) + a)


for _method in (copy_, fill_, zero_, normal_, uniform_):
    setattr(Tensor, _method.__name__, _method)


def _inplace_form(name: str, call: Callable) -> Callable:
    def form(self: Tensor, *args: Any, **settings: Any) -> Tensor:
        return write(name, self, call, *args, **settings)

    form.__name__ = form.__qualname__ = name
    form.__doc__ = f"The in-place form of `{name[:-1]}`."
    return form


_AUGMENTED = {"add": "iadd", "sub": "isub", "mul": "imul", "div": "itruediv", "pow": "ipow"}


def attach_inplace_forms() -> None:
    """Give Tensor the form `name_` of every op that asked for it, and `+=` and its kin."""
    for name, call in OPS.items():
        if hasattr(call, "op") and call.op.inplace:
            form = _inplace_form(f"{name}_", call)
            setattr(Tensor, f"{name}_", form)
            if name in _AUGMENTED:
                setattr(Tensor, f"__{_AUGMENTED[name]}__", form)
