"""Writes the results of a run into docs/performance.md, between its two marks."""

from __future__ import annotations

import re
from typing import Any

from benchmarks import pictures, report
from benchmarks.harness import ROOT

PAGE = ROOT / "docs" / "performance.md"
FOLDER = "images/performance"  # beside the page
MARKS = (
    "<!-- results: written by `python -m benchmarks --write-docs` -->",
    "<!-- end of results -->",
)
LONG = "Microseconds an operation"  # not for a page
CAPTIONS = {
    "ratios.png": "The time of a step over PyTorch's, for every workload",
    "growth.png": "The time of a step grows linearly with the batch and with the depth",
    "profile.png": "The time of a step by operation",
    "course.png": "How often the fast functions of the course go into their loops",
}
BELOW = {
    "Workloads": "ratios.png",
    "Cost against size": "growth.png",
    "Time by operation": "profile.png",
    "The course's layers against their loops": "course.png",
}


def block(record: dict[str, Any], drawn: list[str]) -> str:
    """The tables and pictures as Markdown."""
    command = re.sub(r" --out[ =]\S+| --write-docs", "", record["command"])
    texts = [f"Measured with `{command}` on {record['date'][:10]}."]
    for heading, text in report.parts(record).items():
        if heading == LONG:
            continue
        texts.append(f"### {heading}\n\n{text}")
        picture = BELOW.get(heading)
        if picture in drawn:
            texts.append(f"![{CAPTIONS[picture]}]({FOLDER}/{picture})")
    return "\n\n".join(texts)


def write(record: dict[str, Any], page: Any = PAGE) -> None:
    """Replace what stands between the marks, and the pictures. Raises ValueError without marks."""
    text = page.read_text(encoding="utf-8")
    start, end = map(re.escape, MARKS)
    found = re.search(f"(?<={start}\n).*?(?={end})", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{page}: expected the lines {MARKS[0]!r} and {MARKS[1]!r}")
    drawn = pictures.write(record, page.parent / FOLDER)
    new = text[: found.start()] + f"\n{block(record, drawn)}\n\n" + text[found.end() :]
    page.write_text(new, encoding="utf-8", newline="\n")
