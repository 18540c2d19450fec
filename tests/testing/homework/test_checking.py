"""Files of every kind are checked in a process of their own, and none stops the check."""

from __future__ import annotations

import pytest

from tinygrad_edu.testing.homework.checking import FileReport, check_file

RIGHT = """
def double_forward(x):
    return 2 * x, None

def double_backward(dout, cache):
    return 2 * dout
"""


@pytest.fixture
def check(tmp_path):
    """Check the text of a file."""

    def check(text: str, **options) -> FileReport:
        path = tmp_path / "student.py"
        path.write_text(text)
        return check_file(path, **options)

    return check


def outcomes(report: FileReport) -> dict[str, str]:
    return {c.name: c.status for c in report.checked}


# --- right and wrong ------------------------------------------------------------------------------


MIXED = """
import numpy as np

CHECK_INPUTS = {"double": {"x": (2, 3)}, "cube_loss": {"x": (3,)}}

def relu_forward(x):
    return np.maximum(x, 0), x

def relu_backward(dout, cache):
    return 2 * dout * (cache > 0)

def other_forward(x, w):
    return x * w, (x, w)

def other_backward(dout, cache):
    return dout * cache[1], dout * cache[0]

def cube_loss(x):
    return (x**3).sum(), 3 * x * x
"""


def test_right_wrong_and_unknown(check):
    report = check(MIXED + RIGHT)
    assert outcomes(report) == {
        "relu": "wrong", "other": "unchecked", "cube_loss": "right", "double": "right",
    }  # fmt: skip
    relu, other, *_ = report.checked
    assert (relu.wrong, relu.causes) == (["dx"], {"dx": "factor"})
    assert relu.text.startswith("relu_backward: the gradient is wrong")
    assert other.text == "say what to call it with: --inputs 'other(x=(4, 5))'"
    assert report.names == ["relu", "other", "cube_loss", "double"]
    assert report.broken == report.printed == ""


def test_names_and_inputs_choose(check):
    text = RIGHT + RIGHT.replace("double", "twice")
    report = check(text, names=["twice"], inputs=["twice(x=(2,))"])
    assert outcomes(report) == {"twice": "right"}
    assert report.names == ["double", "twice"]
    report = check(text, inputs=["twice(y=(2,))"])
    assert outcomes(report) == {"double": "unchecked", "twice": "unchecked"}
    assert report.checked[1].text == ("twice_forward takes x, and its inputs are given for y")


def test_the_command_line_is_stronger_than_the_file(check):
    text = 'CHECK_INPUTS = {"double": {"y": (2,)}}\n' + RIGHT
    assert outcomes(check(text)) == {"double": "unchecked"}
    assert outcomes(check(text, inputs=["double(x=(2,))"])) == {"double": "right"}


# --- code that goes astray ------------------------------------------------------------------------

ASTRAY = """
import os, sys, threading
import numpy as np

CHECK_INPUTS = {name: {"x": (2,)} for name in
                ("endless", "raises", "exits", "dies", "nothing", "shape", "talks", "asks")}

print("loaded", file=sys.stderr)
threading.Thread(target=threading.Event().wait).start()  # not a daemon

def endless_forward(x):
    while True:
        print("on and on")

def endless_backward(dout, cache):
    return dout

def helper(x):
    return x / {}["nowhere"]

def raises_forward(x):
    return helper(x), None

def raises_backward(dout, cache):
    return dout

def exits_forward(x):
    sys.exit("enough")

def exits_backward(dout, cache):
    return dout

def dies_forward(x):
    os._exit(7)

def dies_backward(dout, cache):
    return dout

def nothing_forward(x):
    pass

def nothing_backward(dout, cache):
    pass

def shape_forward(x):
    return x * 2, None

def shape_backward(dout, cache):
    return dout.sum()

def talks_forward(x):
    print("forward", x.shape)
    os.system("echo from a command")
    return x * 2, None

def talks_backward(dout, cache):
    return dout * 2

def asks_forward(x):
    return x * float(input()), None

def asks_backward(dout, cache):
    return dout
"""


