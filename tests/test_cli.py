"""The command line: what it prints, which status it ends with, and one line for every misuse."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from source import ROOT

from tinygrad_edu import __version__, checkpoint, cli, runs
from tinygrad_edu.cli import main
from tinygrad_edu.nn import Solver
from tinygrad_edu.runs import FILES, Run

COMMAND = [sys.executable, "-W", "error", "-m", "tinygrad_edu"]
SHORT = ["train", "--model", "linear", "--epochs", "2"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder; pictures take long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Run, "_draw", lambda self, scores, labels: None)


def misuse(capsys, *arguments: str) -> str:
    """The one line that these arguments end with, with status 2."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    assert status == 2
    assert err.count("\n") == 1 and err.endswith("\n"), err
    assert err.startswith(("tinygrad-edu: error: ", "tinygrad-edu train: error: "))
    assert "test accuracy" not in out
    return err


def interrupt_after(monkeypatch, epochs: int) -> None:
    """Ctrl-C in the first batch after so many epochs."""
    step = Solver._step_through

    def interrupted(self):
        if self.epoch == epochs:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(Solver, "_step_through", interrupted)


# --- a run --------------------------------------------------------------------------------------


def test_train_prints_epochs_and_a_table(capsys):
    assert main([*SHORT, "--out", "run"]) == 0
    out, err = capsys.readouterr()
    content = json.loads(Path("run/history.json").read_text())
    history = content["history"]
    for epoch in (0, 1):
        line = "{:>3}/2 +{:.4f} +{:.2%} +{:.4f} +{:.2%}".format(
            epoch + 1, *(history[part][epoch] for part in history)
        )
        assert re.search(line, out), out
    table = out.partition("\n\n")[2]
    correct = round(content["test_accuracy"] * 360)
    assert f"test accuracy        {correct / 360:.2%} ({correct} of 360 digits)" in table
    for row in ("validation accuracy  ", "best epoch           2 of 2", "parameters           650"):
        assert row in table
    assert re.search(r"time {17}\d+\.\d s\n", table)
    assert f"run: {', '.join(FILES)}" in table
    assert err == ""  # no bar where there is no terminal


def test_train_takes_all_options():
    options = "--model mlp --optimizer sgd --lr 0.1 --batch-size 100 --epochs 1 --seed -3 --out a/b"
    assert main(["train", *options.split()]) == 0
    assert json.loads(Path("a/b/history.json").read_text())["options"] == {
        "model": "mlp", "optimizer": "sgd", "lr": 0.1, "batch_size": 100, "epochs": 1, "seed": -3,
    }  # fmt: skip


def test_runs_get_folders_of_their_own(capsys):
    for number in (1, 2):
        assert main(SHORT) == 0
        assert f" -> {Path('runs') / f'linear-{number}'}\n" in capsys.readouterr().out


def test_resume_goes_on(capsys):
    assert main([*SHORT, "--out", "whole"]) == 0
    assert main([*SHORT[:-1], "1", "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", "run", "--epochs", "2"]) == 0
    out = capsys.readouterr().out
    assert "\n  2/2 " in out and "1/2" not in out
    assert Path("run/history.json").read_bytes() == Path("whole/history.json").read_bytes()
    assert main(["train", "--resume", "run"]) == 0
    assert "2 of 2 epochs done (--epochs N for more)" in capsys.readouterr().out


@pytest.mark.slow
def test_the_default_run_reaches_97_percent(capsys):
    assert main(["train"]) == 0
    content = json.loads(Path("runs/convnet-1/history.json").read_text())
    assert content["test_accuracy"] >= 0.97
    assert len(content["history"]["train_loss"]) == content["options"]["epochs"]
    assert f"test accuracy        {content['test_accuracy']:.2%} (" in capsys.readouterr().out


# --- help and arguments -------------------------------------------------------------------------


