"""`tg.cuda`: so that scripts that ask for a GPU find out that there is none."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Whether tensors can live on a GPU: never, so scripts choose the CPU.

    >>> import tinygrad_edu as tg
    >>> tg.device("cuda" if tg.cuda.is_available() else "cpu")
    device(type='cpu')
    """
    return False


def manual_seed(seed: int) -> None:
    """Seed the generator of the GPU, as seeding functions do: there is none to seed."""


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs: there are none to seed."""


def move(self: Any, device: Any = None, non_blocking: bool = False) -> Any:
    """Move to a GPU: there is none. Errors: ValueError."""
    raise ValueError(
        "cuda: expected 'cpu', got 'cuda'; tensors live on the CPU only: leave the call out, or "
        "make it depend on tg.cuda.is_available()"
    )


def device_count() -> int:
    """The number of GPUs: 0."""
    return 0
