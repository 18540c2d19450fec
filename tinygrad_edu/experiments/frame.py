"""What an experiment is: a function of options that returns a result; and how it is conducted."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.files import write_whole
from tinygrad_edu.folders import RunError, new_folder
from tinygrad_edu.plot import png

from .sweep import sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENTS", "Experiment", "Options", "Report", "Result", "conduct", "experiment"]

SUMMARY = "summary.json"


@dataclass(frozen=True)
class Options:
    """What an experiment is told.

    `quick` asks for the small form, of seconds. `seed` decides all random numbers. `data` is a
    place of real data in place of the offline ones. `workers` or `executor` do the trials, as for
    `sweep`; none of the two changes the numbers.
    """

    quick: bool = False
    seed: int = 0
    data: str | None = None
    workers: int | None = None
    executor: Executor | None = None

    def sweep(self, trial: Callable[..., Any], settings: Iterable[Mapping[str, Any]]) -> list[Any]:
        """`sweep` with these options; the small form starts no processes."""
        workers = 1 if self.quick and self.workers is None else self.workers
        return sweep(trial, settings, seed=self.seed, executor=self.executor, workers=workers)


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Say that it is the given data that do not serve."""
    try:
        yield
    except (ValueError, ImportError) as error:  # files of another kind, too small, without h5py
        raise RunError(str(error)) from error


@dataclass
class Result:
    """What an experiment returns.

    `claims` says of each sentence whether the numbers show it. `table` has a dictionary per row,
    all with the same names; what is named an accuracy is a fraction. `pictures` have the names of
    their files, without the ending. `series` is what the summary keeps besides, as histories.
    """

    claims: dict[str, bool]
    table: list[dict[str, Any]]
    pictures: dict[str, Axes | Figure]
    series: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """An experiment by its name, with a line that says what it is about."""

    name: str
    title: str
    function: Callable[[Options], Result]


EXPERIMENTS: dict[str, Experiment] = {}


def experiment(name: str, title: str) -> Callable[[Callable[[Options], Result]], Experiment]:
    """Decorate a function of `Options` that returns a `Result`: it joins `EXPERIMENTS`.

    >>> from tinygrad_edu.experiments import EXPERIMENTS
    >>> EXPERIMENTS["dropout"].title
    'Dropout makes the gap between training and validation smaller'
    """

    def register(function: Callable[[Options], Result]) -> Experiment:
        EXPERIMENTS[name] = Experiment(name, title, function)
        return EXPERIMENTS[name]

    return register


@dataclass(frozen=True)
class Report:
    """A conducted experiment: its folder with these files, its result, and how long it took."""

    folder: Path
    files: list[str]
    result: Result
    seconds: float


def conduct(
    name: str,
    options: Options | None = None,
    folder: str | Path | None = None,
    begin: Callable[[Experiment, Path], None] = lambda experiment, folder: None,
) -> Report:
    """Conduct an experiment, and leave its pictures and summary.json in a folder, all or none.

    `folder` is by default the first free one of runs/NAME-1, -2, ...; `begin` is called with it
    before the work starts. The summary holds options, claims, table and series: the same for the
    same seed.
    Errors: RunError for an unknown name or a folder with a summary; DataFileError for `data` that
    are missing or damaged; OSError of the file system.
    """
    options = options or Options()
    if name not in EXPERIMENTS:
        raise RunError(describe("conduct", "name", f"one of {', '.join(EXPERIMENTS)}", repr(name)))
    with _place(name, folder) as path:
        begin(EXPERIMENTS[name], path)
        start = time.perf_counter()
        result = EXPERIMENTS[name].function(options)
        content = {f"{stem}.png": png(picture) for stem, picture in result.pictures.items()}
        content[SUMMARY] = _summary(name, options, result).encode()
        _write_all(path, content)
    return Report(path, list(content), result, time.perf_counter() - start)


@contextlib.contextmanager
def _place(name: str, folder: str | Path | None) -> Iterator[Path]:
    """A folder for results, which is gone again if it was made for nothing."""
    before = folder is not None and Path(folder).is_dir()
    path = new_folder(name, folder, [SUMMARY], "choose another folder")
    try:
        if not os.access(path, os.W_OK):  # to know it now, and not after the work
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        yield path
    except BaseException:
        if not before:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()
        raise


def _write_all(folder: Path, content: Mapping[str, bytes]) -> None:
    written = []
    try:
        for name, data in content.items():
            write_whole(folder / name, data)
            written.append(name)
    except BaseException:
        for name in written:
            (folder / name).unlink(missing_ok=True)
        raise


def _summary(name: str, options: Options, result: Result) -> str:
    content = {
        "experiment": name,
        "options": {"quick": options.quick, "seed": options.seed, "data": options.data},
        "claims": result.claims,
        "table": result.table,
        **result.series,
    }
    return json.dumps(_plain(content), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The same of what JSON knows: numbers of Python, null for those that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
