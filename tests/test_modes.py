"""Switching recording on and off, and the random generator."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading

import numpy as np
import pytest
from tensors import LIBRARIES, leaf

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError

every_library = pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)

# --- blocks -------------------------------------------------------------------------------------


@every_library
def test_blocks_nest_and_end(m):
    seen = [m.is_grad_enabled()]
    with m.no_grad():
        seen.append(m.is_grad_enabled())
        with m.enable_grad():
            seen.append(m.is_grad_enabled())
            with m.no_grad(), m.no_grad():
                seen.append(m.is_grad_enabled())
            seen.append(m.is_grad_enabled())
        seen.append(m.is_grad_enabled())
    seen.append(m.is_grad_enabled())
    assert seen == [True, False, True, False, True, False, True]


def test_what_is_made_in_a_block():
    x = leaf([1.0, 2.0])
    with tg.no_grad():
        y = x * 2
        z = tg.zeros(2, requires_grad=True)
        assert z.requires_grad
    assert not y.requires_grad
    assert y.is_leaf
    assert y.grad_fn is None
    with tg.no_grad(), tg.enable_grad():
        assert (x * 2).requires_grad


@every_library
def test_an_exception_ends_the_block(m):
    for mode in (m.no_grad, m.enable_grad, lambda: m.set_grad_enabled(False)):
        with pytest.raises(ZeroDivisionError), mode():
            1 / 0
        assert m.is_grad_enabled()


@every_library
def test_one_object_used_several_times(m):
    mode = m.no_grad()
    for _ in range(2):
        with mode:
            assert not m.is_grad_enabled()
        assert m.is_grad_enabled()


def test_one_object_entered_while_it_is_entered():
    mode = tg.no_grad()
    with mode:
        with tg.enable_grad(), mode:
            assert not tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


# --- set_grad_enabled ---------------------------------------------------------------------------


@every_library
@pytest.mark.parametrize("mode", [True, False])
def test_set_grad_enabled_as_a_block(m, mode):
    with m.set_grad_enabled(mode):
        assert m.is_grad_enabled() is mode
    assert m.is_grad_enabled()
    with m.no_grad():
        with m.set_grad_enabled(mode):
            assert m.is_grad_enabled() is mode
        assert not m.is_grad_enabled()


@every_library
def test_set_grad_enabled_as_a_function(m):
    m.set_grad_enabled(False)
    try:
        assert not m.is_grad_enabled()
    finally:
        m.set_grad_enabled(True)
    assert m.is_grad_enabled()


@every_library
def test_set_grad_enabled_as_a_decorator(m):
    @m.set_grad_enabled(False)
    def inside():
        return m.is_grad_enabled()

    assert m.is_grad_enabled()  # it acts inside the function only
    assert not inside()
    assert m.is_grad_enabled()


# --- decorators ---------------------------------------------------------------------------------


@every_library
@pytest.mark.parametrize("parentheses", [True, False])
def test_decorators_with_and_without_parentheses(m, parentheses):
    off = m.no_grad() if parentheses else m.no_grad
    on = m.enable_grad() if parentheses else m.enable_grad

    @off
    def double(x, *, by=2):
        """Doubles."""
        return x * by, m.is_grad_enabled()

    @off
    @on
    def inner_wins():
        return m.is_grad_enabled()

    x = m.ones(2, requires_grad=True)
    y, enabled = double(x, by=3)
    assert not y.requires_grad
    assert not enabled
    assert inner_wins()
    assert m.is_grad_enabled()
    assert (double.__name__, double.__doc__) == ("double", "Doubles.")
    assert list(inspect.signature(double).parameters) == ["x", "by"]


@every_library
def test_a_decorated_method_and_a_recursive_function(m):
    class Model:
        @m.no_grad()
        def run(self, depth):
            with m.enable_grad():
                inside = self.run(depth - 1) if depth else None
            return m.is_grad_enabled(), inside

    assert Model().run(2) == (False, (False, (False, None)))


@every_library
def test_a_decorated_function_that_raises(m):
    @m.no_grad()
    def broken():
        raise KeyError("inside")

    with pytest.raises(KeyError):
        broken()
    assert m.is_grad_enabled()


# --- generators ---------------------------------------------------------------------------------


@every_library
def test_a_generator_has_the_mode_and_its_caller_has_not(m):
    @m.no_grad()
    def counting():
        for _ in range(2):
            yield m.is_grad_enabled()
        return "done"

    seen = []
    for inside in counting():
        seen.append((inside, m.is_grad_enabled()))
    assert seen == [(False, True), (False, True)]

    def outer():
        return (yield from counting())

    generator = outer()
    next(generator)
    next(generator)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"


@every_library
def test_a_generator_is_sent_values_exceptions_and_the_end(m):
    seen = []

    @m.no_grad
    def talking():
        try:
            value = yield "first"
            seen.append(("sent", value, m.is_grad_enabled()))
            try:
                yield "second"
            except KeyError:
                seen.append(("thrown", m.is_grad_enabled()))
                yield "third"
        finally:
            seen.append(("closed", m.is_grad_enabled()))

    generator = talking()
    assert next(generator) == "first"
    assert generator.send(5) == "second"
    assert generator.throw(KeyError()) == "third"
    generator.close()
    assert seen == [("sent", 5, False), ("thrown", False), ("closed", False)]
    assert m.is_grad_enabled()
    with pytest.raises(StopIteration):
        next(generator)


@every_library
def test_a_generator_that_raises(m):
    @m.no_grad()
    def broken():
        yield 1
        raise KeyError("inside")

    generator = broken()
    next(generator)
    with pytest.raises(KeyError):
        next(generator)
    assert m.is_grad_enabled()


def test_the_caller_of_a_generator_keeps_its_own_mode():
    @tg.enable_grad()
    def recording():
        x = leaf(1.0)
        while True:
            yield (x * 2).requires_grad

    generator = recording()
    with tg.no_grad():
        assert next(generator)
        assert not tg.is_grad_enabled()
    assert next(generator)


# --- threads and tasks --------------------------------------------------------------------------


@every_library
def test_each_thread_has_its_own_mode(m):
    seen, inside, leave = [], threading.Event(), threading.Event()

    def off():
        with m.no_grad():
            inside.set()
            leave.wait(10)
            seen.append(m.is_grad_enabled())

    thread = threading.Thread(target=off)
    thread.start()
    inside.wait(10)
    seen.append(m.is_grad_enabled())
    leave.set()
    thread.join()
    with m.no_grad():
        other = threading.Thread(target=lambda: seen.append(m.is_grad_enabled()))
        other.start()
        other.join()
    assert seen == [True, False, True]  # a new thread starts with recording on


def test_each_task_has_its_own_mode():
    async def off(turn, other):
        with tg.no_grad():
            turn.set()
            await other.wait()
            return tg.is_grad_enabled()

    async def on(turn, other):
        await turn.wait()
        enabled = tg.is_grad_enabled()
        other.set()
        await asyncio.sleep(0)
        return enabled and tg.is_grad_enabled()

    async def main():
        turn, other = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(off(turn, other), on(turn, other))

    assert asyncio.run(main()) == [False, True]


def test_a_decorated_coroutine():
    @tg.no_grad()
    async def off(event):
        await event.wait()
        return tg.is_grad_enabled()

    async def main():
        event = asyncio.Event()
        task = asyncio.create_task(off(event))
        await asyncio.sleep(0)
        enabled = tg.is_grad_enabled()
        event.set()
        return await task, enabled

    assert asyncio.run(main()) == (False, True)
    assert inspect.iscoroutinefunction(off)


def test_an_asynchronous_generator_is_refused():
    async def items():
        yield 1

    with pytest.raises(TypeError, match="items: an asynchronous generator cannot be decorated"):
        tg.no_grad()(items)


def test_one_object_shared_by_threads():
    """A decorator is made once and runs everywhere."""

    @tg.no_grad()
    def inside(barrier):
        barrier.wait(10)
        enabled = tg.is_grad_enabled()
        barrier.wait(10)
        return enabled

    results, barrier = [], threading.Barrier(3)
    threads = [
        threading.Thread(target=lambda: results.append((inside(barrier), tg.is_grad_enabled())))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(False, True)] * 3


# --- random numbers -----------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers():
    def draw():
        return [tg.rand(3).tolist(), tg.randn(2).tolist(), tg.randint(9, (4,)).tolist(),
                tg.randperm(5).tolist(), tg.zeros(3).normal_().tolist()]  # fmt: skip

    assert tg.manual_seed(7) is tg.default_generator
    first = draw()
    tg.manual_seed(7)
    assert draw() == first
    tg.manual_seed(8)
    assert draw() != first
    assert tg.initial_seed() == 8


def test_the_state_is_taken_and_put_back():
    tg.manual_seed(1)
    tg.rand(5)
    state = tg.get_rng_state()
    first = tg.randn(4).tolist()
    tg.set_rng_state(state)
    assert tg.randn(4).tolist() == first
    assert tg.initial_seed() == 1


def test_a_state_survives_json():
    generator = tg.Generator().manual_seed(-3)
    tg.rand(3, generator=generator)
    other = tg.Generator()
    other.set_state(json.loads(json.dumps(generator.get_state())))
    assert other.initial_seed() == -3
    first, second = (tg.rand(3, generator=g).tolist() for g in (generator, other))
    assert first == second


def test_a_broken_state_changes_nothing():
    generator = tg.Generator().manual_seed(3)
    state = generator.get_state()
    for broken in ({}, {"bits": {}, "seed": 1}, {"bits": state["bits"]}):
        with pytest.raises(
            ValueError, match="set_state: argument 'state': expected what get_state"
        ):
            generator.set_state(broken)
    assert generator.get_state() == state


def test_generators_are_apart():
    g = tg.Generator().manual_seed(0)
    tg.manual_seed(0)
    first = tg.rand(3).tolist()
    assert tg.rand(3, generator=g).tolist() == first
    legacy = np.random.get_state()[1].tolist()
    tg.rand(3)
    tg.rand(100, generator=g)
    assert np.random.get_state()[1].tolist() == legacy
    np.random.seed(0)
    state = g.get_state()
    np.random.rand(5)
    assert g.get_state() == state


def test_a_new_generator_has_a_fixed_seed_and_a_drawn_one_differs():
    a, b = tg.Generator(), tg.Generator()
    assert tg.rand(3, generator=a).tolist() == tg.rand(3, generator=b).tolist()
    assert a.seed() != b.seed()
    assert a.initial_seed() != b.initial_seed()
    before = tg.get_rng_state()
    assert tg.seed() == tg.initial_seed()
    tg.set_rng_state(before)


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63 - 1, -(2**63), np.int64(5)])
def test_any_integer_is_a_seed(seed):
    a, b = tg.Generator().manual_seed(seed), tg.Generator().manual_seed(seed)
    assert tg.rand(3, generator=a).tolist() == tg.rand(3, generator=b).tolist()
    assert a.initial_seed() == seed


def test_what_is_no_seed():
    state = tg.get_rng_state()
    for bad in ("a", None, [1]):
        with pytest.raises(DTypeError, match="manual_seed: argument 'seed': expected an integer"):
            tg.manual_seed(bad)
    assert tg.get_rng_state() == state
