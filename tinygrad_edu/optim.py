"""`tg.optim`: the optimizers of `tinygrad_edu.nn.optim`, the very same modules."""

import sys

from tinygrad_edu.nn import optim

# An import returns what stands in sys.modules: so this file gives way to the package it names.
for _name, _module in list(sys.modules.items()):
    if f"{_name}.".startswith(f"{optim.__name__}."):
        sys.modules[__name__ + _name.removeprefix(optim.__name__)] = _module
