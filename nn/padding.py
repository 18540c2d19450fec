"""Layers that add a border to signals and images: `pad`, with a mode and widths."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_edu.ops.pad import pad
from tinygrad_edu.tensor import Tensor

from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "ConstantPad1d", "ConstantPad2d", "ReflectionPad1d",
    "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d", "ZeroPad1d", "ZeroPad2d",
]  # fmt: skip


class _Pad(Module):
    """A border as wide as `padding` says: one number for all sides, or one for each side.

    As for `pad`, the last dim comes first: (left, right, top, bottom). A negative number crops.
    """

    padding: tuple[int, ...]
    _dims: int
    _mode: str

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        widths = (padding,) * 2 * self._dims if isinstance(padding, int) else padding
        self.padding = tuple(widths)

    def forward(self, input: Tensor) -> Tensor:
        """The input with its border."""
        return pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The widths."""
        return str(self.padding)


# --- a number -------------------------------------------------------------------------------------


class _ConstantPad(_Pad):
    """A border that holds `value`."""

    _mode = "constant"

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """The input with its border."""
        return pad(input, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        """The settings."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A border that holds `value`, around signals.

    Shapes: (..., L) -> (..., left + L + right).

    >>> import tinygrad_edu as tg
    >>> tg.nn.ConstantPad1d((2, 1), 9.0)(tg.tensor([1.0, 2.0]))
    tensor([9., 9., 1., 2., 9.])
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """A border that holds `value`, around images.

    Shapes: (..., H, W) -> (..., top + H + bottom, left + W + right).

    >>> import tinygrad_edu as tg
    >>> tg.nn.ConstantPad2d(1, 9.0)(tg.tensor([[1.0]]))
    tensor([[9., 9., 9.],
            [9., 1., 9.],
            [9., 9., 9.]])
    """

    _dims = 2


class ZeroPad1d(ConstantPad1d):
    """A border of zeros around signals: `ConstantPad1d` with value 0.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ZeroPad1d((1, 0))(tg.tensor([1.0, 2.0]))
    tensor([0., 1., 2.])
    """

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


class ZeroPad2d(ConstantPad2d):
    """A border of zeros around images: `ConstantPad2d` with value 0.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ZeroPad2d((1, 2, 3, 4))(tg.ones(2, 3, 8, 8)).shape
    (2, 3, 15, 11)
    """

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


# --- the input's own numbers ----------------------------------------------------------------------


class ReflectionPad1d(_Pad):
    """A border that mirrors signals, the edge itself not repeated; it is narrower than they are.

    Shapes: (N, C, L) or (C, L); L becomes left + L + right.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ReflectionPad1d(2)(tg.tensor([[1, 2, 3]]))
    tensor([[3, 2, 1, 2, 3, 2, 1]])
    """

    _dims, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """A border that mirrors images, the edge itself not repeated; it is narrower than they are.

    Shapes: (N, C, H, W) or (C, H, W); H becomes top + H + bottom, W left + W + right.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ReflectionPad2d((1, 1, 0, 0))(tg.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 1, 2, 1],
             [4, 3, 4, 3]]])
    """

    _dims, _mode = 2, "reflect"


class ReplicationPad1d(_Pad):
    """A border that repeats the edge of signals.

    Shapes: (N, C, L) or (C, L); L becomes left + L + right.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ReplicationPad1d(2)(tg.tensor([[1, 2, 3]]))
    tensor([[1, 1, 1, 2, 3, 3, 3]])
    """

    _dims, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """A border that repeats the edge of images.

    Shapes: (N, C, H, W) or (C, H, W); H becomes top + H + bottom, W left + W + right.

    >>> import tinygrad_edu as tg
    >>> tg.nn.ReplicationPad2d((1, 1, 0, 0))(tg.tensor([[[1, 2], [3, 4]]]))
    tensor([[[1, 1, 2, 2],
             [3, 3, 4, 4]]])
    """

    _dims, _mode = 2, "replicate"


class CircularPad1d(_Pad):
    """A border that holds the other end of signals, as if they went round; it is no wider.

    Shapes: (N, C, L) or (C, L); L becomes left + L + right.

    >>> import tinygrad_edu as tg
    >>> tg.nn.CircularPad1d(2)(tg.tensor([[1, 2, 3]]))
    tensor([[2, 3, 1, 2, 3, 1, 2]])
    """

    _dims, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """A border that holds the other end of images, as if they went round; it is no wider.

    Shapes: (N, C, H, W) or (C, H, W); H becomes top + H + bottom, W left + W + right.

    >>> import tinygrad_edu as tg
    >>> tg.nn.CircularPad2d((1, 1, 0, 0))(tg.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 1, 2, 1],
             [4, 3, 4, 3]]])
    """

    _dims, _mode = 2, "circular"
