"""`tinygrad-edu bench`: the benchmarks of a checkout, which are not part of the package."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["add"]

MISUSED = 2


def add(commands: Any) -> None:
    """Add the command; its options are those of `python -m benchmarks`, which explains them."""
    parser = commands.add_parser(
        "bench", help="measure training steps beside PyTorch (in a checkout)", add_help=False,
        allow_abbrev=False,
    )  # fmt: skip
    parser.set_defaults(execute=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    """Run `python -m benchmarks` of the checkout that this file is part of, or that one is in."""
    for root in (Path(__file__).parents[1], Path.cwd()):
        if (root / "benchmarks" / "__main__.py").exists() and (root / "tinygrad_edu").is_dir():
            paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
            command = [sys.executable, "-P", "-m", "benchmarks", *arguments.rest]
            return subprocess.run(command, env=environment, check=False).returncode
    print(
        "tinygrad-edu bench: error: the benchmarks are not installed with the package: run this "
        "in a checkout of its repository",
        file=sys.stderr,
    )
    return MISUSED
