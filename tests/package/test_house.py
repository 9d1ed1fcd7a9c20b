"""The house: folders on floors, arrows that go down only, no circle, and a tuner of one page."""
import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import d2l_hpo

PACKAGE = Path(d2l_hpo.__file__).parent
FLOORS = [{"tools"}, {"spaces", "measures", "training"}, {"figures", "searchers"}, {"schedulers"},
          {"tuning", "simulation"}, {"clusters", "estimators", "pages"}]
"""From the ground up; those on one floor do not know each other."""


class Arrow(NamedTuple):
    """An import of the package, from a module to a module; one for types only does not run."""

    source: str
    target: str
    for_types: bool


def module_name(path: Path) -> str:
    """Return the dotted name of a file, without the package's."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {module_name(path): path for path in PACKAGE.glob("*/*.py")
           if path.stem != "__init__"}


def arrows(name: str, node: ast.AST, for_types: bool = False) -> Iterator[Arrow]:
    """Yield the imports in a part of a module, also those inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and (child.module or "").startswith("d2l_hpo."):
            target = child.module.removeprefix("d2l_hpo.")
            for item in child.names:
                whole = f"{target}.{item.name}"
                yield Arrow(name, whole if whole in MODULES else target, for_types)
        is_typed = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        yield from arrows(name, child, for_types or is_typed)


ARROWS = [arrow for name, path in MODULES.items()
          for arrow in arrows(name, ast.parse(path.read_text(encoding="utf-8")))]


def test_every_folder_has_a_floor():
    assert set.union(*FLOORS) == {path.parent.name for path in MODULES.values()}
    assert sum(map(len, FLOORS)) == len(set.union(*FLOORS))


def test_arrows_go_down():
    floor = {folder: number for number, folders in enumerate(FLOORS) for folder in folders}
    between = {(arrow.source, arrow.target) for arrow in ARROWS
               if arrow.source.split(".")[0] != arrow.target.split(".")[0]}
    assert len(between) > 100
    assert not sorted((source, target) for source, target in between
                      if floor[source.split(".")[0]] <= floor[target.split(".")[0]])


def test_there_is_no_circle():
    graph = {name: {arrow.target for arrow in ARROWS
                    if arrow.source == name and not arrow.for_types} for name in MODULES}
    assert [*TopologicalSorter(graph).static_order()]  # CycleError names the circle


def test_modules_import_names_from_modules_and_not_from_folders():
    """An import from a folder would load its stub first, and hide a circle."""
    assert not [arrow for arrow in ARROWS if "." not in arrow.target]


def test_the_tuner_is_a_class_of_one_page():
    [tuner] = [node for node in ast.parse(MODULES["tuning.tuner"].read_text(encoding="utf-8")).body
               if isinstance(node, ast.ClassDef)]
    methods = [node for node in tuner.body if isinstance(node, ast.FunctionDef)]
    docstrings = [node.body[0] for node in [tuner, *methods] if ast.get_docstring(node)]
    lines = tuner.end_lineno - tuner.lineno - sum(  # of code; what the reference says is apart
        docstring.end_lineno - docstring.lineno + 1 for docstring in docstrings)
    assert (tuner.name, ast.get_docstring(tuner) is not None) == ("HPOTuner", True)
    assert lines <= 200 and len(methods) <= 20


@pytest.mark.parametrize("source", ["searchers", "schedulers", "simulation", "tools"])
def test_nobody_below_knows_the_engine(source):
    assert not [arrow for arrow in ARROWS if arrow.source.startswith(f"{source}.")
                and arrow.target.startswith("tuning.")]
