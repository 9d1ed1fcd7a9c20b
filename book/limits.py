"""Count what a section asks of its reader, and say where it is more than the limits allow.

    python book/limits.py [SECTION ...]     print a table of the sections; exit 1 if one is too long

Counted is what a notebook shows before the exercises: text cells, and code cells that are neither
removed nor folded. Words are those of prose and of visible code, between spaces. The figure of a
folded cell is seen, so it counts as a figure. Of questions only their number counts.
"""

from __future__ import annotations

import re
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from cells import read_notebook
from config import ROOT, load_config
from myst import Fence, parse_blocks
from nbformat import NotebookNode
from questions import section_questions, without_questions

APPENDIX = {"index", "quickstart", "claims", "statistics", "gaussians", "checkpoints", "surrogates",
            "hypergradients", "folds", "yard", "cheatsheet", "glossary", "notation", "references"}
HIDDEN = {"remove-cell", "remove-input", "hide-input", "hide-cell"}
END = re.compile(r"^## (Exercises|Solutions)", re.MULTILINE)


@dataclass(frozen=True)
class Counts:
    """What stands in a section before its exercises."""

    cells: int
    code_cells: int
    words: int
    words_a_line: float
    """Words of prose a line of visible code."""
    first_figure: int
    """The number of the cell with the first figure, from 1."""
    lines_in_a_row: int
    """Visible code lines without a paragraph, a figure or an output between them."""
    questions: int


LIMITS = Counts(35, 22, 3000, 10, 6, 25, 8)


def visible(cell: NotebookNode) -> bool:
    """Whether a notebook shows the cell's source unfolded."""
    return cell.cell_type == "markdown" or not HIDDEN & set(cell.metadata.get("tags", []))


def before_exercises(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells up to the heading of the exercises, the last one cut there."""
    kept = []
    for cell in notebook.cells:
        end = END.search(cell.source) if cell.cell_type == "markdown" else None
        if end is None:
            kept.append(cell)
            continue
        cell.source = cell.source[:end.start()]
        return [*kept, cell] if cell.source.strip() else kept
    return kept


def prose(source: str) -> str:
    """Return the text without the directives' own lines; captions and tables are read, too.

    Those of an explorable are not, as those of a figure that a cell draws.
    """
    texts = []
    for block in parse_blocks(source):
        if not isinstance(block, Fence):
            texts.append(block)
        elif block.name not in ("bibliography", "toctree", "explorable"):
            texts.append(block.body)
    return "\n".join(texts)


def has_figure(cell: NotebookNode) -> bool:
    """Whether the cell draws or shows a figure."""
    if cell.cell_type == "markdown":
        return "{figure}" in cell.source or "{explorable}" in cell.source
    return "figure" in cell.metadata.get("mystnb", {})


def code_lines(source: str) -> int:
    """Return the number of lines that are not blank."""
    return sum(bool(line.strip()) for line in source.splitlines())


def shows_something(cell: NotebookNode) -> bool:
    """Whether the code cell ends with an expression, prints, or draws."""
    last = cell.source.rstrip().splitlines()[-1]
    return has_figure(cell) or "print(" in cell.source or not re.match(
        r"\s|def |class |import |from |[\w., \[\]\"']+ = |@|\)|for |with |if |assert ", last)


def without_their_questions(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Take the questions out of the text cells, and leave out the cells that hold nothing else."""
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = without_questions(cell.source)
    return [cell for cell in cells if cell.source.strip()]


def count(path: Path) -> Counts:
    """Return the counts of the section at `path`."""
    cells = without_their_questions(before_exercises(read_notebook(path)))
    shown = [cell for cell in cells if visible(cell)]
    code = [cell for cell in shown if cell.cell_type == "code"]
    text = " ".join(prose(cell.source) for cell in shown if cell.cell_type == "markdown")
    lines = sum(code_lines(cell.source) for cell in code)
    words = len(text.split()) + sum(len(cell.source.split()) for cell in code)
    figures = [1 + sum(map(visible, cells[:place])) for place, cell in enumerate(cells)
               if has_figure(cell) and "remove-cell" not in cell.metadata.get("tags", [])]
    row = longest = 0
    for cell in shown:
        row = row + code_lines(cell.source) if cell.cell_type == "code" else 0
        longest = max(longest, row)
        if cell.cell_type == "code" and shows_something(cell):
            row = 0
    return Counts(len(shown), len(code), words, round(len(text.split()) / max(lines, 1), 1),
                  figures[0] if figures else len(shown) + 1, longest,
                  len(section_questions(path)))


def too_much(counts: Counts) -> list[str]:
    """Return the names of the counts that are beyond their limits."""
    return [field.name for field in fields(Counts)
            if (getattr(counts, field.name) < LIMITS.words_a_line if field.name == "words_a_line"
                else getattr(counts, field.name) > getattr(LIMITS, field.name))]


def main(names: list[str]) -> int:
    """Run the command line; return the exit status."""
    config = load_config(ROOT)
    status = 0
    print(f"{'section':22}", *(f"{field.name:>14}" for field in fields(Counts)))
    for section in names or config.sections:
        counts = count(config.chapter / f"{section}.md")
        over = [] if section in APPENDIX else too_much(counts)
        status |= bool(over)
        print(f"{section:22}", *(f"{value:>14}" for value in astuple(counts)),
              "  too much: " + ", ".join(over) if over else "")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
