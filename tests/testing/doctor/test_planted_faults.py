"""Faults planted in correct layers: the doctor names the wrong gradients, and the cause of most."""

from __future__ import annotations

import pytest
from student_faults import FAULTS, MISSED, PAIRS, Fault, draw, pair

from tinygrad_edu.testing import Diagnosis, diagnose


def examine(fault: Fault) -> Diagnosis:
    shapes, params = PAIRS[fault.pair]
    inputs = draw(*shapes)
    if fault.inputs:
        inputs = fault.inputs(*inputs)
    functions = pair(fault.pair, fault.old, fault.new)
    return diagnose(*functions, *inputs, **{**params, **fault.params})


def name(fault: Fault) -> str:
    return f"{fault.pair}: {fault.new.strip()[:50]}"


@pytest.mark.parametrize("fault", FAULTS, ids=name)
def test_names_the_wrong_gradients_and_the_cause(fault):
    found = examine(fault)
    assert found.wrong == [f"d{n}" for n in names(fault) if f"d{n}" in fault.causes], str(found)
    assert found.causes == fault.causes, str(found)
    for gradient in found.wrong:
        assert len(found.explain(gradient)) > 80


@pytest.mark.parametrize("fault", MISSED, ids=name)
def test_names_the_wrong_gradients_and_admits_not_to_know_the_cause(fault):
    found = examine(fault)
    assert set(found.wrong) == set(fault.causes), str(found)
    known = {n: cause for n, cause in found.causes.items() if cause != "unknown"}
    assert known.items() <= fault.causes.items(), str(found)
    assert known != fault.causes


def names(fault: Fault) -> list[str]:
    """The inputs of a pair, in order."""
    from inspect import signature

    forward, _ = pair(fault.pair)
    return list(signature(forward).parameters)


def test_the_corpus_is_large_and_few_causes_are_missed():
    assert len(FAULTS) >= 60
    assert len(MISSED) <= 0.1 * len(FAULTS)
    assert len({fault.pair for fault in FAULTS}) >= 12
    assert len({cause for fault in FAULTS for cause in fault.causes.values()}) >= 17
