"""The course's tools."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tinygrad_edu.nn.course import *


def test_rel_error_has_a_floor():
    assert rel_error(np.zeros(2), np.zeros(2)) == 0
    assert rel_error(np.array([1e-12]), np.array([0.0])) == pytest.approx(1e-4)
    assert rel_error(np.array([1.0]), np.array([-1.0])) == 1


def test_eval_numerical_gradient_prints_if_asked(capsys):
    x = np.array([[1.0, 2.0]])
    grad = eval_numerical_gradient(lambda x: (x**3).sum(), x)
    np.testing.assert_allclose(grad, 3 * x**2, rtol=1e-8)
    assert x.tolist() == [[1, 2]]
    assert capsys.readouterr().out.count("\n") == 2
    eval_numerical_gradient(lambda x: x.sum(), x, verbose=False)
    assert capsys.readouterr().out == ""


def test_eval_numerical_gradient_puts_x_back_after_an_error():
    x = np.array([1.0])

    def fails(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        eval_numerical_gradient(fails, x)
    assert x.tolist() == [1]


def test_eval_numerical_gradient_array():
    x, df = np.arange(3.0), np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(
        eval_numerical_gradient_array(lambda x: np.sin(x), x, df), np.cos(x) * df, rtol=1e-8
    )
    # A function that returns its own argument: the two values must not be one array.
    np.testing.assert_allclose(eval_numerical_gradient_array(lambda x: x, x, df), df, rtol=1e-8)


def test_grad_check_sparse(capsys):
    random.seed(0)
    x = np.arange(1.0, 7.0).reshape(2, 3)
    assert grad_check_sparse(lambda x: (x**2).sum(), x, 2 * x, num_checks=5) < 1e-8
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and all("relative error" in line for line in lines)
    assert grad_check_sparse(lambda x: (x**2).sum(), x, x) == pytest.approx(1 / 3)
    assert grad_check_sparse(lambda x: 0.0, x, np.zeros_like(x)) == 0


def test_print_mean_std(capsys):
    print_mean_std(np.array([[0.0, 2.0], [2.0, 2.0]]))
    assert capsys.readouterr().out == "  means: [1. 2.]\n  stds:  [1. 0.]\n\n"


def test_visualize_grid():
    pictures = np.zeros((3, 2, 4, 1))
    pictures[0, 0, 0] = -1.0
    pictures[1] = 7.0  # of one colour
    pictures[2, 1, 3] = 2.0
    grid = visualize_grid(pictures, ubound=10.0, padding=1)
    assert grid.shape == (5, 9, 1)
    assert grid[0, 0] == 0 and grid[0, 1] == 10
    assert not grid[:2, 5:].any() and not grid[2].any() and not grid[3:, 5:].any()
    assert grid[4, 3] == 10 and grid[3, 0] == 0
