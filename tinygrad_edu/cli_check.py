"""`tinygrad-edu check FILE.py`: every gradient that a file writes by hand, checked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tinygrad_edu.testing.homework.checking import Checked, FileReport, check_file
from tinygrad_edu.testing.homework.inputs import InputError, parse

__all__ = ["add"]

WRONG, UNCHECKED, INTERRUPTED = 1, 2, 130  # exit statuses
_RESULTS = {"right": "right", "wrong": "wrong", "failed": "failed", "unchecked": "not checked"}
_QUOTED = 10  # lines that are shown of what the code prints


def add(commands: Any, positive: Any) -> None:
    """Add the command to those of `tinygrad-edu`; `positive` reads a positive number."""
    check = commands.add_parser(
        "check",
        help="check the gradients that a file writes by hand",
        description="Find every pair NAME_forward and NAME_backward of a file, and the losses of "
        "a course, compare their gradients with numerical ones, and say which is wrong and why. "
        "The code runs in a process of its own, on copies of small arrays.",
        epilog="The layers of a course are known by name. The file may say what to call others "
        'with: CHECK_INPUTS = {"swish": {"x": (4, 5), "beta": 1.5}}, a shape for each array that '
        "has a gradient. Exit status: 0 if every gradient is right, 1 if something is wrong, 2 if "
        "something could not be checked.",
        allow_abbrev=False,
    )
    check.set_defaults(execute=_check, usage=check.error)
    check.add_argument("file", metavar="FILE.py")
    check.add_argument("--only", action="append", default=[], metavar="NAME",
        help="check this pair; may be given several times (default: all)")  # fmt: skip
    check.add_argument("--inputs", action="append", default=[], metavar="'NAME(x=(4, 5), ...)'",
        help="shapes and settings to call a pair with; may be given several times")  # fmt: skip
    check.add_argument("--timeout", type=positive, default=10.0, metavar="SECONDS",
        help="for loading the file and for each pair (default: 10)")  # fmt: skip


def _check(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    if not path.is_file():
        arguments.usage(f"{path}: no such file")
    if path.suffix != ".py" or not path.stem.isidentifier():
        arguments.usage(f"{path}: expected a file NAME.py that can be imported")
    given = []
    for text in arguments.inputs:
        try:
            given.append(parse(text)[0])
        except InputError as error:
            arguments.usage(f"--inputs: {error}")
    try:
        report = check_file(path, arguments.inputs, arguments.only, arguments.timeout)
    except KeyboardInterrupt:
        print("tinygrad-edu check: interrupted", file=sys.stderr)
        return INTERRUPTED
    if not report.broken:
        _refuse_unknown(arguments, report, given)
    print(_printed(path, report))
    if report.broken or any(c.status in ("wrong", "failed") for c in report.checked):
        return WRONG
    return UNCHECKED if any(c.status == "unchecked" for c in report.checked) else 0


def _refuse_unknown(arguments: argparse.Namespace, report: FileReport, given: list[str]) -> None:
    """End with a line if there is nothing to check, or not what was asked for."""

    def refuse(text: str) -> None:
        arguments.usage(f"{arguments.file}: {text}")

    if not report.names:
        refuse("no pair NAME_forward and NAME_backward, and no loss of a course")
    unknown = [name for name in arguments.only if name not in report.names]
    # Inputs of conv serve conv_naive and conv_fast.
    unknown += [
        n for n in given if not any(f"{name}_".startswith(f"{n}_") for name in report.names)
    ]
    for name in unknown:
        refuse(f"nothing to check is called {name}; there are {', '.join(report.names)}")


# --- what is printed ------------------------------------------------------------------------


def _printed(path: Path, report: FileReport) -> str:
    """The table, then what is to be said of what is not right, and what the code printed."""
    if report.broken:
        return "\n".join([f"{path}: could not be loaded", *_indented(report.broken),
                          *_quoted("it", report.printed)])  # fmt: skip
    counts = {s: sum(c.status == s for c in report.checked) for s in _RESULTS}
    lines = [f"{path}: " + ", ".join(f"{n} {_RESULTS[s]}" for s, n in counts.items() if n), ""]
    width = max(len(c.name) for c in report.checked)
    lines += [
        f"{c.name:<{width}}  {_RESULTS[c.status]:<11}  {_cause(c)}".rstrip() for c in report.checked
    ]
    lines += _quoted("the file", report.printed)
    for checked in report.checked:
        if checked.status in ("wrong", "failed"):
            title = [] if checked.status == "wrong" else [f"{checked.name}:"]
            lines += ["", *title, *(_indented(checked.text) if title else [checked.text])]
        lines += _quoted(checked.name, checked.printed)
    return "\n".join(lines)


def _cause(checked: Checked) -> str:
    """The end of a line of the table: what is wrong and why, or why nothing can be said."""
    if checked.status == "wrong":
        return ", ".join(f"{name}: {checked.causes.get(name, '')}" for name in checked.wrong)
    return checked.text.partition("\n")[0] if checked.status in ("failed", "unchecked") else ""


def _quoted(what: str, printed: str) -> list[str]:
    lines = _indented(printed) if printed.strip() else []
    lines[_QUOTED:] = ["  ..."] if len(lines) > _QUOTED else []
    return ["", f"{what} printed:", *lines] if lines else []


def _indented(text: str) -> list[str]:
    return ["  " + line for line in text.rstrip().splitlines()]
