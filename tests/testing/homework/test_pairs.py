"""What is found in a file, and under which name."""

from __future__ import annotations

from types import ModuleType

from tinygrad_edu.testing.homework.pairs import Exercise, exercises


def module(*names: str, foreign: str = "") -> ModuleType:
    made = ModuleType("student")
    for name in names:

        def function():
            """One of the module's own."""

        function.__name__, function.__module__ = name, "other" if name == foreign else "student"
        setattr(made, name, function)
    made.number = 3
    return made


def found(*names: str, losses: tuple = (), foreign: str = "") -> list[tuple]:
    return [
        (e.name, e.layer, e.forward.__name__, e.backward and e.backward.__name__)
        for e in exercises(module(*names, foreign=foreign), losses)
    ]


def test_pairs_with_and_without_an_ending():
    assert found(
        "conv_forward_naive", "conv_backward_naive", "conv_forward_fast", "conv_backward_fast",
        "relu_forward", "relu_backward",
    ) == [
        ("conv_naive", "conv", "conv_forward_naive", "conv_backward_naive"),
        ("conv_fast", "conv", "conv_forward_fast", "conv_backward_fast"),
        ("relu", "relu", "relu_forward", "relu_backward"),
    ]  # fmt: skip


def test_a_second_backward_takes_the_one_forward():
    names = found("batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt")
    assert [name for name, *_ in names] == ["batchnorm", "batchnorm_alt"]
    assert {forward for _, _, forward, _ in names} == {"batchnorm_forward"}


def test_halves_and_helpers_are_no_pairs():
    assert found("relu_forward", "tanh_backward", "helper", "forward", "backward") == []


def test_losses_are_found_by_name():
    names = ("softmax_loss", "svm_loss_naive", "other_loss", "mine_forward")
    assert found(*names, losses=names[2:]) == [
        ("softmax_loss", "softmax_loss", "softmax_loss", None),
        ("svm_loss_naive", "svm_loss_naive", "svm_loss_naive", None),
        ("other_loss", "other_loss", "other_loss", None),
    ]  # fmt: skip


def test_what_is_imported_is_not_the_files_own():
    assert found("relu_forward", "relu_backward", foreign="relu_backward") == []


def test_an_exercise_has_the_functions():
    own = module("f_forward", "f_backward")
    assert exercises(own) == [Exercise("f", "f", own.f_forward, own.f_backward)]
