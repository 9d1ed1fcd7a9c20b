"""What a section needs beyond the package: followed through its code, and named where readers look.

`[extras]` of config.ini is the one place that says it. The notebooks are written from it; README.md
and index.md are compared with it.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from cells import read_cells
from config import ROOT, load_config
from myst import Fence, parse_blocks, walk

from d2l_hpo.tools.installation import PINS, install_command

BOOK = load_config()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {name for names in BOOK.extras.values() for name in names}
PACKAGE = "d2l_hpo"


def normalised(name: str) -> str:
    """Return a package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages(requirements: list[str]) -> set[str]:
    """Return the packages that requirements name."""
    return {normalised(re.match(r"[\w.-]+", item)[0]) for item in requirements}


ALWAYS = packages(PROJECT["dependencies"]) | {"d2l"}
PACKAGES = {name: packages(PROJECT["optional-dependencies"][name]) for name in EXTRAS}
OF_DASK = {"dask", "distributed"}  # `distributed` always comes with `dask`
DISTRIBUTIONS = packages_distributions()


def extras_of(module: str) -> set[str]:
    """Return the extras one of which has to be there for an import; empty if none is needed."""
    root = module.split(".")[0]
    if root in sys.stdlib_module_names or root == PACKAGE:
        return set()
    sources = {normalised(name) for name in DISTRIBUTIONS[root]}
    if sources & ALWAYS:
        return set()
    found = {extra for extra, names in PACKAGES.items()
             if sources & (names | (OF_DASK if names & OF_DASK else set()))}
    assert found, f"{root} is neither a dependency nor in an extra that config.ini names"
    return found


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((item.name, "") for item in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.module, item.name) for item in node.names)


@cache
def parsed(module: str) -> ast.Module | None:
    """Return a module of the package as a tree, None if there is no such module."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else None


def bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return {name.id for name in ast.walk(node)
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    return set()


def home(module: str, name: str) -> str:
    """Return the module of the package that defines a name that `module` gives."""
    folder = import_module(module)
    if not hasattr(folder, "__path__"):
        return module
    value = getattr(folder, name)
    return getattr(value, "__module__", None) or f"{module}.{name}"


class Needs:
    """What the code of a section imports, through the functions and classes of the package."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.seen: set[tuple[str, str]] = set()

    def follow(self, tree: ast.AST) -> None:
        """Follow all imports of a tree."""
        for module, name in imports(tree):
            if module.split(".")[0] != PACKAGE:
                self.modules.add(module)
            elif name and parsed(f"{module}.{name}") is None:
                self.follow_name(home(module, name), name)
            else:
                self.follow_module(f"{module}.{name}" if name else module)

    def follow_module(self, module: str) -> None:
        """Follow what an import of a module of the package runs."""
        if (module, "") in self.seen or (tree := parsed(module)) is None:
            return
        self.seen.add((module, ""))
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.follow(node)

    def follow_name(self, module: str, name: str) -> None:
        """Follow a function, class or constant of the package, and those that it uses."""
        if (module, name) in self.seen or (tree := parsed(module)) is None:
            return
        self.seen.add((module, name))
        self.follow_module(module)
        for node in tree.body:
            if name in bound(node):
                self.follow(node)
                for used in {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}:
                    self.follow_name(module, used)
            elif isinstance(node, ast.ImportFrom) and name in {
                    item.asname or item.name for item in node.names}:
                self.follow(node)


def code_of(path: Path) -> Iterator[ast.AST]:
    """Yield the cells of a section and the Python code of its solutions."""
    yield from (cell.tree for cell in read_cells(path))
    for solution in walk(path.read_text(encoding="utf-8")):
        if isinstance(solution, Fence) and solution.name == "solution":
            yield from (ast.parse(block.body) for block in parse_blocks(solution.body)
                        if isinstance(block, Fence) and block.argument == "python")


def needed(path: Path) -> set[str]:
    """Return the extras that the code of a section needs."""
    needs = Needs()
    for tree in code_of(path):
        needs.follow(tree)
    found = [extras for module in needs.modules if (extras := extras_of(module))]
    single = {extra for extras in found if len(extras) == 1 for extra in extras}
    open_choices = [extras for extras in found if not extras & single]
    assert not open_choices, f"{path.name}: one of {open_choices} is needed"
    return single


SECTIONS = [path for path in BOOK.section_paths() if "{code-cell}" in path.read_text()]


@pytest.mark.parametrize("path", SECTIONS, ids=[path.stem for path in SECTIONS])
def test_config_names_the_extras_that_a_section_imports(path: Path) -> None:
    assert needed(path) == set(BOOK.extras.get(path.stem, []))


def test_imports_are_followed_into_functions_of_the_package() -> None:
    assert extras_of("syne_tune.config_space") == {"syne-tune"}
    assert extras_of("dask.distributed") == {"dask"}
    assert extras_of("torch.nn") == extras_of("d2l") == extras_of("json") == set()
    for source, module in (("from d2l_hpo import to_syne_tune", "syne_tune"),
                           ("from d2l_hpo import ray_trainable", "ray"),
                           ("def f():\n    from d2l_hpo import local_ray", "ray.tune"),
                           ("from d2l_hpo import HPOTuner", "tqdm")):
        needs = Needs()
        needs.follow(ast.parse(source))
        assert module in needs.modules
    needs = Needs()
    needs.follow(ast.parse("from d2l_hpo import lograndint, HPOTuner, RandomSearcher, simulate"))
    assert not {"ray", "syne_tune", "dask"} & {name.split(".")[0] for name in needs.modules}


def test_readme_lists_the_extras_and_the_sections_that_need_them() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \|[^|\n]*\| (`[^|\n]+`) \|$", readme, re.MULTILINE)
    listed = {extra: set(re.findall(r"`([\w-]+)`", sections)) for extra, sections in rows}
    assert listed == {extra: {section for section, names in BOOK.extras.items() if extra in names}
                      for extra in EXTRAS}


def test_start_page_lists_the_extras_and_the_sections_that_need_them() -> None:
    text = (BOOK.chapter / "index.md").read_text(encoding="utf-8")
    items = re.findall(r"\{ref\}`sec_(\w+)` \(((?:`[\w-]+`(?: and )?)+)\)", " ".join(text.split()))
    assert {section.replace("_", "-"): re.findall(r"`([\w-]+)`", names)
            for section, names in items} == BOOK.extras


def test_the_command_for_d2l_is_the_same_everywhere() -> None:
    command = install_command("d2l")
    assert command == f"python -m pip install --no-deps d2l=={PINS['d2l']}"
    for name in ("README.md", "pyproject.toml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert command in text and set(re.findall(r"d2l (\d[\d.]+\d)", text)) == {PINS["d2l"]}
    for path in (BOOK.chapter / "index.md", *BOOK.notebooks.glob("*.ipynb")):
        assert command in path.read_text(encoding="utf-8"), path.name


def test_messages_name_the_versions_that_the_makefile_installs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    alone = re.search(r"^WITHOUT_DEPS := (.+)$", makefile, re.MULTILINE)[1].split()
    pinned = [*alone, *(ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    assert {f"{name.partition('[')[0]}=={version}" for name, version in PINS.items()} < {*pinned}


def test_text_names_the_same_versions_as_messages() -> None:
    text = (BOOK.chapter / "libraries.md").read_text(encoding="utf-8")
    assert install_command("ray[tune]", "psutil") in text
    assert set(re.findall(r"\b0\.\d+\.0\b", text)) == {PINS["syne-tune"]}
