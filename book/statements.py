"""Statements of the text that did not hold when the notebooks were executed (`d2l_hpo.holds`)."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
from execution import code_cells
from nbformat import NotebookNode


def notes_of(cell: NotebookNode) -> list[str]:
    """Return what a cell reported, in order."""
    return [output.metadata["d2l_hpo"]["failed"] for output in cell.get("outputs", [])
            if "failed" in output.get("metadata", {}).get("d2l_hpo", {})]


def failed_statements(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """Yield the number of a code cell, counted from 1, and each note that it reported."""
    for number, cell in enumerate(code_cells(notebook), 1):
        yield from ((number, note) for note in notes_of(cell))


def with_notes(notebook: NotebookNode) -> NotebookNode:
    """Show what a cell reported behind it: cells that check are removed from the pages."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        cells += [nbformat.v4.new_markdown_cell(f":::{{warning}}\n{note}\n:::")
                  for note in notes_of(cell)]
    notebook.cells = cells
    return notebook
