"""DataLoader's workers: the same batches whoever is faster, errors told, nothing left behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from source import ROOT
from worker_cases import (
    Broken,
    Dies,
    Draws,
    GlobalDraws,
    Hangs,
    Places,
    Range,
    Squares,
    fail_at_the_start,
    keep,
    narrow,
)

import tinygrad_edu as tg
from tinygrad_edu.datasets import DataLoader, TensorDataset, get_worker_info
from tinygrad_edu.modes import default_generator

both = pytest.mark.parametrize("worker", ["thread", "process"])


def loader(data, worker, batch_size=2, num_workers=2, **options):
    options.setdefault("collate_fn", keep)
    return DataLoader(data, batch_size, num_workers=num_workers, worker=worker, **options)


def alive() -> set:
    """The threads and processes of workers; the server that starts processes is no worker."""
    threads = {t for t in threading.enumerate() if t is not threading.main_thread()}
    return threads | set(multiprocessing.active_children())


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    before = alive()
    yield
    if alive() - before:  # a loop that a traceback still holds
        gc.collect()
    for worker in alive() - before:  # one that was told to end may still be at it
        worker.join(10)
    assert alive() <= before


# --- order ----------------------------------------------------------------------------------------


@both
def test_batches_come_in_order(worker):
    """Worker 0 is slow: its batches are waited for."""
    data = loader(Squares(11, pause=0.02), worker)
    squares = [i**2 for i in range(11)]
    assert list(data) == [squares[i : i + 2] for i in range(0, 11, 2)]
    assert len(data) == 6


@both
def test_the_same_batches_with_any_number_of_workers(worker):
    def batches(num_workers):
        tg.manual_seed(3)
        data = TensorDataset(tg.arange(20).reshape(10, 2), tg.arange(10))
        kind = worker if num_workers else "thread"
        shuffled = DataLoader(data, 3, shuffle=True, num_workers=num_workers, worker=kind)
        return [[part.tolist() for part in batch] for _ in range(2) for batch in shuffled]

    first = batches(0)
    assert first[:4] != first[4:]
    assert batches(2) == first
    if worker == "thread":
        assert batches(1) == batches(7) == first


def test_batch_i_is_made_by_worker_i_modulo_their_number():
    samples = [row for batch in loader(Places(12), "thread", 2, 3) for row in batch]
    assert [(index, id) for index, id, *_ in samples] == [(i, i // 2 % 3) for i in range(12)]
    assert len({thread for *_, thread in samples}) == 3
    assert all(process == os.getpid() for *_, process, _ in samples)
    assert len({seed - id for _, id, seed, *_ in samples}) == 1


def test_processes_are_other_processes():
    samples = [row for batch in loader(Places(4), "process", 1) for row in batch]
    assert [id for _, id, *_ in samples] == [0, 1, 0, 1]
    processes = {process for *_, process, _ in samples}
    assert len(processes) == 2 and os.getpid() not in processes


def test_at_most_prefetch_factor_batches_per_worker_are_begun():
    def run(prefetch_factor):
        begun, most = [], 0
        data = [None] * 30
        fetched = loader(
            data, "thread", 1, 3, collate_fn=begun.append, prefetch_factor=prefetch_factor
        )
        for given, _ in enumerate(fetched, 1):
            most = max(most, len(begun) - given)
        assert len(begun) == 30
        return most

    assert run(1) <= 3
    assert run(4) <= 12


def test_work_goes_on_while_the_loop_is_busy():
    begun = threading.Semaphore(0)
    batches = loader([0] * 4, "thread", 1, 1, collate_fn=lambda _: begun.release())
    iterator = iter(batches)
    next(iterator)
    for _ in range(3):  # the batch in hand, and two that wait
        assert begun.acquire(timeout=30)
    iterator.close()


def test_single_samples_and_custom_batches():
    data = Squares(5)
    assert list(DataLoader(data, None, num_workers=2)) == [0, 1, 4, 9, 16]
    groups = DataLoader(data, batch_sampler=[[4, 0], [2]], num_workers=2)
    assert [batch.tolist() for batch in groups] == [[16, 0], [4]]


def test_more_workers_than_batches_and_no_batches():
    assert list(loader(Squares(1), "thread", 2, 5)) == [[0]]
    assert list(loader(Squares(0), "thread")) == []


def test_two_loops_over_one_loader_do_not_disturb_each_other():
    data = loader(Squares(4), "thread", persistent_workers=True)
    pairs = [(a, b) for a in data for b in data]
    assert pairs == [(a, b) for a in [[0, 1], [4, 9]] for b in [[0, 1], [4, 9]]]


def test_gradients_reach_the_data_through_threads():
    x = tg.ones(4, requires_grad=True)
    data = [x[i] for i in range(4)]
    for i, batch in enumerate(DataLoader(data, 2, num_workers=2)):
        (batch * (i + 1)).sum().backward()
    assert x.grad.tolist() == [1, 1, 2, 2]


# --- random numbers -------------------------------------------------------------------------------


def drawn(worker, seed=5, data=None, epochs=2, **options):
    generator = tg.Generator().manual_seed(seed)
    batches = loader(data or Draws(8), worker, generator=generator, **options)
    return [list(batches) for _ in range(epochs)]


def test_what_workers_draw_depends_on_the_seed_alone():
    first = drawn("thread")
    assert drawn("thread", data=Draws(8, pause=0.02)) == first
    assert drawn("process") == first
    assert drawn("thread", seed=6) != first
    assert first[0] != first[1]
    assert len({number for epoch in first for batch in epoch for number in batch}) == 16


@both
def test_workers_that_stay_draw_the_same(worker):
    assert drawn(worker, persistent_workers=True) == drawn("thread")


def test_workers_leave_the_stream_of_the_main_program_alone():
    tg.manual_seed(1)
    data = loader(Draws(8), "thread", generator=tg.Generator())
    list(data)
    after = tg.rand(3).tolist()
    tg.manual_seed(1)
    assert tg.rand(3).tolist() == after


def test_a_worker_may_seed_itself():
    def init(worker):
        tg.manual_seed(100 + worker)

    state = default_generator.get_state()
    batches = list(loader(Draws(2), "thread", 1, worker_init_fn=init, generator=tg.Generator()))
    assert default_generator.get_state() == state
    expected = [[tg.rand((), generator=tg.Generator().manual_seed(100 + i)).item()] for i in (0, 1)]
    assert batches == expected


def test_in_processes_the_streams_of_python_and_numpy_are_seeded_too():
    first = drawn("process", data=GlobalDraws(4), epochs=1)
    assert drawn("process", data=GlobalDraws(4), epochs=1) == first
    assert len({number for batch in first[0] for pair in batch for number in pair}) == 8


# --- iterable data sets ---------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 4])
@pytest.mark.parametrize("drop_last", [False, True])
def test_an_iterable_without_workers(batch_size, drop_last):
    batches = [x.tolist() for x in DataLoader(Range(0, 7), batch_size, drop_last=drop_last)]
    end = 7 - 7 % batch_size if drop_last else 7
    assert batches == [list(range(i, min(i + batch_size, end))) for i in range(0, end, batch_size)]


@both
def test_an_iterable_shared_out_by_worker_info(worker):
    batches = loader(Range(0, 7, sharded=True), worker)
    assert list(batches) == [[0, 2], [1, 3], [4, 6], [5]]


@both
def test_an_iterable_shared_out_by_worker_init_fn(worker):
    """Each worker changes a data set of its own; the one outside stays."""
    data = Range(0, 8)
    batches = list(loader(data, worker, worker_init_fn=narrow))
    assert batches == [[0, 1], [3, 4], [2], [5, 6], [7]]
    assert (data.start, data.stop) == (0, 8)


def test_an_iterable_that_is_not_shared_out_comes_once_per_worker():
    assert sorted(x for (x,) in loader(Range(0, 3), "thread", 1)) == [0, 0, 1, 1, 2, 2]


def test_an_iterable_with_workers_that_stay_starts_again():
    batches = loader(Range(0, 4, sharded=True), "thread", 1, persistent_workers=True)
    assert list(batches) == list(batches) == [[0], [1], [2], [3]]


def test_single_samples_of_an_iterable():
    assert list(DataLoader(Range(2, 5), batch_size=None)) == [2, 3, 4]


def test_length_of_an_iterable():
    assert len(DataLoader(Range(0, 7), 2)) == 4
    assert len(DataLoader(Range(0, 7), 2, drop_last=True)) == 3
    assert len(DataLoader(Range(0, 7), None)) == 7


def test_more_batches_than_the_length_that_was_told():
    batches = loader(Range(0, 2), "thread", 1)
    assert len(batches) == 2
    with pytest.warns(UserWarning, match=r"was 2 when .* this is batch 3.*part of its own") as told:
        assert len(list(batches)) == 4
    assert len(told) == 1
    assert told[0].filename == __file__


@pytest.mark.parametrize("option", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_an_iterable_has_no_order_to_choose(option):
    (name,) = option
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {name} option"):
        DataLoader(Range(0, 3), **option)


# --- errors ---------------------------------------------------------------------------------------


@both
def test_an_error_comes_with_the_workers_traceback(worker):
    batches = loader(Broken(8, OSError("sample 3 cannot be read")), worker)
    iterator = iter(batches)
    assert next(iterator) == [0, 1]
    text = rf"(?s)Caught OSError in DataLoader worker {worker} 1\.\nOriginal Traceback.*"
    with pytest.raises(OSError, match=text + r"worker_cases\.py.*raise self\.error.*cannot be re"):
        next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


class Particular(Exception):
    def __init__(self, code, place):
        super().__init__(code, place)


@pytest.mark.parametrize(
    "error, kind",
    [
        (KeyError("name"), KeyError),
        (tg.ShapeError("shapes differ"), tg.ShapeError),
        (Particular(1, "here"), RuntimeError),
        (StopIteration("over"), RuntimeError),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_error_keeps_its_type_where_it_can(error, kind):
    batches = loader(Broken(8, error), "thread", 1)
    name = type(error).__name__
    with pytest.raises(kind, match=f"Caught {name} in DataLoader worker thread 1.\nOriginal") as e:
        list(batches)
    assert "\\n" not in str(e.value)


@both
def test_an_error_of_worker_init_fn(worker):
    with pytest.raises(LookupError, match=r"(?s)worker \w+ 0.*no data for worker 0"):
        list(loader(Squares(4), worker, worker_init_fn=fail_at_the_start))


def test_an_error_of_collate_fn_and_of_the_sampler():
    with pytest.raises(ZeroDivisionError, match="DataLoader worker thread 0"):
        list(loader(Squares(4), "thread", collate_fn=lambda batch: 1 / 0))

    def order():
        yield 0
        raise OSError("the order cannot be read")

    with pytest.raises(OSError, match=r"^the order cannot be read$"):
        list(loader(Squares(4), "thread", sampler=order()))


def test_what_cannot_be_pickled_is_named_with_the_cure():
    with pytest.raises(
        pickle.PicklingError, match=r"fit for pickle.*lambda.*top of a file.*worker='thread'"
    ):
        list(loader(Squares(4), "process", collate_fn=lambda batch: batch))


def test_a_worker_that_dies_is_named():
    with pytest.raises(RuntimeError, match=r"worker process 1 exited unexpectedly.*__main__"):
        list(loader(Dies(8), "process"))


def test_a_worker_that_hangs():
    """It is killed: the test would not end otherwise."""
    with pytest.raises(RuntimeError, match=r"timed out after 0.5 seconds, waiting for worker \d"):
        list(loader(Hangs(8), "process", timeout=0.5))


def test_a_thread_that_hangs():
    wait = threading.Event()
    batches = loader([0], "thread", 1, 1, collate_fn=lambda _: wait.wait(60), timeout=0.01)
    with pytest.raises(RuntimeError, match=r"timed out after 0\.01 seconds, waiting for worker 0"):
        list(batches)
    wait.set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "'num_workers': expected an integer of at least 0, got -1"),
        ({"num_workers": 1.0}, "'num_workers': expected an integer of at least 0, got 1.0"),
        ({"num_workers": 1, "timeout": -1}, "'timeout': expected seconds, at least 0, got -1"),
        ({"num_workers": 1, "prefetch_factor": 0}, "'prefetch_factor': expected a positive int"),
        ({"num_workers": 1, "worker": "fork"}, "'worker': expected 'thread' or 'process', got 'f"),
        ({"prefetch_factor": 2}, "prefetch_factor.* need num_workers > 0"),
        ({"persistent_workers": True}, "persistent_workers.* need num_workers > 0"),
        ({"timeout": 1}, "timeout need num_workers > 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(3), **options)


# --- the end --------------------------------------------------------------------------------------


@both
def test_a_loop_that_is_left_early_ends_its_workers(worker):
    before = alive()
    for batch in loader(Squares(1000), worker):
        assert batch == [0, 1]
        assert alive() > before
        break
    assert alive() == before


@both
def test_workers_that_stay(worker):
    """The same ones in each epoch, also after one that was left early; gone with the loader."""
    batches = loader(Places(4), worker, 1, persistent_workers=True)
    next(iter(batches))
    first, second = ({tuple(row[3:]) for (row,) in batches} for _ in range(2))
    assert first == second and len(first) == 2
    workers = set(multiprocessing.active_children())
    del batches
    gc.collect()
    for process in workers:
        process.join(30)
    assert not set(multiprocessing.active_children()) & workers


def test_workers_do_not_stay_after_an_error():
    before = alive()
    batches = loader(Broken(8, OSError("once")), "thread", persistent_workers=True)
    for _ in range(2):
        with pytest.raises(OSError, match="once"):
            list(batches)
        assert alive() == before


def test_a_context_asks_for_processes():
    context = multiprocessing.get_context("spawn")
    for given in ("spawn", context):
        batches = DataLoader(
            Places(1), collate_fn=keep, num_workers=1, multiprocessing_context=given
        )
        assert batches.worker == "process"
    ((row,),) = batches
    assert row[3] != os.getpid()


def test_the_main_program_is_no_worker():
    assert get_worker_info() is None
    assert list(loader(Places(2), "thread", 2, 0)) == [[(0, None), (1, None)]]


def script(body: str, path) -> list[str]:
    head = "import os, sys, time\nfrom tinygrad_edu.datasets import DataLoader\n"
    path.write_text(head + textwrap.dedent(body), encoding="utf-8")
    return [sys.executable, str(path)]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}


@pytest.mark.slow
@both
def test_a_program_may_end_in_the_middle_of_an_epoch(worker, tmp_path):
    body = f"""
    if __name__ == "__main__":
        batches = iter(DataLoader(range(1000), num_workers=2, worker={worker!r}))
        print(next(batches))
    """
    done = subprocess.run(
        script(body, tmp_path / "ends.py"),
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "tensor([0])\n", "")


@pytest.mark.slow
def test_a_script_without_a_guard_is_told(tmp_path):
    command = script("list(DataLoader([0], num_workers=1, worker='process'))", tmp_path / "bare.py")
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "under `if __name__ == '__main__':`, or use worker='thread'" in done.stderr


SLOW = """
class Slow:
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        time.sleep(0.05)
        return os.getpid()

if __name__ == "__main__":
    for batch in DataLoader(Slow(), num_workers=2, worker=sys.argv[1]):
        print(batch.item(), flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize(
    "worker, sent",
    [("thread", signal.SIGINT), ("process", signal.SIGINT), ("process", signal.SIGKILL)],
)
def test_an_interrupted_program_leaves_no_worker(worker, sent, tmp_path):
    command = [*script(SLOW, tmp_path / "slow.py"), worker]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment(), stdout=pipe, stderr=pipe, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    ) as program:  # fmt: skip
        assert program.stdout.readline()
        if sent == signal.SIGINT:  # as a terminal does: to all of them
            os.killpg(program.pid, sent)
        else:
            program.send_signal(sent)
        _, errors = program.communicate(timeout=60)  # it returns when nobody holds the pipes
    assert program.returncode == -sent
    if sent == signal.SIGINT:
        assert errors.rstrip().endswith("KeyboardInterrupt")
        assert errors.count("Traceback") == 1
