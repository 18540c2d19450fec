"""Numerical gradients, and the comparison that says which element of which gradient is wrong.

A derivative is compared with the central difference (f(x + h) - f(x - h)) / 2h in float64: its
truncation error falls with h^2 and its rounding error grows with 1/h, so that h = 1e-6 leaves about
nine digits. Small inputs are compared element by element, output by output; for large ones random
directions are compared, and bisection finds the element behind a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, GradientError
from tinygrad_edu.func import gradients
from tinygrad_edu.gradreport import GradcheckResult, Kink, Mismatch
from tinygrad_edu.modes import Generator, default_generator, enable_grad, no_grad
from tinygrad_edu.tensor import Tensor, make

__all__ = ["gradcheck", "gradgradcheck"]

_EVERY_ELEMENT = 2000  # up to so many elements of an input each one is perturbed
_EVERY_OUTPUT = 64  # up to so many output elements each one is compared alone
_DIRECTIONS = 8  # random directions for larger inputs
_seed: ContextVar[int] = ContextVar("tinygrad_edu_gradcheck_seed", default=0)
_ROUNDING = 1e-10  # far above the relative rounding error of a value, far below any real jump


def gradcheck(
    func: Callable,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = False,
    fast_mode: bool = False,
) -> GradcheckResult:
    """Compare the gradients of a function with numerical ones.

    `func(*inputs)` returns a tensor or several; gradients are compared for the inputs that require
    one, which must be float64. A derivative is right if it differs from the numerical one by at
    most atol + rtol * |numerical|. `eps` is the step. Random numbers of the default generator are
    the same in every call. At a kink any slope between the two sides is right, and is reported, as
    is a jump. `fast_mode` compares along random directions alone, as is done for large inputs.

    Returns a result that is true when all is right and whose text names the input, the element and
    both values; with `raise_exception` a wrong gradient raises GradientError with that text.
    Errors: DTypeError for inputs or outputs that are not float64 tensors, ValueError if no input
    requires a gradient.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    >>> print(tg.gradcheck(lambda x: x * tg.sigmoid(x), x))
    gradcheck: 4 derivatives compared, all agree
    """
    values = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    check = _Check(func, values, eps, atol, rtol, fast_mode)
    result = check.run()
    if raise_exception and not result:
        raise GradientError(str(result))
    return result


def gradgradcheck(
    func: Callable,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = False,
    fast_mode: bool = False,
) -> GradcheckResult:
    """Compare the second gradients of a function with numerical ones.

    The gradients of `func` with respect to its inputs, started from `grad_outputs` (random ones by
    default), are a function of both; `gradcheck` is run on it. Inputs are counted on: after those
    of `func` come the gradients of the outputs.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    >>> bool(tg.gradgradcheck(lambda x: x ** 3, x))
    True
    """
    values = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    chosen = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]
    if grad_outputs is None:
        random = np.random.default_rng(_seed.get())
        with _Frozen():
            outputs = _outputs(func(*values))
        grad_outputs = [make(random.standard_normal(y.shape), None) for y in outputs]
    seeds = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    seeds = [g.detach().requires_grad_() for g in seeds]

    def first_gradients(*args: Any) -> tuple:
        xs, gs = args[: len(values)], args[len(values) :]
        return _gradients(func, xs, [xs[i] for i in chosen], list(gs), create_graph=True)

    return gradcheck(
        first_gradients, (*values, *seeds),
        eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, fast_mode=fast_mode,
    )  # fmt: skip


@contextmanager
def directions_from(seed: int) -> Iterator[None]:
    """Draw the random directions and gradients of checks from another seed than 0."""
    token = _seed.set(seed)
    try:
        yield
    finally:
        _seed.reset(token)


def _outputs(result: Any) -> list[Tensor]:
    """The floating-point outputs of a function as a list, checked to be float64."""
    several = result if isinstance(result, (tuple, list)) else [result]
    outputs = [y for y in several if y is not None]
    if not outputs or not all(isinstance(y, Tensor) for y in outputs):
        got = "none" if not outputs else ", ".join(type(y).__name__ for y in outputs)
        raise DTypeError(f"gradcheck: output: expected a tensor or several, got {got}")
    outputs = [y for y in outputs if y.is_floating_point()]
    for i, y in enumerate(outputs):
        if y.dtype != np.float64:
            raise DTypeError(
                f"gradcheck: output {i}: expected float64, got {y.dtype}; numerical differences "
                "drown in rounding otherwise: use .double() for all that the function uses"
            )
    return outputs


def _gradients(
    func: Callable, args: Sequence[Any], inputs: list, seeds: list, create_graph: bool = False
) -> tuple:
    """The gradients of all outputs together, zeros for an input without influence."""
    pairs = [(y, g) for y, g in zip(_outputs(func(*args)), seeds, strict=True) if y.requires_grad]
    if not pairs:
        return tuple(make(np.zeros_like(x.array), None) for x in inputs)
    return gradients(
        [y for y, _ in pairs], inputs, [g for _, g in pairs],
        create_graph=create_graph, materialize_grads=True,
    )  # fmt: skip


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The difference; that of an infinity which stays, as a mask has, is 0."""
    return np.subtract(after, before, out=np.zeros_like(before), where=before != after)


