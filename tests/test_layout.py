"""The rules of the house: who may import whom, how long things are, what stays out."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from source import ROOMS, ROOT, library

# A room imports only from rooms above it; the files of one room import each other without cycles.
ORDER = [
    "memory", "errors", "cuda", "threads", "backends", "kernels", "dtypes", "device", "storage",
    "printing", "modes", "views", "graph", "hooks", "arraylike", "tensor", "gate", "hints",
    "trees", "arguments", "calls", "op", "ops", "linalg", "func", "recording", "lint", "anomaly",
    "autograd", "gradreport", "gradcheck", "locate", "drawing", "plot", "profiling", "files",
    "folders", "checkpoint", "datasets", "nn", "optim", "utils", "testing", "runs", "experiments",
    "(face)", "cli_bench", "cli_check", "cli_experiment", "cli", "__main__",
]  # fmt: skip
FACE = "tinygrad_edu"  # __init__.py: what users see; only the command line and examples import it
FILE_LINES, FUNCTION_LINES = 400, 40

MODULES = library()
NAMES = sorted(MODULES)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def room(module: str) -> str:
    """The entry of ORDER a module belongs to."""
    return "(face)" if module == FACE else module.split(".")[1]


def resolve(name: str) -> str | None:
    """The library's module that an imported dotted name is, or is in."""
    while name not in MODULES:
        name, _, last = name.rpartition(".")
        if not last:
            return None
    return name


def imports(module: str) -> Iterator[tuple[str, int]]:
    """What a module imports, anywhere in it, as absolute dotted names with their lines."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(above + ([base] if base else []))
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


# --- imports ------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", NAMES)
def test_imports_go_down(module):
    assert room(module) in ORDER, (
        f"{module}: its room is not listed; put {room(module)!r} into ORDER of "
        "tests/test_layout.py, below everything it imports"
    )
    place = ORDER.index(room(module))
    wrong = [
        f"{where(MODULES[module], line)} imports {name}, which ORDER puts below {room(module)!r}"
        for name, line in imports(module)
        if (found := resolve(name)) and room(found) != room(module)
        if ORDER.index(room(found)) > place
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_cycles():
    graph = {
        module: {found for name, _ in imports(module) if (found := resolve(name))} - {module}
        for module in NAMES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("these import each other: " + " -> ".join(reversed(error.args[1])))


@pytest.mark.parametrize("module", NAMES)
def test_nn_and_datasets_are_imported_by_their_full_names(module):
    """`import nn` would make a second copy of every class."""
    wrong = [
        f"{where(MODULES[module], line)} imports {name}: write tinygrad_edu.{name}"
        for name, line in imports(module)
        if name.split(".")[0] in ("nn", "datasets")
    ]
    assert not wrong, "\n".join(wrong)


def test_tests_and_benchmarks_import_nn_and_datasets_by_their_full_names():
    pattern = re.compile(r"^[ >]*(?:from|import) (?:nn|datasets)\b", re.MULTILINE)
    for folder in ("tests", "benchmarks", "docs"):
        for path in (*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.md")):
            assert not pattern.search(path.read_text(encoding="utf-8")), (
                f"{path.relative_to(ROOT)}: import tinygrad_edu.nn or tinygrad_edu.datasets"
            )


# --- sizes --------------------------------------------------------------------------------------


def code_lines(path: Path) -> set[int]:
    """The lines of a file that hold code: not blank, and more than a comment."""
    silent = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENCODING, tokenize.ENDMARKER,
    }  # fmt: skip
    source = io.StringIO(path.read_text(encoding="utf-8"))
    tokens = tokenize.generate_tokens(source.readline)
    return {
        line
        for token in tokens
        if token.type not in silent
        for line in range(token.start[0], token.end[0] + 1)
    }


SIZED = [*MODULES.values(), *sorted((ROOT / "benchmarks").rglob("*.py"))]


@pytest.mark.parametrize("path", SIZED, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_fit(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    wrong = []
    if lines > FILE_LINES:
        wrong.append(f"{path.relative_to(ROOT)}: {lines} lines; split it by ideas")
    code = code_lines(path)
    for function in functions(path):
        body = set(range(function.lineno, (function.end_lineno or 0) + 1))
        if ast.get_docstring(function) is not None:
            docstring = function.body[0]
            body -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
        if (length := len(body & code)) > FUNCTION_LINES:
            place = where(path, function.lineno)
            wrong.append(f"{place} {function.name}: {length} lines; give a part of it a name")
    assert not wrong, "\n".join(wrong)


# --- what stays out -----------------------------------------------------------------------------


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """The dotted names that a file calls, with their lines."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


