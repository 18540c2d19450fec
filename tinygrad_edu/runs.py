"""A run: a network trained on the digits, and the folder that keeps what came of it.

The files of such a folder:
    checkpoint.safetensors   all that is needed to go on, written after every epoch
    history.json             options, losses and accuracies; the same for the same seed
    model.safetensors        the weights of the best epoch, under PyTorch's names
    curves.png filters.png mistakes.png
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tinygrad_edu import checkpoint, nn, plot
from tinygrad_edu.datasets import DataLoader, digits
from tinygrad_edu.errors import CheckpointError, describe
from tinygrad_edu.files import save_file, write_whole
from tinygrad_edu.folders import RunError, new_folder
from tinygrad_edu.modes import Generator, manual_seed
from tinygrad_edu.nn.callbacks import Callback
from tinygrad_edu.nn.evaluation import accuracy, predict
from tinygrad_edu.ops.activation import softmax

__all__ = ["FILES", "MODELS", "OPTIMIZERS", "Options", "Run", "RunError", "Summary"]

CHECKPOINT, HISTORY, WEIGHTS = "checkpoint.safetensors", "history.json", "model.safetensors"
CURVES, FILTERS, MISTAKES = "curves.png", "filters.png", "mistakes.png"
FILES = (CHECKPOINT, HISTORY, WEIGHTS, CURVES, FILTERS, MISTAKES)


# What reading a checkpoint of something else may raise.
_UNFIT = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError)


# --- what can be trained --------------------------------------------------------------------


def _linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def _convnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 64, 4, 4)
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64 * 4 * 4, 10),
    )


# Each takes images (N, 1, 8, 8) to scores (N, 10); those of a course are made for this shape.
MODELS: dict[str, Callable[[], nn.Module]] = {
    "linear": _linear,
    "mlp": _mlp,
    "convnet": _convnet,
    **{name: partial(make, input_shape=(1, 8, 8)) for name, make in nn.models.MODELS.items()},
}
# How each is made, and its learning rate if none is given.
OPTIMIZERS: dict[str, tuple[Callable[[Any, float], Any], float]] = {
    "sgd": (lambda parameters, lr: nn.optim.SGD(parameters, lr=lr, momentum=0.9), 0.05),
    "adam": (lambda parameters, lr: nn.optim.Adam(parameters, lr=lr), 0.002),
}


@dataclass(frozen=True)
class Options:
    """What decides the numbers of a run. `lr` of None is the optimizer's in `OPTIMIZERS`.

    Errors: RunError for a name that is not known or a number out of range.
    """

    model: str = "convnet"
    optimizer: str = "adam"
    lr: float | None = None
    batch_size: int = 32
    epochs: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("model", MODELS), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                self._refuse(name, f"one of {', '.join(known)}")
        for name in ("batch_size", "epochs", "seed"):
            if type(getattr(self, name)) is not int:
                self._refuse(name, "an integer")
        for name in ("batch_size", "epochs"):
            if getattr(self, name) < 1:
                self._refuse(name, "at least 1")
        if self.lr is None:
            object.__setattr__(self, "lr", OPTIMIZERS[self.optimizer][1])
        if not isinstance(self.lr, (int, float)) or not 0 < self.lr < math.inf:
            self._refuse("lr", "a positive number")

    def _refuse(self, name: str, expected: str) -> None:
        raise RunError(describe("Options", name, expected, repr(getattr(self, name))))


# --- the run --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """What came of a run; the accuracies are those of the best epoch's weights."""

    test_correct: int
    test_count: int
    validation_accuracy: float
    best_epoch: int
    parameters: int
    seconds: float

    @property
    def test_accuracy(self) -> float:
        """The fraction of the test digits that are recognised."""
        return self.test_correct / self.test_count


