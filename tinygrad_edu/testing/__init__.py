"""Tools for tests: what is wrong with a gradient, and tensors and networks drawn with hypothesis.

`diagnose` is the doctor, who names the mistake in a gradient written by hand; `strategies` draw.
Each name is loaded when it is first used, so that importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.testing.doctor.diagnosis import diagnose, diagnose_gradient
    from tinygrad_edu.testing.doctor.report import Diagnosis

__all__ = ["Diagnosis", "diagnose", "diagnose_gradient"]

_HOMES = {
    "Diagnosis": "tinygrad_edu.testing.doctor.report",
    "diagnose": "tinygrad_edu.testing.doctor.diagnosis",
    "diagnose_gradient": "tinygrad_edu.testing.doctor.diagnosis",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
