"""The ops, by family: forward, gradient rule and docs of each side by side.

Shape letters: N batch, C channels, F filters, H W height and width, KH KW of a kernel,
D features, K classes. In rules `g` is the gradient of the result `out`. What a file lists in
`__all__` is a function of the package: `tg.exp` beside `x.exp()`.
"""

from tinygrad_edu.ops import inplace as inplace
from tinygrad_edu.ops import loss as loss
from tinygrad_edu.ops.activation import *
from tinygrad_edu.ops.choose import *
from tinygrad_edu.ops.conv import *
from tinygrad_edu.ops.convert import *
from tinygrad_edu.ops.create import *
from tinygrad_edu.ops.indexing import *
from tinygrad_edu.ops.linalg import *
from tinygrad_edu.ops.pointwise import *
from tinygrad_edu.ops.pool import *
from tinygrad_edu.ops.random import *
from tinygrad_edu.ops.reduce import *
from tinygrad_edu.ops.shape import *

inplace.attach_inplace_forms()  # now that all ops are known
