"""Files written whole or not at all; named tensors in safetensors; files that are none."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import tinygrad_edu as tg
from tinygrad_edu.errors import CheckpointError
from tinygrad_edu.files import write_whole

ODD = {
    "transposed": tg.arange(12.0).reshape(3, 4).T,
    "strided": tg.arange(12.0).reshape(3, 4)[:, ::2],
    "reversed": tg.from_numpy(np.arange(4)[::-1]),
    "expanded": tg.ones(1, 3).expand(2, 3),
    "scalar": tg.tensor(2.5, dtype=tg.float64),
    "none of it": tg.zeros(0, 3),
    "bools": tg.tensor([True, False]),
    "parameter": tg.ones(2, requires_grad=True),
    "half": tg.tensor([0.1, 65504.0], dtype=tg.float16),
    "bytes": tg.tensor([0, 255], dtype=tg.uint8),
    "big-endian": tg.from_numpy(np.array([1.5, 2.5], ">f4")),
    "extremes": tg.tensor([float("nan"), -0.0, float("-inf"), 1e-45]),
}


def same(a: tg.Tensor, b: tg.Tensor) -> bool:
    """Equal in type, shape and value, bit for bit."""
    x, y = a.numpy(force=True), b.numpy(force=True)
    native = x.astype(x.dtype.newbyteorder("="))
    return native.dtype == y.dtype and x.shape == y.shape and native.tobytes() == y.tobytes()


# --- written whole ------------------------------------------------------------------------------


def test_write_whole_replaces_and_leaves_nothing_else(tmp_path):
    write_whole(tmp_path / "a.txt", "first")
    write_whole(tmp_path / "a.txt", "größer".encode())
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "größer"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_write_whole_has_the_permissions_of_any_new_file(tmp_path):
    write_whole(tmp_path / "whole", "")
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_write_whole_keeps_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "a.txt")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "a.txt").read_text() == "new"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, step, error):
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def refuse(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(type(error)):
            write_whole(path, "new and longer")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_file_that_grows_too_large_leaves_what_was_there(tmp_path):
    """The system itself refuses, in the middle of the data."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "a"
    tg.save_file({"a": tg.zeros(3)}, path)
    old = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match=r"too large: '.*/a'"):
            tg.save_file({"a": tg.zeros(10_000)}, path)
        with pytest.raises(OSError, match=r"too large: '.*/a'"):
            tg.save({"a": tg.zeros(10_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match=r"nowhere/a'$"):
        tg.save_file({}, tmp_path / "nowhere" / "a")
    with pytest.raises(NotADirectoryError, match=r"file/a'$"):
        tg.save({}, tmp_path / "file" / "a")
    with pytest.raises(IsADirectoryError):
        tg.save({}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_locked_folder_is_an_error_and_keeps_its_file(tmp_path):
    tg.save_file({"a": tg.ones(2)}, tmp_path / "a")
    tmp_path.chmod(0o555)
    with pytest.raises(PermissionError, match=r"/a'$"):
        tg.save_file({}, tmp_path / "a")
    assert list(tg.load_file(tmp_path / "a")) == ["a"]


# --- named tensors ------------------------------------------------------------------------------


def test_tensors_of_every_kind_come_back_as_they_were(tmp_path):
    tg.save_file(ODD, tmp_path / "a")
    loaded = tg.load_file(tmp_path / "a", device="cpu")
    assert sorted(loaded) == sorted(ODD)
    for name, tensor in ODD.items():
        assert same(tensor, loaded[name]), name
        assert not loaded[name].requires_grad
        loaded[name].zero_()  # its memory is its own


def test_arrays_and_metadata_are_written(tmp_path):
    tg.save_file({"a": np.arange(3)}, tmp_path / "a", metadata={"format": "pt", "by": "me"})
    with safetensors.safe_open(tmp_path / "a", framework="numpy") as file:
        assert file.metadata() == {"format": "pt", "by": "me"}
    assert tg.load_file(tmp_path / "a")["a"].tolist() == [0, 1, 2]


def test_weights_have_the_keys_of_the_state_dict(tmp_path):
    model = tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.ReLU(), tg.nn.Linear(2, 1))
    tg.save_file(model.state_dict(), tmp_path / "a")
    weights = safetensors.numpy.load_file(tmp_path / "a")
    assert sorted(weights) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(weights[name], tensor.numpy(force=True), strict=True)


REFUSED = {
    "a model": (tg.nn.Linear(1, 1), r"'tensors': .*got Linear; give its state_dict\(\)"),
    "a list": ([tg.ones(2)], r"'tensors': expected a dict of names and tensors, got list"),
    "a number": ({"epoch": 3}, r"tensors\['epoch'\].*got a int; tg.save takes nested states"),
    "a nested dict": ({"model": {}}, r"tensors\['model'\].*got a dict; tg.save takes"),
    "a number as name": ({0: tg.ones(2)}, r"expected names as keys, got 0"),
    "the name of the metadata": ({"__metadata__": tg.ones(2)}, r"got '__metadata__'"),
    "text": ({"a": np.array(["b"])}, r"'a': expected numbers .*got <U1 elements"),
    "complex": ({"a": np.ones(2, complex)}, r"'a': expected numbers .*got complex128 elements"),
    "long doubles": ({"a": np.ones(2, np.longdouble)}, r"at most 64 bits"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_saved_is_named_and_the_old_file_stays(kind, tmp_path):
    tensors, message = REFUSED[kind]
    tg.save_file({"a": tg.ones(1)}, tmp_path / "a")
    with pytest.raises(TypeError, match="^save_file: .*" + message):
        tg.save_file(tensors, tmp_path / "a")
    assert list(tg.load_file(tmp_path / "a")) == ["a"]


def test_metadata_that_is_not_text_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"'metadata': expected text under names, got .'epoch': 3"):
        tg.save_file({}, tmp_path / "a", metadata={"epoch": 3})
    assert not list(tmp_path.iterdir())


def test_another_device_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'cuda'"):
        tg.load_file(tmp_path / "a", device="cuda")


# --- files of others ----------------------------------------------------------------------------


def crafted(header: dict | bytes, data: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: list, start: int, end: int) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_bfloat16_becomes_float32(tmp_path):
    values = np.array([1.0, -0.375, 3e38, np.inf, 0.0], np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    expected = (halves.astype(np.uint32) << 16).view(np.float32)
    (tmp_path / "a").write_bytes(crafted({"a": entry("BF16", [5], 0, 10)}, halves.tobytes()))
    loaded = tg.load_file(tmp_path / "a")["a"]
    assert loaded.dtype == tg.float32
    assert loaded.tolist() == expected.tolist()


def test_a_bool_is_true_or_false(tmp_path):
    (tmp_path / "a").write_bytes(crafted({"a": entry("BOOL", [3], 0, 3)}, b"\x00\x01\x07"))
    assert (tg.load_file(tmp_path / "a")["a"] == tg.tensor([False, True, True])).all()


def test_names_are_only_names(tmp_path):
    names = ["../outside", "/tmp/outside", "a/b", "C:\\a", "\x00", ""]
    tg.save_file({name: tg.ones(1) for name in names}, tmp_path / "a")
    assert sorted(tg.load_file(tmp_path / "a")) == sorted(names)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


class Trap:
    """What a hostile pickle would do."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def torch_zip() -> bytes:
    """A file laid out as those of `torch.save` are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Trap()))
        archive.writestr("model/byteorder", "little")
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.ones(2))
    return file.getvalue()


F32 = entry("F32", [1], 0, 4)
ANOTHER = "damaged or not a safetensors file"
HOSTILE = {
    "an empty file": (b"", ANOTHER),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), ANOTHER),
    "text": (b"# notes\n" * 20, ANOTHER),
    "NumPy's zip": (npz(), ANOTHER),
    "a zip by torch.save": (torch_zip(), "a pickle.*safetensors.torch.save_file"),
    "a pickle": (pickle.dumps(Trap()), "a pickle, as torch.save"),
    "a huge header": ((2**62).to_bytes(8, "little") + b"{}", "header too large"),
    "a header longer than the file": ((99).to_bytes(8, "little") + b"{}", ANOTHER),
    "no JSON": (crafted(b"{"), ANOTHER),
    "endless nesting": (crafted(b'{"a":' + b"[" * 100_000), ANOTHER),
    "a name twice": (
        crafted(b'{"a":%b,"a":%b}' % ((json.dumps(F32).encode(),) * 2), bytes(4)),
        "its header has a name twice",
    ),
    "metadata twice": (crafted(b'{"__metadata__":{"a":"1","a":"2"}}'), "a name twice"),
    "metadata that is no text": (crafted({"__metadata__": {"a": {}}}), ANOTHER),
    "overlapping data": (crafted({"a": F32, "b": F32}, bytes(4)), "invalid offset for tensor"),
    "a hole": (crafted({"a": entry("F32", [1], 4, 8)}, bytes(8)), "invalid offset"),
    "data outside": (crafted({"a": entry("F32", [9], 0, 36)}, bytes(4)), ANOTHER),
    "data that belong to nothing": (crafted({"a": F32}, bytes(5)), ANOTHER),
    "a shape that overflows": (crafted({"a": entry("F32", [2**62] * 2, 0, 4)}, bytes(4)), ANOTHER),
    "a huge shape without elements": (crafted({"a": entry("F32", [0, 2**62], 0, 0)}), ANOTHER),
    "a negative size": (crafted({"a": entry("F32", [-1], 0, 4)}, bytes(4)), ANOTHER),
    "a hundred dimensions": (crafted({"a": entry("F32", [1] * 100, 0, 4)}, bytes(4)), ANOTHER),
    "an unknown dtype": (crafted({"a": entry("X32", [1], 0, 4)}, bytes(4)), ANOTHER),
    "eight bits of float": (
        crafted({"a": entry("F8_E4M3", [4], 0, 4)}, bytes(4)),
        "tensor 'a' has the dtype F8_E4M3, which is not there",
    ),
    "complex numbers": (crafted({"a": entry("C64", [1], 0, 8)}, bytes(8)), "the dtype C64"),
}


