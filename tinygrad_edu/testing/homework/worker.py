"""The process in which a student's code runs; whatever it does, only this process ends.

What it finds goes to the process that started it, as lines of JSON on the standard output it was
born with. From then on nobody else writes there: what the code prints is a part of the messages.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from tinygrad_edu.testing import diagnose
from tinygrad_edu.testing.homework import inputs, pairs

__all__ = ["main"]

_PRINTED = 2000  # characters of what the code prints that are kept, of each exercise
_PLACES = 4  # places of an error that are shown
Send = Callable[..., None]


def main(request: dict[str, Any]) -> None:
    """Check the exercises of a file.

    `request` has its `path`, `inputs` (texts), `names` (None for all), and after how many `seconds`
    to say where the code is.
    """
    channel, turn = os.fdopen(os.dup(1), "w", encoding="utf-8"), threading.Lock()

    def send(**message: Any) -> None:
        with turn:  # the code may print from several threads
            channel.write(json.dumps(message) + "\n")
            channel.flush()

    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    send(ready=True)
    _report(request, send)
    channel.close()
    os._exit(0)  # whatever threads the code has left running


def _report(request: dict[str, Any], send: Send) -> None:
    path = Path(request["path"])
    sys.stdout = sys.stderr = _Printed(send)
    try:
        with _watched(request["seconds"], path, send):
            module = load(path)
        given = _given(module, request["inputs"])
        found = pairs.exercises(module, given)
    except BaseException as error:  # SystemExit too
        send(broken=_told(error, path))
        return
    send(names=[exercise.name for exercise in found])
    for exercise in found:
        if request["names"] is None or exercise.name in request["names"]:
            sys.stdout = sys.stderr = _Printed(send)
            send(started=exercise.name)
            with _watched(request["seconds"], path, send):
                result = _result(exercise, given, path)
            send(result=result)


def load(path: Path) -> ModuleType:
    """Import a file; within a package by its full name, so that relative imports work."""
    parts, folder = [path.stem], path.resolve().parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    sys.path.insert(0, str(folder))
    name = ".".join(parts)
    if name in sys.modules:  # a file called inspect.py, say
        raise ImportError(f"{path.name} has the name of a module that is in use: rename it")
    return importlib.import_module(name)


def _given(module: ModuleType, texts: list[str]) -> dict[str, Mapping[str, Any]]:
    """The inputs that the file and the command line name."""
    table = getattr(module, "CHECK_INPUTS", {})
    if not isinstance(table, Mapping) or not all(isinstance(v, Mapping) for v in table.values()):
        raise inputs.InputError(
            'CHECK_INPUTS: expected a table like {"swish": {"x": (4, 5)}}, a shape for each input'
        )
    return {**table, **dict(map(inputs.parse, texts))}


def _result(exercise: pairs.Exercise, given: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What came of one exercise."""
    known = {**inputs.KNOWN, **inputs.LOSSES}
    own = given.get(exercise.name, given.get(exercise.layer))
    table = known.get(exercise.name, known.get(exercise.layer)) if own is None else own
    if table is None:
        example = f"{exercise.layer}(x=(4, 5))"
        return {"status": "unchecked", "text": f"say what to call it with: --inputs '{example}'"}
    try:
        drawn, others = inputs.arguments(
            exercise.layer, exercise.forward, table, by_place=own is None
        )
        found = diagnose(exercise.forward, exercise.backward, *drawn, **others)
    except inputs.InputError as error:
        return {"status": "unchecked", "text": str(error)}
    except BaseException as error:
        return {"status": "failed", "text": _told(error, path)}
    status = "right" if found.ok else "wrong"
    return {"status": status, "wrong": found.wrong, "causes": found.causes, "text": str(found)}


@contextmanager
def _watched(seconds: float, path: Path, send: Send) -> Iterator[None]:
    """Say where this thread is, if it is still inside after so many seconds."""
    thread = threading.get_ident()

    def tell() -> None:
        stack = traceback.extract_stack(sys._current_frames()[thread])
        send(at="\n".join(_places(stack, path)))

    timer = threading.Timer(seconds, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _told(error: BaseException, path: Path) -> str:
    """An error, and the places in the student's files that led to it."""
    text = "".join(traceback.format_exception_only(error)).rstrip()
    text = re.sub(r"^tinygrad_edu\.[\w.]*\.", "", text)
    return "\n".join([text, *_places(traceback.extract_tb(error.__traceback__), path)])


def _places(stack: traceback.StackSummary, path: Path) -> list[str]:
    """The last places of a stack that are in the student's files."""
    folder = path.resolve().parent
    places = [
        f"  {Path(frame.filename).name}, line {frame.lineno}, in {frame.name}: {frame.line}"
        for frame in stack
        if folder in Path(frame.filename).resolve().parents and frame.filename[0] != "<"
    ]
    return places[-_PLACES:]


class _Printed(io.TextIOBase):
    """Sends the beginning of what is printed, and forgets the rest."""

    def __init__(self, send: Send) -> None:
        self.send, self.left = send, _PRINTED

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.left > 0:
            self.send(printed=text[: self.left])
            self.left -= len(text)
        return len(text)
