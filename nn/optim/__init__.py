"""Optimizers: they change parameters in place, along their gradients, so that a loss falls."""

from __future__ import annotations

from .adam import Adam
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
