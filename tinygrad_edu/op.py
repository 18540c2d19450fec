"""`@op`: how a function on arrays becomes a recording operation on tensors.

    @op(method="mul", operator="*")
    def mul(input, other, /):
        return np.multiply(input, other)

    @mul.rule
    def mul_rule(g, input, other, need):
        return g * other if need[0] else None, g * input if need[1] else None

The parameters before "/" are the differentiable inputs, those after it settings. A gradient rule
takes `g`, the gradient of the result, and then **names what it needs**: inputs, settings, `out`
(the result), `input_shape` and `input_dtype` (facts of an input), extras that the kernel returned,
and `need` (which inputs want a gradient). Only what a rule names is kept for backward, and only that is
checked for in-place changes. A rule returns one gradient per input (a bare one if there is a
single input) and never undoes broadcasting: the engine does.

Given arrays, an op runs its kernel straight away. So a rule may use other ops, and runs at NumPy
speed on arrays, and on tensors (`create_graph=True`) records itself.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np

from tinygrad_edu import dtypes
from tinygrad_edu.errors import DimensionError, DTypeError, ShapeError
from tinygrad_edu.graph import Node
from tinygrad_edu.modes import is_grad_enabled
from tinygrad_edu.storage import next_number
from tinygrad_edu.tensor import Tensor, View, make

__all__ = ["OPS", "Op", "composite", "op"]

OPS: dict[str, Callable] = {}  # every op and composite of this package by name

_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod",
    "**": "pow", "@": "matmul", "&": "and", "|": "or", "^": "xor",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne",
    "neg": "neg", "abs": "abs", "~": "invert",
}  # fmt: skip
_UNREFLECTED = {"<", "<=", ">", ">=", "==", "!=", "neg", "abs", "~"}
_FLOAT32, _FLOAT64 = dtypes.float32, dtypes.float64
_new = object.__new__


class Op:
    """An operation: its kernel, what its rules need, and how it treats dtypes.

    `dtype` says how operands are unified: "same" (PyTorch's promotion), "float" (the same, with
    integers made floats), "equal" (different ones are refused), None (each as it is).
    """

    def __init__(
        self, kernel: Callable, *, name: str = "", dtype: str | None = "same", view: bool = False,
        varargs: bool = False, extras: tuple[str, ...] = (), inplace: bool = False,
        fixed: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        parameters = list(inspect.signature(kernel).parameters.values())
        variadic = [p for p in parameters if p.kind is p.VAR_POSITIONAL]
        inputs = variadic or [p for p in parameters if p.kind is p.POSITIONAL_ONLY]
        if not inputs:
            raise TypeError(f"@op {kernel.__name__}: put the tensor inputs before '/'")
        self.kernel = kernel
        self.name = name or kernel.__name__
        self.dtype = dtype
        self.view = view
        self.varargs = varargs
        self.inplace = inplace
        self.variadic = bool(variadic)
        self.inputs = [p.name for p in inputs]
        self.settings = [p.name for p in parameters if p not in inputs]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.extras = extras
        self.fixed = fixed
        self.plain = dtype is not None and not (self.settings or variadic or extras or view)
        self.bare = len(self.inputs) == 1 and not variadic
        self.rule: Callable | None = None  # the definition, on arrays and on tensors
        self.run: Callable = kernel  # what runs on arrays: the rule, or its fused form
        self.fields: list[str] = []  # what is saved, in the order `run` takes it
        self.facts: list[str] = []  # those of the fields that are shapes or dtypes of inputs
        self.pick: Callable[[tuple], tuple] = itemgetter(slice(0, 0))
        self.quick = False

    # --- rules ------------------------------------------------------------------------------

    def set_rule(self, rule: Callable) -> Callable:
        """Take `rule` as the definition of the gradient, on arrays and on tensors."""
        self.rule, self.rule_fields = rule, self._fields_of(rule)
        self._prepare(rule, self.rule_fields)
        return rule

    def set_fused(self, rule: Callable) -> Callable:
        """Take `rule` as a faster form on arrays; the first rule remains the definition."""
        if self.rule is None:
            raise TypeError(f"{self.name}.fused: give {self.name}.rule first")
        self._prepare(rule, self._fields_of(rule))
        return rule

    def _fields_of(self, rule: Callable) -> list[str]:
        names = list(inspect.signature(rule).parameters)[1:]
        facts = [f"{name}_{fact}" for name in self.inputs for fact in ("shape", "dtype")]
        for name in names:
            if name not in (known := {*self._everything(), *facts, "need"}):
                raise TypeError(
                    f"the rule of {self.name} names {name!r}: expected any of {sorted(known)}"
                )
        if "need" in names[:-1]:
            raise TypeError(f"the rule of {self.name}: put 'need' last")
        return names

    def _prepare(self, run: Callable, run_fields: list[str]) -> None:
        """Make `pick`, which takes what the rules name out of everything there is."""
        names = dict.fromkeys([*run_fields, *self.rule_fields])
        self.run = run
        self.run_count = len([name for name in run_fields if name != "need"])
        self.run_need = "need" in run_fields
        self.fields = [name for name in names if name != "need"]
        self.facts = [name for name in self.fields if name not in self._everything()]
        everything = self._everything() + self.facts
        places = [everything.index(name) for name in self.fields]
        if len(places) > 1:
            self.pick = itemgetter(*places)
        else:  # itemgetter makes a tuple of two places or more; below that, a slice does
            self.pick = itemgetter(slice(places[0], places[0] + 1) if places else slice(0, 0))
        self.quick = not self.facts

    def _everything(self) -> list[str]:
        return ["out", *self.inputs, *self.settings, *self.extras]

    def run_rule(self, g: Any, saved: tuple, need: tuple) -> Any:
        """The gradients of the inputs, on arrays."""
        if self.run_count < len(saved):
            saved = saved[: self.run_count]
        grads = self.run(g, *saved, need) if self.run_need else self.run(g, *saved)
        return (grads,) if self.bare else grads

    def record_rule(self, g: Tensor, node: Node, need: tuple, wrap: Callable) -> Any:
        """The gradients of the inputs, on tensors, recorded."""
        values = dict(zip(self.fields, node.saved or (), strict=True), need=need)
        if "out" in values:
            values["out"] = wrap(values["out"], node)
        parents = (node.parents,) if self.variadic else node.parents
        for name, parent in zip(self.inputs, parents, strict=True):
            if name in values:
                values[name] = _wrap_input(values[name], parent, wrap)
        assert self.rule is not None
        grads = self.rule(g, **{name: values[name] for name in self.rule_fields})
        return (grads,) if self.bare else grads

    def saved_arrays(self, saved: tuple) -> Iterator[tuple[str, np.ndarray]]:
        """The inputs among the saved values, each with a name for messages."""
        for name, value in zip(self.fields, saved, strict=True):
            if name == "out" or name in self.inputs:
                title = "its result" if name == "out" else f"its argument {name!r}"
                for array in value if isinstance(value, tuple) else (value,):
                    if isinstance(array, np.ndarray):
                        yield title, array

    # --- calls ------------------------------------------------------------------------------

    def bind(self, args: tuple, kwargs: dict) -> tuple[tuple, tuple]:
        """Sort the arguments of a call into inputs and settings."""
        names = self.settings if self.variadic else self.inputs + self.settings
        first = 0 if self.variadic else len(self.inputs)
        if self.varargs and len(args) > first and isinstance(args[first], (int, np.integer)):
            args = (*args[:first], args[first:])
        values: dict[str, Any] = {}
        if self.variadic:
            args, values = (), {self.inputs[0]: args}
        elif len(args) > len(names):
            raise TypeError(f"{self.name}: expected at most {len(names)} arguments, got {len(args)}")
        values.update(zip(names, args, strict=False))
        for name, value in kwargs.items():
            name = _ALIASES.get(name, name) if name not in names else name
            if name not in names or name in values:
                problem = "got twice" if name in values else f"unknown; expected any of {names}"
                raise TypeError(f"{self.name}: argument {name!r}: {problem}")
            values[name] = value
        for name in names:
            if name not in values:
                if name not in self.defaults:
                    raise TypeError(f"{self.name}: argument {name!r} is missing")
                values[name] = self.defaults[name]
        inputs = values[self.inputs[0]] if self.variadic else [values[n] for n in self.inputs]
        return tuple(inputs), tuple([values[n] for n in self.settings])

    def apply(self, inputs: tuple, settings: tuple) -> Any:
        """Run the kernel; make a tensor and its node if an input is a tensor."""
        inputs = self.unify(inputs)
        tensors = [x for x in inputs if isinstance(x, Tensor)]
        arrays = tuple([x.array if isinstance(x, Tensor) else x for x in inputs])
        try:
            if self.variadic:
                out = self.kernel(*arrays, **dict(zip(self.settings, settings, strict=True)))
            else:
                out = self.kernel(*arrays, *settings)
        except (ValueError, IndexError, TypeError) as error:
            raise self.explain(error, arrays) from error
        extras: tuple = ()
        if self.extras:
            out, *rest = out
            extras = tuple(rest)
        if not tensors:
            return out
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = make(out, None)
        if is_grad_enabled() and any(x.node is not None for x in tensors):
            if self.rule is not None:
                result.node = self.node(out, inputs, arrays, settings, extras)
        if self.view:
            View.register(result, inputs[0], self, settings)
        return result

    def node(self, out: Any, inputs: tuple, arrays: tuple, settings: tuple, extras: tuple) -> Node:
        """The node that records this call."""
        parents = tuple([x.node if isinstance(x, Tensor) else None for x in inputs])
        everything = (out, *((arrays,) if self.variadic else arrays), *settings, *extras)
        for fact in self.facts:
            name, _, attribute = fact.rpartition("_")
            if self.variadic:
                everything += (tuple([getattr(x, attribute) for x in arrays]),)
            else:
                everything += (getattr(arrays[self.inputs.index(name)], attribute, ()),)
        return Node(self, parents, self.pick(everything), out.shape)

    def unify(self, inputs: tuple) -> tuple:
        """Check the kinds of the inputs and convert them to the dtype they are combined in."""
        names = self.inputs * len(inputs) if self.variadic else self.inputs
        for name, x in zip(names, inputs, strict=False):
            if isinstance(x, (list, tuple, str)) or (x is None and name not in self.defaults):
                raise DTypeError(
                    f"{self.name}: argument {name!r}: expected a Tensor, an array or a number, "
                    f"got {type(x).__name__}; make one with tg.tensor(...)"
                )
        if self.dtype is None or not any(isinstance(x, (Tensor, np.ndarray)) for x in inputs):
            return inputs
        if self.dtype == "equal":
            return self._check_equal(inputs)
        free = [x is not None and n not in self.fixed for n, x in zip(names, inputs, strict=False)]
        wanted = dtypes.result_type(*[x for x, is_free in zip(inputs, free, strict=True) if is_free])
        if self.dtype == "float":
            wanted = dtypes.float_type(wanted)
        weak = self.fixed and not any(hasattr(x, "ndim") for x, f in zip(inputs, free) if f)
        return tuple(
            [_cast(np.asarray(x) if weak else x, wanted) if is_free else x
             for x, is_free in zip(inputs, free, strict=True)]
        )  # fmt: skip

    def _check_equal(self, inputs: tuple) -> tuple:
        found = {str(x.dtype) for x in inputs if isinstance(x, (Tensor, np.ndarray))}
        if len(found) > 1:
            raise DTypeError(
                f"{self.name}: expected inputs of one dtype, got {' and '.join(sorted(found))}; "
                "convert one of them with .to(dtype)"
            )
        return inputs

    def explain(self, error: Exception, arrays: tuple) -> Exception:
        """Word an error of the kernel so that it names the op and what came."""
        if isinstance(error, (ShapeError, DTypeError)):
            return error
        names = [f"{self.inputs[0]}[{i}]" for i in range(len(arrays))] if self.variadic else self.inputs
        got = ", ".join(
            f"{name} {x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else f"{name} {x!r}"
            for name, x in zip(names, arrays, strict=True)
        )
        if isinstance(error, IndexError):
            return DimensionError(f"{self.name}: {error}; got {got}")
        if isinstance(error, ValueError):
            if "broadcast" in str(error):
                return ShapeError(
                    f"{self.name}: expected shapes that broadcast (counted from the last dimension, "
                    f"sizes equal or 1), got {got}"
                )
            words = ("shape", "dimension", "axis", "size", "align")
            kind = ShapeError if any(word in str(error) for word in words) else ValueError
            return kind(f"{self.name}: {error}; got {got}")
        return DTypeError(f"{self.name}: {error}; got {got}")


_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input"}


def _cast(x: Any, dtype: np.dtype) -> Any:
    """`x` in this dtype, recorded for a tensor; Python numbers stay, NumPy treats them as weak."""
    if isinstance(x, (Tensor, np.ndarray)):
        return x if x.dtype == dtype else OPS["cast"](x, dtype)
    return x.item() if isinstance(x, np.generic) else x


def _wrap_input(value: Any, parent: Any, wrap: Callable) -> Any:
    """A saved input as the tensor it was; constants stay as they are."""
    if isinstance(value, tuple):
        return tuple([_wrap_input(v, p, wrap) for v, p in zip(value, parent, strict=True)])
    return value if parent is None else wrap(value, parent)


def _unary(op: Op) -> Callable:
    """The call of an op with one input and no settings: the general path, unrolled for speed."""
    kernel = op.kernel

    def call(input: Any) -> Any:
        if not isinstance(input, Tensor):
            return op.apply((input,), ())
        x = input.array
        if x.dtype is not _FLOAT32 and x.dtype is not _FLOAT64:
            return op.apply((input,), ())
        try:
            out = kernel(x)
        except (ValueError, IndexError, TypeError) as error:
            raise op.explain(error, (x,)) from error
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = _new(Tensor)
        result.array = out
        result.alias = result._grad = None
        parent = input.node
        if parent is None or not is_grad_enabled() or not op.quick:
            result.node = None
        else:
            node = result.node = _new(Node)
            node.id = next_number()
            node.op = op
            node.parents = (parent,)
            node.saved = op.pick((out, x))
            node.shape = out.shape
            node.g = node.visit = node.watch = None
        return result

    return call


def _binary(op: Op) -> Callable:
    """The call of an op with two inputs and no settings: the general path, unrolled for speed."""
    kernel = op.kernel

    def call(input: Any, other: Any) -> Any:
        if isinstance(input, Tensor) and (
            (x := input.array).dtype is _FLOAT32 or x.dtype is _FLOAT64
        ):
            p = input.node
            if isinstance(other, Tensor):
                y = other.array
                if y.dtype is not x.dtype:
                    return op.apply((input, other), ())
                q = other.node
            elif type(other) is float or type(other) is int:
                y, q = other, None
            else:
                return op.apply((input, other), ())
        else:
            return op.apply((input, other), ())
        try:
            out = kernel(x, y)
        except (ValueError, IndexError, TypeError) as error:
            raise op.explain(error, (x, y)) from error
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = _new(Tensor)
        result.array = out
        result.alias = result._grad = None
        if (p is None and q is None) or not is_grad_enabled() or not op.quick:
            result.node = None
        else:
            node = result.node = _new(Node)
            node.id = next_number()
            node.op = op
            node.parents = (p, q)
            node.saved = op.pick((out, x, y))
            node.shape = out.shape
            node.g = node.visit = node.watch = None
        return result

    return call


def _general(op: Op) -> Callable:
    """The call of any other op."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return op.apply(*op.bind(args, kwargs))

    return call


