"""What the losses of autoencoders are made of. All are means over the N examples of a batch.

Symbols: d input and o output of an example, h its hidden activations, W weights.
"""

from __future__ import annotations

import math

from tinygrad_edu.errors import SettingError, ShapeError, describe
from tinygrad_edu.ops.choose import clamp
from tinygrad_edu.ops.create import full_like
from tinygrad_edu.ops.losses import bernoulli_loss, binary_cross_entropy_with_logits
from tinygrad_edu.ops.pointwise import exp
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.tensor import Tensor

from .autoencoder import SparseResult, VariationalResult
from .module import Module

__all__ = [
    "SparseAutoencoderLoss", "VariationalLoss", "contractive_penalty", "gaussian_kl",
    "kl_sparsity", "reconstruction_loss", "tikhonov",
]  # fmt: skip


def reconstruction_loss(output: Tensor, input: Tensor) -> Tensor:
    """Half the squared error of an example: 1/(2N) sum ||d - o||^2.

    Shapes: both (N, ...). Units: those of the input, squared; summed over the elements of an
    example, mean over the examples. Gradient: g (o - d) / N for `output`. Errors: ShapeError.
    Source: Ng (2011), Sparse autoencoder, CS294A lecture notes.

    >>> import tinygrad_edu as tg
    >>> tg.nn.reconstruction_loss(tg.zeros(2, 2), tg.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor(6.5000)
    """
    if output.shape != input.shape or not input.ndim:
        expected = f"the input's shape, (N, ...): {input.shape}"
        raise ShapeError(describe("reconstruction_loss", "output", expected, output.shape))
    error = output - input
    return sum(error * error) / (2 * input.shape[0])


def tikhonov(*weights: Tensor) -> Tensor:
    """Half the squared weights: 1/2 (||W1||^2 + ||W2||^2 + ...), which keeps them small.

    Units: those of the weights, squared. Gradient: g W.
    Source: Tikhonov (1963); in networks also called weight decay or ridge.

    >>> import tinygrad_edu as tg
    >>> tg.nn.tikhonov(tg.tensor([3.0, 4.0]), tg.ones(1, 1))
    tensor(13.)
    """
    if not weights:
        raise SettingError(describe("tikhonov", "weights", "at least one tensor", "none"))
    total = sum(weights[0] * weights[0])
    for w in weights[1:]:
        total = total + sum(w * w)
    return total / 2


def kl_sparsity(hidden: Tensor, rho: float) -> Tensor:
    """How far the units' mean activations m are from `rho`: the sum over them of KL(rho | m).

    KL(rho | m) = rho log(rho / m) + (1 - rho) log((1 - rho) / (1 - m)).
    Shapes: hidden (N, units) from 0 to 1, a sigmoid's. Units: nats; summed over the units, whose
    m is the mean over the examples. Logarithms of m and 1 - m below -100 count as -100, so it is
    finite for units that are always off or always on, and still pushes them back.
    Gradient: g (m - rho) / (m (1 - m)) / N. Errors: ShapeError, SettingError for what is outside
    [0, 1]. Source: Ng (2011), Sparse autoencoder, CS294A lecture notes.

    >>> import tinygrad_edu as tg
    >>> tg.nn.kl_sparsity(tg.tensor([[0.25, 1.0], [0.25, 0.0]]), rho=0.25)
    tensor(0.1308)
    """
    if not 0 <= rho <= 1:
        raise SettingError(describe("kl_sparsity", "rho", "a chance from 0 to 1", rho))
    if hidden.ndim != 2 or not hidden.shape[0]:
        expected = "activations (N, units) of at least one example"
        raise ShapeError(describe("kl_sparsity", "hidden", expected, hidden.shape))
    if (outside := (hidden < 0) | (hidden > 1)).any():
        got = hidden.detach()[outside][0].item()
        mend = "use a sigmoid"
        raise SettingError(describe("kl_sparsity", "hidden", "values from 0 to 1", got, mend))
    m = clamp(hidden.mean(0), 0, 1)  # a mean of ones may be rounded to more than 1
    entropy = -math.fsum(p * math.log(p) for p in (rho, 1 - rho) if p)
    return sum(bernoulli_loss(m, full_like(m, rho))) - entropy * m.numel()


