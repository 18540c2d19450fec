"""What to call the functions of a course with, and how a file says it of its own.

Inputs are written by argument: a tuple is the shape of an array that is drawn, and a function is
called with a generator of random numbers to draw one; these get a gradient. Anything else, such as
labels and settings, is handed over as it is and gets none.
"""

from __future__ import annotations

import ast
import inspect
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["KNOWN", "LOSSES", "InputError", "arguments", "parse"]

Inputs = Mapping[str, Any]


class InputError(ValueError):
    """Inputs that do not fit a function, or are not written as inputs."""


# Small, and with sides of different lengths: mistakes of axes show.
_AFFINE = {"x": (4, 2, 3), "w": (6, 5), "b": (5,)}
_TRAINING = {"mode": "train"}
_NORM = {"x": (5, 4), "gamma": (4,), "beta": (4,)}
_CONV = {"x": (2, 3, 4, 6), "w": (2, 3, 3, 3), "b": (2,)}
_SAME = {"stride": 1, "pad": 1}
_HALVES = {"pool_height": 2, "pool_width": 2, "stride": 2}
_LABELS = np.array([0, 2, 1, 2])
_LINEAR = {"W": (6, 3), "X": np.sin(np.arange(24.0)).reshape(4, 6), "y": _LABELS, "reg": 0.3}

KNOWN: dict[str, Inputs] = {
    "affine": _AFFINE,
    "relu": {"x": (4, 5)},
    "dropout": {"x": (5, 6), "dropout_param": {"mode": "train", "p": 0.6, "seed": 123}},
    "batchnorm": {**_NORM, "bn_param": _TRAINING},
    "layernorm": {"x": (4, 5), "gamma": (5,), "beta": (5,), "ln_param": {}},
    "conv": {
        "x": (2, 3, 5, 7), "w": (4, 3, 3, 3), "b": (4,), "conv_param": {"stride": 2, "pad": 1},
    },
    "max_pool": {"x": (2, 3, 4, 6), "pool_param": _HALVES},
    "spatial_batchnorm": {"x": (2, 3, 4, 5), "gamma": (3,), "beta": (3,), "bn_param": _TRAINING},
    "spatial_groupnorm": {
        "x": (2, 4, 3, 5), "gamma": (1, 4, 1, 1), "beta": (1, 4, 1, 1), "G": 2, "gn_param": {},
    },
    "affine_relu": _AFFINE,
    "affine_bn_relu": {**_AFFINE, "gamma": (5,), "beta": (5,), "bn_param": _TRAINING},
    "conv_relu": {**_CONV, "conv_param": _SAME},
    "conv_bn_relu": {
        **_CONV, "gamma": (2,), "beta": (2,), "conv_param": _SAME, "bn_param": _TRAINING,
    },
    "conv_relu_pool": {**_CONV, "conv_param": _SAME, "pool_param": _HALVES},
}  # fmt: skip

LOSSES: dict[str, Inputs] = {
    "softmax_loss": {"x": (4, 3), "y": _LABELS},
    "svm_loss": {"x": (4, 3), "y": _LABELS},
    **{
        f"{kind}_loss_{way}": _LINEAR
        for kind in ("softmax", "svm")
        for way in ("naive", "vectorized")
    },
}


def parse(text: str) -> tuple[str, Inputs]:
    """The name and the inputs in a text like `swish(x=(4, 5), beta=1.5)`.

    Errors: InputError if it is written in another way.

    >>> from tinygrad_edu.testing.homework.inputs import parse
    >>> parse("swish(x=(4, 5), beta=1.5)")
    ('swish', {'x': (4, 5), 'beta': 1.5})
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args:
            return call.func.id, {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError):
        pass
    raise InputError(f"expected 'NAME(x=(4, 5), beta=1.5)', a shape for each input, got {text!r}")


def arguments(
    name: str, function: Callable, inputs: Inputs, *, by_place: bool
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The inputs of a function, drawn the same in every run, and its other arguments by name.

    With `by_place` the function may name its arguments as it likes, as long as there are as many.

    Errors: InputError if it takes others.
    """
    usual = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    takes = {n: p for n, p in inspect.signature(function).parameters.items() if p.kind in usual}
    given = dict(zip(takes, inputs.values(), strict=False)) if by_place else dict(inputs)
    needed = {n for n, p in takes.items() if p.default is p.empty}
    if len(given) < len(inputs) or not needed <= set(given) <= set(takes):
        raise InputError(
            f"{function.__name__} takes {', '.join(takes) or 'nothing'}, and its inputs are given "
            f"for {', '.join(inputs) or 'nothing'}"
        )
    random = np.random.default_rng(zlib.crc32(name.encode()))
    drawn, others = [], {}
    for argument, parameter in takes.items():
        value = given.get(argument, parameter.default)
        if argument in given and isinstance(value, tuple):
            drawn.append(random.standard_normal(value))
        elif argument in given and callable(value):
            drawn.append(np.asarray(value(random), np.float64))
        else:
            others[argument] = value
    if not drawn:
        raise InputError(f"{function.__name__} gets no input: give one a shape, like x=(4, 5)")
    return drawn, others
