"""Tables: Markdown that also reads well in a terminal, and numbers in few digits."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are aligned, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        return "| " + " | ".join([first.strip().ljust(widths[0]), *rest]) + " |"

    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return "\n".join([line(rows[0]), line(rule), *map(line, rows[1:])])


def short(number: float) -> str:
    """Three digits, never with an exponent: 0.0291, 4.51, 1230."""
    if not math.isfinite(number) or number == 0:
        return str(number)
    digits = max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:.{digits}f}"


def spread(seconds: Sequence[float]) -> str:
    """Milliseconds: the median, and the least and the most."""
    middle, least, most = (
        short(value * 1e3) for value in (statistics.median(seconds), min(seconds), max(seconds))
    )
    return f"{middle} [{least}–{most}]" if len(seconds) > 1 else middle


def geometric_mean(ratios: Iterable[float]) -> float:
    """The number whose product with itself, so many times, is that of the ratios."""
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
