"""The functions of a file that have gradients to check."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from types import ModuleType
from typing import NamedTuple

from tinygrad_edu.testing.homework.inputs import LOSSES

__all__ = ["Exercise", "exercises"]

_FORWARD = re.compile(r"(\w+)_forward(_\w+)?")
_BACKWARD = re.compile(r"(\w+)_backward(_\w+)?")


class Exercise(NamedTuple):
    """A pair of functions, or (without `backward`) one that gives a loss and its gradients.

    `name` is what table and report call it, `layer` the name its inputs are known by.
    """

    name: str
    layer: str
    forward: Callable
    backward: Callable | None


def exercises(module: ModuleType, losses: Collection[str] = ()) -> list[Exercise]:
    """The exercises that a module defines, in its order.

    These are `NAME_forward` and `NAME_backward`, also with an ending (`conv_forward_naive`), where
    `batchnorm_backward_alt` without a forward of its own takes `batchnorm_forward`; and losses by
    the names of a course or of `losses`. What the module imports from elsewhere is not its own.
    """
    functions = {
        name: value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    }
    found = []
    for name, function in functions.items():
        if match := _BACKWARD.fullmatch(name):
            layer, ending = match[1], match[2] or ""
            forward = functions.get(f"{layer}_forward{ending}", functions.get(f"{layer}_forward"))
            if forward is not None:
                found.append(Exercise(layer + ending, layer, forward, function))
        elif name in LOSSES or (name in losses and not _FORWARD.fullmatch(name)):
            found.append(Exercise(name, name, function, None))
    return found
