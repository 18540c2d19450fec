"""Transformations of functions: gradients as functions of their inputs, of any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import GraphError, ShapeError
from tinygrad_edu.modes import enable_grad
from tinygrad_edu.ops.shape import stack
from tinygrad_edu.tensor import Tensor, differentiate, make

__all__ = ["grad", "grad_and_value", "hessian", "jacobian", "jvp", "value_and_grad", "vjp"]


def gradients(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`: `tg.autograd.grad`.

    No `.grad` is touched. `grad_outputs` are the gradients to start from (1 for an output of one
    element), `create_graph` makes the result differentiable, `allow_unused` lets an input that
    plays no part have the gradient None, `materialize_grads` zeros.
    Errors: GraphError if an input plays no part and that is not allowed, or as `backward`.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (slope,) = tg.autograd.grad(x ** 3, x, create_graph=True)
    >>> tg.autograd.grad(slope, x)
    (tensor(18.),)
    """
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    ins = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None or isinstance(grad_outputs, Tensor):
        grad_outputs = [grad_outputs] * len(outs)
    if len(grad_outputs) != len(outs):
        raise GraphError(
            f"grad: argument 'grad_outputs': expected {len(outs)} gradients, one for each output, "
            f"got {len(grad_outputs)}"
        )
    found = differentiate(outs, ins, grad_outputs, retain_graph, create_graph, "grad")
    result: list[Tensor | None] = []
    for i, (x, g) in enumerate(zip(ins, found, strict=True)):
        if g is None and materialize_grads:
            g = np.zeros_like(x.array)
        if g is None and not allow_unused:
            raise GraphError(
                f"grad: argument 'inputs': tensor {i} plays no part in the outputs; if that is "
                "meant, set allow_unused=True"
            )
        # A copy: what the walk hands out may be shared with another gradient or the caller's.
        result.append(g if g is None or isinstance(g, Tensor) else make(np.array(g, x.dtype), None))
    return tuple(result)


def _fresh(value: Any) -> Any:
    """A tensor with the value of an argument, to be differentiated with respect to.

    A tensor that has a graph stays connected to it, so that transformations nest.
    """
    if not isinstance(value, Tensor):
        value = make(np.array(value), None)
    return value.view_as(value) if value.requires_grad else value.detach().requires_grad_()


def _numbers(argnums: int | Sequence[int]) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)


def _pull(output: Any, inputs: Sequence[Tensor], gradient: Any = None) -> tuple[Tensor, ...]:
    """The gradients of one output, recorded if a graph outside may need them, zeros if unused."""
    if not output.requires_grad:
        return tuple(make(np.zeros_like(x.array), None) for x in inputs)
    return gradients(
        output, inputs, gradient, retain_graph=True, create_graph=True, materialize_grads=True
    )  # type: ignore[return-value]


def value_and_grad(
    func: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple]:
    """A function that returns (value, gradient) of a scalar function.

    The gradient is taken with respect to the argument `argnums` (a tuple of them for several).
    With `has_aux` the function returns (value, aux) and the result is ((value, aux), gradient).

    >>> import tinygrad_edu as tg
    >>> tg.func.value_and_grad(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    (tensor(5.), tensor([2., 4.]))
    """
    numbers = _numbers(argnums)

    def wrapped(*args: Any, **kwargs: Any) -> tuple:
        nested = any(isinstance(x, Tensor) and x.requires_grad for x in args)
        values = list(args)
        for i in numbers:
            values[i] = _fresh(args[i])
        with enable_grad():
            output = func(*values, **kwargs)
            value, aux = output if has_aux else (output, None)
            if value.ndim or not isinstance(value, Tensor):
                raise ShapeError(f"grad: expected a function with a 0-d result, got {value.shape}")
            found = _pull(value, [values[i] for i in numbers])
        if not nested:
            value, found = value.detach(), tuple(g.detach() for g in found)
        first = (value, aux) if has_aux else value
        return first, (found[0] if isinstance(argnums, int) else found)

    return wrapped