def contractive_penalty(hidden: Tensor, weight: Tensor) -> Tensor:
    """The squared Jacobian of sigmoid units: 1/N sum over n, b of (h (1 - h))^2 ||W_b||^2.

    It is ||dh/dx||^2 (of Frobenius) of an example for h = sigmoid(W x + b), mean over the
    examples: small where the code does not change with the input.
    Shapes: hidden (N, units), weight (units, in_features). Units: 1 / (unit of the input)^2.
    Gradient: through both. Errors: ShapeError. Source: Rifai et al. (2011), Contractive
    auto-encoders.

    >>> import tinygrad_edu as tg
    >>> tg.nn.contractive_penalty(tg.tensor([[0.5]]), tg.tensor([[3.0, 4.0]]))
    tensor(1.5625)
    """
    if hidden.ndim != 2 or weight.ndim != 2 or hidden.shape[1] != weight.shape[0]:
        expected = f"(units, in_features) for activations {hidden.shape}"
        raise ShapeError(describe("contractive_penalty", "weight", expected, weight.shape))
    slope = hidden * (1 - hidden)
    return sum(slope * slope * sum(weight * weight, 1)) / hidden.shape[0]


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) | N(0, 1)) = 1/2 (mean^2 + variance - 1 - log variance).

    Shapes: both (N, latent). Units: nats; summed over the dims of the code, mean over the
    examples. Gradient: g mean / N, and g (variance - 1) / (2N) for `log_variance`.
    Errors: ShapeError. Source: Kingma and Welling (2014), appendix B.

    >>> import tinygrad_edu as tg
    >>> tg.nn.gaussian_kl(tg.tensor([[2.0, 0.0]]), tg.zeros(1, 2))
    tensor(2.)
    """
    if mean.shape != log_variance.shape or mean.ndim != 2:
        expected = f"the means' shape, (N, latent): {mean.shape}"
        raise ShapeError(describe("gaussian_kl", "log_variance", expected, log_variance.shape))
    terms = mean * mean + exp(log_variance) - 1 - log_variance
    return sum(terms) / (2 * mean.shape[0])


class SparseAutoencoderLoss(Module):
    """1/(2N) sum ||d - o||^2 + lambda/2 (||W1||^2 + ||W2||^2) + beta sum_b KL(rho | mean h_b).

    `gamma` weighs a contractive penalty of the encoder as well. Called with what the autoencoder
    gives, and the input. Units: see `reconstruction_loss`, `tikhonov`, `kl_sparsity`,
    `contractive_penalty`. Source: Ng (2011), Sparse autoencoder, CS294A lecture notes.

    >>> import tinygrad_edu as tg
    >>> model, x = tg.nn.SparseAutoencoder(4, 2), tg.rand(3, 4)
    >>> loss = tg.nn.SparseAutoencoderLoss(); loss
    SparseAutoencoderLoss(lambda_=0.0005, beta=0.008, rho=0.25, gamma=0.0)
    >>> loss(model(x), x).shape
    ()
    """

    def __init__(
        self, lambda_: float = 5e-4, beta: float = 8e-3, rho: float = 0.25, gamma: float = 0.0
    ) -> None:
        super().__init__()
        self.lambda_, self.beta, self.rho, self.gamma = lambda_, beta, rho, gamma

    def forward(self, result: SparseResult, input: Tensor) -> Tensor:
        """The loss of an autoencoder's result against its input."""
        output, hidden, weights = result
        loss = reconstruction_loss(output, input) + self.lambda_ * tikhonov(*weights)
        if self.beta:
            loss = loss + self.beta * kl_sparsity(hidden, self.rho)
        if self.gamma:
            loss = loss + self.gamma * contractive_penalty(hidden, weights[0])
        return loss

    def extra_repr(self) -> str:
        """The settings."""
        return f"lambda_={self.lambda_}, beta={self.beta}, rho={self.rho}, gamma={self.gamma}"


class VariationalLoss(Module):
    """Minus the evidence lower bound: cross entropy of the elements + beta KL(code | N(0, 1)).

    Called with what the autoencoder gives, and the input, of elements from 0 to 1. Units: nats
    per example: the cross entropy is summed over the elements of an example and the divergence
    over the dims of its code (`gaussian_kl`), both mean over the examples.
    Source: Kingma and Welling (2014); for beta, Higgins et al. (2017).

    >>> import tinygrad_edu as tg
    >>> model, x = tg.nn.VariationalAutoencoder(4, 2, 8), tg.rand(3, 4)
    >>> tg.nn.VariationalLoss()(model(x), x).shape
    ()
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, result: VariationalResult, input: Tensor) -> Tensor:
        """The loss of an autoencoder's result against its input."""
        total = binary_cross_entropy_with_logits(result.output, input, reduction="sum")
        divergence = gaussian_kl(result.mean, result.log_variance)
        return total / input.shape[0] + self.beta * divergence

    def extra_repr(self) -> str:
        """The settings."""
        return f"beta={self.beta}"
