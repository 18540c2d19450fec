"""L-BFGS: steps that know the curvature from recent gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.errors import describe
from tinygrad_edu.modes import enable_grad
from tinygrad_edu.tensor import make

from .line_search import Point, strong_wolfe
from .optimizer import Optimizer
from .settings import Number, given, numbers

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Steps along -H g, with H an estimate of the inverse Hessian from the last gradients.

    One call of `step` makes up to `max_iter` iterations, and calls the closure, which clears the
    gradients, computes the loss and calls its backward, up to about `max_eval` times (default
    5/4 `max_iter`). It ends sooner if no element of the gradient is larger than `tolerance_grad`,
    or if parameters or loss change by less than `tolerance_change`. An iteration moves by
    lr (the first one by at most lr in all), or as far as `line_search_fn="strong_wolfe"` finds
    best. For losses without noise: whole data sets, no dropout. All parameters are in one group.
    Errors: ValueError for a second group or a bad setting; as `Optimizer`.
    Source: Nocedal and Wright (2006), algorithm 7.5.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([5.0, -5.0]))
    >>> optimizer = tg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - tg.tensor([1.0, 2.0])) ** 4).sum()
    ...     loss.backward()
    ...     return loss
    >>> first = optimizer.step(closure)
    >>> first.item() > 2000 and closure().item() < 1e-3
    True
    """

    checked = ("lr", "line_search_fn")

    def __init__(
        self, params: Iterable[Any], lr: Number = 1, max_iter: int = 20,
        max_eval: int | None = None, tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9,
        history_size: int = 100, line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, given(locals()))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take in the parameters, which are all in one group."""
        if self.param_groups:
            raise ValueError(describe("LBFGS", "params", "one group", "a second one"))
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any]) -> Any:
        """Iterate; `closure` computes the loss and its gradients, and its first loss is returned.

        The closure is called again and again, with other values of the parameters.
        """
        group = self.param_groups[0]
        least_grad, least_change = numbers(group, "tolerance_grad", "tolerance_change")
        state = self.state[group["params"][0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        most = state["func_evals"] + group["max_eval"]
        result, loss, grad = self._evaluate(closure)
        for left in range(group["max_iter"] - 1, -1, -1):
            if np.abs(grad).max() <= least_grad:
                break
            before = loss
            d, t = self._aim(grad, loss)
            slope = grad.dot(d)
            if slope > -least_change:
                break
            if group["line_search_fn"]:
                start = Point(0.0, loss, grad, slope)
                _, loss, grad, _ = point = self._search(closure, d, start, t, most)
                t = point.t
                state["t"] = float(t)
            self._move(d, t)
            if left and not group["line_search_fn"]:
                _, loss, grad = self._evaluate(closure)
            still = np.abs(d * t).max() <= least_change or abs(loss - before) < least_change
            if still or state["func_evals"] >= most:
                break
        return result

    def _aim(self, grad: np.ndarray, loss: float) -> tuple[np.ndarray, float]:
        """The direction to go, and how far to try first; both are remembered."""
        group = self.param_groups[0]
        (t,) = numbers(group, "lr")
        state = self.state[group["params"][0]]
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            d = -grad
            t = min(1.0, 1.0 / np.abs(grad).sum()) * t
        else:
            _remember_curvature(state, grad, group["history_size"])
            d = _direction(state, grad)
        memories = {"d": make(d, None), "prev_flat_grad": make(grad, None)}
        state.update(memories, t=float(t), prev_loss=loss)
        return d, t

    def _search(
        self, closure: Callable[[], Any], d: np.ndarray, start: Point, t: float, most: int
    ) -> Point:
        """The best point along d; the parameters stay where they are."""
        group = self.param_groups[0]
        kept = [p.array.copy() for p in group["params"]]

        def evaluate(t: float) -> Point:
            self._move(d, t)
            try:
                _, loss, grad = self._evaluate(closure)
            finally:
                for p, array in zip(group["params"], kept, strict=True):
                    p.array[...] = array
                    storage.wrote(p.array)
            return Point(t, loss, grad, grad.dot(d))

        tolerance = float(group["tolerance_change"]) / np.abs(d).max()
        limit = most - self.state[group["params"][0]]["func_evals"]
        return strong_wolfe(evaluate, start, t, tolerance, limit)

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[Any, float, np.ndarray]:
        """What the closure returns, as a number too, and the gradient as one vector."""
        params = self.param_groups[0]["params"]
        self.state[params[0]]["func_evals"] += 1
        with enable_grad():
            result = closure()
        grads = [p.array * 0 if p.grad is None else p.grad.array for p in params]
        return result, float(result), np.concatenate([g.reshape(-1) for g in grads])

    def _move(self, d: np.ndarray, t: float) -> None:
        """Add t d to the parameters."""
        start = 0
        for p in self.param_groups[0]["params"]:
            array = p.array
            array += (d[start : start + array.size] * t).reshape(array.shape)
            start += array.size
            storage.wrote(array)


def _remember_curvature(state: dict[str, Any], grad: np.ndarray, limit: int) -> None:
    """Keep how the gradient changed over the last step, if the loss curves up along it."""
    y = grad - state["prev_flat_grad"].array
    s = state["d"].array * float(state["t"])
    ys = y.dot(s)
    if ys > 1e-10:
        state["H_diag"] = float(ys / y.dot(y))
        new = {"old_dirs": make(y, None), "old_stps": make(s, None), "ro": float(1 / ys)}
        state.update({key: [*state[key], value][-limit:] for key, value in new.items()})


def _direction(state: dict[str, Any], grad: np.ndarray) -> np.ndarray:
    """-H grad, with H from the remembered changes: the recursion in two loops."""
    kept = zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True)
    history = [(y.array, s.array, float(ro)) for y, s, ro in kept]
    d = -grad
    weights = []
    for y, s, ro in reversed(history):
        weights.append(s.dot(d) * ro)
        d -= weights[-1] * y
    d *= float(state["H_diag"])
    for (y, s, ro), weight in zip(history, reversed(weights), strict=True):
        d += (weight - y.dot(d) * ro) * s
    return d
