"""What an installed package tells hypothesis and pytest, by the entry points of pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from source import ROOT


@pytest.fixture
def installed(tmp_path) -> dict[str, str]:
    """The environment of a process in which the checkout counts as installed."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    info = tmp_path / "tinygrad_edu-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinygrad_edu\nVersion: 0\n")
    (info / "entry_points.txt").write_text(
        "\n".join(
            line
            for group, entries in points.items()
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
        )
    )
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}


def run(code: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_type_draws_tensors(installed, tmp_path):
    code = (
        "import hypothesis, hypothesis.strategies as st\n"
        "from tinygrad_edu import Tensor\n"
        "print(hypothesis.find(st.from_type(Tensor), lambda x: x.ndim == 1))\n"
        "print(hypothesis.find(st.builds(list, st.tuples(st.from_type(Tensor))), bool))"
    )
    assert run(code, installed, tmp_path).splitlines() == [
        "tensor([0.2500], dtype=float64, requires_grad=True)",
        "[tensor(0.2500, dtype=float64, requires_grad=True)]",
    ]


@pytest.mark.parametrize("first", ["hypothesis", "tinygrad_edu.testing.strategies"])
def test_either_may_be_imported_first(installed, tmp_path, first):
    """And hypothesis alone does not load the strategies before one is drawn."""
    code = (
        f"import {first}, sys\n"
        "loaded = 'tinygrad_edu.testing.strategies' in sys.modules\n"
        "from hypothesis import strategies as st\n"
        "from tinygrad_edu import Tensor\n"
        "st.from_type(Tensor).example\n"
        "print(loaded)"
    )
    assert run(code, installed, tmp_path).split() == [str(first != "hypothesis")]


def test_pytest_loads_the_plugin_once(installed, tmp_path):
    code = "import pytest; pytest.main(['-p', 'tinygrad_edu_pytest', '--help'])"
    assert run(code, installed, tmp_path).count("--gradcheck-seed=N") == 1


def test_what_draws_nothing_needs_no_hypothesis(installed, tmp_path):
    code = (
        "import sys\n"
        "sys.modules['hypothesis'] = None  # as if it were not there\n"
        "import tinygrad_edu as tg, tinygrad_edu.cli\n"
        "from tinygrad_edu.testing import diagnose\n"
        "from tinygrad_edu.testing.homework.checking import check_file\n"
        "print(callable(diagnose), tg.testing.__name__)\n"
        "try: tg.testing.check_gradients\n"
        "except ModuleNotFoundError as error: print(error.name)\n"
        "try: tg.testing.nothing\n"
        "except AttributeError as error: print(error)"
    )
    assert run(code, installed, tmp_path).splitlines() == [
        "True tinygrad_edu.testing",
        "hypothesis",
        "module 'tinygrad_edu.testing' has no attribute 'nothing'",
    ]
