"""The training loop: what it measures, remembers and refuses, and that a resume is exact."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.datasets import DataLoader, TensorDataset
from tinygrad_edu.training import Callback, NonFiniteLossError, Trainer, count_correct, predict

PARTS = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


def blobs(n: int = 50, seed: int = 0) -> TensorDataset:
    """Points in the plane in three classes, each around a place of its own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    places = np.array([[0, 2], [2, -1], [-2, -1]], dtype=np.float32)
    points = places[labels] + 0.5 * rng.standard_normal((n, 2)).astype(np.float32)
    return TensorDataset(tg.from_numpy(points.astype(np.float32)), tg.from_numpy(labels))


def make(optimizer: str = "Adam", lr: float = 0.02, callbacks=(), own: bool = True) -> Trainer:
    """A small network with dropout on shuffled blobs; everything random is seeded with 7."""
    tg.manual_seed(7)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    settings = {"momentum": 0.9} if optimizer == "SGD" else {}
    generator = tg.Generator().manual_seed(7) if own else None
    train = DataLoader(blobs(), batch_size=16, shuffle=True, generator=generator)
    optim = getattr(nn.optim, optimizer)(model.parameters(), lr=lr, **settings)
    validation = DataLoader(blobs(30, seed=1), batch_size=7)
    return Trainer(model, optim, train, validation, callbacks=callbacks)


def weights(trainer: Trainer) -> dict[str, bytes]:
    return {k: v.array.tobytes() for k, v in trainer.model.state_dict().items()}


# --- what it measures ---------------------------------------------------------------------------


def test_it_learns_and_keeps_a_number_per_epoch():
    trainer = make()
    trainer.fit(12)
    assert trainer.epoch == 12
    assert list(trainer.history) == PARTS
    assert all(len(values) == 12 for values in trainer.history.values())
    assert trainer.history["train_loss"][-1] < trainer.history["train_loss"][0] / 2
    assert trainer.history["validation_accuracy"][-1] > 0.9


def test_fit_counts_the_epochs_already_done():
    trainer = make()
    trainer.fit(2)
    trainer.fit(2)
    assert trainer.epoch == 2
    trainer.fit(3)
    assert trainer.epoch == 3


def test_means_weigh_every_sample_alike():
    """50 samples in batches of 16 leave a last batch of 2; with a rate of 0 nothing moves."""
    trainer = make("SGD", lr=0.0)
    trainer.model[2].p = 0.0
    trainer.fit(1)
    for part, data in (("train", blobs()), ("validation", blobs(30, seed=1))):
        x, y = data[:]
        scores = trainer.model.eval()(x)
        loss = nn.functional.cross_entropy(scores, y).item()
        assert trainer.history[f"{part}_loss"] == pytest.approx([loss], rel=1e-6)
        assert trainer.history[f"{part}_accuracy"] == [np.mean(scores.array.argmax(1) == y.array)]


def test_another_loss_is_used_for_both_parts():
    trainer = make()
    trainer.loss = lambda scores, target: nn.functional.cross_entropy(scores, target) * 0 + 3
    trainer.fit(1)
    assert trainer.history["train_loss"] == trainer.history["validation_loss"] == [3.0]


def test_count_correct():
    scores = tg.tensor([[1.0, 2, 0], [5, 5, 1], [0, 0, 1]])
    assert count_correct(scores, tg.tensor([1, 0, 1])) == 2


@pytest.mark.parametrize("training", [True, False])
def test_predict_is_evaluation_and_puts_the_mode_back(training):
    trainer = make()
    model = trainer.model.train(training)
    scores, target = predict(model, trainer.validation)
    assert [m.training for m in model.modules()] == [training] * 5
    x, y = blobs(30, seed=1)[:]
    np.testing.assert_array_equal(target.array, y.array)
    np.testing.assert_allclose(scores.array, model.eval()(x).numpy(force=True), rtol=1e-6)
    assert not scores.requires_grad


def test_predict_puts_the_mode_back_after_an_error():
    model = nn.Linear(5, 3)
    with pytest.raises(tg.ShapeError):
        predict(model, make().validation)
    assert model.training


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
    trainer = Trainer(model, nn.optim.SGD(model.parameters(), lr=0.0), batches, batches)
    trainer.fit(3)
    assert trainer.best_epoch == best
    assert trainer.best_weights["weight"].tolist() == [best]  # a copy: the model's went on
    assert model.weight.tolist() == [3]


