"""The reference in `docs/ops/` is what the docstrings say, and leaves no public op out."""

from __future__ import annotations

import inspect

import reference

ADVICE = f"docs/ops/ is out of date: run `{reference.COMMAND}`"


def test_pages_are_up_to_date():
    written = {p.name: p.read_text(encoding="utf-8") for p in reference.FOLDER.glob("*.md")}
    made = reference.pages()
    stale = sorted(n for n in {*written, *made} if written.get(n) != made.get(n))
    assert not stale, f"{ADVICE} ({', '.join(stale)})"


def test_every_public_op_has_a_place():
    text = "".join(p.read_text(encoding="utf-8") for p in reference.FOLDER.glob("*.md"))
    missing = [
        f"{title}.{name}"
        for title, place in reference.PLACES.items()
        for name, _ in reference.named(place)
        if f"`{title}.{name}`" not in text or f"- [`{name}`](" not in text
    ]
    assert not missing, f"{ADVICE} (no page has {missing})"


def test_every_public_op_has_an_example():
    silent = [op.__name__ for op in reference.public() if ">>> " not in (inspect.getdoc(op) or "")]
    assert not silent, f"write an example into the docstring of: {silent}"
