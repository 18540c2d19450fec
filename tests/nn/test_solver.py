"""The Solver: what it measures, remembers and refuses, and that a resume is exact."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.datasets import DataLoader, TensorDataset
from tinygrad_edu.nn import Callback, NonFiniteLossError, Solver

nothing_is_learned = pytest.mark.filterwarnings("ignore:the gradients of all parameters are 0")

PARTS = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


def blobs(n: int = 50, seed: int = 0) -> TensorDataset:
    """Points in the plane in three classes, each around a place of its own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    places = np.array([[0, 2], [2, -1], [-2, -1]], dtype=np.float32)
    points = places[labels] + 0.5 * rng.standard_normal((n, 2)).astype(np.float32)
    return TensorDataset(tg.from_numpy(points.astype(np.float32)), tg.from_numpy(labels))


def make(
    optimizer: str = "Adam", lr: float = 0.02, callbacks=(), own: bool = True, **options
) -> Solver:
    """A small network with dropout on shuffled blobs; everything random is seeded with 7."""
    tg.manual_seed(7)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    settings = {"momentum": 0.9} if optimizer == "SGD" else {}
    generator = tg.Generator().manual_seed(7) if own else None
    train = DataLoader(blobs(), batch_size=16, shuffle=True, generator=generator)
    optim = getattr(nn.optim, optimizer)(model.parameters(), lr=lr, **settings)
    validation = DataLoader(blobs(30, seed=1), batch_size=7)
    return Solver(model, (train, validation), optim, callbacks=callbacks, **options)


def weights(solver: Solver) -> dict[str, bytes]:
    return {k: v.array.tobytes() for k, v in solver.model.state_dict().items()}


# --- what it measures ---------------------------------------------------------------------------


def test_it_learns_and_keeps_a_number_per_epoch():
    solver = make()
    solver.train(12)
    assert solver.epoch == 12
    assert list(solver.history) == PARTS
    assert all(len(values) == 12 for values in solver.history.values())
    assert solver.history["train_loss"][-1] < solver.history["train_loss"][0] / 2
    assert solver.history["validation_accuracy"][-1] > 0.9


def test_fit_counts_the_epochs_already_done():
    solver = make()
    solver.train(2)
    solver.train(2)
    assert solver.epoch == 2
    solver.train(3)
    assert solver.epoch == 3


def test_means_weigh_every_sample_alike():
    """50 samples in batches of 16 leave a last batch of 2; with a rate of 0 nothing moves."""
    solver = make("SGD", lr=0.0)
    solver.model[2].p = 0.0
    solver.train(1)
    for part, data in (("train", blobs()), ("validation", blobs(30, seed=1))):
        x, y = data[:]
        scores = solver.model.eval()(x)
        loss = nn.functional.cross_entropy(scores, y).item()
        assert solver.history[f"{part}_loss"] == pytest.approx([loss], rel=1e-6)
        assert solver.history[f"{part}_accuracy"] == [np.mean(scores.array.argmax(1) == y.array)]


@nothing_is_learned
def test_another_loss_is_used_for_both_parts():
    solver = make()
    solver.loss = lambda scores, target: nn.functional.cross_entropy(scores, target) * 0 + 3
    solver.train(1)
    assert solver.history["train_loss"] == solver.history["validation_loss"] == [3.0]


# --- the best epoch -----------------------------------------------------------------------------