class Run(Callback):
    """A network, the digits, and a folder; made by `Run.start` or `Run.resume`.

    The seed decides the first weights, the order of the batches and dropout: it is given to the
    default generator (as `manual_seed` does) and to one of the batches' own, so that all models
    see the same batches. Resumed, a run comes to the same numbers bit for bit.

    >>> import tempfile
    >>> from tinygrad_edu.runs import Options, Run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = Run.start(Options(model="linear", epochs=1), folder).train()
    >>> summary.parameters, summary.test_accuracy > 0.5
    (650, True)
    """

    def __init__(self, folder: Path, options: Options, callbacks: Sequence[Callback] = ()) -> None:
        self.folder, self.options = folder, options
        self.saved_epoch = 0
        self._seconds_before, self._started = 0.0, time.perf_counter()
        manual_seed(options.seed)
        train, validation, self.test = digits()
        model = MODELS[options.model]()
        make_optimizer, _ = OPTIMIZERS[options.optimizer]
        order = Generator().manual_seed(options.seed)
        batches = DataLoader(train, options.batch_size, shuffle=True, generator=order)
        self.solver = nn.Solver(
            model,
            (batches, DataLoader(validation, batch_size=256)),
            make_optimizer(model.parameters(), options.lr),  # type: ignore[arg-type]
            callbacks=(self, *callbacks),
        )

    @classmethod
    def start(
        cls,
        options: Options | None = None,
        folder: str | Path | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Run:
        """A new run, kept in `folder`, or in the first free one of runs/convnet-1, -2, ...

        Errors: RunError if the folder holds a run already; OSError if it cannot be made or
        written.
        """
        options = options or Options()
        mend = "resume that, or choose another folder"
        run = cls(new_folder(options.model, folder, FILES, mend), options, callbacks)
        run.save()
        return run

    @classmethod
    def resume(cls, folder: str | Path, callbacks: Sequence[Callback] = (), **changes: Any) -> Run:
        """The run kept in `folder`, where it stopped.

        `changes` are options by name, None for those left as they were; only `epochs` may change,
        to no fewer than are done. Errors: RunError if another would, or if there is no run;
        CheckpointError if its checkpoint is damaged; OSError if it cannot be read.
        """
        path = Path(folder) / CHECKPOINT
        if not path.is_file():
            raise RunError(f"{folder} is not a run that can be resumed: it has no {CHECKPOINT}")
        state = checkpoint.load(path)
        try:
            stored, done = Options(**state["options"]), int(state["solver"]["epoch"])
        except _UNFIT as error:
            raise CheckpointError(f"{path} is not a checkpoint of a run: {error}") from error
        run = cls(Path(folder), _changed(stored, changes, done, folder), callbacks)
        try:
            run.solver.load_state_dict(state["solver"])
            run._seconds_before = float(state["seconds"])
        except _UNFIT as error:
            text = " ".join(str(error).split())
            raise CheckpointError(f"{path} does not fit its run: {text}") from error
        run.saved_epoch = done
        return run

    def train(self) -> Summary:
        """Train the epochs that are left, then test the best weights and write the results.

        Errors: NonFiniteLossError, OSError; the last checkpoint stays whole in either case.
        """
        self.solver.train(self.options.epochs)
        return self._finish()

    def epoch_end(self, solver: nn.Solver) -> None:
        """Write the checkpoint."""
        self.save()

    def save(self) -> None:
        """Write the checkpoint and the history so far."""
        state = {
            "options": asdict(self.options),
            "seconds": self.seconds,
            "solver": self.solver.state_dict(),
        }
        checkpoint.save(state, self.folder / CHECKPOINT)
        self.saved_epoch = self.solver.epoch
        self._write_history()

    @property
    def seconds(self) -> float:
        """How long the run has taken, those parts before it was resumed included."""
        return self._seconds_before + time.perf_counter() - self._started

    # --- the results ------------------------------------------------------------------------

    def _finish(self) -> Summary:
        solver = self.solver
        scores, labels = predict(solver.model, DataLoader(self.test, batch_size=256))
        best = solver.best_epoch - 1
        summary = Summary(
            test_correct=int(accuracy(scores, labels).sum()),
            test_count=len(labels),
            validation_accuracy=solver.history["validation_accuracy"][best],
            best_epoch=solver.best_epoch,
            parameters=sum(p.numel() for p in solver.model.parameters()),
            seconds=self.seconds,
        )
        save_file(solver.best_weights, self.folder / WEIGHTS)
        self._write_history(test_accuracy=summary.test_accuracy)
        self._draw(scores, labels)
        return summary

    def _write_history(self, **results: float) -> None:
        solver = self.solver
        content = {
            "options": asdict(self.options),
            "best_epoch": solver.best_epoch,
            **results,
            "history": solver.history,
        }
        write_whole(self.folder / HISTORY, json.dumps(content, indent=2) + "\n")

    def _draw(self, scores: Any, labels: Any) -> None:
        solver = self.solver
        title = f"{self.options.model}, seed {self.options.seed}"
        images = self.test.tensors[0]
        first = next(w for w in solver.best_weights.values() if w.ndim > 1)
        titles = [str(digit) for digit in range(10)] if len(first) == 10 else None
        curves, *_ = plot.plot_training(solver.history, best_epoch=solver.best_epoch, title=title)
        pictures = {
            CURVES: curves,
            FILTERS: plot.plot_filters(first, titles=titles),
            MISTAKES: plot.plot_mistakes(images, labels, softmax(scores, 1)),
        }
        for name, ax in pictures.items():
            write_whole(self.folder / name, plot.png(ax))


def _changed(options: Options, changes: dict[str, Any], done: int, folder: str | Path) -> Options:
    """The options of a resumed run: those stored, and perhaps another number of epochs."""
    for name, value in changes.items():
        stored = getattr(options, name)
        if value is None or value == stored:
            continue
        if name != "epochs":
            raise RunError(
                f"{folder} was started with {name} {stored} and cannot be resumed with {name} "
                f"{value}: leave it out, or start a new run"
            )
        if value < done:
            raise RunError(f"{folder} has {done} epochs already, more than the {value} asked for")
        options = replace(options, epochs=value)
    return options
