"""Whole programs, written for PyTorch, under both libraries: the same losses, step by step.

The text of each stands once, in `programs/`. Run under this library, nothing changes but the
imports at its top. A program has `build()`, whose weights are copied by their keys, and `train`,
which takes that model and the arrays that its arguments name, and returns its history: the losses
and whatever else it measured.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from source import ROOT

import tinygrad_edu as tg
from tinygrad_edu import datasets

try:
    import torch
except ImportError:
    torch = None
else:
    torch.set_num_threads(1)  # these networks are too small for several to gain anything

PROGRAMS = {path.stem: path for path in sorted((Path(__file__).parent / "programs").glob("*.py"))}
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
every_program = pytest.mark.parametrize("name", PROGRAMS)


def moved(text: str) -> str:
    """The program for this library: its imports changed, and nothing else."""
    text = re.sub(r"^import torch$", "import tinygrad_edu as torch", text, flags=re.MULTILINE)
    return re.sub(r"^(import|from) torch\b", r"\1 tinygrad_edu", text, flags=re.MULTILINE)


def program(name: str, lib: Any) -> SimpleNamespace:
    """The names that a program defines, run under a library."""
    text = PROGRAMS[name].read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": name}
    code = compile(text if lib is torch else moved(text), str(PROGRAMS[name]), "exec")
    exec(code, names)
    return SimpleNamespace(**names)


def arrays(dtype: str) -> dict[str, np.ndarray]:
    """What programs may ask for, by name; numbers in this dtype."""
    rng = np.random.default_rng(0)
    images, labels = datasets.digits("train")[:64]
    points = rng.standard_normal((48, 4))
    start = rng.random((12, 1))
    found = {
        "images": images.numpy(),  # (64, 1, 8, 8), 0 to 1
        "labels": labels.numpy(),  # (64,), 0 to 9
        "points": points,  # (48, 4)
        "heights": np.sin(points[:, :1]) + points[:, 1:2] * points[:, 2:3],  # (48, 1)
        "waves": np.sin(6.0 * start + 0.4 * np.arange(25)),  # (12, 25)
        "tokens": _sentences(rng),  # (16, 25), 0 to 26
        "noise": rng.standard_normal((20, 64, 6)),
    }
    return {k: v if v.dtype == np.int64 else v.astype(dtype) for k, v in found.items()}


def _sentences(rng: np.random.Generator) -> np.ndarray:
    """Tokens that mostly follow from the one before, so that there is something to learn."""
    tokens = rng.integers(0, 27, (16, 25))
    for i in range(1, 25):
        kept = rng.random(16) < 0.8
        tokens[kept, i] = (2 * tokens[kept, i - 1] + 1) % 27
    return tokens


def weights(model: Any) -> dict[str, Any]:
    """The tensors of a model by their keys."""
    return model if isinstance(model, dict) else model.state_dict()


def copy_weights(source: Any, goal: Any) -> None:
    """Give `goal` the values of the model `source` of PyTorch."""
    found, wanted = weights(source), weights(goal)
    assert list(found) == list(wanted)
    values = {key: value.detach().numpy().copy() for key, value in found.items()}
    if isinstance(goal, dict):
        for key, value in values.items():
            goal[key].detach().copy_(tg.from_numpy(value))
    else:
        goal.load_state_dict(values)


def trained(run: SimpleNamespace, model: Any, dtype: str) -> dict[str, list[float]]:
    given = arrays(dtype)
    wanted = [name for name in inspect.signature(run.train).parameters if name in given]
    return run.train(model, **{name: given[name] for name in wanted})


@pytest.fixture(params=TOLERANCE)
def dtype(request) -> Iterator[str]:
    """The default dtype of both libraries."""
    for lib in filter(None, (tg, torch)):
        lib.manual_seed(0)
        lib.set_default_dtype(getattr(lib, request.param))
    yield request.param
    for lib in filter(None, (tg, torch)):
        lib.set_default_dtype(lib.float32)


@pytest.mark.parity
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@every_program
def test_both_libraries_give_the_same_losses(name, dtype):
    theirs, ours = program(name, torch), program(name, tg)
    model, twin = theirs.build(), ours.build()
    copy_weights(model, twin)
    expected, got = trained(theirs, model, dtype), trained(ours, twin, dtype)
    assert list(got) == list(expected)
    for key, values in expected.items():
        assert all(isinstance(value, float) for value in got[key]), key
        np.testing.assert_allclose(got[key], values, rtol=TOLERANCE[dtype], err_msg=key)


@every_program
def test_the_loss_falls(name):
    """Under this library alone, with its own initialisation."""
    tg.manual_seed(0)
    run = program(name, tg)
    losses = trained(run, run.build(), "float32")["loss"]
    assert np.isfinite(losses).all()
    third = len(losses) // 3
    assert np.mean(losses[-third:]) < np.mean(losses[:third]) - 0.02


@pytest.mark.parity
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_the_script_on_the_page_runs_with_the_imports_that_it_names():
    page = (ROOT / "docs" / "pytorch.md").read_text(encoding="utf-8")
    there = "".join(
        line + "\n" for line in re.findall(r"^-(import .*|from .*)", page, re.MULTILINE)
    )
    here = "".join(line + "\n" for line in re.findall(r"^\+(.*)", page, re.MULTILINE))
    script = page.split("```python\n")[1].split("```")[0]
    assert script.startswith(here)
    assert moved(there) == here
    exec(there + script.removeprefix(here), {})  # it ends with an assertion


def test_only_the_imports_change():
    for name, path in PROGRAMS.items():
        before = path.read_text(encoding="utf-8")
        lines = list(zip(before.splitlines(), moved(before).splitlines(), strict=True))
        changed = [old for old, new in lines if old != new]
        assert changed, name
        assert all(re.match(r"(import|from) torch", line) for line in changed), name
