"""Trials of sweeps, where a process that is started anew can import them."""

from __future__ import annotations

import os

import tinygrad_edu as tg


def draw(n: int) -> list[float]:
    return tg.rand(n).tolist()


def refuse(n: int) -> int:
    if n == 2:
        raise ValueError("two is too many")
    return n


def leave(n: int) -> None:
    os._exit(n)


def threads(n: int) -> tuple[str, int]:
    return os.environ["OPENBLAS_NUM_THREADS"], tg.get_num_threads()
