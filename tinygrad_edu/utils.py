"""`tg.utils.data`: the data sets and loaders of `tinygrad_edu.datasets`, under PyTorch's name."""

import sys

from tinygrad_edu import datasets as data

# `import tinygrad_edu.utils.data` and `from tinygrad_edu.utils.data.sampler import ...` too: an
# import looks into sys.modules first.
for _name, _module in list(sys.modules.items()):
    if f"{_name}.".startswith(f"{data.__name__}."):
        sys.modules[f"{__name__}.data{_name.removeprefix(data.__name__)}"] = _module
