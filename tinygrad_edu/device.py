"""Where tensors are: the CPU. The names are PyTorch's, so that scripts run."""

from __future__ import annotations


class Device:
    """A place for tensors. There is one, the CPU; its name is PyTorch's.

    >>> import tinygrad_edu as tg
    >>> tg.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("type",)

    def __init__(self, type: str = "cpu", index: int | None = None) -> None:
        name = type.type if isinstance(type, Device) else str(type)
        if name.partition(":")[0] != "cpu":
            raise ValueError(f"device: expected 'cpu', got {name!r}; tensors live on the CPU only")
        self.type = "cpu"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device)

    def __hash__(self) -> int:
        return hash(self.type)

    def __str__(self) -> str:
        return self.type

    def __repr__(self) -> str:
        return f"device(type={self.type!r})"


CPU = Device()
