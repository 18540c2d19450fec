"""Solver: trains a model in epochs, measures it, keeps the best of it, and can be resumed."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

from tinygrad_edu import checkpoint
from tinygrad_edu.datasets import DataLoader, Subset
from tinygrad_edu.errors import describe
from tinygrad_edu.lint import lint
from tinygrad_edu.modes import Generator, default_generator, numpy_generator
from tinygrad_edu.ops.labels import cross_entropy
from tinygrad_edu.tensor import Tensor

from .array_model import ArrayModel
from .callbacks import Callback, ProgressBar
from .evaluation import Means, accuracy, evaluating, first_not_finite, pair
from .module import Module
from .optim import Adam, Optimizer
from .optim.lr_scheduler import ReduceLROnPlateau
from .solver_data import loaders

__all__ = ["NonFiniteLossError", "Solver"]

_log = logging.getLogger("tinygrad_edu")


class NonFiniteLossError(RuntimeError):
    """A loss that became nan or infinite."""


class Solver:
    """Trains a model on batches, measures it after every epoch, and puts back its best state.

    `model` is a Module, or an object with a dictionary `params` of arrays and `loss(X, y)` that
    returns (loss, gradients by name). `data` is a dictionary of arrays X_train, y_train, X_val,
    y_val, or a pair (train, validation) of data sets or loaders; validation may be None. Batches
    are (input, target), or one tensor that is its own target. `optimizer` and `scheduler` are
    objects, or functions that make them, of the parameters and of the optimizer.

    `loss(output, target)` is a mean over the batch. `metric(output, target)` gives a number for
    each example, or a mean; higher is better; None for none. `scheduler` steps after every epoch,
    or, with `scheduler_interval="batch"`, after every batch; a ReduceLROnPlateau sees the loss on
    the validation data. `num_train_samples` measures the metric after the epoch on so many random
    training examples, in place of the mean of the epoch's own outputs. `patience` ends the training
    after so many epochs without a better one. `checkpoint` is a file that is renewed after every
    epoch; `resume` goes on from it, to the same numbers bit for bit.

    `epoch` counts the epochs done. `loss_history` has the loss of every step, `history` a number
    per epoch in each of the lists train_loss, train_accuracy (means over the epoch, while the
    weights change), validation_loss, validation_accuracy (after it). `best_epoch` is the epoch with
    the highest metric on the validation data, of equal ones that with the lowest loss, and
    `best_weights` its `state_dict`.
    In the first step `lint` warns of what is probably wrong.
    Errors: NonFiniteLossError, which says in which batch and layer; TypeError or ValueError for
    arguments that make no sense.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> x = tg.linspace(-1, 1, 20).reshape(20, 1)
    >>> data = {"X_train": x, "y_train": x[:, 0] > 0, "X_val": x, "y_val": x[:, 0] > 0}
    >>> model = nn.Linear(1, 2)
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    >>> solver = nn.Solver(model, data, optimizer, num_epochs=5, batch_size=5)
    >>> history = solver.train()
    >>> solver.epoch, history["validation_accuracy"][-1] > 0.8
    (5, True)
    """

    def __init__(
        self, model: Any, data: Any, optimizer: Any = Adam, *,
        loss: Callable[[Any, Any], Tensor] = cross_entropy,
        metric: Callable[[Any, Any], Any] | None = accuracy,
        scheduler: Any = None, scheduler_interval: str = "epoch", num_epochs: int = 10,
        batch_size: int = 100, num_train_samples: int | None = None, patience: int | None = None,
        checkpoint: str | PathLike | None = None, callbacks: Sequence[Callback] = (),
        progress: bool = False, generator: Generator | None = None,
    ) -> None:  # fmt: skip
        if scheduler_interval not in ("epoch", "batch"):
            expected = "'epoch' or 'batch'"
            got = repr(scheduler_interval)
            raise ValueError(describe("Solver", "scheduler_interval", expected, got))
        self.model: Any = model if isinstance(model, Module) else ArrayModel(model)
        self.train_data, self.validation_data = loaders(data, batch_size, generator, self.model)
        self.optimizer = _optimizer(optimizer, self.model)
        self.scheduler = scheduler(self.optimizer) if callable(scheduler) else scheduler
        self.scheduler_interval = scheduler_interval
        self.loss, self.metric = loss, metric
        self.num_epochs, self.patience, self.checkpoint = num_epochs, patience, checkpoint
        self.num_train_samples, self.generator = num_train_samples, generator
        self.callbacks = [*callbacks, *([ProgressBar()] if progress else [])]
        self.measures = ["loss"] if metric is None else ["loss", metric.__name__]
        parts = ["train"] if self.validation_data is None else ["train", "validation"]
        self.history: dict[str, list[float]] = {
            f"{part}_{measure}": [] for part in parts for measure in self.measures
        }
        self.loss_history: list[float] = []
        self.epoch = self.best_epoch = 0
        self.best_weights: dict[str, Tensor] = {}
        self._last_weights: dict[str, Tensor] | None = None  # while the best are in the model
        self.stop = False  # a callback may set it

    # --- training -----------------------------------------------------------------------------

    def train(self, num_epochs: int | None = None) -> dict[str, list[float]]:
        """Train until so many epochs have been done in all, those before a resume included.

        Then the best weights are put into the model; training that goes on later goes on from the
        last ones. Returns `history`. Errors: NonFiniteLossError as soon as a loss is nan or
        infinite, before it reaches the weights.
        """
        goal = self.num_epochs if num_epochs is None else num_epochs
        if self._last_weights is not None:
            self.model.load_state_dict(self._last_weights)
            self._last_weights = None
        self.stop = False
        try:
            self._tell("train_begin", goal)
            while self.epoch < goal and not self.stop:
                self._run_epoch()
        finally:
            self._tell("train_end")
        if self.best_epoch:
            self._last_weights = _copied(self.model.state_dict())
            self.model.load_state_dict(self.best_weights)
        return self.history

    def _run_epoch(self) -> None:
        means = self._step_through()
        if self.num_train_samples is not None:
            means |= self._measure(self._train_sample())
        measured = [means[name] for name in self.measures]
        if self.validation_data is not None:
            validation = self._measure(self.validation_data)
            self._check_finite(validation["loss"], "on the validation data")
            measured += [validation[name] for name in self.measures]
        for values, value in zip(self.history.values(), measured, strict=True):
            values.append(value)
        self.epoch += 1
        self._remember_best()
        if self.scheduler_interval == "epoch":
            self._step_scheduler()
        if self.patience is not None and self.epoch - self.best_epoch >= self.patience:
            self.stop = True
        _log.info("epoch %d: %s", self.epoch, {k: v[-1] for k, v in self.history.items()})
        if self.checkpoint is not None:
            checkpoint.save(self.state_dict(), self.checkpoint)
        self._tell("epoch_end")

    def _step_through(self) -> dict[str, float]:
        """Step through all batches once; the means over them."""
        means = Means()
        self.model.train()
        for number, batch in enumerate(self.train_data, start=1):
            input, target = pair(batch)
            output, loss = self._step(input, target, f"batch {number} of {len(self.train_data)}")
            if self.scheduler_interval == "batch":
                self._step_scheduler()
            self.loss_history.append(loss)
            means.add(len(target), loss, self._score(output, target))
            self._tell("batch_end", means.so_far(self.measures))
        return means.so_far(self.measures)

    def _step(self, input: Any, target: Any, place: str) -> tuple[Any, float]:
        """Change the weights; the output (None of a model of arrays) and the loss before that."""
        seen: list[tuple[Any, float]] = []

        def closure() -> float:  # some optimizers, as LBFGS, call it several times
            seen.append(self._gradients(input, target, place))
            return seen[-1][1]

        self.optimizer.step(closure)
        return seen[0]

    def _gradients(self, input: Any, target: Any, place: str) -> tuple[Any, float]:
        """Leave the gradients of a batch in the parameters; return its output and its loss."""
        self.optimizer.zero_grad()
        if isinstance(self.model, ArrayModel):
            loss = self.model.backward(input, target)
            self._check_finite(loss, place, input)
            return None, loss
        output = self.model(input)
        value = self.loss(output, target)
        loss = value.item()
        self._check_finite(loss, place, input)
        value.backward()
        if not self.loss_history:
            lint(self.model, self.optimizer, value)
        return output, loss

    def _check_finite(self, loss: float, place: str, input: Any = None) -> None:
        if math.isfinite(loss):
            return
        where = None if input is None else first_not_finite(self.model, input)
        raise NonFiniteLossError(
            f"the loss is {loss} in epoch {self.epoch + 1}, {place}: "
            + (f"{where}; " if where else "")
            + "try a lower learning rate"
        )

    def _step_scheduler(self) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            part = "train" if self.validation_data is None else "validation"
            self.scheduler.step(self.history[f"{part}_loss"][-1])
        elif self.scheduler is not None:
            self.scheduler.step()

    def _tell(self, event: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self, *args)

    # --- measuring ----------------------------------------------------------------------------

    def _measure(self, batches: Iterable[Any]) -> dict[str, float]:
        """The means of loss and metric, with the model in evaluation mode."""
        means = Means()
        with evaluating(self.model):
            for input, target in map(pair, batches):
                output = self.model(input)
                loss = self.loss(output, target).item()
                means.add(len(target), loss, self._score(output, target))
        return means.so_far(self.measures)

    def _score(self, output: Any, target: Any) -> Any:
        if self.metric is None or output is None:
            return math.nan
        score = self.metric(output, target)
        return score.array if isinstance(score, Tensor) else score

    def _train_sample(self) -> DataLoader:
        dataset = self.train_data.dataset
        n = min(self.num_train_samples or 0, len(dataset))
        chosen = numpy_generator(self.generator).choice(len(dataset), n, replace=False)
        return DataLoader(Subset(dataset, chosen.tolist()), self.train_data.batch_size or 1)

    def _remember_best(self) -> None:
        loss, *score = list(self.history.values())[-len(self.measures) :]
        ranks = [(*[s[i] for s in score], -loss[i]) for i in (self.best_epoch - 1, -1)]
        if not self.best_epoch or ranks[1] > ranks[0]:
            self.best_epoch = self.epoch
            self.best_weights = _copied(self.model.state_dict())

    # --- resuming -----------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides how training goes on: what the next epoch starts from.

        Weights, optimizer, scheduler, histories, best weights, and the places of the random
        generators. The tensors are the live ones: write them to a file, or copy them, before
        training goes on.
        """
        weights = self.model.state_dict() if self._last_weights is None else self._last_weights
        return {
            "epoch": self.epoch,
            "history": self.history,
            "loss_history": self.loss_history,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "model": dict(weights),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "generators": [generator.get_state() for generator in self._generators()],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from where `state_dict` was taken, bit for bit.

        Errors: ValueError, KeyError or RuntimeError if the state is that of another model,
        optimizer or kind of training; the solver must not be used then.
        """
        history, best, epoch = state["history"], state["best_epoch"], state["epoch"]
        if set(history) != set(self.history) or any(len(v) != epoch for v in history.values()):
            raise ValueError(f"the history does not hold {epoch} epochs")
        if not min(epoch, 1) <= best <= epoch:
            raise ValueError(f"the best epoch is {best} of {epoch}")
        if (self.scheduler is None) != (state["scheduler"] is None):
            raise ValueError("there is a scheduler in one of the state and the solver only")
        if best:  # so that weights of another model are found now, and not at the end of training
            self.model.load_state_dict(state["best_weights"])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        for generator, place in zip(self._generators(), state["generators"], strict=True):
            generator.set_state(place)
        self.history = {name: [float(x) for x in history[name]] for name in self.history}
        self.loss_history = [float(x) for x in state["loss_history"]]
        self.epoch, self.best_epoch = epoch, best
        self.best_weights, self._last_weights = _copied(state["best_weights"]), None

    def resume(self, path: str | PathLike) -> None:
        """Continue from a `checkpoint`. Errors: CheckpointError, or as `load_state_dict`."""
        self.load_state_dict(checkpoint.load(path))

    def _generators(self) -> list[Generator]:
        own = (self.generator, getattr(self.train_data, "generator", None))
        return list(dict.fromkeys([default_generator, *(g for g in own if g is not None)]))


def _copied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in weights.items()}


def _optimizer(given: Any, model: Module) -> Optimizer:
    """The optimizer that is given, or that a given function makes."""
    made = given(model.parameters()) if callable(given) else given
    if not isinstance(made, Optimizer):
        expected, got = "an Optimizer or a function that makes one", f"a {type(made).__name__}"
        raise TypeError(describe("Solver", "optimizer", expected, got))
    return made
