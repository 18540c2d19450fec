"""Schedules: they change the learning rates of an optimizer from epoch to epoch."""

from __future__ import annotations

from .composite import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .cycles import CyclicLR, OneCycleLR
from .factors import ConstantLR, ExponentialLR, LinearLR, MultiStepLR, PolynomialLR, StepLR
from .lambdas import LambdaLR, MultiplicativeLR
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler

__all__ = [
    "LRScheduler",
    "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
    "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "OneCycleLR", "CyclicLR",
    "LambdaLR", "MultiplicativeLR",
    "ReduceLROnPlateau",
    "SequentialLR", "ChainedScheduler",
]  # fmt: skip
