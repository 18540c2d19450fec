"""The ops against PyTorch's own samples: the same values, dtypes, shapes, gradients and refusals.

Every sample of an operator that this package has must come out the same, or stand in `samples.py`
with the reason, and on the page of differences.
"""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu.op import OPS

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("expecttest", reason="PyTorch's samples need the package expecttest")

import samples

from tests.comparison import listed

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:Using padding='same'"),  # PyTorch on its own speed
    pytest.mark.filterwarnings("ignore:torch.cholesky is deprecated"),
]
every_operator = pytest.mark.parametrize("info", samples.COMPARED, ids=samples.title)


def check(report: samples.Report) -> None:
    assert not report.wrong, "\n".join([f"{len(report.wrong)} samples:", *report.wrong[:5]])


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")  # PyTorch's kl_div
@every_operator
def test_samples(info):
    report = samples.Report()
    samples.run_samples(info, report)
    check(report)


@every_operator
def test_refusals(info):
    """What PyTorch refuses is refused here, or stands in `NOT_THERE` or `ACCEPTED`."""
    report = samples.Report()
    samples.run_refusals(info, report)
    check(report)


def test_every_op_is_compared():
    """What has a row with a function of PyTorch, or is public, has samples, or a reason."""
    compared = {info.name.split(".")[-1] for info in samples.COMPARED}
    public = {name for name in OPS if hasattr(tg, name) or name in vars(tg.Tensor)}
    missing = public - compared - set().union(*samples.NOT_SAMPLED.values())
    assert not missing, f"{sorted(missing)}: PyTorch samples them under another name, or not at all"


def test_every_difference_is_on_the_page():
    """Each operator that is not compared in full stands beside the reason, by name."""
    pairs = [(r, name) for r, names in samples.NOT_SAMPLED.items() for name in names]
    pairs += [(r, name) for name, reasons in samples.DIFFERENT.items() for r in reasons]
    for info in samples.COMPARED:
        report = samples.Report()
        samples.run_refusals(info, report)
        pairs += [(reason, info.name) for reason in report.different]
    assert set(pairs) == listed("PyTorch's own samples")
