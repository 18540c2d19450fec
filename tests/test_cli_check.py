"""`tinygrad-edu check`: what it prints, and which status it ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygrad_edu import cli_check
from tinygrad_edu.cli import main

LAYERS = """
import numpy as np

CHECK_INPUTS = {"scale": {"x": (2, 3), "factor": 3.0}}

def relu_forward(x):
    return np.maximum(x, 0), x

def relu_backward(dout, cache):
    return dout * (cache > 0)

def scale_forward(x, factor):
    print("factor", factor)
    return x * factor, factor

def scale_backward(dout, factor):
    return dout * factor
"""
WRONG = """
def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(1)
"""
UNKNOWN = """
def other_forward(x):
    return x, None

def other_backward(dout, cache):
    return dout
"""
FAILING = """
def layernorm_forward(x, gamma, beta, ln_param):
    raise NotImplementedError

def layernorm_backward(dout, cache):
    pass
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def check(capsys):
    """Write a file, check it; the status and what was printed."""

    def check(text: str, *options: str) -> tuple[int, str]:
        Path("layers.py").write_text(text)
        status = main(["check", "layers.py", *options])
        out, err = capsys.readouterr()
        assert err == ""
        return status, out

    return check


def test_all_right(check):
    status, out = check(LAYERS)
    assert status == 0
    lines = out.splitlines()
    assert lines[:4] == ["layers.py: 2 right", "", "relu   right", "scale  right"]
    assert "scale printed:" in lines and lines[-1] == "  ..."
    assert lines.count("  factor 3.0") == cli_check._QUOTED


def test_wrong_gradients_are_explained(check):
    status, out = check(LAYERS + WRONG)
    assert status == 1
    assert out.startswith("layers.py: 2 right, 1 wrong\n\n")
    assert "\naffine  wrong        db: sum-axis\n" in out
    assert "\naffine_backward: 1 of 3 gradients is wrong\n" in out
    assert "\ndb is wrong. " in out


def test_errors_are_told(check):
    status, out = check(LAYERS + FAILING)
    assert status == 1
    assert "\nlayernorm  failed       NotImplementedError\n" in out
    assert "\nlayernorm:\n  NotImplementedError\n    layers.py, line 20, in layernorm_f" in out


def test_what_has_no_inputs_is_not_passed_over(check):
    status, out = check(LAYERS + UNKNOWN)
    assert status == 2
    assert out.startswith("layers.py: 2 right, 1 not checked\n")
    assert "other  not checked  say what to call it with: --inputs 'other(x=(4, 5))'" in out
    status, _ = check(LAYERS + UNKNOWN, "--inputs", "other(x=(4, 5))")
    assert status == 0
    status, out = check(LAYERS + UNKNOWN, "--only", "relu", "--only", "scale")
    assert status == 0 and "other" not in out


def test_inputs_of_a_layer_serve_each_way_of_writing_it(check):
    text = UNKNOWN.replace("ward(", "ward_naive(").replace("other", "odd_one")
    assert check(text)[0] == 2
    status, out = check(text, "--inputs", "odd_one(x=(2, 3))")
    assert status == 0
    assert "odd_one_naive  right" in out


def test_wrong_is_told_before_not_checked(check):
    assert check(WRONG + UNKNOWN)[0] == 1


def test_a_file_that_cannot_be_loaded(check):
    status, out = check("print('so far')\n1 / 0\n")
    assert status == 1
    assert out == (
        "layers.py: could not be loaded\n"
        "  ZeroDivisionError: division by zero\n"
        "    layers.py, line 2, in <module>: 1 / 0\n"
        "\nit printed:\n  so far\n"
    )


@pytest.mark.slow
def test_a_loop_without_an_end_is_stopped(check):
    text = FAILING.replace("raise NotImplementedError", "while True: pass")
    status, out = check(text, "--timeout", "2")
    assert status == 1
    assert "layernorm  failed       took longer than 2 s: a loop without an end?\n" in out
    assert "layers.py, line 3, in layernorm_forward: while True: pass" in out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nowhere.py"], "nowhere.py: no such file"),
        (["layers.txt"], "layers.txt: expected a file NAME.py that can be imported"),
        (["3.py"], "3.py: expected a file NAME.py"),
        (["layers.py", "--inputs", "relu"], "--inputs: expected 'NAME(x=(4, 5), beta=1.5)'"),
        (["layers.py", "--inputs", "tanh(x=(2,))"],
         "layers.py: nothing to check is called tanh; there are relu, scale"),
        (["layers.py", "--only", "tanh"], "nothing to check is called tanh"),
        (["layers.py", "--timeout", "0"], "argument --timeout: expected a positive number"),
        (["empty.py"], "empty.py: no pair NAME_forward and NAME_backward, and no loss"),
        ([], "the following arguments are required: FILE.py"),
    ],
)  # fmt: skip
def test_misuse_ends_with_a_line_and_status_2(capsys, arguments, said):
    for name, text in {"layers.py": LAYERS, "layers.txt": "", "3.py": "", "empty.py": ""}.items():
        Path(name).write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(["check", *arguments])
    out, err = capsys.readouterr()
    assert stop.value.code == 2
    assert out == ""
    assert err.startswith("tinygrad-edu check: error: ") and said in err
    assert err.count("\n") == 1


def test_an_interrupt_ends_it(capsys, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    Path("layers.py").write_text(LAYERS)
    monkeypatch.setattr(cli_check, "check_file", interrupted)
    assert main(["check", "layers.py"]) == 130
    assert capsys.readouterr().err == "tinygrad-edu check: interrupted\n"
