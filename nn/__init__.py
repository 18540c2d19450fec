"""Networks: modules, layers, losses, initialisation and optimizers, under PyTorch's names."""

from __future__ import annotations

from . import (
    activation,
    autoencoder,
    autoencoder_loss,
    batchnorm,
    conv,
    distance,
    dropout,
    embedding,
    functional,
    init,
    linear,
    loss,
    models,
    norm,
    optim,
    padding,
    pool,
    shape,
    upsampling,
    utils,
)
from .activation import *
from .array_model import ArrayModel
from .attention import MultiheadAttention
from .autoencoder import *
from .autoencoder_loss import *
from .batchnorm import *
from .callbacks import Callback, ProgressBar
from .cell import GRUCell, LSTMCell, RNNCell
from .container import ModuleList, Sequential
from .conv import *
from .distance import *
from .dropout import *
from .embedding import *
from .linear import *
from .loss import *
from .mapping import ModuleDict
from .module import Module
from .norm import *
from .padding import *
from .parameter import Parameter
from .parameters import ParameterDict, ParameterList
from .pool import *
from .recurrent import GRU, LSTM, RNN
from .shape import *
from .solver import NonFiniteLossError, Solver
from .transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from .upsampling import *

__all__ = [
    "Module", "Parameter", "Sequential", "ModuleList", "ModuleDict", "ParameterList",
    "ParameterDict",
    "RNNCell", "GRUCell", "LSTMCell", "RNN", "GRU", "LSTM", "MultiheadAttention",
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
    "Solver", "Callback", "ProgressBar", "NonFiniteLossError", "ArrayModel",
    "functional", "init", "models", "optim", "utils",
]  # fmt: skip
__all__ += activation.__all__
__all__ += autoencoder.__all__
__all__ += autoencoder_loss.__all__
__all__ += batchnorm.__all__
__all__ += conv.__all__
__all__ += distance.__all__
__all__ += dropout.__all__
__all__ += embedding.__all__
__all__ += linear.__all__
__all__ += loss.__all__
__all__ += norm.__all__
__all__ += padding.__all__
__all__ += pool.__all__
__all__ += shape.__all__
__all__ += upsampling.__all__
