"""Every experiment in its small form: the figures, the files, and whether the claims show."""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import pytest
from matplotlib.image import imread
from scipy import ndimage

from tinygrad_edu import datasets
from tinygrad_edu.datasets.patches import read_photograph
from tinygrad_edu.experiments import EXPERIMENTS, Options, Report, conduct
from tinygrad_edu.experiments.convnet import _smoothness
from tinygrad_edu.experiments.training import Pictures, start_from
from tinygrad_edu.folders import RunError
from tinygrad_edu.nn import models

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def conducted(tmp_path_factory):
    """Conduct an experiment once for all tests; its report."""

    @cache
    def once(name: str) -> Report:
        return conduct(name, Options(quick=True), tmp_path_factory.mktemp(name))

    return once


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_claims_show(name, conducted):
    claims = conducted(name).result.claims
    assert claims and all(claims.values()), claims


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_pictures_show_something(name, conducted):
    report = conducted(name)
    pictures = [file for file in report.files if file.endswith(".png")]
    assert pictures and all(file.startswith(name) for file in pictures)
    for file in pictures:
        picture = imread(report.folder / file)
        assert picture.shape[0] > 300 and picture.shape[1] > 600
        assert 0.01 < (picture[..., :3].min(2) < 0.95).mean() < 0.95  # neither blank nor filled


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_summary_has_all_figures(name, conducted):
    report = conducted(name)
    summary = json.loads((report.folder / "summary.json").read_text())
    assert summary["experiment"] == name
    assert summary["options"] == {"quick": True, "seed": 0, "data": None}
    assert summary["claims"] == report.result.claims
    for row, shown in zip(summary["table"], report.result.table, strict=True):
        assert list(row) == list(summary["table"][0])
        for value, figure in zip(row.values(), shown.values(), strict=True):
            assert value == figure or (value is None and not math.isfinite(figure))


def table(report: Report) -> dict[str, list]:
    """The table by columns."""
    rows = report.result.table
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_overfit_tells_when_all_is_learned(conducted):
    report = conducted("overfit")
    assert table(report)["layers"] == [3, 5]
    for layers, epoch in zip((3, 5), table(report)["first epoch at 100 %"], strict=True):
        accuracies = report.result.series["histories"][layers]["train_accuracy"]
        assert len(accuracies) == 20
        assert accuracies[epoch - 1] == 1 > max(accuracies[: epoch - 1])


def test_update_rules_are_four_on_one_network(conducted):
    histories = conducted("update-rules").result.series["histories"]
    assert list(histories) == ["sgd", "sgd with momentum", "rmsprop", "adam"]
    assert {len(values) for history in histories.values() for values in history.values()} == {5}


def test_dropout_drops_something_from_both_accuracies(conducted):
    rows = table(conducted("dropout"))
    gaps = np.subtract(rows["training accuracy"], rows["validation accuracy"])
    np.testing.assert_allclose(rows["gap in accuracy"], gaps)
    assert gaps[1] < gaps[0]


def test_batch_norm_is_tried_over_four_decades(conducted):
    rows = table(conducted("batchnorm-scale"))
    np.testing.assert_allclose(rows["scale"], [1e-4, 1e-2, 1])
    assert rows["training accuracy, no norm"][0] < 0.13 < rows["training accuracy, batch norm"][0]


def test_both_norms_are_tried_with_both_batches(conducted):
    rows = table(conducted("norm-batch-size"))
    assert list(zip(rows["norm"], rows["batch size"], strict=True)) == [
        ("no norm", 50), ("batch norm", 5), ("batch norm", 50), ("layer norm", 5),
        ("layer norm", 50),
    ]  # fmt: skip


def test_the_sweep_has_every_pair_and_shows_the_best(conducted):
    result = conducted("sweep").result
    runs = result.series["runs"]
    assert len({(run["lr"], run["reg"]) for run in runs}) == len(runs) == 9
    valid = [run["validation accuracy"] for run in runs]
    assert result.table[0]["validation accuracy"] == np.nanmax(valid)
    # The step lr * reg * W is larger than W itself: the weights grow without bound.
    assert all(math.isnan(run["validation accuracy"]) for run in runs if run["lr"] * run["reg"] > 2)


