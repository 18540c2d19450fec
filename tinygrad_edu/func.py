"""Transformations of functions: gradients as functions of their inputs, of any order.

An argument may be a tensor, an array, a number, or a tuple, list or dictionary of them (the
parameters of a model, say); its gradient has the same structure. What a function returns carries a
graph only if there is one outside: if an argument belongs to it, or a tensor that the function
refers to. So transformations nest, and a gradient taken alone is a plain tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, GraphError, ShapeError
from tinygrad_edu.modes import enable_grad, is_grad_enabled
from tinygrad_edu.ops.create import tensor
from tinygrad_edu.ops.rearrange import stack
from tinygrad_edu.tensor import Tensor, differentiate, make
from tinygrad_edu.trees import detached, leaves_of, like, map_tree

__all__ = [
    "grad", "grad_and_value", "hessian", "jacobian", "jacrev", "jvp", "value_and_grad", "vjp",
]  # fmt: skip


def gradients(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`: `tg.autograd.grad`.

    No `.grad` is touched. `grad_outputs` are the gradients to start from (1 for an output of one
    element), `create_graph` makes the result differentiable, `allow_unused` lets an input that
    plays no part have the gradient None, `materialize_grads` zeros.
    `only_inputs` has no effect, as in PyTorch.
    Errors: GraphError if an input plays no part and that is not allowed, or as `backward`.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (slope,) = tg.autograd.grad(x ** 3, x, create_graph=True)
    >>> tg.autograd.grad(slope, x)
    (tensor(18.),)
    """
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    ins = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if not ins:
        raise GraphError("grad: argument 'inputs': expected at least one tensor, got none")
    if materialize_grads and allow_unused is False:
        raise GraphError(
            "grad: materialize_grads=True makes zeros for inputs that play no part, which "
            "allow_unused=False forbids; leave one of them out"
        )
    if grad_outputs is None or isinstance(grad_outputs, (Tensor, np.ndarray)):
        grad_outputs = [grad_outputs] * len(outs)
    if len(grad_outputs) != len(outs):
        raise GraphError(
            f"grad: argument 'grad_outputs': expected {len(outs)} gradients, one for each output, "
            f"got {len(grad_outputs)}"
        )
    found = differentiate(outs, ins, grad_outputs, retain_graph, create_graph, "grad")
    for i, g in enumerate(found):
        if g is None and not allow_unused and not materialize_grads:
            raise GraphError(
                f"grad: argument 'inputs': tensor {i} plays no part in the outputs; if that is "
                "meant, set allow_unused=True"
            )
    return tuple(_own(g, x, materialize_grads) for g, x in zip(found, ins, strict=True))


def _own(g: Any, x: Tensor, materialize: bool) -> Tensor | None:
    """A gradient as a tensor of its own: the walk may hand out one array twice."""
    if g is None:
        return make(np.zeros(x.shape, x.dtype), None) if materialize else None
    return g if isinstance(g, Tensor) else make(np.array(g, x.dtype, order="C"), None)


# --- the graph of one call ----------------------------------------------------------------------


def _fresh(value: Any) -> Tensor:
    """A tensor with the value of an argument, to be differentiated with respect to.

    A tensor that has a graph stays connected to it, so that transformations nest.
    """
    if not isinstance(value, Tensor):
        value = tensor(value)
    if value.requires_grad and is_grad_enabled():
        return value.view_as(value)
    return value.detach().requires_grad_()


def _tensors(name: str, output: Any) -> list[Tensor]:
    """The tensors that a function returned."""
    outputs = leaves_of(output)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise DTypeError(
                f"{name}: expected a function that returns a Tensor or a tuple of them, got "
                f"{type(y).__name__}"
            )
    return outputs