@pytest.mark.parametrize("load", [tg.load_file, tg.load])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_wrong_or_hostile_file_is_an_error(kind, load, tmp_path):
    data, message = HOSTILE[kind]
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(CheckpointError, match=f"/a is .*{message}"):
        load(tmp_path / "a")


def test_a_truncated_file_is_an_error_at_every_length(tmp_path):
    path = tmp_path / "a"
    tg.save_file({"a": tg.arange(6.0).reshape(2, 3), "b": tg.ones(1)}, path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=ANOTHER):
            tg.load_file(path)


def test_a_damaged_file_changes_nothing(tmp_path):
    """The way of a script: what is read is whole before the model is touched."""
    model = tg.nn.Linear(3, 2)
    before = [p.tolist() for p in model.parameters()]
    tg.save_file({"weight": tg.zeros(2, 3), "bias": tg.zeros(3)}, tmp_path / "misshapen")
    with pytest.raises(RuntimeError, match="size mismatch for bias"):
        model.load_state_dict(tg.load_file(tmp_path / "misshapen"))
    (tmp_path / "cut").write_bytes((tmp_path / "misshapen").read_bytes()[:-1])
    with pytest.raises(CheckpointError):
        model.load_state_dict(tg.load_file(tmp_path / "cut"))
    assert [p.tolist() for p in model.parameters()] == before


def test_a_missing_file_is_an_error_of_the_file_system(tmp_path):
    for load in (tg.load_file, tg.load):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            load(Path(tmp_path / "nowhere"))
        with pytest.raises(OSError, match=r"directory|Permission"):
            load(tmp_path)
