"""Every experiment in its small form: the figures, the files, and whether the claims show."""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import pytest
from matplotlib.image import imread
from scipy import ndimage

from tinygrad_edu.datasets.patches import read_photograph
from tinygrad_edu.experiments import EXPERIMENTS, Options, Report, conduct
from tinygrad_edu.folders import RunError

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


def test_the_same_seed_gives_the_same_summary(conducted, tmp_path):
    def summary(seed: int) -> bytes:
        report = conduct("autoencoder-rho", Options(True, seed), tmp_path / f"{seed}")
        return (report.folder / "summary.json").read_bytes()

    first = (conducted("autoencoder-rho").folder / "summary.json").read_bytes()
    assert summary(0) == first != summary(1)


# --- data and training --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["image-filters", "autoencoder-rho"])
def test_data_that_do_not_serve_are_refused(name, tmp_path):
    (tmp_path / "note.txt").write_text("no picture")
    with pytest.raises(RunError, match=r"note\.txt"):
        conduct(name, Options(True, data=str(tmp_path / "note.txt")), tmp_path / "out")
    assert not (tmp_path / "out").exists()
