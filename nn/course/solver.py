"""The course's Solver: its arguments, histories and printed lines, over the engine's `nn.Solver`.

Batches and samples are drawn from NumPy's global stream in the course's order, so that after
`np.random.seed` the numbers are those of the course's own solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import PathLike
from typing import Any

import numpy as np

from tinygrad_edu import checkpoint
from tinygrad_edu.errors import describe
from tinygrad_edu.ops.create import from_numpy
from tinygrad_edu.storage import wrote
from tinygrad_edu.tensor import Tensor

from .. import solver as engine
from ..callbacks import Callback
from ..optim import Optimizer
from . import update_rules

__all__ = ["Solver"]


class Solver(Callback):
    """Trains a course model: an object with `params` and `loss(X, y)`.

    `data` has X_train, y_train, X_val, y_val. `update_rule` is a name of one of the course's update
    rules, or such a function; `optim_config` has its settings; its learning rate is multiplied by
    `lr_decay` after every epoch. A step takes `batch_size` examples drawn with replacement, an
    epoch as many steps as examples fill. After the first step and after every epoch the accuracy is
    taken on `num_train_samples` and `num_val_samples` examples (None: all). At the end the
    parameters with the best validation accuracy are put into the model. With `verbose` the loss of
    every `print_every`-th step and the accuracies are printed. `checkpoint_name` gives a file
    NAME_epoch_N.safetensors after every epoch, from which `load_checkpoint` goes on.

    `loss_history`, `train_acc_history`, `val_acc_history`, `best_val_acc` and `best_params` tell
    how it went.

    >>> from tinygrad_edu.nn.course import Solver, TwoLayerNet
    >>> np.random.seed(0)
    >>> X, y = np.eye(4), np.array([0, 1, 2, 0])
    >>> data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    >>> model = TwoLayerNet(input_dim=4, hidden_dim=10, num_classes=3, weight_scale=0.1)
    >>> solver = Solver(model, data, optim_config={"learning_rate": 1.0}, batch_size=4,
    ...                 num_epochs=50, print_every=100)
    >>> solver.verbose = False
    >>> solver.train()
    >>> solver.best_val_acc, len(solver.loss_history)
    (1.0, 50)
    """

    def __init__(
        self, model: Any, data: dict[str, np.ndarray], *, update_rule: str | Callable = "sgd",
        optim_config: dict[str, Any] | None = None, lr_decay: float = 1.0, batch_size: int = 100,
        num_epochs: int = 10, num_train_samples: int | None = 1000,
        num_val_samples: int | None = None, checkpoint_name: str | PathLike | None = None,
        print_every: int = 10, verbose: bool = True,
    ) -> None:  # fmt: skip
        self.model = model
        self.X_train, self.y_train = data["X_train"], data["y_train"]
        self.X_val, self.y_val = data["X_val"], data["y_val"]
        self.lr_decay, self.batch_size, self.num_epochs = lr_decay, batch_size, num_epochs
        self.num_train_samples, self.num_val_samples = num_train_samples, num_val_samples
        self.checkpoint_name, self.print_every, self.verbose = checkpoint_name, print_every, verbose
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.best_val_acc = 0.0
        self.best_params: dict[str, np.ndarray] = {}
        rule = _rule(update_rule)
        self._engine = engine.Solver(
            model, (_Batches(self.X_train, self.y_train, batch_size), None),
            lambda parameters: UpdateRule(parameters, rule, **(optim_config or {})),
            metric=None, callbacks=[self],
        )  # fmt: skip

    @property
    def loss_history(self) -> list[float]:
        """The loss of every step."""
        return self._engine.loss_history

    @property
    def epoch(self) -> int:
        """How many epochs have been done."""
        return self._engine.epoch

    def train(self) -> None:
        """Train all epochs, then put the best parameters into the model.

        Errors: NonFiniteLossError as soon as a loss is nan or infinite.
        """
        self._engine.train(self.num_epochs)
        self.model.params = {name: array.copy() for name, array in self.best_params.items()}

    def check_accuracy(
        self, X: np.ndarray, y: np.ndarray, num_samples: int | None = None, batch_size: int = 100
    ) -> float:
        """The fraction of examples whose highest score is that of their class.

        With `num_samples` it is taken on so many examples, drawn with replacement.
        """
        if num_samples is not None and len(X) > num_samples:
            chosen = np.random.choice(len(X), num_samples)
            X, y = X[chosen], y[chosen]
        starts = range(0, len(X), batch_size)
        predicted = [self.model.loss(X[i : i + batch_size]).argmax(1) for i in starts]
        return float(np.mean(np.concatenate(predicted) == y))

    # --- what the engine's solver calls ---------------------------------------------------------

    def batch_end(self, solver: Any, means: dict[str, float]) -> None:
        """Print the loss; after the very first step take the accuracies as well."""
        step, steps = len(solver.loss_history), len(solver.train_data) * self.num_epochs
        if self.verbose and (step - 1) % self.print_every == 0:
            print(f"(Iteration {step} / {steps}) loss: {solver.loss_history[-1]:f}")
        if step == 1 < len(solver.train_data):
            self._take_accuracies(0)

    def epoch_end(self, solver: Any) -> None:
        """Decay the learning rate, take the accuracies, and write the checkpoint."""
        solver.optimizer.scale_learning_rate(self.lr_decay)
        self._take_accuracies(solver.epoch)
        if self.checkpoint_name is not None:
            path = f"{self.checkpoint_name}_epoch_{solver.epoch}.safetensors"
            checkpoint.save(self._state(), path)

    def _take_accuracies(self, epoch: int) -> None:
        train = self.check_accuracy(self.X_train, self.y_train, self.num_train_samples)
        val = self.check_accuracy(self.X_val, self.y_val, self.num_val_samples)
        self.train_acc_history.append(train)
        self.val_acc_history.append(val)
        if self.verbose:
            print(f"(Epoch {epoch} / {self.num_epochs}) train acc: {train:f}; val_acc: {val:f}")
        if val > self.best_val_acc or not self.best_params:
            self.best_val_acc = val
            self.best_params = {name: array.copy() for name, array in self.model.params.items()}

    # --- resuming -------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        return {
            "engine": self._engine.state_dict(),
            "train_acc_history": self.train_acc_history,
            "val_acc_history": self.val_acc_history,
            "best_val_acc": self.best_val_acc,
            "best_params": self.best_params,
            "random": np.random.get_state(),
        }

    def load_checkpoint(self, path: str | PathLike) -> None:
        """Go on from a checkpoint of a solver that was made alike, to the same numbers.

        NumPy's global stream is put where it was. What a model keeps beside its `params` (running
        statistics of batch norms) is not in the checkpoint.
        Errors: CheckpointError, KeyError, ValueError or RuntimeError for another file.
        """
        state = checkpoint.load(path)
        names = "train_acc_history", "val_acc_history", "best_val_acc"
        accuracies = {name: state[name] for name in names}
        best = {name: tensor.numpy() for name, tensor in state["best_params"].items()}
        kind, keys, *place = state["random"]
        self._engine.load_state_dict(state["engine"])
        vars(self).update(accuracies, best_params=best)
        np.random.set_state((kind, keys.numpy(), *place))


class UpdateRule(Optimizer):
    """A course's update rule as an optimizer: `next_w, config = rule(w, dw, config)`."""

    def __init__(self, params: Any, rule: Callable, **config: Any) -> None:
        self.rule = rule
        super().__init__(params, dict(config))

    def update(self, param: Tensor, grad: np.ndarray, group: dict[str, Any]) -> None:
        """Change one parameter, in place."""
        config = self.state[param] or {name: group[name] for name in self.defaults}
        param.array[...], config = self.rule(param.array, grad, config)
        self.state[param] = config
        wrote(param.array)

    def load_state_dict(self, state_dict: Any) -> None:
        """Take over a state, with arrays in place of the tensors of a file."""
        super().load_state_dict(state_dict)
        for config in self.state.values():
            config.update({k: v.numpy() for k, v in config.items() if isinstance(v, Tensor)})

    def scale_learning_rate(self, factor: float) -> None:
        """Multiply the learning rate of every parameter."""
        for config in self.state.values():
            config["learning_rate"] *= factor


class _Batches:
    """Batches as the course's solver draws them: with replacement, as many as fill an epoch."""

    def __init__(self, X: np.ndarray, y: np.ndarray, batch_size: int) -> None:
        self.X, self.y, self.batch_size = X, y, batch_size

    def __len__(self) -> int:
        return max(len(self.X) // self.batch_size, 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(len(self)):
            batch = np.random.choice(len(self.X), self.batch_size)
            yield from_numpy(self.X[batch]), from_numpy(self.y[batch])


def _rule(rule: str | Callable) -> Callable:
    if callable(rule):
        return rule
    if rule not in update_rules.__all__:
        expected = f"a function, or one of {', '.join(update_rules.__all__)}"
        raise ValueError(describe("Solver", "update_rule", expected, repr(rule)))
    return getattr(update_rules, rule)
