"""Parameters in a row or by name: ParameterList and ParameterDict."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from operator import index as integer
from typing import Any, TypeVar

from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor

from .mapping import Dict, pairs
from .module import Module
from .parameter import Parameter

__all__ = ["ParameterDict", "ParameterList"]

L = TypeVar("L", bound="ParameterList")
D = TypeVar("D", bound="ParameterDict")


def _parameter(value: Any) -> Any:
    """A tensor as a parameter; anything else as it is."""
    plain = isinstance(value, Tensor) and not isinstance(value, Parameter)
    return Parameter(value) if plain else value


def _listed(items: Iterable[tuple[Any, Any]]) -> str:
    """A line for each item: its key, dtype and shape."""
    lines = []
    for key, value in items:
        text = f"Object of type: {type(value).__name__}"
        if isinstance(value, Tensor):
            size = "x".join(map(str, value.shape))
            text = f"Parameter containing: [{value.dtype} of size {size}]"
        lines.append(f"  ({key}): {text}")
    return "\n".join(lines)


class ParameterList(Module):
    """A list of parameters that are registered; tensors become parameters.

    Other things may stand among them. Slices are ParameterLists again.
    Errors: IndexError for a place that does not exist, TypeError for what is not iterable.

    >>> import tinygrad_edu as tg
    >>> scales = tg.nn.ParameterList([tg.ones(2), tg.ones(1, 3)]); scales
    ParameterList(
        (0): Parameter containing: [float32 of size 2]
        (1): Parameter containing: [float32 of size 1x3]
    )
    >>> [name for name, _ in scales.named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        self.extend(() if values is None else values)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self.__dict__[str(place)] for place in range(self._size))

    def _name_at(self, idx: Any) -> str:
        place = integer(idx)
        if not -self._size <= place < self._size:
            expected = f"a place among {self._size} values"
            raise IndexError(describe(type(self).__name__, "idx", expected, place))
        return str(place % self._size)

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)(list(self)[idx])
        return self.__dict__[self._name_at(idx)]

    def __setitem__(self, idx: Any, value: Any) -> None:
        setattr(self, self._name_at(idx), _parameter(value))

    def append(self: L, value: Any) -> L:
        """Put a value at the end; return the list."""
        setattr(self, str(self._size), _parameter(value))
        self._size += 1
        return self

    def extend(self: L, values: Iterable[Any]) -> L:
        """Put several values at the end; return the list. Errors: TypeError if it is a tensor."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            got = type(values).__name__
            raise TypeError(describe("ParameterList", "values", "an iterable of tensors", got))
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self: L, values: Iterable[Any]) -> L:
        return self.extend(values)

    def extra_repr(self) -> str:
        """A line for each value."""
        return _listed(enumerate(self))


class ParameterDict(Dict):
    """Parameters by name, that are registered; tensors become parameters.

    Give a mapping (a plain dict is taken in the order of its sorted keys, as PyTorch does) or
    pairs. Other things may stand among the parameters. It has the methods of a dict.
    Errors: KeyError for a name that is not there, that is taken by an attribute or holds a ".".

    >>> import tinygrad_edu as tg
    >>> weights = tg.nn.ParameterDict({"left": tg.ones(2), "right": tg.zeros(2)}); weights
    ParameterDict(
        (left): Parameter containing: [float32 of size 2]
        (right): Parameter containing: [float32 of size 2]
    )
    >>> weights["left"] * 2
    tensor([2., 2.], grad_fn=<MulBackward0>)
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._names: dict[str, None] = {}  # in order
        self.update(() if parameters is None else parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._names:
            raise self._missing(key)
        return self.__dict__[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self._names:
            self._check_free(key, ())
        setattr(self, key, _parameter(value))
        self._names[key] = None

    def __delitem__(self, key: str) -> None:
        if key not in self._names:
            raise self._missing(key)
        delattr(self, key)
        del self._names[key]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._names)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is first set to `default` if it is not there."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Any]:
        """Take the last item out. Errors: KeyError if there is none."""
        key, _ = self._names.popitem()
        self._names[key] = None
        return key, self.pop(key)

    def update(self, items: Any = (), /) -> None:  # type: ignore[override]
        """Take all items of a mapping or of pairs; a plain dict in the order of its sorted keys."""
        plain = isinstance(items, Mapping) and not isinstance(items, (OrderedDict, ParameterDict))
        super().update(sorted(items.items(), key=lambda item: item[0]) if plain else items)

    def copy(self: D) -> D:
        """Another ParameterDict of the same parameters."""
        return type(self)(OrderedDict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A ParameterDict with the same value for all keys."""
        return ParameterDict((key, default) for key in keys)

    def __or__(self: D, other: Any) -> D:
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Any) -> ParameterDict:
        return ParameterDict(OrderedDict(pairs("ParameterDict", other))) | self

    def __ior__(self: D, other: Any) -> D:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        """A line for each item."""
        return _listed(self.items())