class Scripted(nn.Module):
    """In evaluation, scores that are right for so many of 4 samples, and that sure of it."""

    def __init__(self, *script: tuple[int, float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(tg.zeros(1))
        self.script = iter(script)

    def forward(self, x):
        if self.training:
            return x * 0 + self.weight
        right, sureness = next(self.script)
        with tg.no_grad():
            self.weight += 1  # so that the weights tell after which epoch they were taken
        signs = tg.tensor([1.0] * right + [-1.0] * (4 - right)).reshape(4, 1)
        return tg.cat([signs, -signs], 1) * sureness


@nothing_is_learned
@pytest.mark.parametrize(
    "script, best",
    [
        ([(2, 1.0), (4, 1.0), (3, 1.0)], 2),  # the highest accuracy
        ([(4, 1.0), (4, 2.0), (4, 1.5)], 2),  # of equal ones the lowest loss
        ([(3, 1.0), (3, 1.0), (3, 1.0)], 1),  # of equal ones in both the first
        ([(1, 0.1), (0, 0.1), (2, 9.0)], 3),  # accuracy counts before loss
    ],
)
def test_the_best_epoch_and_its_weights(script, best):
    model = Scripted(*script)
    data = TensorDataset(tg.zeros(4, 2), tg.zeros(4, dtype=tg.int64))
    batches = DataLoader(data, batch_size=4)
    solver = Solver(model, (batches, batches), nn.optim.SGD(model.parameters(), lr=0.0))
    solver.train(3)
    assert solver.best_epoch == best
    assert solver.best_weights["weight"].tolist() == [best]
    assert model.weight.tolist() == [best]  # and put back


# --- callbacks, logging, errors -----------------------------------------------------------------


class Diary(Callback):
    def __init__(self):
        self.lines = []

    def batch_end(self, solver, means):
        self.lines.append((solver.epoch, *means.values()))

    def epoch_end(self, solver):
        self.lines.append((solver.epoch, {k: v[-1] for k, v in solver.history.items()}))


def test_callbacks_see_every_batch_and_epoch():
    diary = Diary()
    solver = make(callbacks=[diary])
    solver.train(2)
    assert [line[0] for line in diary.lines] == [0] * 4 + [1] + [1] * 4 + [2]
    # The last batch's means are those of the epoch.
    assert diary.lines[3][1:] == tuple(solver.history[name][0] for name in PARTS[:2])
    assert diary.lines[9][1] == {k: v[1] for k, v in solver.history.items()}


def test_the_base_callback_does_nothing():
    make(callbacks=[Callback()]).train(1)


def test_epochs_are_logged(caplog):
    with caplog.at_level(logging.INFO, logger="tinygrad_edu"):
        make().train(2)
    assert [record.getMessage()[:8] for record in caplog.records] == ["epoch 1:", "epoch 2:"]


def test_a_loss_that_is_not_finite_stops_before_the_weights():
    solver = make()
    solver.train(1)
    losses = iter([1.0, 1.0, float("nan")])
    seen = []

    def loss(scores, target):
        seen.append(weights(solver))
        return nn.functional.cross_entropy(scores, target) * next(losses)

    solver.loss = loss
    with pytest.raises(NonFiniteLossError, match=r"loss is nan in epoch 2, batch 3 of 4: try a lo"):
        solver.train(2)
    assert weights(solver) == seen[-1] != seen[0]
    assert solver.epoch == 1
    assert len(solver.history["train_loss"]) == 1


def test_a_validation_loss_that_is_not_finite_stops_too():
    solver = make()
    solver.validation_data = DataLoader(
        TensorDataset(tg.full((2, 2), np.inf), tg.tensor([0, 1])), batch_size=2
    )
    with pytest.raises(NonFiniteLossError, match=r"nan in epoch 1, on the validation data"):
        solver.train(1)
    assert solver.epoch == solver.best_epoch == 0


# --- resuming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("own", [True, False], ids=["own generator", "default generator"])
def test_a_resumed_training_comes_to_the_same_bits(optimizer, own, tmp_path):
    whole = make(optimizer, own=own)
    whole.train(5)

    first = make(optimizer, own=own)
    first.train(2)
    tg.save(first.state_dict(), tmp_path / "c")
    first.train(3)  # what is done after saving must not matter

    tg.manual_seed(99)
    second = make(optimizer, own=own)
    tg.manual_seed(99)  # nor what the generators are at
    second.load_state_dict(tg.load(tmp_path / "c"))
    assert second.epoch == 2
    second.train(5)
    assert second.history == whole.history
    assert weights(second) == weights(whole)
    assert second.best_epoch == whole.best_epoch
    best = [{k: v.tolist() for k, v in t.best_weights.items()} for t in (second, whole)]
    assert best[0] == best[1]


def test_the_resume_test_would_notice_a_lost_generator(tmp_path):
    """Dropout and shuffling must matter, or the test above would prove nothing."""
    whole, other = make(), make()
    whole.train(2)
    tg.manual_seed(8)
    other.train(2)
    assert whole.history != other.history


def test_a_state_before_the_first_epoch_can_be_loaded():
    solver = make()
    solver.load_state_dict(make().state_dict())
    solver.train(1)
    assert solver.epoch == 1


def test_a_loaded_history_is_not_shared():
    first, second = make(), make()
    first.train(1)
    state = first.state_dict()
    second.load_state_dict(state)
    second.train(2)
    assert len(state["history"]["train_loss"]) == 1


@pytest.mark.parametrize(
    "change, message",
    [
        ({"history": {}}, "history does not hold 1 epochs"),
        ({"history": {part: [] for part in PARTS}}, "history does not hold 1 epochs"),
        ({"best_epoch": 0}, "best epoch is 0 of 1"),
        ({"best_epoch": 2}, "best epoch is 2 of 1"),
        ({"best_weights": {}}, "Missing key"),
        ({"model": {}}, "Missing key"),
        ({"optimizer": {"state": {}, "param_groups": []}}, "param_groups|group"),
        ({"generators": []}, "shorter"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, message):
    solver = make()
    solver.train(1)
    with pytest.raises((ValueError, RuntimeError), match=message):
        make().load_state_dict({**solver.state_dict(), **change})


def test_a_scheduler_in_one_of_the_two_is_refused():
    solver = make(scheduler=lambda optimizer: nn.optim.lr_scheduler.StepLR(optimizer, 1))
    with pytest.raises(ValueError, match="scheduler in one of the state and the solver only"):
        solver.load_state_dict(make().state_dict())


def test_a_checkpoint_is_renewed_after_every_epoch_and_resumed(tmp_path):
    path = tmp_path / "c.safetensors"

    def build():
        return make(
            checkpoint=path, num_train_samples=20, patience=50,
            scheduler=lambda optimizer: nn.optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
        )  # fmt: skip

    whole = build()
    whole.train(5)
    build().train(2)
    second = build()
    tg.manual_seed(99)
    second.resume(path)
    assert second.epoch == 2
    second.train(5)
    assert second.history == whole.history and second.loss_history == whole.loss_history
    assert weights(second) == weights(whole)


def test_training_goes_on_from_the_last_weights_and_not_from_the_best():
    whole = make(lr=0.5)
    whole.train(6)
    assert whole.best_epoch not in (4, 6)
    parts = make(lr=0.5)
    for epochs in (1, 4, 6):
        parts.train(epochs)
    assert parts.history == whole.history
    assert weights(parts) == weights(whole)


def test_the_state_after_training_is_that_of_the_last_step(tmp_path):
    whole = make(lr=0.5)
    whole.train(5)
    first = make(lr=0.5)
    first.train(3)
    tg.save(first.state_dict(), tmp_path / "c")
    second = make(lr=0.5)
    second.load_state_dict(tg.load(tmp_path / "c"))
    second.train(5)
    assert second.history == whole.history


# --- options ------------------------------------------------------------------------------------


def test_data_as_arrays():
    """Floats take the dtype of the model, labels of any integer dtype will do."""
    x, y = (t.numpy() for t in blobs()[:])
    data = {"X_train": x.astype(np.float64), "y_train": y.astype(np.uint8), "X_val": x, "y_val": y}
    model = nn.Linear(2, 3)
    solver = Solver(model, data, lambda p: nn.optim.Adam(p, lr=0.1), batch_size=10, num_epochs=20)
    history = solver.train()
    assert history["validation_accuracy"][-1] > 0.9 and len(solver.loss_history) == 100
    assert model.weight.dtype == tg.float32


def test_data_sets_become_batches_and_validation_may_be_missing():
    model = nn.Linear(2, 3)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    solver = Solver(model, (blobs(), None), optimizer, batch_size=10, num_epochs=10)
    history = solver.train()
    assert list(history) == ["train_loss", "train_accuracy"] and history["train_accuracy"][-1] > 0.8
    assert solver.best_epoch == max(
        range(1, 11),
        key=lambda e: (history["train_accuracy"][e - 1], -history["train_loss"][e - 1]),
    )


def test_an_autoencoder_is_trained_on_inputs_alone():
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
    x, _ = blobs()[:]
    solver = Solver(
        model, (TensorDataset(x), TensorDataset(x)), lambda p: nn.optim.Adam(p, lr=0.02),
        loss=nn.functional.mse_loss, metric=None, batch_size=10, num_epochs=30,
    )  # fmt: skip
    history = solver.train()
    assert list(history) == ["train_loss", "validation_loss"]
    assert history["validation_loss"][-1] < 0.2 * history["validation_loss"][0]
    assert solver.best_epoch == 1 + int(np.argmin(history["validation_loss"]))


def test_a_metric_of_ones_own():
    def negative_error(output, target):
        return -abs(output - target).mean()

    model = nn.Linear(2, 1)
    x, _ = blobs()[:]
    data = TensorDataset(x, x.sum(1, keepdim=True))
    solver = Solver(
        model, (data, data), lambda p: nn.optim.SGD(p, lr=0.1), loss=nn.functional.mse_loss,
        metric=negative_error, num_epochs=20,
    )  # fmt: skip
    history = solver.train()
    assert history["validation_negative_error"][-1] > -0.05


def test_an_optimizer_that_wants_the_loss_several_times():
    x, y = blobs()[:]
    solver = Solver(
        nn.Linear(2, 3), (TensorDataset(x, y),) * 2, lambda p: nn.optim.LBFGS(p, max_iter=8),
        batch_size=50, num_epochs=3,
    )  # fmt: skip
    solver.train()
    assert len(solver.loss_history) == 3
    assert solver.loss_history[-1] < 0.2 * solver.loss_history[0]


def test_patience_ends_the_training():
    solver = make("SGD", lr=0.0, patience=3)
    solver.train(50)
    assert solver.epoch == 4 and solver.best_epoch == 1


def test_a_callback_can_end_the_training():
    class Enough(Callback):
        def epoch_end(self, solver):
            solver.stop = solver.epoch == 2

    solver = make(callbacks=[Enough()])
    solver.train(10)
    assert solver.epoch == 2
    solver.train(3)
    assert solver.epoch == 3


def test_the_end_is_told_after_an_error_too():
    class Ends(Callback):
        ended = False

        def batch_end(self, solver, means):
            raise KeyboardInterrupt

        def train_end(self, solver):
            self.ended = True

    ends = Ends()
    with pytest.raises(KeyboardInterrupt):
        make(callbacks=[ends]).train(1)
    assert ends.ended


def test_the_training_metric_can_be_measured_on_a_sample():
    solver = make(num_train_samples=50)
    solver.train(1)
    x, y = blobs()[:]
    scores = solver.model.eval()(x)
    assert solver.history["train_accuracy"] == [np.mean(scores.array.argmax(1) == y.array)]


def test_schedulers_step_per_epoch_or_batch():
    def build(interval):
        return make(
            "SGD", lr=1e-3, scheduler_interval=interval,
            scheduler=lambda optimizer: nn.optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
        )  # fmt: skip

    for interval, steps in (("epoch", 2), ("batch", 8)):
        solver = build(interval)
        solver.train(2)
        assert solver.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * 0.5**steps)


def test_a_plateau_scheduler_sees_the_validation_loss():
    solver = make(
        "SGD", lr=0.0,
        scheduler=lambda opt: nn.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=1, min_lr=0),
    )  # fmt: skip
    solver.optimizer.param_groups[0]["lr"] = 1e-30
    solver.train(8)
    assert solver.optimizer.param_groups[0]["lr"] < 1e-30 or solver.scheduler.num_bad_epochs > 0


def test_the_error_names_the_layer():
    solver = make()
    with tg.no_grad():
        solver.model[0].weight.fill_(1e38)
    with pytest.raises(
        NonFiniteLossError,
        match=r"epoch 1, batch 1 of 4: the output of 0 \(Linear\) is the first that is not finite; "
        "try a lower learning rate",
    ):
        solver.train(1)


def test_a_progress_bar(capsys):
    make(progress=True).train(1)  # no terminal: silent
    assert capsys.readouterr().err == ""
    solver = make(callbacks=[nn.ProgressBar(disable=False)])
    solver.train(2)
    shown = capsys.readouterr().err
    assert "8/8" in shown and "epoch 2, loss" in shown and "accuracy" in shown


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"data": {"X_train": np.zeros(1)}}, ValueError, "none for y_train, X_val, y_val"),
        ({"data": 3}, TypeError, r"dictionary of arrays, or \(train, validation\), got a int"),
        ({"optimizer": 0.1}, TypeError, "expected an Optimizer or a function that makes one"),
        ({"scheduler_interval": "step"}, ValueError, "expected 'epoch' or 'batch', got 'step'"),
        ({"model": object()}, TypeError, "a Module, or an object with a dict `params`"),
    ],
)
def test_arguments_that_make_no_sense(change, error, message):
    arguments = {"model": nn.Linear(2, 3), "data": (blobs(), None), **change}
    with pytest.raises(error, match=message):
        Solver(arguments.pop("model"), arguments.pop("data"), **arguments)