# --- callbacks, logging, errors -----------------------------------------------------------------


class Diary(Callback):
    def __init__(self):
        self.lines = []

    def batch_end(self, trainer, loss, accuracy):
        self.lines.append((trainer.epoch, loss, accuracy))

    def epoch_end(self, trainer):
        self.lines.append((trainer.epoch, {k: v[-1] for k, v in trainer.history.items()}))


def test_callbacks_see_every_batch_and_epoch():
    diary = Diary()
    trainer = make(callbacks=[diary])
    trainer.fit(2)
    assert [line[0] for line in diary.lines] == [0] * 4 + [1] + [1] * 4 + [2]
    # The last batch's means are those of the epoch.
    assert diary.lines[3][1:] == tuple(trainer.history[name][0] for name in PARTS[:2])
    assert diary.lines[9][1] == {k: v[1] for k, v in trainer.history.items()}


def test_the_base_callback_does_nothing():
    make(callbacks=[Callback()]).fit(1)


def test_epochs_are_logged(caplog):
    with caplog.at_level(logging.INFO, logger="tinygrad_edu"):
        make().fit(2)
    assert [record.getMessage()[:8] for record in caplog.records] == ["epoch 1:", "epoch 2:"]


def test_a_loss_that_is_not_finite_stops_before_the_weights():
    trainer = make()
    trainer.fit(1)
    losses = iter([1.0, 1.0, float("nan")])
    seen = []

    def loss(scores, target):
        seen.append(weights(trainer))
        return nn.functional.cross_entropy(scores, target) * next(losses)

    trainer.loss = loss
    with pytest.raises(NonFiniteLossError, match=r"loss is nan in epoch 2, batch 3 of 4: try a lo"):
        trainer.fit(2)
    assert weights(trainer) == seen[-1] != seen[0]
    assert trainer.epoch == 1
    assert len(trainer.history["train_loss"]) == 1


def test_a_validation_loss_that_is_not_finite_stops_too():
    trainer = make()
    trainer.validation = DataLoader(
        TensorDataset(tg.full((2, 2), np.inf), tg.tensor([0, 1])), batch_size=2
    )
    with pytest.raises(NonFiniteLossError, match=r"nan in epoch 1, on the validation set"):
        trainer.fit(1)
    assert trainer.epoch == trainer.best_epoch == 0


# --- resuming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("own", [True, False], ids=["own generator", "default generator"])
def test_a_resumed_training_comes_to_the_same_bits(optimizer, own, tmp_path):
    whole = make(optimizer, own=own)
    whole.fit(5)

    first = make(optimizer, own=own)
    first.fit(2)
    tg.save(first.state_dict(), tmp_path / "c")
    first.fit(3)  # what is done after saving must not matter

    tg.manual_seed(99)
    second = make(optimizer, own=own)
    tg.manual_seed(99)  # nor what the generators are at
    second.load_state_dict(tg.load(tmp_path / "c"))
    assert second.epoch == 2
    second.fit(5)
    assert second.history == whole.history
    assert weights(second) == weights(whole)
    assert second.best_epoch == whole.best_epoch
    best = [{k: v.tolist() for k, v in t.best_weights.items()} for t in (second, whole)]
    assert best[0] == best[1]


def test_the_resume_test_would_notice_a_lost_generator(tmp_path):
    """Dropout and shuffling must matter, or the test above would prove nothing."""
    whole, other = make(), make()
    whole.fit(2)
    tg.manual_seed(8)
    other.fit(2)
    assert whole.history != other.history


def test_a_state_before_the_first_epoch_can_be_loaded():
    trainer = make()
    trainer.load_state_dict(make().state_dict())
    trainer.fit(1)
    assert trainer.epoch == 1


def test_a_loaded_history_is_not_shared():
    first, second = make(), make()
    first.fit(1)
    state = first.state_dict()
    second.load_state_dict(state)
    second.fit(2)
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
    trainer = make()
    trainer.fit(1)
    with pytest.raises((ValueError, RuntimeError), match=message):
        make().load_state_dict({**trainer.state_dict(), **change})
