"""The same schedules in PyTorch: the same learning rates and momenta, to the last digits."""

from __future__ import annotations

import copy
import inspect
import math
import warnings

import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytestmark = pytest.mark.parity

EPOCHS = 30
LIBRARIES = (tg, torch)


class Wave:
    """A function of the epoch with a state."""

    def __init__(self, width):
        self.width = width

    def __call__(self, epoch):
        return 1 + math.sin(epoch / self.width) / 2


CASES = {
    "StepLR": lambda s, o, **k: s.StepLR(o, 3, 0.5, **k),
    "StepLR 1": lambda s, o, **k: s.StepLR(o, step_size=1, **k),
    "MultiStepLR": lambda s, o, **k: s.MultiStepLR(o, [3, 9, 9, 17], 0.3, **k),
    "ConstantLR": lambda s, o, **k: s.ConstantLR(o, **k),
    "ConstantLR long": lambda s, o, **k: s.ConstantLR(o, 0.7, 50, **k),
    "LinearLR": lambda s, o, **k: s.LinearLR(o, **k),
    "LinearLR down": lambda s, o, **k: s.LinearLR(o, 1.0, 0.0, 12, **k),
    "ExponentialLR": lambda s, o, **k: s.ExponentialLR(o, 0.9, **k),
    "PolynomialLR": lambda s, o, **k: s.PolynomialLR(o, 20, 0.9, **k),
    "PolynomialLR 3": lambda s, o, **k: s.PolynomialLR(o, power=3, **k),
    "CosineAnnealingLR": lambda s, o, **k: s.CosineAnnealingLR(o, 7, **k),
    "CosineAnnealingLR floor": lambda s, o, **k: s.CosineAnnealingLR(o, 10, 0.01, **k),
    "CosineAnnealingLR 1": lambda s, o, **k: s.CosineAnnealingLR(o, 1, **k),
    "CosineAnnealingWarmRestarts": lambda s, o, **k: s.CosineAnnealingWarmRestarts(o, 4, **k),
    "CosineAnnealingWarmRestarts 2": lambda s, o, **k: s.CosineAnnealingWarmRestarts(
        o, 3, 2, 0.01, **k
    ),
    "OneCycleLR": lambda s, o, **k: s.OneCycleLR(o, [2.0, 0.3], total_steps=30, **k),
    "OneCycleLR linear": lambda s, o, **k: s.OneCycleLR(
        o, 1.0, epochs=5, steps_per_epoch=7, anneal_strategy="linear", pct_start=0.5, **k
    ),
    "OneCycleLR three": lambda s, o, **k: s.OneCycleLR(
        o, 1.0, total_steps=30, three_phase=True, base_momentum=[0.7, 0.8], div_factor=10, **k
    ),
    "OneCycleLR without momentum": lambda s, o, **k: s.OneCycleLR(
        o, 1.0, total_steps=31, cycle_momentum=False, final_div_factor=10, **k
    ),
    "CyclicLR": lambda s, o, **k: s.CyclicLR(o, 0.01, [0.1, 1.0], 4, 7, **k),
    "CyclicLR 2": lambda s, o, **k: s.CyclicLR(o, [0.01, 0.1], 1.0, 3, mode="triangular2", **k),
    "CyclicLR exp": lambda s, o, **k: s.CyclicLR(
        o, 0.1, 1.0, 5, mode="exp_range", gamma=0.9, cycle_momentum=False, **k
    ),
    "CyclicLR own": lambda s, o, **k: s.CyclicLR(
        o, 0.1, 1.0, 5, scale_fn=Wave(3), scale_mode="iterations", **k
    ),
    "LambdaLR": lambda s, o, **k: s.LambdaLR(o, lambda epoch: 0.95**epoch, **k),
    "LambdaLR two": lambda s, o, **k: s.LambdaLR(o, [Wave(2), lambda epoch: epoch / 30], **k),
    "MultiplicativeLR": lambda s, o, **k: s.MultiplicativeLR(o, Wave(3), **k),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.4, 4), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 8)], o
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o,
        [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 10), s.ExponentialLR(o, 0.5)],
        [5, 20],
    ),
    "SequentialLR without closed forms": lambda s, o: s.SequentialLR(
        o,
        [
            s.CosineAnnealingWarmRestarts(o, 3), s.LambdaLR(o, Wave(3)),
            s.MultiplicativeLR(o, Wave(5)), s.CosineAnnealingWarmRestarts(o, 2, 2),
        ],
        [4, 9, 11],
    ),
    "SequentialLR of steps": lambda s, o: s.SequentialLR(
        o, [s.StepLR(o, 2), s.MultiStepLR(o, [2, 3], 0.5), s.ConstantLR(o), s.PolynomialLR(o, 6)],
        [5, 11, 19],
    ),
}  # fmt: skip
ALONE = {name: make for name, make in CASES.items() if name[:7] not in ("Chained", "Sequent")}


