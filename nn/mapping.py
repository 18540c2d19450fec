"""ModuleDict: modules by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from tinygrad_edu.errors import describe

from .module import Module
from .registry import MODULE

__all__ = ["ModuleDict"]


class Dict(Module, MutableMapping[str, Any]):
    """A module that is also a dict, in the order of insertion, and equal to itself alone."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _missing(self, key: Any) -> KeyError:
        return KeyError(f"{type(self).__name__} has no {key!r}; it has {list(self)}")

    def update(self, items: Any = (), /) -> None:  # type: ignore[override]
        """Take all items of a mapping, or of an iterable of pairs.

        Errors: TypeError or ValueError for another thing; then nothing is taken.
        """
        for key, value in list(pairs(type(self).__name__, items)):
            self[key] = value


def pairs(name: str, items: Any) -> Iterator[tuple[str, Any]]:
    """The items of a mapping or of an iterable of pairs. Errors: TypeError, ValueError."""
    if isinstance(items, Mapping):
        items = items.items()
    if not isinstance(items, Iterable):
        raise TypeError(
            describe(name, "items", "a mapping or pairs (key, value)", type(items).__name__)
        )
    for item in items:
        if not isinstance(item, Iterable):
            got = type(item).__name__
            raise TypeError(describe(name, "items", "pairs (key, value)", got))
        pair = tuple(item)
        if len(pair) != 2:
            raise ValueError(describe(name, "items", "pairs (key, value)", f"{len(pair)} values"))
        yield pair


class ModuleDict(Dict):
    """Modules by name, that are registered: their parameters are trained and saved.

    Give a mapping or pairs. It has the methods of a dict, whose order is that of insertion.
    Errors: TypeError for what is no module, KeyError for a name that is not there, that is taken by
    an attribute or that holds a ".".

    >>> from tinygrad_edu import nn
    >>> choices = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()}); choices
    ModuleDict(
      (relu): ReLU()
      (tanh): Tanh()
    )
    >>> choices["tanh"], "gelu" in choices
    (Tanh(), False)
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(() if modules is None else modules)

    def __getitem__(self, key: str) -> Any:
        if self._kinds.get(key) != MODULE:
            raise self._missing(key)
        return self.__dict__[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise self._missing(key)
        delattr(self, key)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._registered(MODULE))
