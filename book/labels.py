"""What the labels and citation keys of the chapter stand for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cells import read_notebook
from config import BookError
from myst import Fence, Text, walk
from nbformat import NotebookNode
from pybtex.database import Entry, parse_file
from pybtex.plugin import find_plugin
from pybtex.richtext import Text as RichText
from pybtex.style.template import FieldIsMissing

TARGET = re.compile(r"^\((?P<label>[^()\s]+)\)=[ \t]*$", re.MULTILINE)
HEADING = re.compile(r"^#+[ \t]+(?P<title>.+?)[ \t]*$", re.MULTILINE)
MATH = re.compile(r"\$\$(?P<math>.+?)\$\$(?:[ \t]*\((?P<label>[^()\s]+)\))?", re.DOTALL)
NUMBERED = {"figure": "Figure", "table": "Table", "list-table": "Table", "exercise": "Exercise",
            "exercise-start": "Exercise", "math": "Equation"}


@dataclass(frozen=True)
class Target:
    """What a label marks: its kind ("Figure", "Section" ...), number, title and file."""

    kind: str
    number: int
    title: str
    path: Path


class Labels:
    """The targets of all sections; figures, tables, equations, exercises count per section."""

    def __init__(self, paths: list[Path]) -> None:
        self.targets: dict[str, Target] = {}
        self.titles: dict[str, str] = {}
        self.is_notebook: dict[str, bool] = {}
        for path in paths:
            notebook = read_notebook(path)
            self.is_notebook[path.stem] = any(c.cell_type == "code" for c in notebook.cells)
            self._read(notebook, path)

    def __getitem__(self, label: str) -> Target:
        return self.targets[label]

    def __contains__(self, label: str) -> bool:
        return label in self.targets

    def _read(self, notebook: NotebookNode, path: Path) -> None:
        counts: Counter[str] = Counter()
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                for block in walk(cell.source):
                    if isinstance(block, Text):
                        self._read_text(block.text, path, counts)
                    else:
                        self._read_directive(block, path, counts)
            else:
                figure = cell.metadata.get("mystnb", {}).get("figure", {})
                if figure:
                    self._add(figure.get("name"), "Figure", path, counts)

    def _read_text(self, text: str, path: Path, counts: Counter[str]) -> None:
        for heading in HEADING.finditer(text):
            self.titles.setdefault(path.stem, heading["title"])
        for mark in TARGET.finditer(text):
            heading = HEADING.match(text[mark.end():].lstrip())
            title = heading["title"] if heading else self.titles.get(path.stem, path.stem)
            self._add(mark["label"], "Section", path, counts, title)
        for equation in MATH.finditer(text):
            if equation["label"]:
                self._add(equation["label"], "Equation", path, counts)

    def _read_directive(self, block: Fence, path: Path, counts: Counter[str]) -> None:
        kind = NUMBERED.get(block.name)
        if block.name.startswith("prf:"):
            kind = block.name.removeprefix("prf:").capitalize()
        label = block.options.get("label") or block.options.get("name")
        if kind and (kind != "Equation" or label):
            self._add(label, kind, path, counts, block.argument)
        elif label and block.name.startswith("solution"):
            self._add(label, "Solution", path, counts)

    def _add(self, label: str | None, kind: str, path: Path, counts: Counter[str],
             title: str = "") -> None:
        counts[kind] += 1
        key = label or f"{path.stem}:{kind}:{counts[kind]}"
        if key in self.targets:
            raise BookError(f"{path.name}: label {key!r} is used twice; "
                            f"first in {self.targets[key].path.name}")
        self.targets[key] = Target(kind, counts[kind], title, path)


class Citations:
    """Author and year of the entries of a BibTeX file."""

    def __init__(self, bibliography: Path) -> None:
        self.name = bibliography.name
        exists = bibliography.is_file()
        self.entries = parse_file(bibliography, "bibtex").entries if exists else {}

    def author_year(self, key: str) -> tuple[str, str]:
        """Return, for example, `("Snoek et al.", "2012")`; BookError for an unknown key."""
        if key not in self.entries:
            raise BookError(f"{self.name} has no entry {key!r}")
        entry = self.entries[key]
        names = [_family_name(person) for person in _people(entry)]
        author = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        return author, entry.fields.get("year", "n.d.")

    def references(self, keys: set[str]) -> str:
        """Return the entries of `keys` as a Markdown list, sorted by author."""
        style = find_plugin("pybtex.style.formatting", "plain")()
        backend = find_plugin("pybtex.backends", "markdown")("utf-8")
        entries = [self.entries[key] for key in sorted(keys)]
        try:
            formatted = list(style.format_entries(entries))
        except FieldIsMissing as error:
            raise BookError(f"{self.name}: {error}") from error
        lines = [" ".join(entry.text.render(backend).split()) for entry in formatted]
        return "\n".join(f"- {line}" for line in lines)


def _people(entry: Entry) -> list:
    people = entry.persons.get("author") or entry.persons.get("editor")
    if not people:
        raise BookError(f"lib.bib: entry {entry.key!r} has neither author nor editor")
    return people


def _family_name(person: object) -> str:
    return str(RichText.from_latex(" ".join([*person.prelast_names, *person.last_names])))
