"""Gradients kept from growing: all scaled by one factor, or each element cut off.

They are changed in place, and only when nothing can fail any more. `foreach` has no effect.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_edu import storage
from tinygrad_edu.dtypes import get_default_dtype
from tinygrad_edu.errors import DTypeError, GraphError, describe
from tinygrad_edu.ops.create import tensor
from tinygrad_edu.tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0,
    error_if_nonfinite: bool = False, foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Scale all gradients by one factor, so that their norm together is at most `max_norm`.

    Returns that norm as it was before, a number. `norm_type` may be inf: the largest absolute
    value. Parameters without a gradient are skipped. A norm that is not finite makes gradients
    nan or 0, or with `error_if_nonfinite` a RuntimeError.
    Errors: DTypeError for what is no tensor. Source: Pascanu, Mikolov and Bengio (2013).

    >>> import tinygrad_edu as tg
    >>> w = tg.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward(); w.grad
    tensor([6., 8.])
    >>> tg.nn.utils.clip_grad_norm_([w], max_norm=1.0), w.grad
    (tensor(10.), tensor([0.6000, 0.8000]))
    """
    if isinstance(parameters, Iterator):
        parameters = list(parameters)
        if not parameters:
            warnings.warn(
                "clip_grad_norm_: the generator of parameters is empty, so nothing is clipped; "
                "ask for parameters() anew each time",
                stacklevel=2,
            )
    grads = _gradients("clip_grad_norm_", parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    _scale(grads, max_norm, total)
    return total


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by max_norm / total_norm, if that is below 1.

    >>> import tinygrad_edu as tg
    >>> w = tg.zeros(2, requires_grad=True); w.grad = tg.tensor([3.0, 4.0])
    >>> tg.nn.utils.clip_grads_with_norm_(w, 1.0, tg.nn.utils.get_total_norm(w.grad)); w.grad
    tensor([0.6000, 0.8000])
    """
    _scale(_gradients("clip_grads_with_norm_", parameters), max_norm, total_norm)


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Cut off the elements of all gradients at +-clip_value.

    >>> import tinygrad_edu as tg
    >>> w = tg.zeros(2, requires_grad=True); w.grad = tg.tensor([0.5, -3.0])
    >>> tg.nn.utils.clip_grad_value_([w], 1.0); w.grad
    tensor([ 0.5000, -1.0000])
    """
    bound = float(clip_value)
    for grad in _gradients("clip_grad_value_", parameters):
        np.clip(grad.array, -bound, bound, out=grad.array)
        storage.wrote(grad.array)


def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """The norm of several tensors as if they were one vector; 0 if there are none.

    Errors: RuntimeError for a norm that is not finite, with `error_if_nonfinite`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.utils.get_total_norm([tg.tensor([3.0]), tg.tensor([[4.0]])])
    tensor(5.)
    """
    arrays = [t.array for t in _listed("get_total_norm", "tensors", tensors)]
    order = float(norm_type)
    with np.errstate(all="ignore"):
        norms = [np.linalg.norm(a.ravel(), order) for a in arrays]
        total = float(np.linalg.norm(norms, order)) if norms else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise GraphError(
            f"the norm of order {order} of the gradients is {total}, so they cannot be clipped; "
            "look for the first loss or layer that is not finite, or leave out error_if_nonfinite"
        )
    dtype = np.result_type(*arrays) if arrays else get_default_dtype()
    return tensor(total, dtype=dtype)


def _scale(grads: list[Tensor], max_norm: float, total: Any) -> None:
    # PyTorch's 1e-6 keeps a norm of 0 from dividing; minimum lets nan through.
    factor = float(np.minimum(float(max_norm) / (float(total) + 1e-6), 1.0))
    if factor == 1:
        return
    for grad in grads:
        np.multiply(grad.array, factor, out=grad.array)
        storage.wrote(grad.array)


def _gradients(name: str, parameters: Tensors) -> list[Tensor]:
    """The gradients there are, all of which can be written."""
    grads = [p.grad for p in _listed(name, "parameters", parameters) if p.grad is not None]
    for grad in grads:
        if not grad.array.flags.writeable:
            raise GraphError(f"{name}: a gradient looks at memory that cannot be written; clone it")
    return grads


def _listed(name: str, argument: str, tensors: Any) -> list[Any]:
    found = (
        [tensors] if isinstance(tensors, Tensor) or not isinstance(tensors, Iterable) else tensors
    )
    found = list(found)
    for t in found:
        if not isinstance(t, Tensor):
            expected, got = "a Tensor or an iterable of Tensors", type(t).__name__
            mend = "of a module give .parameters()" if hasattr(t, "parameters") else ""
            raise DTypeError(describe(name, argument, expected, got, mend))
    return found
