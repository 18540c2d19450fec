"""A model in use: its predictions, their accuracy, and where its numbers stop being finite."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.modes import get_rng_state, no_grad, set_rng_state
from tinygrad_edu.ops.shape import cat
from tinygrad_edu.tensor import Tensor

from .module import Module

__all__ = ["Means", "accuracy", "evaluating", "first_not_finite", "pair", "predict"]


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Whether the highest score of each example is that of its class: the mean is the accuracy.

    Shapes: scores (N, K), class numbers (N,) -> bools (N,).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.nn.evaluation import accuracy
    >>> accuracy(tg.tensor([[0.1, 0.9], [0.8, 0.2]]), tg.tensor([1, 1]))
    tensor([ True, False])
    """
    if output.ndim != 2 or target.shape != output.shape[:1]:
        got = f"{output.shape} and {target.shape}"
        expected = "scores (N, K) and class numbers (N,)"
        raise ShapeError(describe("accuracy", "output, target", expected, got))
    return output.argmax(1) == target


class Means:
    """Means over the examples of several batches: of the loss, and of a metric.

    A metric gives a number for each example of a batch, or their mean.
    """

    def __init__(self) -> None:
        self.count, self.loss, self.score = 0, 0.0, 0.0

    def add(self, n: int, loss: float, score: Any) -> None:
        """Take in a batch of n examples: their mean loss, and what the metric gave."""
        self.count += n
        self.loss += loss * n
        self.score += float(np.sum(score) if np.size(score) == n else np.mean(score) * n)

    def so_far(self, names: Sequence[str]) -> dict[str, float]:
        """The means by name: the loss's, and (if it has one) the metric's."""
        sums = (self.loss, self.score)
        return {name: total / self.count for name, total in zip(names, sums, strict=False)}


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode, without graphs; afterwards every module is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def pair(batch: Any) -> tuple[Any, Any]:
    """The input and the target of a batch; one without a target is its own (an autoencoder's)."""
    if isinstance(batch, (list, tuple)) and len(batch) == 2:
        return batch[0], batch[1]
    alone = batch[0] if isinstance(batch, (list, tuple)) and len(batch) == 1 else batch
    if not isinstance(alone, Tensor):
        expected, got = "(input, target) or a tensor", type(batch).__name__
        raise TypeError(describe("Solver", "batch", expected, got))
    return alone, alone


def predict(model: Module, batches: Iterable[Any]) -> tuple[Tensor, Tensor]:
    """The outputs and the targets of all batches, with the model in evaluation mode.

    Shapes: batches of n examples each -> outputs (N, ...) and targets (N, ...), N their number.
    """
    with evaluating(model):
        pairs = [(model(input), target) for input, target in map(pair, batches)]
    outputs, targets = zip(*pairs, strict=True)
    return cat(outputs), cat(targets)


def first_not_finite(model: Module, input: Any) -> str | None:
    """Where nan or infinity first appears, in words; None if nowhere.

    Looks at the parameters and buffers, then at the output of each layer for this input, in the
    order in which they are computed. The model and the random numbers are left as they were.
    """
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if not np.isfinite(tensor.array).all():
            return f"the parameter {name} is not finite"
    found: list[str] = []

    def look(name: str, module: Module) -> Any:
        def hook(module: Module, args: Any, output: Any) -> None:
            outputs = output if isinstance(output, (list, tuple)) else [output]
            arrays = [x.array for x in outputs if isinstance(x, Tensor)]
            if not all(np.isfinite(array).all() for array in arrays):
                place = f"{name} ({type(module).__name__})" if name else type(module).__name__
                found.append(f"the output of {place} is the first that is not finite")

        return module.register_forward_hook(hook)

    state, random = copy.deepcopy(model.state_dict()), get_rng_state()
    handles = [look(name, module) for name, module in model.named_modules()]
    try:
        with no_grad():
            model(input)
    finally:
        for handle in handles:
            handle.remove()
        model.load_state_dict(state)
        set_rng_state(random)
    return found[0] if found else None
