"""Files written whole or not at all, and nested state that comes back as it was."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

import tinygrad_edu as tg
from tinygrad_edu.checkpoint import (
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
    save_weights,
    write_whole,
)

STATE = {"epoch": 2, "model": {"0.weight": tg.arange(6.0).reshape(2, 3)}, "note": "whole"}


def same(a, b) -> bool:
    """Equal in type, structure and every bit."""
    if isinstance(a, tg.Tensor):
        x, y = a.array, b.array
        return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)  # tells -0.0 from 0.0, and nan is like nan


# --- write_whole --------------------------------------------------------------------------------


def test_write_whole_replaces_and_leaves_nothing_else(tmp_path):
    write_whole(tmp_path / "a.txt", "first")
    write_whole(tmp_path / "a.txt", "größer".encode())
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "größer"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["write", "replace"])
def test_write_whole_that_fails_leaves_what_was_there(tmp_path, monkeypatch, step, error):
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    whole = Path.write_bytes

    def half(self, data):
        whole(self, data[: len(data) // 2])
        raise error

    def refuse(*paths):
        raise error

    if step == "write":
        monkeypatch.setattr(Path, "write_bytes", half)
    else:
        monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(type(error)):
        write_whole(path, "new and longer")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


# --- save and load ------------------------------------------------------------------------------

numbers = st.integers() | st.floats() | st.booleans() | st.none() | st.text()
arrays = st.builds(
    lambda shape, dtype: tg.from_numpy(np.arange(np.prod(shape), dtype=dtype).reshape(shape)),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u1"]),
)
states = st.recursive(
    numbers | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(state=states)
def test_a_state_comes_back_as_it_was(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "c.safetensors"
    save_checkpoint(path, {"state": state})
    assert same(load_checkpoint(path), {"state": state})


def test_a_state_with_odd_arrays_comes_back_as_it_was(tmp_path):
    whole = tg.arange(12.0).reshape(3, 4)
    state = {
        "transposed": whole.T,
        "strided": whole[:, ::2],
        "reversed": tg.from_numpy(np.arange(4)[::-1]),
        "scalar": tg.tensor(2.5, dtype=tg.float64),
        "none of it": tg.zeros(0, 3),
        "bools": tg.tensor([True, False]),
        "parameter": tg.ones(2, requires_grad=True),
        "extremes": (float("nan"), -0.0, 1e-320, 2**127 + 1, float("-inf")),
    }
    save_checkpoint(tmp_path / "c", state)
    loaded = load_checkpoint(tmp_path / "c")
    assert same(loaded, state)
    assert not loaded["parameter"].requires_grad


def test_paths_that_read_alike_stay_apart(tmp_path):
    state = {"a": {"b": tg.zeros(1)}, "a.b": tg.ones(1), "a.b_": tg.ones(1) * 2}
    save_checkpoint(tmp_path / "c", state)
    assert same(load_checkpoint(tmp_path / "c"), state)


def test_the_same_state_gives_the_same_file(tmp_path):
    for name in "abcd":
        save_checkpoint(tmp_path / name, STATE)
    assert len({(tmp_path / name).read_bytes() for name in "abcd"}) == 1


def test_tensors_have_readable_names(tmp_path):
    save_checkpoint(tmp_path / "c", {"optimizer": {"state": {0: {"exp_avg": tg.ones(2)}}}})
    assert list(load_file(tmp_path / "c")) == ["optimizer.state.0.exp_avg"]


def test_what_cannot_be_saved_is_named_and_the_old_file_stays(tmp_path):
    save_checkpoint(tmp_path / "c", STATE)
    with pytest.raises(TypeError, match=r"save_checkpoint: a\.0: expected tensors.*got object"):
        save_checkpoint(tmp_path / "c", {"a": [object()]})
    assert same(load_checkpoint(tmp_path / "c"), STATE)
    assert len(list(tmp_path.iterdir())) == 1


def test_weights_have_the_keys_of_the_state_dict(tmp_path):
    model = tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.ReLU(), tg.nn.Linear(2, 1))
    save_weights(tmp_path / "model.safetensors", model.state_dict())
    weights = load_file(tmp_path / "model.safetensors")
    assert sorted(weights) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(weights[name], tensor.numpy(force=True), strict=True)


# --- files that are no checkpoint ---------------------------------------------------------------


def test_a_truncated_file_is_an_error_at_every_length(tmp_path):
    path = tmp_path / "c"
    save_checkpoint(path, STATE)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=r"damaged or not a checkpoint"):
            load_checkpoint(path)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_another_value(place, value, tmp_path_factory):
    path = tmp_path_factory.mktemp("changed") / "c"
    save_checkpoint(path, STATE)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data)
    with contextlib.suppress(CheckpointError):
        load_checkpoint(path)


class Trap:
    """What a hostile pickle would do."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


FOREIGN = {
    "weights alone": save({"0.weight": np.zeros(2)}),
    "another program's": save({}, metadata={"format": "pt"}),
    "a later format": save({}, metadata={"tinygrad_edu checkpoint 2": "{}"}),
    "a pickle": pickle.dumps(Trap()),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "text": b"# notes\n" * 20,
}
HOSTILE_STATES = {
    "no JSON": "{",
    "no such tensor": json.dumps({"tensor": "weight"}),
    "an unknown kind": json.dumps({"pickle": "gASV"}),
    "two kinds": json.dumps({"tuple": [], "dict": []}),
    "no pairs": json.dumps({"dict": [[1, 2, 3]]}),
    "a key that is no key": json.dumps({"dict": [[[1], 2]]}),
    "endless nesting": "[" * 100_000,
}
FOREIGN |= {
    name: save({}, metadata={"tinygrad_edu checkpoint 1": state})
    for name, state in HOSTILE_STATES.items()
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_an_error(kind, tmp_path):
    path = tmp_path / "c"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(CheckpointError, match=r"c is (damaged or )?not a checkpoint"):
        load_checkpoint(path)


def test_a_missing_file_is_an_error_of_the_file_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "c")
    with pytest.raises(OSError, match=r"directory|Permission"):
        load_checkpoint(tmp_path)
