"""Errors inside a network say in which module they arose, by its path.

An error passes up through the calls of the modules. The innermost notes itself; each further one
looks for what is noted among its parts, and lengthens the path. Without an error nothing is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinygrad_edu import errors

from .fit import misfit
from .registry import joined


@dataclass
class _Place:
    """Where an error arose. It is kept on the error, so it holds nothing but numbers and text."""

    root: int  # the id of the module that `path` starts at; it is in use while the error rises
    path: str
    kind: str  # the innermost module's class
    text: str
    reworded: bool
    note: str = ""


def locate(error: Any, module: Any, args: tuple, kwargs: dict) -> None:
    """Note that an error passed through the call of a module.

    The engine's errors then begin with the path, all others have a note. Where the input does not
    fit the layer, the text says what the layer expects, and the original becomes a note.
    """
    place = vars(error).get("_place")
    if place is None:
        words = misfit(module, args, kwargs) if isinstance(error, errors.ShapeError) else ""
        if words:
            error.add_note(str(error))
        place = _Place(id(module), "", type(module).__name__, words or str(error), bool(words))
        error._place = place
    else:
        path = module._path_of(place.root)
        if path is None:
            return
        place.root, place.path = id(module), joined(path, place.path) if place.path else path
    _write(error, place)


def _write(error: Any, place: _Place) -> None:
    where = f"{place.path} ({place.kind})" if place.path else place.kind
    if type(error).__module__ == errors.__name__:
        if place.path or place.reworded:
            error.args = (f"{where}: {place.text.removeprefix(f'{place.kind}: ')}",)
    elif place.path:
        notes = getattr(error, "__notes__", [])
        if place.note in notes:
            notes.remove(place.note)
        place.note = f"in {where}"
        error.add_note(place.note)
