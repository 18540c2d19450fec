"""Tools for tests: gradients checked in one line, and what is wrong with one written by hand.

`check_gradients` compares the gradients of a function on inputs that hypothesis draws from
`strategies`; `diagnose` is the doctor, who names the mistake in a gradient written by hand. Each
name is loaded when it is first used, so that importing this package costs nothing, and hypothesis
is needed only by those who draw.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.testing.doctor.diagnosis import diagnose, diagnose_gradient
    from tinygrad_edu.testing.doctor.report import Diagnosis
    from tinygrad_edu.testing.properties import check_gradients

__all__ = ["Diagnosis", "check_gradients", "diagnose", "diagnose_gradient"]

_HOMES = {
    "Diagnosis": "tinygrad_edu.testing.doctor.report",
    "check_gradients": "tinygrad_edu.testing.properties",
    "diagnose": "tinygrad_edu.testing.doctor.diagnosis",
    "diagnose_gradient": "tinygrad_edu.testing.doctor.diagnosis",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
