"""Structures of tensors: tuples, lists and dictionaries, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tinygrad_edu.tensor import Tensor


def map_tree(function: Callable, tree: Any) -> Any:
    """A structure like `tree` with `function` applied to what its tuples, lists and dicts hold."""
    if isinstance(tree, dict):
        return {key: map_tree(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[map_tree(function, value) for value in tree])
    if isinstance(tree, (tuple, list)):
        return type(tree)([map_tree(function, value) for value in tree])
    return function(tree)


def leaves_of(tree: Any) -> list:
    """What the tuples, lists and dicts of `tree` hold, in order."""
    found: list = []
    map_tree(found.append, tree)
    return found


def like(tree: Any, leaves: Iterator) -> Any:
    """A structure like `tree` that holds `leaves`."""
    return map_tree(lambda _: next(leaves), tree)


def detached(tree: Any) -> Any:
    """A structure like `tree` whose tensors have no graph."""
    return map_tree(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)
