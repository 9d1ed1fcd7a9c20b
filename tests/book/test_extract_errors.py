"""The extractor: an error with file, cell, line and reason for every mistake."""

from __future__ import annotations

import pytest
from config import BookError
from conftest import SmallBook
from extract import Extractor

CLASS = '#@save\nclass Model:\n    """A model."""\n\n    def fit(self):\n        return 1'


def failure(book: SmallBook) -> str:
    """Return the extractor's message for a book with a mistake."""
    with pytest.raises(BookError) as caught:
        Extractor(book.config()).run()
    return str(caught.value)


ERRORS = {
    "function defined twice": (
        ["#@save\ndef f():\n    pass", "#@save\ndef f():\n    pass"],
        ["first.md, code cell 2, line 23", "'f' is defined twice", "code cell 1, line 17"]),
    "constant defined twice": (
        ["#@save\nA = 1", "#@save\nA = 2"], ["code cell 2", "'A' is defined twice"]),
    "name defined twice in one cell": (
        ["#@save\nA = 1\nA = 2"], ["code cell 1, line 18", "'A' is defined twice"]),
    "method defined twice": (
        [CLASS, "#@save\n@d2l.add_to_class(Model)\ndef fit(self):\n    pass"],
        ["first.md, code cell 2", "method Model.fit is defined twice"]),
    "class never saved": (
        ["class Other:\n    pass", "#@save\n@d2l.add_to_class(Other)\ndef f(self):\n    pass"],
        ["first.md, code cell 2", "class Other", "no cell up to here saves"]),
    "class named wrongly": (
        [CLASS, "#@save\n@d2l.add_to_class('Model')\ndef f(self):\n    pass"],
        ["code cell 2", "C being the name of a saved class"]),
    "class body on one line": (
        ["#@save\nclass Model: pass", "#@save\n@d2l.add_to_class(Model)\ndef f(self):\n    pass"],
        ["code cell 1", "write the body of class Model on lines of its own"]),
    "name never defined": (
        ["#@save\ndef f():\n    return missing"],
        ["first.md, code cell 1, line 18", "'missing' is neither saved nor imported"]),
    "name defined in an unsaved cell": (
        ["helper = 1", "#@save\ndef f():\n    return helper"], ["code cell 2", "'helper'"]),
    "name in a method": (
        [CLASS, "#@save\n@d2l.add_to_class(Model)\ndef g(self):\n    return missing"],
        ["code cell 2, line 28", "'missing'"]),
    "name that is imported and defined": (
        ["from math import pi", "#@save\npi = 3"], ["code cell 2, line 21", "rename one"]),
    "name in a quoted annotation": (
        ["#@save\ndef f(x: 'Missing | None'):\n    pass"], ["code cell 1", "'Missing'"]),
    "syntax error": (
        ["x = 1", "#@save\ndef f(:\n    pass"],
        ["first.md, code cell 2, line 21", "syntax error", "def f(:"]),
    "syntax error in an unsaved cell": (["x = = 1"], ["first.md, code cell 1", "syntax error"]),
    "magic in a saved cell": (
        ["#@save\n%matplotlib inline\nX = 1"], ["code cell 1", "IPython, not Python"]),
    "unknown module": (["#@save gamma\nX = 1"], ["code cell 1", "'gamma'", "alpha, beta"]),
    "mark not on the first line": (["X = 1\n#@save"], ["code cell 1, line 17", "first line"]),
    "mark misspelt": (["# @save\nX = 1"], ["code cell 1", "first line"]),
    "imports that conflict": (
        ["import numpy as np", "import math as np", "#@save\nX = np.pi"],
        ["code cell 2", "`import math as np`", "`import numpy as np`", "code cell 1"]),
    "import and definition conflict": (
        ["from math import pi", "#@save\npi = 3", "#@save\nX = pi"], ["`from math import pi`"]),
    "star import": (["from math import *"], ["code cell 1", "cannot be traced"]),
    "import of a name that the package lacks": (
        ["from d2l_hpo import Missing", "#@save\nX = Missing"], ["code cell 2", "'Missing'"]),
    "import beside another statement": (
        ["#@save\nimport math; X = math.pi"], ["code cell 1", "a line of its own"]),
    "expression in a saved cell": (
        ["#@save\ndef f():\n    return 1\n\nf()"],
        ["code cell 1, line 20", "whenever it is imported"]),
    "empty cell": (["", "#@save\nX = 1"], ["first.md", "code cell 1 is empty"]),
}


@pytest.mark.parametrize("cells, parts", ERRORS.values(), ids=ERRORS)
def test_mistakes_are_named(small_book: SmallBook, cells: list[str], parts: list[str]) -> None:
    small_book.section("first", *cells)
    message = failure(small_book)
    assert [part for part in parts if part not in message] == [], message


def test_section_without_module_needs_one_in_the_mark(small_book: SmallBook) -> None:
    small_book.section("references", "#@save\nX = 1")
    message = failure(small_book)
    assert "references.md, code cell 1" in message and "#@save module" in message


def test_names_are_unique_in_the_whole_package(small_book: SmallBook) -> None:
    small_book.section("first", "#@save\ndef f():\n    pass")
    small_book.section("second", "#@save\ndef f():\n    pass")
    message = failure(small_book)
    assert message.startswith("second.md, code cell 1") and "first.md" in message


def test_names_of_handwritten_modules_are_taken(small_book: SmallBook) -> None:
    (small_book.package / "space.py").write_text("def f(): pass\n", encoding="utf-8")
    small_book.section("first", "#@save\ndef f():\n    pass")
    assert "d2l_hpo.space" in failure(small_book)


def test_imports_of_two_sections_must_agree(small_book: SmallBook) -> None:
    small_book.section("first", "import numpy as np", "#@save\nX = np.pi")
    small_book.section("second", "import math as np", "#@save alpha\nY = np.pi")
    message = failure(small_book)
    assert message.startswith("second.md, code cell 2") and "conflicts" in message


def test_modules_that_import_each_other_are_refused(small_book: SmallBook) -> None:
    small_book.section("first", "#@save\ndef f():\n    return g", "#@save beta\ndef g():\n"
                       "    return f")
    assert "alpha and beta import each other" in failure(small_book)
