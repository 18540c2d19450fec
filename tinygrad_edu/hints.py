"""Hints: warnings of programs that run, and are probably not what was meant.

These cost so little that they are always on; `lint` looks at a whole model.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

from tinygrad_edu.errors import LintWarning
from tinygrad_edu.graph import Node

_PACKAGE = __name__.partition(".")[0]
_NEAR = 32  # nodes that are looked at


def hint(text: str) -> None:
    """Warn of the line outside this package from which it was called."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None:
        if (frame.f_globals.get("__name__") or "").partition(".")[0] != _PACKAGE:
            break
        level, frame = level + 1, frame.f_back
    warnings.warn(text, LintWarning, stacklevel=level)


def warn_of_squashed(name: str, input: Any, maker: str, mend: str) -> None:
    """Warn if the input of a loss comes out of the function that the loss applies itself."""
    node = getattr(input, "node", None)
    if node is not None and node.op is not None and node.op.name == maker:
        hint(f"{name}: argument 'input': expected scores, got the result of {maker}; {mend}")


def warn_of_unequal(name: str, input: Any, target: Any) -> None:
    """Warn if input and target of a loss broadcast."""
    if input.shape == target.shape:
        return
    mend = "reshape one of them"
    for this, other, words in ((input, target, "input"), (target, input, "target")):
        if this.shape == (*other.shape, 1):
            mend = f"use {words}.squeeze({this.ndim - 1})"
    hint(
        f"{name}: input {input.shape} and target {target.shape} have different shapes and will "
        f"broadcast, which is seldom meant; {mend}"
    )


def warn_of_kept_graphs(summands: Sequence[Any]) -> None:
    """Warn if a sum takes in a result through which backward has gone already."""
    for x in summands:
        node = getattr(x, "node", None)
        if node is not None and is_released(node):
            hint(
                "+=: a loss is added up together with its graph, through which backward() has gone "
                "already, so that no graph is ever freed; add loss.item(), or loss.detach()"
            )
            return


def is_released(node: Node) -> bool:
    """Whether backward has released the graph of a node, or of one near above it."""
    seen = [node]
    for near in seen:  # grows while it is read
        if near.op is not None and near.saved is None:
            return True
        if len(seen) < _NEAR:
            seen += [parent for parent in near.parents if parent is not None]
    return False
