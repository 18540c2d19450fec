"""A course's functions under their own names: arrays in, arrays out, the engine underneath.

    from tinygrad_edu.nn.course import *

    out, cache = affine_forward(x, w, b)
    dx, dw, db = affine_backward(dout, cache)

Read `expressions.py` (the layers as tensor expressions), then `layers.py`: the pairs made of them
show that a cache is a closure. What a course does otherwise than PyTorch is in this folder alone.
Two more courses have submodules of their own, as they give their classes the same names:
`neural_net` (a TwoLayerNet that trains itself) and `layer_objects` (Linear, ReLU, Softmax, ...).
"""

from __future__ import annotations

from .data import *
from .layers import *
from .linear_classifiers import *
from .losses import *
from .naive import *
from .networks import *
from .solver import *
from .tools import *
from .update_rules import *
