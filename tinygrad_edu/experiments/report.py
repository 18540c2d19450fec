"""A report in words: the table of an experiment, and what it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .frame import EXPERIMENTS, Report

__all__ = ["catalogue", "in_words"]


def catalogue() -> str:
    """A line for each experiment: its name, and what it is about."""
    width = max(map(len, EXPERIMENTS))
    return "\n".join(f"{name:<{width}}  {EXPERIMENTS[name].title}" for name in sorted(EXPERIMENTS))


def in_words(report: Report) -> str:
    """The table, whether each claim shows, the files and the time."""
    claims = [f"{'yes' if s else 'no':<4}{claim}" for claim, s in report.result.claims.items()]
    return "\n".join([
        *_aligned(report.result.table), "", "Does it show?", *claims, "",
        f"{'files':<6}{report.folder}: {', '.join(report.files)}",
        f"{'time':<6}{report.seconds:.1f} s",
    ])  # fmt: skip


def _aligned(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Rows under their columns' names; words to the left, numbers to the right."""
    columns = list(rows[0])
    cells = [[_cell(name, row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    words = [any(isinstance(row[name], str) for row in rows) for name in columns]

    def line(texts: Sequence[str]) -> str:
        padded = (
            text.ljust(width) if word else text.rjust(width)
            for text, width, word in zip(texts, widths, words, strict=True)
        )  # fmt: skip
        return "   ".join(padded).rstrip()

    return [line(columns), *map(line, cells)]


def _cell(column: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if "accuracy" in column:
        return f"{value:.1%}"
    return value if isinstance(value, str) else f"{value:.4g}" if value % 1 else f"{value:.0f}"
