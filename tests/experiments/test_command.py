"""`tinygrad-edu experiment`: what it prints, and one line for every misuse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from source import ROOT

from tinygrad_edu.cli import main
from tinygrad_edu.experiments import EXPERIMENTS, SweepError

QUICK = ["experiment", "image-filters", "--quick"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def misuse(capsys, *arguments: str) -> str:
    """The one line that these arguments end with, with status 2."""
    try:
        status = main(["experiment", *arguments])
    except SystemExit as stop:
        status = stop.code
    _, err = capsys.readouterr()
    assert status == 2
    assert err.count("\n") == 1 and err.startswith("tinygrad-edu experiment: error: "), err
    return err


def test_it_prints_the_table_and_what_shows(capsys):
    assert main([*QUICK, "--out", "out", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    title = EXPERIMENTS["image-filters"].title
    assert out.startswith(f"image-filters: {title} -> out\n\npicture  ")
    assert "\nyes the first filter gives .3 red + .6 green + .1 blue in every pixel\n" in out
    assert "\nfiles out: image-filters.png, summary.json\n" in out
    assert err == ""  # no bar where there is no terminal
    assert json.loads(Path("out/summary.json").read_text())["options"]["seed"] == 3


def test_the_list_names_all(capsys):
    assert main(["experiment", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(EXPERIMENTS)
    assert all(line.endswith(EXPERIMENTS[line.split()[0]].title) for line in lines)


def test_help_says_all(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["experiment", "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for option in ("list", "quick", "seed", "data", "workers", "out"):
        assert f" --{option}" in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("", "give the NAME of an experiment; --list shows them (see tinygrad-edu experiment -"),
        ("fly", "argument NAME: invalid choice: 'fly' (choose from"),
        ("image-filters --seed x", "argument --seed: expected an integer, got 'x'"),
        (
            "image-filters --workers 0",
            "argument --workers: expected an integer of at least 1, got '0'",
        ),
        ("image-filters --quick --data nowhere.jpg", "nowhere.jpg: no picture that can be read"),
        ("overfit --quick --data nowhere", "neither nowhere"),
        ("autoencoder-rho --quick --data nowhere.h5", "nowhere.h5: no HDF5 file that can be read"),
        ("image-filters --quick --out file", "file cannot be a folder: a file is in its place"),
        ("image-filters --quick --out old", "old already holds a run (summary.json): choose ano"),
    ],
)
def test_a_misuse_is_one_line(arguments, message, capsys):
    Path("file").write_text("")
    Path("old").mkdir()
    Path("old/summary.json").write_text("precious")
    assert message in misuse(capsys, *arguments.split())
    assert Path("old/summary.json").read_text() == "precious"
    assert sorted(str(path) for path in Path().iterdir() if path.name != "runs") == ["file", "old"]
    assert not list(Path().glob("runs/*"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_an_unwritable_folder_is_one_line(capsys):
    Path("locked").mkdir(mode=0o555)
    assert "Permission denied" in misuse(capsys, *QUICK[1:], "--out", "locked")


def test_a_process_that_is_killed_is_one_line(capsys, monkeypatch):
    def lose(*args, **more):
        raise SweepError("sweep: a process ended by itself")

    monkeypatch.setattr("tinygrad_edu.experiments.frame.sweep", lose)
    assert main(["experiment", "autoencoder-rho"]) == 1
    message = "tinygrad-edu experiment: error: sweep: a process ended by itself\n"
    assert capsys.readouterr().err == message


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_all_processes_and_leaves_nothing(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "tinygrad_edu", "experiment", "sweep", "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("sweep: ")
        time.sleep(3)  # the processes are at work
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        error = process.stderr.read()  # ends when the last of them has
    assert process.returncode == 130
    assert error == "tinygrad-edu experiment: interrupted\n"
    assert not list((tmp_path / "runs").iterdir())
