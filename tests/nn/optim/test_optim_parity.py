"""The same optimizers in PyTorch: the same trajectories, states and refusals."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytestmark = pytest.mark.parity

SETTINGS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"maximize": True}),
    ("SGD", {"weight_decay": 0.1, "maximize": True}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"momentum": 0.5, "dampening": 1.0, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("Adam", {"betas": (0.0, 0.0)}),
    ("Adam", {"weight_decay": 0.1}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"maximize": True}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1, "maximize": True, "lr": 0.01}),
    ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"weight_decay": 0.5, "amsgrad": True, "maximize": True}),
    ("Adamax", {"weight_decay": 0.1, "betas": (0.5, 0.9)}),
    ("NAdam", {"weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "betas": (0.0, 0.5)}),
    ("RAdam", {"weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "betas": (0.5, 0.9)}),
    ("RMSprop", {"weight_decay": 0.1, "alpha": 0.5}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "maximize": True, "eps": 1e-3}),
    ("Adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.1}),
    ("Adadelta", {"rho": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {"etas": (0.3, 1.5), "step_sizes": (1e-2, 0.1)}),
    ("ASGD", {"t0": 5, "lambd": 0.1, "alpha": 0.5, "weight_decay": 0.1}),
]
SHAPES = [(3, 4), (5,), (), (2, 1, 3)]
every_setting = pytest.mark.parametrize(
    "name, settings", SETTINGS, ids=[f"{name} {settings}" for name, settings in SETTINGS]
)


def starts(lib, rng, dtype="float64"):
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    return [lib.nn.Parameter(lib.tensor(array)) for array in arrays]


def give_gradients(lib, params, step, dtype="float64"):
    """Random gradients, the same for both; in each step some parameter has none."""
    rng = np.random.default_rng(step)
    for i, p in enumerate(params):
        g = rng.standard_normal(tuple(p.shape)).astype(dtype)
        p.grad = None if i and (i + step) % 4 == 0 else lib.tensor(g)


def optimizers(name, settings, dtype="float64"):
    for lib in (tg, torch):
        params = starts(lib, np.random.default_rng(0), dtype)
        groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.02}]
        yield lib, params, getattr(lib.optim, name)(groups, **settings)


@every_setting
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 2e-6)])
def test_trajectories(name, settings, dtype, tolerance):
    (_, ours, a), (_, theirs, b) = optimizers(name, settings, dtype)
    for step in range(20):
        for lib, params, optimizer in ((tg, ours, a), (torch, theirs, b)):
            give_gradients(lib, params, step, dtype)
            optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(
                p.detach(), q.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=str(step)
            )


def plain(state_dict):
    """A state dict with arrays in place of tensors."""
    state = {
        i: {key: value.numpy() for key, value in memory.items()}
        for i, memory in state_dict["state"].items()
    }
    return {"state": state, "param_groups": state_dict["param_groups"]}


@every_setting
def test_states_have_the_same_names_and_values(name, settings):
    found = []
    for lib, params, optimizer in optimizers(name, settings):
        for step in range(5):
            give_gradients(lib, params, step)
            optimizer.step()
        found.append(plain(optimizer.state_dict()))
    ours, theirs = found
    assert list(ours["state"]) == list(theirs["state"])
    for i, memory in ours["state"].items():
        assert sorted(memory) == sorted(theirs["state"][i])
        for key, value in memory.items():
            other = theirs["state"][i][key]
            assert value.dtype == other.dtype
            np.testing.assert_allclose(value, other, rtol=1e-12, atol=1e-14)
    for one, other in zip(ours["param_groups"], theirs["param_groups"], strict=True):
        assert one == other


@every_setting
def test_a_state_of_pytorch_is_taken_over(name, settings):
    (_, ours, a), (_, theirs, b) = optimizers(name, settings)
    for step in range(10):
        give_gradients(torch, theirs, step)
        b.step()
    with tg.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            p.copy_(tg.tensor(q.detach().numpy()))
    a.load_state_dict(plain(b.state_dict()))
    for step in range(10, 20):
        for lib, params, optimizer in ((tg, ours, a), (torch, theirs, b)):
            give_gradients(lib, params, step)
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


@every_setting
def test_pytorch_takes_over_a_state_of_ours(name, settings):
    (_, ours, a), (_, theirs, b) = optimizers(name, settings)
    for step in range(10):
        give_gradients(tg, ours, step)
        a.step()
    for p, q in zip(ours, theirs, strict=True):
        q.data.copy_(torch.from_numpy(p.detach().numpy().copy()))
    saved = a.state_dict()
    state = {
        i: {key: torch.tensor(value.numpy()) for key, value in memory.items()}
        for i, memory in saved["state"].items()
    }
    b.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    for step in range(10, 15):
        for lib, params, optimizer in ((tg, ours, a), (torch, theirs, b)):
            give_gradients(lib, params, step)
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in tg.optim.__all__ if name != "lr_scheduler"])
def test_the_arguments_are_pytorch_s(name):
    ours, theirs = (
        {
            p.name: (p.default, p.kind)
            for p in inspect.signature(getattr(lib.optim, name).__init__).parameters.values()
        }
        for lib in (tg, torch)
    )
    assert list(ours.items()) == list(theirs.items())


REFUSALS = [
    lambda lib: lib.optim.SGD([]),
    lambda lib: lib.optim.SGD(lib.ones(1)),
    lambda lib: lib.optim.SGD([1.0]),
    lambda lib: lib.optim.SGD([{"params": {lib.ones(1)}}]),
    lambda lib: lib.optim.SGD([lib.ones(1, requires_grad=True) * 2]),
    lambda lib: lib.optim.SGD([lib.ones(1)], lr=-1),
    lambda lib: lib.optim.SGD([lib.ones(1)], momentum=-1),
    lambda lib: lib.optim.SGD([lib.ones(1)], weight_decay=-1),
    lambda lib: lib.optim.SGD([lib.ones(1)], nesterov=True),
    lambda lib: lib.optim.Adam([lib.ones(1)], betas=(1.0, 0.5)),
    lambda lib: lib.optim.Adam([lib.ones(1)], eps=-1),
    lambda lib: lib.optim.Adam([lib.ones(1)]).add_param_group([lib.ones(1)]),
    lambda lib: lib.optim.Adam([lib.ones(1)]).load_state_dict({"state": {}, "param_groups": []}),
]


@pytest.mark.parametrize("call", REFUSALS)
def test_refusals_are_caught_by_the_same_except(call):
    with pytest.raises((TypeError, ValueError)) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(tg)


def test_names_hooks_and_text():
    found = []
    for lib in (tg, torch):
        net = lib.nn.Linear(2, 1)
        optimizer = lib.optim.AdamW([{"params": net.named_parameters(), "lr": 0.5}], eps=1e-3)
        optimizer.add_param_group({"params": [("more", lib.nn.Parameter(lib.ones(1)))]})
        seen = []

        def hook(optimizer, args, kwargs, seen=seen):
            seen.append((type(optimizer).__name__, len(args), args[0] is optimizer, kwargs))

        optimizer.register_step_pre_hook(hook)
        handle = optimizer.register_step_post_hook(hook)
        optimizer.step()
        optimizer.step(closure=None)
        handle.remove()
        optimizer.step(lambda: 1.0)
        optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: 5.0}))
        assert optimizer.step() == 5
        found.append([repr(optimizer), optimizer.state_dict(), optimizer.param_groups[0].keys()])
        found[-1] += [[entry[:3] for entry in seen], [sorted(entry[3]) for entry in seen]]
    assert found[0] == found[1]
