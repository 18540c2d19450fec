"""Every example runs: those of the docstrings, of the README, and of the pages."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from source import ROOT, library

import tinygrad_edu as tg

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# NumPy's own defaults, whatever an earlier test may have set.
PRINTING = {
    "precision": 8, "threshold": 1000, "edgeitems": 3, "linewidth": 75, "suppress": False,
    "nanstr": "nan", "infstr": "inf", "sign": "-", "formatter": None, "floatmode": "maxprec",
    "legacy": False,
}  # fmt: skip

MODULES = [name for name in library() if name != "tinygrad_edu.__main__"]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(autouse=True)
def _as_at_a_reader(tmp_path, monkeypatch) -> Iterator[None]:
    """Work in an empty folder, with NumPy's printing as it comes."""
    monkeypatch.chdir(tmp_path)
    with np.printoptions(**PRINTING):
        yield


class Finder(doctest.DocTestFinder):
    """Goes by `__module__`, so that decorated functions (every op) are found where they stand."""

    def _from_module(self, module: ModuleType | None, object: Any) -> bool:
        assert module is not None
        return getattr(object, "__module__", None) in (None, module.__name__)


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """The docstrings of a module that hold examples; they start with `np` and `tg` alone."""
    found = Finder(exclude_empty=True).find(module, globs={"np": np, "tg": tg})
    return [test for test in found if test.examples]


def run(test: doctest.DocTest) -> None:
    """Run the examples; fail with doctest's report, all of it."""
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    assert result.failed == 0, "\n" + "".join(report)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    for test in examples(importlib.import_module(name)):
        run(test)


@pytest.mark.parametrize("name", MODULES)
def test_no_docstring_is_passed_over(name):
    """What the source holds is what the finder finds: a decorator must not hide an example."""
    holders = ast.AsyncFunctionDef | ast.FunctionDef | ast.ClassDef | ast.Module
    nodes = ast.walk(ast.parse(library()[name].read_text(encoding="utf-8")))
    written = {ast.get_docstring(node) or "" for node in nodes if isinstance(node, holders)}
    written = {text for text in written if ">>> " in text}
    found = {inspect.cleandoc(t.docstring) for t in examples(importlib.import_module(name))}
    assert written <= found


def test_a_wrong_example_fails():
    parser = doctest.DocTestParser()
    test = parser.get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    with pytest.raises(AssertionError, match=r"Expected:\s+3\s+Got:\s+2"):
        run(test)


BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[int, str]]:
    """The Python blocks of a page, each with the number of lines above it."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield text[: match.start(1)].count("\n"), match[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages(page):
    """The blocks of a page run in order, in one namespace, as a reader would type them."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for above, code in blocks(page):
        if code.lstrip().startswith(">>>"):
            parser = doctest.DocTestParser()
            test = parser.get_doctest(code, {}, page.name, str(page), above)
            test.globs = names  # get_doctest copies; the next block needs these
            report: list[str] = []
            runner = doctest.DocTestRunner(optionflags=OPTIONS)
            result = runner.run(test, out=report.append, clear_globs=False)
            assert result.failed == 0, "\n" + "".join(report)
        else:  # the empty lines make tracebacks name the page's own lines
            exec(compile("\n" * above + code, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    targets += re.findall(r"(?:src|href)=\"(?!https?:|#)([^\"#]+)\"", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{page.relative_to(ROOT)}: no such file: {missing}"


def test_readme_is_there_and_has_an_example():
    assert list(blocks(ROOT / "README.md"))


def test_public_names_are_documented():
    public = {name: value for name, value in vars(tg).items() if not name.startswith("_")}
    silent = [n for n, v in public.items() if callable(v) and not inspect.getdoc(v)]
    assert not silent, f"no docstring: {silent}"
