"""The training loop: epochs of steps, their history, the best weights, a state to resume from."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_edu.datasets import DataLoader
from tinygrad_edu.modes import default_generator, no_grad
from tinygrad_edu.nn import Module
from tinygrad_edu.nn.functional import cross_entropy
from tinygrad_edu.ops.shape import cat
from tinygrad_edu.tensor import Tensor

__all__ = ["Callback", "NonFiniteLossError", "Trainer", "count_correct", "predict"]

_log = logging.getLogger("tinygrad_edu")


class NonFiniteLossError(RuntimeError):
    """A loss that became nan or infinite."""


class Callback:
    """What a `Trainer` calls as it goes; override what you need."""

    def batch_end(self, trainer: Trainer, loss: float, accuracy: float) -> None:
        """After each step, with the means over this epoch so far."""

    def epoch_end(self, trainer: Trainer) -> None:
        """After each epoch, when `trainer.epoch` and `trainer.history` have been brought up."""


class Trainer:
    """Trains a model on batches, and measures it on others after every epoch.

    `train` and `validation` give batches (input, target); `loss(scores, target)` is a mean over
    the batch. `epoch` counts the epochs done. `history` has a number per epoch in each of the
    lists `train_loss`, `train_accuracy` (means over the epoch, while the weights change),
    `validation_loss` and `validation_accuracy` (after it). `best_epoch` is the epoch with the
    highest validation accuracy, of equal ones that with the lowest loss, and `best_weights` its
    `state_dict`. Losses are in nats, accuracies from 0 to 1.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> from tinygrad_edu.datasets import DataLoader, TensorDataset
    >>> from tinygrad_edu.training import Trainer
    >>> x = tg.linspace(-1, 1, 20).reshape(20, 1)
    >>> batches = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=5)
    >>> model = nn.Linear(1, 2)
    >>> trainer = Trainer(model, nn.optim.SGD(model.parameters(), lr=1.0), batches, batches)
    >>> trainer.fit(epochs=5)
    >>> trainer.epoch, trainer.history["validation_accuracy"][-1] > 0.8
    (5, True)
    """

    def __init__(
        self,
        model: Module,
        optimizer: Any,
        train: DataLoader,
        validation: DataLoader,
        *,
        loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.train = train
        self.validation = validation
        self.loss = loss
        self.callbacks = callbacks
        self.epoch = 0
        self.history: dict[str, list[float]] = {
            f"{part}_{value}": []
            for part in ("train", "validation")
            for value in ("loss", "accuracy")
        }
        self.best_epoch = 0
        self.best_weights: dict[str, Tensor] = {}

    def fit(self, epochs: int) -> None:
        """Train until `epochs` epochs have been done in all, those before a resume included.

        Errors: NonFiniteLossError as soon as a loss is nan or infinite, before it reaches the
        weights.
        """
        while self.epoch < epochs:
            loss, correct = self._train_epoch()
            scores, target = predict(self.model, self.validation)
            validation_loss = self._finite(self.loss(scores, target), "on the validation set")
            validation_accuracy = count_correct(scores, target) / len(target)
            measured = (loss, correct, validation_loss, validation_accuracy)
            for values, value in zip(self.history.values(), measured, strict=True):
                values.append(value)
            self.epoch += 1
            self._remember_best()
            _log.info("epoch %d: %s", self.epoch, {k: v[-1] for k, v in self.history.items()})
            for callback in self.callbacks:
                callback.epoch_end(self)

    def _train_epoch(self) -> tuple[float, float]:
        """Step through all batches once; the mean loss and accuracy over them."""
        loss_sum, correct, count = 0.0, 0, 0
        self.model.train()
        for number, (input, target) in enumerate(self.train, start=1):
            scores = self.model(input)
            loss = self.loss(scores, target)
            value = self._finite(loss, f"batch {number} of {len(self.train)}")
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            count += len(target)
            loss_sum += value * len(target)
            correct += count_correct(scores, target)
            for callback in self.callbacks:
                callback.batch_end(self, loss_sum / count, correct / count)
        return loss_sum / count, correct / count

    def _finite(self, loss: Tensor, place: str) -> float:
        value = loss.item()
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"the loss is {value} in epoch {self.epoch + 1}, {place}: try a lower learning rate"
            )
        return value

    def _remember_best(self) -> None:
        correct, loss = self.history["validation_accuracy"], self.history["validation_loss"]
        best = self.best_epoch - 1
        if not self.best_epoch or (correct[-1], -loss[-1]) > (correct[best], -loss[best]):
            self.best_epoch = self.epoch
            weights = self.model.state_dict()
            self.best_weights = {name: tensor.detach().clone() for name, tensor in weights.items()}

    # --- resuming ---------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides how training goes on: what the next epoch starts from.

        Weights, optimizer, history, best weights, and the places of the random generators (the
        default one, and that of `train`). The tensors are the live ones: write them to a file, or
        copy them, before training goes on.
        """
        return {
            "epoch": self.epoch,
            "history": self.history,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "generators": [generator.get_state() for generator in self._generators()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from where `state_dict` was taken, bit for bit.

        Errors: ValueError, KeyError or RuntimeError if the state is that of another model,
        optimizer or kind of training; the trainer must not be used then.
        """
        history, best, epoch = state["history"], state["best_epoch"], state["epoch"]
        if set(history) != set(self.history) or any(len(v) != epoch for v in history.values()):
            raise ValueError(f"the history does not hold {epoch} epochs")
        if not min(epoch, 1) <= best <= epoch:
            raise ValueError(f"the best epoch is {best} of {epoch}")
        if best:  # so that weights of another model are found now, and not at the end of training
            self.model.load_state_dict(state["best_weights"])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for generator, place in zip(self._generators(), state["generators"], strict=True):
            generator.set_state(place)
        self.history = {name: [float(x) for x in history[name]] for name in self.history}
        self.epoch, self.best_epoch = epoch, best
        self.best_weights = state["best_weights"]

    def _generators(self) -> list:
        own = getattr(self.train, "generator", None)
        return [default_generator] if own is None else [default_generator, own]


def count_correct(scores: Tensor, target: Tensor) -> int:
    """In how many rows the highest score is that of the target class.

    Shapes: scores (N, K), target (N,) of class numbers.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.training import count_correct
    >>> count_correct(tg.tensor([[0.1, 0.9], [0.8, 0.2]]), tg.tensor([1, 1]))
    1
    """
    return int((scores.array.argmax(1) == target.array).sum())


@no_grad()
def predict(model: Module, batches: DataLoader) -> tuple[Tensor, Tensor]:
    """The scores and the targets of all batches, with the model in evaluation mode.

    The model's mode is put back afterwards. Shapes: scores (N, K), targets (N,).
    """
    training = model.training
    model.eval()
    try:
        pairs = [(model(input), target) for input, target in batches]
    finally:
        model.train(training)
    scores, targets = zip(*pairs, strict=True)
    return cat(scores), cat(targets)
