"""The stub `tensor.pyi`: it is what the ops say now, and a type checker is content with it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import stubs

import tinygrad_edu as tg

PROGRAM = """
import numpy as np
import tinygrad_edu as tg
from tinygrad_edu import Tensor

w = tg.ones((2, 3), requires_grad=True)
x: Tensor = (tg.ones(4, 2) @ w).relu().sum(dim=0)
x += 1
x = 2 - x * 3.0 / x**2
y: Tensor = x[0] + x.T.reshape(3, 1).reshape((1, -1)).mT.permute(0, 1)
z: Tensor = (x > 1).float().mean(0, keepdim=True).clamp(min=0).log_softmax(-1).unsqueeze(0)
z[0] = y.exp().max()
values, indices = z.max(1)
best: Tensor = z.max(dim=1).values
x.mul_(2).add_(y).uniform_(0, 1)
loss: float = y.mean().item()
w.sum().backward()
assert w.grad is not None
grad: Tensor = w.grad
array: np.ndarray = grad.numpy()
shape: tuple[int, ...] = x.shape
"""
MISTAKES = """
import tinygrad_edu as tg

tg.ones(2).no_such_method()
tg.ones(2).sum(dim="first")
tg.ones(2).reshape("two")
tg.ones(2) + [1.0]
"""


def test_the_stub_is_up_to_date():
    assert stubs.PATH.is_file(), f"tinygrad_edu/tensor.pyi is missing; run {stubs.COMMAND}"
    assert stubs.PATH.read_text(encoding="utf-8") == stubs.text(), (
        f"tinygrad_edu/tensor.pyi does not say what Tensor can do now; run {stubs.COMMAND}"
    )


def test_the_stub_has_every_public_name_of_tensor():
    (written,) = [
        node
        for node in ast.parse(stubs.text()).body
        if isinstance(node, ast.ClassDef) and node.name == "Tensor"
    ]
    names = {n.name for n in written.body if isinstance(n, ast.FunctionDef)}
    public = {n for n in vars(tg.Tensor) if not n.startswith("_")} - set(tg.Tensor.__slots__)
    assert public <= names
    assert {"__add__", "__rsub__", "__matmul__", "__iadd__", "__getitem__", "__eq__"} <= names


def check(tmp_path: Path, program: str) -> subprocess.CompletedProcess:
    """Run mypy on a user's program."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    root = stubs.PATH.parent.parent
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--config-file=", str(path)]
    cache = ["--cache-dir", str(tmp_path / "cache")]
    return subprocess.run([*command, *cache], cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_mypy_is_content_with_a_program(tmp_path):
    result = check(tmp_path, PROGRAM)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_mypy_finds_the_mistakes_of_a_program(tmp_path):
    lines = check(tmp_path, MISTAKES).stdout.splitlines()
    found = {int(line.split(":")[1]) for line in lines if ": error: " in line}
    assert found == {4, 5, 6, 7}, "\n".join(lines)