@pytest.mark.parametrize("module", NAMES)
def test_library_is_silent_and_has_no_global_randomness(module):
    if module.startswith("tinygrad_edu.nn.course"):
        return  # the course's documents print, and their figures come from NumPy's global stream
    wrong = []
    for name, line in calls(MODULES[module]):
        if name == "print" and not module.startswith("tinygrad_edu.cli"):
            wrong.append(f"{where(MODULES[module], line)}: print; use logging or return a string")
        # get_state and set_state only put the global stream back: a check must not move it.
        if re.fullmatch(r"np\.random\.(?!default_rng|get_state|set_state)[a-z]\w*", name):
            wrong.append(f"{where(MODULES[module], line)}: {name} is global; take a generator")
        if re.fullmatch(r"plt\.show|pyplot\.show", name):
            wrong.append(f"{where(MODULES[module], line)}: {name}; return the Axes")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", NAMES)
def test_every_module_says_what_it_is(module):
    path = MODULES[module]
    assert ast.get_docstring(tree(path)), f"{path.relative_to(ROOT)} has no docstring"


def test_no_test_hides_another_of_the_same_name():
    for path in sorted((ROOT / "tests").rglob("*.py")):
        scopes = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Module | ast.ClassDef)]
        for scope in scopes:
            names = Counter(n.name for n in scope.body if isinstance(n, ast.FunctionDef))
            twice = [name for name, count in names.items() if count > 1 and name != "_"]
            assert not twice, f"{path.relative_to(ROOT)}: defined twice: {', '.join(twice)}"


STRAY = {
    "a place on one machine": r"(?<![\w.:/])/(?:root|home|Users|work|opt|mnt)/\w",
    "a package registry": r"(?i)\bindex-url\b|\bfind-links\b|\b(?:pypi|pythonhosted)\.org\b",
    "work left undone": r"\b(?:TODO|FIXME|XXX|HACK)\b",
    "how it was made": r"(?i)(?<!scope=\")\bsessions?\b|\b(?:sub)?agents?\b|\bissues? #?\d",
}
TEXTS = {".py", ".pyi", ".md", ".toml", ".cff", ".yaml", ".txt", ".json", ".svg", ""}


def texts() -> Iterator[Path]:
    """The files of the project that people read."""
    for path in ROOT.iterdir():
        if path.is_file() and path.suffix in TEXTS and path.name != ".git":
            yield path
    for folder in (*ROOMS, "benchmarks", "docs", "tests", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts:
                yield path


def test_files_speak_of_the_project_alone():
    wrong = [
        f"{where(path, number)}: {what}: {line.strip()}"
        for path in texts()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for what, pattern in STRAY.items()
        if re.search(pattern, line)
    ]
    assert not wrong, "\n".join(wrong)


# --- packaging ----------------------------------------------------------------------------------


def setuptools_table() -> dict:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["tool"]["setuptools"]


def test_every_folder_of_the_library_is_installed():
    packages = [name for name, path in MODULES.items() if path.name == "__init__.py"]
    assert sorted(setuptools_table()["packages"]) == sorted(packages)
    without_init = {path.parent for path in MODULES.values()} - {
        path.parent for path in MODULES.values() if path.name == "__init__.py"
    }
    assert not without_init, f"no __init__.py in {sorted(map(str, without_init))}"


def test_every_data_file_of_the_library_is_installed():
    package_data = setuptools_table()["package-data"]
    installed = {
        path
        for folder, package in ROOMS.items()
        for pattern in package_data.get(package, [])
        for path in (ROOT / folder).glob(pattern)
    }
    present = {
        path
        for folder in ROOMS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert present - installed == set(), "files that [tool.setuptools.package-data] does not name"


def test_version_is_the_same_everywhere():
    (version,) = [
        ast.literal_eval(node.value)
        for node in tree(MODULES[FACE]).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    ]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0] == "Unreleased"
