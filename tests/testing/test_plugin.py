"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from source import ROOT

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest with the plugin on the text of a file of tests; what it printed."""

    def run(tests: str, *options: str) -> pytest.RunResult:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        pytester.makepyfile("import tinygrad_edu as tg\n" + tests)
        plain = ("-p", "tinygrad_edu_pytest", "-p", "no:cacheprovider", "-W", "error")
        return pytester.runpytest_subprocess(*plain, *options)

    return run


# --- assertions -----------------------------------------------------------------------------------

ASSERTIONS = """
a = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
b = a + tg.tensor([0.0, 0.5])

def test_equal_signs():
    assert a == b

def test_numbers():
    assert a[0, 1] == b[0, 1]

def test_close():
    assert tg.allclose(a, b, rtol=0, atol=0.25), "my message"

def test_helper():
    def check(left, right):
        assert left.allclose(right)
    check(a, b)

def test_all():
    assert (
        a == b
    ).all()

def test_shapes():
    c = tg.ones(3)
    assert tg.equal(a, c)

def test_calls():
    assert tg.allclose(a.exp(), b.exp())

def test_others():
    assert 1 == 2
"""


def test_failed_assertions_say_where_tensors_differ(run):
    result = run(ASSERTIONS, "--tb=short", "-rN")
    result.assert_outcomes(failed=8)
    reports = "\n".join(result.outlines).split("\n_____")
    said = "2 of 4 elements differ (50%), the largest difference is 0.5, at (0, 1)"
    where = "(0, 1): 2.0 and 2.5", "(1, 1): 4.0 and 4.5"
    for report in (reports[1], *reports[3:6]):
        assert said in report, report
        assert all(place in report for place in where)
    assert "is ambiguous" in reports[1]
    assert "assert tg.equal(a, b), or (a == b).all()" in reports[1]
    assert "assert tensor(2.) == tensor(2.5000)" in reports[2]
    assert "the difference is 0.5" in reports[2]
    assert "my message" in reports[3]
    assert "the shapes differ: (2, 2) and (3,)" in reports[6]
    for report in reports[7:]:
        assert "elements differ" not in report


# --- fixtures -------------------------------------------------------------------------------------

LEAKS = """
import pytest
from hypothesis import given, strategies as st

kept = []

def leaf():
    return tg.ones(2, requires_grad=True)

def test_one_graph_is_kept(no_graph_leak):
    kept.append((leaf() * 2).sum())

def test_a_global_keeps_a_graph(no_graph_leak):
    global loss
    loss = leaf() * 2

@given(st.integers())
def test_drawn(no_graph_leak, number):
    kept.append(leaf() * number)

def test_nothing_stays(no_graph_leak):
    x = leaf()
    loss = (x * x).sum()
    loss.backward()
    kept.append(loss.item())
    kept.append(leaf())  # a parameter may stay

def test_a_cycle_is_no_leak(no_graph_leak):
    cycle = [leaf() * 2]
    cycle.append(cycle)

def test_a_fixture_may_hold_a_graph(held, no_graph_leak):
    held.sum().backward()

@pytest.fixture
def held():
    return leaf() * 2

def test_not_asked_for():
    kept.append(leaf() * 2)

def test_a_failure_stays_what_it_was(no_graph_leak):
    kept.append(leaf() * 2)
    raise KeyError("mine")
"""


def test_graphs_that_stay_alive_fail_a_test(run):
    result = run(LEAKS, "--tb=line", "-rN")
    result.assert_outcomes(failed=4, passed=4)
    text = result.stdout.str()
    assert "2 nodes of a graph still alive, the youngest <SumBackward0> of shape ()" in text
    assert "1 node of a graph still alive, the youngest <MulBackward0> of shape (2,)" in text
    assert "in a list of 1" in text
    assert "'loss' of module test_graphs_that_stay_alive_fail_a_test" in text
    assert "Keep loss.item() or loss.detach() in place of loss" in text
    assert "KeyError: 'mine'" in text


SEEDS = """
import numpy as np

def test_rng(rng):
    print("drew", rng.integers(10**6))
    assert isinstance(rng, np.random.Generator)

def test_directions():
    directions = []
    def function(x):
        directions.append(float(x.detach().sum()))
        return x * x
    x = tg.zeros(3000, dtype=tg.float64, requires_grad=True)
    assert tg.gradcheck(function, x)
    print("moved", max(directions))
"""


def drawn(result: pytest.RunResult) -> list[str]:
    result.assert_outcomes(passed=2)
    return re.findall("(?:drew|moved) .*", result.stdout.str())


def test_a_seed_changes_what_rng_and_gradcheck_draw(run):
    usual = drawn(run(SEEDS, "-s"))
    seven = drawn(run(SEEDS, "-s", "--gradcheck-seed=7"))
    assert len(usual) == len(seven) == 2
    assert all(a != b for a, b in zip(usual, seven, strict=True))
    assert drawn(run(SEEDS, "-s", "--gradcheck-seed=0")) == usual
    assert drawn(run(SEEDS, "-s", "--gradcheck-seed=7")) == seven


@pytest.mark.parametrize("wrong", ["-1", "x", "1.5"])
def test_a_seed_is_a_whole_number(run, wrong):
    result = run(SEEDS, f"--gradcheck-seed={wrong}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"expected a whole number from 0, got '{wrong}'" in result.stderr.str()


# --- what loading it costs ------------------------------------------------------------------------


def test_it_is_an_entry_point_beside_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    name = "tinygrad_edu_pytest"
    assert project["project"]["entry-points"]["pytest11"] == {name: name}
    assert project["tool"]["setuptools"]["py-modules"] == [name]
    assert (ROOT / f"{name}.py").is_file()


def test_loading_it_loads_no_package():
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import tinygrad_edu_pytest\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        timeout=300,
    )  # fmt: skip
    assert done.stdout.split() == ["tinygrad_edu_pytest"]


def test_tests_without_the_package_run_without_it(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        "import sys\n"
        "def test():\n"
        "    assert not {'numpy', 'tinygrad_edu', 'hypothesis'} & set(sys.modules)\n"
    )
    plain = ("-p", "tinygrad_edu_pytest", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*plain).assert_outcomes(passed=1)
