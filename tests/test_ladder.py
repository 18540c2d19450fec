"""The ladder of networks: it runs, on made pictures or on files, and its page is up to date."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest
from source import ROOT

from benchmarks import ladder
from tinygrad_edu import datasets


@pytest.mark.slow
def test_the_small_form(monkeypatch, capsys, tmp_path):
    file = tmp_path / "ladder.json"
    arguments = ["ladder", "--quick", "--only", "softmax", "two-layer", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", arguments)
    ladder.main()
    found = json.loads(file.read_text())
    assert found["data"] == "synthetic_cifar10" and found["train"] == 4900 and found["seed"] == 0
    assert list(found["rungs"]) == ["softmax", "two-layer"]
    *_, first, second = capsys.readouterr().out.splitlines()
    for name, shown in (("softmax", first), ("two-layer", second)):
        result = found["rungs"][name]
        assert shown == ladder.line(name, result)
        accuracies = result["history"]["validation_accuracy"]
        assert result["validation"] == max(accuracies) == accuracies[result["best_epoch"] - 1]
        assert abs(result["test"] - result["validation"]) < 0.06
    assert found["rungs"]["two-layer"]["validation"] > found["rungs"]["softmax"]["validation"] > 0.3


def test_the_pictures_are_those_of_the_folder_or_made(monkeypatch):
    asked = []
    monkeypatch.setattr(
        datasets, "cifar10_split", lambda *counts, seed: asked.append((counts, seed))
    )
    ladder.pictures(None, True, 3)
    ladder.pictures("folder", False, 0)
    assert asked == [(("synthetic", 4900, 1000, 1000), 3), (("folder", 49000, 1000, 1000), 0)]


def test_the_page_shows_every_rung_near_what_the_notes_print():
    page = (ROOT / "docs" / "synthetic-data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z-]+)[^|]* \| (0\.\d+) \| (0\.\d+) \|", page, flags=re.MULTILINE)
    assert {name: float(notes) for name, notes, _ in rows} == {
        name: rung.published for name, rung in ladder.RUNGS.items()
    }
    validation = [float(figure) for *_, figure in rows]
    np.testing.assert_allclose(validation, [float(notes) for _, notes, _ in rows], atol=0.02)
