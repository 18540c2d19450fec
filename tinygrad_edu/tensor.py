"""Tensor: an array, the node that made it, and its gradient.

A tensor holds an `np.ndarray` (`array`), the `Node` of the operation that made it or of the leaf
it is (`node`; None if no gradient is wanted), and its gradient. It knows no op: operators and
methods are attached by the files in `ops/`, and listed for editors in `tensor.pyi`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu import dtypes, graph, storage
from tinygrad_edu.arraylike import ArrayLike
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError
from tinygrad_edu.graph import Node
from tinygrad_edu.hooks import RemovableHandle, Watch
from tinygrad_edu.modes import grad_mode, set_grad_enabled
from tinygrad_edu.views import View

__all__ = ["Tensor"]

_new = object.__new__


class Tensor(ArrayLike):
    """An n-dimensional array that remembers how it was made.

    Build one with `tinygrad_edu.tensor(data)`; `Tensor(data)` alone makes floats of it, as
    PyTorch's constructor does.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "_grad", "alias", "array", "node")

    array: np.ndarray
    node: Node | None
    alias: Any  # of a view: its `View`; of the base of views: weak references to them
    _grad: Tensor | None

    def __init__(self, data: Any = (), *, requires_grad: bool = False) -> None:
        self.array = np.array(data, dtype=dtypes.get_default_dtype())
        self.node = self.alias = self._grad = None
        self.requires_grad = requires_grad

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return self.node is None or self.node.op is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor, None for a leaf."""
        return None if self.is_leaf else self.node

    # --- gradients --------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are wanted for this tensor."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if bool(wanted) == (self.node is not None):
            return
        if not wanted:
            if not self.is_leaf:
                raise GraphError(
                    "requires_grad: only a leaf can stop requiring a gradient, and this tensor "
                    f"was made by {self.node.op.name}; use detach()"  # type: ignore[union-attr]
                )
            self.node = None
            return
        if self.array.dtype.kind != "f":
            raise DTypeError(
                f"requires_grad: only floating-point tensors have gradients, got {self.dtype}; "
                "use a float: write 1.0 in place of 1, or convert with .float()"
            )
        self.node = Node.of(None, (), (), self.array.shape)
        self.node.watch = Watch(self, make)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` in place and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward passes have added up, None before the first."""
        if self._grad is None and not self.is_leaf and not self.retains_grad:
            warnings.warn(
                "the .grad of a tensor that is not a leaf is not kept; call retain_grad() on it "
                "before backward()",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise DTypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
            if value is self:
                raise GraphError("grad: a tensor cannot be its own gradient; give a clone()")
            if value.shape != self.shape:
                raise ShapeError(f"grad: expected shape {self.shape}, got {value.shape}")
            if value.dtype != self.dtype:
                raise DTypeError(f"grad: expected dtype {self.dtype}, got {value.dtype}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        """Whether a tensor that is not a leaf keeps its gradient."""
        return not self.is_leaf and self.node.watch is not None and self.node.watch.retains  # type: ignore[union-attr]

    def retain_grad(self) -> None:
        """Keep the gradient in `.grad` although this tensor is not a leaf."""
        if self.node is None:
            raise GraphError("retain_grad: this tensor does not require a gradient")
        if self.node.op is not None:
            _watch(self).retains = True

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` whenever this tensor's gradient is known; its result replaces it.

        Returns a handle whose `remove()` takes the hook away.

        >>> import tinygrad_edu as tg
        >>> x = tg.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda grad: grad * 10)
        >>> x.sum().backward(); x.grad
        tensor([10., 10.])
        """
        if self.node is None:
            raise GraphError("register_hook: this tensor does not require a gradient")
        return RemovableHandle(_watch(self).hooks, hook)

    def _receive(self, g: Any, owned: bool) -> None:
        """Add a gradient (array, or tensor if it has a graph) to `grad`."""
        before = self._grad
        if isinstance(g, Tensor) and before is not None:
            self._grad = before + g  # type: ignore[operator]
        elif isinstance(g, Tensor):
            # A copy, as below: another tensor may have received the same gradient.
            self._grad = g.to(self.dtype, copy=True)  # type: ignore[attr-defined]
        elif before is None:
            self._grad = make(_own(g, self.dtype, owned), None)
        elif before.array.flags.writeable and before.node is None:
            before.array += g
            storage.wrote(before.array)
        else:
            self._grad = make(before.array + g, None)

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of every leaf it was made from.

        `gradient` has this tensor's shape and stands for the gradient of some scalar with respect
        to it; for a tensor of one element it is 1 if not given. `retain_graph` keeps the graph
        for another pass (default: `create_graph`), `create_graph` makes the gradients
        differentiable, `inputs` names the only tensors that receive a gradient.

        Errors: GraphError if this tensor requires no gradient, if it has several elements and
        `gradient` is missing, if the graph was released, or if a saved value was overwritten.

        >>> import tinygrad_edu as tg
        >>> x = tg.tensor([3.0], requires_grad=True)
        >>> (x ** 2).backward(); x.grad
        tensor([6.])
        """
        backward_all([self], [gradient], retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """A tensor that shares this one's memory and has no graph."""
        return make(self.array, None)

    def detach_(self) -> Tensor:
        """Cut this tensor off its graph, in place."""
        if isinstance(self.alias, View):
            raise GraphError("detach_: cannot detach a view in place; use detach()")
        self.node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without the graph."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise DTypeError(f"data: expected a Tensor, got {type(value).__name__}")
        if self.node is not None and value.dtype.kind != "f":
            raise DTypeError(
                f"data: a tensor that requires a gradient holds floats, got {value.dtype}"
            )
        self.array = value.array
        View.forget(self)
        if self.node is not None and self.node.op is None:
            self.node.shape = value.shape

    def __deepcopy__(self, memo: dict) -> Tensor:
        if not self.is_leaf:
            raise GraphError(
                "deepcopy: only leaves can be copied deeply, and this tensor was made by "
                f"{self.node.op.name}; use detach().clone()"  # type: ignore[union-attr]
            )
        if id(self) not in memo:
            copy = _rebuild(type(self), self.array.copy(), self.requires_grad)
            memo[id(self)] = copy
            if self._grad is not None:
                copy._grad = make(self._grad.array.copy(), None)
        return memo[id(self)]

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.array, self.requires_grad)


def _watch(tensor: Tensor) -> Watch:
    node = tensor.node
    assert node is not None
    if node.watch is None:
        node.watch = Watch(tensor, make)
    return node.watch


def _own(g: Any, dtype: np.dtype, owned: bool) -> np.ndarray:
    """The gradient as a contiguous, writeable array that shares memory with nothing."""
    alone = owned and type(g) is np.ndarray and g.base is None
    if alone and g.dtype == dtype and g.flags.c_contiguous and g.flags.writeable:
        return g
    return np.array(g, dtype=dtype, order="C")


def make(array: np.ndarray, node: Node | None) -> Tensor:
    """A tensor of this array (shared) and this node."""
    tensor = _new(Tensor)
    tensor.array = array
    tensor.node = node
    tensor.alias = tensor._grad = None
    return tensor


def _rebuild(cls: type[Tensor], array: np.ndarray, requires_grad: bool) -> Tensor:
    tensor = _new(cls)
    tensor.array = array
    tensor.node = tensor.alias = tensor._grad = None
    tensor.requires_grad = requires_grad
    return tensor


def differentiate(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor] | None,
    gradients: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
    caller: str,
) -> list[Any]:
    """Check the arguments of `backward` and `autograd.grad`, and walk the graph.

    Without `inputs` the leaves receive their gradients; with them the gradients (arrays, or
    tensors if `create_graph`) come back in their order, None where no path leads.
    """
    seeds = [_seed(y, g, create_graph, caller) for y, g in zip(outputs, gradients, strict=True)]
    for i, x in enumerate(inputs or ()):
        if x.node is None:
            raise GraphError(
                f"{caller}: argument 'inputs': tensor {i} does not require a gradient; set "
                "requires_grad=True before it is used"
            )
    targets = None if inputs is None else [x.node for x in inputs if x.node is not None]
    retain = create_graph if retain_graph is None else retain_graph
    roots = [y.node for y in outputs if y.node is not None]
    wrap = make if create_graph else None
    before = grad_mode.set(bool(create_graph))  # as `set_grad_enabled`, in a quarter of its time
    try:
        found = graph.backward(roots, seeds, targets=targets, retain=retain, wrap=wrap)
    finally:
        grad_mode.reset(before)
    return [found.get(node) for node in targets or ()]


