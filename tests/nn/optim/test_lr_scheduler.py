"""Schedules: the rates they give, what they keep, warn of and refuse."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim
from tinygrad_edu.optim import lr_scheduler as room


def optimizer_of(lr=1.0, kind=optim.SGD, **settings):
    return kind([{"params": [tg.ones(1)]}, {"params": [tg.ones(1)], "lr": lr / 2}], lr, **settings)


def rates(optimizer, scheduler, epochs):
    found = []
    for _ in range(epochs):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return np.array(found)


FORMULAS = {
    "StepLR": (lambda o: room.StepLR(o, 3, 0.5), lambda k: 0.5 ** (k // 3)),
    "MultiStepLR": (
        lambda o: room.MultiStepLR(o, [2, 5, 5], 0.5),
        lambda k: 0.5 ** ((k >= 2) + 2 * (k >= 5)),
    ),
    "ConstantLR": (lambda o: room.ConstantLR(o, 0.3, 4), lambda k: 0.3 if k < 4 else 1),
    "LinearLR": (
        lambda o: room.LinearLR(o, 0.2, 0.8, 6),
        lambda k: 0.2 + 0.6 * min(k, 6) / 6,
    ),
    "ExponentialLR": (lambda o: room.ExponentialLR(o, 0.9), lambda k: 0.9**k),
    "PolynomialLR": (lambda o: room.PolynomialLR(o, 6, 2.0), lambda k: max(1 - k / 6, 0) ** 2),
    "CosineAnnealingLR": (
        lambda o: room.CosineAnnealingLR(o, 5),
        lambda k: (1 + math.cos(math.pi * k / 5)) / 2,
    ),
    "CosineAnnealingWarmRestarts": (
        lambda o: room.CosineAnnealingWarmRestarts(o, 5),
        lambda k: (1 + math.cos(math.pi * (k % 5) / 5)) / 2,
    ),
    "LambdaLR": (lambda o: room.LambdaLR(o, lambda k: k * k), lambda k: k * k),
    "MultiplicativeLR": (lambda o: room.MultiplicativeLR(o, lambda k: k), math.factorial),
    "SequentialLR": (
        lambda o: room.SequentialLR(
            o, [room.ConstantLR(o, 0.1, 99), room.ExponentialLR(o, 0.5)], [4]
        ),
        lambda k: 0.1 if k < 4 else 0.5 ** (k - 4),
    ),
    "ChainedScheduler": (
        lambda o: room.ChainedScheduler([room.ConstantLR(o, 0.1, 4), room.ExponentialLR(o, 0.5)]),
        lambda k: (0.1 if k < 4 else 1) * 0.5**k,
    ),
    "SequentialLR of chains": (
        lambda o: room.SequentialLR(
            o,
            [
                room.ChainedScheduler([room.ConstantLR(o, 0.1, 2), room.ExponentialLR(o, 0.5)]),
                room.ChainedScheduler([room.StepLR(o, 2), room.ExponentialLR(o, 0.5)]),
            ],
            [4],
        ),
        lambda k: (0.1 if k < 2 else 1) * 0.5**k if k < 4 else 0.1 ** (k // 2 - 2) * 0.5 ** (k - 4),
    ),
}  # fmt: skip
every_schedule = pytest.mark.parametrize("name", FORMULAS)


@pytest.mark.filterwarnings("error")
@every_schedule
def test_formula(name):
    make, formula = FORMULAS[name]
    optimizer = optimizer_of(0.4)
    found = rates(optimizer, make(optimizer), 10)
    scale = np.array([formula(k) for k in range(10)], float)
    np.testing.assert_allclose(found[:, 0], 0.4 * scale, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found[:, 1], 0.2 * scale, rtol=1e-12, atol=1e-15)


def test_schedules_of_one_optimizer_multiply():
    optimizer = optimizer_of()
    one, other = room.StepLR(optimizer, 2, 0.1), room.ExponentialLR(optimizer, 0.5)
    for k in range(6):
        lr = 0.1 ** (k // 2) * 0.5**k
        np.testing.assert_allclose(optimizer.param_groups[0]["lr"], lr, rtol=1e-12)
        optimizer.step()
        one.step()
        other.step()


@pytest.mark.parametrize("name", sorted(FORMULAS.keys() - {"LambdaLR", "MultiplicativeLR"}))
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_with_their_optimizer(name, copied):
    optimizer = optimizer_of()
    scheduler = FORMULAS[name][0](optimizer)
    rates(optimizer, scheduler, 3)
    other, resumed = copied((optimizer, scheduler))
    assert resumed.optimizer is other
    assert rates(other, resumed, 7).tolist() == rates(optimizer, scheduler, 7).tolist()


@every_schedule
def test_states_are_saved_in_a_file(name, tmp_path):
    make = FORMULAS[name][0]
    optimizer = optimizer_of()
    scheduler = make(optimizer)
    rates(optimizer, scheduler, 3)
    state = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    tg.save(state, tmp_path / "c")
    expected = rates(optimizer, scheduler, 7).tolist()
    loaded = tg.load(tmp_path / "c")
    other = optimizer_of()
    resumed = make(other)
    other.load_state_dict(loaded["optimizer"])
    resumed.load_state_dict(loaded["scheduler"])
    assert rates(other, resumed, 7).tolist() == expected


def test_what_was_loaded_from_stays_as_it_is():
    optimizer = optimizer_of()
    scheduler = room.ReduceLROnPlateau(optimizer, min_lr=[0.1, 0.2])
    saved = scheduler.state_dict()
    other = room.ReduceLROnPlateau(optimizer)
    other.load_state_dict(saved)
    other.min_lrs[0] = 7.0
    assert saved["min_lrs"] == [0.1, 0.2]


class Power:
    def __init__(self, base):
        self.base = base

    def __call__(self, epoch):
        return self.base**epoch


def test_objects_that_are_called_are_saved():
    optimizer = optimizer_of()
    scheduler = room.LambdaLR(optimizer, [Power(0.5), lambda epoch: 1.0])
    assert scheduler.state_dict()["lr_lambdas"] == [{"base": 0.5}, None]
    other = room.LambdaLR(optimizer_of(), [Power(3), lambda epoch: 1.0])
    other.load_state_dict(scheduler.state_dict())
    assert other.lr_lambdas[0].base == 0.5
    cyclic = room.CyclicLR(optimizer, 0.1, 1.0, scale_fn=Power(0.5), cycle_momentum=False)
    assert cyclic.state_dict()["_scale_fn_custom"] == {"base": 0.5}
    second = room.CyclicLR(optimizer_of(), 0.1, 1.0, scale_fn=Power(3), cycle_momentum=False)
    second.load_state_dict(cyclic.state_dict())
    assert second.scale_fn(2) == 0.25


# --- cycles and plateaus --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_one_cycle(kind):
    optimizer = optimizer_of(kind=kind)
    scheduler = room.OneCycleLR(optimizer, 1.0, total_steps=11, pct_start=0.5)
    found, momenta = [], []
    for _ in range(11):
        group = optimizer.param_groups[0]
        found.append(group["lr"])
        momenta.append(group["momentum"] if kind is optim.SGD else group["betas"][0])
        optimizer.step()
        scheduler.step()
    top = int(np.argmax(found))
    assert top in (4, 5) and np.argmin(momenta) == top
    np.testing.assert_allclose([found[0], found[-1]], [0.04, 4e-6], rtol=1e-12)
    np.testing.assert_allclose([momenta[0], momenta[-1]], 0.95, rtol=1e-12)
    assert (np.diff(found[: top + 1]) > 0).all() and (np.diff(found[top + 1 :]) < 0).all()
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match=r"OneCycleLR: argument 'total_steps': expected 11, got"):
        scheduler.step()
    assert scheduler.state_dict() == before


def test_triangles():
    optimizer = optimizer_of(momentum=0.5)
    scheduler = room.CyclicLR(optimizer, 0.0, 1.0, 4, mode="triangular2", max_momentum=0.8,
                              base_momentum=0.4)  # fmt: skip
    found = rates(optimizer, scheduler, 16)[:, 0]
    up = np.array([0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(found, np.concatenate([up, up / 2]), atol=1e-12)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.8)


def test_a_plateau_is_waited_for_and_cooled_down_from():
    optimizer = optimizer_of(8.0)
    scheduler = room.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=2, min_lr=1.5)
    found = []
    for loss in [1.0] * 14:
        scheduler.step(tg.tensor(loss))
        found.append(scheduler.get_last_lr())
    first, second = map(list, zip(*found, strict=True))
    assert first == [8.0] * 2 + [4.0] * 4 + [2.0] * 4 + [1.5] * 4
    assert second == [4.0] * 2 + [2.0] * 4 + [1.5] * 8


def test_a_plateau_of_added_groups():
    optimizer = optimizer_of(8.0)
    one = room.ReduceLROnPlateau(optimizer, patience=0)
    two = room.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.1, 0.1])
    optimizer.add_param_group({"params": [tg.ones(1)], "lr": 1.0})
    one.step(1.0)
    one.step(1.0)
    assert one.get_last_lr() == pytest.approx([0.8, 0.4, 0.1])
    two.step(1.0)
    with pytest.raises(RuntimeError, match=r"'min_lr': expected a value for each of 3 groups, got"):
        two.step(1.0)


# --- continuing, warnings, errors -----------------------------------------------------------------


def test_initial_rates_are_kept_in_the_groups():
    optimizer = optimizer_of()
    room.StepLR(optimizer, 1, 0.1)
    optimizer.param_groups[0]["lr"] = 0.1
    scheduler = room.ExponentialLR(optimizer, 0.5)
    assert [group["initial_lr"] for group in optimizer.param_groups] == [1.0, 0.5]
    assert scheduler.base_lrs == [1.0, 0.5]


def test_continuing_needs_initial_rates():
    with pytest.raises(KeyError, match=r"StepLR: group 0 of the optimizer has no 'initial_lr'"):
        room.StepLR(optimizer_of(), 1, last_epoch=3)


def test_continuing_takes_the_place_in_the_waves():
    optimizer = optimizer_of()
    room.CosineAnnealingWarmRestarts(optimizer, 3, 2)
    scheduler = room.CosineAnnealingWarmRestarts(optimizer, 3, 2, last_epoch=9)
    assert (scheduler.last_epoch, scheduler.T_cur, scheduler.T_i) == (10, 1, 12)


def test_the_order_of_steps_is_watched():
    optimizer = optimizer_of()
    scheduler = room.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\) was called before optimizer.step"):
        scheduler.step()
    scheduler.step()  # once is enough


def test_asking_for_the_next_rates_warns():
    scheduler = room.StepLR(optimizer_of(), 1)
    with pytest.warns(UserWarning, match=r"for the present one use get_last_lr\(\)"):
        scheduler.get_lr()


def test_naming_an_epoch_warns():
    optimizer = optimizer_of()
    scheduler, plateau = room.StepLR(optimizer, 1, 0.5), room.ReduceLROnPlateau(optimizer)
    optimizer.step()
    for call in (lambda: scheduler.step(3), lambda: plateau.step(1.0, 3)):
        with pytest.warns(UserWarning, match=r"the argument `epoch` of scheduler.step\(\) is out"):
            call()
    assert scheduler.get_last_lr() == [0.125, 0.0625] and plateau.last_epoch == 3


def test_a_tensor_is_changed_in_place():
    lr = tg.tensor(1.0)
    optimizer = optim.SGD([tg.ones(1)], lr=lr)
    scheduler = room.ExponentialLR(optimizer, 0.5)
    rates(optimizer, scheduler, 2)
    assert optimizer.param_groups[0]["lr"] is lr and lr.item() == 0.25
    assert scheduler.base_lrs[0].item() == optimizer.param_groups[0]["initial_lr"].item() == 1.0


REFUSED = [
    (lambda o: room.StepLR([1], 1), TypeError, "StepLR: argument 'optimizer': expected an Optimiz"),
    (lambda o: room.LambdaLR(3, abs), TypeError, "LambdaLR: argument 'optimizer': expected an Opt"),
    (lambda o: room.ReduceLROnPlateau(3), TypeError, "expected an Optimizer, got a int"),
    (lambda o: room.ConstantLR(o, 1.5), ValueError, "'factor': expected a number from 0 to 1, got"),
    (lambda o: room.LinearLR(o, 0), ValueError, "'start_factor': expected a number above 0 and at"),
    (lambda o: room.LinearLR(o, 1, 2), ValueError, "'end_factor': expected a number from 0 to 1"),
    (lambda o: room.LambdaLR(o, [abs]), ValueError, "'lr_lambda': expected a value for each of 2"),
    (lambda o: room.MultiplicativeLR(o, 3), TypeError, "'lr_lambda': expected a function of the e"),
    (lambda o: room.CosineAnnealingWarmRestarts(o, 0), ValueError, "'T_0': expected a whole numbe"),
    (lambda o: room.CosineAnnealingWarmRestarts(o, 1).step(-1), ValueError, "'epoch': expected an"),
    (lambda o: room.OneCycleLR(o, 1), ValueError, "give total_steps, or both epochs and steps_per"),
    (lambda o: room.OneCycleLR(o, 1, epochs=0, steps_per_epoch=1), ValueError, "'epochs': expect"),
    (lambda o: room.OneCycleLR(o, 1, 5, pct_start=1.5), ValueError, "'pct_start': expected a floa"),
    (lambda o: room.OneCycleLR(o, 1, 5, anneal_strategy="x"), ValueError, "'cos' or 'linear', got"),
    (lambda o: room.OneCycleLR(o, [1], 5), ValueError, "'max_lr': expected a value for each of 2"),
    (lambda o: room.OneCycleLR(optim.Rprop([tg.ones(1)]), 1, 5), ValueError,
     "'cycle_momentum': expected an optimizer with momentum or betas, got Rprop; or set"),
    (lambda o: room.CyclicLR(o, 0, 1, mode="x"), ValueError, "'mode': expected 'triangular', 'tri"),
    (lambda o: room.ReduceLROnPlateau(o, "x"), ValueError, "'mode': expected 'min' or 'max', got"),
    (lambda o: room.ReduceLROnPlateau(o, factor=1), ValueError, "'factor': expected a number belo"),
    (lambda o: room.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "expected 'rel' or 'abs"),
    (lambda o: room.SequentialLR(o, [], []), ValueError, "'schedulers': expected at least one sch"),
    (lambda o: room.SequentialLR(o, [room.StepLR(o, 1)], [1]), ValueError, "'milestones': expecte"),
    (lambda o: room.ChainedScheduler([room.StepLR(o, 1), room.StepLR(optimizer_of(), 1)]),
     ValueError, "expected schedules of one optimizer, got another's StepLR at place 1"),
    (lambda o: room.ChainedScheduler([room.ReduceLROnPlateau(o)]), ValueError, "needs the metrics"),
    (lambda o: room.ChainedScheduler([3]), TypeError, "expected schedules, got a int at place 0"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(optimizer_of())


def test_refused_schedules_leave_the_optimizer():
    for call, _, _ in REFUSED:
        optimizer = optimizer_of()
        before = str(optimizer.state_dict())
        with pytest.raises((TypeError, ValueError)):
            call(optimizer)
        if "StepLR" not in call.__code__.co_names:  # of a part that was accepted
            after = copy.deepcopy(optimizer.state_dict())
            for group in after["param_groups"]:
                group.pop("initial_lr", None)
            assert str(after) == before


def test_refused_states_change_nothing():
    optimizer = optimizer_of()
    scheduler = room.StepLR(optimizer, 7)
    chain = room.ChainedScheduler([scheduler])
    before = str(chain.state_dict())
    with pytest.raises(ValueError, match=r"expected a state of StepLR, got none for step_size; w"):
        scheduler.load_state_dict(room.ExponentialLR(optimizer, 0.5).state_dict())
    with pytest.raises(ValueError, match=r"expected a state of StepLR, got list; was it saved by"):
        scheduler.load_state_dict([1])
    with pytest.raises(ValueError, match=r"'_schedulers': expected 1 schedules, got 2"):
        chain.load_state_dict(room.ChainedScheduler([scheduler, scheduler]).state_dict())
    assert str(chain.state_dict()) == before


def test_the_base_has_no_rule():
    with pytest.raises(NotImplementedError, match=r"LRScheduler must define get_lr\(\)"):
        room.LRScheduler(optimizer_of())