@pytest.mark.slow
def test_code_that_goes_astray_is_part_of_the_report(check):
    report = check(ASTRAY, timeout=4)
    assert outcomes(report) == {
        "endless": "failed", "raises": "failed", "exits": "failed", "dies": "failed",
        "nothing": "failed", "shape": "wrong", "talks": "right", "asks": "failed",
    }  # fmt: skip
    endless, raises, exits, dies, nothing, shape, talks, asks = report.checked
    assert endless.text.startswith("took longer than 4 s: a loop without an end?")
    assert (
        "in endless_forward: print" in endless.text or "in endless_forward: while" in endless.text
    )
    assert endless.printed.startswith("on and on\non and on\n")
    assert len(endless.printed) == 2000
    first, *places = raises.text.splitlines()
    assert first == "KeyError: 'nowhere'"
    assert [place.partition(", in ")[2] for place in places] == [
        "raises_forward: return helper(x), None", 'helper: return x / {}["nowhere"]',
    ]  # fmt: skip
    assert exits.text.startswith("SystemExit: enough\n  student.py, line ")
    assert dies.text == "ended the process, with exit status 7"
    assert "expected a function returning (out, cache), got NoneType" in nothing.text
    assert shape.causes == {"dx": "shape"}
    assert talks.printed.startswith("forward (2,)\n")
    assert "from a command" not in talks.printed
    assert asks.text.startswith("EOFError")
    assert report.printed == "loaded\n"  # once, however often the file was loaded


@pytest.mark.parametrize(
    "text, said",
    [
        ("def f(:\n    pass\n", "SyntaxError: invalid syntax"),
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be"),
        ("1 / 0", "ZeroDivisionError: division by zero\n  student.py, line 2, in <module>: 1 / 0"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import os; os._exit(5)", "loading it ended the process, with exit status 5"),
        ("CHECK_INPUTS = {'f': 3}", "InputError: CHECK_INPUTS: expected a table like"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_loaded(check, text, said):
    before = "" if text.startswith("def") else "print('before')\n"
    report = check(before + text)
    assert said in report.broken
    assert report.checked == []
    assert report.printed == ("before\n" if before else "")


@pytest.mark.slow
def test_a_file_that_takes_for_ever_to_load(check):
    report = check("print('before')\nwhile True: pass\n", timeout=2)
    assert report.broken == (
        "loading it took longer than 2 s: a loop without an end?\n"
        "  student.py, line 2, in <module>: while True: pass"
    )
    assert (report.checked, report.printed) == ([], "before\n")


def test_plots_are_not_shown(check):
    report = check(
        "import matplotlib\nfrom matplotlib import pyplot\npyplot.plot([1, 2])\npyplot.show()\n"
        "print(matplotlib.get_backend().lower())\n" + RIGHT
    )
    assert report.printed.endswith("agg\n")
    assert outcomes(report) == {"double": "unchecked"}


def test_a_file_without_pairs(check):
    assert check("x = 1") == FileReport()


def test_files_of_a_package_import_each_other(tmp_path):
    package = tmp_path / "course"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "layers.py").write_text(RIGHT)
    (package / "utils.py").write_text(
        "from .layers import *\n"
        "def four_forward(x):\n    return double_forward(double_forward(x)[0])\n"
        "def four_backward(dout, cache):\n    return double_backward(dout, None)\n"
    )
    report = check_file(package / "utils.py", ["four(x=(2, 2))"])
    assert report.checked[0].causes == {"dx": "factor"}
    assert report.names == ["four"]


def test_a_file_with_the_name_of_a_module_in_use_is_refused(tmp_path):
    path = tmp_path / "inspect.py"
    path.write_text("")
    assert "inspect.py has the name of a module that is in use" in check_file(path).broken
