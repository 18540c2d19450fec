"""The command `tinygrad-edu`, the same as `python -m tinygrad_edu`."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tinygrad_edu import __version__, cli_bench, cli_check, cli_experiment
from tinygrad_edu.errors import CheckpointError
from tinygrad_edu.experiments import SweepError
from tinygrad_edu.nn.callbacks import ProgressBar
from tinygrad_edu.nn.solver import NonFiniteLossError, Solver
from tinygrad_edu.runs import FILES, MODELS, OPTIMIZERS, Options, Run, RunError, Summary

__all__ = ["main"]

FAILED, MISUSED, INTERRUPTED = 1, 2, 130  # exit statuses; 130 is a shell's for Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: those of the process); its exit status.

    Errors: SystemExit for `--help`, `--version`, and arguments that are not understood.
    """
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and arguments.command != "bench":  # which hands them on
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if arguments.command is None:
        parser.print_help()
        return 0
    arguments.rest = rest
    return _guarded(arguments)


def _guarded(arguments: argparse.Namespace) -> int:
    """Do what is asked for; what a user can mend ends in one line."""

    def complain(status: int, text: str) -> int:
        print(f"tinygrad-edu {arguments.command}: {text}", file=sys.stderr)
        return status

    try:
        return arguments.execute(arguments)
    except KeyboardInterrupt as stop:
        return complain(INTERRUPTED, "; ".join(["interrupted", *map(str, stop.args)]))
    except (NonFiniteLossError, SweepError) as error:
        return complain(FAILED, f"error: {error}")
    except (RunError, CheckpointError) as error:
        return complain(MISUSED, f"error: {error}")
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough: be silent at exit too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return complain(MISUSED, f"error: {error.filename or 'output'}: {error.strerror}")


# --- arguments ------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line in place of argparse's usage and line."""
        self.exit(MISUSED, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tinygrad-edu",
        description="Train small networks on real handwritten digits, conduct the experiments "
        "of a course, and check gradients written by hand, with a tensor engine on NumPy that is "
        "made to be read.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tinygrad-edu {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_train(commands)
    cli_experiment.add(commands, _integer, _count)
    cli_check.add(commands, _positive)
    cli_bench.add(commands)
    return parser


def _add_train(commands: Any) -> None:
    usual = Options()
    rates = ", ".join(f"{rate:g} for {name}" for name, (_, rate) in OPTIMIZERS.items())
    train = commands.add_parser(
        "train",
        help="train a network on the handwritten digits",
        description="Train a network on 1,257 handwritten digits of 8x8 pixels, offline, choose "
        "the best epoch by 180 others, and test it on 360 more.",
        epilog=f"The run's folder holds {', '.join(FILES)}. model.safetensors has the weights of "
        "the best epoch; the checkpoint is renewed after each epoch, so that a run that was "
        "stopped can be resumed. The same seed gives the same history.json.",
        allow_abbrev=False,
    )
    train.set_defaults(execute=_train)

    def add(name: str, text: str, default: Any = None, **more: Any) -> None:
        shown = f"{text} (default: {default})" if default is not None else text
        train.add_argument(name, help=shown, **more)

    add("--model", f"the network: {', '.join(MODELS)}", usual.model, choices=list(MODELS),
        metavar="NAME")  # fmt: skip
    add("--epochs", "how often to go through all digits, those before a resume included",
        usual.epochs, type=_count, metavar="N")  # fmt: skip
    add("--batch-size", "digits per step", usual.batch_size, type=_count, metavar="N")
    add("--lr", "learning rate", rates, type=_positive, metavar="X")
    add("--optimizer", "sgd has momentum 0.9", usual.optimizer, choices=list(OPTIMIZERS))
    add("--seed", "of first weights, order of the digits, and dropout", usual.seed, type=_integer,
        metavar="N")  # fmt: skip
    place = train.add_mutually_exclusive_group()
    place.add_argument(
        "--out", metavar="DIR", help="folder of the run, without a run in it (default: a new one, "
        "runs/MODEL-1, runs/MODEL-2, ...)",
    )  # fmt: skip
    place.add_argument(
        "--resume", metavar="RUN", help="continue the run in this folder with its own options, to "
        "the same numbers as without a stop; --epochs may be given to train longer",
    )  # fmt: skip


def _checked(convert: Callable[[str], Any], wanted: Callable[[Any], bool], expected: str) -> Any:
    def check(text: str) -> Any:
        try:
            if wanted(value := convert(text)):
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")

    return check


_integer = _checked(int, lambda value: True, "an integer")
_count = _checked(int, lambda value: value >= 1, "an integer of at least 1")
_positive = _checked(float, lambda value: 0 < value < math.inf, "a positive number")


# --- tinygrad-edu train ---------------------------------------------------------------------


def _train(arguments: argparse.Namespace) -> int:
    given = {
        name: value
        for name in ("model", "optimizer", "lr", "batch_size", "epochs", "seed")
        if (value := getattr(arguments, name)) is not None
    }
    progress = _Progress()
    if arguments.resume is not None:
        run = Run.resume(arguments.resume, [progress], **given)
    else:
        run = Run.start(Options(**given), arguments.out, [progress])
    try:
        progress.start(run)
        summary = run.train()
        print(_table(run, summary))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(run)) from None
    return 0


