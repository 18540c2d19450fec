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
and, last, `need` (which inputs want a gradient). Only what a rule names is kept for backward, and
only that is checked for in-place changes. A rule returns one gradient per input (a bare one if
there is a single input) and never undoes broadcasting: the engine does.

Given arrays, an op runs its kernel straight away. So a rule may use other ops, and runs at NumPy
speed on arrays, and on tensors (`create_graph=True`) records itself.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from tinygrad_edu import calls
from tinygrad_edu.arguments import ALIASES, WORDED, explain, explain_composite, unify
from tinygrad_edu.graph import Node
from tinygrad_edu.modes import is_grad_enabled
from tinygrad_edu.tensor import Tensor, make
from tinygrad_edu.views import View

__all__ = ["OPS", "Op", "composite", "op"]

OPS: dict[str, Callable] = {}  # every op and composite of this package by name

_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod",
    "**": "pow", "@": "matmul", "&": "and", "|": "or", "^": "xor",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne",
    "neg": "neg", "abs": "abs", "~": "invert",
}  # fmt: skip
_UNREFLECTED = {"<", "<=", ">", ">=", "==", "!=", "neg", "abs", "~"}


class Op:
    """An operation: its kernel, what its rules need, and how it treats dtypes.

    `dtype` says how operands are unified: "same" (PyTorch's promotion), "number" (the same, bools
    refused), "float" (the same, integers made floats), "equal" (different ones are refused), None
    (each as it is).
    """

    def __init__(
        self, kernel: Callable, *, name: str = "", dtype: str | None = "same", view: bool = False,
        varargs: bool = False, extras: tuple[str, ...] = (),
        fixed: tuple[str, ...] = (), by_name: tuple[str, ...] = (), ufunc: np.ufunc | None = None,
    ) -> None:  # fmt: skip
        parameters = list(inspect.signature(kernel).parameters.values())
        variadic = [p for p in parameters if p.kind is p.VAR_POSITIONAL]
        inputs = variadic or [p for p in parameters if p.kind is p.POSITIONAL_ONLY]
        if not inputs:
            raise TypeError(f"@op {kernel.__name__}: put the tensor inputs before '/'")
        self.kernel: Callable = ufunc or kernel
        self.name = name or kernel.__name__
        self.dtype = dtype
        self.view = view
        self.varargs = varargs
        self.variadic = bool(variadic)
        self.inputs = [p.name for p in inputs]
        self.settings = [p.name for p in parameters if p not in inputs]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        # How many arguments there are (-1: any number), where each stands, how many of them, the
        # last ones, stand by name alone, and their values if they are left out.
        self.count = -1 if variadic else len(parameters)
        self.places = {p.name: i for i, p in enumerate(parameters)}
        self.by_name = len(by_name)
        self.optional = tuple([p.default for p in parameters if p.default is not p.empty])
        self.extras = extras
        self.fixed = fixed
        self.plain = dtype is not None and not (self.settings or variadic or extras or view)
        self.bare = len(self.inputs) == 1 and not variadic
        self.rule: Callable | None = None  # the definition, on arrays and on tensors
        self.fused: Callable | None = None  # a faster form on arrays
        self.run: Callable = kernel  # on arrays, (g, saved, need): the rule or its fused form
        self.asks_need = self.trusted = False
        self.holds = False  # whether values are saved, not only facts and settings
        self.fields: list[str] = []  # what is saved, in the order `run` takes it
        self.pick: Callable[[tuple], tuple] = itemgetter(slice(0, 0))
        self.quick = self.keeps_inputs = False

    # --- rules ------------------------------------------------------------------------------

    def set_rule(self, rule: Callable) -> Callable:
        """Take `rule` as the definition of the gradient, on arrays and on tensors."""
        self.rule, self.rule_fields = rule, self._fields_of(rule)
        # A rule of a user may return an array that the user keeps.
        self.trusted = str(rule.__module__).startswith("tinygrad_edu.")
        self._prepare(rule, self.rule_fields)
        return rule

    def set_fused(self, rule: Callable) -> Callable:
        """Take `rule` as a faster form on arrays; the first rule remains the definition."""
        if self.rule is None:
            raise TypeError(f"{self.name}.fused: give {self.name}.rule first")
        self.fused = rule
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
        count = len([name for name in run_fields if name != "need"])
        self.run = _runner(run, count, "need" in run_fields)
        self.asks_need = "need" in run_fields
        self.fields = [name for name in names if name != "need"]
        facts = [name for name in self.fields if name not in self._everything()]
        split = [name.rpartition("_") for name in facts]
        everything = self._everything() + facts
        places = [everything.index(name) for name in self.fields]
        if len(places) > 1:
            self.pick = itemgetter(*places)
        else:  # itemgetter makes a tuple of two places or more; below that, a slice does
            self.pick = itemgetter(slice(places[0], places[0] + 1) if places else slice(0, 0))
        if facts:
            found = [(1 + self.inputs.index(name), fact) for name, _, fact in split]
            self.pick = _with_facts(self.pick, found)
        self.quick = True
        self.keeps_inputs = self.fields == self.inputs
        self.holds = not {"out", *self.inputs, *self.extras}.isdisjoint(self.fields)

    def _everything(self) -> list[str]:
        return ["out", *self.inputs, *self.settings, *self.extras]

    def record_rule(self, g: Tensor, node: Node, saved: tuple, need: tuple, wrap: Callable) -> Any:
        """The gradients of the inputs, on tensors, recorded."""
        values = dict(zip(self.fields, saved, strict=True), need=need)
        if "out" in values:
            values["out"] = wrap(values["out"], node)
        parents = (node.parents,) if self.variadic else node.parents
        for name, parent in zip(self.inputs, parents, strict=True):
            if name in values:
                values[name] = _wrap_input(values[name], parent, wrap)
        assert self.rule is not None
        return self.rule(g, **{name: values[name] for name in self.rule_fields})

    # --- calls ------------------------------------------------------------------------------

    def apply(self, inputs: tuple, settings: tuple) -> Any:
        """Run the kernel; make a tensor and its node if an input is a tensor."""
        inputs = unify(self, inputs, OPS["cast"])
        tensors = [x for x in inputs if isinstance(x, Tensor)]
        arrays = tuple([x.array if isinstance(x, Tensor) else x for x in inputs])
        try:
            if self.variadic:
                out = self.kernel(*arrays, **dict(zip(self.settings, settings, strict=True)))
            else:
                out = self.kernel(*arrays, *settings)
        except (ValueError, IndexError, TypeError) as error:
            raise explain(self, error, arrays) from error
        extras: tuple = ()
        if self.extras:
            out, *rest = out
            extras = tuple(rest)
        if not tensors:
            return out
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = make(out, None)
        wanted = self.rule is not None and any(x.node is not None for x in tensors)
        if wanted and is_grad_enabled():
            result.node = self.node(out, inputs, arrays, settings, extras)
        if self.view:
            View.register(result, inputs[0], self, settings)
        return result

    def node(self, out: Any, inputs: tuple, arrays: tuple, settings: tuple, extras: tuple) -> Node:
        """The node that records this call."""
        parents = tuple([x.node if isinstance(x, Tensor) else None for x in inputs])
        everything = (out, *((arrays,) if self.variadic else arrays), *settings, *extras)
        return Node.of(self, parents, self.pick(everything), out.shape)


