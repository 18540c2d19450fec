"""Losses as modules: the functions of the same names, with their settings.

PyTorch's old arguments `size_average` and `reduce` are not taken; what stands behind them there
is given by name.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

from tinygrad_edu.errors import describe
from tinygrad_edu.tensor import Tensor

from . import functional
from .function import Loss

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss",
    "MultiMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss",
    "TripletMarginLoss",
]  # fmt: skip


# --- against classes ----------------------------------------------------------------------------


class CrossEntropyLoss(Loss, function=functional.cross_entropy, buffers=("weight",)):
    """Cross entropy of unnormalised scores against class numbers or probabilities, in nats.

    It contains the softmax: give it scores. `weight` (K,) weighs the classes.

    >>> import tinygrad_edu as tg
    >>> tg.nn.CrossEntropyLoss()(tg.zeros(1, 2), tg.tensor([0]))
    tensor(0.6931)
    """

    weight: Tensor | None = None
    _: KW_ONLY
    ignore_index: int = -100
    label_smoothing: float = 0.0


class NLLLoss(Loss, function=functional.nll_loss, buffers=("weight",)):
    """Minus the log probability of the target class. `weight` (K,) weighs the classes.

    >>> import tinygrad_edu as tg
    >>> tg.nn.NLLLoss()(tg.log_softmax(tg.zeros(1, 2), dim=1), tg.tensor([0]))
    tensor(0.6931)
    """

    weight: Tensor | None = None
    _: KW_ONLY
    ignore_index: int = -100


class MultiMarginLoss(Loss, function=functional.multi_margin_loss, buffers=("weight",)):
    """Hinge loss of classes: the sum over the wrong ones of max(0, margin - x[y] + x[i])^p / K.

    `weight` (K,) weighs the classes.

    >>> import tinygrad_edu as tg
    >>> tg.nn.MultiMarginLoss()(tg.tensor([[1.0, 1.5]]), tg.tensor([1]))
    tensor(0.2500)
    """

    p: int = 1
    margin: float = 1.0
    weight: Tensor | None = None


# --- against numbers ----------------------------------------------------------------------------


class MSELoss(Loss, function=functional.mse_loss):
    """Squared error, its mean over all elements by default.

    >>> import tinygrad_edu as tg
    >>> tg.nn.MSELoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """


class L1Loss(Loss, function=functional.l1_loss):
    """The absolute difference, its mean over all elements by default.

    >>> import tinygrad_edu as tg
    >>> tg.nn.L1Loss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(1.)
    """


class SmoothL1Loss(Loss, function=functional.smooth_l1_loss):
    """The absolute difference d, rounded off near 0: d^2 / (2 beta) below beta, else d - beta / 2.

    >>> import tinygrad_edu as tg
    >>> tg.nn.SmoothL1Loss(reduction="none")(tg.tensor([0.5, 4.0]), tg.zeros(2))
    tensor([0.1250, 3.5000])
    """

    _: KW_ONLY
    beta: float = 1.0


class HuberLoss(Loss, function=functional.huber_loss):
    """Half the squared difference d up to delta, and delta (|d| - delta / 2) beyond.

    Errors: TypeError if delta is no number, SettingError if it is not positive.

    >>> import tinygrad_edu as tg
    >>> tg.nn.HuberLoss("none", delta=2.0)(tg.tensor([1.0, 4.0]), tg.zeros(2))
    tensor([0.5000, 6.0000])
    """

    reduction: str = "mean"
    delta: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.delta, (int, float)):
            raise TypeError(describe("HuberLoss", "delta", "a number", repr(self.delta)))


class PoissonNLLLoss(Loss, function=functional.poisson_nll_loss):
    """Minus the log likelihood of counts under Poisson rates exp(input).

    With `log_input=False` the input is the rates themselves. `full` adds Stirling's approximation
    of what depends on the target alone.

    >>> import tinygrad_edu as tg
    >>> tg.nn.PoissonNLLLoss()(tg.zeros(2), tg.tensor([1.0, 2.0]))
    tensor(1.)
    """

    log_input: bool = True
    full: bool = False
    _: KW_ONLY
    eps: float = 1e-8


class GaussianNLLLoss(Loss, function=functional.gaussian_nll_loss):
    """Minus the log likelihood of numbers under normal distributions of these means and variances.

    Called with (input, target, var). `full` adds log(2 pi) / 2.

    >>> import tinygrad_edu as tg
    >>> tg.nn.GaussianNLLLoss()(tg.zeros(2), tg.tensor([1.0, 2.0]), tg.ones(2))
    tensor(1.2500)
    """

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-6

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:  # type: ignore[override]
        """The loss of means and variances against numbers."""
        return self._call(input, target, var)


# --- against probabilities ----------------------------------------------------------------------


class BCELoss(Loss, function=functional.binary_cross_entropy, buffers=("weight",)):
    """Binary cross entropy of probabilities against answers from 0 to 1, in nats.

    >>> import tinygrad_edu as tg
    >>> tg.nn.BCELoss()(tg.tensor([0.5, 0.5]), tg.tensor([1.0, 0.0]))
    tensor(0.6931)
    """

    weight: Tensor | None = None


class BCEWithLogitsLoss(
    Loss,
    function=functional.binary_cross_entropy_with_logits,
    buffers=("weight", "pos_weight"),
):
    """Binary cross entropy of sigmoid(input), exact for scores of any size, in nats.

    `pos_weight` multiplies the term of the positive answers.

    >>> import tinygrad_edu as tg
    >>> tg.nn.BCEWithLogitsLoss()(tg.tensor([0.0, 1e4]), tg.tensor([1.0, 1.0]))
    tensor(0.3466)
    """

    weight: Tensor | None = None
    _: KW_ONLY
    pos_weight: Tensor | None = None


class KLDivLoss(Loss, function=functional.kl_div):
    """Kullback-Leibler divergence from log probabilities `input` to a target of probabilities.

    `reduction="batchmean"` is the divergence per example; "mean", as in PyTorch, divides by the
    number of elements. With `log_target` the target is log probabilities too.

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([[0.5, 0.5]]).log()
    >>> tg.nn.KLDivLoss(reduction="batchmean")(x, tg.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    _: KW_ONLY
    log_target: bool = False


# --- with a margin ------------------------------------------------------------------------------


class SoftMarginLoss(Loss, function=functional.soft_margin_loss):
    """log(1 + exp(-target input)) for targets 1 and -1.

    >>> import tinygrad_edu as tg
    >>> tg.nn.SoftMarginLoss()(tg.tensor([0.0, 1e4]), tg.tensor([1.0, 1.0]))
    tensor(0.3466)
    """


class HingeEmbeddingLoss(Loss, function=functional.hinge_embedding_loss):
    """x where the target is 1, max(0, margin - x) where it is -1: for distances of pairs.

    >>> import tinygrad_edu as tg
    >>> tg.nn.HingeEmbeddingLoss()(tg.tensor([0.5, 0.25]), tg.tensor([1, -1]))
    tensor(0.6250)
    """

    margin: float = 1.0


class _OfPairs(Loss):
    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]
        """The loss of pairs against targets 1 and -1."""
        return self._call(input1, input2, target)