def op(
    kernel: Callable | None = None,
    *,
    method: str | tuple[str, ...] | None = None,
    operator: str | None = None,
    **options: Any,
) -> Any:
    """Make a recording operation of a function on arrays.

    `method` names the Tensor methods, `operator` the Python operator it serves; `dtype` says how
    operands are unified ("same", "float", "equal" to refuse different ones, None) and `fixed` which inputs take no part in that;
    `view` that the result shares memory with the input, `extras` the names of further values that
    the kernel returns for its rules, `varargs` that the first setting may be written as several
    integers, `inplace` that there is a form `name_` that writes into its first argument.

    The result has `.rule` and `.fused`, decorators for the gradient rule and for a faster form of
    it on arrays only. Ops of users are made in the same way as the engine's own.

    >>> import numpy as np, tinygrad_edu as tg
    >>> @tg.op
    ... def cube(input, /):
    ...     return input * input * input
    >>> @cube.rule
    ... def cube_rule(g, input):
    ...     return g * 3 * input * input
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> cube(x).backward(); x.grad
    tensor(12.)
    """
    if kernel is None:
        return lambda function: op(function, method=method, operator=operator, **options)
    made = Op(kernel, **options)
    call = _CALLS.get((len(made.inputs), made.plain), _general)(made)
    functools.update_wrapper(call, kernel)
    call.op = made  # type: ignore[attr-defined]
    call.rule, call.fused = made.set_rule, made.set_fused  # type: ignore[attr-defined]
    attach(call, made.name, method, operator)
    return call


