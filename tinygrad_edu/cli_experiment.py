"""`tinygrad-edu experiment NAME`: an experiment of a course, with its figures and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tinygrad_edu import experiments

__all__ = ["add"]


def add(commands: Any, integer: Any, count: Any) -> None:
    """Add the command to those of `tinygrad-edu`; the others read numbers."""
    experiment = commands.add_parser(
        "experiment",
        help="conduct an experiment of a course",
        description="Conduct an experiment of a course, on pictures that are made offline: print "
        "its figures and whether they show what it claims.",
        epilog="The folder of the results holds pictures and summary.json. The same seed gives "
        "the same numbers, whatever the number of workers.",
        allow_abbrev=False,
    )
    experiment.set_defaults(execute=_experiment, usage=experiment.error)
    experiment.add_argument("name", nargs="?", choices=sorted(experiments.EXPERIMENTS),
        metavar="NAME", help="the experiment (--list shows them)")  # fmt: skip
    experiment.add_argument("--list", action="store_true", help="list the experiments, and end")
    experiment.add_argument("--quick", action="store_true", help="the small form, of seconds")
    experiment.add_argument("--seed", type=integer, default=0, metavar="N",
        help="of all random numbers (default: 0)")  # fmt: skip
    experiment.add_argument("--data", metavar="PATH", help="real data: the folder with CIFAR-10; "
        "for image-filters a photograph; for autoencoders that, or patches as HDF5")  # fmt: skip
    experiment.add_argument("--workers", type=count, metavar="N",
        help="processes for independent runs (default: one per core; 1 with --quick)")  # fmt: skip
    experiment.add_argument("--out", metavar="DIR", help="folder of the results, without a "
        "summary.json in it (default: a new one, runs/NAME-1, runs/NAME-2, ...)")  # fmt: skip


def _experiment(arguments: argparse.Namespace) -> int:
    if arguments.list:
        print(experiments.catalogue())
        return 0
    if arguments.name is None:
        arguments.usage("give the NAME of an experiment; --list shows them")
    options = experiments.Options(
        quick=arguments.quick, seed=arguments.seed, data=arguments.data, workers=arguments.workers
    )

    def begin(experiment: experiments.Experiment, folder: Path) -> None:
        print(f"{experiment.name}: {experiment.title} -> {folder}\n", flush=True)

    report = experiments.conduct(arguments.name, options, arguments.out, begin)
    print(experiments.in_words(report))
    return 0