def _with_facts(pick: Callable, facts: list[tuple[int, str]]) -> Callable:
    """`pick` out of everything, and the facts (place of an input, "shape" or "dtype") after it."""

    def fact(x: Any, name: str) -> Any:
        if isinstance(x, tuple):  # the inputs of a variadic op
            return tuple([fact(part, name) for part in x])
        return getattr(x, name, ())

    return lambda everything: pick((*everything, *[fact(everything[i], name) for i, name in facts]))


def _runner(rule: Callable, count: int, need: bool) -> Callable:
    """The call (g, saved, need) of a rule that takes the first `count` of what is saved.

    A star in a call takes longer than the call itself, so the commonest ones do without.
    """
    direct: dict[tuple[int, bool], Callable] = {
        (0, False): lambda g, saved, need: rule(g),
        (1, False): lambda g, saved, need: rule(g, saved[0]),
        (2, False): lambda g, saved, need: rule(g, saved[0], saved[1]),
        (1, True): lambda g, saved, need: rule(g, saved[0], need),
        (2, True): lambda g, saved, need: rule(g, saved[0], saved[1], need),
    }
    if (count, need) in direct:
        return direct[count, need]
    if need:
        return lambda g, saved, need: rule(g, *saved[:count], need)
    return lambda g, saved, need: rule(g, *saved[:count])