class MarginRankingLoss(_OfPairs, function=functional.margin_ranking_loss):
    """max(0, -target (input1 - input2) + margin): target 1 wants input1 the larger, -1 input2.

    >>> import tinygrad_edu as tg
    >>> tg.nn.MarginRankingLoss()(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([1.0]))
    tensor(2.)
    """

    margin: float = 0.0


class CosineEmbeddingLoss(_OfPairs, function=functional.cosine_embedding_loss):
    """1 - cosine where the target is 1, max(0, cosine - margin) where it is -1.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.tensor([[1.0, 0.0]]), tg.tensor([[3.0, 4.0]])
    >>> tg.nn.CosineEmbeddingLoss()(a, b, tg.tensor([1]))
    tensor(0.4000)
    """

    margin: float = 0.0


class TripletMarginLoss(Loss, function=functional.triplet_margin_loss):
    """max(0, |anchor - positive| - |anchor - negative| + margin), in the p-norm.

    >>> import tinygrad_edu as tg
    >>> a, b, c = tg.zeros(1, 2), tg.tensor([[3.0, 4.0]]), tg.tensor([[0.0, 1.0]])
    >>> tg.nn.TripletMarginLoss()(a, b, c)
    tensor(5.0000)
    """

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:  # type: ignore[override]
        """The loss of an anchor's distances."""
        return self._call(anchor, positive, negative)
