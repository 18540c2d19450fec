"""The pytest plugin: fixtures `rng` and `no_graph_leak`, words on tensors that differ, seeds.

It stands beside the package and not in it: pytest loads it in every run of an environment, and
should not have to load NumPy and the package (perhaps another copy than the one to be tested) for
tests that never use them. So whatever is more than a few lines is in `tinygrad_edu.testing`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest


def _seed(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 0, got {text!r}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("tinygrad_edu").addoption(
        "--gradcheck-seed", type=_seed, default=0, metavar="N",
        help="seed of the random directions of gradcheck and gradgradcheck, and of the fixture rng",
    )  # fmt: skip


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> Any:
    """A NumPy generator of random numbers: the same in every run, or those of --gradcheck-seed."""
    import numpy as np

    return np.random.default_rng(request.config.getoption("--gradcheck-seed"))


@pytest.fixture(scope="session")  # the hook below works for each test; hypothesis takes no narrower
def no_graph_leak() -> None:
    """Fail a test that leaves nodes of a graph alive, as a list of losses with graphs does."""


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    with ExitStack() as stack:
        if seed := item.config.getoption("--gradcheck-seed"):
            from tinygrad_edu.gradcheck import directions_from

            stack.enter_context(directions_from(seed))
        if "no_graph_leak" in getattr(item, "fixturenames", ()):
            from tinygrad_edu.testing.leaks import no_graph_leak

            stack.enter_context(no_graph_leak())
        try:
            return (yield)
        except (AssertionError, ValueError) as error:
            if "tinygrad_edu" in sys.modules:
                from tinygrad_edu.testing.assertions import explain

                for line in explain(error):
                    error.add_note(line)
            raise
