"""Memory that was freed is kept for the next step, where the C library can be told so (glibc).

A training step frees some tens of megabytes and asks for the same again in the next one. By
default glibc gives large blocks back to the system at once, and the system hands them out again
page by page, each filled with zeros: that took a third of a step of a small convolutional network.
So at import blocks of up to 32 MB are put onto the heap, of which up to 256 MB stay after they were
freed. The peak of memory is the same; it only stays with the process for longer.
The environment variable TINYGRAD_EDU_KEEP_MEMORY=0 leaves all as it is, and so do settings of the
user's own (MALLOC_TRIM_THRESHOLD_ and its kin, or malloc in GLIBC_TUNABLES).
"""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["keep_freed"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of settings, from malloc.h
_OWN_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_",
                 "MALLOC_TOP_PAD_")  # fmt: skip


def keep_freed(kept: int = 256 * 2**20, block: int = 32 * 2**20) -> bool:
    """Keep up to `kept` bytes of freed blocks of at most `block` each; return whether it is so.

    Nothing is done but on Linux with glibc, or where the environment says otherwise.
    """
    chosen = [name for name in _OWN_SETTINGS if name in os.environ]
    if chosen or "malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    if sys.platform != "linux" or os.environ.get("TINYGRAD_EDU_KEEP_MEMORY") == "0":
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    done = libc.mallopt(_TRIM_THRESHOLD, kept) and libc.mallopt(_MMAP_THRESHOLD, block)
    return bool(done)
