"""Pickles as plain data: what arrays and containers may be, and that nothing else happens."""

from __future__ import annotations

import os
import pickle
import pickletools
from collections import OrderedDict

import numpy as np
import pytest
from published import python2_pickle

from tinygrad_edu.datasets.unpickle import load_dict
from tinygrad_edu.errors import DataFileError

CONTENT = {
    "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "big": np.array([1, 2**40], dtype=">i8"),
    "floats": np.array([1.5, -0.5]),
    "empty": np.zeros((0, 3), np.float32),
    "labels": [1, 2, 3],
    "nested": {"a": (1, None, True, 2.5)},
}


@pytest.mark.parametrize("dump", [python2_pickle, *(2, 3, 4, 5)])
def test_arrays_and_plain_containers(dump):
    data = dump(CONTENT) if callable(dump) else pickle.dumps(CONTENT, protocol=dump)
    if dump == 5:  # arrays are then made by a function of NumPy's that is not admitted
        with pytest.raises(DataFileError, match=r"numpy\._core\.numeric\._frombuffer"):
            load_dict(data, "file")
        return
    found = load_dict(data, "file")
    assert list(found) == list(CONTENT)
    for name, value in CONTENT.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[name], value)
            assert found[name].dtype == value.dtype and found[name].flags.writeable
    assert found["labels"] == [1, 2, 3]
    assert list(found["nested"].values()) == [(1, None, True, 2.5)]


def test_python_2s_pickles_look_as_they_did():
    """The opcodes that cPickle wrote for an array."""
    data = python2_pickle({b"data": np.zeros((1, 2), np.uint8)})
    names = [(op.name, arg) for op, arg, _ in pickletools.genops(data)]
    assert names[0] == ("PROTO", 2)
    assert ("GLOBAL", "numpy.core.multiarray _reconstruct") in names
    assert ("BINSTRING", "data") in names


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


HOSTILE = {
    "os.system": lambda mark: Call(os.system, f"touch {mark}"),
    "eval": lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
    "open": lambda mark: Call(open, str(mark), "w"),
    "os.mkdir": lambda mark: Call(os.mkdir, str(mark)),
    "getattr": lambda mark: Call(getattr, "text", "upper"),
    "numpy.load": lambda mark: Call(np.load, str(mark), None, True),
    "a class": lambda mark: OrderedDict(a=1),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_hostile_pickles_are_refused_and_nothing_is_executed(name, protocol, tmp_path):
    mark = tmp_path / "mark"
    data = pickle.dumps({"data": HOSTILE[name](mark), "x": np.zeros(1)}, protocol=protocol)
    with pytest.raises(DataFileError, match=r"batch: no pickle .*may ask for NumPy's arrays alone"):
        load_dict(data, "batch")
    assert not mark.exists()


def test_a_dotted_name_leads_nowhere():
    data = b"\x80\x04\x8c\x05numpy\x8c\x0ddtype.__new__\x93."
    with pytest.raises(DataFileError, match=r"asks for numpy\.dtype\.__new__"):
        load_dict(data, "file")


def crafted(letters="u1", order="|", raw=b"12", shape=(2,)):
    """The pickle of {"a": array} with such a state, however little it fits."""

    class DType:
        def __reduce__(self):
            return np.dtype, (letters, False, True), (3, order, None, None, None, -1, -1, 0)

    class Array:
        def __reduce__(self):
            reconstruct = np.zeros(1).__reduce__()[0]
            return reconstruct, (np.ndarray, (0,), b"b"), (1, shape, DType(), False, raw)

    return pickle.dumps({"a": Array()}, protocol=2)


def test_a_crafted_array_that_fits():
    assert load_dict(crafted(), "file")["a"].tolist() == [49, 50]


@pytest.mark.parametrize(
    "state",
    [
        {"letters": "O8"},
        {"letters": "V8", "raw": b"12345678", "shape": (1,)},
        {"letters": "u1,O8"},
        {"order": "O"},
        {"raw": [1, 2]},
        {"raw": b"123"},
        {"shape": (10**12,)},
        {"shape": (-1, -2)},
        {"shape": "ab"},
        {"letters": 5},
    ],
    ids=repr,
)
def test_crafted_arrays_that_do_not_fit(state):
    with pytest.raises(DataFileError, match="file: no pickle of plain data"):
        load_dict(crafted(**state), "file")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        python2_pickle(CONTENT)[:-20],
        pickle.dumps([1, 2], protocol=2),
        pickle.dumps(None),
        b"\x80\x02" + b"(" * 10,
        b"\x80\x02cnumpy\nndarray\n}X\x01\x00\x00\x00aK\x01sb.",  # a state for the class itself
        b"\x80\x02Pname\n.",  # a persistent name
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a frame of 2^63 bytes
    ],
    ids=range(9),
)
def test_damaged_pickles(data):
    with pytest.raises(DataFileError, match=r"folder.file: no pickle of plain data"):
        load_dict(data, "folder/file")


def test_every_cut_off_pickle_is_told():
    data = python2_pickle({"data": np.arange(10, dtype=np.uint8), "labels": [1, 2]})
    for end in range(len(data)):
        with pytest.raises(DataFileError):
            load_dict(data[:end], "file")
