"""Our threads: how work is split, what becomes of errors and settings, and that bits stay."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import nullcontext

import numpy as np
import pytest
import threadpoolctl
from source import ROOT

import tinygrad_edu as tg
from tinygrad_edu import threads
from tinygrad_edu.errors import DTypeError, SettingError
from tinygrad_edu.kernels import conv_im2col
from tinygrad_edu.ops import choose


@pytest.fixture(autouse=True)
def _keep_the_number():
    before = tg.get_num_threads()
    yield
    tg.set_num_threads(before)


@pytest.fixture
def eager(monkeypatch):
    """Split everything, however small, over three threads."""
    monkeypatch.setattr(threads, "_LEAST", 1)
    tg.set_num_threads(3)


def test_the_default_is_what_the_process_may_use():
    code = "import tinygrad_edu as tg; print(tg.get_num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(done.stdout) == usable


@pytest.mark.parametrize("num, error", [(0, SettingError), (-1, SettingError), (2.0, DTypeError),
                                        (True, DTypeError), (None, DTypeError)])  # fmt: skip
def test_a_wrong_number_is_refused_and_changes_nothing(num, error):
    tg.set_num_threads(2)
    with pytest.raises(error, match=r"set_num_threads: argument 'num': expected .*, got"):
        tg.set_num_threads(num)
    assert tg.get_num_threads() == 2


@pytest.mark.parametrize("count", [1, 2, 3, 4, 10])
def test_the_parts_cover_all_once_and_in_order(eager, count):
    shares = threads.split(lambda part: range(count)[part], count, work=1)
    assert [i for share in shares for i in share] == list(range(count))
    assert len(shares) == min(3, count) and all(len(share) for share in shares)


def test_parts_run_in_threads_of_their_own(eager):
    barrier = threading.Barrier(3, timeout=30)  # passed only if all three wait at once

    def number(part):
        barrier.wait()
        return threading.get_ident()

    assert len(set(threads.split(number, 3, work=1))) == 3


def test_small_work_is_not_split():
    tg.set_num_threads(3)
    assert threads.split(lambda part: part, 10, work=1000) == [slice(0, 10)]
    assert threads.split(lambda part: part, 0, work=10**12) == [slice(0, 0)]


def test_one_thread_splits_nothing(eager):
    tg.set_num_threads(1)
    assert threads.split(lambda part: part, 10, work=10**12) == [slice(0, 10)]


def test_what_is_split_is_not_split_again(eager):
    def inner(part):
        return threads.split(lambda p: p, 6, work=1)

    assert threads.split(inner, 3, work=1) == [[slice(0, 6)]] * 3


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_comes_back_and_the_pool_goes_on(eager, failing):
    def work(part):
        if part.start == failing:
            raise KeyError(part.start)
        return part.start

    with pytest.raises(KeyError, match=str(failing)):
        threads.split(work, 3, work=1)
    assert threads.split(lambda part: part.start, 3, work=1) == [0, 1, 2]


def test_the_context_of_the_caller_holds(eager):
    with np.errstate(over="raise"):
        found = threads.split(lambda part: np.geterr()["over"], 3, work=1)
    assert found == ["raise"] * 3


def test_the_blas_works_alone_inside_and_is_put_back(eager):
    def numbers():
        return [lib["num_threads"] for lib in threadpoolctl.threadpool_info()
                if lib["user_api"] == "blas" and "numpy" in lib["filepath"]]  # fmt: skip

    if not numbers():
        pytest.skip("threadpoolctl does not know NumPy's BLAS here")
    for failing in (False, True):
        with threadpoolctl.threadpool_limits(2, user_api="blas"):
            before = numbers()

            def inside(part, failing=failing):
                seen = numbers()
                if failing:
                    raise KeyError(seen)
                return seen

            if failing:
                with pytest.raises(KeyError):
                    threads.split(inside, 2, work=1)
            else:
                assert all(set(seen) == {1} for seen in threads.split(inside, 2, work=1))
            assert numbers() == before


@pytest.mark.parametrize("shape", [(7, 5, 3), (3, 5, 7), (1, 4, 1), (6, 0, 2)])
@pytest.mark.parametrize("turned", [False, True])
def test_products_of_matrices_are_the_same(eager, monkeypatch, rng, shape, turned):
    monkeypatch.setattr(threads, "_SINGLE", 0)
    threads.split(lambda part: part, 3, work=1)  # from now on products are split as well
    n, k, m = shape
    a, b = rng.standard_normal((n, k)), rng.standard_normal((k, m))
    if turned:
        a, b = np.ascontiguousarray(a.T).T, np.ascontiguousarray(b.T).T
    np.testing.assert_allclose(threads.matmul(a, b), np.matmul(a, b), rtol=0, atol=1e-12)


@pytest.mark.parametrize("left, right", [((7,), (7, 3)), ((7, 3), (3,)), ((2, 4, 3), (2, 3, 5)),
                                         ((4, 3), (3, 5))])  # fmt: skip
def test_every_product_holds_the_blas_once_work_was_split(eager, monkeypatch, rng, left, right):
    monkeypatch.setattr(threads, "_SINGLE", 0)
    threads.split(lambda part: part, 3, work=1)
    held = []
    monkeypatch.setattr(threads, "_blas_alone", lambda: held.append(1) or nullcontext())
    a, b = rng.standard_normal(left), rng.standard_normal(right)
    np.testing.assert_allclose(threads.matmul(a, b), np.matmul(a, b), rtol=0, atol=1e-12)
    assert held == [1]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_give_the_same_bits_every_time(eager, rng, groups, stride):
    how = ((stride, stride), (1, 1), (1, 1), groups)
    x, w = rng.standard_normal((7, 8, 6, 6)), rng.standard_normal((4, 8 // groups, 3, 3))
    bias = rng.standard_normal(4)

    def everything():
        out = conv_im2col.conv2d(x, w, *how, bias)
        return (out, conv_im2col.conv2d_input_grad(out, w, x.shape, *how),
                conv_im2col.conv2d_weight_grad(x, out, w.shape, *how))  # fmt: skip

    split = everything()
    for _ in range(20):
        for a, b in zip(everything(), split, strict=True):
            assert np.array_equal(a, b)
    tg.set_num_threads(1)
    for a, b in zip(everything(), split, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0)])
def test_what_is_kept_of_an_array_is_the_same(eager, monkeypatch, rng, order):
    monkeypatch.setattr(choose, "_LARGE", 1)
    x = rng.standard_normal((5, 4, 3)).astype(np.float32)
    x[0, 0] = np.inf, np.nan, -np.inf
    x = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    mask = rng.random((5, 4, 3)) < 0.5
    kept = choose.keep(tg.tensor(x), tg.tensor(mask)).numpy()
    assert np.array_equal(kept, np.where(mask, x, 0), equal_nan=True)
    row = choose.keep(tg.tensor(x), tg.tensor(mask[:1])).numpy()
    assert np.array_equal(row, np.where(mask[:1], x, 0), equal_nan=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_makes_threads_of_its_own():
    code = (
        "import os, sys\n"
        "from tinygrad_edu import threads\n"
        "threads._LEAST = 1; threads.set_num_threads(2)\n"
        "work = lambda: threads.split(lambda part: part.start, 2, work=1)\n"
        "assert work() == [0, 1]\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if work() == [0, 1] else 1)\n"
        "sys.exit(os.waitpid(child, 0)[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0
