"""Measures training steps of this package beside PyTorch and other libraries.

    python -m benchmarks                      everything: tables, a record, pictures
    python -m benchmarks --only W1,W3         some workloads
    python -m benchmarks --quick              only whether all compute the same; no time is taken

It takes some ten minutes; the slowest libraries take most of it (`--peers torch,tinygrad_edu`).
Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness, run
from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS

QUICK_PEERS = ("torch", "tinygrad_edu", "numpy-manual")


def names(known: Sequence[str]) -> Any:
    """The type of an option that takes some of `known`, with commas between them."""

    def parse(text: str) -> list[str]:
        given = text.split(",")
        if wrong := [name for name in given if name not in known]:
            raise argparse.ArgumentTypeError(
                f"expected some of {', '.join(known)}, got {', '.join(wrong)}"
            )
        return [name for name in known if name in given]

    return parse


def count(text: str) -> int:
    """The type of an option that takes a positive integer."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {text!r}")
    return int(text)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    known = [*WORKLOADS, *run.PARTS]
    parser.add_argument("--only", type=names(known), metavar="NAMES",
                        help=f"some of {','.join(known)}")  # fmt: skip
    parser.add_argument("--peers", type=names(list(PEERS)), metavar="NAMES",
                        help=f"some of {','.join(PEERS)}")  # fmt: skip
    parser.add_argument("--rounds", type=count, default=9, metavar="N",
                        help="how often each peer is timed (default: 9)")  # fmt: skip
    parser.add_argument("--threads", type=count, default=harness.usable_cores(), metavar="N",
                        help="for each peer (default: all usable cores)")  # fmt: skip
    parser.add_argument("--quick", action="store_true",
                        help="one step each: whether all workloads agree; no pictures")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), metavar="DIR",
                        help="where record.json and the pictures go")  # fmt: skip
    parser.add_argument("--record", type=Path, metavar="FILE",
                        help="show this record again in place of measuring")  # fmt: skip
    parser.add_argument("--write-docs", action="store_true",
                        help="write tables and pictures into docs/performance.md")  # fmt: skip
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 if a library failed or computes something else than the others."""
    options = arguments(argv)
    if options.record:
        record = json.loads(options.record.read_text(encoding="utf-8"))
    else:
        peers = options.peers or (QUICK_PEERS if options.quick else list(PEERS))
        chosen = options.only or [*WORKLOADS, *(() if options.quick else run.PARTS)]
        options.out.mkdir(parents=True, exist_ok=True)
        for record in run.run(chosen, peers, options.rounds, options.threads, options.quick):
            # Written again and again, so that nothing is lost if the run is stopped.
            text = json.dumps(record, indent=1, ensure_ascii=False)
            (options.out / "record.json").write_text(text + "\n", encoding="utf-8")
    run.show(record)
    if not options.quick:
        from benchmarks import pictures

        pictures.write(record, options.out)
        print(f"\n{options.out}: record.json and pictures")
    if options.write_docs:
        from benchmarks import page

        page.write(record)
    return 1 if run.failures(record) else 0


if __name__ == "__main__":
    sys.exit(main())