def grad(func: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """A function that returns the gradient of a scalar function.

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
    graph, and `backward(dout)` closes over it. It returns one gradient, or a tuple for several
    inputs, and may be called again. With `has_aux` a third value is handed through.

    >>> import tinygrad_edu as tg
    >>> out, backward = tg.func.vjp(lambda x, w: x * w, tg.tensor([2.0]), tg.tensor([5.0]))
    >>> out, backward(tg.tensor([1.0]))
    (tensor([10.]), (tensor([5.]), tensor([2.])))
    """
    nested = any(isinstance(x, Tensor) and x.requires_grad for x in primals)
    inputs = [_fresh(x) for x in primals]
    with enable_grad():
        output = func(*inputs)
    recorded, aux = output if has_aux else (output, None)

    def backward(*dout: Any) -> Any:
        with enable_grad():
            found = _pull_all(recorded, inputs, dout)
        if not nested and not any(isinstance(g, Tensor) and g.requires_grad for g in dout):
            found = tuple(g.detach() for g in found)
        return found[0] if len(found) == 1 else found

    shown = recorded if nested else _detached(recorded)
    return (shown, backward, aux) if has_aux else (shown, backward)


def _detached(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output.detach()
    return type(output)(_detached(y) for y in output)


def _pull_all(outputs: Any, inputs: Sequence[Tensor], dout: tuple) -> tuple[Tensor, ...]:
    """The gradients of one or several outputs together."""
    single = isinstance(outputs, Tensor)
    outs = [outputs] if single else list(outputs)
    if len(dout) == 1 and not single and isinstance(dout[0], (tuple, list)):
        dout = tuple(dout[0])
    if len(dout) != len(outs):
        raise GraphError(f"vjp: expected {len(outs)} gradients, one per output, got {len(dout)}")
    pairs = [(y, g) for y, g in zip(outs, dout, strict=True) if y.requires_grad]
    if not pairs:
        return tuple(make(np.zeros_like(x.array), None) for x in inputs)
    return gradients(
        [y for y, _ in pairs], inputs, [g for _, g in pairs],
        retain_graph=True, create_graph=True, materialize_grads=True,
    )  # type: ignore[return-value]  # fmt: skip


def jvp(func: Callable, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """The result of `func`, and its derivative along the direction `tangents`.

    The gradient v -> J^T v is linear in v, so its own gradient is the product J t: two reverse
    passes make a forward one (Townsend, 2017).

    >>> import tinygrad_edu as tg
    >>> tg.func.jvp(lambda x: x * x, (tg.tensor([3.0]),), (tg.tensor([1.0]),))
    (tensor([9.]), tensor([6.]))
    """
    if len(primals) != len(tangents):
        raise GraphError(
            f"jvp: expected {len(primals)} tangents, one per primal, got {len(tangents)}"
        )
    inputs = [_fresh(x) for x in primals]
    for i, (x, t) in enumerate(zip(inputs, tangents, strict=True)):
        if x.shape != t.shape:
            raise ShapeError(f"jvp: tangent {i}: expected shape {x.shape}, got {t.shape}")
    with enable_grad():
        output = func(*inputs)
        v = make(np.zeros_like(output.array), None).requires_grad_()
        pulled = _pull(output, inputs, v)
        inner = [(g, t) for g, t in zip(pulled, tangents, strict=True) if g.requires_grad]
        total = make(np.zeros((), output.dtype), None)
        for g, t in inner:
            total = total + (g * t).sum()  # type: ignore[operator]
        (pushed,) = _pull(total, [v])
    if not any(isinstance(x, Tensor) and x.requires_grad for x in (*primals, *tangents)):
        output, pushed = output.detach(), pushed.detach()
    return output, pushed


def jacobian(func: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """A function that returns all partial derivatives: shape output.shape + input.shape.

    One reverse pass per element of the output. Several `argnums` give a tuple.

    >>> import tinygrad_edu as tg
    >>> tg.func.jacobian(lambda x: x * x)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    numbers = _numbers(argnums)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        values = list(args)
        for i in numbers:
            values[i] = _fresh(args[i])
        inputs = [values[i] for i in numbers]
        with enable_grad():
            output = func(*values, **kwargs)
            rows = [_row(output, inputs, i) for i in range(output.array.size)]
            blocks = [_stacked([row[k] for row in rows], output, x) for k, x in enumerate(inputs)]
        if not any(isinstance(x, Tensor) and x.requires_grad for x in args):
            blocks = [block.detach() for block in blocks]
        return blocks[0] if isinstance(argnums, int) else tuple(blocks)

    return wrapped


def _row(output: Tensor, inputs: Sequence[Tensor], i: int) -> tuple[Tensor, ...]:
    """The gradients of element i of the output."""
    v = np.zeros(output.array.size, output.dtype)
    v[i] = 1
    return _pull(output, inputs, make(v.reshape(output.shape), None))


def _stacked(rows: list[Tensor], output: Tensor, x: Tensor) -> Tensor:
    shape = (*output.shape, *x.shape)
    if not rows:
        return make(np.zeros(shape, x.dtype), None)
    return stack(rows).reshape(shape)


def hessian(func: Callable, argnums: int = 0) -> Callable:
    """A function that returns all second derivatives of a scalar function.

    >>> import tinygrad_edu as tg
    >>> tg.func.hessian(lambda x: (x ** 3).sum())(tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacobian(grad(func, argnums), argnums)
