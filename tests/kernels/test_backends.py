"""Choosing how a convolution is computed, at run time."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from source import ROOT

import tinygrad_edu as tg
import tinygrad_edu.backends
from tinygrad_edu.kernels import conv_im2col, conv_scipy, reference

MODULES = {"im2col": conv_im2col, "scipy": conv_scipy, "reference": reference}


@pytest.fixture(autouse=True)
def _keep_the_choice():
    before = tg.backends.conv, tg.backends.winograd
    yield
    tg.backends.conv, tg.backends.winograd = before


def test_im2col_is_the_default():
    assert tg.backends.conv == "im2col"
    assert tg.backends.conv_kernels() is conv_im2col


@pytest.mark.parametrize("name", MODULES)
def test_each_can_be_chosen(name):
    tg.backends.conv = name
    assert tg.backends.conv == name
    assert tg.backends.conv_kernels() is MODULES[name]
    assert tinygrad_edu.backends.conv == name


@pytest.mark.parametrize("name", ["foo", "", 0, ["im2col"], "IM2COL"])
def test_an_unknown_name_is_refused_and_changes_nothing(name):
    tg.backends.conv = "reference"
    with pytest.raises(ValueError, match=r"expected one of 'im2col', 'scipy', 'reference', got "):
        tg.backends.conv = name
    with (
        pytest.raises(ValueError, match=r"^backends.conv: expected one of"),
        tg.backends.using(conv=name),
    ):
        pytest.fail("the block must not run")
    assert tg.backends.conv == "reference"


@pytest.mark.parametrize("flag", [0, 1, "yes", []])
def test_winograd_is_a_bool_and_a_refusal_changes_nothing(flag):
    assert tg.backends.winograd is True
    message = r"^backends.winograd: expected True or False, got "
    with pytest.raises(TypeError, match=message):
        tg.backends.winograd = flag
    with (
        pytest.raises(TypeError, match=message),
        tg.backends.using(conv="scipy", winograd=flag),
    ):
        pytest.fail("the block must not run")
    assert (tg.backends.conv, tg.backends.winograd) == ("im2col", True)


def test_using_leaves_alone_what_is_not_named():
    with tg.backends.using(winograd=False):
        tg.backends.conv = "scipy"
        assert tg.backends.winograd is False
        with tg.backends.using(conv="reference"):
            assert (tg.backends.conv, tg.backends.winograd) == ("reference", False)
    assert (tg.backends.conv, tg.backends.winograd) == ("scipy", True)


def test_using_puts_the_old_choice_back():
    with tg.backends.using(conv="scipy"):
        assert tg.backends.conv == "scipy"
        with tg.backends.using(conv="reference"):
            assert tg.backends.conv_kernels() is reference
        assert tg.backends.conv == "scipy"
    assert tg.backends.conv == "im2col"
    with pytest.raises(KeyError), tg.backends.using(conv="scipy"):
        raise KeyError
    assert tg.backends.conv == "im2col"


def test_using_decorates():
    @tg.backends.using(conv="reference")
    def chosen() -> str:
        return tg.backends.conv

    assert (chosen(), chosen(), tg.backends.conv) == ("reference", "reference", "im2col")


def test_the_choice_holds_in_all_threads():
    seen = []
    with tg.backends.using(conv="scipy"):
        thread = threading.Thread(target=lambda: seen.append(tg.backends.conv))
        thread.start()
        thread.join()
    assert seen == ["scipy"]


def test_all_give_the_same_numbers(rng):
    x, w = rng.standard_normal((2, 4, 7, 6)), rng.standard_normal((6, 2, 3, 2))
    settings = ((2, 1), (1, 2), (1, 2), 2)
    results = []
    for name in MODULES:
        with tg.backends.using(conv=name):
            results.append(tg.backends.conv_kernels().conv2d(x, w, *settings))
    np.testing.assert_allclose(results[0], results[2], rtol=0, atol=1e-10)
    np.testing.assert_allclose(results[1], results[2], rtol=0, atol=1e-10)


def test_scipy_signal_is_loaded_only_when_chosen():
    code = (
        "import sys, tinygrad_edu as tg\n"
        "tg.backends.conv_kernels()\n"
        "assert 'scipy.signal' not in sys.modules\n"
        "tg.backends.conv = 'scipy'\n"
        "tg.backends.conv_kernels()\n"
        "assert 'scipy.signal' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
