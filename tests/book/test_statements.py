"""Statements that did not hold: shown on the page, listed after a build, an error where CI is set.

And the chapter's own: nothing live is asserted without a margin, no live figure tells its outcome.
"""

from __future__ import annotations

import re

import nbformat
import notebooks
import pytest
from cells import read_notebook
from conftest import SmallBook
from live_cells import OUTCOMES, Section, chapter_sections

import d2l_hpo

CHECKING = """\
from d2l_hpo import glue, holds
holds({first}, "the first $x < 1$ holds")
holds({second}, "the second holds", margin="ten seeds, six standard errors")
glue("after", 1)"""


@pytest.fixture
def build(small_book: SmallBook, monkeypatch: pytest.MonkeyPatch):
    """Return a function that executes a book whose first section checks two statements."""
    monkeypatch.delenv("CI", raising=False)

    def build(first: bool, second: bool) -> nbformat.NotebookNode:
        small_book.section("first", "x = 0", CHECKING.format(first=first, second=second),
                           options=":tags: [remove-cell]\n\n")
        assert notebooks.main(["execute"], small_book.root) == 0
        return nbformat.read(small_book.root / "_build/notebooks/first.ipynb", as_version=4)

    return build


def warnings_of(page: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in page.cells
            if cell.cell_type == "markdown" and cell.source.startswith(":::{warning}")]


def test_what_holds_leaves_no_trace(build, small_book, capsys) -> None:
    page = build(True, True)
    assert not warnings_of(page) and len(page.cells[-1].outputs) == 2  # of glue
    assert notebooks.main(["statements"], small_book.root) == 0
    assert "hold" not in capsys.readouterr().out


def test_what_does_not_hold_stands_on_the_page_behind_its_cell(build) -> None:
    page = build(True, False)
    assert page.cells[-1].source == (
        ":::{warning}\nOn this machine this did not hold: the second holds "
        "(margin: ten seeds, six standard errors)\n:::")
    assert any("after" in str(output) for output in page.cells[-2].outputs)  # the cell went on
    nbformat.validate(page)


def test_each_statement_has_a_note_of_its_own(build) -> None:
    assert [note.split("hold: ")[1][:9] for note in warnings_of(build(False, False))] == [
        "the first", "the secon"]


def test_stored_outputs_bring_the_notes_again(build, capsys) -> None:
    assert build(False, True) == build(False, True)
    assert "stored outputs used" in capsys.readouterr().out


def test_the_list_names_section_and_cell(build, small_book, capsys) -> None:
    build(False, True)
    capsys.readouterr()
    assert notebooks.main(["statements"], small_book.root) == 0
    printed = capsys.readouterr().out
    assert "did not hold on this machine (1)" in printed
    assert "first.md, code cell 2: On this machine this did not hold: the first $x < 1$" in printed


def test_ci_is_strict(build, small_book, monkeypatch) -> None:
    build(True, False)
    monkeypatch.setenv("CI", "true")
    assert notebooks.main(["statements"], small_book.root) == 1
    build(True, True)
    assert notebooks.main(["statements"], small_book.root) == 0


def test_another_exception_still_stops_the_build(small_book, capsys) -> None:
    small_book.section("first", "from d2l_hpo import holds\nholds([] < 1, 'a list')")
    assert notebooks.main(["execute"], small_book.root) == 1
    assert "TypeError" in capsys.readouterr().err


def test_holds_shows_nothing_but_its_note(capsys) -> None:
    """It returns nothing, since a notebook would show the value of a cell's last line."""
    assert d2l_hpo.holds(2 > 1, "two is larger") is None
    assert capsys.readouterr().out == ""
    assert d2l_hpo.holds(1 > 2, "one is larger") is None
    assert capsys.readouterr().out


# -- the chapter ---------------------------------------------------------------------------------

SECTIONS = chapter_sections()


@pytest.fixture(params=SECTIONS, ids=lambda path: path.stem)
def section(request) -> Section:
    return Section(read_notebook(request.param))


def test_cells_check_with_holds_and_never_with_assert(section) -> None:
    assert [cell.number for cell in section.cells if cell.asserts] == []


def test_what_is_checked_stands_in_removed_cells(section) -> None:
    assert [cell.number for cell in section.cells
            if cell.checks and "remove-cell" not in cell.tags] == []


def test_what_live_training_did_is_checked_with_a_margin(section) -> None:
    assert [(cell.number, check) for cell in section.cells for check in cell.checks
            if check.live and not check.margin] == []


def test_live_figures_say_that_they_are_live(section) -> None:
    assert [cell.number for cell in section.cells
            if cell.figure and cell.live != ("live" in cell.tags)] == []


def test_captions_of_live_figures_name_no_outcome(section) -> None:
    told = {cell.number: OUTCOMES.findall(text) for cell in section.cells
            if "live" in cell.tags for text in [cell.figure]}
    assert {number: words for number, words in told.items() if words} == {}


def test_captions_hold_on_dark_pages(section) -> None:
    """There what is black in a figure is light, and the paper is dark."""
    told = {cell.number: re.findall(r"(?i)\b(?:black|white)\b", cell.figure)
            for cell in section.cells if cell.figure}
    assert {number: words for number, words in told.items() if words} == {}


def test_the_chapter_trains_live_somewhere() -> None:
    """Guard: the tests above would pass if nothing were found to be live."""
    live = {path.stem: Section(read_notebook(path)) for path in SECTIONS}
    assert {"hyperopt-intro", "hyperopt-api"} <= {
        name for name, section in live.items() if any(cell.live for cell in section.cells)}
    assert not any(cell.live for cell in live["claims"].cells)  # recordings alone


@pytest.mark.parametrize(("code", "live"), [
    ("x = train_lenet(c, 1)\ny = x.error(d)", True),
    ("def f(c):\n    return train_model(b, d, 3)\ny = f(1)", True),
    ("f = lambda c: hpo_objective_lenet(c)\ny = list(map(f, cs))", True),
    ("for s in (1, 2):\n    a = train_perceptron(c, 1)\n    b[s] = a\ny = b[1]", True),
    ("y = 3\nx = train_lenet(c, 1)", False),
    ("t = HPOTuner(s, hpo_objective_lenet)\nt.run()\ny = t.records", True),
    ("t = HPOTuner(s, lenet)\nt.run()\ny = t.records", False),
])
def test_what_depends_on_training_is_found(code: str, live: bool) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code),
                                           nbformat.v4.new_code_cell("holds(y > 0, 'y')")])
    assert Section(book).cells[1].checks[0].live == live
