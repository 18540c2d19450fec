"""Autoencoders: networks that learn to give their input back, through a code that says less.

Weights start uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010), biases at 0.
What belongs into their losses is in `autoencoder_loss`.
"""

from __future__ import annotations

from typing import NamedTuple

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.modes import Generator
from tinygrad_edu.ops.create import empty
from tinygrad_edu.ops.linalg import linear
from tinygrad_edu.ops.pointwise import exp, sigmoid
from tinygrad_edu.ops.random import randn, randn_like
from tinygrad_edu.tensor import Tensor

from . import init
from .activation import ReLU
from .container import Sequential
from .layer import whole
from .linear import Linear
from .module import Module
from .parameter import Parameter
from .shape import Flatten

__all__ = [
    "SparseAutoencoder", "SparseResult", "TiedLinearAutoencoder", "VariationalAutoencoder",
    "VariationalResult",
]  # fmt: skip


def _dense(in_features: int, out_features: int) -> Linear:
    """A fully connected layer that starts as this file says."""
    layer = Linear(in_features, out_features)
    init.xavier_uniform_(layer.weight)
    init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class TiedLinearAutoencoder(Module):
    """x -> W^T W x: one matrix encodes and, transposed, decodes.

    Shapes: (N, in_features) or (in_features,), and the same back; `weight` is W,
    (hidden_features, in_features). At its best the rows of W span the plane of the first
    principal components.
    Gradient of 1/2 ||W^T W x - x||^2: W x e^T + W e x^T with e = W^T W x - x, a term for each
    use of W. Source: Baldi and Hornik (1989).

    >>> import tinygrad_edu as tg
    >>> model = tg.nn.TiedLinearAutoencoder(3, 2); model
    TiedLinearAutoencoder(in_features=3, hidden_features=2)
    >>> model(tg.ones(5, 3)).shape
    (5, 3)
    """

    weight: Parameter

    def __init__(self, in_features: int, hidden_features: int) -> None:
        super().__init__()
        self.in_features = whole(self, "in_features", in_features, 1)
        self.hidden_features = whole(self, "hidden_features", hidden_features, 1)
        self.weight = Parameter(init.xavier_uniform_(empty(hidden_features, in_features)))

    def encode(self, input: Tensor) -> Tensor:
        """The code W x."""
        return linear(input, self.weight)

    def decode(self, code: Tensor) -> Tensor:
        """The reconstruction W^T h of a code h."""
        return linear(code, self.weight.T)

    def forward(self, input: Tensor) -> Tensor:
        """The reconstruction W^T W x."""
        return self.decode(self.encode(input))

    def extra_repr(self) -> str:
        """The settings."""
        return f"in_features={self.in_features}, hidden_features={self.hidden_features}"


class SparseResult(NamedTuple):
    """What a `SparseAutoencoder` gives, and `SparseAutoencoderLoss` takes."""

    output: Tensor  # the reconstruction, in the shape of the input, from 0 to 1
    hidden: Tensor  # the activations (N, hidden_features), from 0 to 1
    weights: tuple[Tensor, ...]  # of the encoder and of the decoder, which the loss keeps small


class SparseAutoencoder(Module):
    """o = sigmoid(W2 h + b2) of h = sigmoid(W1 x + b1), to be trained so that few h are active.

    Shapes: input (N, ...) of in_features numbers from 0 to 1 each. Returns a `SparseResult`
    (output, hidden, weights). `encoder.weight` (hidden_features, in_features) holds a picture per
    row: what each unit looks for. Source: Ng (2011), Sparse autoencoder, CS294A lecture notes.

    >>> import tinygrad_edu as tg
    >>> model = tg.nn.SparseAutoencoder(256, 64); patches = tg.rand(10, 16, 16)
    >>> result = model(patches)
    >>> result.output.shape, result.hidden.shape
    ((10, 16, 16), (10, 64))
    >>> loss = tg.nn.SparseAutoencoderLoss(lambda_=5e-4, beta=8e-3, rho=0.25)(result, patches)
    """

    def __init__(self, in_features: int, hidden_features: int) -> None:
        super().__init__()
        self.encoder = _dense(in_features, hidden_features)
        self.decoder = _dense(hidden_features, in_features)

    def encode(self, input: Tensor) -> Tensor:
        """The activations of the hidden units."""
        return sigmoid(self.encoder(input.flatten(1)))

    def decode(self, hidden: Tensor) -> Tensor:
        """The reconstructions (N, in_features) of activations."""
        return sigmoid(self.decoder(hidden))

    def forward(self, input: Tensor) -> SparseResult:
        """The reconstruction, the activations, and the weights."""
        hidden = self.encode(input)
        output = self.decode(hidden).reshape(input.shape)
        return SparseResult(output, hidden, (self.encoder.weight, self.decoder.weight))


