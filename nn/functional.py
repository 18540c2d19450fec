"""The functions behind the layers, in one place: `import tinygrad_edu.nn.functional as F`."""

from __future__ import annotations

from tinygrad_edu.ops import pointwise
from tinygrad_edu.ops.activation import log_softmax, softmax
from tinygrad_edu.ops.activations import (
    celu,
    elu,
    gelu,
    glu,
    logsigmoid,
    mish,
    selu,
    silu,
    softmin,
    softplus,
    softsign,
    tanhshrink,
)
from tinygrad_edu.ops.attention import scaled_dot_product_attention
from tinygrad_edu.ops.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from tinygrad_edu.ops.dropout import dropout, dropout1d, dropout2d
from tinygrad_edu.ops.embedding import embedding
from tinygrad_edu.ops.fold import fold, unfold
from tinygrad_edu.ops.labels import cross_entropy, nll_loss
from tinygrad_edu.ops.lengths import cosine_similarity, normalize, pairwise_distance
from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.loss import mse_loss
from tinygrad_edu.ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    gaussian_nll_loss,
    huber_loss,
    kl_div,
    l1_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from tinygrad_edu.ops.margins import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
)
from tinygrad_edu.ops.matrix import bilinear
from tinygrad_edu.ops.normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from tinygrad_edu.ops.order import one_hot
from tinygrad_edu.ops.pad import pad
from tinygrad_edu.ops.pointwise import sigmoid, tanh
from tinygrad_edu.ops.pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from tinygrad_edu.ops.resample import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    interpolate,
)
from tinygrad_edu.ops.straight import (
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    prelu,
    relu6,
    softshrink,
    threshold,
)
from tinygrad_edu.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "avg_pool1d", "avg_pool2d", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d", "conv_transpose1d",
    "conv_transpose2d", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout",
    "dropout1d", "dropout2d", "elu", "embedding", "fold", "gaussian_nll_loss", "gelu", "glu",
    "group_norm", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss",
    "huber_loss", "instance_norm", "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu",
    "linear", "log_softmax", "logsigmoid", "margin_ranking_loss", "max_pool1d", "max_pool2d",
    "mish", "mse_loss", "multi_margin_loss", "nll_loss", "normalize", "one_hot", "pad",
    "pairwise_distance", "poisson_nll_loss", "prelu", "relu", "relu6", "rms_norm",
    "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss",
    "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "triplet_margin_loss", "unfold",
]  # fmt: skip


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0) of each element; `inplace` overwrites the input. Gradient: g where x > 0.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else pointwise.relu(input)
