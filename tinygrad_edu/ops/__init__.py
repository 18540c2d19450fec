"""The ops, by family: forward, gradient rule and docs of each side by side.

Shape letters: N batch, C channels, F filters, H W height and width, KH KW of a kernel,
D features, K classes. In rules `g` is the gradient of the result `out`. What a file lists in
`__all__` is a function of the package: `tg.exp` beside `x.exp()`.
"""

import typing as _typing
from types import ModuleType as _ModuleType

from tinygrad_edu.ops import activations as activations
from tinygrad_edu.ops import alike as alike
from tinygrad_edu.ops import attention as attention
from tinygrad_edu.ops import embedding as embedding
from tinygrad_edu.ops import fold as fold
from tinygrad_edu.ops import inplace as inplace
from tinygrad_edu.ops import labels as labels
from tinygrad_edu.ops import lengths as lengths
from tinygrad_edu.ops import loss as loss
from tinygrad_edu.ops import losses as losses
from tinygrad_edu.ops import margins as margins
from tinygrad_edu.ops import normalization as normalization
from tinygrad_edu.ops import pad as pad
from tinygrad_edu.ops import recurrent as recurrent
from tinygrad_edu.ops import resample as resample
from tinygrad_edu.ops import straight as straight
from tinygrad_edu.ops.activation import *
from tinygrad_edu.ops.activations import celu, selu
from tinygrad_edu.ops.arithmetic import *
from tinygrad_edu.ops.blend import *
from tinygrad_edu.ops.choose import *
from tinygrad_edu.ops.conv import *
from tinygrad_edu.ops.convert import *
from tinygrad_edu.ops.create import *
from tinygrad_edu.ops.diagonal import *
from tinygrad_edu.ops.dropout import dropout
from tinygrad_edu.ops.extremes import *
from tinygrad_edu.ops.functions import *
from tinygrad_edu.ops.indexing import *
from tinygrad_edu.ops.lengths import cosine_similarity, pairwise_distance
from tinygrad_edu.ops.linalg import *
from tinygrad_edu.ops.logic import *
from tinygrad_edu.ops.matrix import *
from tinygrad_edu.ops.normalization import group_norm, layer_norm, rms_norm
from tinygrad_edu.ops.norms import *
from tinygrad_edu.ops.order import *
from tinygrad_edu.ops.parts import *
from tinygrad_edu.ops.pointwise import *
from tinygrad_edu.ops.pool import *
from tinygrad_edu.ops.random import *
from tinygrad_edu.ops.rearrange import *
from tinygrad_edu.ops.reduce import *
from tinygrad_edu.ops.repeat import *
from tinygrad_edu.ops.resample import adaptive_avg_pool1d
from tinygrad_edu.ops.rounding import *
from tinygrad_edu.ops.scan import *
from tinygrad_edu.ops.scatter import *
from tinygrad_edu.ops.shape import *
from tinygrad_edu.ops.solve import *
from tinygrad_edu.ops.statistics import *
from tinygrad_edu.ops.straight import hardshrink, prelu, threshold

inplace.attach_inplace_forms()  # now that all ops are known

# The functions alone: the files they stand in have names of the package, too (`tg.linalg`).
if not _typing.TYPE_CHECKING:  # type checkers cannot read a list that is computed
    __all__ = [
        name
        for name, value in globals().items()
        if not name.startswith("_") and not isinstance(value, _ModuleType)
    ]
