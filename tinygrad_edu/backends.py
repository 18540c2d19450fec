"""Which code computes a convolution: `tg.backends.conv = "im2col" | "scipy" | "reference"`.

All three give the same numbers and the same gradients; they differ in how, and so in speed:
"im2col" (the default) multiplies matrices, "scipy" calls `scipy.signal` and is good for large
kernels, "reference" is plain loops to read and to compare with. With "im2col", large 3x3 layers in
float32 are computed by Winograd's method (`kernels/winograd.py`), which multiplies less and rounds
more, to about 1e-5 of the largest output: `tg.backends.winograd = False` leaves that out.
A choice holds for the whole process, all threads, from the next call on; `using` makes it for a
block of code.

    >>> import tinygrad_edu as tg
    >>> tg.backends.conv, tg.backends.winograd
    ('im2col', True)
    >>> with tg.backends.using(conv="reference"):
    ...     tg.backends.conv
    'reference'
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

from tinygrad_edu import cuda as mps

__all__ = ["conv", "conv_kernels", "cudnn", "mps", "using", "winograd"]

# What scripts for PyTorch ask for and set: there is no GPU, and all results are deterministic.
cudnn = SimpleNamespace(benchmark=False, deterministic=True)

_CONV_MODULES = {
    "im2col": "tinygrad_edu.kernels.conv_im2col",
    "scipy": "tinygrad_edu.kernels.conv_scipy",
    "reference": "tinygrad_edu.kernels.reference",
}

conv: str  # properties of the module, see _Backends
winograd: bool
_chosen: dict[str, Any] = {"conv": "im2col", "winograd": True}


def conv_kernels() -> ModuleType:
    """Return the module in use: conv2d, conv2d_input_grad and conv2d_weight_grad on arrays."""
    # Imported when first used: scipy.signal alone takes longer to load than the rest of the engine.
    return import_module(_CONV_MODULES[_chosen["conv"]])


@contextmanager
def using(*, conv: str | None = None, winograd: bool | None = None) -> Iterator[None]:
    """Use what is named inside a `with` block or a decorated function, then what was before.

    Raises ValueError for a `conv` that is none of the three, TypeError for a `winograd` that is no
    bool; nothing is changed then.
    """
    asked = {"conv": conv, "winograd": winograd}
    settings = {name: value for name, value in asked.items() if value is not None}
    before = {name: _chosen[name] for name in settings}
    _choose(settings)
    try:
        yield
    finally:
        _choose(before)


def _choose(settings: dict[str, Any]) -> None:
    name, flag = settings.get("conv", "im2col"), settings.get("winograd", True)
    if name not in tuple(_CONV_MODULES):
        choices = ", ".join(map(repr, _CONV_MODULES))
        raise ValueError(f"backends.conv: expected one of {choices}, got {name!r}")
    if not isinstance(flag, bool):
        raise TypeError(f"backends.winograd: expected True or False, got {flag!r}")
    _chosen.update(settings)


class _Backends(ModuleType):
    """A module whose settings refuse what they do not know, however the module was reached."""

    @property
    def conv(self) -> str:
        return _chosen["conv"]

    @conv.setter
    def conv(self, name: str) -> None:
        _choose({"conv": name})

    @property
    def winograd(self) -> bool:
        return _chosen["winograd"]

    @winograd.setter
    def winograd(self, flag: bool) -> None:
        _choose({"winograd": flag})


sys.modules[__name__].__class__ = _Backends
