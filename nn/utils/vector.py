"""All parameters as one vector, and back: what optimizers of vectors and line searches want."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_edu.errors import DTypeError, ShapeError, describe
from tinygrad_edu.ops.shape import cat
from tinygrad_edu.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters in one vector. It is recorded: gradients flow back.

    Errors: ValueError if there are none.

    >>> import tinygrad_edu as tg
    >>> tg.nn.utils.parameters_to_vector([tg.ones(2), tg.zeros(1, 1)])
    tensor([1., 1., 0.])
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give parameters the elements of a vector, in order; they share its memory.

    Errors: DTypeError if `vec` is no tensor of floats, ShapeError unless it has as many elements
    as the parameters together; then nothing was changed.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Linear(2, 1)
    >>> tg.nn.utils.vector_to_parameters(tg.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.bias
    Parameter containing:
    tensor([3.], requires_grad=True)
    """
    name = "vector_to_parameters"
    found = list(parameters)
    if not isinstance(vec, Tensor):
        raise DTypeError(describe(name, "vec", "a Tensor", type(vec).__name__))
    if vec.dtype.kind != "f" and any(p.requires_grad for p in found):
        raise DTypeError(describe(name, "vec", "floats for what requires gradients", vec.dtype))
    if (wanted := sum(p.numel() for p in found)) != vec.numel():
        raise ShapeError(describe(name, "vec", f"{wanted} elements", f"shape {vec.shape}"))
    rest = vec.detach().reshape(-1)
    for p in found:
        p.data, rest = rest[: p.numel()].reshape(p.shape), rest[p.numel() :]
