"""Modules in a row: Sequential calls them one after the other, ModuleList only keeps them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import index as integer
from typing import Any, TypeVar

from tinygrad_edu.errors import describe

from .module import Module, framed
from .registry import MODULE

__all__ = ["ModuleList", "Sequential"]

R = TypeVar("R", bound="_Row")
Q = TypeVar("Q", bound="Sequential")


class _Row(Module):
    """Modules by number: what Sequential and ModuleList share."""

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Any]:
        return (module for _, module in self._registered(MODULE))

    def _name_at(self, idx: Any) -> str:
        """The name of the module at a place.

        Errors: IndexError if there is none.
        """
        names = [name for name, _ in self._registered(MODULE)]
        place = integer(idx)
        if not -len(names) <= place < len(names):
            raise IndexError(
                describe(type(self).__name__, "idx", f"a place among {len(names)} modules", place)
            )
        return names[place]

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return self._row_of(list(self._registered(MODULE))[idx])
        return getattr(self, self._name_at(idx))

    def _row_of(self: R, items: list[tuple[str, Any]]) -> R:
        """A new row of the same class with some of the modules."""
        raise NotImplementedError

    def __setitem__(self, idx: Any, module: Module) -> None:
        self.add_module(self._name_at(idx), module)

    def __delitem__(self, idx: Any) -> None:
        """Take modules out; those that remain are numbered anew."""
        items = list(self._registered(MODULE))
        removed = items[idx] if isinstance(idx, slice) else [(self._name_at(idx), None)]
        names = {name for name, _ in removed}
        self._renumber([module for name, module in items if name not in names])

    def _renumber(self, modules: Iterable[Module]) -> None:
        modules = list(modules)
        for name, _ in list(self._registered(MODULE)):
            delattr(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def append(self: R, module: Module) -> R:
        """Put a module at the end; return the row."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: R, modules: Iterable[Module]) -> R:
        """Put several modules at the end; return the row. Errors: TypeError if there is none."""
        name = type(self).__name__
        if not isinstance(modules, Iterable):
            got = type(modules).__name__
            raise TypeError(describe(name, "modules", "an iterable of modules", got))
        modules = list(modules)
        for module in modules:
            if not isinstance(module, Module):
                got = type(module).__name__
                raise TypeError(describe(name, "modules", "Modules", f"a {got}"))
        for module in modules:
            self.append(module)
        return self

    def insert(self: R, index: int, module: Module) -> R:
        """Put a module before the one at a place, and number those behind it anew; return the row.

        Errors: TypeError for what is no module, IndexError for a place that does not exist.
        """
        if not isinstance(module, Module):
            got = type(module).__name__
            raise TypeError(describe("insert", "module", "a Module", got))
        modules = list(self)
        if not -len(modules) <= integer(index) <= len(modules):
            expected = f"a place among {len(modules)} modules, or {len(modules)}"
            raise IndexError(describe("insert", "index", expected, index))
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, key: int) -> Any:
        """Take a module out and return it."""
        module = self[key]
        del self[key]
        return module

    def __iadd__(self: R, other: Iterable[Module]) -> R:
        return self.extend(other)


class Sequential(_Row):
    """Calls modules one after the other, each on the result of the one before.

    Give modules, or an OrderedDict that names them. Slices are Sequentials again.
    Errors: TypeError for what is no module, IndexError for a place that does not exist.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)); net
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=2, bias=True)
    )
    >>> net(tg.ones(5, 4)).shape, len(net[:2])
    ((5, 2), 2)
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        items: Any = ((str(i), module) for i, module in enumerate(args))
        if len(args) == 1 and isinstance(args[0], dict):
            items = args[0].items()
        for name, module in items:
            if not isinstance(module, Module):
                mend = "write Sequential(*modules)" if isinstance(module, (list, tuple)) else ""
                got = type(module).__name__
                raise TypeError(describe("Sequential", "args", "Modules", f"a {got}", mend))
            self.add_module(name, module)

    def _row_of(self: R, items: list[tuple[str, Any]]) -> R:
        like: Any = type(self)
        return like(OrderedDict(items))

    def __add__(self, other: Iterable[Module]) -> Sequential:
        return Sequential(*self, *other)

    def __mul__(self, count: int) -> Sequential:
        return Sequential(*self._repeated(count))

    __rmul__ = __mul__

    def __imul__(self: Q, count: int) -> Q:
        return self.extend(self._repeated(count)[len(self) :])

    def _repeated(self, count: int) -> list[Any]:
        """The modules `count` times over: the same ones, with the same parameters."""
        if not hasattr(count, "__index__"):
            got = type(count).__name__
            raise TypeError(describe("Sequential", "count", "a positive int", got))
        if count <= 0:
            raise ValueError(describe("Sequential", "count", "a positive int", count))
        return list(self) * count

    def forward(self, input: Any) -> Any:
        """Call the modules in order."""
        for module in self:
            input = module(input)
        return input


class ModuleList(_Row):
    """A list of modules that are registered: their parameters are trained and saved.

    Errors: TypeError for what is no module, IndexError for a place that does not exist.

    >>> from tinygrad_edu import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)]); layers
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    >>> len(list(layers.parameters()))
    6
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(() if modules is None else modules)

    def _row_of(self: R, items: list[tuple[str, Any]]) -> R:
        like: Any = type(self)
        return like([module for _, module in items])

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __repr__(self) -> str:
        """As of any module, but equal neighbours share a line."""
        parts = []
        for text, group in groupby(enumerate(map(repr, self)), key=lambda pair: pair[1]):
            places = [place for place, _ in group]
            first, last = places[0], places[-1]
            if first == last:
                parts.append(f"({first}): {text}")
            else:
                parts.append(f"({first}-{last}): {len(places)} x {text}")
        return framed(type(self).__name__, [], parts)