def _is_linked(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> bool:
    """Whether the outputs depend on a graph other than that of `inputs`."""
    if not is_grad_enabled():
        return False
    own = {x.node for x in inputs}
    if not all(x.is_leaf for x in inputs):
        return True
    seen = own | {None}
    found = [y.node for y in outputs]
    for node in found:  # grows while it is read
        if node not in seen:
            assert node is not None
            if node.op is None:
                return True
            seen.add(node)
            found.extend(node.parents)
    return False


def _pull(
    name: str, outputs: Sequence[Tensor], seeds: Sequence[Any], inputs: Sequence[Tensor],
    linked: bool,
) -> list[Tensor]:  # fmt: skip
    """The gradients of the outputs together, recorded if `linked`; zeros for what is not used."""
    pairs = [(y, g) for y, g in zip(outputs, seeds, strict=True) if y.requires_grad]
    found: list = [None] * len(inputs)
    if pairs:
        outs, gs = zip(*pairs, strict=True)
        found = differentiate(outs, inputs, gs, True, linked, name)
    return [_own(g, x, True) for g, x in zip(found, inputs, strict=True)]  # type: ignore[misc]


def _chosen(name: str, args: Sequence[Any], argnums: int | Sequence[int]) -> Any:
    """The arguments to differentiate with respect to, as one structure."""
    if isinstance(argnums, int):
        return _argument(name, args, argnums)
    if not argnums:
        raise ValueError(f"{name}: argument 'argnums': expected at least one number, got none")
    return tuple(_argument(name, args, i) for i in argnums)


def _argument(name: str, args: Sequence[Any], i: int) -> Any:
    if not -len(args) <= i < len(args):
        raise ValueError(
            f"{name}: argument 'argnums': expected the number of one of the {len(args)} "
            f"positional arguments, got {i}"
        )
    return args[i]


def _opened(
    name: str, args: Sequence[Any], argnums: int | Sequence[int]
) -> tuple[list, list[Tensor], Any]:
    """The arguments with fresh tensors at `argnums`; these tensors; and their structure."""
    tree = _chosen(name, args, argnums)
    fresh = map_tree(_fresh, tree)
    values = list(args)
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    for i, value in zip(numbers, (fresh,) if isinstance(argnums, int) else fresh, strict=True):
        values[i] = value
    return values, leaves_of(fresh), tree


# --- the transformations ------------------------------------------------------------------------


def value_and_grad(
    func: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple]:
    """A function that returns (value, gradient) of a scalar function.

    The gradient is taken with respect to the argument `argnums` (a tuple of them for several).
    With `has_aux` the function returns (value, aux) and the result is ((value, aux), gradient).
    Errors: ShapeError if the value is not a 0-d tensor.

    >>> import tinygrad_edu as tg
    >>> tg.func.value_and_grad(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    (tensor(5.), tensor([2., 4.]))
    """

    def wrapped(*args: Any, **kwargs: Any) -> tuple:
        values, inputs, tree = _opened("grad", args, argnums)
        with enable_grad():
            output = func(*values, **kwargs)
        value, aux = output if has_aux else (output, None)
        (value,) = _tensors("grad", value)
        if value.ndim:
            raise ShapeError(
                f"grad: expected a function with a 0-d result, got shape {value.shape}; sum it, or "
                "use vjp or jacobian"
            )
        linked = _is_linked([value], inputs)
        found = like(tree, iter(_pull("grad", [value], [None], inputs, linked)))
        if not linked:
            value, aux = value.detach(), detached(aux)
        return ((value, aux) if has_aux else value), found

    return wrapped


def grad(func: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """A function that returns the gradient of a scalar function.

    With `has_aux` the function returns (value, aux) and the result is (gradient, aux).

    >>> import tinygrad_edu as tg
    >>> cube = lambda x: x ** 3
    >>> tg.func.grad(tg.func.grad(cube))(tg.tensor(2.0))
    tensor(12.)
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, found = value_and_grad(func, argnums, has_aux)(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return wrapped


def grad_and_value(
    func: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable:
    """As `value_and_grad`, in PyTorch's order: (gradient, value)."""

    def wrapped(*args: Any, **kwargs: Any) -> tuple:
        value, found = value_and_grad(func, argnums, has_aux)(*args, **kwargs)
        return found, value

    return wrapped


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """The result of `func`, and a function that carries a gradient back through it.

    `out, backward = vjp(f, x, w, b)` is a course's pair of functions in one call:
    `out, cache = f_forward(x, w, b)` and `dx, dw, db = f_backward(dout, cache)`. The cache is the
    graph, and `backward(dout)` closes over it. It returns a tuple with one gradient per input, as
    in PyTorch also for a single input, and may be called again. With `has_aux` the function
    returns (out, aux), and aux is handed through as a third value.

    >>> import tinygrad_edu as tg
    >>> out, backward = tg.func.vjp(lambda x, w: x * w, tg.tensor([2.0]), tg.tensor([5.0]))
    >>> out, backward(tg.tensor([1.0]))
    (tensor([10.]), (tensor([5.]), tensor([2.])))
    """
    values, inputs, tree = _opened("vjp", primals, tuple(range(len(primals))))
    with enable_grad():
        output = func(*values)
    output, aux = output if has_aux else (output, None)
    outputs = _tensors("vjp", output)
    linked = _is_linked(outputs, inputs)

    def backward(*dout: Any) -> tuple:
        seeds = leaves_of(dout)
        if len(seeds) != len(outputs):
            raise GraphError(
                f"vjp: expected {len(outputs)} gradients, one per output, got {len(seeds)}"
            )
        nested = linked or any(isinstance(g, Tensor) and g.requires_grad for g in seeds)
        return like(tree, iter(_pull("vjp", outputs, seeds, inputs, nested)))

    if not linked:
        output, aux = detached(output), detached(aux)
    return (output, backward, aux) if has_aux else (output, backward)


def jvp(func: Callable, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The result of `func`, and its derivative along the direction `tangents`.

    The gradient v -> J^T v is linear in v, so its own gradient is the product J t: two reverse
    passes make a forward one (Townsend, 2017).

    >>> import tinygrad_edu as tg
    >>> tg.func.jvp(lambda x: x * x, (tg.tensor([3.0]),), (tg.tensor([1.0]),))
    (tensor([9.]), tensor([6.]))
    """
    values, inputs, _ = _opened("jvp", primals, tuple(range(len(primals))))
    directions = [t if isinstance(t, Tensor) else tensor(t) for t in leaves_of(tuple(tangents))]
    if len(directions) != len(inputs):
        raise GraphError(
            f"jvp: expected {len(inputs)} tangents, one per primal, got {len(directions)}"
        )
    for i, (x, t) in enumerate(zip(inputs, directions, strict=True)):
        if x.shape != t.shape:
            raise ShapeError(f"jvp: tangent {i}: expected shape {x.shape}, got {t.shape}")
    with enable_grad():
        output = func(*values)
        outputs = _tensors("jvp", output)
        vs = [make(np.zeros_like(y.array), None).requires_grad_() for y in outputs]
        pulled = _pull("jvp", outputs, vs, inputs, True)
    linked = _is_linked(outputs, inputs) or any(t.requires_grad for t in directions)
    pairs = [(g, t) for g, t in zip(pulled, directions, strict=True) if g.requires_grad]
    pushed = _pull("jvp", [g for g, _ in pairs], [t for _, t in pairs], vs, linked)
    if not linked:
        output = detached(output)
    return output, like(output, iter(pushed))


def jacobian(func: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """A function that returns all partial derivatives: shape output.shape + input.shape.

    One reverse pass per element of the output. Several `argnums`, or outputs, give a tuple.

    >>> import tinygrad_edu as tg
    >>> tg.func.jacobian(lambda x: x * x)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        values, inputs, tree = _opened("jacobian", args, argnums)
        with enable_grad():
            output = func(*values, **kwargs)
        outputs = _tensors("jacobian", output)
        linked = _is_linked(outputs, inputs)
        blocks = [like(tree, iter(_blocks(y, inputs, linked))) for y in outputs]
        return like(output, iter(blocks))

    return wrapped


jacrev = jacobian  # PyTorch's name


def _blocks(output: Tensor, inputs: Sequence[Tensor], linked: bool) -> Iterator[Tensor]:
    """The derivatives of one output with respect to each input."""
    rows = []
    for i in range(output.array.size):
        v = np.zeros(output.array.size, output.dtype)
        v[i] = 1
        rows.append(_pull("jacobian", [output], [v.reshape(output.shape)], inputs, linked))
    for k, x in enumerate(inputs):
        shape = (*output.shape, *x.shape)
        if rows:
            yield stack([row[k] for row in rows]).reshape(shape)
        else:
            yield make(np.zeros(shape, x.dtype), None)


def hessian(func: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """A function that returns all second derivatives of a scalar function.

    Several `argnums` give a tuple of tuples.

    >>> import tinygrad_edu as tg
    >>> tg.func.hessian(lambda x: (x ** 3).sum())(tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacobian(grad(func, argnums), argnums)
