"""The modules against PyTorch's own samples: text, state, values, gradients and refusals.

Every sample of a module that this package has must come out the same, or stand in
`module_samples.py` with the reason, and on the page of differences.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("expecttest", reason="PyTorch's samples need the package expecttest")

from tests import module_samples
from tests.comparison import Report, listed

pytestmark = pytest.mark.parity
every_module = pytest.mark.parametrize("info", module_samples.COMPARED, ids=module_samples.title)


@every_module
def test_samples(info):
    report = Report()
    module_samples.run_samples(info, report)
    assert report.forward
    assert not report.wrong, "\n".join(report.wrong[:5])


@every_module
def test_refusals(info):
    report = Report()
    module_samples.run_refusals(info, report)
    assert not report.wrong, "\n".join(report.wrong[:5])


def test_every_difference_is_on_the_page():
    compared = {module_samples.title(info) for info in module_samples.COMPARED}
    assert module_samples.DIFFERENT.keys() <= compared
    reasons = module_samples.DIFFERENT.items()
    pairs = {(reason, name) for name, known in reasons for reason in known}
    assert pairs == listed("PyTorch's own samples of modules")
