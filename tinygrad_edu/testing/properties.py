"""A test of a function's gradients in one line, on inputs that hypothesis draws."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, event, given, reject, settings
from hypothesis.strategies import SearchStrategy

from tinygrad_edu.errors import DTypeError, GradientError, describe
from tinygrad_edu.gradcheck import gradcheck, gradgradcheck
from tinygrad_edu.gradreport import GradcheckResult, Mismatch
from tinygrad_edu.tensor import Tensor

__all__ = ["check_gradients"]

# Numerical gradients take their time, and examples at kinks are drawn again. (The phase left out
# is that which looks for lines of the library that only failing examples run.)
_USUAL = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
    "phases": [Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
}


def check_gradients(
    *function_and_strategies: Any,
    second: bool = True,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    **options: Any,
) -> Callable:
    """A test that draws inputs and compares first and second gradients with numerical ones.

    The function comes first, then a strategy for each of its arguments; a strategy of tuples of
    tensors, such as `matmul_operands()`, stands for several. Gradients are compared for the tensors
    that require one; `second=False` leaves out the second gradients. `eps`, `atol` and `rtol` are
    those of `gradcheck`, further options those of `hypothesis.settings` (`max_examples=20`).
    Without a function the result decorates one.

    An example at a kink, where any slope between the two sides is right, is checked for that, and
    another is drawn in its place. `--hypothesis-show-statistics` counts them; when every example
    lies at one, hypothesis says that its assumptions cannot be satisfied.
    Errors: the test raises GradientError, whose text has the smallest example that fails, the
    gradient and the element that are wrong, and both values.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.testing import check_gradients
    >>> from tinygrad_edu.testing.strategies import tensors
    >>> test_swish = check_gradients(lambda x: x * tg.sigmoid(x), tensors(), max_examples=5)
    >>> test_swish()

    >>> @check_gradients(tensors(), max_examples=5)
    ... def test_cube(x):
    ...     return x**3
    >>> test_cube()
    """
    tolerances = {"eps": eps, "atol": atol, "rtol": rtol}
    function, strategies = function_and_strategies[:1], function_and_strategies[1:]
    if not function or isinstance(function[0], SearchStrategy):
        return lambda f: _make_test(f, function_and_strategies, second, tolerances, options)
    return _make_test(function[0], strategies, second, tolerances, options)


def _make_test(
    function: Callable, strategies: Sequence[Any], second: bool, tolerances: dict, options: dict
) -> Callable:
    if not callable(function):
        raise DTypeError(
            describe("check_gradients", "function", "a function", type(function).__name__)
        )
    for strategy in strategies or (None,):
        if not isinstance(strategy, SearchStrategy):
            mend = "draw its arguments, for example with tensors()"
            got = "none" if strategy is None else repr(strategy)
            raise DTypeError(
                describe("check_gradients", "strategies", "strategies of hypothesis", got, mend)
            )

    def test(**drawn: Any) -> None:
        __tracebackhide__ = True
        arguments = _spread(drawn.values())
        fault = _fault(function, arguments, second, tolerances)
        if fault is not None:
            raise GradientError(fault) from None

    names = _parameters(function, len(strategies)) or [
        f"drawn_{i}" for i, _ in enumerate(strategies)
    ]
    parameters = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY) for n in names]
    functools.update_wrapper(test, function, ("__module__", "__doc__"), ())
    test.__name__ = test.__qualname__ = _title(function)
    test.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    drawn = given(**dict(zip(names, strategies, strict=True)))(test)
    return settings(**{**_USUAL, **options})(drawn)


def _title(function: Callable) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return name if name.isidentifier() else "function"  # <lambda>


def _spread(drawn: Any) -> list[Any]:
    """The arguments of the function: a tuple with a tensor in it is several."""
    arguments: list[Any] = []
    for value in drawn:
        several = isinstance(value, tuple) and any(isinstance(part, Tensor) for part in value)
        arguments += value if several else (value,)
    return arguments


def _parameters(function: Callable, count: int) -> list[str]:
    """The names under which a function takes so many arguments, none if they cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = sum(p.default is p.empty for p in named)
    return [p.name for p in named[:count]] if needed <= count <= len(named) else []


# --- the comparison, and its words ----------------------------------------------------------


def _fault(function: Callable, arguments: list, second: bool, tolerances: dict) -> str | None:
    """What is wrong with the gradients for these arguments, None if nothing is.

    At a kink hypothesis is asked for another example.
    """
    names = _parameters(function, len(arguments)) or [f"input {i}" for i in range(len(arguments))]
    for order, check in enumerate((gradcheck, gradgradcheck)[: 1 + second]):
        result = check(function, arguments, **tolerances)
        if not result.ok:
            return _worded(function, names, arguments, order, result)
        for kink in result.kinks:
            event(f"kinks in {names[kink.input]}" if not order else "kinks of the gradient")
        if result.kinks:
            reject()
    return None


def _worded(
    function: Callable, names: list[str], arguments: list, order: int, result: GradcheckResult
) -> str:
    """The example, and for each input whose gradient is wrong the worst element, by name."""
    lines = [f"the {('first', 'second')[order]} gradient of {_title(function)} is wrong, for"]
    lines += [f"    {n} = {_shown(x)}" for n, x in zip(names, arguments, strict=True)]
    if not result.deterministic:
        return "\n".join([*lines, str(result)])
    chosen = [n for n, x in zip(names, arguments, strict=True) if getattr(x, "requires_grad", 0)]

    def named(input: int) -> str:  # behind those of the function, its output's gradients
        return (
            names[input] if input < len(names) else f"the gradient of output {input - len(names)}"
        )

    for i in sorted({m.input for m in result.mismatches}):
        found = [m for m in result.mismatches if m.input == i]
        worst = max(found, key=lambda m: m.absolute)
        count = f"{len(found)} derivatives differ" if len(found) > 1 else "1 derivative differs"
        lines += [
            f"with respect to {named(i)}, {count}, most at element {worst.element}: that of "
            f"{_output(worst, chosen if order else None)} is",
            f"    analytic {worst.analytic:.10g}, numerical {worst.numerical:.10g} (absolute "
            f"error {worst.absolute:.3g}, relative {worst.relative:.3g})",
        ]
    kinks = [str(k).replace(f"input {k.input}", named(k.input), 1) for k in result.kinks]
    return "\n".join(lines + kinks)


def _output(mismatch: Mismatch, gradients: list[str] | None) -> str:
    """Of what a derivative is: of an output, or in second order of the gradient of an input."""
    if mismatch.output is None:
        return "a random combination of all results"
    number, element = mismatch.output
    what = f"output {number}" if gradients is None else f"the gradient of {gradients[number]}"
    return f"{what}, element {element}"


def _shown(value: Any) -> str:
    """A tensor with all its digits, anything else as it is."""
    if not isinstance(value, Tensor):
        return repr(value)
    shape = "" if value.numel() else f", shape {value.shape}"
    return f"tensor({value.tolist()}, dtype={value.dtype}{shape})"
