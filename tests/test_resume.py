"""A training script that is stopped and started again comes to the same numbers, bit for bit."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn, optim
from tinygrad_edu.nn import functional as F
from tinygrad_edu.optim import lr_scheduler

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01, weight_decay=1e-3, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "Adamax": lambda p: optim.Adamax(p, lr=0.01),
    "NAdam": lambda p: optim.NAdam(p, lr=0.01),
    "RAdam": lambda p: optim.RAdam(p, lr=0.01),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.01, lr_decay=0.1),
    "Adadelta": lambda p: optim.Adadelta(p, lr=1.0),
    "Rprop": lambda p: optim.Rprop(p, lr=0.001),
    "ASGD": lambda p: optim.ASGD(p, lr=0.05, t0=5),
    "LBFGS": lambda p: optim.LBFGS(p, lr=0.1, max_iter=2, history_size=3),
}
SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, step_size=2, gamma=0.5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, milestones=[2, 4]),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.8),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, total_iters=4),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=6),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=2),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=7),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=0.2),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], milestones=[2]
    ),
}
# Every optimizer, and every schedule with Adam.
PAIRS = sorted({(name, "StepLR") for name in OPTIMIZERS} | {("Adam", name) for name in SCHEDULERS})


class Training:
    """What a script builds at its start: all of it new, whatever was built before."""

    def __init__(self, optimizer: str, scheduler: str) -> None:
        self.model = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.4), nn.Linear(16, 10)
        )
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.scheduler = SCHEDULERS[scheduler](self.optimizer)
        self.shuffling = tg.Generator().manual_seed(5)
        data = datasets.Subset(datasets.digits("train"), range(100))
        self.batches = datasets.DataLoader(
            data, batch_size=25, shuffle=True, generator=self.shuffling
        )
        self.epoch = 0
        self.losses: list[float] = []

    def loss(self, images: tg.Tensor, labels: tg.Tensor) -> tg.Tensor:
        """The loss of a batch, with its gradients."""
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(images), labels)
        loss.backward()
        return loss

    def run(self, epochs: int) -> None:
        while self.epoch < epochs:
            for images, labels in self.batches:
                loss = self.optimizer.step(partial(self.loss, images, labels))
                self.losses.append(loss.item())
            plateau = isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau)
            self.scheduler.step(*[self.losses[-1]] * plateau)
            self.epoch += 1

    def save(self, path) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "shuffling": self.shuffling.get_state(),
            "dropout": tg.get_rng_state(),
            "epoch": self.epoch,
            "losses": self.losses,
        }
        tg.save(state, path)

    def load(self, path) -> None:
        state = tg.load(path)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.shuffling.set_state(state["shuffling"])
        tg.set_rng_state(state["dropout"])
        self.epoch = state["epoch"]
        self.losses = state["losses"]


@pytest.mark.parametrize("optimizer, scheduler", PAIRS)
def test_three_epochs_and_three_more_are_six(optimizer, scheduler, tmp_path):
    tg.manual_seed(1)
    whole = Training(optimizer, scheduler)
    whole.run(6)

    tg.manual_seed(1)
    first = Training(optimizer, scheduler)
    first.run(3)
    first.save(tmp_path / "c")
    first.run(6)  # what is done after saving does not matter

    tg.manual_seed(77)  # nor what the generators are at
    second = Training(optimizer, scheduler)
    second.load(tmp_path / "c")
    assert second.epoch == 3
    second.run(6)
    assert second.losses == whole.losses
    assert len(set(whole.losses)) == 24
    assert second.scheduler.get_last_lr() == whole.scheduler.get_last_lr()
    for name, tensor in whole.model.state_dict().items():
        np.testing.assert_array_equal(second.model.state_dict()[name].numpy(), tensor.numpy())
    assert repr(second.optimizer) == repr(whole.optimizer)
