"""The libraries that are measured; each has a module here, with two functions.

`start(workload)` returns a function that runs one step and returns its results: the loss, or the
value of the expression and its gradients. `numpy(value)` makes an array of one of them. Importing
the module fails with ImportError where the library is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Peer:
    """A library by the name it has in tables."""

    name: str
    module: str  # of this package
    package: str  # as it is imported, for its version
    about: str


_LIST = [
    Peer("torch", "with_torch", "torch", "PyTorch, eager"),
    Peer("tinygrad_edu", "with_tinygrad_edu", "tinygrad_edu", "this package"),
    Peer("jax", "with_jax", "jax", "JAX; a whole step is compiled, W7 is not"),
    Peer("autograd", "with_autograd", "autograd", "HIPS autograd"),
    Peer("mygrad", "with_mygrad", "mygrad", "MyGrad"),
    Peer("tinygrad", "with_tinygrad", "tinygrad", "tinygrad; a whole step is compiled, W7 is not"),
    Peer("numpy-manual", "manual", "numpy", "gradients by hand, as course documents write them"),
]
PEERS = {peer.name: peer for peer in _LIST}


def load(name: str) -> Any:
    """The module of a peer. Raises ImportError if its library is not installed."""
    return import_module(f"{__name__}.{PEERS[name].module}")
