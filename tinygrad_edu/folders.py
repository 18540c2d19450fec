"""New folders for results; one that holds results already is never written into."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path

__all__ = ["RunError", "made", "new_folder"]


class RunError(ValueError):
    """A run that cannot be started or resumed as asked."""


def new_folder(name: str, folder: str | Path | None, files: Sequence[str], mend: str) -> Path:
    """A folder in which none of `files` stands: the given one, or the first free runs/NAME-1, -2.

    `mend` says what to do about a folder that has one of them.
    Errors: RunError for that, or a file in the folder's place; OSError of the file system.

    >>> import tempfile
    >>> from tinygrad_edu.folders import new_folder
    >>> with tempfile.TemporaryDirectory() as place:
    ...     new_folder("sweep", f"{place}/mine", ["summary.json"], "choose another").name
    'mine'
    """
    if folder is None:
        parent = made(Path("runs"))
        for number in itertools.count(1):
            with contextlib.suppress(FileExistsError):
                (path := parent / f"{name}-{number}").mkdir()
                return path
    path = made(Path(folder))  # type: ignore[arg-type]
    for file in files:
        if (path / file).exists():
            raise RunError(f"{folder} already holds a run ({file}): {mend}")
    return path


def made(folder: Path) -> Path:
    """The folder, made if it is not there. Errors: RunError if a file is in its place; OSError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise RunError(f"{folder} cannot be a folder: a file is in its place") from None
    return folder