def optimizer_of(lib, name="SGD", lr=0.5):
    groups = [{"params": [lib.ones(1)]}, {"params": [lib.ones(2)], "lr": 0.05}]
    settings = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(lib.optim, name)(groups, lr=lr, **settings)


def settings_of(optimizer):
    """What a schedule may change, as numbers."""
    return [
        [float(group["lr"]), group.get("momentum") or group["betas"][0]]
        for group in optimizer.param_groups
    ]


def run(optimizer, scheduler, epochs, metrics=None):
    found = []
    for epoch in range(epochs):
        found.append([settings_of(optimizer), [float(lr) for lr in scheduler.get_last_lr()]])
        optimizer.step()
        scheduler.step() if metrics is None else scheduler.step(metrics[epoch])
    return flat(found)


def flat(value):
    return [x for part in value for x in flat(part)] if isinstance(value, list) else [value]


def same(ours, theirs):
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-17)


@pytest.fixture(autouse=True)
def _quiet():
    """PyTorch warns where its own constructors step twice."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="torch")
        yield


@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_rates(make, name):
    found = []
    for lib in LIBRARIES:
        optimizer = optimizer_of(lib, name)
        found.append(run(optimizer, make(lib.optim.lr_scheduler, optimizer), EPOCHS))
    same(*found)


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
@pytest.mark.parametrize("at", [1, 8])
def test_states_round_trip_and_cross(make, at):
    """A state of ours, and one of PyTorch's, goes on here and there."""
    whole = {}
    rest = {}
    for lib in LIBRARIES:
        optimizer = optimizer_of(lib)
        scheduler = make(lib.optim.lr_scheduler, optimizer)
        run(optimizer, scheduler, at)
        saved = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
        whole[lib] = run(optimizer, scheduler, EPOCHS - at)
        for other in LIBRARIES:
            optimizer = optimizer_of(other)
            scheduler = make(other.optim.lr_scheduler, optimizer)
            optimizer.load_state_dict(saved[0])
            scheduler.load_state_dict(saved[1])
            rest[lib, other] = run(optimizer, scheduler, EPOCHS - at)
    for (lib, _), found in rest.items():
        same(found, whole[lib])
    same(whole[tg], whole[torch])


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("last_epoch", [0, 5, 8])
@pytest.mark.parametrize("make", ALONE.values(), ids=ALONE)
def test_schedules_continue_from_a_last_epoch(make, last_epoch):
    found = []
    for lib in LIBRARIES:
        optimizer = optimizer_of(lib)
        make(lib.optim.lr_scheduler, optimizer)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] / 2
        scheduler = make(lib.optim.lr_scheduler, optimizer, last_epoch=last_epoch)
        assert scheduler.last_epoch == last_epoch + 1
        if type(scheduler).__name__ == "CosineAnnealingWarmRestarts":
            scheduler.step(last_epoch + 1)  # PyTorch's own first step misses the wave it is in
        found.append(run(optimizer, scheduler, 20))
    same(*found)


@pytest.mark.filterwarnings("ignore:.*epoch")
@pytest.mark.parametrize("make", ALONE.values(), ids=ALONE)
def test_an_epoch_may_be_named(make):
    found = []
    for lib in LIBRARIES:
        optimizer = optimizer_of(lib)
        scheduler = make(lib.optim.lr_scheduler, optimizer)
        optimizer.step()
        rates = []
        for epoch in [3, 4, None, 17, 0, None, 11, 6]:
            scheduler.step(epoch)
            rates += scheduler.get_last_lr()
        found.append(rates)
    same(*found)


def test_restarts_take_fractions_of_an_epoch():
    found = []
    for lib in LIBRARIES:
        optimizer = optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 3)
        rates = []
        for i in range(100):
            scheduler.step(i / 7)
            rates += scheduler.get_last_lr()
        scheduler.step()
        found.append(rates + scheduler.get_last_lr())
    same(*found)


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_tensors_as_learning_rates_are_changed_in_place(make):
    found = []
    for lib in LIBRARIES:
        optimizer = optimizer_of(lib, lr=lib.tensor(0.5, dtype=lib.float64))
        lr = optimizer.param_groups[0]["lr"]
        found.append(run(optimizer, make(lib.optim.lr_scheduler, optimizer), EPOCHS))
        assert optimizer.param_groups[0]["lr"] is lr
    same(*found)