def test_image_filters_are_those_of_scipy(conducted):
    picture = read_photograph()[::4, ::4].astype(float)
    grey, edges = conducted("image-filters").result.table[1:]
    assert grey["mean"] == pytest.approx((picture @ [0.3, 0.6, 0.1]).mean())
    kernel = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
    wanted = 128 + ndimage.correlate(picture[..., 2], np.array(kernel, float), mode="constant")
    assert edges["least"] == pytest.approx(wanted.min())
    assert edges["mean"] == pytest.approx(wanted.mean())
    assert edges["greatest"] == pytest.approx(wanted.max())


@pytest.mark.parametrize("name, counts", [("size", [25, 64, 100]), ("rho", [64, 64, 64])])
def test_autoencoders_show_a_picture_of_each_unit(name, counts, conducted):
    pictures = conducted(f"autoencoder-{name}").result.pictures
    features, reconstructions, loss = pictures.values()
    assert [len(ax.images) for ax in features.axes] == counts
    assert [len(ax.images) for ax in reconstructions.axes] == [16] * 4
    assert len(loss.lines) == 3


def test_the_linear_classifier_shows_every_class(conducted):
    weights, means = conducted("softmax-weights").result.pictures["softmax-weights"].axes
    assert len(weights.images) == len(means.images) == 10
    names = [text.get_text() for text in weights.texts]
    assert names[:10] == list(datasets.SYNTHETIC_CLASSES)
    assert Pictures(1, 1, "folder").classes[3] == "cat"


def test_filters_are_smooth_where_neighbours_agree(rng):
    assert abs(_smoothness(rng.standard_normal((50, 3, 7, 7)))) < 0.05
    ramp = np.add.outer(np.arange(7.0), np.arange(7.0))
    assert _smoothness(ramp[None, None]) > 0.9
    assert _smoothness((-1.0) ** ramp[None, None]) == pytest.approx(-1)


def test_the_same_seed_gives_the_same_summary(conducted, tmp_path):
    def summary(seed: int) -> bytes:
        report = conduct("overfit", Options(True, seed), tmp_path / f"{seed}")
        return (report.folder / "summary.json").read_bytes()

    first = (conducted("overfit").folder / "summary.json").read_bytes()
    assert summary(0) == first != summary(1)


# --- data and training --------------------------------------------------------------------------


def test_pictures_lose_the_mean_of_those_trained_on():
    arrays = Pictures(60, 20, None).arrays()
    assert {name: array.shape for name, array in arrays.items()} == {
        "X_train": (60, 3, 32, 32), "y_train": (60,), "X_val": (20, 3, 32, 32), "y_val": (20,),
        "X_test": (0, 3, 32, 32), "y_test": (0,),
    }  # fmt: skip
    assert arrays["X_train"].dtype == np.float32
    np.testing.assert_allclose(arrays["X_train"].mean(0), 0, atol=1e-4)
    assert 20 < arrays["X_train"].std() < 120  # in units of 0 to 255
    assert np.abs(arrays["X_val"].mean(0)).max() > 1


def test_pictures_come_from_the_files_if_a_folder_is_given(monkeypatch):
    given = {}
    monkeypatch.setattr(datasets, "cifar10_split", lambda *args: given | {"args": args})
    assert Pictures(60, 20, "folder").arrays() == {"args": ("folder", 60, 20, 0)}


@pytest.mark.parametrize("name", ["overfit", "image-filters", "autoencoder-rho"])
def test_data_that_do_not_serve_are_refused(name, tmp_path):
    (tmp_path / "note.txt").write_text("no picture")
    with pytest.raises(RunError, match=r"note\.txt"):
        conduct(name, Options(True, data=str(tmp_path / "note.txt")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_first_weights_have_the_scale_and_biases_are_zero():
    model = start_from(models.FullyConnectedNet([300], normalization="batchnorm"), 0.25)
    (_, first, norm, _, last) = model
    assert first.weight.numpy(force=True).std() == pytest.approx(0.25, rel=0.01)
    assert last.weight.numpy(force=True).std() == pytest.approx(0.25, rel=0.05)
    assert not first.bias.numpy(force=True).any()
    assert (norm.weight.numpy(force=True) == 1).all()
