"""Layers that bring each channel to mean 0 and variance 1, and may remember its statistics."""

from __future__ import annotations

import warnings
from typing import Any

from tinygrad_edu import storage
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.ops.create import ones, tensor, zeros
from tinygrad_edu.ops.normalization import batch_norm, instance_norm
from tinygrad_edu.ops.shape import squeeze, unsqueeze
from tinygrad_edu.tensor import Tensor

from .layer import whole
from .norm import Norm

__all__ = ["BatchNorm1d", "BatchNorm2d", "InstanceNorm1d", "InstanceNorm2d"]

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class _ChannelNorm(Norm):
    """What batch and instance norms share: settings, parameters and running statistics."""

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features = whole(self, "num_features", num_features, 0)
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        C, how = (self.num_features,), {"device": device, "dtype": dtype}
        self._add_affine(C, affine, bias, device, dtype)
        kept = (zeros(C, **how), ones(C, **how), tensor(0)) if track_running_stats else (None,) * 3
        for name, buffer in zip(_STATISTICS, kept, strict=True):
            self.register_buffer(name, buffer)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1, no batches."""
        if self.track_running_stats:
            for name, value in zip(_STATISTICS, (0, 1, 0), strict=True):
                getattr(self, name).fill_(value)

    def reset_parameters(self) -> None:
        """Forget what was seen and learned: scale 1, shift 0, the running statistics reset."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check(self, input: Tensor, dim: int = 1) -> None:
        """Refuse an input of another form, or with other channels than those in dim `dim`."""
        fits = input.ndim in [form.count(",") + 1 for form in self._takes]
        if fits and (self.affine or self.track_running_stats):
            fits = input.shape[dim] == self.num_features
        if not fits:
            expected = " or ".join(f"({form})" for form in self._takes)
            got = f"{input.shape} with num_features {self.num_features}"
            raise ShapeError(describe(type(self).__name__, "input", expected, got))

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


# --- batch norm ---------------------------------------------------------------------------------


class _BatchNorm(_ChannelNorm):
    """`batch_norm` with its running statistics."""

    def forward(self, input: Tensor) -> Tensor:
        """Each channel with mean 0 and variance 1, scaled and shifted."""
        self._check(input)
        counted = self.num_batches_tracked if self.training and self.track_running_stats else None
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.momentum is None and counted is not None:
            momentum = 1 / (counted.item() + 1)  # the mean of all batches
        own = self.training or (self.running_mean is None and self.running_var is None)
        used = not self.training or self.track_running_stats
        running = (self.running_mean, self.running_var) if used else (None, None)
        out = batch_norm(input, *running, self.weight, self.bias, own, momentum, self.eps)
        if counted is not None:
            counted.array += 1  # what add_ does, in a tenth of its time
            storage.wrote(counted.array)
        return out


class BatchNorm1d(_BatchNorm):
    """Each feature with mean 0 and variance 1 over the batch, then scaled and shifted.

    In training the statistics are those of the batch, and the running ones move towards them:
    `momentum` is the share of the new value (None: the mean of all batches so far), and the
    running variance is the unbiased one. In evaluation the running statistics are used; before
    any training they are 0 and 1. With `track_running_stats=False` there are none, and those of
    the batch are always used.
    Shapes: (N, C) or (N, C, L), result alike; weight and bias (C,), if `affine`, start as 1 and 0.
    Buffers: running_mean, running_var (C,), num_batches_tracked ().
    Errors: ValueError for a single value per channel in training, ShapeError.
    Source: Ioffe and Szegedy (2015).

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.BatchNorm1d(1)
    >>> layer(tg.tensor([[1.0], [3.0]])).detach()
    tensor([[-1.0000],
            [ 1.0000]])
    >>> layer.running_mean, layer.running_var, layer.num_batches_tracked
    (tensor([0.2000]), tensor([1.1000]), tensor(1))
    >>> layer.eval()(tg.tensor([[0.2]])).tolist()
    [[0.0]]
    """

    _takes = ("N, num_features", "N, num_features, L")


class BatchNorm2d(_BatchNorm):
    """Each channel with mean 0 and variance 1 over the batch and the pixels; as `BatchNorm1d`.

    Shapes: (N, C, H, W), result alike; weight and bias (C,).

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.BatchNorm2d(3); layer
    BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    >>> [name for name, _ in layer.named_buffers()]
    ['running_mean', 'running_var', 'num_batches_tracked']
    >>> layer(tg.randn(4, 3, 8, 8)).shape
    (4, 3, 8, 8)
    """

    _takes = ("N, num_features, H, W",)


# --- instance norm ------------------------------------------------------------------------------


class _InstanceNorm(_ChannelNorm):
    """`instance_norm` with its running statistics."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None,
        *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:
        """Each channel of each example with mean 0 and variance 1, scaled and shifted."""
        unbatched = input.ndim == self._takes[-1].count(",") + 1
        dim = 0 if unbatched else 1
        self._check(input, dim)
        if input.shape[dim] != self.num_features:
            warnings.warn(
                f"{type(self).__name__}: num_features is {self.num_features} and the input's shape "
                f"{input.shape}; without affine=True it makes no difference",
                stacklevel=3,
            )
        out = instance_norm(
            unsqueeze(input, 0) if unbatched else input, self.running_mean, self.running_var,
            self.weight, self.bias, self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum, self.eps,
        )  # fmt: skip
        return squeeze(out, 0) if unbatched else out


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each example with mean 0 and variance 1, then scaled and shifted.

    Scale and shift are there if `affine`, running statistics (the means over the examples, used
    in evaluation) if `track_running_stats`; both are off by default.
    Shapes: (N, C, L) or (C, L), result alike; weight and bias (C,).
    Errors: ValueError for a single value per channel, ShapeError.
    Source: Ulyanov, Vedaldi and Lempitsky (2016).

    >>> import tinygrad_edu as tg
    >>> tg.nn.InstanceNorm1d(2)(tg.tensor([[1.0, 3.0], [5.0, 9.0]]))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """

    _takes = ("N, num_features, L", "num_features, L")


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each image with mean 0 and variance 1; as `InstanceNorm1d`.

    Shapes: (N, C, H, W) or (C, H, W), result alike.

    >>> import tinygrad_edu as tg
    >>> tg.nn.InstanceNorm2d(3, affine=True)(tg.randn(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    _takes = ("N, num_features, H, W", "num_features, H, W")
