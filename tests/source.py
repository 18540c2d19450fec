"""Where the source stands, for the tests that read it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = {  # folder: the package it is installed as
    "tinygrad_edu": "tinygrad_edu",
    "nn": "tinygrad_edu.nn",
    "datasets": "tinygrad_edu.datasets",
}


def module_name(path: Path) -> str:
    """The name a file is imported by: nn/optim/sgd.py is tinygrad_edu.nn.optim.sgd."""
    room, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([ROOMS[room], *rest]).removesuffix(".__init__")


def library() -> dict[str, Path]:
    """Every module of the library by name. (pkgutil does not list nn and datasets.)"""
    paths = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    return {module_name(path): path for path in paths}
