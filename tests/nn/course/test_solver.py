"""The course's Solver: its histories, its lines, and what the documents train with it."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_edu import nn
from tinygrad_edu.nn.course import *
from tinygrad_edu.nn.course import update_rules


def images(draw, n, classes=10):
    """Images of a mean image per class, and noise."""
    means = draw.randn(classes, 3, 8, 8)
    y = draw.randint(classes, size=n)
    return means[y] + draw.randn(n, 3, 8, 8), y


def data(draw, n_train=200, n_val=100):
    X, y = images(draw, n_train + n_val)
    return {"X_train": X[:n_train], "y_train": y[:n_train], "X_val": X[n_train:],
            "y_val": y[n_train:]}  # fmt: skip


class ByHand:
    """The course's solver as its document writes it, for one model: the numbers to come to."""

    def __init__(self, model, data, rule, config, lr_decay, batch_size, num_epochs, samples):
        self.loss_history, self.train_acc, self.val_acc = [], [], []
        best, configs = (-1.0, None), {name: dict(config) for name in model.params}
        n = len(data["X_train"])
        per_epoch = max(n // batch_size, 1)
        for t in range(num_epochs * per_epoch):
            batch = np.random.choice(n, batch_size)
            loss, grads = model.loss(data["X_train"][batch], data["y_train"][batch])
            self.loss_history.append(loss)
            for name, w in model.params.items():
                model.params[name], configs[name] = rule(w, grads[name], configs[name])
            if epoch_end := (t + 1) % per_epoch == 0:
                for config in configs.values():
                    config["learning_rate"] *= lr_decay
            if t == 0 or epoch_end:
                chosen = np.random.choice(n, samples)
                scores = model.loss(data["X_train"][chosen])
                self.train_acc.append((scores.argmax(1) == data["y_train"][chosen]).mean())
                self.val_acc.append((model.loss(data["X_val"]).argmax(1) == data["y_val"]).mean())
                if self.val_acc[-1] > best[0]:
                    best = self.val_acc[-1], {k: v.copy() for k, v in model.params.items()}
        self.best_val_acc, self.best_params = best


@pytest.mark.parametrize("rule", update_rules.__all__)
def test_it_comes_to_the_numbers_of_the_document(draw, rule):
    arrays = data(draw)
    results = []
    for _ in range(2):
        np.random.seed(5)
        model = FullyConnectedNet(
            [20], 192, 10, reg=0.01, weight_scale=0.05, dtype=np.float64, normalization="batchnorm"
        )
        config = {"learning_rate": 2e-3}
        if results:
            function = getattr(update_rules, rule)
            results.append((ByHand(model, arrays, function, config, 0.9, 40, 4, 50), model))
        else:
            solver = Solver(
                model, arrays, update_rule=rule, optim_config=config, lr_decay=0.9, batch_size=40,
                num_epochs=4, num_train_samples=50, verbose=False,
            )  # fmt: skip
            solver.train()
            results.append((solver, model))
    (ours, model), (theirs, _) = results
    assert ours.loss_history == pytest.approx(theirs.loss_history, rel=1e-12)
    assert len(ours.loss_history) == 20 and len(ours.val_acc_history) == 5
    assert ours.train_acc_history == theirs.train_acc and ours.val_acc_history == theirs.val_acc
    assert ours.best_val_acc == theirs.best_val_acc
    for name, array in theirs.best_params.items():
        np.testing.assert_allclose(model.params[name], array, rtol=1e-12)  # put back
        np.testing.assert_array_equal(ours.best_params[name], model.params[name])
    assert ours.model is model


def test_what_it_prints(draw, capsys):
    solver = Solver(
        TwoLayerNet(192, 5, 10), data(draw), batch_size=100, num_epochs=2, print_every=3
    )
    solver.train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("(Iteration 1 / 4) loss: 2.30")
    assert lines[1].startswith("(Epoch 0 / 2) train acc: 0.") and "; val_acc: 0." in lines[1]
    assert [line[:14] for line in lines[2:]] == [
        "(Epoch 1 / 2) ",
        "(Iteration 4 /",
        "(Epoch 2 / 2) ",
    ]


def test_check_accuracy(draw):
    arrays = data(draw)
    model = TwoLayerNet(192, 20, 10)
    solver = Solver(model, arrays, verbose=False)
    expected = (model.loss(arrays["X_val"]).argmax(1) == arrays["y_val"]).mean()
    for size in (1, 33, 1000):
        found = solver.check_accuracy(arrays["X_val"], arrays["y_val"], batch_size=size)
        assert found == expected
    assert solver.check_accuracy(arrays["X_val"], arrays["y_val"], num_samples=7) * 7 % 1 < 1e-9


def test_a_checkpoint_goes_on_to_the_same_numbers(draw, tmp_path):
    arrays = data(draw)

    def build():
        np.random.seed(3)
        return Solver(
            FullyConnectedNet([20], 192, 10, dropout_keep_ratio=0.7, dtype=np.float64), arrays,
            update_rule="adam", optim_config={"learning_rate": 1e-3}, lr_decay=0.9, batch_size=40,
            num_epochs=4, verbose=False, checkpoint_name=tmp_path / "net",
        )  # fmt: skip

    whole = build()
    whole.train()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"net_epoch_{n}.safetensors" for n in range(1, 5)
    ]
    resumed = build()
    resumed.load_checkpoint(tmp_path / "net_epoch_2.safetensors")
    assert resumed.epoch == 2 and len(resumed.loss_history) == 10
    resumed.train()
    assert resumed.loss_history == whole.loss_history
    assert resumed.val_acc_history == whole.val_acc_history
    for name, array in whole.model.params.items():
        np.testing.assert_array_equal(resumed.model.params[name], array)


