"""The benchmarks: all compute the same, a difference is found, and the figures become tables."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from source import ROOT
from tensors import parity

from benchmarks import __main__ as command
from benchmarks import cases, harness, machine, memory, ops, page, pictures, report, run, table
from benchmarks.peers import PEERS, load, shaped
from benchmarks.workloads import SPARSITY, WORKLOADS, Training, digest
from tinygrad_edu import cli, cli_bench

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
LIGHT = ["W6", "W7", "W7b", "W8f", "W9"]


def value(peer: str, case: str) -> float:
    """What the third step of a case comes to."""
    module = load(peer)
    step = module.start(cases.find(case))
    for _ in range(3):
        results = step()
    return digest([module.numpy(result) for result in results])


# --- workloads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LIGHT)
def test_gradients_by_hand_agree(name):
    assert value("numpy-manual", name) == pytest.approx(value("tinygrad_edu", name), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("peer", [name for name in PEERS if name != "tinygrad_edu"])
def test_every_installed_library_agrees(peer):
    if not importlib.util.find_spec(PEERS[peer].package):
        pytest.skip(f"{peer} is not installed")
    with harness.Process(peer, 1) as process:
        for name in ("W6", "W7b"):
            expected = pytest.approx(value("tinygrad_edu", name), rel=1e-4)
            assert process.ask("prepare", case=name) == {"value": expected}


def test_the_weights_change_the_digest_and_so_does_their_order():
    a = np.array([1.0, -2.0, 3.0])
    assert digest([a]) == pytest.approx((1 + 2 * 2 + 3 * 3) / 3)
    assert digest([a[::-1]]) != digest([a]) != digest([a * 1.001])
    assert digest([np.array(-0.5)]) == -0.5


def test_first_weights_do_not_depend_on_the_library():
    made = WORKLOADS["W5"].weights(["0.weight", "0.bias", "1.weight"], [(4, 3, 5, 5), (4,), (4,)])
    assert made[0].std() == pytest.approx((2 / 75) ** 0.5, rel=0.1)
    assert made[1].tolist() == [0.0] * 4 and made[2].tolist() == [1.0] * 4
    assert all(array.dtype == np.float32 for array in made)


def test_the_loss_of_w6_is_that_of_its_formula():
    torch = load("tinygrad_edu").library
    workload: Training = replace(WORKLOADS["W6"], shape=(4, 256))
    compute, (w1, b1, w2, b2, x, _) = shaped.forward(torch, workload)
    arrays = [t.detach().numpy().astype(float) for t in (w1, b1, w2, b2, x)]
    w1, b1, w2, b2, x = arrays
    hidden = 1 / (1 + np.exp(-(x @ w1.T + b1)))
    out = 1 / (1 + np.exp(-(hidden @ w2.T + b2)))
    active, rho = hidden.mean(0), SPARSITY
    divergence = rho * np.log(rho / active) + (1 - rho) * np.log((1 - rho) / (1 - active))
    expected = ((out - x) ** 2).sum() / 8 + 3 * divergence.sum()
    expected += 0.0005 * ((w1**2).sum() + (w2**2).sum())
    assert compute().item() == pytest.approx(expected, rel=1e-5)


# --- ops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ops.OPS)
def test_every_op_runs_both_ways(name):
    forward, both = (value("tinygrad_edu", f"{name}/small/{way}") for way in ops.WAYS)
    assert 0 < abs(forward) < abs(both) or name in ("neg", "log")


@parity
@pytest.mark.parametrize("name", ops.OPS)
def test_ops_compute_what_pytorch_computes(name):
    case = f"{name}/small/both"
    assert value("tinygrad_edu", case) == pytest.approx(value("torch", case), rel=1e-4)


def test_op_tables_do_without_pytorch():
    results = {f"exp/medium/{way}": {"tinygrad_edu": {"times": [1e-6]}} for way in ops.WAYS}
    row = ops.size_table(results, "medium").splitlines()[-1]
    assert row.replace(" ", "") == "|exp|1.0|1.0|"


def test_op_tables_have_a_column_for_each_way_and_peer():
    times = {"torch": {"times": [2e-6]}, "tinygrad_edu": {"times": [1e-6, 3e-6, 1e-6]}}
    results = {f"x / y/{size}/{way}": times for size in ops.SIZES for way in ops.WAYS}
    head, _, row = ops.size_table(results, "small").splitlines()
    assert head.split("|")[1:5] == [" 4 x 4 ", " forward torch ", " forward tinygrad_edu ",
                                    " forward ratio "]  # fmt: skip
    assert row.replace(" ", "") == "|x/y|2.0|1.0|0.50|2.0|1.0|0.50|"


# --- processes ----------------------------------------------------------------------------------


def test_a_process_answers_until_it_dies():
    with harness.Process("numpy-manual", 1) as process:
        assert process.present and process.info["version"] == np.__version__
        assert process.ask("prepare", case="batch-2").keys() == {"value"}
        assert process.ask("prepare", case="add") == {"error": "KeyError: 'add'"}
        (taken,) = process.ask("measure", names=["batch-2"], seconds=0.0)["times"]
        assert taken > 0
        with pytest.raises(RuntimeError, match=r"numpy-manual: math:sqrt: ValueError: .*"):
            process.call("math:sqrt", -1.0)
        assert process.ask("call", function="os:_exit", arguments=[3]) == {
            "error": "its process ended with status 3"
        }
        assert process.ask("hello") == {"error": "its process ended with status 3"}


def test_a_library_that_is_not_installed_is_absent(monkeypatch, tmp_path):
    """A package in its place that cannot be imported does as well as none."""
    (tmp_path / "autograd.py").write_text("raise ImportError('no autograd')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with harness.Process("autograd", 1) as process:
        assert process.info == {"absent": "no autograd"} and not process.present


def test_peers_get_as_many_threads_each_and_numpy_its_own_kernels(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    made = harness.environment(2)
    assert [made[name] for name in harness.THREAD_VARIABLES] == ["2"] * 3
    assert "OPENBLAS_CORETYPE" not in made and made["PATH"] == os.environ["PATH"]
    assert "OPENBLAS_CORETYPE" in machine.describe(2)["removed_variables"]


def test_results_that_differ_do_not_count():
    results = {
        "torch": {"value": 2.0}, "a": {"value": 2.0001}, "b": {"value": 2.001},
        "c": {"value": float("nan")}, "d": {"error": "Oops"}, "e": {"absent": "not written"},
    }  # fmt: skip
    harness.compare(results)
    assert [peer for peer, result in results.items() if harness.sound(result)] == ["torch", "a"]
    assert results["b"]["disagrees"] == "2.001, expected 2"
    assert harness.failures({"W1": results}) == [
        "W1: b: 2.001, expected 2", "W1: c: nan, expected 2", "W1: d: Oops",
    ]  # fmt: skip


def test_times_are_taken_in_turns_and_only_of_what_agrees():
    asked = []

    class Fake:
        def __init__(self, peer, result):
            self.peer, self.result = peer, result

        def ask(self, question, **arguments):
            asked.append((self.peer, question, arguments.get("names")))
            return {"times": [1.0, 2.0]} if question == "measure" else dict(self.result)

    processes = [Fake("torch", {"value": 1.0}), Fake("x", {"value": 3.0}), Fake("y", {"value": 1})]
    results = harness.measure(processes, ["W1", "W2"], 2, 0.0)
    assert results["W2"]["torch"]["times"] == results["W2"]["y"]["times"] == [2.0, 2.0]
    assert "times" not in results["W1"]["x"]
    measured = [(peer, names) for peer, question, names in asked if question == "measure"]
    assert measured == [("torch", ["W1", "W2"]), ("y", ["W1", "W2"])] * 2


# --- the record, tables and pictures ------------------------------------------------------------


def record() -> dict:
    """As a run returns it, with round figures."""
    times = {"torch": [0.002, 0.004, 0.002], "tinygrad_edu": [0.001, 0.001, 0.003]}
    made = {peer: {"value": 1.0, "times": values} for peer, values in times.items()}
    sizes = dict.fromkeys(cases.scaling.CASES, made)
    return {
        "date": "2026-01-02T03:04:05+00:00", "rounds": 3,
        "command": "python -m benchmarks --out x --only W1 --write-docs",
        "machine": {**machine.describe(2), "load_before": 0.0, "cores": 2}, "errors": {},
        "peers": {"torch": {"version": "2"}, "tinygrad_edu": {"version": "1"},
                  "numpy-manual": {"version": "3"}, "jax": {"absent": "No module named 'jax'"}},
        "workloads": {"W1": {**made, "numpy-manual": {"value": 2.0, "disagrees": "2, expected 1"}},
                      "W8f": made, "W9": {**made, "numpy-manual": {"absent": "not written"}}},
        "scaling": sizes,
        "profile": {"W3": {"text": "op", "steps": 10, "bars": {"conv2d": [1.0, 2.0]},
                           "parts": ["forward", "backward"]}},
        "course": {"conv forward": {"naive": 5.0, "fast": 0.002}},
        "memory": {"W3": {"torch": {"peak": 2**21, "graph": 2**20},
                          "tinygrad_edu": {"peak": 2**20, "graph": 2**20}}},
        "start": {"torch": [2.0], "tinygrad_edu": [0.2]},
    }  # fmt: skip


def test_the_table_has_medians_spread_ratios_and_their_mean():
    text = report.main_table(record())
    assert (
        "| W1             | 2.00 [2.00–4.00] | 1.00 [1.00–3.00] **0.50** |    disagrees |" in text
    )
    assert (
        "| W9             | 2.00 [2.00–4.00] | 1.00 [1.00–3.00] **0.50** |            – |" in text
    )
    assert (
        "| geometric mean |         **1.00** |                  **0.50** |            – |" in text
    )


def test_a_peer_that_fails_in_a_later_round_has_no_ratio():
    made = record()
    ended = {"value": 1.0, "times": [0.001], "disagrees": "its process ended"}
    made["workloads"]["W9"]["tinygrad_edu"] = ended
    assert report.ratios(made["workloads"], "tinygrad_edu").keys() == {"W1", "W8f"}


def test_what_counts_in_the_mean():
    made = record()
    made["workloads"]["W8f"] = {
        "torch": {"times": [1.0]}, "tinygrad_edu": {"times": [100.0]},
    }  # fmt: skip
    assert "**0.50** |            – |" in report.main_table(made).splitlines()[-1]
    assert report.COUNTED == ["W1", "W2", "W2b", "W3", "W4", "W5", "W6", "W7", "W7b", "W8", "W8b",
                              "W9"]  # fmt: skip


def test_the_legend_names_machine_versions_and_what_is_missing():
    made = record()
    text = report.legend(made)
    assert "torch 2, tinygrad_edu 1, numpy-manual 3." in text and "Not installed: jax." in text
    assert "busy" not in text
    made["machine"]["load_before"] = 1.5
    assert "The machine was busy (load 1.5): take none of this for a result." in report.legend(made)


def test_other_tables():
    parts = report.parts(record())
    assert "| conv forward |       5000 |      2.00 |         2500 |" in parts[
        "The course's layers against their loops"
    ]  # fmt: skip
    assert "2.0 MB |            1.0 MB |       0.50 |" in parts["Memory of a training step"]
    assert "| tinygrad_edu |   0.200 | 0.200 | 0.200 |  0.10 |" in parts["Cold start"]


@pytest.mark.parametrize(
    "number, text", [(0.0291, "0.0291"), (4.514, "4.51"), (1234.5, "1234"), (0.0, "0.0")]
)
def test_numbers_are_short(number, text):
    assert table.short(number) == text


def test_pictures_and_page(tmp_path):
    target = tmp_path / "performance.md"
    start, end = page.MARKS
    target.write_text(f"# Title\n\n{start}\nstale\n{end}\n\nThe rest.\n", encoding="utf-8")
    page.write(record(), target)
    text = target.read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n\n{start}\n\nMeasured with `python -m benchmarks --only W1`")
    assert text.endswith(f"\n{end}\n\nThe rest.\n") and "stale" not in text
    for name in ("ratios", "growth", "profile", "course"):
        assert f"]({page.FOLDER}/{name}.png)" in text
        content = (tmp_path / page.FOLDER / f"{name}.png").read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) > 5000
    page.write(record(), target)
    assert target.read_text(encoding="utf-8") == text
    target.write_text("# Title\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"expected the lines '<!-- results: .* and '<!-- end"):
        page.write(record(), target)


def test_the_page_has_the_marks():
    text = page.PAGE.read_text(encoding="utf-8")
    assert all(text.count(f"\n{mark}\n") == 1 for mark in page.MARKS)
    assert all(f"| {name}" in text or f", {name} |" in text for name in WORKLOADS)


def test_without_times_there_is_no_picture_of_them(tmp_path):
    made = record()
    for peers in made["workloads"].values():
        for result in peers.values():
            result.pop("times", None)
    del made["scaling"], made["course"], made["profile"]
    assert pictures.write(made, tmp_path / "none") == [] and not (tmp_path / "none").exists()
    assert "agrees" in report.main_table(made) and "geometric" not in report.main_table(made)


# --- memory -------------------------------------------------------------------------------------


def test_the_graph_keeps_each_array_once():
    torch = load("tinygrad_edu").library
    x, w = torch.ones(100).requires_grad_(), torch.ones(100)
    product = x * w
    found = memory.recorded((product * product).sum())
    names = {id(x.array): "x", id(w.array): "w", id(product.array): "product"}
    assert sorted(names[key] for key in found) in (["product", "w", "x"], ["product", "w"])
    assert set(found.values()) == {400}


@parity
def test_the_graph_of_pytorch_is_counted_alike():
    ours, theirs = (sum(memory.kept(p, "W7b").values()) for p in ("tinygrad_edu", "torch"))
    hidden = 2 * 100 * 16 * 4  # the results of both ReLUs; in one the inputs may be kept as well
    assert hidden <= ours <= 2.5 * hidden and hidden <= theirs <= 2.5 * hidden


def test_the_peak_of_a_process_is_above_what_it_must_hold():
    with harness.Process("tinygrad_edu", 1) as process:
        used = process.call("benchmarks.memory:peak", "tinygrad_edu", "W1")
    weights = 3072 * 200 * 4
    assert 2 * weights < used["peak"] < 40 * weights  # and their gradients


# --- commands -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_quick_tells_whether_all_agree(tmp_path):
    arguments = [
        "--quick",
        "--only",
        "W6,W7b,profile,course,ops",
        "--threads",
        "1",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "benchmarks", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert list(made["workloads"]) == ["W6", "W7b"]
    assert made["workloads"]["W6"]["numpy-manual"].keys() == {"value"}
    assert made["course"].keys() == {"conv forward", "conv backward", "max_pool forward",
                                     "max_pool backward"}  # fmt: skip
    assert made["profile"]["W3"]["bars"]["conv2d"][1] > 0
    assert "| W7b" in done.stdout and "agrees" in done.stdout and "## Failures" not in done.stdout
    assert os.listdir(tmp_path) == ["record.json"]


def test_a_difference_or_a_failure_is_an_exit_status(monkeypatch, capsys, tmp_path):
    made = record()
    monkeypatch.setattr(run, "run", lambda *arguments: iter([made]))
    assert command.main(["--quick", "--out", str(tmp_path)]) == 1
    assert "## Failures\n\nW1: numpy-manual: 2, expected 1\n" in capsys.readouterr().out
    del made["workloads"]["W1"]
    assert command.main(["--quick", "--out", str(tmp_path)]) == 0
    made["errors"]["memory"] = "RuntimeError: no"
    assert command.main(["--record", str(tmp_path / "record.json"), "--out", str(tmp_path)]) == 0
    assert command.main(["--quick", "--out", str(tmp_path)]) == 1
    assert "memory: RuntimeError: no" in capsys.readouterr().out


def test_a_part_that_fails_does_not_take_the_rest_with_it(monkeypatch):
    monkeypatch.setattr(run.memory, "measure", lambda *a: (_ for _ in ()).throw(OSError("gone")))
    monkeypatch.setattr(run.start, "measure", lambda *a: {"torch": [1.0]})
    made = None
    for number, made in enumerate(run.run(["memory", "start"], [], 9, 1, True)):
        assert ("start" in made) == (number > 0)
    assert made["errors"] == {"memory": "OSError: gone"} and made["start"] == {"torch": [1.0]}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--only", "W1,W99"], "expected some of W1, .*, start, ops, got W99"),
        (["--peers", "pytorch"], "expected some of torch, tinygrad_edu, .*, got pytorch"),
        (["--rounds", "0"], "expected an integer of at least 1, got '0'"),
    ],
)
def test_wrong_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert re.search(message, capsys.readouterr().err)


@pytest.fixture
def ran(monkeypatch) -> list:
    """The commands that were run; none really is."""
    commands: list = []

    def ended(command, **how):
        commands.append((command, how))
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setattr(cli_bench.subprocess, "run", ended)
    return commands


def test_bench_is_the_command_of_the_checkout(ran):
    assert cli.main(["bench", "--only", "W1", "--quick"]) == 5
    ((given, how),) = ran
    assert given[1:] == ["-P", "-m", "benchmarks", "--only", "W1", "--quick"]
    assert how["env"]["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)


def test_bench_says_where_it_can_run(ran, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli_bench, "__file__", str(tmp_path / "lib" / "tinygrad_edu" / "x.py"))
    assert cli.main(["bench"]) == 2 and not ran
    assert capsys.readouterr().err == (
        "tinygrad-edu bench: error: the benchmarks are not installed with the package: run this in "
        "a checkout of its repository\n"
    )
    monkeypatch.chdir(ROOT)
    assert cli.main(["bench"]) == 5
