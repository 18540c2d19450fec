"""The functions behind the layers, in one place: `import tinygrad_edu.nn.functional as F`."""

from __future__ import annotations

from tinygrad_edu.ops import pointwise
from tinygrad_edu.ops.activation import dropout, log_softmax, softmax
from tinygrad_edu.ops.conv import conv2d
from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.loss import cross_entropy, mse_loss, nll_loss
from tinygrad_edu.ops.pointwise import sigmoid, tanh
from tinygrad_edu.ops.pool import avg_pool2d, max_pool2d
from tinygrad_edu.tensor import Tensor

__all__ = [
    "avg_pool2d", "conv2d", "cross_entropy", "dropout", "linear", "log_softmax", "max_pool2d",
    "mse_loss", "nll_loss", "relu", "sigmoid", "softmax", "tanh",
]  # fmt: skip


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0) of each element; `inplace` overwrites the input. Gradient: g where x > 0.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else pointwise.relu(input)
