"""Modes that code switches on and off: recording of gradients, and the random generator.

Whether operations are recorded is a context variable: each thread and each asynchronous task has
its own value, and a new thread starts with recording on.
"""

from __future__ import annotations

import functools
import inspect
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu.errors import DTypeError, describe

grad_mode: ContextVar[bool] = ContextVar("tinygrad_edu_grad_mode", default=True)
is_grad_enabled = grad_mode.get

F = TypeVar("F", bound=Callable[..., Any])


class _GradMode:
    """Base of the switches: a context manager, and a decorator of functions of every kind."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(grad_mode.get())
        grad_mode.set(self.mode)

    def __exit__(self, *exc: object) -> None:
        grad_mode.set(self._before.pop())

    def __call__(self, function: F) -> F:
        mode = self.mode
        if inspect.isgeneratorfunction(function):
            return _wrap_generator(function, mode)
        if inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__}: an asynchronous generator cannot be decorated; use "
                "`with no_grad():` inside it"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with _GradMode(mode):
                    return await function(*args, **kwargs)

            return awaited  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with _GradMode(mode):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


def _wrap_generator(function: Any, mode: bool) -> Any:
    """Give the mode to the body of a generator only, not to the caller between two items."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step, value = generator.send, None
        while True:
            try:
                with _GradMode(mode):
                    item = step(value)
            except StopIteration as stop:
                return stop.value
            try:
                value = yield item
                step = generator.send
            except GeneratorExit:
                with _GradMode(mode):
                    generator.close()
                raise
            except BaseException as error:
                step, value = generator.throw, error

    return wrapped


class no_grad(_GradMode):
    """Do not record operations: results need no gradient and in-place writes are free.

    A context manager or a decorator; per thread, nests, and survives exceptions.

    >>> import tinygrad_edu as tg
    >>> w = tg.ones(2, requires_grad=True)
    >>> with tg.no_grad():
    ...     w -= 0.5
    >>> w
    tensor([0.5000, 0.5000], requires_grad=True)
    """

    def __new__(cls, function: Any = None) -> Any:
        # PyTorch allows the decorator with and without parentheses.
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(no_grad):
    """Record operations again inside a `no_grad` block.

    >>> import tinygrad_edu as tg
    >>> x = tg.ones(2, requires_grad=True)
    >>> with tg.no_grad(), tg.enable_grad():
    ...     (x * 2).requires_grad
    True
    """

    def __init__(self) -> None:
        _GradMode.__init__(self, True)


class inference_mode(no_grad):
    """As `no_grad`; with `mode=False` as `enable_grad`. Results are ordinary tensors.

    >>> import tinygrad_edu as tg
    >>> with tg.inference_mode():
    ...     tg.is_grad_enabled()
    False
    """

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls, mode if callable(mode) else None)

    def __init__(self, mode: bool = True) -> None:
        _GradMode.__init__(self, not mode)


class set_grad_enabled(_GradMode):
    """Switch recording on or off at once, or for a `with` block.

    >>> import tinygrad_edu as tg
    >>> with tg.set_grad_enabled(False):
    ...     tg.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._outside = grad_mode.get()
        grad_mode.set(self.mode)

    def __enter__(self) -> None:
        self._before.append(self._outside)
        grad_mode.set(self.mode)

    def __call__(self, function: F) -> F:
        grad_mode.set(self._outside)  # as a decorator it acts inside the function only
        return super().__call__(function)


class Generator:
    """A stream of pseudo-random numbers (PCG64), apart from NumPy's global one.

    `numpy` is the `np.random.Generator` behind it; `get_state` and `set_state` take and put back
    its place in the stream.

    >>> import tinygrad_edu as tg
    >>> generator = tg.Generator().manual_seed(3)
    >>> state = generator.get_state()
    >>> first = tg.rand(2, generator=generator)
    >>> generator.set_state(state)
    >>> bool((tg.rand(2, generator=generator) == first).all())
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self.manual_seed(67280421310721)  # PyTorch's seed of a new generator

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of this seed (any integer)."""
        try:
            self._seed = int(seed)
        except (TypeError, ValueError):
            raise DTypeError(describe("manual_seed", "seed", "an integer", repr(seed))) from None
        # SeedSequence takes no negative numbers; PyTorch maps them to the upper half of 64 bits.
        self.numpy = np.random.Generator(np.random.PCG64(self._seed % 2**64))
        return self

    def seed(self) -> int:
        """Start at a seed drawn from the operating system, and return it."""
        self.manual_seed(secrets.randbits(64))
        return self._seed

    def initial_seed(self) -> int:
        """The seed the stream was started with."""
        return self._seed

    def get_state(self) -> dict:
        """The place in the stream, as a dictionary of numbers and strings (fit for JSON)."""
        return {"seed": self._seed, "bits": self.numpy.bit_generator.state}

    def set_state(self, state: dict) -> None:
        """Go back to a place that `get_state` gave.

        Errors: ValueError if it is something else.
        """
        fresh = np.random.PCG64()
        try:
            fresh.state = state["bits"]
            seed = int(state["seed"])
        except (KeyError, TypeError, ValueError) as error:
            wanted = "what get_state returned"
            raise ValueError(describe("set_state", "state", wanted, repr(state))) from error
        self.numpy, self._seed = np.random.Generator(fresh), seed


default_generator = Generator()
default_generator.seed()

# A worker thread of a DataLoader has a stream of its own here, so that what it draws does not
# depend on what other threads draw.
_generator: ContextVar[Generator] = ContextVar("tinygrad_edu_generator", default=default_generator)


def use_generator(generator: Generator) -> None:
    """Let this thread (or asynchronous task) draw from `generator` where none is given."""
    _generator.set(generator)


def manual_seed(seed: int) -> Generator:
    """Seed the default generator and return it.

    >>> import tinygrad_edu as tg
    >>> _ = tg.manual_seed(0); a = tg.rand(3)
    >>> _ = tg.manual_seed(0); b = tg.rand(3)
    >>> bool((a == b).all())
    True
    """
    return _generator.get().manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system and return the seed."""
    return _generator.get().seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return _generator.get().initial_seed()


def get_rng_state() -> dict:
    """The place of the default generator in its stream."""
    return _generator.get().get_state()


def set_rng_state(state: dict) -> None:
    """Put the default generator back to a place that `get_rng_state` gave."""
    _generator.get().set_state(state)


def numpy_generator(generator: Generator | None) -> np.random.Generator:
    """The NumPy generator to draw from: the given one's, or the default one's."""
    return (_generator.get() if generator is None else generator).numpy
