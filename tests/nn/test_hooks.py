"""Hooks of modules: what they see, what they may replace, in both libraries alike."""

from __future__ import annotations

import copy
import pickle
from collections import namedtuple

import pytest
from tensors import LIBRARIES, plain

import tinygrad_edu as tg
from tinygrad_edu import nn

both = pytest.mark.parametrize("lib", LIBRARIES, ids=lambda lib: lib.__name__)


def double(lib):
    """A module that doubles; `b` may be given by keyword."""

    class Double(lib.nn.Module):
        def forward(self, a, b=0):
            return 2 * a + b

    return Double()


def pair(lib):
    """A module of two inputs and two outputs."""

    class Pair(lib.nn.Module):
        def forward(self, a, b, c=None):
            return a * b, a + b

    return Pair()


def lists(values):
    """Tensors inside tuples as lists."""
    if isinstance(values, tuple):
        return tuple(map(lists, values))
    return plain(values).tolist() if hasattr(values, "detach") else values


def leaf(lib, *values):
    return lib.tensor(values, dtype=lib.float64, requires_grad=True)


# --- forward --------------------------------------------------------------------------------------


@both
def test_forward_hooks_see_and_run_in_order(lib):
    module, seen = double(lib), []
    module.register_forward_pre_hook(lambda m, args: seen.append((m is module, "before", args)))
    module.register_forward_hook(lambda m, args, out: seen.append(("after", args, out)))
    module.register_forward_hook(
        lambda m, args, kwargs, out: seen.append(("first", args, kwargs, out)),
        prepend=True, with_kwargs=True,
    )  # fmt: skip
    module.register_forward_pre_hook(
        lambda m, args, kwargs: seen.append(("very first", args, kwargs)),
        prepend=True, with_kwargs=True,
    )  # fmt: skip
    assert module(1, b=3) == 5
    assert seen == [
        ("very first", (1,), {"b": 3}), (True, "before", (1,)),
        ("first", (1,), {"b": 3}, 5), ("after", (1,), 5),
    ]  # fmt: skip


@both
def test_what_forward_hooks_return_is_taken(lib):
    module = double(lib)
    module.register_forward_pre_hook(lambda m, args: args[0] + 1)  # one argument
    assert module(1) == 4
    module.register_forward_pre_hook(lambda m, args: (args[0] + 1, 100))  # all arguments
    assert module(1) == 106
    module.register_forward_pre_hook(lambda m, args, kw: ((0,), {"b": 7}), with_kwargs=True)
    assert module(1) == 7
    module.register_forward_hook(lambda m, args, out: out * 10)
    module.register_forward_hook(lambda m, args, out: None)
    module.register_forward_hook(lambda m, args, out: out + 1)
    assert module(1) == 71


@both
def test_a_forward_pre_hook_with_kwargs_returns_both(lib):
    module = double(lib)
    module.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"forward pre-hook.*tuple"):
        module(1)


@both
def test_handles_take_hooks_away(lib):
    module, seen = double(lib), []
    first = module.register_forward_hook(lambda *a: seen.append("first"))
    with module.register_forward_hook(lambda *a: seen.append("second")):
        module(1)
        assert seen == ["first", "second"]
    module(1)
    assert seen == ["first", "second", "first"]
    first.remove()
    first.remove()
    module.register_forward_hook(lambda *a: seen.append("third"))
    first.remove()  # removes no other hook
    module(1)
    assert seen == ["first", "second", "first", "third"]


@both
def test_a_hook_may_take_itself_away(lib):
    module, seen = double(lib), []
    handle = module.register_forward_hook(lambda *a: (seen.append(1), handle.remove())[1])
    module.register_forward_hook(lambda *a: seen.append(2))
    module(1), module(1)
    assert seen == [1, 2, 2]


@both
def test_always_call_runs_after_an_error(lib):
    module, seen = double(lib), []
    module.register_forward_hook(lambda *a: seen.append("not called"))
    module.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(TypeError, match="unsupported operand"):
        module(None)
    assert seen == [None]
    module.register_forward_hook(lambda *a: 1 / 0, always_call=True)
    with (
        pytest.warns(UserWarning, match=r"always_call=True"),
        pytest.raises(TypeError, match="unsupported operand"),
    ):
        module(None)
    assert seen == [None, None]