class _Frozen:
    """Puts the random generators back to the same place at every entry, and at the end."""

    def __enter__(self) -> None:
        self.states = default_generator.get_state(), np.random.get_state()  # noqa: NPY002

    def __exit__(self, *exc: object) -> None:
        default_generator.set_state(self.states[0])
        np.random.set_state(self.states[1])  # noqa: NPY002


class _Check:
    """One comparison: the function, its inputs as arrays, and the tolerances."""

    def __init__(
        self, func: Callable, inputs: tuple, eps: float, atol: float, rtol: float, fast: bool
    ) -> None:
        self.func, self.inputs, self.eps, self.atol, self.rtol = func, inputs, eps, atol, rtol
        self.fast = fast
        self.chosen = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
        if not self.chosen:
            raise ValueError("gradcheck: expected an input with requires_grad=True, got none")
        for i in self.chosen:
            if inputs[i].dtype != np.float64:
                raise DTypeError(
                    f"gradcheck: input {i}: expected float64, got {inputs[i].dtype}; numerical "
                    "differences drown in rounding otherwise: use .double()"
                )
        self.result = GradcheckResult()
        self.random = Generator().manual_seed(_seed.get()).numpy

    def run(self) -> GradcheckResult:
        """Compare all inputs that require a gradient."""
        first, second = self.values({}), self.values({})
        if not np.array_equal(first, second, equal_nan=True):
            self.result.deterministic = False
            return self.result
        self.centre = first
        self.combinations = self.combine(first.size)
        analytic = [self.analytic(u) for u in self.combinations]
        for k, i in enumerate(self.chosen):
            large = self.fast or self.inputs[i].array.size > _EVERY_ELEMENT
            compare = self.directions if large else self.elements
            compare(i, np.array([g[k] for g in analytic]))
        return self.result

    def arguments(self, moved: dict[int, np.ndarray]) -> list:
        """Fresh copies of the inputs, some moved; the function may write to them."""
        return [
            make(np.array(moved.get(i, x.array)), None) if isinstance(x, Tensor) else x
            for i, x in enumerate(self.inputs)
        ]

    def values(self, moved: dict[int, np.ndarray]) -> np.ndarray:
        """All outputs, one after the other."""
        args = self.arguments(moved)
        for i in self.chosen:  # the function may itself differentiate, as gradgradcheck's does
            args[i].requires_grad_()
        with _Frozen(), enable_grad():
            outputs = _outputs(self.func(*args))
        self.shapes = [y.shape for y in outputs]
        return np.concatenate([y.array.ravel() for y in outputs] or [np.zeros(0)])

    def combine(self, size: int) -> np.ndarray:
        """What is differentiated: each output element, or a random combination of them all."""
        if size <= _EVERY_OUTPUT and not self.fast:
            return np.eye(size)
        return self.random.standard_normal((1, size))

    def analytic(self, u: np.ndarray) -> list[np.ndarray]:
        """The gradients of one combination of the outputs."""
        args = self.arguments({})
        for i in self.chosen:
            args[i].requires_grad_()
        ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in self.shapes])
        parts = np.split(u, ends[:-1]) if len(ends) else []
        seeds = [make(p.reshape(s), None) for p, s in zip(parts, self.shapes, strict=True)]
        with _Frozen(), enable_grad():
            found = _gradients(self.func, args, [args[i] for i in self.chosen], seeds)
        return [g.array.ravel() for g in found]

    def slopes(self, i: int, direction: np.ndarray, step: float) -> tuple:
        """The slopes of all combinations to the left and to the right along a direction."""
        x = self.inputs[i].array
        move = (step * direction).reshape(x.shape)
        with no_grad():
            up, down = self.values({i: x + move}), self.values({i: x - move})
        right = self.combinations @ _change(self.centre, up) / step
        left = self.combinations @ _change(down, self.centre) / step
        return left, right, self.combinations @ _change(down, up) / (2 * step)

    def wrong(self, analytic: np.ndarray, numerical: np.ndarray) -> np.ndarray:
        """Which derivatives differ by more than the tolerance (nan and inf must be equal)."""
        with np.errstate(invalid="ignore"):
            close = np.abs(analytic - numerical) <= self.atol + self.rtol * np.abs(numerical)
        return ~(close | (analytic == numerical) | (np.isnan(analytic) & np.isnan(numerical)))

    def elements(self, i: int, analytic: np.ndarray) -> None:
        """Compare every element of input i; `analytic` is (combinations, elements)."""
        size = self.inputs[i].array.size
        self.result.compared += analytic.size
        for element in range(size):
            direction = np.zeros(size)
            direction[element] = 1
            _, _, numerical = self.slopes(i, direction, self.eps)
            self.judge(i, element, analytic[:, element], numerical)

    def directions(self, i: int, analytic: np.ndarray) -> None:
        """Compare input i along random directions; find the element behind a difference."""
        size = self.inputs[i].array.size
        for _ in range(_DIRECTIONS):
            self.result.compared += len(analytic)
            direction = self.random.standard_normal(size)
            if not self.differs(i, analytic, direction):
                continue
            places = np.arange(size)
            while places.size > 1:
                halves = np.array_split(places, 2)
                errors = [self.error(i, analytic, direction, half) for half in halves]
                places = halves[int(errors[1] > errors[0])]
            unit = np.zeros(size)
            unit[places[0]] = 1
            _, _, numerical = self.slopes(i, unit, self.eps)
            self.judge(i, int(places[0]), analytic[:, places[0]], numerical)

    def differs(self, i: int, analytic: np.ndarray, direction: np.ndarray) -> bool:
        _, _, numerical = self.slopes(i, direction, self.eps)
        return bool(self.wrong(analytic @ direction, numerical).any())

    def error(
        self, i: int, analytic: np.ndarray, direction: np.ndarray, places: np.ndarray
    ) -> float:
        """How far the two derivatives differ along the part of a direction."""
        part = np.zeros_like(direction)
        part[places] = direction[places]
        _, _, numerical = self.slopes(i, part, self.eps)
        return float(np.nan_to_num(np.abs(analytic @ part - numerical), nan=np.inf).max())

    def judge(self, i: int, element: int, analytic: np.ndarray, numerical: np.ndarray) -> None:
        """Note the derivatives with respect to one element that differ, and kinks."""
        place = tuple(int(n) for n in np.unravel_index(element, self.inputs[i].shape))
        for row in np.flatnonzero(self.wrong(analytic, numerical)):
            kink = self.kink(i, element, place, int(row), float(analytic[row]))
            if kink is not None:
                if kink not in self.result.kinks:
                    self.result.kinks.append(kink)
                low, high = sorted((kink.left, kink.right))
                slack = self.atol + self.rtol * max(abs(low), abs(high))
                if kink.jump or low - slack <= analytic[row] <= high + slack:
                    continue
            self.result.mismatches.append(
                Mismatch(i, place, self.name(int(row)), float(analytic[row]), float(numerical[row]))
            )

    def kink(self, i: int, element: int, place: tuple, row: int, analytic: float) -> Kink | None:
        """The two slopes, if they differ because of a kink here or within one step, or of a jump.

        Here: they stay apart however small the step (for a smooth function they approach each
        other with it). Near: the analytic slope is that of a smaller step. A jump: the difference
        of the values stays, however small the step, and is no rounding error.
        """
        direction = np.zeros(self.inputs[i].array.size)
        direction[element] = 1
        steps = (self.eps, self.eps / 10, self.eps / 100)
        left, right, central = np.array(
            [[side[row] for side in self.slopes(i, direction, step)] for step in steps]
        ).T
        gaps = np.abs(right - left)
        near = not self.wrong(np.full(2, analytic), central[1:]).all()
        here = gaps[1] > 0.5 * gaps[0] and gaps[1] > self.atol + self.rtol * abs(left[1])
        heights = np.abs(central) * steps
        jump = bool(heights.min() > max(0.5 * heights.max(), _ROUNDING * self.size(row)))
        found = Kink(i, place, float(left[0]), float(right[0]), jump)
        return found if near or here or jump else None

    def size(self, row: int) -> float:
        """How large the numbers are whose combination a row of the comparison is; at least 1."""
        return max(1.0, float(np.abs(self.combinations[row]) @ np.abs(self.centre)))

    def name(self, row: int) -> tuple | None:
        """Which element of which output a row of the comparison stands for."""
        if len(self.combinations) != self.centre.size or not np.all(self.combinations.sum(1) == 1):
            return None
        for output, shape in enumerate(self.shapes):
            size = int(np.prod(shape, dtype=int))
            if row < size:
                return output, tuple(int(n) for n in np.unravel_index(row, shape))
            row -= size
        return None