def _wrap_input(value: Any, parent: Any, wrap: Callable) -> Any:
    """A saved input as the tensor it was; constants stay as they are."""
    if isinstance(value, tuple):
        return tuple([_wrap_input(v, p, wrap) for v, p in zip(value, parent, strict=True)])
    return value if parent is None else wrap(value, parent)


def op(
    kernel: Callable | None = None,
    *,
    method: str | tuple[str, ...] | None = None,
    operator: str | None = None,
    inplace: bool = False,
    by_name: tuple[str, ...] = (),
    **options: Any,
) -> Any:
    """Make a recording operation of a function on arrays.

    `method` names the Tensor methods and `operator` the Python operator it serves; with `inplace`
    each method has a form `name_` that writes into its first argument. Options:
    `name` in messages, if not the function's; `dtype`, how operands are unified (see `Op`), and
    `fixed`, which inputs take no part in that; `view`
    if the result shares memory with the input; `extras`, the names of further values that the
    kernel returns for its rules; `varargs` if the first setting may be written as several
    integers; `by_name`, the last settings, if they are not taken by position; `ufunc`, a NumPy
    function that is called in place of the function.

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
        return lambda function: op(
            function, method=method, operator=operator, inplace=inplace, by_name=by_name, **options
        )
    made = Op(kernel, by_name=by_name, **options)
    call = _CALLS.get((len(made.inputs), made.plain), calls.general)(made)
    functools.update_wrapper(call, kernel)
    call.op, call.inplace = made, inplace  # type: ignore[attr-defined]
    if by_name:
        call.__signature__ = _with_names(kernel, by_name)  # type: ignore[attr-defined]
    call.rule, call.fused = made.set_rule, made.set_fused  # type: ignore[attr-defined]
    attach(call, kernel.__name__, method, operator)
    return call


def _with_names(kernel: Callable, by_name: tuple[str, ...]) -> inspect.Signature:
    """The signature of a kernel as users see it, with a star before the settings given by name.

    The kernel itself takes them by position, for speed.
    """
    signature = inspect.signature(kernel)
    parameters = signature.parameters.values()
    kind = inspect.Parameter.KEYWORD_ONLY
    return signature.replace(
        parameters=[p.replace(kind=kind) if p.name in by_name else p for p in parameters]
    )


_CALLS = {(1, True): calls.unary, (2, True): calls.binary}


def composite(
    function: Callable | None = None,
    *,
    method: str | tuple[str, ...] | None = None,
    operator: str | None = None,
    attribute: str | None = None,
    inplace: bool = False,
) -> Any:
    """Register a composition of ops under its name: its gradients come from its parts."""
    if function is None:
        return lambda f: composite(
            f, method=method, operator=operator, attribute=attribute, inplace=inplace
        )
    names = inspect.signature(function).parameters

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for alias, name in ALIASES.items():
                if alias in kwargs and alias not in names and name in names:
                    kwargs[name] = kwargs.pop(alias)
        try:
            return function(*args, **kwargs)
        except (AttributeError, *WORDED) as error:
            explained = explain_composite(function.__name__, function, error, args, kwargs)
            if explained is error:
                raise
            raise explained from error

    call.inplace = inplace  # type: ignore[attr-defined]
    attach(call, function.__name__, method, operator)
    if attribute is not None:
        setattr(Tensor, attribute, property(call))
    return call


def attach(
    call: Callable, name: str, method: str | tuple[str, ...] | None, operator: str | None
) -> None:
    """Put an op into the table (the engine's own only) and onto Tensor."""
    if str(call.__module__).startswith("tinygrad_edu."):
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
