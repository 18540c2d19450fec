"""The experiments of a course, each of which shows (or fails to show) what it claims.

    tinygrad-edu experiment --list

An experiment is a function of `Options` that returns a `Result`; `conduct` runs one by its name
and leaves pictures and a summary in a folder. `sweep` does the same trial with many settings.
"""

from __future__ import annotations

from . import (
    autoencoders,
    convnet,
    dropout,
    filters,
    linear,
    normalization,
    overfit,
    updates,
)
from .frame import EXPERIMENTS, Experiment, Options, Report, Result, conduct, experiment
from .report import catalogue, in_words
from .sweep import SweepError, sweep

__all__ = [
    "EXPERIMENTS",
    "Experiment",
    "Options",
    "Report",
    "Result",
    "SweepError",
    "catalogue",
    "conduct",
    "experiment",
    "in_words",
    "sweep",
]