def backward_all(
    outputs: Sequence[Tensor],
    gradients: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Tensor | Sequence[Tensor] | None,
) -> None:
    """Add the gradients of `outputs` to the `.grad` of the leaves, or of `inputs` only."""
    chosen = None
    if inputs is not None:  # each once: what is named twice receives its gradient once
        chosen = list(dict.fromkeys([inputs] if isinstance(inputs, Tensor) else inputs))
        if not chosen:
            raise GraphError("backward: argument 'inputs': expected at least one tensor, got none")
    with graph.turn:
        found = differentiate(outputs, chosen, gradients, retain_graph, create_graph, "backward")
        if chosen:
            with set_grad_enabled(create_graph):
                for tensor, g in zip(chosen, found, strict=True):
                    if g is not None and not tensor.retains_grad:  # which has received it
                        tensor._receive(g, False)


def _seed(output: Tensor, gradient: Any, create_graph: bool, caller: str) -> Any:
    """The gradient to start from, checked: an array, or a tensor if it will be recorded."""
    if output.node is None:
        raise GraphError(
            f"{caller}: this tensor does not require a gradient and has no graph; was it made "
            "from a tensor with requires_grad=True, outside no_grad()?"
        )
    if gradient is None:
        if output.array.size != 1:
            raise GraphError(
                f"{caller}: a gradient can be started without 'gradient' only at a tensor of one "
                f"element, got shape {output.shape}; reduce it with .sum() or .mean(), or give "
                "a gradient of its shape (for all partial derivatives: tg.func.jacobian)"
            )
        one = np.ones(output.array.shape, output.array.dtype)
        return make(one, None) if create_graph else one
    if not isinstance(gradient, Tensor):
        gradient = make(np.array(gradient, dtype=output.dtype), None)
    elif gradient.dtype != output.dtype:
        gradient = gradient.to(output.dtype)  # type: ignore[attr-defined]
    if gradient.shape != output.shape:
        raise ShapeError(
            f"{caller}: argument 'gradient': expected the tensor's shape {output.shape}, "
            f"got {gradient.shape}"
        )
    return gradient if create_graph else gradient.array