FALLING = [10 / (1 + i) for i in range(EPOCHS)]
STALLING = [max(10 - i, 5) + (i % 3) * 1e-5 for i in range(EPOCHS)]
NEGATIVE = [-5 - (i // 7) * 1e-3 for i in range(EPOCHS)]
PLATEAUS = [
    {"patience": 2},
    {"patience": 0, "factor": 0.5, "cooldown": 3},
    {"patience": 1, "mode": "max", "threshold": 0.01},
    {"patience": 1, "mode": "max", "threshold_mode": "abs", "threshold": 0.1},
    {"patience": 1, "threshold_mode": "abs", "threshold": 1e-3, "min_lr": 0.01},
    {"patience": 1, "min_lr": [0.2, 0.0], "eps": 1e-3},
]


@pytest.mark.parametrize("settings", PLATEAUS, ids=str)
@pytest.mark.parametrize("metrics", [FALLING, STALLING, NEGATIVE], ids=["fall", "stall", "below 0"])
def test_plateaus(settings, metrics):
    found, states = [], []
    for lib in LIBRARIES:
        optimizer = optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        found.append(run(optimizer, scheduler, 17, metrics))
        states.append(scheduler.state_dict())
        resumed = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        resumed.load_state_dict(states[0])
        found[-1] += run(optimizer, resumed, 13, metrics[17:])
    same(*found)
    same(*[state.pop("_last_lr") for state in states])
    assert states[0] == states[1]


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_states_have_pytorch_s_names(make):
    found = []
    for lib in LIBRARIES:
        scheduler = make(lib.optim.lr_scheduler, optimizer_of(lib))
        found.append(scheduler.state_dict().keys() - {"_get_lr_called_within_step"})
    assert found[0] == found[1]


@pytest.mark.parametrize("name", tg.optim.lr_scheduler.__all__)
def test_the_arguments_are_pytorch_s(name):
    ours, theirs = (
        [
            (p.name, p.default, p.kind)
            for p in inspect.signature(getattr(lib.optim.lr_scheduler, name)).parameters.values()
        ]
        for lib in LIBRARIES
    )
    assert ours == theirs


REFUSALS = [
    lambda lib, s, o: s.StepLR(3, 1),
    lambda lib, s, o: s.StepLR(o, 1, last_epoch=0),
    lambda lib, s, o: s.ConstantLR(o, 1.5),
    lambda lib, s, o: s.LinearLR(o, 0),
    lambda lib, s, o: s.LinearLR(o, 0.5, -1),
    lambda lib, s, o: s.LambdaLR(o, [abs]),
    lambda lib, s, o: s.MultiplicativeLR(o, 0.5),
    lambda lib, s, o: s.CosineAnnealingWarmRestarts(o, 0),
    lambda lib, s, o: s.CosineAnnealingWarmRestarts(o, 1, 1.5),
    lambda lib, s, o: s.CosineAnnealingWarmRestarts(o, 1).step(-1),
    lambda lib, s, o: s.OneCycleLR(o, 1.0),
    lambda lib, s, o: s.OneCycleLR(o, 1.0, total_steps=0),
    lambda lib, s, o: s.OneCycleLR(o, 1.0, total_steps=5, pct_start=2.0),
    lambda lib, s, o: s.OneCycleLR(o, 1.0, total_steps=5, anneal_strategy="up"),
    lambda lib, s, o: s.OneCycleLR(o, [1.0], total_steps=5),
    lambda lib, s, o: s.OneCycleLR(lib.optim.Adagrad([lib.ones(1)]), 1.0, total_steps=5),
    lambda lib, s, o: s.CyclicLR(o, 0.1, 1.0, mode="square"),
    lambda lib, s, o: s.CyclicLR(lib.optim.Adagrad([lib.ones(1)]), 0.1, 1.0),
    lambda lib, s, o: s.ReduceLROnPlateau(o, mode="up"),
    lambda lib, s, o: s.ReduceLROnPlateau(o, factor=1.0),
    lambda lib, s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]),
    lambda lib, s, o: s.ReduceLROnPlateau(o, threshold_mode="none"),
    lambda lib, s, o: s.SequentialLR(o, [], []),
    lambda lib, s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]),
    lambda lib, s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    lambda lib, s, o: s.SequentialLR(o, [s.StepLR(optimizer_of(lib), 1)], []),
    lambda lib, s, o: s.SequentialLR(o, [3], []),
    lambda lib, s, o: s.ChainedScheduler([]),
    lambda lib, s, o: s.ChainedScheduler([s.StepLR(o, 1), s.StepLR(optimizer_of(lib), 1)]),
]


@pytest.mark.parametrize("call", REFUSALS)
def test_refusals_are_caught_by_the_same_except(call):
    with pytest.raises((TypeError, ValueError, KeyError)) as theirs:
        call(torch, torch.optim.lr_scheduler, optimizer_of(torch))
    with pytest.raises(theirs.type):
        call(tg, tg.optim.lr_scheduler, optimizer_of(tg))
