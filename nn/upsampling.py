"""Layers that read signals and images off in another size; all of them are `interpolate`."""

from __future__ import annotations

from typing import Any

from . import functional
from .function import OneInput

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]


class Upsample(OneInput, function=functional.interpolate):
    """The input in another size, which is given as `size` or by a `scale_factor`.

    Shapes: (N, C, L), (N, C, H, W) or (N, C, D, H, W); the dims after C change. Modes and
    settings: see `interpolate`.
    Errors: ValueError and ShapeError where it is called, if the settings or sizes do not fit.

    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Upsample(scale_factor=2, mode="bilinear"); layer
    Upsample(scale_factor=2.0, mode='bilinear')
    >>> layer(tg.zeros(1, 3, 8, 8)).shape
    (1, 3, 16, 16)
    """

    size: Any = None
    scale_factor: Any = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def __post_init__(self) -> None:
        if isinstance(self.scale_factor, tuple):
            self.scale_factor = tuple(map(float, self.scale_factor))
        else:
            self.scale_factor = float(self.scale_factor) if self.scale_factor else None

    def extra_repr(self) -> str:
        """The size or the scale, and the mode."""
        given = "size" if self.scale_factor is None else "scale_factor"
        return f"{given}={getattr(self, given)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images in another size, each new pixel that of the nearest old one.

    Shapes: (N, C, H, W) -> (N, C, OH, OW).

    >>> import tinygrad_edu as tg
    >>> tg.nn.UpsamplingNearest2d(scale_factor=2)(tg.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Images in another size, between the old pixels in proportion, the corners kept.

    Shapes: (N, C, H, W) -> (N, C, OH, OW).

    >>> import tinygrad_edu as tg
    >>> tg.nn.UpsamplingBilinear2d(size=(1, 3))(tg.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
