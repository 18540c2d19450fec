"""What transforms have in common, and those that are made of other functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_edu.errors import DTypeError, describe

from .images import check_image


class Compose:
    """Several transforms, one after the other.

    >>> from tinygrad_edu.datasets import transforms as T
    >>> T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])
    Compose(
        ToTensor()
        Normalize(mean=(0.5,), std=(0.5,))
    )
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        lines = "".join(f"\n    {transform}" for transform in self.transforms)
        return f"{type(self).__name__}({lines}\n)"


class Lambda:
    """Any function as a transform.

    Errors: DTypeError for what cannot be called.
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise DTypeError(describe("Lambda", "lambd", "a callable", type(lambd).__name__))
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Transform:
    """A transform of images: `apply`, after a check; its repr shows the attributes in `shown`."""

    shown: tuple[str, ...] = ()

    def __call__(self, img: Any) -> Any:
        check_image(type(self).__name__, img)
        return self.apply(img)

    def apply(self, img: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)
        return f"{type(self).__name__}({settings})"
