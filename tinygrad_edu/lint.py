"""`lint`: what is probably wrong with a model, its optimizer and its loss, in one look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, describe
from tinygrad_edu.graph import Node
from tinygrad_edu.hints import hint, is_released
from tinygrad_edu.recording import ancestors
from tinygrad_edu.tensor import Tensor

__all__ = ["lint"]


def lint(model: Any, optimizer: Any = None, loss: Tensor | None = None) -> list[str]:
    """Warn of what is probably wrong in a step of training; the warnings are returned as well.

    Call it once, after `backward()` and before the optimizer's step. Each finding is a LintWarning:

    - the model is in evaluation mode, and has a part for which that matters;
    - the optimizer lacks parameters of the model that require gradients;
    - the loss has no graph, or does not depend on the model's parameters;
    - all their gradients are None after backward, or all are 0;
    - probabilities, made by softmax or by hand, go into a cross entropy, which takes scores;
    - numbers of shape (N, 1) are compared with a target of shape (N,), which gives (N, N).

    `nn.Solver` does this in its first step.

    >>> import tinygrad_edu as tg
    >>> model = tg.nn.Linear(2, 1)
    >>> optimizer = tg.optim.SGD([model.weight], lr=0.1)
    >>> loss = model(tg.ones(4, 2)).square().mean(); loss.backward()
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     tg.lint(model, optimizer, loss)
    ['the optimizer lacks parameters of the model, which will not learn: bias; ...']
    """
    if loss is not None and not isinstance(loss, Tensor):
        got = f"a {type(loss).__name__}"
        raise DTypeError(describe("lint", "loss", "a Tensor or None", got, "not loss.item()"))
    found = list(_mode(model))
    if optimizer is not None:
        found += _missing(model, optimizer)
    if loss is not None:
        found += _graph(model, loss)
    found += _gradients(model, loss)
    for text in found:
        hint(text)
    return found


def _mode(model: Any) -> Iterator[str]:
    if model.training:
        return
    names = [name for name, part in model.named_modules()
             if name and not part.training and _has_modes(type(part))]  # fmt: skip
    if names or _has_modes(type(model)):
        yield (
            f"the model is in evaluation mode, which matters to {_listed(names or ['itself'])}; "
            "call model.train() before training"
        )


def _has_modes(kind: type) -> bool:
    """Whether a method of a module's class asks for `self.training`."""
    classes = [c for c in kind.__mro__ if not any(n in vars(c) for n in ("named_modules", "train"))]
    codes = [getattr(f, "__code__", None) for c in classes for f in vars(c).values()]
    return any("training" in code.co_names for code in codes if code is not None)


def _missing(model: Any, optimizer: Any) -> Iterator[str]:
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    names = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in held]
    if names and len(names) == sum(p.requires_grad for p in model.parameters()):
        yield (
            "the optimizer has none of the model's parameters; make it of model.parameters(), "
            "after the model is complete"
        )
    elif names:
        yield (
            f"the optimizer lacks parameters of the model, which will not learn: {_listed(names)}; "
            "add them, or let them need no gradient: requires_grad_(False)"
        )


def _graph(model: Any, loss: Tensor) -> Iterator[str]:
    if loss.node is None:
        yield (
            "the loss has no graph, so nothing can learn from it; was it made inside no_grad(), or "
            "of .item(), .numpy() or .detach()?"
        )
        return
    nodes = ancestors([loss.node])
    used = set(nodes)
    if not any(p.node in used for p in model.parameters() if p.node is not None):
        yield (
            "the loss does not depend on any parameter of the model; was its output detached, or "
            "made of .numpy(), or is it another model's?"
        )
    for node in nodes:
        yield from _node(node)


def _node(node: Node) -> Iterator[str]:
    """What is wrong with one op."""
    name = "" if node.op is None else node.op.name
    if name in ("log_softmax", "cross_entropy") and _is_probability(node.parents[0]):
        yield (
            "probabilities go into log_softmax or a cross entropy, which makes probabilities of "
            "scores itself; leave softmax out"
        )
    if name == "sub" and None in node.parents:
        (parent,) = [p for p in node.parents if p is not None]
        n = parent.shape[0] if parent.shape else 1
        if n > 1 and parent.shape in ((n, 1), (n,)) and node.shape == (n, n):
            yield (
                f"a difference of shape {node.shape} is made of a value of shape {parent.shape} "
                "and a constant; give predictions and targets one shape: squeeze(1)"
            )


def _is_probability(node: Node | None) -> bool:
    """Whether a node is a softmax, or one written by hand: exp(x) / exp(x).sum()."""
    if node is None or node.op is None:
        return False
    if node.op.name != "div":
        return node.op.name == "softmax"
    top, below = node.parents
    names = [n.op.name if n is not None and n.op is not None else "" for n in (top, below)]
    return names == ["exp", "sum"] and top in below.parents


def _gradients(model: Any, loss: Tensor | None) -> Iterator[str]:
    wanted = [p for p in model.parameters() if p.requires_grad]
    grads = [p.grad for p in wanted if p.grad is not None]
    if not wanted:
        yield "no parameter of the model requires a gradient: all are frozen, or there is none"
    elif grads and not any(np.any(g.array) for g in grads):
        yield (
            "the gradients of all parameters are 0, so nothing will learn: a constant loss, or "
            "units that are dead or saturated (a smaller learning rate, another initialisation)"
        )
    elif not grads and loss is not None and loss.node is not None and is_released(loss.node):
        yield (
            "all gradients are None although backward() was called: the loss does not depend on "
            "the parameters, or zero_grad() was called after backward()"
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
