"""Which code computes a convolution: `tg.backends.conv = "im2col" | "scipy" | "reference"`.

All three give the same numbers and the same gradients; they differ in how, and so in speed:
"im2col" (the default) multiplies matrices, "scipy" calls `scipy.signal` and is good for large
kernels, "reference" is plain loops to read and to compare with. The choice holds for the whole
process, all threads, from the next call on; `using` makes it for a block of code.

    >>> import tinygrad_edu as tg
    >>> tg.backends.conv
    'im2col'
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

from tinygrad_edu import cuda as mps

__all__ = ["conv", "conv_kernels", "cudnn", "mps", "using"]

# What scripts for PyTorch ask for and set: there is no GPU, and all results are deterministic.
cudnn = SimpleNamespace(benchmark=False, deterministic=True)

_CONV_MODULES = {
    "im2col": "tinygrad_edu.kernels.conv_im2col",
    "scipy": "tinygrad_edu.kernels.conv_scipy",
    "reference": "tinygrad_edu.kernels.reference",
}

conv: str  # a property of the module, see _Backends
_conv = "im2col"


def conv_kernels() -> ModuleType:
    """Return the module in use: conv2d, conv2d_input_grad and conv2d_weight_grad on arrays."""
    # Imported when first used: scipy.signal alone takes longer to load than the rest of the engine.
    return import_module(_CONV_MODULES[_conv])


@contextmanager
def using(*, conv: str) -> Iterator[None]:
    """Use the convolution `conv` inside a `with` block or a decorated function, then the old one.

    Raises ValueError for a name that is none of the three; nothing is changed then.
    """
    before = _conv
    _choose_conv(conv)
    try:
        yield
    finally:
        _choose_conv(before)


def _choose_conv(name: str) -> None:
    if name not in tuple(_CONV_MODULES):
        choices = ", ".join(map(repr, _CONV_MODULES))
        raise ValueError(f"backends.conv: expected one of {choices}, got {name!r}")
    global _conv
    _conv = name


class _Backends(ModuleType):
    """A module whose `conv` refuses names it does not know, however the module was reached."""

    @property
    def conv(self) -> str:
        return _conv

    @conv.setter
    def conv(self, name: str) -> None:
        _choose_conv(name)


sys.modules[__name__].__class__ = _Backends
