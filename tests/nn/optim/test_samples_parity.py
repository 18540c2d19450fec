"""The optimizers against PyTorch's own settings: steps, states, schedules and refusals.

Every setting of an optimizer that this package has must lead to the same numbers, or stand in
`optim_samples.py` with the reason, and on the page of differences.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("expecttest", reason="PyTorch's samples need the package expecttest")

from tests import optim_samples
from tests.comparison import Report, listed

pytestmark = pytest.mark.parity
every_optimizer = pytest.mark.parametrize("info", optim_samples.COMPARED, ids=optim_samples.title)


@every_optimizer
def test_samples(info):
    report = Report()
    optim_samples.run_samples(info, report)
    assert report.steps and report.schedules
    assert not report.wrong, "\n".join(report.wrong[:5])


@every_optimizer
def test_refusals(info):
    report = Report()
    optim_samples.run_refusals(info, report)
    assert report.refused
    assert not report.wrong, "\n".join(report.wrong[:5])


def test_every_difference_is_on_the_page():
    pairs = {(optim_samples.NOT_THERE, name) for name in optim_samples.MISSING}
    for info in optim_samples.COMPARED:
        report = Report()
        optim_samples.run_refusals(info, report)
        report.different.update(optim_samples.NOT_KEPT.get(optim_samples.title(info), {}).values())
        pairs |= {(reason, optim_samples.title(info)) for reason in report.different}
    assert pairs == listed("PyTorch's own settings of optimizers")