def test_a_loss_that_is_not_finite_stops_it(draw):
    solver = Solver(
        TwoLayerNet(192, 20, 10), data(draw), optim_config={"learning_rate": 1e200}, verbose=False
    )
    with pytest.raises(
        nn.NonFiniteLossError, match=r"epoch 1, batch 2 of 2: .*not finite; try a lo"
    ):
        solver.train()


def test_an_unknown_update_rule(draw):
    with pytest.raises(ValueError, match=r"expected a function, or one of .*'adamw'"):
        Solver(TwoLayerNet(192, 20, 10), data(draw), update_rule="adamw")


# --- what the documents train ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden_dims, weight_scale, rate", [([100, 100], 0.08, 0.04), ([100] * 4, 0.15, 0.02)],
    ids=["three layers", "five layers"],
)  # fmt: skip
def test_fifty_examples_are_overfitted_within_20_epochs(draw, hidden_dims, weight_scale, rate):
    arrays = data(draw, 50)
    model = FullyConnectedNet(hidden_dims, 192, 10, weight_scale=weight_scale, dtype=np.float64)
    solver = Solver(
        model, arrays, num_epochs=20, batch_size=25, optim_config={"learning_rate": rate},
        verbose=False,
    )  # fmt: skip
    solver.train()
    assert max(solver.train_acc_history) == 1


def test_the_convnet_overfits_a_hundred_examples(draw):
    model = ThreeLayerConvNet((3, 8, 8), num_filters=8, filter_size=3, weight_scale=0.03)
    solver = Solver(
        model, data(draw, 100), num_epochs=15, batch_size=50, update_rule="adam",
        optim_config={"learning_rate": 3e-3}, verbose=False,
    )  # fmt: skip
    solver.train()
    assert max(solver.train_acc_history) > 0.9


def test_nn_solver_trains_course_models(draw):
    """Any optimizer, on a model of arrays; the training accuracy is measured on a sample."""
    model = TwoLayerNet(192, 30, 10, weight_scale=1e-2)
    solver = nn.Solver(
        model, data(draw), lambda parameters: nn.optim.Adam(parameters, lr=1e-2), num_epochs=8,
        batch_size=50, num_train_samples=100,
    )  # fmt: skip
    history = solver.train()
    assert history["train_accuracy"][-1] > 0.9 and history["validation_accuracy"][-1] > 0.5
    assert (model.loss(data(draw)["X_val"]).shape) == (100, 10)
