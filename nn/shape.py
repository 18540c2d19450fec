"""Layers that only pass their input on, or arrange it in another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.ops.rearrange import unflatten
from tinygrad_edu.ops.shape import flatten
from tinygrad_edu.tensor import Tensor

from . import functional
from .function import OneInput
from .module import Module

__all__ = ["Flatten", "Fold", "Identity", "Unflatten", "Unfold"]


class Identity(Module):
    """Returns its input, whatever the arguments it was made with: a layer taken out of a network.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Identity()(tg.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """The input itself."""
        return input


class Flatten(OneInput, function=flatten):
    """Merges the dims from `start_dim` to `end_dim`: by default all but the first.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Flatten()(tg.zeros(2, 3, 4)).shape
    (2, 12)
    """

    start_dim: int = 1
    end_dim: int = -1


class Unflatten(OneInput, function=unflatten):
    """Splits the dim `dim` into dims of the sizes `unflattened_size`, one of which may be -1.

    Errors: TypeError unless the sizes are a tuple or list of ints, ShapeError if they do not
    multiply to the size of the dim.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Unflatten(1, (3, 4))(tg.zeros(2, 12)).shape
    (2, 3, 4)
    """

    dim: int
    unflattened_size: Sequence[int]

    def __post_init__(self) -> None:
        sizes = self.unflattened_size
        if not isinstance(sizes, (tuple, list)) or not all(isinstance(n, int) for n in sizes):
            got = repr(sizes)
            raise DTypeError(describe("Unflatten", "unflattened_size", "a tuple of ints", got))

    def forward(self, input: Tensor) -> Tensor:
        """The input with that dim split."""
        return unflatten(input, self.dim, self.unflattened_size)


# --- windows and columns --------------------------------------------------------------------------


class Unfold(OneInput, function=functional.unfold):
    """The windows of images as columns (im2col); see `unfold`.

    Shapes: (N, C, H, W) -> (N, C KH KW, L), (C, H, W) -> (C KH KW, L), with L windows.

    >>> import tinygrad_edu as tg
    >>> tg.nn.Unfold(2)(tg.zeros(2, 3, 5, 6)).shape
    (2, 12, 20)
    """

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1


class Fold(OneInput, function=functional.fold):
    """Images from columns (col2im): what `Unfold` took apart, with overlaps added; see `fold`.

    Shapes: (N, C KH KW, L) -> (N, C, H, W), (C KH KW, L) -> (C, H, W), with `output_size` (H, W).

    >>> import tinygrad_edu as tg
    >>> tg.nn.Fold((2, 3), 2)(tg.ones(4, 2))
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1