@both
def test_always_call_runs_once_if_a_hook_fails(lib):
    module, seen = double(lib), []
    module.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    module.register_forward_hook(lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        module(1)
    assert seen == [2]


# --- backward -------------------------------------------------------------------------------------


@both
def test_backward_hooks_see_the_gradients_of_inputs_and_outputs(lib):
    module, seen = pair(lib), []
    module.register_full_backward_pre_hook(lambda m, out: seen.append(("before", lists(out))))
    module.register_full_backward_hook(lambda m, i, out: seen.append((lists(i), lists(out))))
    a, b = leaf(lib, 2, 3), leaf(lib, 5, 7)
    x, y = module(a, b)
    (x + 10 * y).sum().backward()
    assert seen == [
        ("before", ([1, 1], [10, 10])),
        (([15, 17], [12, 13]), ([1, 1], [10, 10])),
    ]
    assert a.grad.tolist() == [15, 17] and b.grad.tolist() == [12, 13]


@both
def test_backward_hooks_see_none_where_there_is_no_gradient(lib):
    module, seen = pair(lib), []
    module.register_full_backward_hook(lambda m, i, out: seen.append((lists(i), lists(out))))
    a, b = leaf(lib, 2, 3), leaf(lib, 5, 7)
    module(a, b, 3)[1].sum().backward()
    module(a, b, c=3)[0].sum().backward()
    assert seen == [
        (([1, 1], [1, 1], None), (None, [1, 1])),
        (([5, 7], [2, 3]), ([1, 1], None)),
    ]


def test_backward_hooks_see_none_for_a_tensor_that_requires_no_gradient():
    module, seen = pair(tg), []
    module.register_full_backward_hook(lambda m, i, out: seen.append(lists(i)))
    module(leaf(tg, 2), tg.ones(1, dtype=tg.float64))[0].sum().backward()
    assert seen == [([1], None)]


@both
def test_what_backward_hooks_return_is_taken(lib):
    layer = lib.nn.Linear(1, 1, bias=False, dtype=lib.float64)
    layer.weight.data[:] = 3
    layer.register_full_backward_pre_hook(lambda m, out: (out[0] * 10,))
    layer.register_full_backward_pre_hook(lambda m, out: (out[0] + 1,))
    layer.register_full_backward_hook(lambda m, i, out: (i[0] + out[0],))
    layer.register_full_backward_hook(lambda m, i, out: i[0] * 2, prepend=True)
    x = leaf(lib, 2)
    layer(x).backward(lib.ones(1, dtype=lib.float64))
    assert layer.weight.grad.tolist() == [[22]]  # 11 * 2
    assert x.grad.tolist() == [77]  # 11 * 3 * 2 + 11


def test_one_gradient_need_not_be_a_tuple():
    module = double(tg)
    module.register_full_backward_pre_hook(lambda m, out: out[0] * 5)
    module.register_full_backward_hook(lambda m, i, out: i[0] + 1)
    x = leaf(tg, 1)
    module(x).sum().backward()
    assert x.grad.tolist() == [11]


@both
def test_backward_hooks_return_as_many_gradients_as_there_are(lib):
    for register, what in [
        ("register_full_backward_hook", "grad_input"),
        ("register_full_backward_pre_hook", "grad_output"),
    ]:
        module = double(lib)
        getattr(module, register)(lambda m, grads, *rest: (grads[0], grads[0]))
        y = module(leaf(lib, 1))
        with pytest.raises(RuntimeError, match=rf"{what}, got 2|expected 1 {what}, got 2"):
            y.sum().backward()


def test_backward_hooks_return_gradients():
    module = double(tg)
    handle = module.register_full_backward_hook(lambda m, i, out: i[0].sum())
    with pytest.raises(ValueError, match=r"hook: expected a Tensor of shape \(2,\), got \(\)"):
        module(leaf(tg, 1, 2)).sum().backward()
    handle.remove()
    module.register_full_backward_hook(lambda m, i, out: "text")
    with pytest.raises(TypeError, match=r"hook: expected None or a Tensor, got str"):
        module(leaf(tg, 1, 2)).sum().backward()


@both
def test_backward_hook_without_gradients_of_inputs(lib):
    layer, seen = lib.nn.Linear(1, 1), []
    layer.register_full_backward_hook(lambda m, i, out: seen.append((lists(i), lists(out))))
    with pytest.warns(UserWarning, match=r"(?i)backward hook.* no .* requires? .*gradient"):
        layer(lib.ones(1, 1)).sum().backward()
    assert seen == [((None,), ([[1]],))]


@both
def test_backward_hooks_want_tensors(lib):
    class Named(lib.nn.Module):
        def forward(self, x):
            return {"x": 2 * x}

    module = Named()
    module.register_full_backward_hook(lambda *a: 1 / 0)
    with pytest.warns(UserWarning, match=r"a Tensor or a tuple of Tensors"):
        result = module(leaf(lib, 1))
    result["x"].sum().backward()


@both
def test_no_backward_hook_without_a_graph(lib):
    module = double(lib)
    module.register_full_backward_hook(lambda *a: 1 / 0)
    with lib.no_grad():
        assert module(leaf(lib, 1)).tolist() == [2]
    assert module(lib.ones(1)).tolist() == [2]


@both
def test_backward_hooks_of_a_module_that_is_called_twice(lib):
    module, seen = double(lib), []
    module.register_full_backward_hook(lambda m, i, out: seen.append((lists(i), lists(out))))
    x = leaf(lib, 1)
    module(module(x)).sum().backward()
    assert seen == [(([2],), ([1],)), (([4],), ([2],))]
    assert x.grad.tolist() == [4]


@both
def test_backward_hooks_at_second_order(lib):
    class Cube(lib.nn.Module):
        def forward(self, x):
            return x * x * x

    module = Cube()
    module.register_full_backward_hook(lambda m, i, out: (i[0] * i[0],))
    x = leaf(lib, 2)
    (g,) = lib.autograd.grad(module(x).sum(), x, create_graph=True)
    assert g.tolist() == [144]  # (3 x^2)^2
    assert lib.autograd.grad(g.sum(), x)[0].tolist() == [288]  # 36 x^3


@both
def test_gradients_that_are_asked_for_pass_the_hooks(lib):
    layer, seen = lib.nn.Linear(1, 1, dtype=lib.float64), []
    layer.register_full_backward_pre_hook(lambda m, out: (out[0] * 5,))
    layer.register_full_backward_hook(lambda m, i, out: seen.append(1))
    x = leaf(lib, 2)
    (g,) = lib.autograd.grad(layer(x).sum(), layer.weight)
    assert g.tolist() == [[10]] and seen == []  # nobody asked for the gradient of the input


Two = namedtuple("Two", "first second")


def test_named_tuples_stay_named():
    class Named(nn.Module):
        def forward(self, x):
            return Two(2 * x, "text")

    module, seen = Named(), []
    module.register_full_backward_hook(lambda m, i, out: seen.append(lists(out)))
    result = module(leaf(tg, 1))
    result.first.sum().backward()
    assert type(result) is Two and result.second == "text" and seen == [([1], None)]


def test_a_module_that_writes_in_place_leaves_the_input_alone():
    relu, seen = nn.ReLU(inplace=True), []
    relu.register_full_backward_hook(lambda m, i, out: seen.append(lists(i)))
    x = leaf(tg, -1, 2)
    y = x * 1
    relu(y).sum().backward()
    assert seen == [([0, 1],)] and x.grad.tolist() == [0, 1] and y.tolist() == [-1, 2]


@both
def test_a_gradient_that_does_not_come_through_the_outputs_passes_the_hooks_by(lib):
    class Leak(lib.nn.Module):
        def forward(self, x):
            self.inner = 2 * x
            return 3 * self.inner

    module = Leak()
    module.register_full_backward_hook(lambda m, i, out: 1 / 0)
    x = leaf(lib, 1)
    module(x)
    module.inner.sum().backward()
    assert x.grad.tolist() == [2]


# --- copies ---------------------------------------------------------------------------------------


def add_one(module, args, out):
    """At the top of the file, so that it can be pickled."""
    return out + 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_keep_hooks_of_their_own(copied):
    layer = nn.Identity()
    handle = layer.register_forward_hook(add_one)
    other = copied(layer)
    handle.remove()
    other.register_forward_hook(add_one)
    assert layer(1) == 1 and other(1) == 3


def test_hooks_of_a_shallow_copy_are_its_own():
    layer = nn.Identity()
    layer.register_forward_hook(add_one)
    other = copy.copy(layer)
    other.register_forward_hook(add_one)
    assert layer(1) == 2 and other(1) == 3


def test_a_module_may_call_an_attribute_hooks():
    class Probe(nn.Module):
        def __init__(self):
            super().__init__()
            self.hooks = self._hooks = [1, 2]
            self.inner = nn.Identity()
            self.inner.register_forward_hook(add_one)

        def forward(self, x):
            return self.inner(x)

    assert Probe()(1) == 2
