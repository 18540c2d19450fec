"""Parameter: a tensor that a module learns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.dtypes import get_default_dtype
from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.modes import no_grad
from tinygrad_edu.tensor import Tensor, make

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A tensor that a `Module` registers when it is assigned as an attribute.

    It shares the memory of `data` (an empty tensor if there is none) and requires a gradient
    unless told otherwise. Operations on it give plain tensors.
    Errors: DTypeError if `data` is no tensor, or holds integers and a gradient is required.

    >>> import tinygrad_edu as tg
    >>> w = tg.nn.Parameter(tg.tensor([1.0, 2.0])); w
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    >>> type(w * 2).__name__
    'Tensor'
    """

    __slots__ = ()

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        if data is not None and not isinstance(data, Tensor):
            mend = "make one with tg.tensor(...)"
            raise DTypeError(describe("Parameter", "data", "a Tensor", type(data).__name__, mend))
        self.array = np.empty(0, get_default_dtype()) if data is None else data.array
        self.node = self.alias = self._grad = None
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        # Without the gradient, which PyTorch leaves behind as well.
        if id(self) not in memo:
            memo[id(self)] = type(self)(make(self.array.copy(), None), self.requires_grad)
        return memo[id(self)]


def clear_gradients(parameters: Iterable[Tensor], set_to_none: bool) -> None:
    """Forget the gradients of `parameters`, or set them to zeros in place."""
    for p in parameters:
        grad = p.grad
        if grad is None:
            continue
        if set_to_none:
            p.grad = None
            continue
        if grad.requires_grad:
            grad.detach_()
        with no_grad():
            grad.zero_()
