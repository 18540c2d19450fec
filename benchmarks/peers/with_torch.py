"""PyTorch, as `shaped` uses it."""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.peers import shaped

library = torch
start = partial(shaped.start, library)
numpy = shaped.numpy