def test_without_a_command_there_is_help(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: tinygrad-edu ")
    assert "train a network on the handwritten digits" in out


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"tinygrad-edu {__version__}\n"


def test_help_of_train_says_all(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "--help"])
    assert stop.value.code == 0
    out = re.sub(r"(?<=\w-) ", "", " ".join(capsys.readouterr().out.split()))  # hyphens break lines
    for option in ("model", "epochs", "batch-size", "lr", "optimizer", "seed", "out", "resume"):
        assert f" --{option} " in out
    for text in (*FILES, *runs.MODELS, *runs.OPTIMIZERS, "(default: convnet)", "(default: 30)"):
        assert text in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--model cnn", "argument --model: invalid choice: 'cnn' (choose from"),
        ("--optimizer lion", "argument --optimizer: invalid choice: 'lion' (choose from"),
        ("--epochs 0", "argument --epochs: expected an integer of at least 1, got '0'"),
        ("--epochs many", "argument --epochs: expected an integer of at least 1, got 'many'"),
        ("--batch-size 1.5", "argument --batch-size: expected an integer of at least 1, got '1.5'"),
        ("--seed x", "argument --seed: expected an integer, got 'x'"),
        ("--lr 0", "argument --lr: expected a positive number, got '0'"),
        ("--lr nan", "argument --lr: expected a positive number, got 'nan'"),
        ("--lr inf", "argument --lr: expected a positive number, got 'inf'"),
        ("--lr", "argument --lr: expected one argument"),
        ("--out a --resume b", "argument --resume: not allowed with argument --out"),
        ("--learning-rate 1", "unrecognized arguments: --learning-rate 1"),
        ("--epoch 1", "unrecognized arguments: --epoch 1"),
        ("digits", "unrecognized arguments: digits"),
    ],
)
def test_a_bad_option_is_one_line(arguments, message, capsys):
    line = misuse(capsys, "train", *arguments.split())
    assert message in line
    assert "--help)" in line
    assert not list(Path().iterdir()), "a bad option left something behind"


def test_an_unknown_command_is_one_line(capsys):
    assert "invalid choice: 'fly' (choose from" in misuse(capsys, "fly")


# --- folders and files --------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_file_in_place_of_the_folder_is_one_line(folder, capsys):
    Path("file").write_text("")
    message = f"error: {Path(folder)} cannot be a folder: a file is in its place\n"
    assert message in misuse(capsys, *SHORT, "--out", folder)


def test_a_folder_that_holds_a_run_is_one_line(capsys):
    main([*SHORT, "--out", "run"])
    capsys.readouterr()
    message = "run already holds a run (checkpoint.safetensors): resume that, or choose another"
    assert message in misuse(capsys, *SHORT, "--out", "run")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_an_unwritable_folder_is_one_line(capsys):
    Path("locked").mkdir(mode=0o555)
    assert "Permission denied" in misuse(capsys, *SHORT, "--out", "locked")
    assert "Permission denied" in misuse(capsys, *SHORT, "--out", "locked/run")


def refuse(error: int):
    """What stands in for a call that the file system refuses."""

    def call(path, *rest, **more):
        raise OSError(error, os.strerror(error), str(path))

    return call


@pytest.mark.parametrize("call", ["mkdir", "open"])
@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_refusal_of_the_file_system_is_one_line(call, error, capsys, monkeypatch):
    monkeypatch.setattr(Path, call, refuse(error))
    line = misuse(capsys, *SHORT, "--out", "run")
    assert "error: run" in line or "error: " + str(Path("run/")) in line
    assert line.endswith(f": {os.strerror(error)}\n")


