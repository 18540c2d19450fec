"""What all optimizers share: groups, states, saving, and the walk in blocks."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from source import ROOT

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.nn.optim import blocks

MAKERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.1),
    "nesterov": lambda params: optim.SGD(
        params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01
    ),
    "adam": lambda params: optim.Adam(params, lr=0.1),
    "amsgrad": lambda params: optim.Adam(
        params, lr=0.1, amsgrad=True, weight_decay=0.1, maximize=True
    ),
    "adamw": lambda params: optim.AdamW(params, lr=0.1),
    "adamax": lambda params: optim.Adamax(params, lr=0.1),
    "nadam": lambda params: optim.NAdam(params, lr=0.1),
    "radam": lambda params: optim.RAdam(params, lr=0.1, decoupled_weight_decay=True),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.02),
    "centered": lambda params: optim.RMSprop(
        params, lr=0.01, momentum=0.5, centered=True, eps=1e-3
    ),
    "adagrad": lambda params: optim.Adagrad(params, lr=0.5, maximize=True),
    "adadelta": lambda params: optim.Adadelta(params, lr=1.0, rho=0.5, eps=1e-3),
    "rprop": lambda params: optim.Rprop(params, lr=0.1),
    "asgd": lambda params: optim.ASGD(params, lr=0.1, t0=1),
}
every_optimizer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def parameter(*shape, grad=True):
    p = nn.Parameter(tg.randn(*shape))
    p.grad = tg.randn(*shape) if grad else None
    return p


# --- steps ----------------------------------------------------------------------------------------


@every_optimizer
def test_parameters_without_gradient_are_left_alone(make):
    p, q = parameter(3), parameter(3, grad=False)
    before = q.tolist(), p.tolist()
    optimizer = make([p, q])
    optimizer.step()
    assert q.tolist() == before[0] and p.tolist() != before[1]
    assert "step" not in optimizer.state[q] or optimizer.state[q]["step"].item() == 0


@every_optimizer
def test_gradients_stay_as_they_are(make):
    p = parameter(3, 4)
    before = p.grad.tolist()
    optimizer = make([p])
    for _ in range(3):
        optimizer.step()
    assert p.grad.tolist() == before


@every_optimizer
@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
def test_dtypes_stay(make, dtype):
    p = nn.Parameter(tg.ones(3, dtype=dtype))
    p.grad = tg.ones(3, dtype=dtype)
    optimizer = make([p])
    for _ in range(2):
        optimizer.step()
    assert p.dtype == dtype and np.isfinite(p.array).all()
    for key, value in optimizer.state[p].items():
        assert value.dtype == (np.float32 if key in optimizer.scalars else dtype)


@every_optimizer
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0), (7,), (5, 4), (8,), (9,), (16,), (17,)])
def test_blocks_change_nothing_in_the_numbers(make, shape, monkeypatch):
    p, g = tg.randn(*shape, dtype=tg.float64), tg.randn(*shape, dtype=tg.float64)
    found = []
    for block in (8, 1 << 16):
        monkeypatch.setattr(blocks, "BLOCK", block)
        q = nn.Parameter(p.clone())
        q.grad = g
        optimizer = make([q])
        for _ in range(3):
            optimizer.step()
        found.append(q.tolist())
    assert found[0] == found[1]


@every_optimizer
def test_memory_in_any_order(make):
    numbers, g = np.random.default_rng(0).standard_normal((2, 6, 4))
    layouts = [
        (numbers.copy(), g.copy()),
        (np.asfortranarray(numbers), np.asfortranarray(g)),
        (np.repeat(numbers, 2, axis=0)[::2], g[::-1].copy()[::-1]),
        (numbers[:, ::-1].copy()[:, ::-1], np.asfortranarray(g)),
    ]
    found = []
    for array, grad in layouts:
        p = nn.Parameter(tg.from_numpy(array))
        p.grad = tg.from_numpy(grad)
        optimizer = make([p])
        for _ in range(3):
            optimizer.step()
        assert p.array is array
        found.append(p.tolist())
    assert found[1:] == found[:1] * 3


@every_optimizer
def test_a_step_allocates_nothing(make):
    params = [parameter(300, 300), parameter(300), parameter(200, 500)]
    optimizer = make(params)
    optimizer.step()
    tracemalloc.start()
    try:
        for _ in range(3):
            optimizer.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000, "bytes; one of the parameters alone has 360 000"


@every_optimizer
def test_a_step_is_seen_by_the_check_of_saved_values(make):
    p = parameter(3)
    y = (p * p).sum()
    optimizer = make([p])
    optimizer.step()
    with pytest.raises(tg.GraphError, match=r"gradient of mul needs its argument"):
        y.backward()


@every_optimizer
def test_a_quadratic_is_solved(make):
    target = tg.tensor([1.0, -2.0, 3.0])
    p = nn.Parameter(tg.zeros(3))
    optimizer = make([p])
    sign = -1 if optimizer.defaults["maximize"] else 1
    optimizer.param_groups[0]["weight_decay"] = 0
    for _ in range(300):
        optimizer.zero_grad()
        (sign * ((p - target) ** 2).sum()).backward()
        optimizer.step()
    np.testing.assert_allclose(p.detach(), target, atol=1e-3)


@every_optimizer
def test_settings_that_are_numpy_numbers_change_nothing(make):
    p = parameter(3)
    q = copy.deepcopy(p)
    q.grad = p.grad
    for x, kind in ((p, float), (q, np.float64)):
        optimizer = make([x])
        for group in optimizer.param_groups:
            group["lr"], group["weight_decay"] = kind(0.3), kind(0.1)
        optimizer.step()
    assert p.tolist() == q.tolist()


def test_closure():
    p = nn.Parameter(tg.ones(1))
    optimizer = optim.SGD([p], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tg.no_grad():  # the closure records all the same
        assert optimizer.step(closure).item() == 1
    assert p.tolist() == [0]
    assert optimizer.step() is None


def test_zero_grad():
    p, q = parameter(2), parameter(2, grad=False)
    optimizer = optim.SGD([{"params": [p]}, {"params": [q]}])
    grad = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is grad and grad.tolist() == [0, 0] and q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


def test_zero_gradients_still_decay_and_carry_momentum():
    p = nn.Parameter(tg.ones(2))
    p.grad = tg.zeros(2)
    optim.SGD([p], lr=0.1, weight_decay=1.0).step()
    np.testing.assert_allclose(p.detach(), 0.9, rtol=1e-6)
    optim.AdamW([p], lr=0.1, weight_decay=1.0).step()
    np.testing.assert_allclose(p.detach(), 0.81, rtol=1e-6)


@every_optimizer
def test_a_learning_rate_may_be_a_tensor(make):
    p = parameter(3)
    q = copy.deepcopy(p)
    q.grad = p.grad
    optimizer, other = make([p]), make([q])
    lr = tg.tensor(float(np.float32(other.param_groups[0]["lr"])), dtype=tg.float64)
    optimizer.param_groups[0]["lr"] = lr
    other.param_groups[0]["lr"] = lr.item()
    for _ in range(2):
        optimizer.step()
        other.step()
        lr.fill_(lr.item() / 2)
        other.param_groups[0]["lr"] /= 2
    assert p.tolist() == q.tolist() and optimizer.param_groups[0]["lr"] is lr


def test_refused_tensors_as_settings():
    p = parameter(1)
    with pytest.raises(ValueError, match=r"SGD: argument 'lr': expected a number of at least 0"):
        optim.SGD([p], lr=tg.ones(2))
    with pytest.raises(ValueError, match=r"Adam: argument 'betas': expected two numbers"):
        optim.Adam([p], betas=(0.9, tg.tensor(0.9)))
    optim.Adam([p], betas=(tg.tensor(0.9), tg.tensor(0.9))).step()


def test_flags_of_the_implementation_change_nothing():
    p = parameter(3)
    q = copy.deepcopy(p)
    q.grad = p.grad
    optim.Adam([p]).step()
    optim.Adam([q], foreach=True, capturable=True, fused=True).step()
    assert p.tolist() == q.tolist()


# --- hooks ----------------------------------------------------------------------------------------


def test_hooks_of_a_step():
    p = parameter(1)
    optimizer = optim.SGD([p])
    seen = []
    before = optimizer.register_step_pre_hook(lambda *x: seen.append(("before", *x)))
    after = optimizer.register_step_post_hook(lambda *x: seen.append(("after", *x)))
    optimizer.step()
    assert seen == [("before", optimizer, (optimizer,), {}), ("after", optimizer, (optimizer,), {})]
    before.remove()
    after.remove()
    optimizer.step()
    assert len(seen) == 2


def test_a_hook_may_change_the_arguments_of_a_step():
    optimizer = optim.SGD([parameter(1)])
    handle = optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": int}))
    assert optimizer.step() == 0
    handle.remove()
    optimizer.register_step_pre_hook(lambda *_: 3)
    with pytest.raises(TypeError, match=r"step: argument 'hook': expected None or a pair \(args, "):
        optimizer.step()


def test_hooks_see_a_step_of_one_s_own():
    class Own(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.5})

        @tg.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] * p.grad
            return "done"

    p = nn.Parameter(tg.ones(2))
    p.grad = tg.ones(2)
    optimizer, seen = Own([p]), []
    optimizer.register_step_post_hook(lambda *_: seen.append(p.tolist()))
    assert optimizer.step() == "done" and seen == [[0.5, 0.5]]


def test_hooks_run_once_where_a_step_calls_that_of_its_base():
    class Counting(optim.SGD):
        def step(self, closure=None):
            seen.append("step")
            return super().step(closure)

    optimizer, seen = Counting([parameter(1)]), []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.step()
    assert seen == ["before", "step"]


def test_copies_have_no_hooks():
    p = parameter(1)
    optimizer, seen = optim.SGD([p]), []
    optimizer.register_step_pre_hook(lambda *_: seen.append(1))
    copy.deepcopy(optimizer).step()
    pickle.loads(pickle.dumps(optimizer)).step()
    assert not seen


# --- groups ---------------------------------------------------------------------------------------


def test_groups_have_settings_of_their_own():
    p, q, r = parameter(2), parameter(2), parameter(2)
    before = [x.tolist() for x in (p, q, r)]
    optimizer = optim.SGD([{"params": [p]}, {"params": q, "lr": 0.0}], lr=0.5)
    optimizer.add_param_group({"params": iter([r]), "lr": 1.0, "name": "head"})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.0, 1.0]
    assert optimizer.param_groups[2]["name"] == "head"
    optimizer.step()
    for x, old, lr in zip((p, q, r), before, (0.5, 0.0, 1.0), strict=True):
        np.testing.assert_allclose(x.detach(), np.float32(old) - lr * x.grad.array, rtol=1e-6)
    optimizer.param_groups[1]["lr"] = 2.0  # as a schedule does
    optimizer.step()
    np.testing.assert_allclose(q.detach(), before[1] - 2 * q.grad.array, rtol=1e-5)


def test_parameters_may_have_names():
    net = nn.Linear(2, 1)
    optimizer = optim.SGD(net.named_parameters())
    assert optimizer.param_groups[0]["params"] == [net.weight, net.bias]
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    optimizer.add_param_group({"params": [("more", parameter(1))]})
    assert optimizer.state_dict()["param_groups"][1]["param_names"] == ["more"]
    with pytest.raises(ValueError, match=r"SGD: name the parameters of all groups, or of none"):
        optimizer.add_param_group({"params": [parameter(1)]})


def test_loaded_names_are_taken_and_missing_ones_kept():
    p = parameter(1)
    named, plain = optim.SGD([("p", p)]), optim.SGD([p])
    named.load_state_dict(plain.state_dict())
    assert named.param_groups[0]["param_names"] == ["p"]
    plain.load_state_dict(named.state_dict())
    assert plain.param_groups[0]["param_names"] == ["p"]


def test_the_caller_s_group_is_not_changed():
    group = {"params": [parameter(1)]}
    optim.Adam([group], lr=0.1)
    assert list(group) == ["params"]


def shared():
    p = parameter(1)
    return [{"params": [p]}, {"params": [p]}]


def made():
    return [parameter(2) * 2]


@every_optimizer
@pytest.mark.parametrize(
    "params, error, message",
    [
        (list, ValueError, r"argument 'params': expected at least one tensor, got none"),
        (lambda: iter(()), ValueError, r"expected at least one tensor, got none"),
        (lambda: parameter(1), TypeError, r"expected an iterable of Tensors or of groups, got a "
                                          r"Parameter; put it into a list"),
        (lambda: nn.Linear(1, 1), TypeError, r"got a Linear; model.parameters\(\)"),
        (lambda: nn.Sequential(nn.ReLU()), TypeError, r"expected Tensors, got a ReLU at place 0"),
        (lambda: [parameter(1), 3.0], TypeError, r"expected Tensors, got a float at place 1"),
        (lambda: dict(nn.Linear(1, 1).named_parameters()), TypeError, r"got a dict"),
        (lambda: [("p", parameter(1)), parameter(1)], ValueError, r"expected names for all or for "
                                                                  r"none, got 1 names for 2"),
        (lambda: [{"params": {parameter(1)}}], TypeError, r"expected an ordered collection, got"),
        (lambda: [{"lr": 1.0}], TypeError, r"'param_group': expected a dict with a key 'params'"),
        (lambda: [{"params": [parameter(1)]}, 3], TypeError, r"with a key 'params', got int"),
        (made, ValueError, r"expected leaves, got <MulBackward0> at place 0; optimize the tensors"),
        (shared, ValueError, r"a parameter appears in more than one parameter group"),
    ],
)  # fmt: skip
def test_refused_parameters(make, params, error, message):
    with pytest.raises(error, match=message):
        make(params())


@every_optimizer
def test_a_refused_group_changes_nothing(make):
    p, q = parameter(1), parameter(1)
    optimizer = make([p])
    for group, error in [({"params": [q, p]}, ValueError), ({"params": [q], "lr": -1}, ValueError)]:
        with pytest.raises(error):
            optimizer.add_param_group(group)
        assert [group["params"] for group in optimizer.param_groups] == [[p]]


def test_twice_in_one_group_warns():
    p = parameter(1)
    with pytest.warns(UserWarning, match=r"SGD: a parameter is twice in one group"):
        optim.SGD([p, p])


def test_a_tensor_that_keeps_its_gradient_may_be_optimized():
    y = tg.ones(2, requires_grad=True) * 2
    y.retain_grad()
    y.sum().backward()
    optim.SGD([y], lr=1.0).step()
    assert y.tolist() == [1, 1]


def test_plain_tensors_are_optimized():
    w = tg.ones(2, requires_grad=True)
    w.sum().backward()
    optim.SGD([w], lr=1.0).step()
    assert w.tolist() == [0, 0] and w.is_leaf and w.requires_grad


# --- saving ---------------------------------------------------------------------------------------


def problem():
    """A network, data and a loop of training on it, the same each time."""
    tg.manual_seed(0)
    x, y = tg.randn(20, 3), tg.randn(20, 2)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))

    def train(net, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.mse_loss(net(x), y).backward()
            optimizer.step()

    return net, train


@every_optimizer
def test_resumed_training_gives_the_same_bits(make):
    net, train = problem()
    optimizer = make(net.parameters())
    train(net, optimizer, 7)
    saved = copy.deepcopy((net.state_dict(), optimizer.state_dict()))
    train(net, optimizer, 7)

    other, _ = problem()
    resumed = make(other.parameters())
    other.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    train(other, resumed, 7)
    for key, tensor in net.state_dict().items():
        assert other.state_dict()[key].tolist() == tensor.tolist()


@every_optimizer
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_together_with_their_network(make, copied):
    net, train = problem()
    optimizer = make(net.parameters())
    train(net, optimizer, 3)
    other, resumed = copied((net, optimizer))
    train(net, optimizer, 3)
    train(other, resumed, 3)
    assert other[0].weight.tolist() == net[0].weight.tolist()
    assert resumed.param_groups[0]["params"][0] is other[0].weight


def test_state_dict_has_numbers_for_parameters():
    p, q, r = parameter(2), parameter(3, grad=False), parameter(4)
    optimizer = optim.Adam([{"params": [p, q]}, {"params": [r], "lr": 0.5}])
    optimizer.step()
    saved = optimizer.state_dict()
    assert list(saved) == ["state", "param_groups"]
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]
    assert [group["lr"] for group in saved["param_groups"]] == [1e-3, 0.5]
    assert list(saved["state"]) == [0, 2]
    assert list(saved["state"][2]) == ["step", "exp_avg", "exp_avg_sq"]
    assert saved["state"][0]["exp_avg"].shape == (2,)
    assert saved["state"][0]["step"].item() == 1


def test_loading_copies_and_converts():
    p = parameter(2)
    optimizer = optim.Adam([p])
    optimizer.step()
    saved = optimizer.state_dict()
    q = nn.Parameter(tg.ones(2, dtype=tg.float64))
    q.grad = tg.ones(2, dtype=tg.float64)
    other = optim.Adam([q], lr=5.0)
    other.load_state_dict(saved)
    assert other.param_groups[0]["lr"] == 1e-3 and other.param_groups[0]["params"] == [q]
    assert other.state[q]["exp_avg"].dtype == tg.float64 and other.state[q]["step"].item() == 1
    before = saved["state"][0]["exp_avg"].tolist()
    other.step()
    assert saved["state"][0]["exp_avg"].tolist() == before
    assert saved["state"][0]["step"].item() == 1


@every_optimizer
def test_what_was_loaded_from_stays_as_it_is(make):
    p = parameter(2)
    first, second = make([p]), make([p])
    first.step()
    saved = first.state_dict()
    before = str(saved)
    second.load_state_dict(saved)
    second.param_groups[0]["lr"] = 7.0
    second.step()
    assert str(saved) == before


def test_arrays_and_numbers_load():
    p = parameter(2)
    groups = optim.Adam([p]).state_dict()["param_groups"]
    memory = {"step": 3, "exp_avg": np.ones(2), "exp_avg_sq": np.ones(2)}
    optimizer = optim.Adam([p])
    optimizer.load_state_dict({"state": {0: memory}, "param_groups": groups})
    optimizer.step()
    assert optimizer.state[p]["step"].item() == 4


def test_a_state_without_later_flags_loads():
    p = parameter(2)
    optimizer = optim.AdamW([p])
    saved = optimizer.state_dict()
    for flag in ("decoupled_weight_decay", "fused", "maximize"):
        del saved["param_groups"][0][flag]
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True
    optimizer.step()


def test_a_state_of_one_s_own_comes_back_as_it_was():
    class Own(optim.Optimizer):
        def step(self):
            self.state[p] = {"count": 3, "rows": tg.ones(5), "old": [tg.ones(1), None]}

    p = parameter(2)
    optimizer, other = Own([p], {}), Own([p], {})
    optimizer.step()
    other.load_state_dict(optimizer.state_dict())
    state = other.state[p]
    assert state["count"] == 3 and state["rows"].tolist() == [1] * 5
    assert state["old"][0].tolist() == [1] and state["old"][1] is None
    assert state["rows"] is not optimizer.state[p]["rows"]


def saved_by(make, *shapes):
    optimizer = make([parameter(*shape) for shape in shapes])
    optimizer.step()
    return optimizer.state_dict()


ADAM = MAKERS["adam"]


@pytest.mark.parametrize(
    "state_dict, message",
    [
        (lambda: saved_by(ADAM, (2,), (3,), (4,)), r"'param_groups': expected groups of \[2\] par"),
        (lambda: saved_by(MAKERS["nesterov"], (2,), (3,)), r"got none for betas, eps; was it saved "
                                                  r"by Adam\?"),
        (lambda: saved_by(ADAM, (2,), (4,)), r"'state': expected shape \(3,\) for 'exp_avg', got "),
        (lambda: {**saved_by(ADAM, (2,), (3,)), "state": {7: {}}}, r"numbers of its 2 parameters"),
        (lambda: {"state": {}}, r"'state_dict': expected a mapping with 'state' and 'param"),
        (lambda: [1], r"expected a mapping with 'state' and 'param_groups', got <class 'list'>"),
    ],
)  # fmt: skip
def test_refused_states_change_nothing(state_dict, message):
    p, q = parameter(2), parameter(3)
    optimizer = ADAM([p, q])
    optimizer.step()
    before = str(optimizer.state_dict())
    with pytest.raises(ValueError, match=f"load_state_dict: argument .*{message}"):
        optimizer.load_state_dict(state_dict())
    assert str(optimizer.state_dict()) == before


def test_loaded_settings_are_checked():
    saved = saved_by(ADAM, (2,))
    saved["param_groups"][0]["lr"] = -1
    with pytest.raises(ValueError, match=r"Adam: argument 'lr': expected a number of at least 0"):
        ADAM([parameter(2)]).load_state_dict(saved)


def test_repr():
    assert repr(optim.SGD([parameter(1)], lr=0.1, momentum=0.9)) == (
        "SGD (\n"
        "Parameter Group 0\n"
        "    dampening: 0\n"
        "    differentiable: False\n"
        "    foreach: None\n"
        "    fused: None\n"
        "    lr: 0.1\n"
        "    maximize: False\n"
        "    momentum: 0.9\n"
        "    nesterov: False\n"
        "    weight_decay: 0\n"
        ")"
    )


# --- one's own, and the ways to import ------------------------------------------------------------


def test_an_optimizer_of_one_s_own():
    class SignDescent(optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        def update(self, param, grad, group):
            for p, g, t, _ in self.blocks(param, grad, group):
                p -= np.multiply(np.sign(g, t), group["lr"], t)

    p = nn.Parameter(tg.ones(2))
    p.grad = tg.tensor([5.0, -3.0])
    SignDescent([p]).step()
    np.testing.assert_allclose(p.detach(), [0.9, 1.1], rtol=1e-6)


def test_the_base_has_no_rule():
    with pytest.raises(NotImplementedError, match=r"Optimizer must define update\(param, grad, "):
        optim.Optimizer([parameter(1)], {}).step()


@pytest.mark.parametrize(
    "code",
    [
        "import tinygrad_edu.optim as optim",
        "from tinygrad_edu.optim.lr_scheduler import StepLR; from tinygrad_edu import optim;"
        "import tinygrad_edu.nn.optim.lr_scheduler as s; assert s.StepLR is StepLR;"
        "assert s is optim.lr_scheduler",
        "import tinygrad_edu as tg; optim = tg.optim",
        "from tinygrad_edu import nn, optim; assert optim is nn.optim",
        "import tinygrad_edu.nn.optim; import tinygrad_edu.optim as optim",
        "from tinygrad_edu import optim; from tinygrad_edu.optim.sgd import SGD;"
        "assert SGD is optim.SGD",
        "from tinygrad_edu.optim import SGD; from tinygrad_edu import optim;"
        "assert SGD is optim.SGD",
    ],
)
def test_there_is_one_copy_of_optim(code):
    check = (
        "; import sys, tinygrad_edu as tg; assert optim is tg.optim is tg.nn.optim;"
        "assert sys.modules['tinygrad_edu.optim'] is sys.modules['tinygrad_edu.nn.optim'] is optim;"
        "assert sys.modules['tinygrad_edu.optim.adam'] is sys.modules['tinygrad_edu.nn.optim.adam']"
    )
    subprocess.run([sys.executable, "-c", code + check], check=True, cwd=ROOT)
