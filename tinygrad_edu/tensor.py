"""Tensor: an array, the node that made it, and its gradient.

A tensor holds an `np.ndarray` (`array`), the `Node` of the operation that made it or of the leaf
it is (`node`; None if no gradient is wanted), and its gradient. It knows no op: operators and
methods are attached by the files in `ops/`, and listed for editors in `tensor.pyi`.
"""

from __future__ import annotations

import operator
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_edu import dtypes, graph, storage
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError
from tinygrad_edu.graph import Node
from tinygrad_edu.modes import set_grad_enabled
from tinygrad_edu.printing import format_array

__all__ = ["Tensor"]

_new = object.__new__

# What `ndarray * tensor` means: NumPy asks the tensor, which answers with its own operator.
_OPERATORS: dict[Any, Callable] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
    np.true_divide: operator.truediv, np.floor_divide: operator.floordiv,
    np.remainder: operator.mod, np.power: operator.pow, np.matmul: operator.matmul,
    np.less: operator.lt, np.less_equal: operator.le, np.greater: operator.gt,
    np.greater_equal: operator.ge, np.equal: operator.eq, np.not_equal: operator.ne,
    np.bitwise_and: operator.and_, np.bitwise_or: operator.or_, np.bitwise_xor: operator.xor,
}  # fmt: skip


