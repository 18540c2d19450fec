"""Which op of a graph has a wrong gradient rule: each is checked alone, on the inputs it had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, GraphError, describe
from tinygrad_edu.gradcheck import gradcheck
from tinygrad_edu.gradreport import GradcheckResult
from tinygrad_edu.graph import Node
from tinygrad_edu.modes import Generator
from tinygrad_edu.op import Op
from tinygrad_edu.recording import Place, activate, ancestors, call_of, recorded
from tinygrad_edu.tensor import Tensor, make

__all__ = ["RuleCheck", "locate_wrong_gradient"]

_SYMMETRIC = ("cholesky", "eigh", "eigvalsh")  # their rules, as PyTorch's, are for these alone
_STEPS = (1e-6, 1e-8, 1e-10)  # near a pole, 1e-6 is too large a step


@dataclass
class RuleCheck:
    """What `locate_wrong_gradient` found: true when no rule is wrong; its text says which one is.

    `op` is the name of the first wrong op, `node` its node, `place` where it was called, if that
    was recorded; `result` the comparison, or `error` what its rule raised. `checked` counts the
    ops that were checked, `skipped` has the names of those that could not be.
    """

    checked: int = 0
    skipped: list[str] = field(default_factory=list)
    node: Node | None = None
    result: GradcheckResult | None = None
    error: Exception | None = None
    context: str = ""

    @property
    def op(self) -> str | None:
        """The name of the first op whose rule is wrong; None if there is none."""
        return None if self.node is None else self.node.op.name

    @property
    def place(self) -> Place | None:
        """Where that op was called, if it was recorded."""
        call = None if self.node is None else call_of(self.node)
        return None if call is None else call.place

    @property
    def ok(self) -> bool:
        """Whether no rule is wrong, of those that could be checked."""
        return self.node is None

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.node is None:
            lines = [f"locate_wrong_gradient: the rules of {self.checked} ops are right"]
        else:
            lines = [f"locate_wrong_gradient: the rule of {self.op} is wrong, {self.context}"]
            lines += self.place.lines() if self.place is not None else []
            lines += [f"  {line}" for line in self._evidence()]
        if self.skipped:
            names = ", ".join(dict.fromkeys(self.skipped))
            lines.append(
                f"  {len(self.skipped)} ops were not checked ({names}): they draw random numbers, "
                "or too little is known of what went into them; give a function that computes the "
                "loss, or compute it inside detect_anomaly(check_nan=False)"
            )
        return "\n".join(lines)

    def _evidence(self) -> list[str]:
        if self.error is not None:
            return [f"it raised {type(self.error).__name__}: {self.error}"]
        assert self.result is not None and self.node is not None
        lines = []
        names = self.node.op.inputs
        for i in sorted({m.input for m in self.result.mismatches}):
            wrong = [m for m in self.result.mismatches if m.input == i]
            worst = max(wrong, key=lambda m: m.absolute)
            name = f"{names[0]}[{i}]" if self.node.op.variadic else names[i]
            lines.append(str(worst).replace(f"input {i}", f"argument {name!r}", 1))
        return lines


def locate_wrong_gradient(
    loss: Tensor | Callable[[], Tensor],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
) -> RuleCheck:
    """Find the first op of a graph, from the inputs on, whose gradient rule is wrong.

    Each op is run alone on float64 copies of the inputs it had, and its rule compared with
    numerical differences along random directions, as by `gradcheck`, with its tolerances. Kinks
    are not mistakes. `loss` is a tensor whose graph no backward has released, or, better, a
    function without arguments that computes it: then, as inside `detect_anomaly(check_nan=False)`,
    all that went into the ops is kept, and the line is known.

    Returns a result that is true when no rule is wrong and whose text names the op, its place, the
    argument and the element. Errors: GraphError if there is no graph.

    >>> import tinygrad_edu as tg
    >>> @tg.op
    ... def cube(input, /):
    ...     return input * input * input
    >>> @cube.rule
    ... def cube_rule(g, input):
    ...     return g * 2 * input * input
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> tg.locate_wrong_gradient(lambda: cube(x.exp()).sum()).op
    'cube'
    """
    loss = recorded(loss)
    if not isinstance(loss, Tensor):
        got = f"a {type(loss).__name__}"
        raise DTypeError(describe("locate_wrong_gradient", "loss", "a Tensor", got))
    if loss.node is None:
        wanted = "a tensor with a graph"
        raise GraphError(describe("locate_wrong_gradient", "loss", wanted, "one without"))
    nodes = ancestors([loss.node])[::-1]
    steps = [eps, *(step for step in _STEPS if step < eps)]
    before = activate(None)  # what is computed here concerns nobody else
    try:
        return _check(nodes, lambda f, xs: _compare(f, xs, steps, atol, rtol))
    finally:
        activate(before)


def _check(nodes: list[Node], compare: Callable) -> RuleCheck:
    """Check the nodes in this order, up to the first that is wrong."""
    found = RuleCheck()
    values: dict[Node, Any] = {}  # results, as far as they are known
    for node in nodes:
        if node.op is None:
            tensor = node.watch.tensor()
            if tensor is not None:
                values[node] = tensor.array
        elif isinstance(node.op, Op):  # others only hand gradients on
            verdict = _verdict(node, values, compare)
            if verdict is None:
                found.skipped.append(node.op.name)
                continue
            found.checked += 1
            if isinstance(verdict, Exception):
                found.error = verdict
            elif not verdict:
                found.result = verdict
            if isinstance(verdict, Exception) or not verdict:
                found.node, found.context = node, _context(node, nodes)
                break
    return found


def _context(node: Node, nodes: list[Node]) -> str:
    """The place of a node in its graph, in words."""
    ops = [other for other in nodes if other.op is not None]
    children = [other.op.name for other in ops if node in other.parents]
    after = f"its result goes into {', '.join(children)}" if children else "it is the last"
    inputs = ", ".join("a constant" if p is None else str(p.shape) for p in node.parents)
    return f"op {ops.index(node) + 1} of {len(ops)}: {inputs} -> {node.shape}; {after}"


def _known(node: Node, values: dict[Node, Any]) -> tuple[tuple, tuple] | None:
    """The inputs and settings of a node's call; None if they are not known.

    Without a recorded call they are those that the rule saved. What a rule does not ask for does
    not matter to it: then the result of another node will do, any numbers, or a default.
    """
    op, call = node.op, call_of(node)
    if call is not None:
        values[node] = call.out
        return call.inputs, call.settings
    if node.saved is None:
        return None
    saved = dict(zip(op.fields, node.saved, strict=True))
    if "out" in saved:
        values[node] = saved["out"]
    settings = op.defaults | saved
    if any(name not in settings for name in op.settings):
        return None
    names = [""] * len(node.parents) if op.variadic else op.inputs
    inputs = saved.get(op.inputs[0]) if op.variadic else None
    if inputs is None:
        pairs = zip(names, node.parents, strict=True)
        inputs = [saved[n] if n in saved else _value(parent, values) for n, parent in pairs]
    return tuple(inputs), tuple([settings[name] for name in op.settings])


def _value(parent: Node | None, values: dict[Node, Any]) -> Any:
    """The result of a node, as far as it is known; else numbers at which most ops are smooth."""
    if parent in values:
        return values[parent]
    random = Generator().manual_seed(0).numpy
    return np.asarray(random.uniform(0.1, 0.9, () if parent is None else parent.shape))


def _verdict(
    node: Node, values: dict[Node, Any], compare: Callable
) -> GradcheckResult | Exception | None:
    """How the rule of a node compares; what it raised; None if it cannot be checked."""
    known = _known(node, values)
    if known is None:
        return None
    op, (inputs, settings) = node.op, known
    double = np.dtype(np.float64)

    def run(*xs: Any) -> Any:
        if op.name in _SYMMETRIC:
            xs = ((xs[0] + xs[0].mT) / 2,)
        return op.apply(xs, settings)

    tensors = [_double(x, parent) for x, parent in zip(inputs, node.parents, strict=True)]
    try:
        if node not in values:
            values[node] = np.asarray(op.apply(tuple(map(_array, inputs)), settings))
        settings = _settings(op, inputs, settings, values[node])
        out = run(*tensors)
    except Exception:  # what was found is not what the op was called with
        return None
    if not isinstance(out, Tensor) or out.dtype != double or out.shape != node.shape:
        return None
    return compare(run, tensors)


def _settings(op: Op, inputs: tuple, settings: tuple, out: Any) -> tuple:
    """The settings to check with: float64 for other floats, and nothing worked out beforehand.

    The moments of a norm, say, are of its input; with them fixed it would be another function.
    """
    double = np.dtype(np.float64)
    doubled = tuple([double if isinstance(s, np.dtype) and s.kind == "f" else s for s in settings])
    bare = tuple(
        [None if _holds_arrays(s) and op.defaults.get(name, s) is None else s
         for name, s in zip(op.settings, doubled, strict=True)]
    )  # fmt: skip
    if any(a is not b for a, b in zip(bare, doubled, strict=True)):
        again = op.apply(tuple(map(_array, inputs)), bare)
        if np.shape(again) == np.shape(out) and np.allclose(again, out, equal_nan=True):
            return bare
    return doubled


def _holds_arrays(setting: Any) -> bool:
    parts = setting if isinstance(setting, (tuple, list)) else [setting]
    return any(isinstance(part, np.ndarray) and part.dtype.kind == "f" for part in parts)


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else x


def _double(x: Any, parent: Node | None) -> Any:
    """A float64 copy of an input, or the input as it is; infinity cannot be moved to its sides."""
    x = _array(x)
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    if parent is None:
        return make(np.array(x, np.float64), None)
    return make(np.where(np.isfinite(x), x, 0.5).astype(np.float64), None).requires_grad_()


def _compare(
    run: Callable, tensors: list, steps: list[float], atol: float, rtol: float
) -> GradcheckResult | Exception | None:
    """Compare a rule with numerical differences; None if nothing can be seen.

    An op that draws random numbers differs in itself, and outside its domain there is nothing.
    """

    def check(xs: list) -> GradcheckResult:
        results = []
        for step in steps:
            results.append(gradcheck(run, xs, eps=step, atol=atol, rtol=rtol, fast_mode=True))
            if results[-1] or not results[-1].deterministic:
                return results[-1]
        return results[0]

    try:
        result = check(tensors)
        if not result.deterministic:
            return None
        if not _is_blind(result):
            return result
        random = Generator().manual_seed(0).numpy
        beside = [check([_moved(x, sign, random) for x in tensors]) for sign in (1, -1)]
    except Exception as error:
        return error
    seen = [found for found in beside if found or not _is_blind(found)]
    return min(seen, key=bool, default=None)  # the wrong one, if there is one


def _is_blind(result: GradcheckResult) -> bool:
    """Whether more is seen beside the point: a kink hides mistakes, an edge has no two sides."""
    if result:
        return bool(result.kinks)
    return all(not np.isfinite(m.numerical) for m in result.mismatches)


def _moved(x: Any, sign: int, random: np.random.Generator) -> Any:
    """An input, each element of it a bit larger or smaller."""
    if not isinstance(x, Tensor):
        return x
    step = sign * 0.01 * (1 + np.abs(x.array)) * random.uniform(0.5, 1.5, x.shape)
    return make(x.array + step, None).requires_grad_(x.requires_grad)
