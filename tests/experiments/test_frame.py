"""How an experiment is conducted: its folder, its files, and what is said about it."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest

from tinygrad_edu.experiments import (
    EXPERIMENTS,
    Options,
    Result,
    conduct,
    experiment,
    frame,
    in_words,
)
from tinygrad_edu.folders import RunError
from tinygrad_edu.plot import plot_lines

CLAIMS = {"it shows": True, "it does not": False}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    """An experiment of the simplest kind."""
    monkeypatch.setattr(frame, "EXPERIMENTS", dict(EXPERIMENTS))

    @experiment("toy", "Toys are simple")
    def toy(options: Options) -> Result:
        rows = [
            {"name": "a", "value": np.float32(0.5), "accuracy": 0.25, "epoch": None},
            {"name": "bc", "value": 1234567.0, "accuracy": np.nan, "epoch": options.seed},
        ]
        pictures = {"toy": plot_lines({"a": [1, 2]}), "toy-more": plot_lines({"b": [2, 1]})}
        return Result(CLAIMS, rows, pictures, {"history": np.array([1.0, np.inf])})


def test_it_leaves_its_pictures_and_a_summary(tmp_path):
    report = conduct("toy", Options(seed=3, quick=True), tmp_path / "a" / "b")
    assert report.folder == tmp_path / "a" / "b"
    assert report.files == ["toy.png", "toy-more.png", "summary.json"]
    assert sorted(os.listdir(report.folder)) == sorted(report.files)
    assert (report.folder / "toy.png").read_bytes() != (report.folder / "toy-more.png").read_bytes()
    assert json.loads((report.folder / "summary.json").read_text()) == {
        "experiment": "toy",
        "options": {"quick": True, "seed": 3, "data": None},
        "claims": CLAIMS,
        "table": [
            {"name": "a", "value": 0.5, "accuracy": 0.25, "epoch": None},
            {"name": "bc", "value": 1234567.0, "accuracy": None, "epoch": 3},
        ],
        "history": [1.0, None],
    }


def test_it_is_said_in_words():
    report = conduct("toy", Options(seed=3))
    lines = in_words(report).splitlines()
    assert lines[:-1] == [
        "name     value   accuracy   epoch",
        "a          0.5      25.0%       -",
        "bc     1234567          -       3",
        "",
        "Does it show?",
        "yes it shows",
        "no  it does not",
        "",
        f"files {report.folder}: toy.png, toy-more.png, summary.json",
    ]
    assert lines[-1] == f"time  {report.seconds:.1f} s"


def test_folders_are_numbered_and_known_before_the_work():
    seen = []
    for _ in range(2):
        conduct("toy", begin=lambda about, folder: seen.append((about.title, folder.as_posix())))
    assert seen == [("Toys are simple", "runs/toy-1"), ("Toys are simple", "runs/toy-2")]


def test_results_are_never_overwritten(tmp_path):
    conduct("toy", folder=tmp_path / "out")
    before = (tmp_path / "out" / "summary.json").read_bytes()
    message = r"already holds a run \(summary.json\): choose another folder"
    with pytest.raises(RunError, match=message):
        conduct("toy", Options(seed=1), tmp_path / "out")
    assert (tmp_path / "out" / "summary.json").read_bytes() == before


@pytest.mark.parametrize("existed", [False, True])
def test_all_files_or_none(existed, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    if existed:
        folder.mkdir()
    write = frame.write_whole

    def full(path, data):
        if path.name == "summary.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, data)

    monkeypatch.setattr(frame, "write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        conduct("toy", folder=folder)
    assert folder.exists() == existed and (not existed or not os.listdir(folder))


def test_a_folder_made_for_nothing_is_gone(monkeypatch):
    def fail(options):
        raise KeyboardInterrupt

    experiment("broken", "")(fail)
    with pytest.raises(KeyboardInterrupt):
        conduct("broken")
    assert os.listdir("runs") == []


def test_a_folder_that_cannot_be_written_is_known_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(PermissionError) as caught:
        conduct("toy", folder=tmp_path, begin=lambda *_: pytest.fail("it has begun"))
    assert caught.value.filename == str(tmp_path)


def test_an_unknown_name_is_refused():
    with pytest.raises(RunError, match=r"conduct: argument 'name': expected one of .*, got 'fly'"):
        conduct("fly")
    assert not os.listdir()
