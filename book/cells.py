"""Read the code cells of a section, each with its number and its line in the file."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from config import BookError, errors_of
from files import read_source
from IPython.core.inputtransformer2 import TransformerManager
from myst import Fence, parse_blocks

if TYPE_CHECKING:
    from nbformat import NotebookNode

SAVE = re.compile(r"#@save(?:[ \t]+(?P<module>\w+))?[ \t]*$")
SAVE_LIKE = re.compile(r"^\s*#\s*@save", re.MULTILINE | re.IGNORECASE)


def read_notebook(path: Path) -> NotebookNode:
    """Return the MyST Markdown file `path` as a notebook without outputs."""
    import jupytext  # here, since it takes seconds and the extractor does without

    return jupytext.reads(read_source(path), fmt="md:myst")


@dataclass(frozen=True)
class Cell:
    """One code cell of a section."""

    path: Path
    number: int
    """Counted from 1 among the section's code cells."""
    line: int
    """Line of the file where the cell's source starts."""
    source: str

    def error(self, reason: str, line: int = 1) -> BookError:
        """Return the error for `reason` at `line` (from 1) of this cell."""
        return BookError(f"{self.where(line)}: {reason}")

    def where(self, line: int = 1) -> str:
        """Return file, cell number and line in the file, to be shown in a message."""
        return f"{self.path.name}, code cell {self.number}, line {self.line + line - 1}"

    @property
    def section(self) -> str:
        """Name of the section that the cell stands in."""
        return self.path.stem

    @property
    def saved(self) -> bool:
        """Whether the cell's first line is `#@save` or `#@save module`."""
        return self._save_mark is not None

    @property
    def module(self) -> str | None:
        """The module that the cell's `#@save` names, if it names one."""
        return self._save_mark and self._save_mark["module"]

    @cached_property
    def _save_mark(self) -> re.Match[str] | None:
        first = self.source.split("\n", 1)[0]
        mark = SAVE.match(first)
        stray = SAVE_LIKE.search(self.source, len(first) if mark else 0)
        if stray:
            line = self.source.count("\n", 0, stray.end()) + 1
            raise self.error("`#@save` or `#@save module` must be the whole first line", line)
        return mark

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed cell; a saved cell must be plain Python, another may hold magics."""
        flags = ast.PyCF_ONLY_AST
        source = self.source
        if not self.saved:
            flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            source = TransformerManager().transform_cell(source)
        try:
            return compile(source, self.path.name, "exec", flags, dont_inherit=True)
        except SyntaxError as error:
            raise self.error(self._explain(error), error.lineno or 1) from error

    def _explain(self, error: SyntaxError) -> str:
        lines = self.source.split("\n")
        text = lines[error.lineno - 1] if 0 < (error.lineno or 0) <= len(lines) else ""
        if self.saved and text.lstrip().startswith(("%", "!")):
            return (f"syntax error: {text.strip()!r} is IPython, not Python; a saved cell becomes "
                    "part of a module, so move this line to a cell without `#@save`")
        return f"syntax error: {error.msg}: {text.strip()!r}"


def read_cells(path: Path) -> list[Cell]:
    """Return the code cells of the section at `path`, in order."""
    with errors_of(path):
        blocks = [block for block in parse_blocks(read_source(path))
                  if isinstance(block, Fence) and block.name == "code-cell"]
    for number, block in enumerate(blocks, 1):
        if not block.body.strip():
            raise BookError(f"{path.name}: code cell {number} is empty; remove it")
    return [Cell(path, number, block.body_line, block.body)
            for number, block in enumerate(blocks, 1)]
