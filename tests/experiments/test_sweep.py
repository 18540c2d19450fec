"""Sweeps: the same results whoever makes the trials, and an end whatever goes wrong."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from trial_cases import draw, leave, refuse, threads

import tinygrad_edu as tg
from tinygrad_edu.experiments import Options, SweepError, sweep

SETTINGS = [{"n": 1}, {"n": 3}, {"n": 2}]


def test_results_come_in_the_order_of_the_settings():
    assert sweep(lambda n, m=1: n * m, [{"n": 2}, {"n": 3, "m": 5}], workers=1) == [2, 15]
    assert sweep(draw, [], workers=2) == []


def test_every_trial_starts_from_the_seed():
    results = sweep(draw, SETTINGS, seed=7, workers=1)
    for drawn in results:
        generator = tg.Generator().manual_seed(7)
        assert drawn == tg.rand(len(drawn), generator=generator).tolist()
    assert sweep(draw, SETTINGS, seed=8, workers=1) != results


@pytest.mark.slow
def test_whoever_makes_the_trials_the_numbers_are_the_same():
    alone = sweep(draw, SETTINGS, seed=7, workers=1)
    assert sweep(draw, SETTINGS, seed=7, workers=2) == alone
    with ThreadPoolExecutor(3) as pool:
        assert sweep(draw, SETTINGS, seed=7, executor=pool) == alone
        assert pool.submit(int).result() == 0  # it is left open
    assert not multiprocessing.active_children()


def test_the_caller_draws_on_as_if_nothing_had_been():
    tg.manual_seed(0)
    wanted = tg.rand(2).tolist()
    tg.manual_seed(0)
    sweep(draw, SETTINGS, seed=7, workers=1)
    assert tg.rand(2).tolist() == wanted


@pytest.mark.parametrize("threaded", [False, True])
def test_a_trial_that_fails_ends_the_sweep(threaded):
    begun = []

    def trial(n):
        begun.append(n)
        time.sleep(0.01 * (n > 2))  # so that the failure is seen before all is done
        return refuse(n)

    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="two is too many"):
        sweep(trial, [{"n": n} for n in range(100)], workers=1, executor=pool if threaded else None)
    assert begun[:3] == [0, 1, 2] and len(begun) < 100


@pytest.mark.slow
def test_processes_are_gone_after_a_failure():
    with pytest.raises(ValueError, match="two is too many"):
        sweep(refuse, SETTINGS, workers=2)
    with pytest.raises(SweepError, match="sweep: a process ended by itself: it was killed, or"):
        sweep(leave, SETTINGS, workers=2)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_process_does_linear_algebra_in_one_thread(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert sweep(threads, SETTINGS[:2], workers=2) == [("1", 1)] * 2
    assert "OPENBLAS_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert sweep(threads, SETTINGS[:2], workers=2) == [("2", 1)] * 2


def test_no_worker_is_refused():
    with pytest.raises(ValueError, match="sweep: argument 'workers': expected at least 1, got 0"):
        sweep(draw, SETTINGS, workers=0)


def test_options_sweep_as_they_say():
    with ThreadPoolExecutor(1) as pool:
        results = [
            Options(seed=7, **who).sweep(draw, SETTINGS)
            for who in ({"workers": 1}, {"quick": True}, {"executor": pool})
        ]
    assert results == [sweep(draw, SETTINGS, seed=7, workers=1)] * 3
