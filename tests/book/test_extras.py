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

import make
import pytest
from cells import read_cells
from config import ROOT, load_config
from myst import Fence, parse_blocks, walk

from d2l_hpo.tools.installation import D2L, d2l_command, install_command

BOOK = load_config()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {name for names in BOOK.extras.values() for name in names}
OPTIONAL = PROJECT["optional-dependencies"]
PACKAGE = "d2l_hpo"


def normalised(name: str) -> str:
    """Return a package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages(requirements: list[str]) -> set[str]:
    """Return the packages that requirements name."""
    return {normalised(re.match(r"[\w.-]+", item)[0]) for item in requirements}


CORE = packages(PROJECT["dependencies"])
ALWAYS = CORE.union({"d2l"}, *(packages(OPTIONAL[name]) for name in BOOK.common_extras))
PACKAGES = {name: packages(OPTIONAL[name]) for name in EXTRAS}
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
            if isinstance(node, ast.Import | ast.ImportFrom | ast.With):
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


SECTIONS = [path for path in BOOK.section_paths()
            if "{code-cell}" in path.read_text(encoding="utf-8")]


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
    rows = re.findall(r"^\| `([\w-]+)` \|[^|\n]*\| (all|`[^|\n]+`) \|$", readme, re.MULTILINE)
    listed = {extra: sections if sections == "all" else set(re.findall(r"`([\w-]+)`", sections))
              for extra, sections in rows}
    assert listed == dict.fromkeys(BOOK.common_extras, "all") | {
        extra: {section for section, names in BOOK.extras.items() if extra in names}
        for extra in EXTRAS}
    assert f'python -m pip install ".[{",".join(BOOK.common_extras)}]"' in readme


def test_start_page_lists_the_extras_and_the_sections_that_need_them() -> None:
    text = (BOOK.chapter / "index.md").read_text(encoding="utf-8")
    assert f'pip install --editable ".[{",".join(BOOK.common_extras)}]"' in text
    items = re.findall(r"\{ref\}`sec_(\w+)` \(((?:`[\w-]+`(?: and )?)+)\)", " ".join(text.split()))
    assert {section.replace("_", "-"): re.findall(r"`([\w-]+)`", names)
            for section, names in items} == BOOK.extras


def test_the_command_for_d2l_is_the_same_everywhere() -> None:
    command = d2l_command()
    assert command == f"python -m pip install --no-deps d2l=={D2L}"
    for name in ("README.md", "PACKAGE.md", "pyproject.toml", ".github/workflows/check.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert command in text and set(re.findall(r"d2l (\d[\d.]+\d)", text)) <= {D2L}, name
    for path in (BOOK.chapter / "index.md", *BOOK.notebooks.glob("*.ipynb")):
        assert command in path.read_text(encoding="utf-8"), path.name


def test_messages_name_the_version_of_d2l_that_the_book_is_made_with() -> None:
    assert f"d2l=={D2L}" in make.WITHOUT_DEPENDENCIES


def test_text_names_the_same_command_as_messages() -> None:
    text = (BOOK.chapter / "libraries.md").read_text(encoding="utf-8")
    assert install_command("ray") in text
    syne_tune = {item for item in make.WITHOUT_DEPENDENCIES if item.startswith("syne-tune")}
    assert {f"syne-tune=={version}" for version in re.findall(r"\b0\.\d+\.0\b", text)} == syne_tune


def test_extras_name_extras_that_exist() -> None:
    for items in OPTIONAL.values():
        for item in items:
            if normalised(item.split("[")[0]) == normalised(PACKAGE):
                assert set(re.findall(r"[\w-]+", item.partition("[")[2])) <= {*OPTIONAL}


# -- the package's own imports --------------------------------------------------------------------

def brought(extra: str) -> set[str]:
    """Return the packages that an extra brings, through the extras that it names."""
    found = packages(OPTIONAL[extra]) - {normalised(PACKAGE)}
    for item in OPTIONAL[extra]:
        if normalised(item.split("[")[0]) == normalised(PACKAGE):
            found |= {name for other in re.findall(r"[\w-]+", item.partition("[")[2])
                      for name in brought(other)}
    return found


def guarded(tree: ast.AST, extra: str | None = None) -> Iterator[tuple[str, str | None]]:
    """Yield the module of each import, with the extra of the `with needs(...)` around it."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    if isinstance(tree, ast.With):
        call = tree.items[0].context_expr
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "needs":
            extra = ast.literal_eval(call.args[0])
    if isinstance(tree, ast.Import):
        yield from ((item.name, extra) for item in tree.names)
    elif isinstance(tree, ast.ImportFrom) and tree.level == 0:
        yield tree.module or "", extra
    for child in ast.iter_child_nodes(tree):
        yield from guarded(child, extra)


def unguarded(path: Path) -> list[str]:
    """Return the imports of a module that would fail without a word about the extra."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    training = path.name == "compat.py" or any(
        isinstance(node, ast.ImportFrom) and node.module == "d2l_hpo.training"
        and node.names[0].name == "compat" for node in tree.body)
    found = []
    for module, extra in guarded(tree):
        root = module.split(".")[0]
        if root in sys.stdlib_module_names or root == PACKAGE:
            continue
        sources = {normalised(name) for name in DISTRIBUTIONS.get(root, [root])}
        allowed = CORE | (brought(extra) if extra else set())
        if training:  # `compat` has said what is missing
            allowed |= brought("torch") | {"d2l"}
        if not sources & allowed:
            found.append(module)
    return found


@pytest.mark.parametrize("path", sorted((ROOT / PACKAGE).rglob("*.py")),
                         ids=lambda path: path.relative_to(ROOT / PACKAGE).as_posix())
def test_an_import_beyond_the_core_says_which_extra_brings_it(path: Path) -> None:
    assert unguarded(path) == []


def test_an_import_that_says_nothing_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import numpy, torch\nwith needs('plots', 'x'):\n    import sklearn, PIL\n"
                      "def f():\n    import matplotlib\n", encoding="utf-8")
    assert unguarded(module) == ["torch", "sklearn", "matplotlib"]
