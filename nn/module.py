"""Module: a part of a network, that is called, trained, converted and saved as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from tinygrad_edu import cuda, dtypes
from tinygrad_edu.device import Device
from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.hooks import RemovableHandle
from tinygrad_edu.recording import module_calls
from tinygrad_edu.tensor import Tensor

from . import state
from .hooks import Hooks, register
from .parameter import clear_gradients
from .registry import BUFFERS, MODULE, Registry
from .whereabouts import locate

__all__ = ["Module"]

M = TypeVar("M", bound="Module")


class Module(Registry):
    """Base of all networks and layers: write `__init__` and `forward`, and call the instance.

    Parameters and modules assigned as attributes are registered, and found by `parameters()`,
    `state_dict()`, `to()` and the rest. A plain list of modules is not: use `ModuleList`.
    Errors: AttributeError where `super().__init__()` was forgotten.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Linear(2, 1)
    ...     def forward(self, x):
    ...         return self.fc(x).relu()
    >>> net = Net(); net
    Net(
      (fc): Linear(in_features=2, out_features=1, bias=True)
    )
    >>> [(name, p.shape) for name, p in net.named_parameters()]
    [('fc.weight', (1, 2)), ('fc.bias', (1,))]
    >>> net(tg.ones(5, 2)).shape
    (5, 1)
    """

    training: bool  # whether dropout and its like are active
    _takes: ClassVar[tuple[str, ...]] = ()  # shapes of the input, for errors: see fit.py
    _module_hooks: Hooks | None = None

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["_module_hooks"] = None  # found faster here than in the class
        self.training = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._module_hooks is None:
                return self.forward(*args, **kwargs)
            return self._module_hooks.call(self, args, kwargs)
        except Exception as error:
            locate(error, self, args, kwargs)
            raise

    def _no_forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} cannot be called: it does not define forward(self, ...)"
        )

    forward: Callable[..., Any] = _no_forward

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` on every module in this one, children first, then on this one; return it.

        >>> from tinygrad_edu import nn
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> _ = net.apply(lambda m: isinstance(m, nn.Linear) and nn.init.zeros_(m.bias))
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # --- hooks --------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if self._module_hooks is not None:  # a shallow copy has its own
            state["_module_hooks"] = self._module_hooks.copy()
        return state

    @property
    def _own_hooks(self) -> Hooks:
        if self._module_hooks is None:
            self._module_hooks = Hooks()
        return self._module_hooks

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`; what it returns replaces the arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)`, which returns both or None. With
        `prepend` it runs before the hooks that are there. Returns a handle with `remove()`.
        Errors: RuntimeError in the call if `with_kwargs` and the hook returns another thing.

        >>> import tinygrad_edu as tg
        >>> layer = tg.nn.Identity()
        >>> handle = layer.register_forward_pre_hook(lambda module, args: args[0] * 2)
        >>> layer(tg.ones(1))
        tensor([2.])
        """
        return register(self._own_hooks.before, hook, prepend, with_kwargs, False)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:  # fmt: skip
        """Call `hook(module, args, output)` after `forward`; what it returns replaces the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`; with `prepend` it runs before
        the hooks that are there; with `always_call` also after an error. Returns a handle.

        >>> import tinygrad_edu as tg
        >>> layer, shapes = tg.nn.Linear(3, 2), []
        >>> with layer.register_forward_hook(lambda module, args, out: shapes.append(out.shape)):
        ...     _ = layer(tg.ones(5, 3))
        >>> shapes
        [(5, 2)]
        """
        return register(self._own_hooks.after, hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of all outputs are known.

        `grad_output` is a tuple with None for what is no tensor; what the hook returns replaces
        it. Returns a handle. Errors: RuntimeError in backward for another number of gradients.
        """
        return register(self._own_hooks.grad_output, hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        Both are tuples: of the positional arguments, and of the outputs; None stands for what is no
        tensor or has no gradient. What the hook returns replaces `grad_input`. If no argument
        requires a gradient it is called as soon as `grad_output` is known, with a warning.
        Returns a handle. Errors: RuntimeError in backward for another number of gradients.

        >>> import tinygrad_edu as tg
        >>> layer = tg.nn.Tanh()
        >>> handle = layer.register_full_backward_hook(lambda m, grads, outs: print(grads, outs))
        >>> layer(tg.zeros(1, requires_grad=True)).backward()
        (tensor([1.]),) (tensor([1.]),)
        """
        return register(self._own_hooks.grad_input, hook, prepend)

    # --- modes and gradients ------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Set `training` here and in all modules within: dropout and its like are active."""
        if not isinstance(mode, bool):
            raise ValueError(describe("train", "mode", "a bool", repr(mode)))
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Leave training mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Let all parameters require gradients, or none (a frozen part of a network)."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zeros in place."""
        clear_gradients(self.parameters(), set_to_none)

    # --- conversion ---------------------------------------------------------------------------

    def _apply(self: M, fn: Callable[[Tensor], Tensor]) -> M:
        """Replace the memory of parameters and gradients, and the buffers, by what `fn` gives."""
        for p in self.parameters():
            grad = p.grad
            p.data = fn(p.detach())
            p.grad = None if grad is None else fn(grad.detach())
        for module in self.modules():
            for name, buffer in module._registered(*BUFFERS):
                module.__dict__[name] = fn(buffer)
        return self

    def to(
        self: M, *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False
    ) -> M:
        """Convert floating parameters and buffers, in place: `to(dtype)`, `to(device, dtype)`.

        Also `to(other_tensor)`. There is one device, the CPU.
        Errors: TypeError if the dtype is not a floating one, ValueError for another device.

        >>> import tinygrad_edu as tg
        >>> tg.nn.Linear(2, 1).to(device="cpu", dtype=tg.float64).weight.dtype
        dtype('float64')
        """
        for wish in args:
            if isinstance(wish, Tensor):
                dtype = wish.dtype
            elif isinstance(wish, (str, Device)):
                device = wish
            elif wish is not None and not isinstance(wish, bool):  # a bool is non_blocking
                dtype = wish
        if device is not None:
            Device(device)
        if dtype is None:
            return self
        wanted = np.dtype(dtype)
        if wanted.kind != "f":
            raise DTypeError(describe("to", "dtype", "a floating dtype", wanted))
        return self._apply(lambda t: t.to(wanted) if t.is_floating_point() else t)

    def float(self: M) -> M:
        """Convert floating parameters and buffers to float32, in place."""
        return self.to(dtypes.float32)

    def double(self: M) -> M:
        """Convert floating parameters and buffers to float64, in place."""
        return self.to(dtypes.float64)

    def half(self: M) -> M:
        """Convert floating parameters and buffers to float16, in place."""
        return self.to(dtypes.float16)

    def type(self: M, dst_type: Any) -> M:
        """Convert all parameters and buffers, whole numbers as well, to a dtype, in place."""
        return self._apply(lambda t: t.to(dst_type))

    def cuda(self: M, device: Any = None) -> M:
        """Move to a GPU: there is none. Errors: ValueError."""
        return cuda.move(self, device)

    def cpu(self: M) -> M:
        """The module itself: it is on the CPU."""
        return self

    # --- what is kept -------------------------------------------------------------------------

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """Parameters and persistent buffers by path, in order: what to save.

        The tensors are detached (not with `keep_vars`) and share the module's memory: to keep
        them as they are now, use `copy.deepcopy`.
        """
        found = OrderedDict() if destination is None else destination
        for path, entry in state.entries(self):
            found[prefix + path] = entry.tensor if keep_vars else entry.tensor.detach()
        return found

    def load_state_dict(
        self, state_dict: Any, strict: bool = True, assign: bool = False
    ) -> state.LoadResult:
        """Copy the values of a state dict (tensors or arrays) into this module.

        With `assign` its tensors become those of the module, with their dtypes.
        Returns the named tuple (missing_keys, unexpected_keys), which without `strict` may hold
        keys. Errors: RuntimeError that lists every missing, unexpected and misshapen key; then
        nothing was changed.

        >>> from tinygrad_edu import nn
        >>> nn.Linear(2, 1).load_state_dict(nn.Linear(2, 1).state_dict())
        <All keys matched successfully>
        """
        return state.load(self, state_dict, strict, assign)

    # --- text ---------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses: a layer's settings."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        parts = [
            f"({name}): {self.__dict__[name]!r}" for name, k in self._kinds.items() if k == MODULE
        ]
        return framed(type(self).__name__, extra.split("\n") if extra else [], parts)


module_calls.add(Module.__call__.__code__)  # so that a recording knows which modules are running


def framed(title: str, extra: list[str], parts: list[str]) -> str:
    """The repr of a module: one line for a layer, else a line for each part, indented."""
    if not parts and len(extra) <= 1:
        return f"{title}({''.join(extra)})"
    lines = [*extra, *(part.replace("\n", "\n  ") for part in parts)]
    return f"{title}(\n  " + "\n  ".join(lines) + "\n)"