def _kept(run: Run) -> str:
    """What an unfinished run leaves behind."""
    return (
        f"{run.folder} keeps epoch {run.saved_epoch} of {run.options.epochs}: continue with "
        f"tinygrad-edu train --resume {shlex.quote(str(run.folder))}"
    )


class _Progress(ProgressBar):
    """The bar, which is gone when it is full, and a line per epoch on standard output."""

    def __init__(self) -> None:
        super().__init__(leave=False)

    def start(self, run: Run) -> None:
        """Say what is trained, and head the table."""
        self.epochs, done = run.options.epochs, run.solver.epoch
        print(f"{_described(run.options)} -> {run.folder}", flush=True)
        if done == self.epochs:
            print(f"{done} of {done} epochs done (--epochs N for more): the results are made again")
            return
        print(f"{'epoch':>7}   {'training loss':>14} {'accuracy':>9}   {'validation loss':>16} "
              f"{'accuracy':>9}")  # fmt: skip

    def epoch_end(self, solver: Solver) -> None:
        """Write the line of an epoch above the bar."""
        train_loss, train_accuracy, loss, accuracy = (v[-1] for v in solver.history.values())
        best = "  best so far" if solver.best_epoch == solver.epoch else ""
        self.bar.write(
            f"{solver.epoch:>3}/{self.epochs:<3}   {train_loss:>14.4f} {train_accuracy:>9.2%}   "
            f"{loss:>16.4f} {accuracy:>9.2%}{best}"
        )
        sys.stdout.flush()  # a pipe would hold the lines back until the end


def _described(options: Options) -> str:
    return (
        f"{options.model}, {options.optimizer} with learning rate {options.lr:g}, batches of "
        f"{options.batch_size}, seed {options.seed}"
    )


def _table(run: Run, summary: Summary) -> str:
    """What came of a run, line by line."""
    right = f"({summary.test_correct} of {summary.test_count} digits)"
    rows = [
        ("test accuracy", f"{summary.test_accuracy:.2%} {right}"),
        ("validation accuracy", f"{summary.validation_accuracy:.2%}"),
        ("best epoch", f"{summary.best_epoch} of {run.options.epochs}"),
        ("parameters", f"{summary.parameters:,}"),
        ("time", f"{summary.seconds:.1f} s"),
        ("files", f"{run.folder}: {', '.join(FILES)}"),
    ]
    return "\n" + "\n".join(f"{name:<20} {text}" for name, text in rows)
