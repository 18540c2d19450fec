"""Registry: what a module registers among its attributes, and the ways to find it.

Parameters, buffers and modules stand among the ordinary attributes, so `self.weight` costs no more
than any attribute does. Beside them `_kinds` says which names are registered, as what, and in which
order; everything else (traversal, conversion, saving) follows from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tinygrad_edu.errors import GraphError, describe
from tinygrad_edu.tensor import Tensor

from .parameter import Parameter

PARAMETER, MODULE, BUFFER, TRANSIENT = "parameter", "module", "buffer", "transient buffer"
BUFFERS = (BUFFER, TRANSIENT)
_CONTAINERS = (list, tuple, dict, set, frozenset)


class _NotYet:
    """Stands for the names until `Module.__init__` has made room for those of the instance."""

    def __get__(self, registry: Any, owner: type) -> Any:
        raise AttributeError(
            f"{owner.__name__}: Module.__init__() was not called; write super().__init__() at the "
            f"start of {owner.__name__}.__init__, before parameters and modules are assigned"
        )


class Registry:
    """The part of `Module` that registers and finds parameters, buffers and modules."""

    _kinds: Any = _NotYet()  # of an instance: the kind of each registered name, in order

    def __init__(self) -> None:
        self.__dict__["_kinds"] = {}

    # --- registration -------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        kind = self.__dict__.get("_kinds", {}).get(name)
        if isinstance(value, Parameter):
            self._register(name, value, PARAMETER)
        elif isinstance(value, Registry) and kind != PARAMETER:
            self._register(name, value, MODULE)
        elif kind is None:
            if isinstance(value, _CONTAINERS):
                self._warn_of_hidden(name, value)
            super().__setattr__(name, value)
        elif value is None or (kind in BUFFERS and isinstance(value, Tensor)):
            self.__dict__[name] = value
        else:
            wanted = {PARAMETER: "a Parameter", MODULE: "a Module"}.get(kind, "a Tensor")
            raise TypeError(
                f"{type(self).__name__}.{name} is registered as a {kind}: expected {wanted} or "
                f"None, got {type(value).__name__}"
                + ("; wrap it in nn.Parameter(...)" if kind == PARAMETER else "")
            )

    def __dir__(self) -> list[str]:
        """The names of all attributes that can be written after a dot."""
        return [name for name in super().__dir__() if not name[:1].isdigit()]

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self.__dict__.get("_kinds", {}).pop(name, None)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kinds": dict(self._kinds)}  # a shallow copy has its own registry

    def _register(self, name: str, value: Any, kind: str) -> None:
        """Register an attribute; one that changes its kind goes to the end."""
        kinds = self._kinds
        if not isinstance(name, str):
            raise TypeError(f"a {kind}'s name: expected a str, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f'a {kind}\'s name: expected a name without ".", got {name!r}')
        if kinds.get(name) != kind:
            kinds.pop(name, None)
            kinds[name] = kind
        self.__dict__[name] = value

    def _check_free(self, name: str, kinds: tuple[str, ...]) -> None:
        if isinstance(name, str) and hasattr(self, name) and self._kinds.get(name) not in kinds:
            raise KeyError(f"{type(self).__name__} already has an attribute {name!r}")

    def _warn_of_hidden(self, name: str, value: Any) -> None:
        """Tell the user of modules in a plain container, unless they are registered elsewhere."""
        parts = list(_first_modules(value))
        if parts and not set(self.modules()).issuperset(parts):
            warnings.warn(
                f"{type(self).__name__}.{name} is a plain {type(value).__name__} of modules: their "
                "parameters are not registered, so they will not be trained or saved; "
                "use nn.ModuleList or nn.Sequential",
                stacklevel=3,
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter; None keeps the name for a parameter that there is not.

        Errors: TypeError if `param` is another thing, GraphError if it was made by an operation,
        KeyError if the name is taken or holds a ".".
        """
        self._check_free(name, (PARAMETER,))
        if not isinstance(param, (Parameter, type(None))):
            got = type(param).__name__
            expected = "a Parameter or None"
            mend = "wrap it in nn.Parameter(...)"
            raise TypeError(describe("register_parameter", "param", expected, got, mend))
        if param is not None and not param.is_leaf:
            got = repr(param.grad_fn)
            raise GraphError(describe("register_parameter", "param", "a leaf", got, "detach() it"))
        self._register(name, param, PARAMETER)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that is kept and converted with the module, but not learned.

        It is part of `state_dict` if it is `persistent`.
        Errors: TypeError if it is no tensor, KeyError if the name is taken or holds a ".".

        >>> import tinygrad_edu as tg
        >>> layer = tg.nn.Module()
        >>> layer.register_buffer("mean", tg.zeros(2)); list(layer.state_dict().items())
        [('mean', tensor([0., 0.]))]
        """
        self._check_free(name, BUFFERS)
        if not isinstance(tensor, (Tensor, type(None))):
            got = type(tensor).__name__
            raise TypeError(describe("register_buffer", "tensor", "a Tensor or None", got))
        self._register(name, tensor, BUFFER if persistent else TRANSIENT)

    def register_module(self, name: str, module: Any) -> None:
        """Register a module under a name: as an assignment, for names that are computed.

        Errors: TypeError if it is no module, KeyError if the name is taken or holds a ".".
        """
        self._check_free(name, (MODULE,))
        if not isinstance(module, (Registry, type(None))):
            got = type(module).__name__
            raise TypeError(describe("add_module", "module", "a Module or None", got))
        self._register(name, module, MODULE)

    add_module = register_module

    # --- traversal ----------------------------------------------------------------------------

    def _registered(self, *kinds: str) -> Iterator[tuple[str, Any]]:
        """The registered names and values of these kinds, those that are None left out."""
        values = self.__dict__
        for name, kind in tuple(self._kinds.items()):
            if kind in kinds and values[name] is not None:
                yield name, values[name]

    def _kept(self) -> Iterator[tuple[str, Tensor]]:
        """What `state_dict` keeps of this module itself: parameters, then persistent buffers."""
        yield from self._registered(PARAMETER)
        yield from self._registered(BUFFER)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules registered here, each once, with their names."""
        seen: set[Registry] = set()
        for name, module in self._registered(MODULE):
            if module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Any]:
        """The modules registered here."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module and all in it, parents first, with their paths: 'encoder.0.fc'."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._registered(MODULE):
            yield from module.named_modules(memo, joined(prefix, name), remove_duplicate)

    def modules(self) -> Iterator[Any]:
        """This module and all in it, each once."""
        return (module for _, module in self.named_modules())

    def _named_tensors(
        self, kinds: tuple[str, ...], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        modules: Any = [(prefix, self)]
        if recurse:
            modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        seen: set[Tensor] = set()
        for path, module in modules:
            for name, value in module._registered(*kinds):
                if value not in seen:
                    if remove_duplicate:
                        seen.add(value)
                    yield joined(path, name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths; a shared one comes once, under its first path."""
        return self._named_tensors((PARAMETER,), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and (if `recurse`) of all in it, each once.

        >>> import tinygrad_edu as tg
        >>> sum(p.numel() for p in tg.nn.Linear(3, 2).parameters())
        8
        """
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths; a shared one comes once, under its first path."""
        return self._named_tensors(BUFFERS, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and (if `recurse`) of all in it, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Any:
        """The module at a path such as 'encoder.0.fc'; '' is this module.

        Errors: AttributeError if there is none.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            module = module._find_registered(name, (MODULE,), "a module", target)
        return module

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put a module at a path: in place of the one there, or (not if `strict`) as a new one.

        Errors: AttributeError if the path does not lead to a module, ValueError if `module` is
        none or the path is empty.

        >>> from tinygrad_edu import nn
        >>> net = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.ReLU()))
        >>> net.set_submodule("0.1", nn.Tanh()); net[0][1]
        Tanh()
        """
        if not target:
            raise ValueError(describe("set_submodule", "target", "a path", repr(target)))
        if not isinstance(module, Registry):
            got = type(module).__name__
            raise ValueError(describe("set_submodule", "module", "a Module", got))
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or name in parent.__dict__ or hasattr(type(parent), name):
            parent._find_registered(name, (MODULE,), "a module", target)
        parent._register(name, module, MODULE)

    def _path_of(self, number: int) -> str | None:
        """The path of the module that has this id, if it is a part of this one."""
        if "_kinds" not in self.__dict__:
            return None
        return next((path for path, m in self.named_modules() if id(m) == number), None)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as 'encoder.0.weight'. Errors: AttributeError if none."""
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._find_registered(name, (PARAMETER,), "a parameter", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as 'norm.running_mean'. Errors: AttributeError if none."""
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._find_registered(name, BUFFERS, "a buffer", target)

    def _find_registered(
        self, name: str, kinds: tuple[str, ...], expected: str, target: str
    ) -> Any:
        if self._kinds.get(name) in kinds and self.__dict__[name] is not None:
            return self.__dict__[name]
        found = f"a {type(getattr(self, name)).__name__}" if hasattr(self, name) else "nothing"
        raise AttributeError(
            f"{target!r}: expected {expected} named {name!r} in {type(self).__name__}, got {found}"
        )


def joined(path: str, name: str) -> str:
    """The path of an attribute of the module at `path`; the root's own is empty."""
    return f"{path}.{name}" if path else name


def _first_modules(container: Any) -> Iterator[Registry]:
    """The modules in a container or in one within it.

    A look at the first entries is enough, and makes long lists of other things cost nothing.
    """
    for x in _first(container):
        for y in _first(x) if isinstance(x, _CONTAINERS) else (x,):
            if isinstance(y, Registry):
                yield y


def _first(container: Any) -> Iterator[Any]:
    return islice(container.values() if isinstance(container, dict) else container, 8)
