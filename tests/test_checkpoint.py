"""Nested state that comes back as it was, and training that goes on from it bit for bit."""

from __future__ import annotations

import contextlib
import io
import json
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import CheckpointError

STATE = {"epoch": 2, "model": {"0.weight": tg.arange(6.0).reshape(2, 3)}, "note": "whole"}


def same(a, b) -> bool:
    """Equal in type, structure and every bit."""
    if isinstance(a, tg.Tensor):
        x, y = a.array, b.array
        alike = x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
        return alike and a.requires_grad == b.requires_grad
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)  # tells -0.0 from 0.0, and nan is like nan


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
    tg.save(state, path)
    assert same(tg.load(path), state)


def test_a_state_with_odd_contents_comes_back_as_it_was(tmp_path):
    state = {
        "strided": tg.arange(12.0).reshape(3, 4)[:, ::2],
        "leaf": tg.ones(2, requires_grad=True),
        "extremes": (float("nan"), -0.0, 1e-320, 2**127 + 1, float("-inf")),
        "a": {"b": tg.zeros(1)},
        "a.b": tg.ones(1),  # reads like the one before
        "a.b_": tg.ones(1) * 2,
        "": tg.zeros(2),
        "__metadata__": tg.zeros(3),
        None: {True: 1, 2.5: 2},
    }
    tg.save(state, tmp_path / "c")
    assert same(tg.load(tmp_path / "c"), state)


def test_a_tensor_alone_and_a_binary_file_will_do():
    file = io.BytesIO()
    tg.save(tg.arange(3), file)
    file.seek(0)
    assert same(tg.load(file, map_location="cpu", weights_only=True), tg.arange(3))


def test_what_an_operation_made_comes_back_as_a_leaf():
    file = io.BytesIO()
    tg.save((tg.ones(2, requires_grad=True) * 2, tg.nn.Parameter(tg.ones(1))), file)
    file.seek(0)
    for tensor in tg.load(file):
        assert tensor.requires_grad
        assert tensor.is_leaf


def test_the_same_state_gives_the_same_file(tmp_path):
    for name in "abcd":
        tg.save(STATE, tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in "abcd"}) == 1


def test_tensors_have_readable_names(tmp_path):
    tg.save({"optimizer": {"state": {0: {"exp_avg": tg.ones(2)}}}}, tmp_path / "c")
    assert list(load_file(tmp_path / "c")) == ["optimizer.state.0.exp_avg"]


def test_a_state_dict_is_the_same_to_both_ways_of_reading(tmp_path):
    state = tg.nn.Linear(2, 1).state_dict()
    assert isinstance(state, OrderedDict)
    tg.save(state, tmp_path / "a")
    tg.save_file(state, tmp_path / "b")
    for read in (tg.load, tg.load_file):
        for name in "ab":
            loaded = read(tmp_path / name)
            assert same(dict(sorted(loaded.items())), dict(sorted(state.items())))


class Opaque:
    pass


loop: list = []
loop.append(loop)
REFUSED = {
    "an object": (Opaque(), TypeError, r"'obj': expected tensors, .*got a Opaque$"),
    "one inside": ({"a": [Opaque()]}, TypeError, r"'a\.0': .*got a Opaque$"),
    "a model": (nn.Linear(1, 1), TypeError, r"'obj': .*got a Linear; save its state_dict\(\)"),
    "an optimizer": (
        {"optimizer": optim.SGD([tg.ones(1)])}, TypeError,
        r"'optimizer': .*got a SGD; save its state_dict\(\)"),
    "a generator": ([tg.Generator()], TypeError, r"'0': .*; save its get_state\(\)"),
    "an array of text": ({"a": np.array(["b"])}, TypeError, r"'a': .*got <U1 elements"),
    "a key": ({(1, 2): 3}, TypeError, r"'obj': expected strings, .* as keys, got \(1, 2\)"),
    "a list in itself": (loop, ValueError, r"'obj': .*does not hold itself"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_saved_is_named_and_the_old_file_stays(kind, tmp_path):
    obj, error, message = REFUSED[kind]
    tg.save(STATE, tmp_path / "c")
    with pytest.raises(error, match="^save: argument " + message):
        tg.save(obj, tmp_path / "c")
    assert same(tg.load(tmp_path / "c"), STATE)
    assert len(list(tmp_path.iterdir())) == 1


def test_another_device_and_a_file_of_text_are_refused(tmp_path):
    tg.save(STATE, tmp_path / "c")
    with pytest.raises(ValueError, match="'cuda'"):
        tg.load(tmp_path / "c", map_location="cuda")
    with pytest.raises(TypeError, match=r"load: .*expected a file opened with 'rb'"):
        tg.load(io.StringIO("text"))


# --- files that are no checkpoint ---------------------------------------------------------------


def test_a_truncated_file_is_an_error_at_every_length(tmp_path):
    path = tmp_path / "c"
    tg.save(STATE, path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=r"c is damaged or not a safetensors file"):
            tg.load(path)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_another_value(place, value):
    file = io.BytesIO()
    tg.save(STATE, file)
    data = bytearray(file.getvalue())
    data[place % len(data)] = value
    with contextlib.suppress(CheckpointError):
        tg.load(io.BytesIO(data))


HOSTILE = {
    "no JSON": "{",
    "no such tensor": json.dumps({"tensor": "weight"}),
    "a whole number that wants a gradient": json.dumps({"leaf": "count"}),
    "an unknown kind": json.dumps({"pickle": "gASV"}),
    "two kinds": json.dumps({"tuple": [], "dict": []}),
    "no pairs": json.dumps({"dict": [[1, 2, 3]]}),
    "a key that is no key": json.dumps({"dict": [[[1], 2]]}),
    "a number of too many digits": "1" * 10_000,
    "endless nesting": "[" * 100_000,
}
FOREIGN = {
    name: save({"count": np.arange(2)}, metadata={"tinygrad_edu checkpoint 1": state})
    for name, state in HOSTILE.items()
} | {"a later format": save({}, metadata={"tinygrad_edu checkpoint 2": "{}"})}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_checkpoint_is_an_error(kind, tmp_path):
    path = tmp_path / "c"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(CheckpointError, match=r"c is damaged or not a checkpoint"):
        tg.load(path)