def test_a_disk_that_fills_up_keeps_the_last_checkpoint(capsys, monkeypatch):
    write = checkpoint.save

    def full(state, path):
        if state["solver"]["epoch"] == 2:
            refuse(errno.ENOSPC)(path)
        write(state, path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", full)
        assert "No space left on device" in misuse(capsys, *SHORT, "--out", "run")
    assert main(["train", "--resume", "run"]) == 0
    assert "\n  2/2 " in capsys.readouterr().out


@pytest.fixture
def kept(capsys) -> Path:
    """The checkpoint of a run of two epochs."""
    main([*SHORT, "--out", "run"])
    capsys.readouterr()
    return Path("run/checkpoint.safetensors")


def test_a_missing_run_is_one_line(capsys):
    message = "nowhere is not a run that can be resumed: it has no checkpoint.safetensors\n"
    assert message in misuse(capsys, "train", "--resume", "nowhere")


def test_a_truncated_checkpoint_is_one_line(kept, capsys):
    kept.write_bytes(kept.read_bytes()[:1000])
    message = f"error: {kept} is damaged or not a safetensors file: "
    assert message in misuse(capsys, "train", "--resume", "run")


def test_a_foreign_checkpoint_is_one_line(kept, capsys):
    (kept.parent / "model.safetensors").replace(kept)
    message = f"error: {kept} is not a checkpoint of a run: 'options'"
    assert message in misuse(capsys, "train", "--resume", "run")


@pytest.mark.parametrize(
    "option, message",
    [
        (
            "--model mlp",
            "was started with model linear and cannot be resumed with model mlp: leave",
        ),
        ("--lr 0.5", "was started with lr 0.002 and cannot be resumed with lr 0.5: leave it out"),
        ("--epochs 1", "run has 2 epochs already, more than the 1 asked for"),
    ],
)
def test_options_that_contradict_the_run_are_one_line(option, message, kept, capsys):
    before = kept.read_bytes()
    assert message in misuse(capsys, "train", "--resume", "run", *option.split())
    assert kept.read_bytes() == before


def test_a_loss_that_explodes_is_a_sentence(capsys):

    assert main([*SHORT, "--optimizer", "sgd", "--lr", "1e38", "--out", "run"]) == 1
    err = capsys.readouterr().err
    line = (
        r"tinygrad-edu train: error: the loss is (nan|inf) in epoch 1, batch \d+ of 40: try a lower"
    )
    assert re.fullmatch(line + " learning rate\n", err), err


# --- interruptions ------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [0, 1])
def test_ctrl_c_keeps_the_last_checkpoint(epochs, capsys, monkeypatch):
    assert main([*SHORT, "--out", "whole"]) == 0
    capsys.readouterr()
    with monkeypatch.context() as patch:
        interrupt_after(patch, epochs)
        assert main([*SHORT, "--out", "my run"]) == 130
    assert capsys.readouterr().err == (
        f"tinygrad-edu train: interrupted; my run keeps epoch {epochs} of 2: continue with "
        "tinygrad-edu train --resume 'my run'\n"
    )
    assert main(["train", "--resume", "my run"]) == 0
    assert Path("my run/history.json").read_bytes() == Path("whole/history.json").read_bytes()


def test_ctrl_c_before_there_is_a_run(capsys, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Run, "start", interrupted)
    assert main(SHORT) == 130
    assert capsys.readouterr().err == "tinygrad-edu train: interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_real_ctrl_c(tmp_path):
    with subprocess.Popen(
        [*COMMAND, "train", "--model", "mlp", "--epochs", "100000", "--out", "run"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:  # the lines come as they are made, though it is a pipe
            if line.startswith("  2/100000"):
                break
        process.send_signal(signal.SIGINT)
        error = process.stderr.read()
    assert process.returncode == 130
    assert re.fullmatch(r"tinygrad-edu train: interrupted; run keeps epoch \d+ of .*\n", error)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoint.safetensors", "history.json",
    ]  # fmt: skip
    assert Run.resume(tmp_path / "run").solver.epoch >= 2


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_has_seen_enough(tmp_path):
    """As in `tinygrad-edu train | head -1`: no traceback, neither then nor at exit."""
    with subprocess.Popen(
        [*COMMAND, *SHORT[:-1], "1000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=tmp_path, env=ENVIRONMENT,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
def test_a_terminal_gets_a_bar(tmp_path):
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with subprocess.Popen(
        [*COMMAND, *SHORT], stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path,
        env=ENVIRONMENT,
    ) as process:  # fmt: skip
        os.close(theirs)
        text = b""
        with open(ours, "rb", buffering=0) as terminal:
            try:
                while part := terminal.read(65536):
                    text += part
            except OSError:  # the other end is closed
                pass
    assert process.returncode == 0
    bar = rb"\d+%\|.*\| \d+/80 \[.*batch/s, epoch \d, loss \d\.\d+, accuracy \d+\.\d%\]"
    assert re.search(bar, text), text


def test_starting_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from tinygrad_edu.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'matplotlib', 'tqdm', 'safetensors', 'PIL', 'scipy.signal'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=60
    )
