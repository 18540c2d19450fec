"""Networks: layers in a row that fit each other and an input."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np

from tinygrad_edu import nn
from tinygrad_edu.modes import default_generator, no_grad
from tinygrad_edu.nn.module import Module
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.testing.strategies.basic import Shape, tensors

__all__ = ["Network", "networks"]

Layer = tuple[Callable[[], Module], Shape]  # how to make it, and the shape it gives an example

SMOOTH = [nn.Tanh, nn.Sigmoid, nn.Softplus, nn.GELU, nn.SiLU]
WITH_KINKS = [nn.ReLU, nn.LeakyReLU, nn.Hardtanh]


class Network(NamedTuple):
    """A module, and an input that it takes."""

    module: Module
    input: Tensor


@st.composite
def networks(
    draw: st.DrawFn, *, images: bool = False, max_layers: int = 3, kinks: bool = False,
    dtype: Any = np.float64,
) -> Network:  # fmt: skip
    """Networks of one to `max_layers` layers, each with a batch that fits it.

    The batch is (N, D), or with `images` (N, C, H, W); N is 2 or 3. Parameters are drawn from -1 to
    1. Layers are smooth, unless `kinks` lets in ReLU, max pooling and their kin; nothing in them is
    random. Shrinks to one layer, and to few and round numbers.
    """
    width = st.integers(1, 3)
    first = (draw(width), *(draw(st.integers(1, 4)) for _ in range(2 if images else 0)))
    n, shape = draw(st.integers(2, 3)), first
    layers: list[Module] = []
    before = default_generator.get_state()
    try:
        for _ in range(draw(st.integers(1, max_layers))):
            activations = [(kind, shape) for kind in SMOOTH + (WITH_KINKS if kinks else [])]
            others = _fitting(shape, draw(width), kinks)
            make, shape = draw(st.sampled_from(activations) | st.sampled_from(others))
            layers.append(make())
    finally:  # the first weights, drawn anew below, do not count
        default_generator.set_state(before)
    module = nn.Sequential(*layers).to(dtype)
    # Numbers last: when a shape shrinks, fewer are drawn, and nothing else changes.
    batch = draw(tensors((n, *first), dtype=dtype))
    values = {"dtype": dtype, "requires_grad": False, "min_value": -1, "max_value": 1}
    with no_grad():
        for parameter in module.parameters():
            parameter.copy_(draw(tensors(parameter.shape, **values)))
    return Network(module, batch)


def _fitting(shape: Shape, width: int, kinks: bool) -> list[Layer]:
    """The layers beside activations that take examples of this shape."""
    channels, *sides = shape
    if not sides:
        layers: list[Layer] = [
            (lambda: nn.Linear(channels, width), (width,)),
            (lambda: nn.LayerNorm(channels), shape),
            (lambda: nn.BatchNorm1d(channels), shape),
        ]
    else:
        layers = [
            (lambda: nn.Conv2d(channels, width, 3, padding=1), (width, *sides)),
            (lambda: nn.BatchNorm2d(channels), shape),
            (lambda: nn.GroupNorm(channels, channels), shape),
            (nn.Flatten, (prod(shape),)),
        ]
        if min(sides) > 1:
            halves = (channels, *(side // 2 for side in sides))
            layers.append((lambda: nn.AvgPool2d(2), halves))
            layers += [(lambda: nn.MaxPool2d(2), halves)] if kinks else []
    return layers
