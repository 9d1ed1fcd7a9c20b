"""Sources that an editor on Windows has saved: a mark in front, CRLF at line ends."""

from __future__ import annotations

import ast
from codecs import BOM_UTF8
from pathlib import Path

import extract
import pytest
from cells import read_cells, read_notebook
from check_types import readme_example
from conftest import SmallBook
from guide import _read
from questions import section_questions

ROOT = Path(__file__).resolve().parents[2]
GENERATED = {"files.py", "lint.py", "make.py", "execution.py", "_ext/accessible.py",
             "_ext/linked_drawings.py", "_ext/dark_figures.py"}
"""Tools that read, beside what has a mark in front, text which the book's tools have written."""


def edit(path: Path) -> None:
    """Save a file as such an editor does."""
    path.write_bytes(BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))


def edited(book: SmallBook) -> SmallBook:
    """Let such an editor have saved all that was written by hand."""
    for path in book.root.rglob("*"):
        if path.suffix in (".md", ".ini", ".toml", ".txt", ".bib", ".py"):
            edit(path)
    return book


@pytest.fixture
def book(small_book: SmallBook) -> SmallBook:
    """A book with saved cells, a hand-written module and an addition to a docstring."""
    (small_book.package / "space.py").write_text("def sample(): pass\n", encoding="utf-8")
    small_book.section("first", "from d2l_hpo import sample",
                       '#@save\ndef f():\n    """Draw.\n\n    Once.\n    """\n    return sample()')
    (small_book.root / "reference").mkdir()
    (small_book.root / "reference" / "first.md").write_text("## f\n\nIt is `ü`.\n",
                                                            encoding="utf-8")
    return small_book


def test_the_modules_are_the_same(book: SmallBook) -> None:
    assert extract.main([], book.root) == 0
    module = book.package / "alpha.py"
    before = module.read_bytes()
    assert extract.main(["--check"], edited(book).root) == 1  # the mark in the generated module
    assert extract.main([], book.root) == 0
    assert module.read_bytes() == before and "It is `ü`." in before.decode()
    assert extract.main(["--check"], book.root) == 0
    assert book.config().release == "1.2.3"


def test_a_section_is_the_same(book: SmallBook) -> None:
    path = book.chapter / "first.md"
    cells, notebook = read_cells(path), read_notebook(path)
    edit(path)
    assert read_cells(path) == cells
    again = read_notebook(path)
    assert again.metadata == notebook.metadata
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]


def test_questions_recipes_and_the_example_are_the_same(book: SmallBook) -> None:
    section = book.chapter / "first.md"
    section.write_bytes((ROOT / "chapter_hyperparameter_optimization/rs-intro.md").read_bytes())
    questions = section_questions(section)
    recipe, readme = book.root / "guide" / "when-not.md", book.root / "README.md"
    recipe.parent.mkdir()
    readme.write_bytes((ROOT / "README.md").read_bytes())
    recipe.write_bytes((ROOT / "guide" / "when-not.md").read_bytes())
    example = readme_example(book.root)
    for path in (section, recipe, readme):
        edit(path)
    assert questions and section_questions(section) == questions
    assert readme_example(book.root) == example
    assert _read("when-not", recipe, []).title


def test_every_source_is_read_in_one_way() -> None:
    found = set()
    for path in sorted((ROOT / "book").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".read_text")
                    and 'utf-8-sig' not in ast.unparse(node)):
                found.add(path.relative_to(ROOT / "book").as_posix())
    assert found <= GENERATED
