"""Sentences with results: names until the cells run, numbers afterwards."""

from __future__ import annotations

import nbformat
import notebooks
import pytest
from conftest import SmallBook
from nbclient import NotebookClient
from sentences import cells_of

TEXT = """\
Nothing is quoted here, `not_a_result` is code.

The error is `best`.

* one
* `worst`

* three

<details>

Inside `best`

</details>

Done."""


def test_only_blocks_that_quote_results_become_cells() -> None:
    cells = cells_of(TEXT, {"best", "worst"})
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "markdown"]
    assert cells[0].source == "Nothing is quoted here, `not_a_result` is code."
    assert cells[2].source == "Done."
    [output] = cells[1].outputs
    assert output.data["text/markdown"] == TEXT.split("\n\n", 1)[1].removesuffix("\n\nDone.")
    assert cells[1].metadata.jupyter.source_hidden


def test_text_without_results_stays_one_cell() -> None:
    [cell] = cells_of(TEXT, set())
    assert (cell.cell_type, cell.source) == ("markdown", TEXT)


@pytest.mark.parametrize("text", ['a `best` with """quotes"""', r"$\alpha$ \n `best`"])
def test_any_text_survives_as_source(text: str) -> None:
    [cell] = cells_of(text, {"best"})
    told: list[str] = []
    exec(cell.source.replace("from d2l_hpo import tell", ""), {"tell": told.append})
    assert told == [f"\n{text}\n"]


def test_numbers_stand_in_the_sentences_after_a_run(small_book: SmallBook) -> None:
    small_book.section("first", 'from d2l_hpo import glue\nglue("best_error", 0.25)',
                       text="It begins.\n\nThe error is {glue:text}`best_error`, and `x` is code.")
    section = small_book.chapter / "first.md"
    lines = section.read_text(encoding="utf-8")
    place = lines.index("The error is")
    paragraph = lines[place:lines.index("\n", place) + 1]
    section.write_text(lines.replace(paragraph, "") + "\n" + paragraph, encoding="utf-8")
    assert notebooks.main(["sync"], small_book.root) == 0
    notebook = nbformat.read(small_book.root / "notebooks" / "first.ipynb", as_version=4)
    shown = notebook.cells[-1].outputs[0].data["text/markdown"]
    assert shown == "The error is `best_error`, and `x` is code."
    NotebookClient(notebook).execute()
    shown = notebook.cells[-1].outputs[0].data["text/markdown"]
    assert shown == "The error is 0.25, and `x` is code."
