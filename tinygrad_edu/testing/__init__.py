"""Tools for tests: gradients checked in one line, and what is wrong with one written by hand.

`check_gradients` compares the gradients of a function on inputs that hypothesis draws from
`strategies`; `diagnose` is the doctor, who names the mistake in a gradient written by hand;
`locate_wrong_gradient` finds the op of a graph whose rule is wrong. Each
name is loaded when it is first used, so that importing this package costs nothing, and hypothesis
is needed only by those who draw.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.locate import locate_wrong_gradient
    from tinygrad_edu.testing.doctor.diagnosis import diagnose, diagnose_gradient
    from tinygrad_edu.testing.doctor.report import Diagnosis
    from tinygrad_edu.testing.properties import check_gradients

__all__ = [
    "Diagnosis", "check_gradients", "diagnose", "diagnose_gradient", "locate_wrong_gradient",
]  # fmt: skip

_HOMES = {
    "Diagnosis": "tinygrad_edu.testing.doctor.report",
    "check_gradients": "tinygrad_edu.testing.properties",
    "diagnose": "tinygrad_edu.testing.doctor.diagnosis",
    "diagnose_gradient": "tinygrad_edu.testing.doctor.diagnosis",
    "locate_wrong_gradient": "tinygrad_edu.locate",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
