"""Curves and sweeps: the numbers they show, and the words beside them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from pictures import draw

import tinygrad_edu as tg
from tinygrad_edu.plot import plot_history, plot_lines, plot_runs, plot_sweep, plot_training

HISTORY = {
    "train_loss": [2.0, 0.5, 0.05],
    "train_accuracy": [0.4, 0.8, 0.95],
    "validation_loss": [1.5, 0.6, 0.1],
    "validation_accuracy": [0.5, 0.75, 0.9],
}
DRAWN = {
    "history": lambda ax=None: plot_history(HISTORY, ax),
    "lines": lambda ax=None: plot_lines({"a": [1, 3, 2]}, ax),
    "runs": lambda ax=None: plot_runs({"a": HISTORY}, ax),
    "sweep": lambda ax=None: plot_sweep([1, 10], [1, 1], [0.2, 0.3], ax),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_it_draws_on_the_axes_given(kind):
    ax = Figure().subplots()
    assert DRAWN[kind](ax) is ax
    picture, _ = draw(ax)
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 2


@pytest.mark.parametrize("kind", DRAWN)
def test_it_makes_a_figure_of_its_own(kind):
    assert DRAWN[kind]().figure is not DRAWN[kind]().figure


# --- one run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value, factor, label", [
    ("loss", 1, "loss (nats)"), ("accuracy", 100, "accuracy (%)"),
])  # fmt: skip
def test_history_shows_the_numbers(value, factor, label):
    ax = plot_history(HISTORY, value=value, best_epoch=3)
    train, validation, best = ax.lines
    for line, part in ((train, "train"), (validation, "validation")):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(
            line.get_ydata(), np.multiply(HISTORY[f"{part}_{value}"], factor)
        )
    assert list(best.get_xdata()) == [3, 3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "training", "validation", "best epoch (3)",
    ]  # fmt: skip
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == (
        "epoch",
        label,
        value.capitalize(),
    )


def test_lines_differ_in_more_than_colour():
    train, validation = plot_history(HISTORY).lines
    assert train.get_linestyle() != validation.get_linestyle()
    assert train.get_marker() != validation.get_marker()


def test_loss_axis_is_logarithmic_where_it_helps():
    assert plot_history(HISTORY).get_yscale() == "log"
    assert plot_history({"train_loss": [2.0, 1.5]}).get_yscale() == "linear"
    assert plot_history({"train_loss": [2.0, 0.0]}).get_yscale() == "linear"
    assert plot_history(HISTORY, value="accuracy").get_yscale() == "linear"
    ax = plot_history(HISTORY)
    draw(ax)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert {"0.1", "0.5", "1", "2"} <= set(labels)


def test_many_powers_of_ten_have_a_tick_each_at_most():
    ax = plot_history({"train_loss": [1e7, 1e-3]})
    draw(ax)
    labels = [label.get_text() for label in ax.get_yticklabels() if label.get_text()]
    assert ax.get_yscale() == "log" and 3 <= len(labels) <= 12


@pytest.mark.parametrize("epochs", [1, 2, 7])
def test_epochs_are_whole_numbers(epochs):
    ax = plot_history({"train_loss": [1.0] * epochs})
    draw(ax)
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_history_with_one_part_or_none():
    assert len(plot_history({"validation_error": [1, 2]}, value="error").lines) == 1
    with pytest.raises(
        ValueError, match=r"plot_history: argument 'history': expected 'train_loss'"
    ):
        plot_history({"loss": [1.0]})


def test_training_is_both_values_side_by_side():
    loss, accuracy = plot_training(HISTORY, best_epoch=2, title="convnet")
    assert loss.figure is accuracy.figure
    assert loss.figure.get_suptitle() == "convnet"
    assert [ax.get_title() for ax in (loss, accuracy)] == ["Loss", "Accuracy"]
    own = Figure().subplots(1, 2)
    assert plot_training(HISTORY, own) is own


# --- several runs -------------------------------------------------------------------------------


def words(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_lines_show_their_numbers_and_gaps():
    ax = plot_lines(
        {"a": [1.0, np.nan, 3.0], "b": tg.tensor([3.0, 2.0, 1.0])}, x=[1e-3, 1e-2, 1e-1],
        xscale="log", yscale="log", xlabel="scale", ylabel="loss", title="Loss",
    )  # fmt: skip
    a, b = ax.lines
    np.testing.assert_array_equal(a.get_xdata(), [1e-3, 1e-2, 1e-1])
    np.testing.assert_array_equal(a.get_ydata(), [1, np.nan, 3])
    np.testing.assert_array_equal(b.get_ydata(), [3, 2, 1])
    assert words(ax) == ["a", "b"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("scale", "loss", "Loss")


def test_lines_of_another_length_are_refused():
    with pytest.raises(tg.ShapeError, match="plot_lines: argument 'b': expected 2 values, as x"):
        plot_lines({"a": [1, 2], "b": [1, 2, 3]}, x=[1, 2])


def test_six_lines_are_all_different():
    lines = plot_lines({str(i): [i, i] for i in range(6)}).lines
    assert len({line.get_color() for line in lines}) == 6
    assert len({line.get_marker() for line in lines}) == 6


def test_long_lines_have_no_marks():
    assert plot_lines({"a": [1] * 51}).lines[0].get_marker() == ""
    assert plot_lines({"a": [1] * 50}).lines[0].get_marker() == "o"


@pytest.mark.parametrize("value, title, label, factor, scale", [
    ("train_loss", "Training loss", "loss (nats)", 1, "log"),
    ("validation_accuracy", "Validation accuracy", "accuracy (%)", 100, "linear"),
])  # fmt: skip
def test_runs_are_compared_by_one_value(value, title, label, factor, scale):
    ax = plot_runs({"sgd": HISTORY, "adam": HISTORY}, value=value)
    for line in ax.lines:
        np.testing.assert_allclose(line.get_ydata(), np.multiply(HISTORY[value], factor))
    assert words(ax) == ["sgd", "adam"]
    assert (ax.get_title(), ax.get_ylabel(), ax.get_yscale()) == (title, label, scale)


def test_runs_without_the_value_are_refused():
    with pytest.raises(ValueError, match=r"plot_runs: argument 'value': expected one of .*, got l"):
        plot_runs({"sgd": HISTORY}, value="loss")


# --- sweeps -------------------------------------------------------------------------------------


def test_a_sweep_shows_every_run():
    ax = plot_sweep([1, 10, 100, 1000], [1, 2, 3, 4], [0.2, np.nan, 0.5, 0.4], title="Validation")
    points, ring, crosses = ax.collections[:3]
    np.testing.assert_array_equal(points.get_offsets(), [[1, 1], [100, 3], [1000, 4]])
    np.testing.assert_array_equal(points.get_array(), [20, 50, 40])
    np.testing.assert_array_equal(ring.get_offsets(), [[100, 3]])
    np.testing.assert_array_equal(crosses.get_offsets(), [[10, 2]])
    assert words(ax) == ["best (50.0%)", "diverged"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "regularisation")
    assert ax.get_title() == "Validation"
    assert ax.figure.axes[1].get_ylabel() == "accuracy (%)"


def test_a_sweep_of_which_all_failed():
    assert words(plot_sweep([1, 10], [1, 1], [np.nan, np.nan])) == ["diverged"]


@pytest.mark.parametrize("lists", [([1], [1, 2], [1, 2]), ([1, 2], [1, 2], [1]), ([], [], [])])
def test_a_sweep_of_unlike_lengths_is_refused(lists):
    with pytest.raises(tg.ShapeError, match="x, y, accuracies': expected one length, of at least"):
        plot_sweep(*lists)
