"""What importing the package does, and does not do, in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest
from source import ROOT, library

FACE = "tinygrad_edu"


def run(*arguments: str) -> str:
    """Run Python in the root of the checkout; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules that `import tinygrad_edu` loads and NumPy alone does not."""
    show = "import sys; before = set(sys.modules); {}; print(*(set(sys.modules) - before))"
    numpy, ours = (set(run("-c", show.format(f"import {m}")).split()) for m in ("numpy", FACE))
    return ours - numpy


HEAVY = [
    "h5py",
    "hypothesis",
    "matplotlib",
    "PIL",
    "pytest",
    "safetensors",
    "scipy.signal",
    "torch",
    "tqdm",
]


@pytest.mark.parametrize("name", HEAVY)
def test_import_loads_nothing_heavy(loaded, name):
    found = sorted(m for m in loaded if m == name or m.startswith(name + "."))
    assert not found, f"`import tinygrad_edu` loads {found[:5]}: import {name} where it is used"


def test_rooms_are_attributes_after_a_plain_import():
    run(
        "-c",
        "import sys, tinygrad_edu as tg\n"
        "for room in ('nn', 'datasets', 'func'):\n"
        "    assert getattr(tg, room) is sys.modules['tinygrad_edu.' + room], room\n"
        "assert tg.optim is tg.nn.optim is sys.modules['tinygrad_edu.nn.optim']\n"
        "assert tg.__version__",
    )


def test_there_is_one_copy_of_nn_and_datasets():
    """Import every module there is; none may turn up as top-level `nn` or `datasets`."""
    names = [name for name in library() if name != "tinygrad_edu.__main__"]
    run(
        "-c",
        "import importlib, sys\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "copies = [m for m in sys.modules if m.split('.')[0] in ('nn', 'datasets')]\n"
        "assert not copies, copies",
    )


def test_modules_come_from_one_place():
    """In a checkout, the checkout's nn and not that of an installed copy."""
    code = (
        "import tinygrad_edu, tinygrad_edu.nn, tinygrad_edu.datasets as d\n"
        "for m in (tinygrad_edu, tinygrad_edu.nn, d): print(m.__file__)"
    )
    files = run("-c", code).splitlines()
    places = ["tinygrad_edu", "nn", "datasets"]
    assert files == [str(ROOT / place / "__init__.py") for place in places]


SCRIPT = "import sys; from tinygrad_edu.cli import main; sys.exit(main(['--help']))"


@pytest.mark.parametrize("start", [["-m", FACE, "--help"], ["-c", SCRIPT]], ids=["-m", "script"])
def test_the_command_line_starts(start):
    text = run(*start)
    assert "usage: tinygrad-edu" in text
    assert "train" in text
