"""Freed memory is used again, unless the user wants something else."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
from source import ROOT

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc",
    reason="the C library is not glibc",
)

COUNT = """
import resource, numpy as np, tinygrad_edu as tg
def step():
    parts = [np.ones(2**20) for _ in range(4)]  # 8 MB each
    del parts
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
start = step()
print(step() - start)
"""


def run(code: str, **environment: str) -> str:
    own = ("MALLOC", "GLIBC_TUNABLES", "TINYGRAD_EDU")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean | environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_step_uses_the_memory_of_the_last_one_again():
    pages = 4 * 8 * 2**20 // 4096
    assert int(run(COUNT)) < pages // 100


@pytest.mark.parametrize("environment", [
    {"TINYGRAD_EDU_KEEP_MEMORY": "0"}, {"MALLOC_TRIM_THRESHOLD_": "1000"},
    {"MALLOC_MMAP_THRESHOLD_": "1000000"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=1000"},
])  # fmt: skip
def test_the_user_has_the_last_word(environment):
    code = "from tinygrad_edu import memory; print(memory.keep_freed())"
    assert run(code, **environment) == "False"
    assert run(code) == "True"