_CALLS = {(1, True): _unary, (2, True): _binary}


def composite(
    function: Callable | None = None,
    *,
    method: str | tuple[str, ...] | None = None,
    operator: str | None = None,
    attribute: str | None = None,
) -> Any:
    """Register a composition of ops under its name: its gradients come from its parts."""
    if function is None:
        return lambda f: composite(f, method=method, operator=operator, attribute=attribute)
    names = inspect.signature(function).parameters

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for alias, name in _ALIASES.items():
            if alias in kwargs and alias not in names and name in names:
                kwargs[name] = kwargs.pop(alias)
        return function(*args, **kwargs)

    attach(call, function.__name__, method, operator)
    if attribute is not None:
        setattr(Tensor, attribute, property(call))
    return call


def attach(
    call: Callable, name: str, method: str | tuple[str, ...] | None, operator: str | None
) -> None:
    """Put an op into the table (the engine's own only) and onto Tensor."""
    if call.__module__.startswith("tinygrad_edu."):
        OPS[name] = call
    for title in (method,) if isinstance(method, str) else method or ():
        _set_method(title, call)
    if operator is not None:
        dunder = _OPERATORS[operator]
        _set_method(f"__{dunder}__", _comparable(call) if operator in ("==", "!=") else call)
        if operator not in _UNREFLECTED:
            _set_method(f"__r{dunder}__", lambda input, other: call(other, input))


def _comparable(call: Callable) -> Callable:
    """`==` and `!=` leave what is no number to Python: a tensor is not equal to None."""
    numbers = (Tensor, np.ndarray, np.generic, int, float)
    return lambda self, other: call(self, other) if isinstance(other, numbers) else NotImplemented


def _set_method(name: str, function: Callable) -> None:
    if name in vars(Tensor):
        raise TypeError(f"@op: Tensor already has a method {name!r}; choose another name")
    setattr(Tensor, name, function)