class VariationalResult(NamedTuple):
    """What a `VariationalAutoencoder` gives, and `VariationalLoss` takes."""

    output: Tensor  # the reconstruction, in the shape of the input, before the sigmoid
    mean: Tensor  # of the code (N, latent_features)
    log_variance: Tensor  # of the code, likewise


class VariationalAutoencoder(Module):
    """A code drawn from N(mean, variance), both of which the encoder gives, and decoded again.

    `encoder` maps the input to (N, 2 latent_features): means, then logarithms of variances;
    `decoder` maps (N, latent_features) to as many numbers as the input has, of which a sigmoid
    makes chances from 0 to 1. Without them there is one hidden ReLU layer on each side.
    Returns a `VariationalResult` (output, mean, log_variance).
    The code is mean + exp(log_variance / 2) noise, so gradients reach both through the draw; the
    noise comes from `generator`, in evaluation as well.
    Errors: ShapeError if the encoder gives another number of features.
    Source: Kingma and Welling (2014), Auto-encoding variational Bayes.

    >>> import tinygrad_edu as tg
    >>> model = tg.nn.VariationalAutoencoder(784, latent_features=20); images = tg.rand(5, 28, 28)
    >>> result = model(images, generator=tg.Generator().manual_seed(0))
    >>> result.output.shape, result.mean.shape
    ((5, 28, 28), (5, 20))
    >>> loss = tg.nn.VariationalLoss()(result, images)
    """

    def __init__(
        self, in_features: int, latent_features: int, hidden_features: int = 400,
        encoder: Module | None = None, decoder: Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.latent_features = whole(self, "latent_features", latent_features, 1)
        self.encoder = encoder or Sequential(
            Flatten(),
            _dense(in_features, hidden_features),
            ReLU(),
            _dense(hidden_features, 2 * latent_features),
        )
        self.decoder = decoder or Sequential(
            _dense(latent_features, hidden_features), ReLU(), _dense(hidden_features, in_features)
        )

    def encode(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the code."""
        both = self.encoder(input)
        if both.ndim != 2 or both.shape[1] != 2 * self.latent_features:
            expected = f"means and log variances, (N, {2 * self.latent_features})"
            got = f"shape {both.shape}"
            raise ShapeError(describe("VariationalAutoencoder", "encoder", expected, got))
        return both[:, : self.latent_features], both[:, self.latent_features :]

    def decode(self, code: Tensor) -> Tensor:
        """The reconstructions of codes, before the sigmoid."""
        return self.decoder(code)

    def forward(self, input: Tensor, generator: Generator | None = None) -> VariationalResult:
        """The reconstruction from a drawn code, and the distribution it was drawn from."""
        mean, log_variance = self.encode(input)
        noise = randn_like(mean, generator=generator)
        output = self.decode(mean + exp(log_variance / 2) * noise)
        return VariationalResult(output.reshape(input.shape), mean, log_variance)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Decode `n` codes drawn from N(0, 1), with the sigmoid: new examples, from 0 to 1.

        >>> import tinygrad_edu as tg
        >>> tg.nn.VariationalAutoencoder(784, latent_features=20).sample(3).shape
        (3, 784)
        """
        dtype = next(self.parameters()).dtype
        codes = randn(n, self.latent_features, generator=generator, dtype=dtype)
        return sigmoid(self.decode(codes))
