"""Runs on the digits: what they leave in their folder, and that a resume is exact."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

import tinygrad_edu as tg
from tinygrad_edu import datasets, runs
from tinygrad_edu.errors import CheckpointError
from tinygrad_edu.nn.callbacks import Callback
from tinygrad_edu.runs import FILES, MODELS, Options, Run, RunError

LINEAR = Options(model="linear", epochs=3)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Runs that get no folder make one where they are started; pictures take long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Run, "_draw", lambda self, scores, labels: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run and its summary, with pictures: this is done before `_elsewhere`."""
    run = Run.start(LINEAR, tmp_path_factory.mktemp("finished"))
    return run, run.train()


class StopAt(Callback):
    """Ctrl-C, after so many batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def batch_end(self, solver, means):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def numbers(folder) -> tuple:
    """All that a run computed: the bytes of its results, and its last state without the time."""
    state = tg.load(folder / "checkpoint.safetensors")
    files = [(folder / name).read_bytes() for name in ("history.json", "model.safetensors")]
    return (*files, bare({**state, "seconds": 0}))


def bare(state):
    """A state that == compares to the last bit; the order of keys does not count."""
    if isinstance(state, dict):
        return {key: bare(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [bare(value) for value in state]
    if isinstance(state, tg.Tensor):
        return str(state.dtype), state.shape, state.array.tobytes()
    return state


# --- the folder ---------------------------------------------------------------------------------


def test_a_run_leaves_its_files_and_no_others(finished):
    run, _ = finished
    assert sorted(path.name for path in run.folder.iterdir()) == sorted(FILES)


def test_the_history_is_what_was_measured(finished):
    run, summary = finished
    assert json.loads((run.folder / "history.json").read_text()) == {
        "options": {
            "model": "linear", "optimizer": "adam", "lr": 0.002, "batch_size": 32, "epochs": 3,
            "seed": 0,
        },
        "best_epoch": summary.best_epoch,
        "test_accuracy": summary.test_accuracy,
        "history": run.solver.history,
    }  # fmt: skip


def test_the_weights_are_those_that_were_tested(finished):
    """The linear model by hand, from the file alone."""
    run, summary = finished
    weights = load_file(run.folder / "model.safetensors")

    def right(part: str) -> np.ndarray:
        images, labels = (t.numpy() for t in datasets.digits(part).tensors)
        scores = images.reshape(-1, 64) @ weights["1.weight"].T + weights["1.bias"]
        return scores.argmax(1) == labels

    assert right("test").sum() == summary.test_correct
    assert summary.test_count == len(right("test")) == 360
    assert summary.test_accuracy == summary.test_correct / 360
    assert right("validation").mean() == summary.validation_accuracy
    assert summary.parameters == 650


@pytest.mark.parametrize("name", ["curves.png", "filters.png", "mistakes.png"])
def test_pictures_show_something(name, finished):
    from matplotlib.image import imread

    picture = imread(finished[0].folder / name)
    assert picture.shape[0] > 200 and picture.shape[1] > 400
    assert len(np.unique(picture[::4, ::4].reshape(-1, picture.shape[2]), axis=0)) > 20
    assert 0.01 < (picture[..., :3].min(2) < 0.95).mean() < 0.9  # neither blank nor filled


class Forget(Callback):
    """After the first epoch the network says 0 to everything, and learns no more."""

    def epoch_end(self, solver):
        with tg.no_grad():
            solver.model[1].weight.zero_()
            solver.model[1].bias[0] = 10.0
        solver.optimizer.param_groups[0]["lr"] = 1e-12


def test_the_weights_are_those_of_the_best_epoch(tmp_path):
    summary = Run.start(LINEAR, tmp_path / "run", [Forget()]).train()
    assert summary.best_epoch == 1
    assert summary.test_accuracy > 0.5  # nothing is left of it in the last weights
    best = load_file(tmp_path / "run" / "model.safetensors")
    last = tg.load(tmp_path / "run" / "checkpoint.safetensors")["solver"]["model"]
    assert np.abs(best["1.weight"]).max() > 0.01 > np.abs(last["1.weight"].numpy()).max()


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_digits_to_scores(model):
    images, _ = datasets.digits("validation")[:7]
    assert MODELS[model]()(images).shape == (7, 10)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_learns_in_an_epoch(model):
    summary = Run.start(Options(model=model, epochs=1), model).train()
    assert summary.test_accuracy > 0.5
    assert summary.parameters == sum(p.numel() for p in MODELS[model]().parameters())


def test_the_models_of_courses_are_there():
    assert list(MODELS) == ["linear", "mlp", "convnet", *tg.nn.models.MODELS]


@pytest.mark.parity
def test_pytorch_reads_the_weights(tmp_path):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    run = Run.start(Options(model="convnet", epochs=1, batch_size=256), tmp_path / "run")
    run.train()
    nn = torch.nn
    theirs = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(1024, 10),
    )  # fmt: skip
    weights = load_file(tmp_path / "run" / "model.safetensors")
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    images, _ = datasets.digits("test")[:]
    ours = run.solver.model.eval()(images)
    with torch.no_grad():
        scores = theirs.eval()(torch.from_numpy(images.numpy()))
    np.testing.assert_allclose(ours.numpy(force=True), scores.numpy(), rtol=1e-4, atol=1e-5)


def test_folders_are_numbered(tmp_path):
    short = Options(model="linear", epochs=1)
    folders = [Run.start(short).folder for _ in range(2)]
    (tmp_path / "runs" / "linear-3").write_text("in the way")
    folders.append(Run.start(short).folder)
    assert [folder.as_posix() for folder in folders] == [
        "runs/linear-1", "runs/linear-2", "runs/linear-4",
    ]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_finished_run_is_never_overwritten(name, tmp_path):
    (tmp_path / name).write_text("precious")
    with pytest.raises(RunError, match=f"already holds a run \\({name}\\): resume that"):
        Run.start(LINEAR, tmp_path)
    assert (tmp_path / name).read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_with_other_files_is_taken(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    Run.start(LINEAR, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("folder", ["file", "file/below", "file/far/below"])
def test_a_file_in_place_of_a_folder(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be a folder: a file is in its place"):
        Run.start(LINEAR, tmp_path / folder)


def test_a_file_named_runs(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="runs cannot be a folder: a file is in its place"):
        Run.start(LINEAR)


# --- the same numbers ---------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name in "ab":
        tg.rand(3)  # the place of the default generator does not matter
        Run.start(Options(model="mlp", epochs=2), tmp_path / name).train()
    assert numbers(tmp_path / "a") == numbers(tmp_path / "b")


def test_another_seed_gives_other_numbers(tmp_path):
    histories = []
    for seed in (0, 1, -1):
        run = Run.start(Options(model="linear", epochs=1, seed=seed), tmp_path / str(seed))
        run.train()
        histories.append(run.solver.history["train_loss"])
    assert len(np.unique(histories)) == 3


def test_numpys_random_numbers_are_left_alone(tmp_path):
    np.random.seed(3)
    wanted = np.random.RandomState(3).random(4)
    Run.start(Options(model="linear", epochs=1), tmp_path / "run").train()
    np.testing.assert_array_equal(np.random.random(4), wanted)


CASES = [
    Options(model="linear", epochs=3, optimizer="sgd", batch_size=256),
    Options(model="mlp", epochs=3, optimizer="adam", batch_size=256, seed=5),
    pytest.param(Options(model="convnet", epochs=3, batch_size=256), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("options", CASES, ids=lambda options: options.model)
@pytest.mark.parametrize("batches", [1, 9, 15], ids="stopped at batch {}".format)
def test_an_interrupted_run_resumes_to_the_same_bits(options, batches, tmp_path):
    Run.start(options, tmp_path / "whole").train()
    stopped = Run.start(options, tmp_path / "stopped", [StopAt(batches)])
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    assert stopped.saved_epoch == (batches - 1) // len(stopped.solver.train_data)
    tg.manual_seed(123)
    Run.resume(tmp_path / "stopped").train()
    assert numbers(tmp_path / "stopped") == numbers(tmp_path / "whole")


def test_a_finished_run_goes_on_to_the_same_bits(tmp_path):
    options = Options(model="mlp", epochs=4)
    Run.start(options, tmp_path / "whole").train()
    Run.start(Options(model="mlp", epochs=2), tmp_path / "longer").train()
    Run.resume(tmp_path / "longer", epochs=4).train()
    assert numbers(tmp_path / "longer") == numbers(tmp_path / "whole")


def test_a_finished_run_can_be_resumed_with_nothing_to_do(tmp_path):
    summary = Run.start(LINEAR, tmp_path / "run").train()
    before = numbers(tmp_path / "run")
    for name in ("history.json", "model.safetensors"):
        (tmp_path / "run" / name).unlink()
    again = Run.resume(tmp_path / "run").train()
    assert numbers(tmp_path / "run") == before
    assert (again.test_correct, again.best_epoch) == (summary.test_correct, summary.best_epoch)


def test_time_adds_up_over_a_resume(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(runs.time, "perf_counter", lambda: clock[0])
    run = Run.start(LINEAR, tmp_path / "run")
    clock[0] += 5
    run.save()
    clock[0] += 1000
    resumed = Run.resume(tmp_path / "run")
    clock[0] += 2
    assert resumed.seconds == 7


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_full_disk_keeps_the_last_whole_checkpoint(epoch, tmp_path, monkeypatch):
    options = Options(model="mlp", epochs=3)
    Run.start(options, tmp_path / "whole").train()
    run = Run.start(options, tmp_path / "run")
    replace, files = os.replace, []

    def full(part, path):
        files.append(path)
        if len(files) > 2 * (epoch - 1):  # checkpoint and history of each epoch
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        replace(part, path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            run.train()
    assert run.saved_epoch == epoch - 1
    assert sorted(p.name for p in run.folder.iterdir()) == [
        "checkpoint.safetensors",
        "history.json",
    ]
    Run.resume(run.folder).train()
    assert numbers(run.folder) == numbers(tmp_path / "whole")


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"model": "cnn"},
            "'model': expected one of linear, mlp, convnet, .*conv-blocks, got 'cnn'",
        ),
        ({"optimizer": "lion"}, "'optimizer': expected one of sgd, adam, got 'lion'"),
        ({"epochs": 0}, "'epochs': expected at least 1, got 0"),
        ({"epochs": 2.0}, "'epochs': expected an integer, got 2.0"),
        ({"batch_size": -1}, "'batch_size': expected at least 1, got -1"),
        ({"batch_size": True}, "'batch_size': expected an integer, got True"),
        ({"seed": "0"}, "'seed': expected an integer, got '0'"),
        ({"lr": 0.0}, "'lr': expected a positive number, got 0.0"),
        ({"lr": float("nan")}, "'lr': expected a positive number, got nan"),
        ({"lr": float("inf")}, "'lr': expected a positive number, got inf"),
        ({"lr": "fast"}, "'lr': expected a positive number, got 'fast'"),
    ],
)
def test_options_out_of_range_are_refused(change, message):
    with pytest.raises(RunError, match=message):
        Options(**change)


def test_the_learning_rate_is_the_optimizers_own():
    assert Options(optimizer="sgd").lr == 0.05
    assert Options(optimizer="adam").lr == 0.002
    assert Options(optimizer="sgd", lr=1).lr == 1


@pytest.fixture
def kept(tmp_path):
    """The folder of a run of which two epochs are done."""
    Run.start(Options(model="linear", epochs=2), tmp_path / "kept").train()
    return tmp_path / "kept"


def test_options_that_are_stored_may_be_given_again(kept):
    Run.resume(kept, model="linear", lr=0.002, batch_size=32, optimizer="adam", seed=0, epochs=None)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"model": "mlp"}, "started with model linear and cannot be resumed with model mlp: leave"),
        ({"lr": 0.1}, "started with lr 0.002 and cannot be resumed with lr 0.1"),
        ({"batch_size": 8}, "batch_size 32 .* batch_size 8"),
        ({"seed": 1}, "seed 0 .* seed 1"),
        ({"optimizer": "sgd"}, "optimizer adam .* optimizer sgd"),
        ({"epochs": 1}, "kept has 2 epochs already, more than the 1 asked for"),
    ],
)
def test_a_resume_with_other_options_is_refused(change, message, kept):
    before = numbers(kept)
    with pytest.raises(RunError, match=message):
        Run.resume(kept, **change)
    assert numbers(kept) == before


@pytest.mark.parametrize("folder", ["nowhere", ".", "file"])
def test_a_resume_of_what_is_no_run_is_refused(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=f"^{folder} is not a run .* no checkpoint.safetensors"):
        Run.resume(folder)


def edited(path, *keys):
    """The state in a checkpoint, and the dictionary in it that `keys` lead to."""
    state = place = tg.load(path)
    for key in keys:
        place = place[key]
    return state, place


@pytest.mark.parametrize(
    "keys, name, value",
    [
        ((), "options", {"model": "resnet"}),
        ((), "options", {"colour": "blue"}),
        ((), "options", None),
        ((), "solver", {}),
        ((), "solver", [1, 2]),
        ((), "seconds", "long"),
        (("options",), "model", "mlp"),
        (("options",), "model", ["linear"]),
        (("solver",), "epoch", "two"),
        (("solver",), "epoch", 1),
        (("solver",), "history", {"train_loss": [1.0, 1.0]}),
        (("solver", "history"), "train_loss", ["a", "b"]),
        (("solver",), "best_weights", {}),
        (("solver",), "best_weights", None),
        (("solver",), "best_epoch", 7),
        (("solver",), "generators", [{}, {}]),
        (("solver",), "generators", None),
        (("solver",), "optimizer", {}),
        (("solver", "model"), "1.weight", tg.zeros(10, 63)),
        (("solver", "model"), "1.weight", "zeros"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_in_one_line(keys, name, value, kept):
    path = kept / "checkpoint.safetensors"
    state, place = edited(path, *keys)
    place[name] = value
    tg.save(state, path)
    with pytest.raises(
        CheckpointError, match=r"does not fit its run|is not a checkpoint of a run"
    ) as e:
        Run.resume(kept)
    assert "\n" not in str(e.value)
    assert str(path) in str(e.value)