class Tensor:
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

    # --- what it is -------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def device(self) -> Device:
        """Where the elements are: always the CPU."""
        return CPU

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return self.node is None or self.node.op is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor, None for a leaf."""
        return None if self.is_leaf else self.node

    @property
    def _version(self) -> int:
        """How often the memory was written in place."""
        return storage.version(self.array)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def element_size(self) -> int:
        """The bytes of one element."""
        return self.array.itemsize

    def is_floating_point(self) -> bool:
        """Whether the elements are floating-point numbers."""
        return self.array.dtype.kind == "f"

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in row-major order without gaps."""
        return self.array.flags.c_contiguous

    def stride(self, dim: int | None = None) -> Any:
        """The steps in memory from one element to the next along each dimension."""
        strides = tuple(step // self.array.itemsize for step in self.array.strides)
        return strides if dim is None else strides[dim]

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
        self.node = Node(None, (), (), self.array.shape)
        self.node.watch = _Watch(self)

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
            if value.shape != self.shape:
                raise ShapeError(f"grad: expected shape {self.shape}, got {value.shape}")
            if value.dtype != self.dtype:
                raise DTypeError(f"grad: expected dtype {self.dtype}, got {value.dtype}")
        self._grad = value

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
        self.array = value.array
        if self.node is not None and self.node.op is None:
            self.node.shape = value.shape

    # --- NumPy and Python -------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array itself: writing to it writes to the tensor.

        Errors: GraphError if a gradient is required, unless `force`: detach() first.
        """
        if self.node is not None and not force:
            raise GraphError(
                "numpy: this tensor requires a gradient, and an array cannot carry it; "
                "use detach().numpy()"
            )
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"cannot convert {array.dtype} to {dtype} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and ufunc in _OPERATORS and not options:
            return _OPERATORS[ufunc](*(_operand(x) for x in inputs))
        raise DTypeError(
            f"np.{ufunc.__name__} does not know tensors and would lose the gradient; "
            f"use tg.{ufunc.__name__} (import tinygrad_edu as tg), or detach().numpy()"
        )

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        try:
            args, kwargs = _as_arrays(args), _as_arrays(kwargs)
        except GraphError:
            raise DTypeError(
                f"np.{func.__name__} does not know tensors and would lose the gradient; "
                f"use tg.{func.__name__} (import tinygrad_edu as tg), or detach().numpy()"
            ) from None
        return func(*args, **kwargs)

    def __dlpack__(self, **options: Any) -> Any:
        if self.node is not None:
            raise BufferError("a tensor that requires a gradient cannot be exported; detach() it")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple:
        return self.array.__dlpack_device__()

    def item(self) -> Any:
        """The only element as a Python number.

        Errors: ShapeError if there is not exactly one element.
        """
        if self.array.size != 1:
            raise ShapeError(f"item: expected a tensor of one element, got shape {self.shape}")
        return self.array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers (a number for a 0-d tensor)."""
        return self.array.tolist()

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ShapeError(
                f"the truth value of a tensor of shape {self.shape} is ambiguous; "
                "use .any() or .all()"
            )
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.size != 1 or self.array.dtype.kind not in "iub":
            raise DTypeError("only integer tensors of one element can be used as an index")
        return int(self.array.item())

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self.array.shape[0]))  # type: ignore[index]

    def __contains__(self, element: Any) -> bool:
        return bool(
            (self.array == (element.array if isinstance(element, Tensor) else element)).any()
        )

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        if self.array.ndim == 0 and spec:
            return format(self.array.item(), spec)
        return object.__format__(self, spec)

    def __repr__(self) -> str:
        notes = []
        if not self.array.size and self.array.ndim > 1:
            notes.append(f"size={self.shape}")
        if self.dtype not in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool):
            notes.append(f"dtype={self.dtype}")
        if self.grad_fn is not None:
            notes.append(f"grad_fn={self.grad_fn!r}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join([format_array(self.array, 'tensor('), *notes])})"

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


class Device:
    """A place for tensors. There is one, the CPU; its name is PyTorch's.

    >>> import tinygrad_edu as tg
    >>> tg.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("type",)

    def __init__(self, type: str = "cpu", index: int | None = None) -> None:
        name = type.type if isinstance(type, Device) else str(type)
        if name.partition(":")[0] != "cpu":
            raise ValueError(f"device: expected 'cpu', got {name!r}; tensors live on the CPU only")
        self.type = "cpu"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device)

    def __hash__(self) -> int:
        return hash(self.type)

    def __str__(self) -> str:
        return self.type

    def __repr__(self) -> str:
        return f"device(type={self.type!r})"


CPU = Device()


class RemovableHandle:
    """Takes a hook away again: `handle.remove()`, or the end of a `with` block."""

    def __init__(self, hooks: dict, hook: Callable) -> None:
        self._hooks = hooks
        self._hooks[id(self)] = hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._hooks.pop(id(self), None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class _Watch:
    """Who wants to see the gradient of a node: hooks, and the tensor that keeps it."""

    __slots__ = ("hooks", "retains", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.hooks: dict[int, Callable] = {}
        self.retains = False
        self.tensor = weakref.ref(tensor)  # a node must not keep its tensor alive

    def see(self, g: Any, wrap: Any, keep: bool) -> Any:
        """Run the hooks on the complete gradient; let the tensor keep it if `keep` allows."""
        for hook in tuple(self.hooks.values()):
            result = hook(g if wrap else make(np.array(g), None))
            if result is not None:
                if not isinstance(result, Tensor) or result.shape != g.shape:
                    raise GraphError(
                        f"hook: expected None or a Tensor of shape {g.shape}, got "
                        f"{result.shape if isinstance(result, Tensor) else result!r}"
                    )
                g = result if wrap else result.array
        if keep and self.retains:
            tensor = self.tensor()
            if tensor is not None:
                _accumulate(tensor, g, False)
        return g

    def deliver(self, g: Any, owned: bool) -> None:
        """Add the gradient to the leaf's; a leaf that nobody holds any more needs none."""
        tensor = self.tensor()
        if tensor is not None:
            _accumulate(tensor, g, owned and not self.hooks)


def _watch(tensor: Tensor) -> _Watch:
    node = tensor.node
    assert node is not None
    if node.watch is None:
        node.watch = _Watch(tensor)
    return node.watch


def _accumulate(tensor: Tensor, g: Any, owned: bool) -> None:
    """Add a gradient (array, or tensor if it has a graph) to `tensor.grad`."""
    before = tensor._grad
    if isinstance(g, Tensor):
        tensor._grad = g if before is None else before + g  # type: ignore[operator]
    elif before is None:
        tensor._grad = make(_own(g, tensor.dtype, owned), None)
    elif before.array.flags.writeable and before.node is None:
        before.array += g
        storage.wrote(before.array)
    else:
        tensor._grad = make(before.array + g, None)


def _own(g: Any, dtype: np.dtype, owned: bool) -> np.ndarray:
    """The gradient as a contiguous, writeable array that shares memory with nothing."""
    if owned and type(g) is np.ndarray and g.base is None and g.dtype == dtype:
        if g.flags.c_contiguous and g.flags.writeable:
            return g
    return np.array(g, dtype=dtype, order="C")


class View:
    """A view's base, and the steps (op, settings) that lead from it to the view."""

    __slots__ = ("base", "steps")

    def __init__(self, base: Tensor, steps: tuple) -> None:
        self.base = base
        self.steps = steps

    @staticmethod
    def register(view: Tensor, source: Any, op: Any, settings: tuple) -> None:
        """Note that `view` looks at the memory of `source`, if it really does.

        So a write to one of them can be recorded for all. A base knows its views by weak
        references only: what is not used any more is freed at once.
        """
        if view.array.base is None or not isinstance(source, Tensor):
            return
        if storage.memory_of(view.array) is not storage.memory_of(source.array):
            return
        base, steps = source, ((op, settings),)
        if isinstance(source.alias, View):
            base, steps = source.alias.base, source.alias.steps + steps
        if base.alias is None:
            base.alias = []
        elif len(base.alias) % 64 == 63:
            base.alias = [reference for reference in base.alias if reference() is not None]
        base.alias.append(weakref.ref(view))
        view.alias = View(base, steps)


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
    with set_grad_enabled(create_graph):
        wrap = make if create_graph else None
        found = graph.backward(roots, seeds, targets=targets, retain=retain, wrap=wrap)
    return [found.get(node) for node in targets or ()]


def backward_all(
    outputs: Sequence[Tensor],
    gradients: Sequence[Any],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Tensor | Sequence[Tensor] | None,
) -> None:
    """Add the gradients of `outputs` to the `.grad` of the leaves, or of `inputs` only."""
    chosen = [inputs] if isinstance(inputs, Tensor) else inputs
    if chosen is not None and not len(chosen):
        raise GraphError("backward: argument 'inputs': expected at least one tensor, got none")
    found = differentiate(outputs, chosen, gradients, retain_graph, create_graph, "backward")
    for tensor, g in zip(chosen or (), found, strict=True):
        if g is not None:
            _accumulate(tensor, g, False)


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
        gradient = make(np.ones_like(output.array), None)
    elif not isinstance(gradient, Tensor):
        gradient = make(np.array(gradient, dtype=output.dtype), None)
    if gradient.shape != output.shape:
        raise ShapeError(
            f"{caller}: argument 'gradient': expected the tensor's shape {output.shape}, "
            f"got {gradient.shape}"
        )
    return gradient if create_graph else gradient.array


def _operand(x: Any) -> Any:
    """An operand that NumPy hands over: arrays become tensors, NumPy's scalars Python's."""
    if isinstance(x, np.generic):
        return x.item()
    return make(x, None) if isinstance(x, np.ndarray) else x


def _as_arrays(value: Any) -> Any:
    """`value` with every tensor in it replaced by its array."""
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, (tuple, list)):
        return type(value)(_as_arrays(x) for x in value)
    if isinstance(value, dict):
        return {key: _as_arrays(x) for key, x in value.items()}
    return value
