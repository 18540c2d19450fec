"""Networks: modules, layers, losses, initialisation and optimizers, under PyTorch's names."""

from __future__ import annotations

from . import (
    activation,
    autoencoder,
    autoencoder_loss,
    distance,
    functional,
    init,
    loss,
    models,
    optim,
    utils,
)
from .activation import *
from .array_model import ArrayModel
from .attention import MultiheadAttention
from .autoencoder import *
from .autoencoder_loss import *
from .batchnorm import BatchNorm1d, BatchNorm2d, InstanceNorm1d, InstanceNorm2d
from .callbacks import Callback, ProgressBar
from .cell import GRUCell, LSTMCell, RNNCell
from .container import ModuleList, Sequential
from .conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .distance import *
from .dropout import Dropout
from .linear import Flatten, Identity, Linear
from .loss import *
from .mapping import ModuleDict
from .module import Module
from .norm import GroupNorm, LayerNorm, RMSNorm
from .padding import (
    CircularPad1d,
    CircularPad2d,
    ConstantPad1d,
    ConstantPad2d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReplicationPad1d,
    ReplicationPad2d,
    ZeroPad1d,
    ZeroPad2d,
)
from .parameter import Parameter
from .parameters import ParameterDict, ParameterList
from .pool import AvgPool2d, MaxPool2d
from .recurrent import GRU, LSTM, RNN
from .solver import NonFiniteLossError, Solver
from .transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)

__all__ = [
    "Module", "Parameter", "Sequential", "ModuleList", "ModuleDict", "ParameterList",
    "ParameterDict",
    "Linear", "Flatten", "Identity",
    "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "MaxPool2d", "AvgPool2d",
    "CircularPad1d", "CircularPad2d", "ConstantPad1d", "ConstantPad2d", "ReflectionPad1d",
    "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d", "ZeroPad1d", "ZeroPad2d",
    "BatchNorm1d", "BatchNorm2d", "InstanceNorm1d", "InstanceNorm2d",
    "GroupNorm", "LayerNorm", "RMSNorm", "Dropout",
    "RNNCell", "GRUCell", "LSTMCell", "RNN", "GRU", "LSTM", "MultiheadAttention",
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
    "Solver", "Callback", "ProgressBar", "NonFiniteLossError", "ArrayModel",
    "functional", "init", "models", "optim", "utils",
]  # fmt: skip
__all__ += activation.__all__
__all__ += autoencoder.__all__
__all__ += autoencoder_loss.__all__
__all__ += distance.__all__
__all__ += loss.__all__
