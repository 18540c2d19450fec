"""tinygrad_edu: record tensor expressions, run them fast, differentiate them, explain them.

    import tinygrad_edu as tg

    x = tg.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    x.grad          # tensor([2., 4.])

Names, arguments, defaults and edge behaviour are PyTorch's. To read the engine, start with
`graph.py`, then `tensor.py`, then `ops/linalg.py`.
"""

import warnings
from pathlib import Path

__version__ = "0.1.0"

# In a checkout nn/ and datasets/ stand beside this folder; an installed copy has them inside it.
_here = Path(__file__).parent
if not (_here / "nn" / "__init__.py").exists():
    __path__.append(str(_here.parent))

# inf - inf, overflow and their kin give nan and inf without a word, as in PyTorch. Only warnings
# that arise in this package are silenced; the caller's NumPy settings stay as they are.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"tinygrad_edu\.")

from tinygrad_edu import memory as _memory

_memory.keep_freed()  # before anything large is made

from tinygrad_edu import autograd, backends, cuda, func, linalg
from tinygrad_edu.anomaly import *
from tinygrad_edu.checkpoint import load, save
from tinygrad_edu.device import Device as device
from tinygrad_edu.drawing import draw
from tinygrad_edu.dtypes import (
    bool,
    double,
    dtype,
    finfo,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    result_type,
    set_default_dtype,
    short,
    uint8,
)
from tinygrad_edu.errors import *
from tinygrad_edu.files import load_file, save_file
from tinygrad_edu.gradcheck import gradcheck, gradgradcheck
from tinygrad_edu.lint import lint
from tinygrad_edu.locate import locate_wrong_gradient
from tinygrad_edu.modes import (
    Generator,
    default_generator,
    enable_grad,
    get_rng_state,
    inference_mode,
    initial_seed,
    is_grad_enabled,
    manual_seed,
    no_grad,
    seed,
    set_grad_enabled,
    set_rng_state,
)
from tinygrad_edu.op import OPS, op
from tinygrad_edu.ops import *
from tinygrad_edu.profiling import profile
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.threads import get_num_threads, set_num_threads

Size = tuple  # of PyTorch's class, which is a tuple, only the name

_LAZY = ("cli", "datasets", "nn", "optim", "testing", "utils")


def __getattr__(name):  # so that `tg.nn` works after a plain `import tinygrad_edu`
    if name in _LAZY:
        import importlib

        return importlib.import_module(f"tinygrad_edu.{name}")
    raise AttributeError(f"module 'tinygrad_edu' has no attribute {name!r}")
