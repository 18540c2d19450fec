"""What strategies of hypothesis draw: the simplest example, and whether something is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import Phase, find, settings
from hypothesis.errors import NoSuchExample

ALIKE = {"database": None, "derandomize": True}  # the same in every run


def smallest(strategy: Any, condition: Callable[[Any], bool] = lambda drawn: True) -> Any:
    """The example that meets the condition, shrunk."""
    return find(strategy, condition, settings=settings(max_examples=1000, **ALIKE))


def is_drawn(strategy: Any, condition: Callable[[Any], bool], examples: int = 1000) -> bool:
    """Whether one of many examples meets the condition."""
    many = settings(max_examples=examples, phases=[Phase.generate], **ALIKE)
    try:
        find(strategy, condition, settings=many)
    except NoSuchExample:
        return False
    return True
