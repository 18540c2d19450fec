"""A pair of functions, forward and backward, run on copies of its inputs."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.testing.doctor.streams import Streams

__all__ = ["Pair", "Run"]

Arrays = Sequence[np.ndarray]


@dataclass
class Run:
    """One call of forward: its outputs and cache, and what it was given, as it left that."""

    outs: tuple[np.ndarray, ...]
    cache: Any
    inputs: list[np.ndarray]
    params: dict[str, Any]

    @property
    def vector(self) -> np.ndarray:
        """All outputs, one after the other, in float64."""
        return np.concatenate([np.zeros(0), *(o.astype(np.float64).ravel() for o in self.outs)])


class Pair:
    """`*outs, cache = forward(*inputs, **params)` and `grads = backward(*douts, cache)`.

    Without `backward`, forward returns a loss and its gradients, whose upstream gradient is 1.
    Every call gets copies, and the random streams as they stood in the beginning.
    """

    def __init__(
        self, forward: Callable, backward: Callable | None, inputs: Sequence[Any],
        params: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.forward, self.backward, self.params = forward, backward, dict(params)
        self.names, self.by_name = _names(forward, len(inputs), params)
        self.inputs = [_floats(name, x) for name, x in zip(self.names, inputs, strict=True)]
        self.upstream = backward is not None
        self.streams = Streams(forward, backward)

    def settings(self) -> dict[str, Any]:
        """A copy of the settings."""
        return copy.deepcopy(self.params)

    def drew(self, params: dict[str, Any]) -> bool:
        """Whether a generator among the settings is no longer where it was."""
        return any(
            isinstance(value, np.random.Generator)
            and value.bit_generator.state != self.params[name].bit_generator.state
            for name, value in params.items()
        )

    def call(self, inputs: Sequence[Any], params: Mapping[str, Any] | None = None) -> Any:
        """What forward returns for these very inputs, which it may write to."""
        settings = self.settings() if params is None else params
        with np.errstate(all="ignore"):
            if self.by_name:
                return self.forward(**dict(zip(self.names, inputs, strict=True)), **settings)
            return self.forward(*inputs, **settings)

    def run(self, inputs: Arrays | None = None, params: Mapping[str, Any] | None = None) -> Run:
        """Call forward on copies, with the random streams put back before."""
        given = [np.array(x) for x in (self.inputs if inputs is None else inputs)]
        settings = copy.deepcopy(self.params if params is None else dict(params))
        self.streams.restore(self.streams.start)
        result = self.call(given, settings)
        return Run(*self.parts(result), given, settings)

    def parts(self, result: Any) -> tuple[tuple[np.ndarray, ...], Any]:
        """The outputs and the cache (or gradients) in what forward returned."""
        if not isinstance(result, tuple | list) or len(result) < 2:
            expected = "(out, cache)" if self.upstream else "(loss, gradients)"
            got = type(result).__name__
            raise ValueError(
                describe("diagnose", "forward", f"a function returning {expected}", got)
            )
        outs = tuple(np.asarray(out) for out in result[:-1])
        for out in outs:
            if not np.issubdtype(out.dtype, np.floating):
                raise DTypeError(
                    describe("diagnose", "forward", "outputs of floating point", out.dtype)
                )
        if not self.upstream and (len(outs) > 1 or outs[0].size != 1):
            raise ValueError(
                describe("diagnose", "forward", "one loss, as there is no backward",
                         f"outputs of shape {[o.shape for o in outs]}", "give backward too")
            )  # fmt: skip
        return outs, result[-1]

    def value(self, inputs: Arrays, params: Mapping[str, Any] | None = None) -> np.ndarray:
        """All outputs as one vector."""
        return self.run(inputs, params).vector

    def gradients(self, run: Run, douts: Arrays) -> Any:
        """What backward returns for these very upstream gradients."""
        if self.backward is None:
            return run.cache
        with np.errstate(all="ignore"):
            return self.backward(*douts, run.cache)

    def split(self, vector: np.ndarray, outs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """A vector of upstream gradients in the shapes of the outputs."""
        ends = np.cumsum([out.size for out in outs])[:-1]
        return [
            part.reshape(out.shape).copy()
            for part, out in zip(np.split(vector, ends), outs, strict=True)
        ]

    def listed(self, gradients: Any) -> list | str:
        """One gradient per input, whatever the form they came in; or what is wrong with it."""
        if isinstance(gradients, Mapping):
            return [gradients.get(n, gradients.get(f"d{n}")) for n in self.names]
        found = list(gradients) if isinstance(gradients, tuple | list) else [gradients]
        if len(found) == len(self.names):
            return found
        return f"Backward returns {len(found)} gradients for {len(self.names)} inputs"


def _names(forward: Callable, count: int, params: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The parameters the inputs belong to, and whether they must be given by name."""
    try:
        signature = inspect.signature(forward)
    except (TypeError, ValueError):
        return [f"input{i}" for i in range(count)], False
    named = [
        name
        for name, p in signature.parameters.items()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    free = [name for name in named if name not in params]
    if count > len(free):
        if not any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values()):
            raise TypeError(
                describe("diagnose", "inputs", f"at most {len(free)} ({', '.join(free)})", count,
                         "labels and settings go in as keywords")
            )  # fmt: skip
        free += [f"input{i}" for i in range(len(free), count)]
    return free[:count], free[:count] != named[:count] and count <= len(named)


def _floats(name: str, x: Any) -> np.ndarray:
    """A copy in float64, in which differences are taken."""
    array = np.asarray(x)
    if not np.issubdtype(array.dtype, np.floating):
        raise DTypeError(
            describe("diagnose", name, "an array of floating point", array.dtype,
                     f"labels and settings go in as keywords: {name}={name}")
        )  # fmt: skip
    return array.astype(np.float64)
