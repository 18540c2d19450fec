"""`tg.autograd`: PyTorch's names for gradients of recorded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_edu.anomaly import detect_anomaly, set_detect_anomaly
from tinygrad_edu.errors import GraphError
from tinygrad_edu.func import gradients as grad
from tinygrad_edu.modes import enable_grad, no_grad, set_grad_enabled
from tinygrad_edu.tensor import Tensor, backward_all

__all__ = [
    "backward", "detect_anomaly", "enable_grad", "grad", "no_grad", "set_detect_anomaly",
    "set_grad_enabled",
]  # fmt: skip


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradients of several tensors, in one pass, to the `.grad` of the leaves.

    See `Tensor.backward`; `grad_tensors` has one gradient per tensor, or None for 1.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> tg.autograd.backward([x * 3, x * x]); x.grad
    tensor(7.)
    """
    outputs = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if grad_tensors is None or isinstance(grad_tensors, Tensor):
        grad_tensors = [grad_tensors] * len(outputs)
    if len(grad_tensors) != len(outputs):
        raise GraphError(
            f"backward: argument 'grad_tensors': expected {len(outputs)} gradients, one per "
            f"tensor, got {len(grad_tensors)}"
        )
    backward_all(outputs, grad_tensors, retain_graph, create_graph, inputs)
